"""What every route is handed: the lender, the limits, the list of requests; and the loan of a model for one request."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from starlette.requests import Request

from desktop.core.errors import HeftError
from desktop.engine.endpoint.http import ConnectionLostError, EndpointError
from desktop.services.chat.pictures import PictureService
from desktop.services.serve.api import Lease, ModelLender, Purpose, ServedModel
from desktop.services.serve.door import bodies
from desktop.services.serve.door.failures import engine_lost, of_engine, of_heft, unknown_model
from desktop.services.serve.door.metering import Tally
from desktop.services.serve.door.requests import Entry, RequestLog
from desktop.services.serve.door.settings import DoorSettings
from desktop.services.serve.door.upstream import Upstream
from desktop.system.spawn import start_thread

T = TypeVar("T")
_LARGE = 1 << 18  # bytes of a body
ENTRY = "heft.entry"  # where a request's record is kept in its scope


@dataclass(frozen=True)
class Loan:
    """A loaded model for one request: how to ask it, the request's record, where its tokens are counted, who reads
    pictures, and how many requests are answered now.
    """

    lease: Lease
    upstream: Upstream
    entry: Entry
    tally: Tally
    pictures: PictureService
    in_thread: Callable[..., Awaitable[Any]]
    answering: Callable[[], int]

    @property
    def model(self) -> ServedModel:
        """What was asked for."""
        return self.lease.model


class Desk:
    """One for a door. Used on its loop; the lender is asked on threads."""

    def __init__(self, lender: ModelLender, settings: DoorSettings, log: RequestLog, pictures: PictureService) -> None:
        self.lender, self.settings, self.log, self.pictures = lender, settings, log, pictures
        self.page: Path | None = None  # where llama.cpp's web page lies, while it is served
        self.closing = False
        self.answering: set[asyncio.Task[None]] = set()

    def entry(self, request: Request) -> Entry:
        """The record of a request."""
        found: Entry = request.scope[ENTRY]
        return found

    async def in_thread(self, call: Callable[..., T], *arguments: object) -> T:
        """A quick question, off the loop."""
        return await asyncio.wrap_future(_submit(call, *arguments))

    async def body(self, request: Request) -> dict[str, Any]:
        """The JSON object that a request carries. Raises DoorError."""
        content = await bodies.read(request, self.settings.largest_body, keyed=bool(self.settings.key))
        if len(content) < _LARGE:
            return bodies.decoded(content)
        return await self.in_thread(bodies.decoded, content)  # other answers go on meanwhile

    async def model(self, name: str) -> ServedModel:
        """The model of a name or alias. Raises DoorError (404)."""
        found = await self.in_thread(self.lender.find, name)
        if found is None:
            raise unknown_model(name[:200])
        return found

    async def models(self) -> list[tuple[ServedModel, int]]:
        """All models, by name, each with the context that a request to it gets."""
        return await self.in_thread(lambda: [(each, self.lender.context(each)) for each in self.lender.models()])

    async def model_and_context(self, name: str) -> tuple[ServedModel, int]:
        """One of them, by name or alias. Raises DoorError (404)."""
        model = await self.model(name)
        return model, await self.in_thread(self.lender.context, model)

    @asynccontextmanager
    async def loan(self, entry: Entry, model: ServedModel, purpose: Purpose) -> AsyncIterator[Loan]:
        """The model, loaded, until the block ends. Raises DoorError, also for what the engine says in the block."""
        entry.update(model=model.name, state="waiting")
        lease = await self._acquire(model, purpose)
        try:
            entry.update(state="reading")
            upstream, tally, answering = Upstream(lease.address), Tally(entry), self.answering.__len__
            yield Loan(lease, upstream, entry, tally, self.pictures, self.in_thread, answering)
        except EndpointError as error:
            raise of_engine(error) from error
        except ConnectionLostError as error:
            raise engine_lost() from error
        finally:
            _submit(lease.release)

    async def _acquire(self, model: ServedModel, purpose: Purpose) -> Lease:
        given_up = threading.Event()
        future = _submit(self.lender.acquire, model, purpose, given_up.is_set)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            given_up.set()
            future.add_done_callback(_give_back)
            raise
        except HeftError as error:
            raise of_heft(error) from error


def _submit(call: Callable[..., T], *arguments: object) -> Future[T]:
    """Do it in a thread that lives as long as that takes: loads wait for one another, and questions not for loads."""
    future: Future[T] = Future()

    def run() -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(call(*arguments))
        except BaseException as error:  # noqa: BLE001  # whoever waits for it raises it
            future.set_exception(error)

    try:
        start_thread(threading.Thread(target=run, name="serve-ask", daemon=True))
    except OSError as error:
        future.set_exception(error)
    return future


def _give_back(future: Future[Lease]) -> None:
    """A lease that came when nobody waited for it any more."""
    if not future.cancelled() and future.exception() is None:
        future.result().release()
