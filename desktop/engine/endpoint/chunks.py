"""What a server says in the middle of an answer: one shape for its two ways, chat and plain completion.

Names are llama.cpp's (tools/server/README.md, server-task.cpp); another OpenAI-compatible server leaves out what is
its own, and every field has a default for that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from desktop.core.words import tr
from desktop.engine.endpoint.http import EndpointError


class Progress(msgspec.Struct, frozen=True):
    """Tokens of the prompt: ``total``, of them ``cache`` from earlier and ``processed`` so far, those included."""

    total: int = 0
    cache: int = 0
    processed: int = 0


class Timings(msgspec.Struct, frozen=True):
    """So far: tokens taken from the cache, read of the prompt, written; milliseconds of the last two."""

    cache_n: int = 0
    prompt_n: int = 0
    prompt_ms: float = 0.0
    predicted_n: int = 0
    predicted_ms: float = 0.0
    draft_n: int = 0
    draft_n_accepted: int = 0


class Usage(msgspec.Struct, frozen=True):
    """Tokens of the whole prompt and of the whole answer, as the OpenAI protocol tells them at the end."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Delta(msgspec.Struct, frozen=True):
    content: str | None = None
    reasoning_content: str | None = None  # DeepSeek's word: llama.cpp, LM Studio, SGLang
    reasoning: str | None = None  # vLLM's, Ollama's and OpenRouter's
    tool_calls: list[dict[str, Any]] | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct, frozen=True):
    delta: _Delta | None = None
    message: _Delta | None = None  # of a server that does not stream
    text: str | None = None  # of a plain completion of the OpenAI protocol
    finish_reason: str | None = None


class _Chunk(msgspec.Struct, frozen=True):
    choices: list[_Choice] | None = None
    usage: Usage | None = None
    object: str | None = None
    message: Any = None
    prompt_progress: Progress | None = None
    timings: Timings | None = None
    error: Any = None
    content: str | None = None  # from here on: plain completion
    tokens: list[int] | None = None
    stop: bool = False
    stop_type: str = ""
    completion_probabilities: list[dict[str, Any]] | None = None


_NOTHING = _Delta()
_decoder = msgspec.json.Decoder(_Chunk)


@dataclass
class Chunk:
    """A step of an answer; ``finish`` is "stop" or "length" in the last one that has words, or another server's own
    word for how it ended. ``tokens`` are its ids where they were asked for (``return_tokens``).
    """

    text: str = ""
    reasoning: str = ""
    finish: str = ""
    progress: Progress | None = None
    timings: Timings | None = None
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    usage: Usage | None = None
    tokens: tuple[int, ...] = ()
    probabilities: list[dict[str, Any]] = field(default_factory=list)


def read_chunk(data: bytes) -> Chunk:
    """One event's JSON. Raises EndpointError for an error among the events."""
    try:
        raw = _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise EndpointError(0, {"message": tr("the server sent what is no answer: {error}", error=error)}) from error
    if raw.error is not None:
        raise EndpointError(0, raw.error)
    if raw.object == "error":  # vLLM's older form
        raise EndpointError(0, {"message": raw.message})
    chunk = Chunk(raw.content or "", progress=raw.prompt_progress, timings=raw.timings, usage=raw.usage)
    chunk.tokens = tuple(raw.tokens or ())
    chunk.probabilities = raw.completion_probabilities or []
    if raw.stop:
        chunk.finish = "length" if raw.stop_type == "limit" else "stop"
    for choice in raw.choices or ():
        delta = choice.delta or choice.message or _NOTHING
        chunk.text += delta.content or delta.refusal or choice.text or ""
        chunk.reasoning += delta.reasoning_content or delta.reasoning or ""
        chunk.tool_calls += delta.tool_calls or []
        chunk.finish = choice.finish_reason or chunk.finish
    return chunk
