"""The real window: a model set up in Discover, run, set up anew in Chat; prints what was seen. Run by a test."""

from __future__ import annotations

import json
import sys
from typing import Any, cast

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QLabel, QSpinBox, QWidget
from support.led_window import run, until

from desktop.app import Heft
from desktop.store.paths import default_paths
from desktop.ui.discover.variant_model import ACTION, MEMORY
from desktop.ui.discover.variant_table import VariantTable

REPO = "demo/SmolLM2-135M-Instruct-GGUF"


def type_in(field: QWidget, text: str) -> None:
    """As a person does."""
    field.setFocus()
    QTest.keyClick(field, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(field, text)
    QTest.keyClick(field, Qt.Key.Key_Return)


def choose(box: QComboBox, text: str) -> None:
    """By the keyboard."""
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Home)
    for _ in range(box.count()):
        if box.currentText() != text:
            QTest.keyClick(box, Qt.Key.Key_Down)
    assert box.currentText() == text, box.currentText()


class Window:
    """The window, opened at Discover with the repo in view."""

    def __init__(self, application: QApplication) -> None:
        self.heft = Heft(application, default_paths(), "")
        self.heft.show()
        self.discover = cast(Any, self.heft._window.go_to("discover"))
        self.table = self.find(self.discover, VariantTable, "variantTable")
        self.discover.search_for(REPO)
        self.settled()

    @staticmethod
    def find(page: QWidget, kind: type, name: str) -> Any:
        found = page.findChild(kind, name)
        assert found is not None, name
        return found

    def settled(self) -> None:
        until(lambda: self.table.isVisible() and self.table.model().rowCount() == 1, "the repo")
        until(self._weighed, "the engine's plan of what is set")

    def _weighed(self) -> bool:
        pane = self.discover._repo
        return bool(pane.view.controls == pane.controls.controls and pane.view.settled)

    @property
    def memory(self) -> str:
        return str(self.table.model().index(0, MEMORY).data())

    def press(self) -> None:
        """The button of the only row."""
        at = self.table.visualRect(self.table.model().index(0, ACTION)).center()
        self.discover._repo.ensureWidgetVisible(self.table)
        QTest.mouseClick(self.table.viewport(), Qt.MouseButton.LeftButton, pos=at)

    @property
    def action(self) -> str:
        return str(self.discover._repo.rows.action(0))

    def loaded(self, before: object = None) -> dict[str, Any]:
        """What the engine reports once it has loaded anew."""
        engine = self.heft._container.engine
        until(lambda: engine.state.loaded is not None and engine.state.loaded is not before, "the model")
        found = engine.state.loaded
        assert found is not None
        return {
            "context": found.context_length, "keys": found.cache_type_k, "values": found.cache_type_v,
            "threads": found.threads, "flash": found.flash_attention,
        }  # fmt: skip


def main() -> None:
    """One session, and the memory of it in the next."""
    application = QApplication(["heft"])
    window = Window(application)
    find, discover = window.find, window.discover
    type_in(find(discover, QSpinBox, "contextExact"), "16k")
    choose(find(discover, QComboBox, "kvType"), "q8_0")
    more = find(discover, QAbstractButton, "pickerOpenMore")
    discover._repo.ensureWidgetVisible(more)
    QTest.mouseClick(more, Qt.MouseButton.LeftButton)
    type_in(find(discover, QSpinBox, "loadThreads"), "1")
    window.settled()
    seen: dict[str, Any] = {"row": window.memory, "beyond": find(discover, QLabel, "pickerProblem").text()}
    window.press()
    until(lambda: window.action == "Chat now", "the download")
    window.press()
    until(lambda: window.heft._window.current == "chat", "the chat")
    seen["loaded"] = window.loaded()
    chat = window.heft._window.page("chat")
    assert chat is not None
    until(lambda: find(chat, QLabel, "memoryValue").text() != "–", "the memory")
    seen["chat"] = find(chat, QLabel, "memoryValue").text()
    until(lambda: chat.findChild(QLabel, "planMemory0") and find(chat, QLabel, "planMemory0").text(), "the panel")
    seen["panel"] = find(chat, QLabel, "planMemory0").text()
    seen["notes"] = find(chat, QLabel, "planNotes").text()
    seen["set"] = find(chat, QComboBox, "loadContext").currentText()

    again = find(chat, QAbstractButton, "reloadModel")
    seen["offered at first"] = again.isVisible()
    choose(find(chat, QComboBox, "loadCacheTypeV"), "f16")
    until(again.isVisible, "the offer to load again")
    before = window.heft._container.engine.state.loaded
    find(chat, QWidget, "chatSideScroll").ensureWidgetVisible(again)
    QTest.mouseClick(again, Qt.MouseButton.LeftButton)
    seen["again"] = window.loaded(before)
    until(lambda: not again.isVisible(), "the offer to go")
    window.heft.close_window()
    window.heft.shut_down()

    window = Window(application)
    discover = window.discover
    values = find(discover, QComboBox, "loadCacheTypeV").currentText()
    keys = find(discover, QComboBox, "kvType").currentText()
    seen["next session"] = [find(discover, QSpinBox, "contextExact").text(), keys, values]
    window.heft.close_window()
    window.heft.shut_down()
    sys.stdout.write(json.dumps(seen))


if __name__ == "__main__":
    run(main)
