"""What the page asks beside OpenAI's routes: llama.cpp's router (tools/server/README.md, "Using multiple models").

A model that is not loaded is told as "sleeping": it is loaded by the first message to it, without being asked.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from desktop.services.serve.api import ModelPhase, ModelState
from desktop.services.serve.door.desk import Desk
from desktop.services.serve.door.fields import Fields
from desktop.services.serve.door.replies import EVENTS, Reply

_STATUS: Mapping[ModelPhase, str] = {
    "unloaded": "sleeping", "loading": "loading", "ready": "loaded", "answering": "loaded",
}  # fmt: skip
# the page asks for these by itself, all the time
UNLISTED = ("/props", "/models/sse", "/v1/streams/lookup", "/tools", "/slots")
_SILENCE_SECONDS = 15.0  # a line now and then keeps what stands between from closing it


def routes(desk: Desk) -> list[Route]:
    """The page's own."""
    return [
        Route("/props", _props(desk), methods=["GET"]),
        Route("/models/sse", _changes(desk), methods=["GET"]),
        Route("/models/load", _load(desk), methods=["POST"]),
        Route("/models/unload", _unload(desk), methods=["POST"]),
        Route("/v1/streams/lookup", _nothing, methods=["POST"]),
        Route("/tools", _nothing, methods=["GET"]),
        Route("/slots", _nothing, methods=["GET"]),
    ]


def of_models(states: tuple[ModelState, ...]) -> dict[str, dict[str, Any]]:
    """What the page wants to know of each model of the list, by its name."""
    return {
        state.model.name: {
            "status": {"value": _STATUS[state.phase]},
            "in_cache": True,
            "path": "",
            "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]},
        }
        for state in states
    }


def _props(desk: Desk) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        name = request.query_params.get("model")
        context, sees = 0, False
        if name:
            model, context = await desk.model_and_context(name)
            sees = "image" in model.media
        facts = {
            "role": "model" if name else "router",
            "model_alias": name or "heft",
            "model_path": "none",
            "default_generation_settings": {"params": {}, "n_ctx": context},
            "modalities": {"vision": sees, "audio": False, "video": False},
            "ui_settings": {},
            "cors_proxy_enabled": False,
        }
        return JSONResponse(facts)

    return answer


def _load(desk: Desk) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        await desk.model(Fields(await desk.body(request)).required_text("model"))
        return JSONResponse({"success": True})  # its first message loads it

    return answer


def _unload(desk: Desk) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        model = await desk.model(Fields(await desk.body(request)).required_text("model"))
        await desk.in_thread(desk.lender.unload, model)
        return JSONResponse({"success": True})

    return answer


async def _nothing(_request: Request) -> Response:
    """No answer outlives its connection, no tool runs here, and other clients' slots are nobody's business."""
    return JSONResponse([])


def _changes(desk: Desk) -> Callable[[Request], Awaitable[ASGIApp]]:
    """An event for each model whose state has changed, until the page leaves."""

    async def answer(request: Request) -> ASGIApp:
        return Reply(desk, request, _events(desk), EVENTS)

    return answer


async def _events(desk: Desk) -> AsyncGenerator[bytes, None]:
    loop, changed = asyncio.get_running_loop(), asyncio.Event()

    def hear() -> None:
        with contextlib.suppress(RuntimeError):  # the door has closed
            loop.call_soon_threadsafe(changed.set)

    stop = desk.lender.subscribe(hear)
    told: dict[str, str] = {}
    try:
        yield b":\n\n"
        while True:
            for state in await desk.in_thread(desk.lender.states):
                status = _STATUS[state.phase]
                if told.get(state.model.name, status) != status:
                    event = {"model": state.model.name, "event": "status_change", "data": {"status": status}}
                    yield b"data: " + msgspec.json.encode(event) + b"\n\n"
                told[state.model.name] = status
            try:
                await asyncio.wait_for(changed.wait(), _SILENCE_SECONDS)
            except TimeoutError:
                yield b":\n\n"
            changed.clear()
    finally:
        stop()
