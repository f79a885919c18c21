"""The process that speaks to one server of tools, by the protocol's own SDK: what goes wrong there ends here.

Its owner is :class:`desktop.mcp.session.Session`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import IO, Any

import httpx2
import mcp_types as types
import msgspec
from mcp.client import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.shared.exceptions import MCPError

from desktop.core.failures import FailureKind
from desktop.mcp.log_rate import LogRate
from desktop.mcp.records import (
    Bye,
    Call,
    CallFailed,
    Cancel,
    Event,
    LogLine,
    Lost,
    Open,
    Opened,
    Progressed,
    Request,
    Returned,
    ToolsChanged,
)
from desktop.mcp.results import found_tools, result_parts
from desktop.mcp.stdio import stdio_streams
from desktop.system.framing import PipeClosedError, read_message, write_message
from desktop.system.spawn import die_with_parent

MEMORY_BYTES = 2 << 30  # of addresses; the server has its own, without this limit
_MOST_PAGES = 50
_LIST_PAUSE_SECONDS = 0.3  # a server that changes its list without end is asked no more often
_PROGRESS_PAUSE_SECONDS = 0.1
_ANSWER_SECONDS = 3.0  # of a server that has given up a call
_requests: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)


class _Host:
    """One server, from the first request to the end."""

    def __init__(self, opening: Open, replies: IO[bytes]) -> None:
        self._opening, self._replies = opening, replies
        self._log = LogRate(lambda text: self.tell(LogLine(text)))
        self._calls: dict[int, asyncio.Task[None]] = {}
        self._looking: list[asyncio.Task[None]] = []
        self._gone = asyncio.Event()
        self._changed = asyncio.Event()
        self.lost: Lost | None = None

    def tell(self, event: Event) -> None:
        """To the owner; one that is gone ends this process."""
        try:
            write_message(self._replies, event)
        except OSError:
            os._exit(0)

    async def run(self, requests: asyncio.Queue[Request | None]) -> None:
        """Reach the server and do what is asked, until it is gone or nobody asks any more."""
        client = Client(
            _Transport(self._streams()),
            client_info=types.Implementation(name="heft", title="Heft", version=self._opening.version),
            message_handler=self._message,
            logging_callback=self._logged,
            cache=None,
        )
        async with client:
            info = client.server_info
            tools = await self._tools(client)
            self.tell(
                Opened(
                    (info.title or info.name)[:200] if info is not None else "",
                    info.version[:100] if info is not None else "",
                    client.protocol_version,
                    (client.instructions or "")[:20_000],
                    tools,
                )
            )
            counting = asyncio.create_task(self._count_log())
            watching = asyncio.create_task(self._watch(client))
            listening = asyncio.create_task(self._listen(client))
            gone = asyncio.create_task(self._gone.wait())
            try:
                while True:
                    asked = asyncio.create_task(requests.get())
                    await asyncio.wait({asked, gone}, return_when=asyncio.FIRST_COMPLETED)
                    if not asked.done():
                        asked.cancel()
                        break
                    request = asked.result()
                    if request is None or isinstance(request, Bye):
                        break
                    self._do(client, request)
            finally:
                for task in (counting, watching, listening, gone, *self._calls.values(), *self._looking):
                    task.cancel()

    def _do(self, client: Client, request: Request) -> None:
        if isinstance(request, Call):
            self._calls[request.number] = asyncio.create_task(self._call(client, request))
        elif isinstance(request, Cancel) and (task := self._calls.get(request.number)) is not None:
            task.cancel()

    async def _call(self, client: Client, call: Call) -> None:
        told = 0.0

        async def step(progress: float, total: float | None, message: str | None) -> None:
            nonlocal told
            now = asyncio.get_running_loop().time()
            if now - told >= _PROGRESS_PAUSE_SECONDS:
                told = now
                self.tell(Progressed(call.number, progress, total or 0.0, (message or "")[:500]))

        try:
            result = await client.call_tool(
                call.tool, call.arguments, read_timeout_seconds=call.seconds, progress_callback=step
            )
            parts, size = result_parts(result)
            self.tell(Returned(call.number, parts, bool(result.is_error), size))
        except asyncio.CancelledError:
            if self._gone.is_set():
                self.tell(
                    CallFailed(call.number, FailureKind.INTERRUPTED, "The server ended in the middle of the call.")
                )
            else:
                self.tell(CallFailed(call.number, FailureKind.CANCELLED, "The call was stopped."))
                self._look_later(client)
        except MCPError as error:
            self.tell(self._refused(call, error))
            if error.error.code == types.REQUEST_TIMEOUT:
                self._look_later(client)
        except Exception as error:  # noqa: BLE001  # whatever a server answers, its caller hears of it
            words = "Its answer is none of the protocol."
            self.tell(CallFailed(call.number, FailureKind.BAD_ANSWER, words, _detail(error)))
        finally:
            self._calls.pop(call.number, None)

    def _look_later(self, client: Client) -> None:
        """See whether a server that was asked to give a call up still answers; a program that does not is ended."""
        if self._opening.server.transport == "stdio" and not self._looking:
            self._looking.append(asyncio.create_task(self._look(client)))

    async def _look(self, client: Client) -> None:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await client.list_tools()
        except TimeoutError:
            words = "It did not answer any more after a call was given up, and was ended."
            self.lost = Lost(FailureKind.TOO_SLOW, words, "It is started again when it is needed.")
            self._gone.set()
        except MCPError:
            pass  # it answers
        finally:
            self._looking.clear()

    def _refused(self, call: Call, error: MCPError) -> CallFailed:
        code, said = error.error.code, error.error.message[:2000]
        if code == types.REQUEST_TIMEOUT:
            words = f"It did not answer within {call.seconds:.0f} seconds."
            return CallFailed(call.number, FailureKind.TOO_SLOW, words, said)
        if code == types.CONNECTION_CLOSED:
            return CallFailed(call.number, FailureKind.INTERRUPTED, "The server ended in the middle of the call.", said)
        return CallFailed(call.number, FailureKind.REFUSED, f"The server refused the call: {said}", f"code {code}")

    # -- what the server tells by itself -----------------------------------------------------------

    async def _message(self, message: object) -> None:
        if isinstance(message, types.ToolListChangedNotification):
            self._changed.set()
        elif isinstance(message, Exception):
            self._log.line(f"No message of the protocol: {message}")

    async def _logged(self, params: types.LoggingMessageNotificationParams) -> None:
        self._log.line(f"{params.level}: {params.data}")

    async def _count_log(self) -> None:
        """What was left out of the log is told a moment later, also where nothing follows."""
        while True:
            await asyncio.sleep(1.0)
            self._log.flush()

    async def _watch(self, client: Client) -> None:
        """Ask for the list again when it has changed."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            with contextlib.suppress(MCPError, ValueError):
                self.tell(ToolsChanged(await self._tools(client)))
            await asyncio.sleep(_LIST_PAUSE_SECONDS)

    async def _listen(self, client: Client) -> None:
        """Newer servers tell of a changed list only where they are asked to."""
        with contextlib.suppress(Exception):  # one that cannot is asked at the next start
            async with client.listen(tools_list_changed=True) as changes:
                async for _ in changes:
                    self._changed.set()

    async def _tools(self, client: Client) -> Any:
        if client.server_capabilities.tools is None:
            return ()
        found: list[types.Tool] = []
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            page = await client.list_tools(cursor=cursor)
            found += page.tools
            cursor = page.next_cursor
            if not cursor:
                break
        return found_tools(found)

    # -- the way there ---------------------------------------------------------------------------

    @asynccontextmanager
    async def _streams(self) -> AsyncIterator[Any]:
        server = self._opening.server
        if server.transport == "stdio":
            async with stdio_streams(server, self._log, self._ended) as streams:
                yield streams
        elif server.transport == "sse":
            async with sse_client(server.url, headers=dict(server.headers), httpx_client_factory=self._http) as streams:
                yield streams
        else:
            async with (
                self._http(dict(server.headers)) as http,
                streamable_http_client(server.url, http_client=http) as streams,
            ):
                yield streams

    def _http(
        self,
        headers: dict[str, str] | None = None,
        timeout: httpx2.Timeout | None = None,
        auth: httpx2.Auth | None = None,
    ) -> httpx2.AsyncClient:
        if not self._opening.proxy:
            return create_mcp_http_client(headers, timeout, auth)
        limits = timeout or httpx2.Timeout(30.0, read=300.0)
        return httpx2.AsyncClient(
            headers=headers, timeout=limits, auth=auth, follow_redirects=True, proxy=self._opening.proxy
        )

    def _ended(self, code: int | None, flooded: bool) -> None:
        """The server's program is gone, or was ended."""
        self._log.flush()
        if self.lost is not None:
            return
        if flooded:
            words = "The server wrote a message without an end, and was ended."
            self.lost = Lost(FailureKind.TOO_LONG, words, "Report it to whoever made the server.")
        else:
            how = "" if code is None else f" with code {code}" if code >= 0 else f" by signal {-code}"
            hint = "Its log says more; switch it on again."
            self.lost = Lost(FailureKind.CRASHED, f"The server ended by itself{how}.", hint)
        self._gone.set()


