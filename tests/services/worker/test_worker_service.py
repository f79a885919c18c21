"""Lending this computer's devices: which, where, and never on an open network; and using another's."""

from __future__ import annotations

import io
import json
import os
import socket
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from desktop.cli import main
from desktop.cli import worker as command
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.engine.api import Hello
from desktop.engine.backends import RPC_VARIABLE
from desktop.engine.device_records import Device
from desktop.engine.tools import rpc_server
from desktop.services.container import Container
from desktop.services.worker.service import Worker, own_address, use
from desktop.services.worker.tunnel import Tunnel
from desktop.store.paths import Paths

PROCESSOR = Device("CPU", "A processor", "CPU", "cpu", 1 << 34, 1 << 33)
CARD = Device("Vulkan0", "A card", "Vulkan", "gpu", 1 << 33, 1 << 32)
REMOTE = Device("RPC0", "127.0.0.1:1", "RPC", "gpu", 1 << 33, 1 << 32)


def hello(*devices: Device) -> Hello:
    return Hello("llama.cpp 1", (), ("CPU",), devices, ())


class Rpc:
    """In the place of the engine's RPC server: a port, and an end."""

    made: list[Rpc]
    running = True

    def __init__(self, directory: Path, log: Path, threads: int) -> None:
        assert threads > 0
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.over = threading.Event()
        self.over.set()
        Rpc.made.append(self)

    def wait(self) -> None:
        self.over.wait(20)

    def close(self) -> None:
        self.listening.close()


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    Rpc.made = []
    monkeypatch.setattr(rpc_server, "RpcServer", Rpc)


def test_its_cards_are_lent_or_its_processor(paths: Paths) -> None:
    with Worker(paths, lambda: hello(PROCESSOR, CARD), "tls", "127.0.0.1") as worker:
        assert worker.lent.devices == (CARD,)
        pairing = worker.lent.pairing
        assert pairing is not None and worker.lent.address == f"127.0.0.1:{pairing.port}"
        Tunnel(pairing).close()
    with Worker(paths, lambda: hello(PROCESSOR), "tls", "127.0.0.1") as again:
        assert again.lent.devices == (PROCESSOR,)
        other = again.lent.pairing
        assert other is not None and other.secret == pairing.secret  # paired once, paired for good


def test_by_ssh_it_listens_on_loopback_alone(paths: Paths) -> None:
    with Worker(paths, lambda: hello(PROCESSOR), "ssh", "10.0.0.1") as worker:
        assert worker.lent.pairing is None and worker.lent.address == f"127.0.0.1:{Rpc.made[0].port}"
    assert not (paths.data / "worker").exists()


def test_an_open_network_is_refused_before_anything_is_started(paths: Paths) -> None:
    for host in ("203.0.113.7", "0.0.0.0", "::", "worker.example.com"):
        with pytest.raises(HeftError) as refused:
            Worker(paths, lambda: hello(PROCESSOR), "tls", host)
        assert refused.value.kind == FailureKind.CLEARTEXT and refused.value.hint
    assert not Rpc.made


def test_a_port_that_is_taken_is_named_and_nothing_is_left(paths: Paths) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(HeftError) as refused:
            Worker(paths, lambda: hello(PROCESSOR), "tls", "127.0.0.1", port)
    assert refused.value.kind == FailureKind.BUSY and str(port) in refused.value.message
    assert Rpc.made[0].listening.fileno() == -1


def test_the_first_address_in_ones_own_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def address(host: str) -> Any:
        return SimpleNamespace(address=host, family=socket.AF_INET)

    known = {"lo": [address("127.0.0.1")], "wan": [address("203.0.113.7")], "wlan": [address("192.168.1.7")]}
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: known)
    assert own_address() == "192.168.1.7"
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: {"wan": [address("203.0.113.7")]})
    assert own_address() == "127.0.0.1"


def test_the_engine_is_told_of_a_tunnel(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RPC_VARIABLE, "box:50052")
    with Worker(paths, lambda: hello(PROCESSOR), "tls", "127.0.0.1") as worker:
        assert worker.lent.pairing is not None
        tunnel = Tunnel(worker.lent.pairing)
        assert use(tunnel, lambda: hello(PROCESSOR, REMOTE)) == (REMOTE,)
        assert os.environ[RPC_VARIABLE] == f"box:50052 127.0.0.1:{tunnel.port}"
        tunnel.close()


def test_the_command_lends_until_its_server_ends(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Container, "describe_engine", lambda self: hello(PROCESSOR))
    assert main(["worker", "--listen", "127.0.0.1"]) == 1
    said = capsys.readouterr()
    assert "CPU  A processor" in said.out and "heft-worker://127.0.0.1:" in said.out
    assert "heft worker --join" in said.err and "RPC server ended" in said.err
    assert main(["worker", "--tunnel", "ssh"]) == 1
    said = capsys.readouterr()
    assert "ssh -N -L" in said.err and "heft-worker://" not in said.out


def test_the_command_ends_with_its_input_where_that_is_asked_for(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Container, "describe_engine", lambda self: hello(PROCESSOR))
    reading, writing = os.pipe()

    def wait(rpc: Rpc) -> None:
        rpc.over.clear()
        os.close(writing)  # as ssh does when it ends
        assert rpc.over.wait(20)

    def close(rpc: Rpc) -> None:
        rpc.listening.close()
        rpc.over.set()

    monkeypatch.setattr(Rpc, "wait", wait)
    monkeypatch.setattr(Rpc, "close", close)
    with os.fdopen(reading) as source:
        monkeypatch.setattr(sys, "stdin", source)
        assert main(["worker", "--listen", "127.0.0.1", "--until-eof", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pairing"].startswith("heft-worker://127.0.0.1:")


def test_the_command_joins_until_the_worker_is_gone(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(RPC_VARIABLE, raising=False)
    worker = Worker(paths, lambda: hello(PROCESSOR), "tls", "127.0.0.1")
    assert worker.lent.pairing is not None

    def describe(_paths: Paths) -> Hello:
        worker.__exit__(None, None, None)  # it goes as soon as it is used
        host, port = os.environ[RPC_VARIABLE].split(":")
        with socket.create_connection((host, int(port)), 5) as knock:
            assert knock.recv(1) == b""
        return hello(PROCESSOR, REMOTE)

    monkeypatch.setattr(command, "describe_engine", describe)
    monkeypatch.setattr(sys, "stdin", io.StringIO(worker.lent.pairing.text + "\n"))
    assert main(["worker", "--join"]) == 1
    said = capsys.readouterr()
    assert "RPC0" in said.out and RPC_VARIABLE in said.err and "No worker answers" in said.err


@pytest.mark.parametrize(
    ("arguments", "code", "kind"),
    [
        (("--join",), 2, "usage"), (("--join", "--port", "5"), 2, "usage"),
        (("--join", "--until-eof"), 2, "usage"),
        (("--listen", "203.0.113.7"), 1, "cleartext"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...],
    code: int, kind: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(Container, "describe_engine", lambda self: hello(PROCESSOR))
    monkeypatch.setattr(sys, "stdin", io.StringIO("no pairing\n"))
    assert main(["worker", *arguments, "--json"]) == code
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == kind
