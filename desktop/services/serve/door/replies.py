"""An answer on its way to a client: whole or streamed, given up when the client goes, ended in words when it fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from desktop.services.serve.door.desk import Desk
from desktop.services.serve.door.dialects import DIALECT, Dialect
from desktop.services.serve.door.failures import DoorError, closing, internal

_log = logging.getLogger(__name__)
JSON, EVENTS, LINES = "application/json", "text/event-stream; charset=utf-8", "application/x-ndjson"
CLIENT_LEFT = 499  # as web servers note it; nobody is told


class Reply:
    """Sends what ``pieces`` gives; it does all its work in there, so nothing has to be asked before.

    With ``JSON`` the pieces are one document. A DoorError before the first piece is an answer of its own; later, the
    dialect's words for it end the stream. Made in a route, after the body was read.
    """

    def __init__(self, desk: Desk, request: Request, pieces: AsyncGenerator[bytes, None], media: str) -> None:
        self._desk, self._pieces, self._media = desk, pieces, media
        self._entry = desk.entry(request)
        self._dialect: Dialect = request.scope[DIALECT]
        self._started = self._gone = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As an ASGI application."""
        task = asyncio.current_task()
        assert task is not None
        self._desk.answering.add(task)
        watching = asyncio.create_task(self._watch(receive, task))
        try:
            await self._answer(scope, receive, send)
        except asyncio.CancelledError:
            if not self._gone and not self._desk.closing:
                raise
            task.uncancel()
            if self._gone:
                self._entry.update(state="stopped", status=CLIENT_LEFT)
            else:
                await self._fail(closing(), scope, receive, send)
        finally:
            watching.cancel()
            self._desk.answering.discard(task)

    async def _watch(self, receive: Receive, task: asyncio.Task[None]) -> None:
        """Until the client is gone: then nobody waits for the answer."""
        while (await receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        task.cancel()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            try:
                await self._send_all(send)
            finally:
                await self._pieces.aclose()
        except DoorError as failure:
            await self._fail(failure, scope, receive, send)
        except Exception as error:  # noqa: BLE001  # the client hears of it, the log has where it was
            _log.error("A request failed: %s", type(error).__name__, exc_info=error)
            await self._fail(internal(), scope, receive, send)

    def _done(self) -> None:
        self._entry.update(state="done", status=200)

    async def _send_all(self, send: Send) -> None:
        if self._media == JSON:
            content = b"".join([piece async for piece in self._pieces])
            await send(self._head(len(content)))
            self._started = True
            self._done()
            await send({"type": "http.response.body", "body": content, "more_body": False})
            return
        async for piece in self._pieces:
            if not self._started:
                self._started = True
                await send(self._head())
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        self._done()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _head(self, length: int | None = None) -> Message:
        headers = [(b"content-type", self._media.encode())]
        if length is not None:
            headers.append((b"content-length", str(length).encode()))
        else:
            headers += [(b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no")]
        return {"type": "http.response.start", "status": 200, "headers": headers}

    async def _fail(self, failure: DoorError, scope: Scope, receive: Receive, send: Send) -> None:
        self._entry.update(state="refused", status=failure.status, error=failure.record)
        if not self._started:
            await refusal(self._dialect, failure)(scope, receive, send)
        elif self._media != JSON:
            words = self._dialect.stream_error(failure)
            await send({"type": "http.response.body", "body": words, "more_body": False})


def refusal(dialect: Dialect, failure: DoorError) -> JSONResponse:
    """The failure as a response in the dialect's shape."""
    return JSONResponse(dialect.error(failure), failure.status, dict(failure.headers))
