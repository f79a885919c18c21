"""A server that is a program: started, spoken to through its standard input and output, and ended with all it started.

The SDK's own transport reads a line of any length into memory; this one ends a server that does not end its line.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import mcp_types
import psutil
from mcp.client.stdio import get_default_environment
from mcp.shared.message import SessionMessage

from desktop.core.mcp_config import ToolServer
from desktop.mcp.log_rate import LogRate

LONGEST_MESSAGE = 32 * 1024 * 1024  # bytes
_READ_BYTES = 1 << 16
_END_SECONDS = 2.0  # from the end of its input to being ended
_PR_SET_PDEATHSIG = 1

Streams = tuple[Any, Any]  # of SessionMessage, as the SDK takes them


class FloodError(Exception):
    """A message that has no end."""


@asynccontextmanager
async def stdio_streams(
    server: ToolServer, log: LogRate, ended: Callable[[int | None, bool], None]
) -> AsyncIterator[Streams]:
    """Start it. Raises OSError. ``ended`` is told its exit code, and whether it was ended for what it wrote."""
    program = shutil.which(server.command, path=_environment(server).get("PATH")) or server.command
    process = await asyncio.create_subprocess_exec(
        program,
        *server.args,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=server.cwd or None,
        env=_environment(server),
        start_new_session=True,
        preexec_fn=_tied if sys.platform == "linux" else None,
    )
    heard, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    write, written = anyio.create_memory_object_stream[SessionMessage](0)
    closing = False

    async def hear() -> None:
        flooded = False
        async with heard:
            try:
                assert process.stdout is not None
                await _hear(process.stdout, heard, log)
            except FloodError:
                flooded = True
            except (anyio.ClosedResourceError, anyio.BrokenResourceError):
                return
        if flooded:
            end_tree(process.pid)
        if not closing:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), _END_SECONDS)
            ended(process.returncode, flooded)

    async def say() -> None:
        assert process.stdin is not None
        with contextlib.suppress(OSError, anyio.ClosedResourceError, anyio.BrokenResourceError):
            async with written:
                async for message in written:
                    process.stdin.write(message.message.model_dump_json(by_alias=True, exclude_unset=True).encode())
                    process.stdin.write(b"\n")
                    await process.stdin.drain()

    async def note() -> None:
        assert process.stderr is not None
        while data := await process.stderr.read(_READ_BYTES):
            log.feed(data)

    async with anyio.create_task_group() as tasks:
        for work in (hear, say, note):
            tasks.start_soon(work)
        try:
            yield read, write
        finally:
            closing = True
            with anyio.CancelScope(shield=True):
                read.close()
                write.close()
                await _end(process)
            tasks.cancel_scope.cancel()


async def _hear(stdout: asyncio.StreamReader, heard: Any, log: LogRate) -> None:
    pieces: list[bytes] = []
    size = 0
    while data := await stdout.read(_READ_BYTES):
        *lines, rest = data.split(b"\n")
        for line in lines:
            whole = b"".join([*pieces, line])
            pieces, size = [], 0
            if whole.strip():
                await _take(whole, heard, log)
        pieces.append(rest)
        size += len(rest)
        if size > LONGEST_MESSAGE:
            raise FloodError
    if pieces and b"".join(pieces).strip():
        log.line("The last line has no end: " + b"".join(pieces)[:500].decode("utf-8", "replace"))


async def _take(line: bytes, heard: Any, log: LogRate) -> None:
    try:
        message = mcp_types.jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValueError:
        log.line("No message of the protocol: " + line[:500].decode("utf-8", "replace"))
        return
    await heard.send(SessionMessage(message))


def _environment(server: ToolServer) -> dict[str, str]:
    return get_default_environment() | server.env


def _tied() -> None:
    """In the server, before it begins: it ends with this process, and has the limits that Heft's own child has not."""
    import resource

    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


async def _end(process: asyncio.subprocess.Process) -> None:
    """The protocol's way: its input ends; who does not go is ended, with all that it started."""
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
    started = _started_by(process.pid)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), _END_SECONDS)
    if process.returncode is None:
        end_tree(process.pid)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _END_SECONDS)
    for left in started:
        with contextlib.suppress(psutil.Error):
            left.kill()


def _started_by(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        return list(psutil.Process(pid).children(recursive=True))
    return []


def end_tree(pid: int) -> None:
    """End a process and all that it started."""
    processes = _started_by(pid)
    with contextlib.suppress(psutil.Error):
        processes.append(psutil.Process(pid))
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)
