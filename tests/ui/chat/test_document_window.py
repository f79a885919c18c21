"""A document's text in a window of its own: at the place that was asked for, by mouse and keyboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot
from support.cut import faults

from desktop.core.documents.text import DocumentText, Paging
from desktop.ui.chat.document_window import DocumentWindow
from desktop.ui.shell.theme import Theme

PAGES = [
    f"Page {number}.\n" + "\n".join(f"Line {line} of it." for line in range(2, 40)) + "\n" for number in range(1, 201)
]
STARTS = tuple(sum(map(len, PAGES[:number])) for number in range(len(PAGES)))
LONG = DocumentText("PDF", "".join(PAGES), STARTS, Paging.PAGES)
Shown = Callable[[DocumentText], DocumentWindow]
SHORT = DocumentText("text", "one\ntwo\nthree\nfour")


@pytest.fixture
def shown(qtbot: QtBot, theme: Theme) -> Iterator[Callable[[DocumentText], DocumentWindow]]:
    """Opens windows over one that is as small as Heft's gets."""
    parent = QWidget()
    parent.resize(820, 520)
    parent.show()

    def show(document: DocumentText) -> DocumentWindow:
        window = DocumentWindow("lease.pdf", document, parent)
        window.show()
        qtbot.waitUntil(window.isVisible)
        return window

    yield show
    parent.close()
    parent.deleteLater()


def text(window: DocumentWindow) -> QPlainTextEdit:
    found = window.findChild(QPlainTextEdit, "documentText")
    assert found is not None
    return found


def place(window: DocumentWindow) -> str:
    return window.findChild(QLabel, "documentPlace").text()


def button(window: DocumentWindow, name: str) -> QPushButton:
    found = window.findChild(QPushButton, name)
    assert found is not None
    return found


def marked(window: DocumentWindow) -> list[str]:
    return [selection.cursor.block().text() for selection in text(window).extraSelections()]


def test_it_opens_at_the_passage_and_marks_its_lines(shown: Shown) -> None:
    window = shown(LONG)
    start = LONG.text.index("Line 12 of it.", STARTS[149])
    window.show_place(start, LONG.text.index("\n", start + 20))
    assert place(window) == "Page 150, line 12" and marked(window) == ["Line 12 of it.", "Line 13 of it."]
    view = text(window)
    assert view.textCursor().block().text() == "Line 12 of it." and window.focusWidget() is view
    assert view.viewport().rect().contains(view.cursorRect())


def test_the_keyboard_moves_through_the_text_and_the_place_follows(qtbot: QtBot, shown: Shown) -> None:
    window = shown(SHORT)
    assert place(window) == "Line 1"
    qtbot.keyClick(text(window), Qt.Key.Key_Down)
    qtbot.keyClick(text(window), Qt.Key.Key_Down)
    assert place(window) == "Line 3"
    with qtbot.waitSignal(window.finished):
        qtbot.keyClick(text(window), Qt.Key.Key_Escape)


def test_a_long_document_is_shown_part_by_part_and_none_of_it_is_missing(qtbot: QtBot, shown: Shown) -> None:
    window = shown(LONG)
    parts = [text(window).toPlainText()]
    assert not button(window, "documentEarlier").isEnabled()
    while button(window, "documentLater").isEnabled():
        qtbot.mouseClick(button(window, "documentLater"), Qt.MouseButton.LeftButton)
        parts.append(text(window).toPlainText())
    assert "\n".join(parts) == LONG.text.removesuffix("\n") and len(parts) > 1
    assert window.focusWidget() is text(window)  # the button that was pressed can be pressed no more
    qtbot.mouseClick(button(window, "documentEarlier"), Qt.MouseButton.LeftButton)
    assert text(window).toPlainText() == parts[-2]


def test_a_short_one_has_no_parts_and_is_copied_whole(qtbot: QtBot, shown: Shown) -> None:
    window = shown(SHORT)
    assert not button(window, "documentLater").isVisible() and not button(window, "documentEarlier").isVisible()
    qtbot.mouseClick(button(window, "documentCopy"), Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == SHORT.text


def test_nothing_is_cut_and_every_control_has_a_name(shown: Shown) -> None:
    window = shown(LONG)
    assert faults(window) == []
    assert all(found.accessibleName() for found in window.findChildren(QPushButton))
