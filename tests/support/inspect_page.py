"""The page Inspect as a test uses it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QTabBar, QTableView, QWidget
from pytestqt.qtbot import QtBot

from desktop.services.inspect.inspection import Inspected, PlacedTensor
from desktop.ui.inspect.page import InspectPage

from .widgets import find

MakePage = Callable[..., InspectPage]


class Panel(QWidget):
    """A panel that keeps what it shows."""

    shown: list[str] = []  # noqa: RUF012 - emptied by the fixture

    def show_tensor(self, inspected: Inspected | None, tensor: PlacedTensor | None) -> None:
        self.shown.append(tensor.tensor.name if tensor is not None else "")


def opened(qtbot: QtBot, page: InspectPage, source: str | Path) -> None:
    page.open(str(source))
    qtbot.waitUntil(lambda: not page.busy)


def tabs(page: QWidget) -> list[str]:
    bar = find(page, QTabBar, "inspectTabBar")
    return [bar.tabText(index) for index in range(bar.count()) if bar.isTabVisible(index)]


def names(table: QTableView) -> list[str]:
    return [table.model().index(row, 0).data() for row in range(table.model().rowCount())]
