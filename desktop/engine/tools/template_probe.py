"""What a chat template does with each role's words, found out by asking it with words nobody else uses.

Templates want their content as text or as typed parts, take a system role, refuse it or leave it out, and few say so:
llama.cpp finds it out in the same way (common/chat.cpp and minja's capabilities).
"""

from __future__ import annotations

import functools
import re
import time
from dataclasses import dataclass
from typing import Literal

from desktop.engine.endpoint.reasoning import PLAIN_FORM, AnswerForm, tags_of
from desktop.engine.tools.template import HOSTILE, Template, Turn

PROBE_SECONDS = 1.0  # a template that is slower is not asked further; the rendering has its own deadline
_KEPT_TEMPLATES = 8
_SYSTEM, _FIRST, _ANSWER, _SECOND, _THOUGHT = "Quillonby", "Trestlewick", "Marrowfen", "Obsterlane", "Fennigarth"
# a tag around reasoning, which stands before an answer with or without a form; and a tag that was cut in its middle
_REASONING = re.compile(r"[<\[◁][^<>\[\]◁▷]*think[^<>\[\]◁▷]*[>\]▷]", re.IGNORECASE)
_OPENS = re.compile(r"[<\[◁][^<>\[\]◁▷/]*think[^<>\[\]◁▷]*[>\]▷]\s*\Z", re.IGNORECASE)
_PASSAGE = re.compile(rf"(?:{_REASONING.pattern}\s*)+\Z", re.IGNORECASE)  # opened, or opened and closed
_CUT_TAG = re.compile(r"<[^<>]*\Z")
_FIRST_TAG = re.compile(r"<[^<>]+>")
_REASONING_FIELD = "reasoning_content"  # as DeepSeek's interface named it, and most templates since

Form = Literal["text", "parts", "lost"]  # how a role's words have to be given to arrive; "lost": they do not


@dataclass(frozen=True)
class Traits:
    """The form that each role's words need with one template; whether it takes earlier reasoning by itself; how its
    model writes an answer.
    """

    user: Form = "text"
    system: Form = "text"
    assistant: Form = "text"
    asks_reasoning: bool = False
    answer: AnswerForm = PLAIN_FORM


def turn(role: str, content: str, form: Form) -> Turn:
    """A message as a template wants it."""
    return {"role": role, "content": [{"type": "text", "text": content}] if form == "parts" else content}


@functools.lru_cache(_KEPT_TEMPLATES)
def traits(source: str, bos: str, eos: str) -> Traits:
    """Ask the template; raises what :data:`HOSTILE` names and jinja2.TemplateSyntaxError."""
    template = Template(source, bos, eos)
    end = time.monotonic() + PROBE_SECONDS

    def form(role: str, before: list[Turn], word: str, after: list[Turn], last: str) -> Form:
        for tried in ("text", "parts"):
            if time.monotonic() > end:
                return "text"
            if _says(template, [*before, turn(role, word, tried), *after], (word, last)):
                return tried
        return "lost"

    user = form("user", [], _FIRST, [], "")
    if user == "lost":
        return Traits(user)
    first, second = turn("user", _FIRST, user), turn("user", _SECOND, user)
    assistant = form("assistant", [first], _ANSWER, [second], _SECOND)
    return Traits(
        user,
        form("system", [], _SYSTEM, [first], _FIRST),
        assistant,
        _REASONING_FIELD in source,
        _answer_form(source, template, first, turn("assistant", _ANSWER, assistant)),
    )


def _answer_form(source: str, template: Template, question: Turn, answer: Turn) -> AnswerForm:
    """How the model writes an answer: as the template writes one with reasoning, else by the tags it mentions."""
    begins, ends = _around_answer(template, question, answer)
    opened = _written(template, [question], opens_answer=True)
    tags = tags_of(source, begins, opened + _written(template, [question, answer], opens_answer=False))
    opens, closes = tags or (PLAIN_FORM.opens, PLAIN_FORM.closes + begins)
    thinks = _written(template, [question, answer | {_REASONING_FIELD: _THOUGHT}], opens_answer=False)
    before, _, rest = thinks.partition(_THOUGHT)
    between, found, _ = rest.partition(_ANSWER)
    if found and between.strip():
        closes = between
        written = before[len(_CUT_TAG.sub("", _common_start(opened, before))) :]
        shown = _OPENS.search(before)
        if tags is None and not written.strip() and not _REASONING.search(thinks):
            opens = ""
        else:
            opens = written if written.strip() else shown[0] if shown is not None else opens
    return AnswerForm(begins, ends, opens, closes)


def _around_answer(template: Template, question: Turn, answer: Turn) -> tuple[str, str]:
    """What a model writes around an answer, beside reasoning: what stands there and is no part of a prompt's end."""
    opened = _written(template, [question], opens_answer=True)
    before, found, after = _written(template, [question, answer], opens_answer=False).rpartition(_ANSWER)
    if not found or not opened:
        return "", ""
    same = _PASSAGE.sub("", opened).rstrip()
    if not before.startswith(same):
        return "", ""
    begins = before[len(opened if before.startswith(opened) else same) :].lstrip("\n")
    if not _REASONING.sub("", begins).strip():
        return "", ""
    ends = _FIRST_TAG.search(after)
    return begins, ends[0] if ends is not None else ""


def _common_start(first: str, second: str) -> str:
    length = min(len(first), len(second))
    return first[: next((at for at in range(length) if first[at] != second[at]), length)]


def _says(template: Template, turns: list[Turn], words: tuple[str, ...]) -> bool:
    text = _written(template, turns, opens_answer=True)
    return bool(text) and all(word in text for word in words)


def _written(template: Template, turns: list[Turn], *, opens_answer: bool) -> str:
    """What the template makes of it, "" where it fails."""
    try:
        return template.text(turns, opens_answer=opens_answer)
    except HOSTILE:
        raise
    except Exception:  # noqa: BLE001  # a stranger's template may raise anything
        return ""
