"""A conversation through a chat template, so that its words arrive; what the helper process answers."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from desktop.core.words import tr
from desktop.engine.api import ChatMessage
from desktop.engine.tools.continuing import continued
from desktop.engine.tools.refusal_words import refusal_words
from desktop.engine.tools.shaping import Said, arrived, formed, turns_of, with_system_moved
from desktop.engine.tools.template import HOSTILE, Template, TemplateRaisedError, TooLongError
from desktop.engine.tools.template_probe import Traits, traits
from desktop.engine.tools.template_records import RenderRequest, RenderResult
from desktop.engine.tools.typed_text import marked

_SYSTEM_MOVED = "This model takes no system prompt; it was placed before your first message."


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
        said = f"The model's chat template refused the conversation: {error}"
        return RenderResult(error=said, plain=refusal_words(str(error)), harmless=True)
    except TooLongError as error:
        return RenderResult(error=f"The model's chat template has no end: {error}")
    except MemoryError:
        return RenderResult(error="The model's chat template needs more memory than it is allowed.")
    except Exception as error:  # noqa: BLE001  # a stranger's template may raise anything
        words = f"The model's chat template failed: {type(error).__name__}: {error}"
        plain = "The model's chat template has a mistake in it and cannot be used for this conversation."
        return RenderResult(error=words, plain=plain, harmless=not isinstance(error, HOSTILE))


def _rendered(request: RenderRequest) -> RenderResult:
    template = Template(request.template, request.bos, request.eos, request.variables)
    found = traits(request.template, request.bos, request.eos)
    said = list(marked(request.messages, request.mark_key, request.names) if request.mark_key else request.messages)
    begun = said.pop() if request.continues and _has_words(said[-1]) else None
    turns = turns_of(said)
    moved = with_system_moved(turns)

    def result(turns: Sequence[Said], *notes: str) -> RenderResult:
        given = formed(turns, found)
        text = template.text(given, opens_answer=request.add_generation_prompt or begun is not None)
        opened = found.answer.opened_by(text)
        if begun is not None:
            text = continued(text, begun, found.answer)
        _check(text, turns, found)
        return RenderResult(text, notes=notes, messages=tuple(given), begun=begun, opened=opened, form=found.answer)

    if moved is None:
        return result(turns)
    if found.system != "lost":
        with contextlib.suppress(_WordsLostError, TemplateRaisedError):
            return result(turns)
    return result(moved, _SYSTEM_MOVED)


def _has_words(message: ChatMessage) -> bool:
    return message.role == "assistant" and bool(message.content.strip() or message.reasoning.strip())


def _check(text: str, turns: Sequence[Said], found: Traits) -> None:
    """Raises _WordsLostError when what the user, the system or an earlier answer said is not in the prompt."""
    if not arrived(text, [said for said in turns if said.role == "user"]):
        raise _WordsLostError(tr("what you write"), text)
    if not all(arrived(text, [said]) for said in turns if said.role == "system"):
        raise _WordsLostError(tr("the system prompt"), text)
    if found.assistant == "lost" and any(said.role == "assistant" for said in turns):
        raise _WordsLostError(tr("earlier answers"), text)  # their text alone says nothing: templates rewrite answers
