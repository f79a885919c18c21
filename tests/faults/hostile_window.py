"""The real window, led through its pages over hostile content; prints what it showed as JSON. Run by test_hostile_text.

Measures the CPU time of the GUI thread in every event, and looks at every label and model on the way.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QAbstractListModel, QEvent, QEventLoop, QModelIndex, QObject, Qt, QTimer
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QApplication, QLabel, QTabBar
from support.led_window import run, until

from desktop.app import Heft
from desktop.store.paths import default_paths

SETTLE_SECONDS, LIMIT_SECONDS = 0.1, 40.0
MARK = "evilmark"
ROWS = 40  # of each model are read
ROLES = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole)
_CONTROLS = {chr(code) for code in (*range(9), *range(11, 32), 0x202E, 0x2066)} - {"\r"}


def _is_markup(text: str) -> bool:
    """Whether Qt would take it for rich text (qtextdocument.cpp, Qt::mightBeRichText): a tag it can close."""
    return re.search(r"<(!--|[a-z!/?][^<>]*>)", text, re.IGNORECASE) is not None


class Watched(QApplication):
    """Knows the longest event of the GUI thread, in seconds of its own CPU time."""

    depth, watching = 0, False
    longest = (0.0, "")

    def notify(self, receiver: QObject, event: QEvent) -> bool:
        if self.depth or not self.watching:
            return super().notify(receiver, event)
        self.depth += 1
        what = f"{event.type().name} of {type(receiver).__name__} {receiver.objectName()}"  # which may be gone after it
        started = time.thread_time()
        try:
            return super().notify(receiver, event)
        finally:
            self.depth -= 1
            spent = time.thread_time() - started
            if spent > self.longest[0]:
                self.longest = (spent, what)


class Tour:
    """Visits one place after the other and keeps what it found."""

    def __init__(self, application: Watched, heft: Heft) -> None:
        self.application, self.heft = application, heft
        self.longest: dict[str, tuple[float, str]] = {}
        self.rich: list[str] = []
        self.raw: list[str] = []
        self.seen: dict[str, int] = {}

    def settle(self, seconds: float = SETTLE_SECONDS) -> None:
        loop = QEventLoop()
        QTimer.singleShot(int(seconds * 1000), loop.quit)
        loop.exec()

    def visit(self, name: str, act: Callable[[], object], condition: Callable[[], bool] = lambda: True) -> None:
        self.application.longest = (0.0, "")
        self.application.watching = True
        QTimer.singleShot(0, act)
        self.settle()
        until(condition, name, LIMIT_SECONDS)
        self.settle()
        self.application.watching = False
        self.longest[name] = self.application.longest
        sys.stderr.write(f"{name}: {self.longest[name]}\n")  # read when a test fails
        self.look(name)

    def look(self, place: str) -> None:
        count = 0
        for widget in QApplication.allWidgets():
            texts = [(widget.toolTip(), True), (widget.windowTitle(), False), (widget.accessibleName(), False)]
            if isinstance(widget, QLabel):
                texts.append((widget.text(), widget.textFormat() != Qt.TextFormat.PlainText))
            if isinstance(widget, QAbstractButton):
                texts.append((widget.text(), False))
            if isinstance(widget, QAbstractItemView) and widget.model() is not None:
                texts += self._rows(widget.model())
            for text, may_be_rich in texts:
                if text and MARK in text:
                    count += 1
                    self._judge(f"{place}: {type(widget).__name__} {widget.objectName()}", text, may_be_rich)
        self.seen[place] = count

    @staticmethod
    def _rows(model: QAbstractItemModel) -> list[tuple[str, bool]]:
        found = []
        for row in range(min(ROWS, model.rowCount(QModelIndex()))):
            for column in range(1 if isinstance(model, QAbstractListModel) else model.columnCount(QModelIndex())):
                for role in ROLES:
                    value = model.index(row, column).data(role)
                    if isinstance(value, str):
                        found.append((value, role == Qt.ItemDataRole.ToolTipRole))
        return found

    def _judge(self, where: str, text: str, may_be_rich: bool) -> None:
        if may_be_rich and _is_markup(text) and "&lt;" not in text:
            self.rich.append(f"{where}: {text[:80]!r}")
        if _CONTROLS & set(text):
            self.raw.append(f"{where}: {text[:80]!r}")


def main() -> None:
    """Arguments: the number of the hostile chat, the hostile model file, a word to search the Hub for."""
    chat_id, model, word = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    application = Watched(["heft"])
    heft = Heft(application, default_paths(), "")
    heft.show()
    tour = Tour(application, heft)
    window = heft._window
    tour.settle(0.5)

    chat: Any = window.go_to("chat")
    tour.visit("chat", lambda: chat.open_chat(chat_id), lambda: len(chat._talk.branch) > 0)
    view = chat._transcript
    bar = view.verticalScrollBar()
    tour.visit("chat, scrolled", lambda: bar.setValue(bar.minimum()))
    tour.visit("chat, scrolled to the middle", lambda: bar.setValue((bar.minimum() + bar.maximum()) // 2))
    streaming = chat._talk.branch[-1].id
    left = 2500

    def more() -> None:
        nonlocal left
        if left:
            view.append_text(streaming, "a" * 4000)
            left -= 1
            QTimer.singleShot(0, more)

    tour.visit("10 MB in one line", more, lambda: left == 0)
    tour.visit("chat, another", chat.new_chat)

    library = window.go_to("library")
    rescan = library.findChild(QAbstractButton, "libraryRescan")
    tour.visit("library", rescan.click, rescan.isEnabled)
    table = library.findChild(QAbstractItemView, "libraryTable")
    assert table is not None
    for row in range(min(4, table.model().rowCount(QModelIndex()))):
        tour.visit(f"library, row {row}", partial(table.setCurrentIndex, table.model().index(row, 0)))

    inspect: Any = window.go_to("inspect")
    tour.visit("inspect", lambda: heft.inspect(model), lambda: inspect.inspected is not None and not inspect.busy)
    tabs = inspect.findChild(QTabBar, "inspectTabBar")
    for index in range(tabs.count()):
        if tabs.isTabVisible(index):
            tour.visit(f"inspect, tab {index}", partial(tabs.setCurrentIndex, index))

    discover: Any = window.go_to("discover")
    results = discover.findChild(QAbstractItemView, "discoverResults")
    tour.visit("discover", lambda: discover.search_for(word), lambda: results.model().rowCount(QModelIndex()) > 0)
    tour.visit("discover, opened", lambda: results.setCurrentIndex(results.model().index(0, 0)))
    tour.settle(1.0)
    tour.look("discover, opened")
    tour.visit("machine", lambda: window.go_to("machine"))

    heft.close_window()
    heft.shut_down()
    found = {"longest": tour.longest, "rich": tour.rich, "raw": tour.raw, "seen": tour.seen}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    run(main)
