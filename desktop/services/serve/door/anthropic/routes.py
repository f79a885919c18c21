"""POST /v1/messages and /v1/messages/count_tokens."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace

import msgspec
from starlette.requests import Request
from starlette.types import ASGIApp

from desktop.services.serve.api import ServedModel
from desktop.services.serve.door.answers import Asked
from desktop.services.serve.door.anthropic.answer import PING, MessageEvents, whole_message
from desktop.services.serve.door.anthropic.request import MessagesRequest, count_request, messages_request
from desktop.services.serve.door.asking import SILENCE, Clerk, count_tokens, kept_alive, lent_pieces, whole
from desktop.services.serve.door.gathered import Answer
from desktop.services.serve.door.replies import EVENTS, JSON, Reply
from desktop.services.serve.door.requests import Entry
from desktop.services.serve.door.sse import written

Endpoint = Callable[[Request], Awaitable[ASGIApp]]


def messages(clerk: Clerk) -> Endpoint:
    """An answer, whole or streamed."""
    desk = clerk.desk

    async def answer(request: Request) -> ASGIApp:
        entry = desk.entry(request)
        wanted = messages_request(await desk.body(request))
        model = await clerk.writer(wanted.model)
        wanted = replace(wanted, model=model.name)
        asked = await clerk.asked(model, wanted.talk, wanted.options, streams=wanted.stream)

        if wanted.stream:
            return Reply(desk, request, _streamed(clerk, entry, model, asked, wanted), EVENTS)

        async def sent() -> AsyncGenerator[bytes, None]:
            async with desk.loan(entry, model, "text") as loan:
                yield msgspec.json.encode(whole_message(wanted, await whole(loan, asked)))

        return Reply(desk, request, sent(), JSON)

    return answer


async def _streamed(
    clerk: Clerk, entry: Entry, model: ServedModel, asked: Asked, wanted: MessagesRequest
) -> AsyncGenerator[bytes, None]:
    answer, events = Answer(), MessageEvents(wanted)
    last = 0.0
    async with aclosing(kept_alive(lent_pieces(clerk, entry, model, asked, answer))) as source:
        async for found in source:
            told = []
            if not last:
                answer.begin(entry.record.prompt_tokens, entry.record.cached_tokens)
                told = [events.start(answer), PING]
            told += [event for piece in found or () for event in events.step(answer, piece)]
            if not told and time.monotonic() - last > SILENCE:  # thoughts that nobody asked for come, too
                told = [PING]
            if told:
                last = time.monotonic()
                yield written(told)
    yield written([*([] if last else [events.start(answer)]), *events.end(answer)])


def counting(clerk: Clerk) -> Endpoint:
    """How many tokens a request would have."""
    desk = clerk.desk

    async def answer(request: Request) -> ASGIApp:
        entry = desk.entry(request)
        name, talk = count_request(await desk.body(request))
        model = await clerk.writer(name)
        asked = await clerk.asked(model, talk, {}, streams=False)

        async def sent() -> AsyncGenerator[bytes, None]:
            async with desk.loan(entry, model, "text") as loan:
                yield msgspec.json.encode({"input_tokens": await count_tokens(loan, asked)})

        return Reply(desk, request, sent(), JSON)

    return answer
