"""A conversation through a chat template, so that its words arrive; what the helper process answers."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence

import msgspec

from desktop.engine.api import ChatMessage
from desktop.engine.tools.shaping import Said, arrived, formed, turns_of, with_system_moved
from desktop.engine.tools.template import HOSTILE, Template, TemplateRaisedError, TooLongError
from desktop.engine.tools.template_probe import Traits, traits, turn

THINK = "<think>"
_SYSTEM_MOVED = "This model takes no system prompt; it was placed before your first message."
_MARK = "Quarrenthwaite"  # stands for the answer to continue; templates trim and rewrite answers, not this
_REASONING = re.compile(r"\s*[<\[|]+/?[\w:]*think", re.IGNORECASE)  # <think>, [THINK], <mm:think>, <|START_THINKING|>


class RenderRequest(msgspec.Struct, frozen=True):
    """A template and what it is given; ``bos`` and ``eos`` are the texts of the vocabulary's tokens.

    ``continues``: the last message is an answer to go on with, so the prompt ends with its text.
    """

    template: str
    messages: tuple[ChatMessage, ...]
    bos: str
    eos: str
    add_generation_prompt: bool = True
    continues: bool = False


class RenderResult(msgspec.Struct, frozen=True):
    """The prompt, or ``error`` in words; ``notes`` are sentences the chat should show.

    With an error ``text`` is empty, or what the template made without all the words, for whoever looks into it.
    ``harmless``: the error is a refusal or a mistake of the template's and no attack, so another may stand in for it.
    """

    text: str = ""
    error: str = ""
    notes: tuple[str, ...] = ()
    harmless: bool = False


class _WordsLostError(Exception):
    """The template rendered ``text``, and what was said is not in it."""

    def __init__(self, lost: str, text: str) -> None:
        super().__init__(lost)
        self.text = text


def render(request: RenderRequest) -> RenderResult:
    """Render one conversation; where a system prompt does not arrive, it is given inside the first user message."""
    try:
        return _rendered(request)
    except _WordsLostError as error:
        return RenderResult(error.text, f"The model's chat template leaves out {error}.", harmless=True)
    except TemplateRaisedError as error:
        return RenderResult(error=f"The model's chat template refused the conversation: {error}", harmless=True)
    except TooLongError as error:
        return RenderResult(error=f"The model's chat template has no end: {error}")
    except MemoryError:
        return RenderResult(error="The model's chat template needs more memory than it is allowed.")
    except Exception as error:  # noqa: BLE001  # a stranger's template may raise anything
        words = f"The model's chat template failed: {type(error).__name__}: {error}"
        return RenderResult(error=words, harmless=not isinstance(error, HOSTILE))


def _rendered(request: RenderRequest) -> RenderResult:
    template = Template(request.template, request.bos, request.eos)
    found = traits(request.template, request.bos, request.eos)
    said, continued = request.messages, ""
    if request.continues and said[-1].role == "assistant" and (begun := _as_written(said[-1])).strip():
        said, continued = said[:-1], begun
    turns = turns_of(said)
    moved = with_system_moved(turns)

    def prompt(turns: Sequence[Said]) -> str:
        if continued:
            text = _continued(template, found, turns, continued)
        else:
            text = template.text(formed(turns, found), opens_answer=request.add_generation_prompt)
        _check(text, turns, found)
        return text

    if moved is None:
        return RenderResult(prompt(turns))
    if found.system != "lost":
        with contextlib.suppress(_WordsLostError, TemplateRaisedError):
            return RenderResult(prompt(turns))
    return RenderResult(prompt(moved), notes=(_SYSTEM_MOVED,))


def _as_written(answer: ChatMessage) -> str:
    """An answer with the reasoning before it, between the tags that most models write."""
    if not answer.reasoning:
        return answer.content
    begun = f"{THINK}\n{answer.reasoning}"
    return f"{begun.rstrip()}\n</think>\n\n{answer.content}" if answer.content else begun


def _check(text: str, turns: Sequence[Said], found: Traits) -> None:
    """Raises _WordsLostError when what the user, the system or an earlier answer said is not in the prompt."""
    if not arrived(text, [said for said in turns if said.role == "user"]):
        raise _WordsLostError("what you write", text)
    if not all(arrived(text, [said]) for said in turns if said.role == "system"):
        raise _WordsLostError("the system prompt", text)
    if found.assistant == "lost" and any(said.role == "assistant" for said in turns):
        raise _WordsLostError("earlier answers", text)  # their text alone says nothing: templates rewrite answers


def _continued(template: Template, found: Traits, turns: Sequence[Said], answer: str) -> str:
    """The prompt that ends with ``answer``.

    The model wrote it after the answer's opening, so that is what it is put behind. Where the template writes more
    before an answer (a channel, reasoning closed at once) and this answer does not begin with reasoning, that is
    written too: its control tokens are not part of an answer's text.
    """
    given = formed(turns, found)
    opening = template.text(given, opens_answer=True)
    opens_reasoning = opening.rstrip().endswith(THINK)
    if _REASONING.match(answer):
        return opening + (answer.lstrip().removeprefix(THINK).lstrip() if opens_reasoning else answer)
    before = _before_answer(template, [*given, turn("assistant", _MARK, found.assistant)])
    begun = opening.rstrip()
    if opens_reasoning:
        return (before or opening) + answer
    more = before[len(begun) :].strip() if before.startswith(begun) else ""
    return (before if more and not answer.lstrip().startswith(more) else opening) + answer


def _before_answer(template: Template, given: list[dict[str, object]]) -> str:
    """What the template writes before an answer it is given; empty when it does not show the answer."""
    try:
        return template.text(given, opens_answer=False).rpartition(_MARK)[0]
    except HOSTILE:
        raise
    except Exception:  # noqa: BLE001  # a stranger's template may raise anything
        return ""