class _Transport:
    """A context manager of streams as the SDK wants it: one that it may enter."""

    def __init__(self, streams: Any) -> None:
        self._streams = streams

    async def __aenter__(self) -> Any:
        return await self._streams.__aenter__()

    async def __aexit__(self, *raised: Any) -> bool | None:
        ended: bool | None = await self._streams.__aexit__(*raised)
        return ended


def lost_of(error: BaseException, opening: Open) -> Lost:
    """Why a server could not be reached, in words."""
    server = opening.server
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    detail = _detail(error)
    match error:
        case FileNotFoundError():
            if server.cwd and error.filename == server.cwd:
                return Lost(FailureKind.NOT_FOUND, f"Its folder {server.cwd} is not there.", "Correct it.", detail)
            words = f"The program {server.command} is not on this computer."
            return Lost(FailureKind.NOT_FOUND, words, "Install it, or give its whole path.", detail)
        case PermissionError():
            words = f"The program {server.command} may not be started."
            return Lost(FailureKind.NOT_READABLE, words, "Make it executable, or give another one.", detail)
        case httpx2.HTTPStatusError() if error.response.status_code in (401, 403):
            words = "The server wants a key, or does not accept this one."
            return Lost(FailureKind.REFUSED, words, "Give it in the server's headers.", detail)
        case httpx2.HTTPStatusError():
            words = f"The server answered with {error.response.status_code}."
            return Lost(FailureKind.REFUSED, words, "Check its address.", detail)
        case httpx2.TimeoutException():
            return Lost(FailureKind.TIMEOUT, "The server did not answer in time.", "Try it again.", detail)
        case httpx2.HTTPError():
            return Lost(FailureKind.UNREACHABLE, "The server does not answer.", "Check its address.", detail)
        case MCPError():
            words = f"The server refused to begin: {error.error.message[:500]}"
            hint = "Check what it is started with."
            if server.url:
                hint = "If it wants a key, give it as a header; signing in through a browser is not offered."
            return Lost(FailureKind.REFUSED, words, hint, detail)
        case OSError():
            words = f"The server could not be started: {error.strerror or error}"
            return Lost(FailureKind.NOT_STARTED, words, "Check its command.", detail)
    return Lost(FailureKind.BAD_ANSWER, "The server does not speak the protocol.", "Check its command.", detail)


