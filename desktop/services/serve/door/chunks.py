"""What llama.cpp's server says in the middle of an answer: its two ways as one value, with all that clients are told.

Names are its own (tools/server/server-task.cpp). The window reads the same in
:mod:`desktop.engine.endpoint.chunks`, without what only clients ask for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from desktop.engine.endpoint.chunks import Progress, Timings
from desktop.engine.endpoint.http import EndpointError


class _Delta(msgspec.Struct, frozen=True):
    content: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[dict[str, Any]] | None = None


class _Logprobs(msgspec.Struct, frozen=True):
    content: list[dict[str, Any]] | None = None


class _Choice(msgspec.Struct, frozen=True):
    delta: _Delta = _Delta()
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


class _Cached(msgspec.Struct, frozen=True):
    cached_tokens: int = 0


class _Usage(msgspec.Struct, frozen=True):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _Cached = _Cached()


class _Verbose(msgspec.Struct, frozen=True):
    stopping_word: str = ""


class _Raw(msgspec.Struct, frozen=True):
    """A chunk of either way."""

    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    timings: Timings | None = None
    prompt_progress: Progress | None = None
    error: Any = None
    content: str = ""  # from here on: plain completion
    stop: bool = False
    stop_type: str = ""
    stopping_word: str = ""
    tokens_predicted: int = 0
    tokens_evaluated: int = 0
    completion_probabilities: list[dict[str, Any]] | None = None
    verbose: _Verbose | None = msgspec.field(default=None, name="__verbose")  # a chat tells its stop string only there


_decoder = msgspec.json.Decoder(_Raw)


@dataclass(slots=True)
class Chunk:
    """A step. ``finish`` is "stop", "length" or "tool_calls"; ``last``: no figure comes after it. Counts are so far."""

    text: str = ""
    reasoning: str = ""
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    logprobs: list[dict[str, Any]] = field(default_factory=list)
    finish: str = ""
    stop_word: str = ""
    last: bool = False
    prompt_tokens: int = 0
    cached_tokens: int = 0
    generated_tokens: int = 0
    tokens_per_second: float = 0.0

    @property
    def says(self) -> bool:
        """Whether it has anything that was written."""
        return bool(self.text or self.reasoning or self.tool_calls)


def read(data: bytes) -> Chunk:
    """One event's JSON. Raises EndpointError for an error among the events."""
    try:
        raw = _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise EndpointError(0, {"message": f"the server sent what is no answer: {error}"}) from error
    if raw.error is not None:
        raise EndpointError(0, raw.error)
    chunk = _chat(raw) if raw.choices is not None else _completion(raw)
    if raw.prompt_progress is not None:
        chunk.prompt_tokens, chunk.cached_tokens = raw.prompt_progress.total, raw.prompt_progress.cache
    if raw.timings is not None:
        timings = raw.timings
        chunk.generated_tokens = max(chunk.generated_tokens, timings.predicted_n)
        chunk.cached_tokens = max(chunk.cached_tokens, timings.cache_n)
        steps = timings.predicted_n - 1  # the prompt's last step yields the first token
        if steps > 0 and timings.predicted_ms > 0:
            chunk.tokens_per_second = steps * 1000.0 / timings.predicted_ms
    return chunk


def _completion(raw: _Raw) -> Chunk:
    chunk = Chunk(raw.content, prompt_tokens=raw.tokens_evaluated, generated_tokens=raw.tokens_predicted)
    if raw.completion_probabilities:
        chunk.logprobs = raw.completion_probabilities
    if raw.stop:
        chunk.finish = "length" if raw.stop_type == "limit" else "stop"
        chunk.stop_word, chunk.last = raw.stopping_word, True
    return chunk


def _chat(raw: _Raw) -> Chunk:
    chunk = Chunk()
    for choice in raw.choices or ():
        delta = choice.delta
        chunk.text += delta.content or ""
        chunk.reasoning += delta.reasoning_content or ""
        chunk.tool_calls += delta.tool_calls or []
        chunk.finish = choice.finish_reason or chunk.finish
        if choice.logprobs is not None:
            chunk.logprobs += choice.logprobs.content or []
    if raw.verbose is not None:
        chunk.stop_word = raw.verbose.stopping_word
    if raw.usage is not None:
        chunk.prompt_tokens = raw.usage.prompt_tokens
        chunk.generated_tokens = raw.usage.completion_tokens
        chunk.cached_tokens = raw.usage.prompt_tokens_details.cached_tokens
        chunk.last = True
    return chunk
