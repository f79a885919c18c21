"""Servers behind an address: streamable HTTP and the older SSE, with a key in a header and without one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.tool_http_server import __file__ as program
from support.tool_sessions import MakeSession

from desktop.core.errors import HeftError
from desktop.core.mcp_config import ToolServer, Transport


@contextmanager
def _running(kind: Transport, key: str = "") -> Iterator[str]:
    """Its address."""
    command = [sys.executable, str(Path(program).resolve()), kind, *([key] if key else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            yield f"http://127.0.0.1:{port}/{'sse' if kind == 'sse' else 'mcp'}"
        finally:
            process.kill()


@pytest.mark.parametrize("kind", ["http", "sse"])
def test_a_tool_behind_an_address_is_called(make_session: MakeSession, kind: Transport) -> None:
    with _running(kind) as address:
        session = make_session(server=ToolServer("far", kind, url=address))
        opened = session.open()
        assert opened.title == "far"
        assert [tool.description for tool in session.tools] == ["Adds two numbers."]
        assert session.call("add", {"a": 2, "b": 40}).parts[0].text == "42"
        session.close()


def test_a_key_goes_as_a_header(make_session: MakeSession) -> None:
    with _running("http", "secret-of-the-far") as address:
        headers = {"Authorization": "Bearer secret-of-the-far"}
        session = make_session(server=ToolServer("far", "http", url=address, headers=headers))
        session.open()
        assert session.call("add", {"a": 1, "b": 1}).parts[0].text == "2"
        session.close()
        with pytest.raises(HeftError) as raised:
            make_session(server=ToolServer("far", "http", url=address)).open()
        assert "key" in f"{raised.value.message} {raised.value.hint}"


def test_a_server_that_goes_away_is_told(make_session: MakeSession) -> None:
    with _running("http") as address:
        session = make_session(server=ToolServer("far", "http", url=address))
        session.open()
    with pytest.raises(HeftError):
        session.call("add", {"a": 1, "b": 1}, seconds=10)
