"""POST /api/chat, /api/generate, /api/embed and /api/embeddings."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.types import ASGIApp

from desktop.services.serve.api import ServedModel
from desktop.services.serve.door.asking import Clerk, pieces
from desktop.services.serve.door.conversation import Conversation
from desktop.services.serve.door.desk import Loan
from desktop.services.serve.door.failures import bad_field
from desktop.services.serve.door.gathered import Answer
from desktop.services.serve.door.ollama.answer import Line, Lines, Times, nanoseconds
from desktop.services.serve.door.ollama.request import (
    EmbedRequest,
    OllamaRequest,
    chat_request,
    embed_request,
    generate_request,
)
from desktop.services.serve.door.replies import JSON, LINES, Reply
from desktop.services.serve.door.requests import Entry
from desktop.services.serve.door.written import check_embeds

Endpoint = Callable[[Request], Awaitable[ASGIApp]]
_encode = msgspec.json.Encoder().encode


def answering(clerk: Clerk, *, chats: bool) -> Endpoint:
    """/api/chat, or else /api/generate."""
    desk = clerk.desk
    read = chat_request if chats else generate_request

    async def answer(request: Request) -> ASGIApp:
        entry = desk.entry(request)
        wanted = read(await desk.body(request))
        model = await clerk.writer(wanted.model)
        await _check_can(clerk, model, wanted)
        lines = Lines(wanted.model, chats=chats, top_logprobs=wanted.top_logprobs)
        return Reply(desk, request, _lines(clerk, entry, model, wanted, lines), LINES if wanted.stream else JSON)

    return answer


async def _lines(
    clerk: Clerk, entry: Entry, model: ServedModel, wanted: OllamaRequest, lines: Lines
) -> AsyncGenerator[bytes, None]:
    if wanted.talk is not None or not wanted.unloads:
        began = time.monotonic()
        async with (
            clerk.desk.loan(entry, model, "text") as loan,
            aclosing(_answered(clerk, loan, wanted, lines, began)) as source,
        ):
            async for found in source:
                yield b"".join(_encode(line) + b"\n" for line in found)
    else:
        yield _encode(lines.nothing("unload")) + b"\n"
    if wanted.unloads:
        await clerk.desk.in_thread(clerk.desk.lender.unload, model)


async def _answered(
    clerk: Clerk, loan: Loan, wanted: OllamaRequest, lines: Lines, began: float
) -> AsyncGenerator[list[Line], None]:
    loaded = first = time.monotonic()
    if wanted.talk is None:
        yield [lines.nothing("load")]
        return
    asked = await clerk.asked(loan.model, wanted.talk, wanted.options, streams=wanted.stream)
    answer = Answer()
    async with aclosing(pieces(loan, asked, answer)) as source:
        async for found in source:
            first = first if first > loaded else time.monotonic()
            told = [line for piece in found for line in lines.step(piece)]
            if told and wanted.stream:
                yield told
    now = time.monotonic()
    times = Times(now - began, loaded - began, first - loaded, now - first)
    yield [*lines.calls(answer), lines.done(answer, times)] if wanted.stream else [lines.whole(answer, times)]


async def _check_can(clerk: Clerk, model: ServedModel, wanted: OllamaRequest) -> None:
    """Raises DoorError where thinking or tools are asked of a model that has none, as Ollama does."""
    if not isinstance(wanted.talk, Conversation) or not (wanted.talk.thinking or wanted.talk.tools):
        return
    facts = await clerk.desk.in_thread(clerk.facts.of, model)
    if wanted.talk.tools and facts.template and not facts.tools:
        raise bad_field("tools", f"'{model.name}' does not support tools.", "unsupported_parameter")
    if wanted.talk.thinking and not facts.thinks:
        raise bad_field("think", f"'{model.name}' does not support thinking.", "unsupported_parameter")


def embedding(clerk: Clerk, *, several: bool) -> Endpoint:
    """/api/embed, or else /api/embeddings."""
    desk = clerk.desk

    async def answer(request: Request) -> ASGIApp:
        entry = desk.entry(request)
        wanted = embed_request(await desk.body(request))
        model = await desk.model(wanted.model)
        check_embeds(model)

        async def sent() -> AsyncGenerator[bytes, None]:
            began = time.monotonic()
            async with desk.loan(entry, model, "embedding") as loan:
                loaded = time.monotonic()
                vectors, tokens = await _embedded(loan, wanted)
            if wanted.unloads:
                await desk.in_thread(desk.lender.unload, model)
            if several:
                figures = {
                    "total_duration": nanoseconds(time.monotonic() - began),
                    "load_duration": nanoseconds(loaded - began),
                    "prompt_eval_count": tokens,
                }
                yield _encode({"model": wanted.model, "embeddings": vectors, **figures})
            else:
                yield _encode({"embedding": vectors[0] if vectors else []})

        return Reply(desk, request, sent(), JSON)

    return answer


async def _embedded(loan: Loan, wanted: EmbedRequest) -> tuple[list[list[float]], int]:
    """The vectors, of length 1, and the tokens that were read."""
    if not wanted.texts:
        return [], 0
    found: dict[str, Any] = await loan.upstream.json("/v1/embeddings", {"input": wanted.texts})
    vectors = [each["embedding"] for each in sorted(found["data"], key=lambda each: int(each["index"]))]
    if wanted.dimensions not in (None, len(vectors[0])):
        words = f"'dimensions': this model's embeddings have {len(vectors[0])}."
        raise bad_field("dimensions", words, "unsupported_value")
    tokens = int(found.get("usage", {}).get("prompt_tokens", 0))
    loan.entry.update(prompt_tokens=tokens)
    return vectors, tokens
