"""The process of the RPC server: it is told where to listen, awaited, and ended with whoever started it."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from desktop.core.errors import EngineError
from desktop.core.failures import FailureKind
from desktop.engine.tools import rpc_server
from desktop.engine.tools.rpc_server import RpcServer

LISTENS = """
import json, socket, sys
order = json.loads(sys.stdin.buffer.readline())
assert order["threads"] == 3
listening = socket.create_server(("127.0.0.1", order["port"]))
sys.stdin.buffer.read()
"""
FAILS = "import sys; sys.exit('this engine was built without the RPC backend')"


def stand_in(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    monkeypatch.setattr(rpc_server, "command", lambda _module: [sys.executable, "-c", script])


def test_it_is_awaited_and_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in(monkeypatch, LISTENS)
    server = RpcServer(tmp_path / "scratch", tmp_path / "logs" / "rpc.log", 3)
    assert server.running
    socket.create_connection(("127.0.0.1", server.port), 5).close()
    server.close()
    server.wait()
    assert not server.running
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", server.port), 1)


def test_one_that_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in(monkeypatch, FAILS)
    with pytest.raises(EngineError) as refused:
        RpcServer(tmp_path / "scratch", tmp_path / "logs" / "rpc.log", 3)
    assert refused.value.kind == FailureKind.NOT_STARTED and "without the RPC backend" in refused.value.detail
