"""An answer as it grows: the engine's steps put together, for dialects that repeat the whole or number its parts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from desktop.services.serve.door.answers import Step
from desktop.services.serve.door.metering import Figures as Figures


@dataclass
class ToolCall:
    """One call as far as it has come; ``arguments`` is JSON once the answer is whole."""

    id: str = ""
    name: str = ""
    arguments: str = ""

    @property
    def given(self) -> dict[str, Any]:
        """The arguments as an object; empty where the answer was cut off in them."""
        try:
            found = msgspec.json.decode(self.arguments or "{}")
        except msgspec.DecodeError:
            return {}
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True)
class Piece:
    """What was added. ``tools`` are indices into the answer's calls with what their arguments grew by; ``steps`` are
    those with log probabilities.
    """

    reasoning: str = ""
    text: str = ""
    tools: tuple[tuple[int, str], ...] = ()
    steps: tuple[Step, ...] = ()


@dataclass
class Answer:
    """As far as it has come. ``finish`` is "stop", "length" or "tool_calls", "" until it is whole."""

    reasoning: str = ""
    text: str = ""
    tools: list[ToolCall] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)  # those with log probabilities
    finish: str = ""
    stop_word: str = ""
    figures: Figures = field(default_factory=Figures)

    def take(self, step: Step) -> Piece:
        """Add a step; each in its order. White space between tags and words belongs to the tags."""
        reasoning = step.reasoning if self.reasoning else step.reasoning.lstrip()
        text = step.text if self.text or not self.reasoning else step.text.lstrip()
        self.reasoning += reasoning
        self.text += text
        measured = (step,) if step.logprobs else ()
        self.steps += measured
        self.finish = step.finish or self.finish
        self.stop_word = step.stop_word or self.stop_word
        self.figures = step.figures or self.figures
        tools = tuple(self._tool(delta) for delta in step.tool_calls)
        return Piece(reasoning, text, tools, measured)

    def begin(self, prompt: int, cached: int) -> None:
        """What is known of the prompt, in tokens, before the answer's end brings all figures."""
        self.figures = Figures(prompt=prompt, cached=cached)

    @property
    def whole(self) -> Piece:
        """All of it as one piece."""
        tools = tuple((number, call.arguments) for number, call in enumerate(self.tools))
        return Piece(self.reasoning, self.text, tools, tuple(self.steps))

    def _tool(self, delta: dict[str, Any]) -> tuple[int, str]:
        number = int(delta.get("index", 0))
        while len(self.tools) <= number:
            self.tools.append(ToolCall())
        call, function = self.tools[number], delta.get("function") or {}
        call.id = call.id or delta.get("id") or ""
        call.name = call.name or function.get("name") or ""
        grown: str = function.get("arguments") or ""
        call.arguments += grown
        return number, grown
