"""What Ollama's clients ask before they ask a model: version, lists, what a model is; and what Heft does not do."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp

from desktop import __version__
from desktop.services.serve.door.asking import Clerk
from desktop.services.serve.door.failures import DoorError
from desktop.services.serve.door.fields import Fields
from desktop.services.serve.door.ollama.models import listed, running, shown

Endpoint = Callable[[Request], Awaitable[ASGIApp]]

API_VERSION = "0.30.0"  # the Ollama whose API this is: clients ask for a least one
_HELLO = (
    f'Heft {__version__} is running. Programs that look for "Ollama is running" find Ollama\'s API here, under /api.'
)
_HOLDS = ("ready", "answering")


async def hello(_request: Request) -> ASGIApp:
    """What is said at /, which clients look at before all else."""
    return PlainTextResponse(_HELLO)


async def version(_request: Request) -> ASGIApp:
    """/api/version."""
    return JSONResponse({"version": API_VERSION, "heft": __version__})


def tags(clerk: Clerk) -> Endpoint:
    """/api/tags."""

    async def answer(_request: Request) -> ASGIApp:
        return JSONResponse({"models": [listed(*each) for each in await clerk.desk.models()]})

    return answer


def ps(clerk: Clerk) -> Endpoint:
    """/api/ps."""

    async def answer(_request: Request) -> ASGIApp:
        states = await clerk.desk.in_thread(clerk.desk.lender.states)
        held = [running(state, time.time()) for state in states if state.phase in _HOLDS]
        return JSONResponse({"models": held})

    return answer


def show(clerk: Clerk) -> Endpoint:
    """/api/show."""

    async def answer(request: Request) -> ASGIApp:
        body = await clerk.desk.body(request)
        fields = Fields(body)
        name = fields.text("name") if "model" not in body else fields.required_text("model")
        model, context = await clerk.desk.model_and_context(name or fields.required_text("model"))
        facts = await clerk.desk.in_thread(clerk.facts.of, model)
        return JSONResponse(shown(model, facts, context))

    return answer


def refused(why: str) -> Endpoint:
    """What Heft does not do."""

    async def answer(_request: Request) -> ASGIApp:
        raise DoorError(501, why, code="not_supported")

    return answer
