"""A conversation as a template takes it: roles alternate, nothing is empty, the system's words arrive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from desktop.engine.tools.template import Turn
from desktop.engine.tools.template_probe import Traits, turn
from desktop.engine.worker.protocol import ChatMessage, Role


@dataclass(frozen=True)
class Said:
    """One turn as it was said, before it takes the form a template wants."""

    role: Role
    text: str


def turns_of(messages: Sequence[ChatMessage]) -> list[Said]:
    """The turns without empty answers (one that was stopped at once), those of one role in a row joined.

    Templates that insist on alternating roles refuse anything else, and no model was trained on it.
    """
    turns: list[Said] = []
    for message in messages:
        if message.role != "user" and not message.content.strip():
            continue
        if turns and turns[-1].role == message.role:
            turns[-1] = replace(turns[-1], text=f"{turns[-1].text}\n\n{message.content}")
        else:
            turns.append(Said(message.role, message.content))
    return turns


def with_system_moved(turns: Sequence[Said]) -> list[Said] | None:
    """The system prompt put before the first user message; None where there is none to move, or nowhere to put it."""
    if len(turns) < 2 or turns[0].role != "system" or turns[1].role != "user":
        return None
    return [Said("user", f"{turns[0].text}\n\n{turns[1].text}"), *turns[2:]]


def formed(turns: Sequence[Said], traits: Traits) -> list[Turn]:
    """The messages a template is given."""
    forms = {"user": traits.user, "system": traits.system, "assistant": traits.assistant}
    return [turn(said.role, said.text, forms[said.role]) for said in turns]


def arrived(text: str, turns: Sequence[Said]) -> bool:
    """Whether the words of each of these turns stand in ``text``, in order, whatever became of the white space."""
    return _in_order(text, [said.text.strip() for said in turns]) or _in_order(
        "".join(text.split()), ["".join(said.text.split()) for said in turns]
    )


def _in_order(text: str, parts: Sequence[str]) -> bool:
    at = 0
    for part in parts:
        found = text.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return True
