"""POST /v1/chat/completions."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from starlette.requests import Request
from starlette.types import ASGIApp

from desktop.services.serve.door.choices import answers
from desktop.services.serve.door.desk import Desk
from desktop.services.serve.door.openai.chat_request import read
from desktop.services.serve.door.openai.chat_shapes import streamed, whole
from desktop.services.serve.door.replies import EVENTS, JSON, Reply
from desktop.services.serve.door.written import check_writes


def completions(desk: Desk) -> Callable[[Request], Awaitable[ASGIApp]]:
    """The route."""

    async def answer(request: Request) -> ASGIApp:
        entry = desk.entry(request)
        asked = read(await desk.body(request))
        model = await desk.model(asked.model)
        check_writes(model)

        async def pieces() -> AsyncGenerator[bytes, None]:
            async with (
                desk.loan(entry, model, "text") as loan,
                aclosing(answers(loan, asked.asked, asked.choices)) as found,
            ):
                if not asked.streams:
                    yield await whole(found, asked, model.name)
                    return
                async for piece in streamed(found, asked, model.name):
                    yield piece

        return Reply(desk, request, pieces(), EVENTS if asked.streams else JSON)

    return answer
