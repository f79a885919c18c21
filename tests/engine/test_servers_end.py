"""A server that is begun is ended, whatever goes wrong with its load or the thread that holds it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from desktop.core.cancelled import CancelledError
from desktop.core.errors import EngineError
from desktop.engine.api import Load
from desktop.engine.server import held, lent, loading
from desktop.engine.server.held import Loading
from desktop.engine.server.lent import LentServer
from desktop.engine.server.log import ServerLog
from desktop.engine.tools.renderer import Renderer
from desktop.engine.tools.template_records import Trial

SECONDS = 30.0


class NoRenderer(Renderer):
    """No template is tried."""

    def start(self) -> None: ...

    def tried(self, path: str, template: str = "") -> Trial:
        return Trial("{{ messages }}")


class FakeProcess:
    """A server's process that ends when it is killed."""

    made: list[FakeProcess]
    pid, exit_code, heard = 4_194_305, -9, False  # above Linux's largest

    def __init__(self, *_: object) -> None:
        self.running = True
        self.made.append(self)

    def kill(self) -> None:
        self.running = False

    def wait(self, _seconds: float = 0.0) -> bool:
        return not self.running


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> list[FakeProcess]:
    made: list[FakeProcess] = []
    monkeypatch.setattr(FakeProcess, "made", made, raising=False)
    monkeypatch.setattr(held, "ServerProcess", FakeProcess)
    monkeypatch.setattr(held, "server_program", lambda: "llama-server")
    monkeypatch.setattr(loading, "check", lambda _load: None)
    return made


@contextmanager
def a_load(tmp_path: Path, tell: Callable[[Any], None] = lambda _event: None) -> Iterator[Loading]:
    load = Load(str(tmp_path / "model.gguf"), 512)
    log = ServerLog(tmp_path / "engine.log")
    with closing(log):
        yield Loading(
            load, directory=tmp_path, log=log, renderer=NoRenderer(), mark_key="",
            hello=lambda: None, tell=tell, ended=lambda _process: None,
        )  # fmt: skip


def test_a_failure_right_after_the_start_ends_the_process(tmp_path: Path, processes: list[FakeProcess]) -> None:
    def tell(_event: object) -> None:
        raise RuntimeError("nobody listens")

    with a_load(tmp_path, tell) as load, pytest.raises(RuntimeError, match="nobody listens"):
        load.run()
    assert [process.running for process in processes] == [False]


def test_a_server_that_is_gone_when_its_memory_is_looked_at_has_died(
    tmp_path: Path, processes: list[FakeProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ready(_self: Loading, _process: FakeProcess) -> dict[str, Any]:
        raise psutil.NoSuchProcess(FakeProcess.pid)

    monkeypatch.setattr(Loading, "_await_ready", ready)
    with a_load(tmp_path) as load, pytest.raises(EngineError) as failed:
        load.run()
    assert failed.value.message and [process.running for process in processes] == [False]


class FakeHeld:
    """A loaded model whose process takes no order."""

    def __init__(self) -> None:
        self.process, self.closed = self, threading.Event()

    def send(self, _order: str) -> None:
        raise RuntimeError("it takes no order")

    def close(self) -> None:
        self.closed.set()


class FakeLoading:
    """A load that ends as ``work`` does."""

    work: Callable[[], FakeHeld] = staticmethod(FakeHeld)
    cancelled = threading.Event()

    def __init__(self, *_: object, **__: object) -> None: ...

    def run(self) -> FakeHeld:
        return type(self).work()

    def cancel(self) -> None:
        self.cancelled.set()


@pytest.fixture
def fake_loading(monkeypatch: pytest.MonkeyPatch) -> type[FakeLoading]:
    monkeypatch.setattr(lent, "Loading", FakeLoading)
    monkeypatch.setattr(lent, "Renderer", NoRenderer)
    monkeypatch.setattr(FakeLoading, "cancelled", threading.Event())
    return FakeLoading


def lend(tmp_path: Path, cancelled: Callable[[], bool] = lambda: False) -> LentServer:
    load = Load(str(tmp_path / "model.gguf"), 512)
    return LentServer(
        load, log_path=tmp_path / "served.log", directory=tmp_path, hello=lambda: None, cancelled=cancelled
    )


def test_a_model_that_takes_no_order_once_it_is_loaded_is_ended(
    tmp_path: Path, fake_loading: type[FakeLoading], monkeypatch: pytest.MonkeyPatch
) -> None:
    it = FakeHeld()
    monkeypatch.setattr(fake_loading, "work", staticmethod(lambda: it))
    with pytest.raises(RuntimeError, match="takes no order"):
        lend(tmp_path)
    assert it.closed.wait(SECONDS)


def test_a_wait_that_is_broken_off_ends_the_load(
    tmp_path: Path, fake_loading: type[FakeLoading], monkeypatch: pytest.MonkeyPatch
) -> None:
    def work() -> FakeHeld:
        assert fake_loading.cancelled.wait(SECONDS)
        raise CancelledError

    def broken_off() -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(fake_loading, "work", staticmethod(work))
    with pytest.raises(KeyboardInterrupt):
        lend(tmp_path, broken_off)
    assert fake_loading.cancelled.is_set()
