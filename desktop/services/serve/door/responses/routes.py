"""POST /v1/responses, and what is kept of the latest ones."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp

from desktop.services.serve.api import ServedModel
from desktop.services.serve.door.answers import Asked
from desktop.services.serve.door.asking import Clerk, count_tokens, kept_alive, lent_pieces, whole
from desktop.services.serve.door.failures import DoorError
from desktop.services.serve.door.gathered import Answer
from desktop.services.serve.door.replies import EVENTS, JSON, Reply
from desktop.services.serve.door.requests import Entry
from desktop.services.serve.door.responses.answer import ResponseEvents, whole_response
from desktop.services.serve.door.responses.request import ResponsesRequest, responses_request, unknown_response
from desktop.services.serve.door.responses.store import ResponseStore
from desktop.services.serve.door.sse import COMMENT, written

Endpoint = Callable[[Request], Awaitable[ASGIApp]]


@dataclass(frozen=True)
class Counter:
    """Where responses are asked for, and those that are kept."""

    clerk: Clerk
    kept: ResponseStore

    def create(self) -> Endpoint:
        """A response, whole or streamed."""
        desk = self.clerk.desk

        async def answer(request: Request) -> ASGIApp:
            entry = desk.entry(request)
            wanted = responses_request(await desk.body(request), self.kept)
            model = await self.clerk.writer(wanted.model)
            wanted = replace(wanted, model=model.name)
            asked = await self.clerk.asked(model, wanted.talk, wanted.options, streams=wanted.stream)
            if wanted.stream:
                return Reply(desk, request, self._streamed(entry, model, asked, wanted), EVENTS)
            return Reply(desk, request, self._whole(entry, model, asked, wanted), JSON)

        return answer

    async def _whole(
        self, entry: Entry, model: ServedModel, asked: Asked, wanted: ResponsesRequest
    ) -> AsyncGenerator[bytes, None]:
        async with self.clerk.desk.loan(entry, model, "text") as loan:
            response = whole_response(wanted, await whole(loan, asked))
        self._keep(response, wanted)
        yield msgspec.json.encode(response)

    async def _streamed(
        self, entry: Entry, model: ServedModel, asked: Asked, wanted: ResponsesRequest
    ) -> AsyncGenerator[bytes, None]:
        answer, events = Answer(), ResponseEvents(wanted)
        begun = False
        try:
            source = lent_pieces(self.clerk, entry, model, asked, answer)
            async with aclosing(kept_alive(source)) as stream:
                async for found in stream:
                    told = [] if begun else events.start()
                    begun = True
                    told += [event for piece in found or () for event in events.step(answer, piece)]
                    yield written(told) if told else COMMENT
        except DoorError as failure:
            if begun:
                yield written(events.failed(failure.message))
            raise
        told = [*([] if begun else events.start()), *events.end(answer)]
        self._keep(events.response, wanted)
        yield written(told)

    def _keep(self, response: dict[str, Any], wanted: ResponsesRequest) -> None:
        if wanted.store:
            self.kept.keep(response, wanted.items, wanted.new_items)

    def count(self) -> Endpoint:
        """How many tokens a request would have."""
        desk = self.clerk.desk

        async def answer(request: Request) -> ASGIApp:
            entry = desk.entry(request)
            wanted = responses_request(await desk.body(request), self.kept)
            model = await self.clerk.writer(wanted.model)
            asked = await self.clerk.asked(model, wanted.talk, {}, streams=False)

            async def sent() -> AsyncGenerator[bytes, None]:
                async with desk.loan(entry, model, "text") as loan:
                    counted = await count_tokens(loan, asked)
                    yield msgspec.json.encode({"object": "response.input_tokens", "input_tokens": counted})

            return Reply(desk, request, sent(), JSON)

        return answer

    async def compact(self, _request: Request) -> ASGIApp:
        """There is no such thing."""
        words = "Heft compacts no conversations: ask a model to summarise one, or leave older items out."
        raise DoorError(404, words, code="not_supported")

    async def retrieve(self, request: Request) -> ASGIApp:
        """A response that is kept."""
        name = request.path_params["name"]
        if request.query_params.get("stream") == "true":
            raise DoorError(400, "A response that is kept is not streamed again.", param="stream")
        return JSONResponse(_found(self.kept.response(name), name))

    async def input_items(self, request: Request) -> ASGIApp:
        """What a response that is kept was asked."""
        name = request.path_params["name"]
        items = [
            item | {"id": item.get("id") or f"item_{at}"} for at, item in _numbered(self.kept.own_input(name), name)
        ]
        ends = {"first_id": items[0]["id"] if items else None, "last_id": items[-1]["id"] if items else None}
        return JSONResponse({"object": "list", "data": items, "has_more": False, **ends})

    async def delete(self, request: Request) -> ASGIApp:
        """Forget one."""
        name = request.path_params["name"]
        if not self.kept.forget(name):
            raise unknown_response(name, 404)
        return JSONResponse({"id": name, "object": "response", "deleted": True})


def _found(response: dict[str, Any] | None, name: str) -> dict[str, Any]:
    if response is None:
        raise unknown_response(name, 404)
    return response


def _numbered(items: list[dict[str, Any]] | None, name: str) -> list[tuple[int, dict[str, Any]]]:
    if items is None:
        raise unknown_response(name, 404)
    return list(enumerate(items))
