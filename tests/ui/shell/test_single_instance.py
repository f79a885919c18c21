"""One window per Heft folder: the first hears what later starts were asked to open."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from weakref import ref

import pytest
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from support.deferred import delete_what_waits

from desktop.core.errors import HeftError
from desktop.services.single_instance import Claim, OpenRequest, ask, claim
from desktop.ui.shell.single_instance import FileOpenEvents, InstanceListener

LATER = """
import sys, time
from pathlib import Path
from desktop.services.single_instance import claim
print(claim(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])))
"""


@pytest.fixture(autouse=True)
def runtime_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="run-") as name:  # a socket's address is short
        monkeypatch.setenv("XDG_RUNTIME_DIR", name)
        yield Path(name)


@pytest.fixture
def first(tmp_path: Path) -> Iterator[Claim]:
    claimed = claim(tmp_path, "")
    assert isinstance(claimed, Claim)
    yield claimed
    claimed.release()


def later(folder: Path, source: str, seconds: float = 20.0) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", LATER, str(folder), source, str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_the_first_opens_what_later_starts_were_given(tmp_path: Path, first: Claim, qtbot: QtBot) -> None:
    listener = InstanceListener(first)
    name = os.fsdecode(b"/models/na\xffme \xc3\xa9.gguf")
    heard: list[OpenRequest] = []
    listener.asked.connect(heard.append)
    starts = [later(tmp_path, source) for source in (name, "")]
    qtbot.waitUntil(lambda: len(heard) == 2, timeout=20_000)
    assert {request.source for request in heard} == {name, ""}
    assert [start.communicate()[0].strip() for start in starts] == ["handed-over", "handed-over"]
    listener.close()
    assert list(Path(first.address).parent.iterdir()) == []
    again = claim(tmp_path, "")
    assert isinstance(again, Claim)
    again.release()


def test_a_listener_may_go_while_what_it_heard_is_cleared_away(first: Claim, qapp: QApplication) -> None:
    listener = InstanceListener(first)
    heard: list[OpenRequest] = []
    listener.asked.connect(heard.append)
    with socket.socket(socket.AF_UNIX) as talk:
        talk.connect(first.address)
        talk.sendall(OpenRequest("model.gguf").encode())
        deadline = time.monotonic() + 20
        while not heard and time.monotonic() < deadline:
            QApplication.processEvents()  # no loop of its own: what is to be deleted later is not deleted yet
    assert heard == [OpenRequest("model.gguf")]
    listener.close()
    gone = ref(listener)
    del listener
    left = gone()
    assert left is None, "its end would come from inside that of its child"
    delete_what_waits()


def test_another_folder_is_another_first(tmp_path: Path, first: Claim) -> None:
    other = claim(tmp_path / "other", "")
    assert isinstance(other, Claim)
    other.release()


def test_a_first_that_hangs_delays_a_start_by_its_limit_only(tmp_path: Path, first: Claim) -> None:
    begun = time.monotonic()
    assert claim(tmp_path, "model.gguf", 0.3) == "alone"  # the socket is there, nobody reads it
    assert time.monotonic() - begun < 30


def test_a_first_that_does_not_listen_yet_is_waited_for(tmp_path: Path, first: Claim) -> None:
    assert first.listener is not None
    first.listener.close()
    Path(first.address).unlink()
    assert claim(tmp_path, "model.gguf", 0.2) == "alone"


def test_a_socket_left_by_a_killed_first_is_replaced(tmp_path: Path) -> None:
    command = [sys.executable, "-c", f"{LATER}\nimport os, signal; os.kill(os.getpid(), signal.SIGKILL)"]
    killed = subprocess.run([*command, str(tmp_path), "", "1"], stdout=subprocess.DEVNULL, timeout=60)
    assert killed.returncode == -9
    claimed = claim(tmp_path, "")
    assert isinstance(claimed, Claim)
    claimed.release()


def test_garbage_is_neither_obeyed_nor_answered(first: Claim, qtbot: QtBot) -> None:
    listener = InstanceListener(first)
    heard: list[OpenRequest] = []
    listener.asked.connect(heard.append)
    for line in (b"\n", b"[1]\n", b'{"source": 5}\n', b"\xff\xfe\n", b"x" * 70_000):
        with socket.socket(socket.AF_UNIX) as talk:
            talk.connect(first.address)
            talk.sendall(line)
            qtbot.waitUntil(partial(_ended, talk), timeout=20_000)
    assert heard == []
    listener.close()


def _ended(talk: socket.socket) -> bool:
    talk.setblocking(False)
    try:
        return talk.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def test_what_macos_asks_to_open_is_opened(qapp: QApplication) -> None:
    events = FileOpenEvents()
    heard: list[OpenRequest] = []
    events.asked.connect(heard.append)
    qapp.installEventFilter(events)
    QApplication.sendEvent(qapp, QFileOpenEvent("/models/model.gguf"))
    qapp.removeEventFilter(events)
    assert heard == [OpenRequest("/models/model.gguf")]


def test_a_place_too_deep_for_a_socket_is_not_used(
    tmp_path: Path, runtime_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(runtime_folder))
    deep = tmp_path / ("d" * 100)
    deep.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    claimed = claim(tmp_path, "")
    assert isinstance(claimed, Claim) and Path(claimed.address).is_relative_to(runtime_folder)
    claimed.release()


def test_a_place_that_others_can_write_to_is_not_used(tmp_path: Path, runtime_folder: Path) -> None:
    shared = runtime_folder / f"heft-{os.getuid()}"
    shared.mkdir()
    shared.chmod(0o777)
    assert claim(tmp_path, "") == "alone"
    assert list(shared.iterdir()) == []


def test_a_command_is_answered_off_the_gui_thread(tmp_path: Path, first: Claim, qtbot: QtBot) -> None:
    where: list[threading.Thread] = []

    def answer(question: dict[str, Any]) -> dict[str, Any]:
        where.append(threading.current_thread())
        return {"heard": question["ask"], "long": "x" * 300_000}

    listener = InstanceListener(first, answer)
    opened: list[object] = []
    listener.asked.connect(opened.append)
    told: list[dict[str, Any] | None] = []
    asking = threading.Thread(target=lambda: told.append(ask(tmp_path, {"ask": "jobs"})))
    asking.start()
    qtbot.waitUntil(lambda: bool(told))
    asking.join()
    assert told[0] == {"heard": "jobs", "long": "x" * 300_000}
    assert where[0] is not threading.main_thread() and opened == []
    listener.close()


def test_without_a_window_nobody_answers(tmp_path: Path) -> None:
    assert ask(tmp_path, {"ask": "jobs"}) is None


def test_a_window_that_hangs_is_told(tmp_path: Path, first: Claim) -> None:
    with pytest.raises(HeftError, match="does not answer"):
        ask(tmp_path, {"ask": "jobs"}, 0.2)