def _detail(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:2000]


def _hear(requests: asyncio.Queue[Request | None], loop: asyncio.AbstractEventLoop) -> None:
    """On a thread of its own: what the owner asks, then None."""
    with contextlib.suppress(PipeClosedError, msgspec.DecodeError, OSError, RuntimeError):
        while True:
            request = read_message(sys.stdin.buffer, _requests)
            loop.call_soon_threadsafe(requests.put_nowait, request)
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(requests.put_nowait, None)


async def _serve(replies: IO[bytes]) -> None:
    requests: asyncio.Queue[Request | None] = asyncio.Queue()
    threading.Thread(target=_hear, args=(requests, asyncio.get_running_loop()), daemon=True).start()
    opening = await requests.get()
    if not isinstance(opening, Open):
        return
    host = _Host(opening, replies)
    lost: Lost | None = None
    try:
        await host.run(requests)
    except Exception as error:  # noqa: BLE001  # the owner hears why
        lost = lost_of(error, opening)
    lost = host.lost or lost
    if lost is not None:
        host.tell(lost)


def main() -> None:
    """Serve until the owner closes the pipe, or the server is gone."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        import resource

        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, hard))
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no reply
    asyncio.run(_serve(replies))
    sys.stderr.flush()
    os._exit(0)  # the thread that reads requests need not be waited for


if __name__ == "__main__":
    main()
