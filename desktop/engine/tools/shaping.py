"""A conversation as a template takes it: roles alternate, nothing is empty, the system's words arrive."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from desktop.engine.api import ChatMessage, Role
from desktop.engine.tools.template import Turn
from desktop.engine.tools.template_probe import Traits, turn

# a passage of thinking at the start of an answer, closed or stopped in its middle (desktop/core/markdown/stream.py)
_THOUGHT = re.compile(r"\s*<(think(?:ing)?)>(.*?)(?:</think(?:ing)?>\s*|\Z)", re.DOTALL)
_REASONING = "reasoning_content"  # as DeepSeek's interface named it; llama.cpp gives it to templates by their own names
# what a template may take out of a text: switches (/no_think) and tags; they are no words
_SWITCH = re.compile(r"/\w+|</?\w+>|\s+")


@dataclass(frozen=True)
class Said:
    """One turn as it was said, before it takes the form a template wants; ``reasoning`` came before an answer."""

    role: Role
    text: str
    reasoning: str = ""


def turns_of(messages: Sequence[ChatMessage]) -> list[Said]:
    """The turns without empty answers (one that was stopped at once), those of one role in a row joined.

    Templates that insist on alternating roles refuse anything else, and no model was trained on it.
    """
    turns: list[Said] = []
    for message in messages:
        said = _said(message)
        if said.role != "user" and not said.text.strip():
            continue
        if turns and turns[-1].role == said.role:
            turns[-1] = replace(turns[-1], text=_paragraphs(turns[-1].text, said.text))
        else:
            turns.append(said)
    return turns


def _paragraphs(first: str, second: str) -> str:
    """Both with an empty line between them."""
    ended = len(first) - len(first.rstrip("\n"))
    return f"{first}{chr(10) * max(0, 2 - ended)}{second}"


def _said(message: ChatMessage) -> Said:
    if message.reasoning:
        return Said(message.role, message.content, message.reasoning)
    thought = _THOUGHT.match(message.content) if message.role == "assistant" else None
    if thought is None:
        return Said(message.role, message.content)
    return Said(message.role, message.content[thought.end() :], thought[2].strip())


def with_system_moved(turns: Sequence[Said]) -> list[Said] | None:
    """The system prompt put before the first user message; None where there is none to move, or nowhere to put it."""
    if len(turns) < 2 or turns[0].role != "system" or turns[1].role != "user":
        return None
    return [Said("user", _paragraphs(turns[0].text, turns[1].text)), *turns[2:]]


def formed(turns: Sequence[Said], traits: Traits) -> list[Turn]:
    """The messages a template is given. Reasoning goes to templates that ask for it, and of the last answer only."""
    forms = {"user": traits.user, "system": traits.system, "assistant": traits.assistant}
    last = max((at for at, said in enumerate(turns) if said.role == "assistant"), default=-1)
    return [
        turn(said.role, said.text, forms[said.role])
        | ({_REASONING: said.reasoning} if said.reasoning and at == last and traits.asks_reasoning else {})
        for at, said in enumerate(turns)
    ]


def arrived(text: str, turns: Sequence[Said]) -> bool:
    """Whether the words of each of these turns stand in ``text``, in order, whatever became of white space around them
    and of the switches that templates take out.
    """
    return _in_order(text, [said.text.strip() for said in turns]) or _in_order(
        _SWITCH.sub("", text), [_SWITCH.sub("", said.text) for said in turns]
    )


def _in_order(text: str, parts: Sequence[str]) -> bool:
    at = 0
    for part in parts:
        found = text.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return True
