"""A new user's way through the Lab in the real window, by mouse and keyboard; prints what was seen.

Of the starter an F16 is made, of that three variants; each is measured against it, two are compared blind, and the
recommendation quotes what was measured. With a folder as argument, pictures of each step are kept there.
"""

from __future__ import annotations

import json
import re
import sys
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QCheckBox,
    QComboBox,
    QLabel,
    QPlainTextEdit,
    QScrollArea,
    QTableView,
    QTabWidget,
    QWidget,
)
from support.led_window import run, until

from desktop.app import Heft
from desktop.services.lab import measuring
from desktop.store.paths import default_paths
from desktop.ui.shared.elided_label import ElidedLabel

TYPES = ("Q8_0", "Q5_K_M", "Q4_K_M")
QUICK_SECONDS = 3.0  # instead of two minutes
SECONDS = 120.0  # for one step
SIZES = ((1280, 800), (820, 520))


class Window:
    """At the page Lab."""

    def __init__(self, application: QApplication, pictures: Path | None) -> None:
        self.heft = Heft(application, default_paths(), "")
        self.window = self.heft._window
        self._pictures, self._taken = pictures, 0
        self.heft.show()
        self.window.resize(*SIZES[0])
        self.press("navigate_lab")
        until(lambda: self.window.current == "lab", "the page")
        self.page: Any = self.window.page("lab")

    def find(self, kind: type, name: str) -> Any:
        found = self.window.findChild(kind, name)
        assert found is not None, name
        return found

    def _in_view(self, widget: QWidget) -> None:
        area = widget.parentWidget()
        while area is not None and not isinstance(area, QScrollArea):
            area = area.parentWidget()
        if area is not None:
            area.ensureWidgetVisible(widget)

    def press(self, name: str) -> None:
        button = self.find(QAbstractButton, name)
        until(lambda: button.isVisible() and button.isEnabled(), f"{name} to be pressed", SECONDS)
        self._in_view(button)
        at = QPoint(12, button.height() // 2) if isinstance(button, QCheckBox) else button.rect().center()
        QTest.mouseClick(button, Qt.MouseButton.LeftButton, pos=at)

    def choose(self, name: str, words: str) -> None:
        """Open a list by the mouse, and take the entry that has these words apart by the keyboard."""
        box = self.find(QComboBox, name)

        def found() -> list[int]:
            apart = re.compile(rf"(?<!\w){re.escape(words)}(?!\w)")
            return [row for row in range(box.count()) if apart.search(box.itemText(row))]

        until(found, f"{words} in {name}", SECONDS)
        self._in_view(box)
        QTest.mouseClick(box, Qt.MouseButton.LeftButton)
        until(lambda: box.view().isVisible(), f"the list of {name}")
        at = found()[0]
        QTest.keyClick(box.view(), Qt.Key.Key_Home)
        for _ in range(at):
            QTest.keyClick(box.view(), Qt.Key.Key_Down)
        QTest.keyClick(box.view(), Qt.Key.Key_Return)
        until(lambda: box.currentIndex() == at and not box.view().isVisible(), f"{words} to be chosen")

    def tab(self, words: str) -> None:
        bar = self.find(QTabWidget, "labTabs").tabBar()
        at = next(number for number in range(bar.count()) if bar.tabText(number) == words)
        QTest.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(at).center())

    def text(self, name: str) -> str:
        label = self.find(QLabel, name)
        return str(label.whole_text if isinstance(label, ElidedLabel) else label.text())

    def rows(self, name: str) -> list[list[str]]:
        model = self.find(QTableView, name).model()
        return [
            [str(model.index(row, column).data()) for column in range(model.columnCount())]
            for row in range(model.rowCount())
        ]

    def _has_size(self, size: tuple[int, int]) -> bool:
        return (self.window.width(), self.window.height()) == size

    def has_rows(self, count: int) -> bool:
        """Whether so many measurements are shown."""
        return len(self.rows("labMeasured")) == count

    def picture(self, step: str) -> None:
        """In light and dark, large and small."""
        if self._pictures is None:
            return
        self._taken += 1
        for size in SIZES:
            self.window.resize(*size)
            until(partial(self._has_size, size), "the size")
            for scheme in ("light", "dark"):
                self.heft._theme.set_preference(scheme)
                QTest.qWait(100)
                name = f"{self._taken}-{step}-{size[0]}-{scheme}.png"
                self.window.grab().save(str(self._pictures / name))
        self.heft._theme.set_preference("light")
        self.window.resize(*SIZES[0])


