"""The page Library while it looks for models on this computer."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtWidgets import (
    QApplication,
    QWidget,
)
from pytestqt.qtbot import QtBot
from support import gguf_bytes as g
from support.calls import counted_calls
from support.library_page import MakePage, button, names, search, settled, table

from desktop.store.paths import Paths
from desktop.ui.library.columns import SIZE

MOST_CALLS = 250_000  # Python functions between two looks at what the user does: to sort 10,000 rows takes 170,000


def test_ten_thousand_files_never_freeze_the_window(make_page: MakePage, paths: Paths, qtbot: QtBot) -> None:
    raw = g.model().header()[0]
    for n in range(100):
        (paths.models / f"{n}").mkdir(parents=True)
    for n in range(10_000):
        (paths.models / f"{n % 100}" / f"model-{n}-Q4_K_M.gguf").write_bytes(raw)
    with counted_calls() as calls:
        page = make_page(wait=False)
        gaps: list[int] = []
        timer = QTimer(page)
        timer.timeout.connect(lambda: gaps.append(calls.take()))
        timer.start(5)
        progress = page.findChild(QWidget, "libraryProgress")
        assert isinstance(progress, QWidget)
        qtbot.waitUntil(progress.isVisible, timeout=20_000)
        qtbot.waitUntil(lambda: button(page, "libraryRescan").isEnabled(), timeout=60_000)
        for text in ("model-99", "", "q4_k_m 7", ""):
            search(page).setText(text)
            qtbot.wait(20)
        for order in (Qt.SortOrder.DescendingOrder, Qt.SortOrder.AscendingOrder):
            table(page).sortByColumn(SIZE, order)
            qtbot.wait(20)
        timer.stop()
    assert len(names(page)) == 10_001
    assert max(gaps) < MOST_CALLS


def test_a_search_can_be_cancelled_and_begun_again(make_page: MakePage, paths: Paths, qtbot: QtBot) -> None:
    raw = g.model().header()[0]
    paths.models.mkdir(parents=True)
    for n in range(300):
        (paths.models / f"model-{n}.gguf").write_bytes(raw)
    page = make_page(wait=False)
    assert not button(page, "libraryRescan").isEnabled()
    page.cancel_scan()
    assert names(page) == [] and button(page, "libraryRescan").isEnabled()
    page.activateWindow()
    qtbot.waitUntil(page.isActiveWindow)
    qtbot.keyClick(page, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert search(page).hasFocus()
    qtbot.keyClick(search(page), Qt.Key.Key_F5)
    qtbot.waitUntil(lambda: len(names(page)) == 301)


def test_a_search_that_ends_leaves_the_keyboard_where_somebody_types(
    make_page: MakePage, two: tuple[Path, Path], qtbot: QtBot
) -> None:
    page = make_page(wait=False)
    page.activateWindow()
    search(page).setFocus()
    settled(qtbot, page)
    assert search(page).hasFocus()


def test_a_search_for_models_moves_nothing(make_page: MakePage, two: tuple[Path, Path], qtbot: QtBot) -> None:
    page = make_page()
    progress = page.findChild(QWidget, "libraryProgress")
    assert isinstance(progress, QWidget)

    def places() -> list[QPoint]:
        parts = (table(page), search(page), button(page, "libraryChat"), button(page, "libraryRescan"))
        return [part.mapTo(page, QPoint(0, 0)) for part in parts]

    before = places()
    progress.show()
    qtbot.waitUntil(lambda: progress.y() > table(page).y())
    QApplication.processEvents()
    assert places() == before
