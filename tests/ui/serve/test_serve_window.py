"""The whole window serves: from its start where that is wanted, said in the status bar, and over with the window."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton
from pytestqt.qtbot import QtBot
from support.hub_server import HubServer
from support.real_window import RealWindow
from support.widgets import click, find

from desktop.services.serve import owner
from desktop.services.serve.key import ServeKey
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore

pytestmark = pytest.mark.leaves_threads
MakeWindow = Callable[[], RealWindow]


@pytest.fixture
def port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def make_window(
    qtbot: QtBot,
    qapp: QApplication,
    paths: Paths,
    hub: HubServer,
    port: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[MakeWindow]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    SettingsStore(paths.settings).update(serve_port=port, serve_at_start=True)
    made: list[RealWindow] = []

    def make() -> RealWindow:
        made.append(RealWindow(qtbot, qapp, paths, hub, monkeypatch))
        return made[-1]

    yield make
    for each in made:
        each.close()


def status(port: int, key: str) -> int:
    """What the server answers to a program that asks for its models."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/models", headers={"Authorization": f"Bearer {key}", "User-Agent": "a test"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60.0) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_it_serves_from_the_start_and_the_status_bar_leads_to_the_page(
    make_window: MakeWindow, paths: Paths, port: int, qtbot: QtBot
) -> None:
    window = make_window().window
    serving = find(window, QPushButton, "statusServing")
    qtbot.waitUntil(lambda: serving.isVisible() and serving.text() == "Serving", timeout=20_000)
    key = ServeKey(paths.data).get()
    assert status(port, key) == 200 and status(port, "heft-another") == 401
    qtbot.waitUntil(lambda: serving.text() == "Serving · 1 client", timeout=20_000)
    assert window.page("serve") is None, "nobody has looked at it"
    click(qtbot, window, "statusServing")
    assert window.current == "serve" and find(window, QLabel, "servePhase").text() == "● on"
    click(qtbot, window, "serveSwitch")
    qtbot.waitUntil(lambda: not serving.isVisible(), timeout=20_000)


def test_the_window_s_end_is_the_server_s(make_window: MakeWindow, paths: Paths, qtbot: QtBot) -> None:
    made = make_window()
    qtbot.waitUntil(lambda: find(made.window, QPushButton, "statusServing").isVisible(), timeout=20_000)
    told = owner.ask_owner(paths.data, owner.STATUS)
    assert told is not None and told["served_by"] == "window" and told["state"] == "on"
    made.heft.shut_down()
    assert owner.ask_owner(paths.data, owner.STATUS) is None


def test_a_port_that_is_taken_is_told_at_the_start(make_window: MakeWindow, port: int, qtbot: QtBot) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        window = make_window().window
        qtbot.waitUntil(
            lambda: any(str(port) in found.text() for found in window.findChildren(QLabel, "notificationMessage")),
            timeout=20_000,
        )
    assert not find(window, QPushButton, "statusServing").isVisible()
