"""Tools that a model may call, what it called, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

import msgspec

CallState = Literal["asked", "running", "done", "failed", "denied", "stopped"]
OPEN: frozenset[CallState] = frozenset({"asked", "running"})


class ToolSpec(msgspec.Struct, frozen=True):
    """A tool as a model is offered it. ``schema`` is the JSON schema of its arguments."""

    name: str
    description: str = ""
    schema: dict[str, Any] = {}


class CalledTool(msgspec.Struct, frozen=True):
    """A call as a model wrote it; ``arguments`` is JSON, or what the model took for JSON."""

    id: str
    name: str
    arguments: str = ""


class ToolCall(msgspec.Struct, frozen=True, omit_defaults=True):
    """A call of an answer, and what came of it.

    ``name`` is the one that the model was given for ``tool`` of ``server``; both are empty for a tool that was not
    offered. ``at`` and ``thought`` are how many characters of the answer and of its reasoning came before it.
    ``result`` is what the model is given, ``size`` the length of the whole result in bytes, ``seconds`` how long it
    took. ``notes`` say what of the result the model is not given, one sentence each. ``round`` counts how often the
    model called tools in this answer; it made those of one round at once.
    """

    id: str
    name: str
    arguments: str = ""
    server: str = ""
    tool: str = ""
    state: CallState = "asked"
    result: str = ""
    seconds: float = 0.0
    size: int = 0
    at: int = 0
    thought: int = 0
    round: int = 1
    notes: tuple[str, ...] = ()

    @property
    def called(self) -> CalledTool:
        """As the model wrote it."""
        return CalledTool(self.id, self.name, self.arguments)

    @property
    def title(self) -> str:
        """The tool and whose it is; the name alone of one that was not offered."""
        return f"{self.server} · {self.tool}" if self.server else self.name


_calls = msgspec.json.Decoder(tuple[ToolCall, ...])


def calls_to_json(calls: tuple[ToolCall, ...]) -> str:
    """As they are kept; "" for none."""
    return msgspec.json.encode(calls).decode() if calls else ""


def calls_from_json(kept: str) -> tuple[ToolCall, ...]:
    """As they were kept; none where that cannot be read."""
    if not kept:
        return ()
    try:
        return _calls.decode(kept)
    except msgspec.DecodeError:
        return ()


@dataclass(frozen=True)
class Passage:
    """A piece of an answer, and the tools that were called behind it; none behind the last."""

    text: str
    reasoning: str
    calls: tuple[ToolCall, ...] = ()


def passages(text: str, reasoning: str, calls: tuple[ToolCall, ...]) -> list[Passage]:
    """An answer in the order in which it was written."""
    found: list[Passage] = []
    at = thought = 0
    for group in rounds_of(calls):
        first = group[0]
        found.append(Passage(text[at : first.at], reasoning[thought : first.thought], group))
        at, thought = max(at, first.at), max(thought, first.thought)
    return [*found, Passage(text[at:], reasoning[thought:])]


def kept_with(text: str, calls: tuple[ToolCall, ...], before: str) -> tuple[ToolCall, ...]:
    """The calls that are still true of an answer that was edited: those behind what is as it was ``before``."""
    return tuple(call for call in calls if text[: call.at] == before[: call.at])


def pretty_json(text: str) -> str:
    """JSON in lines, as a person reads it; what is none stays as it is."""
    try:
        return msgspec.json.format(text.encode() or b"{}", indent=2).decode()
    except (msgspec.DecodeError, UnicodeEncodeError):
        return text


def rounds_of(calls: tuple[ToolCall, ...]) -> list[tuple[ToolCall, ...]]:
    """The calls of an answer in groups: those that the model made at once."""
    return [tuple(group) for _, group in groupby(calls, key=lambda call: call.round)]
