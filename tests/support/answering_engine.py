"""An engine for commands that answers at once, as a test says; it keeps what it was asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from support.scripted_chat import LOADED, PLAN

from desktop.core.tool_calls import CalledTool
from desktop.engine.api import Finished, Generate, Statistics, Text
from desktop.services.engine.supervisor import AnswerEvent, EngineState


@dataclass(frozen=True)
class Said:
    """One round of an answer: what is thought and said in it, then the tools that are called."""

    text: str = ""
    reasoning: str = ""
    calls: tuple[CalledTool, ...] = ()


def calling(name: str, arguments: str = "{}", *, number: str = "c1", text: str = "", reasoning: str = "") -> Said:
    """A round that calls this tool."""
    return Said(text, reasoning, (CalledTool(number, name, arguments),))


class AnsweringEngine:
    """Gives the rounds one after the other; the last one again and again."""

    def __init__(self, *rounds: Said) -> None:
        self.state = EngineState("ready", PLAN, loaded=LOADED)
        self.requests: list[Generate] = []
        self._rounds = list(rounds)

    def generate(self, request: Generate, listener: Callable[[AnswerEvent], None]) -> int:
        """Answer before it returns: who asked reads it from a queue."""
        self.requests.append(request)
        said = self._rounds.pop(0) if len(self._rounds) > 1 else self._rounds[0]
        if said.text or said.reasoning:
            listener(Text(1, said.text, 1, 2, 10.0, reasoning=said.reasoning))
        figures = Statistics(1, 0, 5, 2, 2048, 0.1, 10.0, 10.0, 1)
        listener(Finished(1, "tool-calls" if said.calls else "stop", figures, calls=said.calls))
        return len(self.requests)

    def count(self, request: Generate) -> int:
        """A token for each turn, and a hundred for each tool."""
        return len(request.messages) + 100 * len(request.tools)

    def cancel(self) -> None:
        """Nothing runs."""
