"""The door: a thread of its own with its own loop, which serves the models of a lender to other programs."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

from uvicorn import Config
from uvicorn.server import ServerState

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.services.chat.pictures import PictureService
from desktop.services.serve.api import ModelLender, RequestRecord
from desktop.services.serve.door.app import application
from desktop.services.serve.door.desk import Desk
from desktop.services.serve.door.page.assets import find_page
from desktop.services.serve.door.protocol import DoorConnection
from desktop.services.serve.door.requests import RequestLog
from desktop.services.serve.door.settings import DoorSettings, address_of
from desktop.system.spawn import start_thread

_BACKLOG = 128


class Door:
    """Made for one opening. Thread-safe; ``on_request`` hears of each change of a request, on the door's thread."""

    def __init__(
        self,
        lender: ModelLender,
        settings: DoorSettings,
        on_request: Callable[[RequestRecord], None] | None = None,
        pictures: PictureService | None = None,
    ) -> None:
        """``pictures`` reads those of requests; None: a reader of the door's own."""
        self._settings = settings
        self._log = RequestLog(on_request)
        self._pictures, self._owns_pictures = pictures or PictureService(), pictures is None
        self._desk = Desk(lender, settings, self._log, self._pictures)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._leave: asyncio.Event | None = None
        self._open = threading.Event()
        self._address = ""
        self._failed: Exception | None = None

    @property
    def address(self) -> str:
        """What clients are pointed at: ``http://127.0.0.1:8411``, "" before it is open."""
        return self._address

    def requests(self) -> tuple[RequestRecord, ...]:
        """The newest 200, the newest first."""
        return self._log.requests()

    def subscribe(self, listener: Callable[[RequestRecord], None]) -> Callable[[], None]:
        """Hear of each change of a request, on the door's thread; returns the way to stop hearing."""
        return self._log.subscribe(listener)

    def start(self) -> None:
        """Listen, from here on. Raises HeftError where it must not or cannot."""
        self._settings.check()
        if self._settings.web_page:
            self._desk.page = self._settings.page_folder or find_page()
            if self._desk.page is None:
                raise HeftError(
                    "llama.cpp's web page is not among Heft's files.",
                    "Build it with packaging/build_web_page.py, or switch it off.", kind=FailureKind.NOT_FOUND,
                )  # fmt: skip
        listening = _listening(self._settings)
        host, port = listening.getsockname()[:2]
        self._thread = threading.Thread(target=self._run, args=(listening,), name="serve", daemon=True)
        try:
            start_thread(self._thread)
        except OSError as error:
            listening.close()
            raise HeftError(
                "The server could not be started.", "Close other programs: there is not enough memory.",
                detail=str(error),
            ) from error  # fmt: skip
        self._open.wait()
        if self._failed is not None:
            raise HeftError(
                "The server could not be started.", "Copy the details into a report.",
                detail="".join(traceback.format_exception(self._failed)), kind=FailureKind.INTERNAL,
            ) from self._failed  # fmt: skip
        self._address = f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def close(self) -> None:
        """Let nobody in any more, end the answers that run with words, and wait for that a bounded time."""
        if self._owns_pictures:
            self._pictures.close()
        loop, thread = self._loop, self._thread
        if loop is None or thread is None or self._leave is None:
            return
        with contextlib.suppress(RuntimeError):  # it has closed itself
            loop.call_soon_threadsafe(self._leave.set)
        if threading.current_thread() is not thread:
            thread.join(self._settings.closing_seconds + 1.0)

    def _run(self, listening: socket.socket) -> None:
        try:
            with asyncio.Runner() as runner:
                runner.run(self._serve(listening))
        except Exception as error:  # noqa: BLE001  # whoever started it is told
            self._failed = error
        finally:
            listening.close()
            self._open.set()

    async def _serve(self, listening: socket.socket) -> None:
        self._loop, self._leave = asyncio.get_running_loop(), asyncio.Event()
        config = Config(
            application(self._desk),
            http=DoorConnection,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            timeout_keep_alive=int(self._settings.idle_seconds),
        )
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # it would tell of every malformed request
        config.load()
        state = ServerState()
        server = await self._loop.create_server(
            lambda: DoorConnection(config, state, self._settings), sock=listening, backlog=_BACKLOG
        )
        self._open.set()
        await self._leave.wait()
        self._desk.closing = True
        server.close()
        for connection in list(state.connections):
            connection.shutdown()
        for task in list(self._desk.answering):
            task.cancel()
        if state.tasks:
            await asyncio.wait(list(state.tasks), timeout=self._settings.closing_seconds)
        for connection in list(state.connections):
            connection.transport.abort()


def _listening(settings: DoorSettings) -> socket.socket:
    """A socket bound there. Raises HeftError."""
    try:
        family, address = _bound_to(settings)
        listening = socket.socket(family, socket.SOCK_STREAM)
        try:
            if sys.platform != "win32":  # there it would let two programs have one port
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(_BACKLOG)
            listening.setblocking(False)
        except OSError:
            listening.close()
            raise
    except OSError as error:
        raise _cannot_listen(settings, error) from error
    return listening


def _bound_to(settings: DoorSettings) -> tuple[socket.AddressFamily, tuple[Any, ...]]:
    """The family and the address of a host. OSError for a name that nobody knows."""
    address = address_of(settings.host)
    if address is not None:
        return socket.AF_INET6 if address.version == 6 else socket.AF_INET, (str(address), settings.port)
    found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return found[0][0], found[0][4]


def _cannot_listen(settings: DoorSettings, error: OSError) -> HeftError:
    where = f"{settings.host}:{settings.port}"
    if error.errno == errno.EADDRINUSE:
        return HeftError(
            f"Another program listens on {where} already.",
            "Choose another port, or close that program.",
            kind=FailureKind.BUSY,
        )
    if error.errno == errno.EACCES:
        return HeftError(f"The system does not let Heft listen on {where}.", "Choose a port above 1023.")
    return HeftError(
        f"Heft cannot listen on {where}.", "Choose an address of this computer, or 127.0.0.1.", detail=str(error)
    )
