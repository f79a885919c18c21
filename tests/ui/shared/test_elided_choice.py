"""A choice with a long name ends with an ellipsis, and its list shows the whole."""

from __future__ import annotations

from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot
from support.widgets import shown

from desktop.ui.shared.elided_choice import ElidedChoice
from desktop.ui.shell.theme import Theme

LONG = "Qwen3, not thinking, as its makers recommend"


def test_a_long_name_is_shortened_and_whole_in_the_list(qtbot: QtBot, theme: Theme) -> None:
    box = ElidedChoice()
    box.setPlaceholderText("Custom")
    box.addItems(["Default", LONG])
    box.setFixedWidth(140)
    shown(qtbot, box, 140, 32)
    box.setCurrentIndex(0)
    assert box.shown_text() == "Default"
    box.setCurrentIndex(1)
    assert box.shown_text().endswith("…") and LONG.startswith(box.shown_text()[:-1]) and box.currentText() == LONG
    box.setCurrentIndex(-1)
    assert box.shown_text() == "Custom"
    box.showPopup()
    qtbot.waitUntil(box.view().isVisible)
    assert box.view().width() > box.fontMetrics().horizontalAdvance(LONG)
    box.hidePopup()


def test_what_is_painted_is_the_shortened_name(qtbot: QtBot, theme: Theme) -> None:
    def painted(*names: str) -> QImage:
        box = ElidedChoice()
        box.addItems(names)
        box.setFixedWidth(140)
        shown(qtbot, box, 140, 32)
        return box.grab().toImage()

    assert painted(LONG) == painted(LONG + " and another word") != painted("Qwen3")


def test_the_tooltip_has_the_whole_of_what_was_cut(qtbot: QtBot, theme: Theme) -> None:
    box = ElidedChoice()
    box.addItems([LONG, "Qwen3"])
    box.setFixedWidth(140)
    shown(qtbot, box, 140, 32)
    qtbot.waitUntil(lambda: LONG in box.toolTip())
    box.setCurrentIndex(1)
    qtbot.waitUntil(lambda: box.toolTip() == "")
    box.setToolTip("What its owner says")
    box.setCurrentIndex(0)
    box.grab()
    assert box.toolTip() == "What its owner says"
