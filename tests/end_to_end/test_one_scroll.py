"""A page is as high as the window where there is room: what is longer in it scrolls by itself, once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from PySide6.QtWidgets import QApplication, QScrollArea, QWidget
from pytestqt.qtbot import QtBot
from support.hub_server import HubServer
from support.real_window import RealWindow
from support.widgets import find

from desktop.store.paths import Paths

PAGES = ("discover", "library", "chat", "inspect", "lab", "serve", "machine")


@pytest.fixture
def real(
    qtbot: QtBot, qapp: QApplication, paths: Paths, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RealWindow]:
    made = RealWindow(qtbot, qapp, paths, hub, monkeypatch)
    yield made
    made.close()


@pytest.mark.parametrize("size", [(1280, 800), (820, 520)])
def test_no_page_is_higher_than_the_window(real: RealWindow, size: tuple[int, int], qtbot: QtBot) -> None:
    real.window.resize(*size)
    around = find(real.window, QScrollArea, "pageScroll")
    for name in PAGES:
        page = real.window.go_to(name)
        qtbot.waitUntil(lambda: (real.window.width(), real.window.height()) == size)
        qtbot.waitUntil(partial(_fills, page, around))


def _fills(page: QWidget, around: QScrollArea) -> bool:
    return page.height() == around.viewport().height()
