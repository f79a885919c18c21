"""Hands and eyes for the page Serve in tests."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QLineEdit, QMessageBox, QPlainTextEdit, QTableView
from pytestqt.qtbot import QtBot
from support.serving import Serving
from support.widgets import click, find, label, shown

from desktop.ui.serve.page import ServePage
from desktop.ui.serve.watch import ServeView, ServeWatch
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme


class Shown:
    """A page in view, and what it rests on. ``told`` are its messages."""

    def __init__(self, qtbot: QtBot, serving: Serving, tasks: Tasks, theme: Theme, size: tuple[int, int]) -> None:
        self._qtbot, self.serving = qtbot, serving
        self.watch = ServeWatch(serving.service, tasks)
        self.views: list[ServeView] = []
        self.watch.seen.connect(self.views.append)
        self.page = ServePage(serving.service, self.watch, serving.settings, tasks, theme)
        self.told: list[object] = []
        self.page.notify.connect(self.told.append)
        shown(qtbot, self.page, *size)
        self.page.activateWindow()
        qtbot.waitUntil(lambda: any(view.models is not None for view in self.views))

    def close(self) -> None:
        self.watch.close()
        self.serving.service.close()

    # -- hands -----------------------------------------------------------------------------------

    def press(self, name: str) -> None:
        """A button, by mouse."""
        button = self.button(name)
        assert button.isVisible() and button.isEnabled(), f"{name}: {button.toolTip()}"
        click(self._qtbot, self.page, name)

    def answer(self, question: str, button: str) -> str:
        """Press a button of the question that lies over the page; what was asked."""
        self._qtbot.waitUntil(lambda: bool(self._questions(question)))
        box = self._questions(question)[0]
        words = f"{box.text()}\n{box.informativeText()}"
        self._qtbot.mouseClick(find(box, QAbstractButton, button), Qt.MouseButton.LeftButton)
        return words

    def _questions(self, name: str) -> list[QMessageBox]:
        return [box for box in self.page.findChildren(QMessageBox, name) if box.isVisible()]

    def switch_on(self) -> None:
        self.press("serveSwitch")
        self.until_phase("on")

    # -- eyes ------------------------------------------------------------------------------------

    def until_phase(self, word: str) -> None:
        """Until the page says so."""
        self._qtbot.waitUntil(lambda: word in label(self.page, "servePhase"))

    def button(self, name: str) -> QAbstractButton:
        return find(self.page, QAbstractButton, name)

    def says(self, name: str) -> str:
        """What a label that is in view says; "" while it is not."""
        found = find(self.page, QLabel, name)
        return found.text() if found.isVisible() else ""

    def field(self, name: str) -> str:
        return find(self.page, QLineEdit, name).text()

    @property
    def lines(self) -> str:
        return find(self.page, QPlainTextEdit, "serveLines").toPlainText()

    def table(self, name: str) -> QTableView:
        return find(self.page, QTableView, name)

    def rows(self, name: str) -> list[list[str]]:
        """All cells of a table."""
        model = self.table(name).model()
        return [
            [str(model.index(row, column).data()) for column in range(model.columnCount())]
            for row in range(model.rowCount())
        ]

    def clipboard(self) -> str:
        return QApplication.clipboard().text()


MakePage = Callable[..., Shown]  # of models, with a size