def quantized(led: Window, source: str, kind: str) -> str:
    """Make a variant of a model; what was said when it was done."""
    led.tab("Quantize")
    led.choose("labModel", source)
    led.choose("labType", kind)
    again = led.find(QAbstractButton, "labQuantizeAgain")
    until(lambda: led.text("labTarget").endswith(f"-{kind}.gguf"), f"what {kind} would be", SECONDS)
    if again.isVisible():
        led.press("labQuantizeAgain")
    led.press("labQuantize")
    until(lambda: f"{kind}.gguf was made" in led.text("labResultWords"), f"{kind}", SECONDS)
    return led.text("labResultWords")


def main() -> None:
    """The whole way."""
    measuring.EFFORTS["quick"] = QUICK_SECONDS
    pictures = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    seen: dict[str, Any] = {}
    led = Window(QApplication(["heft"]), pictures)
    starter = led.find(QComboBox, "labModel")
    until(lambda: starter.count() > 0, "the starter", SECONDS)
    led.picture("begin")
    seen["whole"] = quantized(led, "SmolLM2", "F16")
    led.picture("whole")
    seen["made"] = [quantized(led, "F16", kind) for kind in TYPES]
    led.picture("made")
    for number, kind in enumerate(TYPES):
        if number == 0:
            led.tab("Measure")
        led.choose("labModel", kind)
        led.choose("labReference", "F16")
        led.choose("labEffort", "Quick")
        until(lambda: "pieces" in led.text("labExpected"), "what measuring takes", SECONDS)
        seen["expected"] = led.text("labExpected")
        led.press("labMeasure")
        led.picture(f"measuring-{kind}")
        until(partial(led.has_rows, number + 1), f"{kind} measured", SECONDS)
    recommended = led.find(QLabel, "labRecommended")
    until(lambda: all(kind in recommended.text() for kind in TYPES), "the recommendation", SECONDS)
    until(recommended.isVisible, "the recommendation in view")
    until(lambda: all(row[6] != "–" for row in led.rows("labMeasured")), "the speeds", SECONDS)
    seen["measured"], seen["recommended"] = led.rows("labMeasured"), led.text("labRecommended")
    seen["chart"] = led.find(QWidget, "labChart").accessibleDescription()
    led.picture("measured")
    led.tab("Compare")
    led.choose("labOther", "F16")
    editor = led.find(QPlainTextEdit, "labPrompts")
    QTest.mouseClick(editor.viewport(), Qt.MouseButton.LeftButton)
    QTest.keyClick(editor, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(editor, "What is the capital of France?")
    led.press("labBlind")
    led.picture("compare")
    led.press("labCompare")
    votes = led.find(QAbstractButton, "labVoteLeft")
    until(lambda: votes.isVisible() and votes.isEnabled(), "the answers", SECONDS)
    seen["hidden"] = [led.text("labLeftTitle"), led.text("labRightTitle")]
    led.picture("answers")
    led.press("labVoteLeft")
    until(lambda: bool(led.text("labTally")), "the tally", SECONDS)
    seen["named"], seen["tally"] = [led.text("labLeftTitle"), led.text("labRightTitle")], led.text("labTally")
    led.picture("voted")
    for tab in ("Numbers", "Benchmark"):
        led.tab(tab)
        led.picture(tab.lower())
    led.heft.close_window()
    led.heft.shut_down()
    sys.stdout.write(json.dumps(seen))


if __name__ == "__main__":
    run(main)
