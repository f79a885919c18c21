"""A completion told as Ollama tells it: lines of JSON, the last of them with the counts and the times.

https://github.com/ollama/ollama/blob/main/docs/api.md. Durations are nanoseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from desktop.services.serve.door.answers import Step
from desktop.services.serve.door.gathered import Answer, Piece, ToolCall
from desktop.services.serve.door.openai.shapes import logprobs

Line = dict[str, Any]

_NANOSECONDS = 1_000_000_000


def nanoseconds(seconds: float) -> int:
    """A duration as Ollama gives it."""
    return round(seconds * _NANOSECONDS)


def now() -> str:
    """The time as Ollama writes it."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True)
class Times:
    """How long a request took, in seconds: in all, and of that for the model, the prompt and the answer."""

    total: float = 0.0
    load: float = 0.0
    prompt: float = 0.0
    answer: float = 0.0


class Lines:
    """The lines of one answer. ``chats``: those of /api/chat, else of /api/generate."""

    def __init__(self, model: str, *, chats: bool, top_logprobs: int | None = None) -> None:
        self._model, self._chats, self._top_logprobs = model, chats, top_logprobs

    def step(self, piece: Piece) -> list[Line]:
        """What one piece adds; calls of tools come whole, with :meth:`calls`."""
        if not (piece.text or piece.reasoning):
            return []
        return [self._line(piece.text, piece.reasoning) | self._logprobs(piece.steps)]

    def calls(self, answer: Answer) -> list[Line]:
        """The tools that were called."""
        lines = []
        for number, call in enumerate(answer.tools):
            line = self._line("", "")
            line["message"]["tool_calls"] = [_call(number, call)]
            lines.append(line)
        return lines

    def done(self, answer: Answer, times: Times) -> Line:
        """The last line."""
        return self._line("", "") | {
            "done": True,
            "done_reason": "length" if answer.finish == "length" else "stop",
            "total_duration": nanoseconds(times.total),
            "load_duration": nanoseconds(times.load),
            "prompt_eval_count": answer.figures.prompt,
            "prompt_eval_duration": nanoseconds(times.prompt),
            "eval_count": answer.figures.generated,
            "eval_duration": nanoseconds(times.answer),
        }

    def nothing(self, reason: str) -> Line:
        """The answer to a request without words: "load" or "unload"."""
        return self._line("", "") | {"done": True, "done_reason": reason}

    def whole(self, answer: Answer, times: Times) -> Line:
        """The answer in one line."""
        line = self.done(answer, times) | self._said(answer.text, answer.reasoning)
        if answer.tools:
            line["message"]["tool_calls"] = [_call(number, call) for number, call in enumerate(answer.tools)]
        return line | self._logprobs(answer.steps)

    def _logprobs(self, steps: Sequence[Step]) -> dict[str, Any]:
        top = self._top_logprobs
        return {"logprobs": logprobs(steps, top)} if top is not None and steps else {}

    def _line(self, text: str, thought: str) -> Line:
        return {"model": self._model, "created_at": now(), **self._said(text, thought), "done": False}

    def _said(self, text: str, thought: str) -> dict[str, Any]:
        thinking = {"thinking": thought} if thought else {}
        if self._chats:
            return {"message": {"role": "assistant", "content": text, **thinking}}
        return {"response": text, **thinking}


def _call(number: int, call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "function": {"index": number, "name": call.name, "arguments": call.given}}
