"""A chat completion, whole or in chunks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from desktop.services.serve.door.answers import Step
from desktop.services.serve.door.choices import Found
from desktop.services.serve.door.metering import Figures
from desktop.services.serve.door.openai.chat_request import ChatRequest
from desktop.services.serve.door.openai.shapes import DONE, FINGERPRINT, Choice, head, logprobs, new_id, usage

_encode = msgspec.json.Encoder().encode


async def whole(found: Found, asked: ChatRequest, model: str) -> bytes:
    """The completion as one document."""
    choices = [Choice() for _ in range(asked.choices)]
    async for number, steps in found:
        for step in steps:
            choices[number].take(step)
    return _encode(
        {
            **head("chat.completion", new_id("chatcmpl"), model),
            "choices": [_choice(number, choice, asked) for number, choice in enumerate(choices)],
            "usage": usage(choice.figures for choice in choices),
            "service_tier": "default",
            "system_fingerprint": FINGERPRINT,
        }
    )


def _choice(number: int, choice: Choice, asked: ChatRequest) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": choice.text if choice.text or not choice.tool_calls else None,
        "refusal": None,
        "annotations": [],
    }
    if choice.reasoning:
        message["reasoning_content"] = choice.reasoning
    if choice.tool_calls:
        message["tool_calls"] = choice.calls
    return {
        "index": number,
        "message": message,
        "logprobs": _logprobs(choice.steps, asked),
        "finish_reason": choice.finish or "stop",
    }


def _logprobs(steps: list[Step], asked: ChatRequest) -> dict[str, Any] | None:
    if asked.top_logprobs is None:
        return None
    return {"content": logprobs(steps, asked.top_logprobs), "refusal": None}


class _Chunks:
    """Writes the chunks of one completion."""

    def __init__(self, asked: ChatRequest, model: str) -> None:
        self._asked = asked
        start = head("chat.completion.chunk", new_id("chatcmpl"), model)
        start |= {"service_tier": "default", "system_fingerprint": FINGERPRINT}
        self._start = b"data: " + _encode(start)[:-1] + b","
        self._usage = b',"usage":null}\n\n' if asked.counts else b"}\n\n"
        self._begun: set[int] = set()

    def of(self, number: int, step: Step) -> bytes:
        """The chunks of one step."""
        written = b""
        if number not in self._begun:
            self._begun.add(number)
            written += self._chunk(number, {"role": "assistant", "content": "", "refusal": None})
        if step.reasoning:
            written += self._chunk(number, {"reasoning_content": step.reasoning}, step if not step.text else None)
        if step.text or (step.logprobs and not step.reasoning):
            written += self._chunk(number, {"content": step.text}, step)
        for call in step.tool_calls:
            written += self._chunk(number, {"tool_calls": [call]})
        if step.finish:
            written += self._chunk(number, {}, finish=step.finish)
        return written

    def _chunk(self, number: int, delta: dict[str, Any], step: Step | None = None, finish: str | None = None) -> bytes:
        said = _logprobs([step], self._asked) if step is not None and step.logprobs else None
        choice = {"index": number, "delta": delta, "logprobs": said, "finish_reason": finish}
        return self._start + b'"choices":[' + _encode(choice) + b"]" + self._usage

    def counted(self, figures: list[Figures]) -> bytes:
        """The last chunk, where usage was asked for."""
        if not self._asked.counts:
            return b""
        return self._start + b'"choices":[],"usage":' + _encode(usage(figures)) + b"}\n\n"


async def streamed(found: Found, asked: ChatRequest, model: str) -> AsyncIterator[bytes]:
    """The completion as server-sent events."""
    chunks = _Chunks(asked, model)
    figures = [Figures() for _ in range(asked.choices)]
    async for number, steps in found:
        for step in steps:
            figures[number] = step.figures or figures[number]
        written = b"".join([chunks.of(number, step) for step in steps])
        if written:
            yield written
    yield chunks.counted(figures) + DONE
