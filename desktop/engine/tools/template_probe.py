"""What a chat template does with each role's words, found out by asking it with words nobody else uses.

Templates want their content as text or as typed parts, take a system role, refuse it or leave it out, and few say so:
llama.cpp finds it out in the same way (common/chat.cpp and minja's capabilities).
"""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass
from typing import Literal

from desktop.engine.tools.template import HOSTILE, Template, Turn

PROBE_SECONDS = 1.0  # a template that is slower is not asked further; the rendering has its own deadline
_KEPT_TEMPLATES = 8
_SYSTEM, _FIRST, _ANSWER, _SECOND = "Quillonby", "Trestlewick", "Marrowfen", "Obsterlane"
_REASONING_FIELD = "reasoning_content"  # as DeepSeek's interface named it, and most templates since

Form = Literal["text", "parts", "lost"]  # how a role's words have to be given to arrive; "lost": they do not


@dataclass(frozen=True)
class Traits:
    """The form that each role's words need with one template; whether it takes earlier reasoning by itself."""

    user: Form = "text"
    system: Form = "text"
    assistant: Form = "text"
    asks_reasoning: bool = False


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
    return Traits(
        user,
        form("system", [], _SYSTEM, [first], _FIRST),
        form("assistant", [first], _ANSWER, [second], _SECOND),
        _REASONING_FIELD in source,
    )


def _says(template: Template, turns: list[Turn], words: tuple[str, ...]) -> bool:
    try:
        text = template.text(turns, opens_answer=True)
    except HOSTILE:
        raise
    except Exception:  # noqa: BLE001  # a stranger's template may raise anything
        return False
    return all(word in text for word in words)
