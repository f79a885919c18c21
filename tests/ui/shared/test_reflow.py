"""Layouts that follow the room there is, and the check that nothing of a window is cut."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QGuiApplication, QPainter, QPaintEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QLineEdit, QPushButton, QTextEdit, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot
from support.cut import faults
from support.cut_painted import half_figures, painted_faults
from support.widgets import shown

from desktop.ui.shared.elided_label import ElidedLabel, FigureLabel, first_fitting
from desktop.ui.shared.labels import PlainLabel, breakable, plain_label
from desktop.ui.shared.reflow import Beside, Column, CurrentStack, DownwardScroll, resize_dialog

PATH = "/home/somebody/models/" + "a-long-name" * 9 + ".gguf"
SENTENCE = "What happened to a file is told in a sentence that takes several lines of a narrow window. " * 2


def buttons(*words: str) -> QWidget:
    made = QWidget()
    row = QHBoxLayout(made)
    row.setContentsMargins(0, 0, 0, 0)
    for word in words:
        row.addWidget(QPushButton(word))
    return made


def window(*widgets: QWidget) -> QWidget:
    made = QWidget()
    column = QVBoxLayout(made)
    for widget in widgets:
        column.addWidget(widget)
    return made


def test_two_stand_beside_each_other_where_there_is_room_else_below(qtbot: QtBot) -> None:
    one, other = buttons("one", "two"), buttons("three", "four", "five")
    beside = Beside(one, other, stretch=(1, 0))
    outer = shown(qtbot, window(beside, QTextEdit()), 900, 300)
    assert one.y() == other.y() and other.x() > one.x()
    high = beside.height()
    outer.resize(beside.minimumSizeHint().width() + 40, 300)
    qtbot.waitUntil(lambda: other.y() >= one.geometry().bottom())
    assert beside.height() >= 2 * high - 2
    assert faults(outer) == []
    outer.resize(900, 300)
    qtbot.waitUntil(lambda: one.y() == other.y() and beside.height() == high)


def test_a_column_asks_for_the_height_of_its_wrapped_labels(qtbot: QtBot) -> None:
    column = Column()
    inside = QVBoxLayout(column)
    inside.addWidget(plain_label("words", text=SENTENCE))
    scroll = DownwardScroll("scroll", "Words", column)
    outer = shown(qtbot, window(scroll), 700, 60)
    wide = column.height()
    outer.resize(180, 60)
    qtbot.waitUntil(lambda: column.height() > 2 * wide)
    assert faults(outer) == []


def test_a_stack_needs_the_room_of_what_is_in_view(qtbot: QtBot) -> None:
    stack = CurrentStack("stack")
    small, large = buttons("small"), buttons(*("a large one",) * 9)
    for widget in (small, large):
        stack.addWidget(widget)
    outer = shown(qtbot, window(stack), 300, 100)
    assert stack.minimumSizeHint().width() == small.minimumSizeHint().width()
    stack.setCurrentWidget(large)
    assert stack.minimumSizeHint().width() == large.minimumSizeHint().width() > 300
    assert outer.isVisible()


def test_what_scrolls_downwards_is_never_cut_at_the_side(qtbot: QtBot) -> None:
    content = buttons("one", "two", "three")
    scroll = DownwardScroll("scroll", "Buttons", content)
    before = scroll.minimumSizeHint().width()
    assert before >= content.minimumSizeHint().width() + scroll.verticalScrollBar().sizeHint().width()
    outer = shown(qtbot, window(scroll), 500, 100)
    content.layout().addWidget(QPushButton("another one"))
    qtbot.waitUntil(lambda: scroll.minimumSizeHint().width() > before)
    assert faults(outer) == []


def test_a_dialog_is_no_larger_than_its_window(qtbot: QtBot) -> None:
    outer = shown(qtbot, QWidget(), 400, 300)
    dialog = QDialog(outer)
    resize_dialog(dialog, QSize(900, 200))
    assert (dialog.width(), dialog.height()) == (368, 200)


def test_long_words_break_and_are_copied_as_they_are(qtbot: QtBot) -> None:
    label = plain_label("path", text=f"There is no file at {PATH}", selectable=True)
    assert isinstance(label, PlainLabel)
    outer = shown(qtbot, window(label), 200, 300)
    assert label.text() == f"There is no file at {PATH}"
    assert faults(outer) == []
    label.setSelection(0, len(QLabel.text(label)))
    assert label.selectedText() == label.text()
    label.setFocus()
    QTest.keyClick(label, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == label.text()


@pytest.mark.parametrize("text", ["short words only", "", "x" * 24])
def test_short_words_are_left_alone(text: str) -> None:
    assert breakable(text) == text


def test_the_first_text_that_fits_is_taken() -> None:
    metrics = QLabel().fontMetrics()
    wide = metrics.horizontalAdvance("some words")
    assert first_fitting(metrics, wide, "some words more", "some words", "some") == "some words"
    assert first_fitting(metrics, metrics.horizontalAdvance("so…") + 1, "some words", "some").endswith("…")


FACTS = "GGUF v3 · 135 M parameters · 5.74 bits/weight · 98.4 MB · context 8,192"


def test_of_figures_only_whole_ones_are_shown_and_the_tooltip_has_all(qtbot: QtBot) -> None:
    label = FigureLabel("facts")
    label.set_whole_text(FACTS)
    outer = shown(qtbot, window(label), 900, 100)
    assert label.text() == FACTS and not label.toolTip()
    seen = set()
    for width in range(700, 110, -7):
        outer.resize(width, 100)
        outer.layout().activate()
        begins, more, rest = label.text().partition(" …")
        assert not rest and FACTS.startswith(begins)
        if more:
            assert FACTS[len(begins) :].startswith(" · ") and FACTS in label.toolTip()
            seen.add(begins)
    assert len(seen) == FACTS.count(" · ")
    label.set_whole_text("1,234.5 tok/s · 98.4 MB")
    outer.resize(40, 100)
    outer.layout().activate()
    assert label.text() == "…"  # 1,23 would be another figure


# -- the check itself ----------------------------------------------------------------------------


def test_the_check_finds_what_is_cut(qtbot: QtBot) -> None:
    label, button, field = QLabel("words that are cut"), QPushButton("a button"), QLineEdit()
    field.setPlaceholderText("a placeholder that is too long")
    for widget in (label, button, field):
        widget.setFixedWidth(30)
    wrapped = QLabel(SENTENCE)
    wrapped.setWordWrap(True)
    wrapped.setFixedHeight(20)
    outer = shown(qtbot, window(label, button, field, wrapped), 300, 300)
    found = faults(outer)
    assert len(found) == 4
    for words in ("words that are cut", "a button", "a placeholder", "What happened"):
        assert any(words in fault for fault in found)


def test_the_check_finds_what_lies_outside_or_over_one_another_or_has_no_room(qtbot: QtBot) -> None:
    outer = shown(qtbot, QWidget(), 300, 200)
    astray = QPushButton("astray", outer)
    astray.setObjectName("astray")
    astray.setGeometry(250, 10, 200, 40)
    astray.show()
    column = QVBoxLayout(outer)
    one, other, flat = QLabel("one"), QLabel("other"), buttons("flat")
    for widget in (one, other, flat):
        column.addWidget(widget)
    flat.setFixedHeight(0)
    QTest.qWait(10)
    other.setGeometry(one.geometry())
    found = faults(outer)
    assert any("outside" in fault and "astray" in fault for fault in found)
    assert any("over one another" in fault for fault in found)
    assert any("no room at all" in fault for fault in found)


def test_the_check_leaves_alone_what_is_cut_on_purpose(qtbot: QtBot) -> None:
    label = ElidedLabel(PATH)
    outer = shown(qtbot, window(label), 200, 100)
    assert label.text() != PATH
    assert faults(outer) == []


def test_the_check_finds_half_figures_whoever_cut_them(qtbot: QtBot) -> None:
    class Painted(QWidget):
        def paintEvent(self, event: QPaintEvent) -> None:
            painter = QPainter(self)
            metrics = QFontMetrics(painter.font())
            for line in (FACTS, "too large by 115.4 MB"):
                room = metrics.horizontalAdvance(line[:-4])
                shown = metrics.elidedText(line, Qt.TextElideMode.ElideRight, room)
                painter.drawText(self.rect(), Qt.AlignmentFlag.AlignLeft, shown)
            painter.drawText(QRect(0, 0, 20, 20), Qt.AlignmentFlag.AlignLeft, "wider than that")

    label = ElidedLabel(FACTS, mode=Qt.TextElideMode.ElideRight)
    outer = shown(qtbot, window(label, Painted()), 500, 100)
    label.setFixedWidth(label.fontMetrics().horizontalAdvance(FACTS[:40]))
    outer.layout().activate()
    with painted_faults() as painted:
        outer.grab()
    assert [fault.partition(": ")[2] for fault in painted if "only a part" in fault] == [
        "of 'context 8,192' only a part",
        "of '115.4 MB' only a part",
    ]
    assert any("'wider than that' needs" in fault for fault in painted)
    assert any("of the figure '5.74 bits" in fault for fault in faults(outer))
    assert half_figures("Qwen3-8B-Instruct-128K", "Qwen3-8B-Instruct-12…") == []  # a name is no figure
