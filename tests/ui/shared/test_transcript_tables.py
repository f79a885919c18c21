"""Tables in the transcript: every column can be reached and read, and a table is copied as one."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from support.widgets import shown

from desktop.ui.shared.transcript import TranscriptMessage, TranscriptView
from desktop.ui.shared.transcript.column_widths import column_widths
from desktop.ui.shared.transcript.table_row import TableRow
from desktop.ui.shell.theme import Theme

HEADS = [f"Property number {n}" for n in range(1, 13)]
CELLS = [f"considerable value {n} with several words in it" for n in range(1, 13)]
WIDE = f"| {' | '.join(HEADS)} |\n|{'---|' * 12}\n| {' | '.join(CELLS)} |\n| {' | '.join(CELLS)} |\n"
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def view(qtbot: QtBot, theme: Theme) -> TranscriptView:
    return shown(qtbot, TranscriptView(theme), 705, 500)


def show(view: TranscriptView, text: str) -> TableRow:
    view.set_messages([TranscriptMessage(1, "assistant", text)])
    QApplication.processEvents()
    return next(row for row in view.column.items[0].rows or [] if isinstance(row, TableRow))


def place(view: TranscriptView, row: TableRow, x: float, y: float) -> QPoint:
    number = (view.column.items[0].rows or []).index(row)
    return (view.item_rect(0).topLeft() + QPointF(x, view.column.items[0].tops[number] + y)).toPoint()


def hot_place(view: TranscriptView, row: TableRow, kind: str) -> QPoint:
    hot = next(hot for hot in row.hot_spots() if hot.kind == kind)
    return place(view, row, hot.rect.center().x(), hot.rect.center().y())


def words_broken(row: TableRow) -> list[str]:
    """Words that a line of a cell breaks off within."""
    found = []
    for cells in row._cells:
        for cell in cells:
            layout, text = cell.flow.layout, cell.flow.text
            for number in range(layout.lineCount() - 1):
                end = layout.lineAt(number).textStart() + layout.lineAt(number).textLength()
                if not text[end - 1].isspace() and end < len(text):
                    found.append(text[max(0, end - 10) : end + 10])
    return found


@pytest.mark.parametrize("width", [320, 560, 705])
def test_no_word_is_broken_in_a_wide_table(view: TranscriptView, width: int) -> None:
    view.resize(width, 500)
    assert words_broken(show(view, WIDE)) == []


def test_every_column_can_be_scrolled_into_view_by_wheel_bar_and_keys(qtbot: QtBot, view: TranscriptView) -> None:
    row = show(view, WIDE)
    sideways = row.sideways
    assert sideways is not None and sideways.most > 400

    def wheel(x: int, y: int, keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        point = QPointF(place(view, row, 100, 60))
        turned = QWheelEvent(
            point, view.viewport().mapToGlobal(point), QPoint(), QPoint(x, y), Qt.MouseButton.NoButton, keys,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(view.viewport(), turned)

    wheel(-120, 0)
    assert sideways.offset > 0
    for _ in range(100):
        wheel(0, -120, Qt.KeyboardModifier.ShiftModifier)
    assert sideways.offset == sideways.most
    handle = sideways.handle(row.left, row.height).center()
    start = place(view, row, handle.x(), handle.y())
    qtbot.mousePress(view.viewport(), LEFT, pos=start)
    qtbot.mouseMove(view.viewport(), start - QPoint(600, 0))
    qtbot.mouseRelease(view.viewport(), LEFT, pos=start - QPoint(600, 0))
    assert sideways.offset == 0
    assert not view.has_selection
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_Tab)
    qtbot.keyClick(view, Qt.Key.Key_Right)
    assert sideways.offset > 0
    qtbot.keyClick(view, Qt.Key.Key_Left)
    assert sideways.offset == 0


def test_a_narrow_table_keeps_still_and_the_wheel_moves_the_conversation(view: TranscriptView) -> None:
    row = show(view, "| a | b |\n|---|---|\n| 1 | 2 |\n\n" + "more\n\n" * 60)
    assert row.sideways is None
    view.verticalScrollBar().setValue(0)
    point = QPointF(place(view, row, 20, 40))
    turned = QWheelEvent(
        point, view.viewport().mapToGlobal(point), QPoint(), QPoint(0, -120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(view.viewport(), turned)
    assert view.verticalScrollBar().value() > 0


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("copy-csv", 'Name,Size\n"a, b",1\n"c\nd",2\n'),
        ("copy-table", "| Name | Size |\n|---|--:|\n| a, b | **1** |\n| c<br>d | 2 |\n"),
    ],
)
def test_a_table_is_copied_as_one(qtbot: QtBot, view: TranscriptView, kind: str, text: str) -> None:
    row = show(view, "| Name | Size |\n|---|--:|\n| a, b | **1** |\n| c<br>d | 2 |\n")
    with qtbot.waitSignal(view.copied) as told:
        qtbot.mouseClick(view.viewport(), LEFT, pos=hot_place(view, row, kind))
    assert told.args == ["Table copied"]
    assert QGuiApplication.clipboard().text() == text


def test_a_long_table_in_parts_is_copied_whole(qtbot: QtBot, view: TranscriptView) -> None:
    lines = "".join(f"| row {n} | {'word ' * 8}|\n" for n in range(300))
    view.set_messages([TranscriptMessage(1, "assistant", f"| a | b |\n|---|---|\n{lines}")])
    view.verticalScrollBar().setValue(0)
    QApplication.processEvents()
    row = next(row for row in view.column.items[0].rows or [] if isinstance(row, TableRow))
    qtbot.mouseClick(view.viewport(), LEFT, pos=hot_place(view, row, "copy-csv"))
    assert QGuiApplication.clipboard().text().count("\n") == 301


def test_a_break_in_a_cell_is_a_line_of_the_cell(view: TranscriptView) -> None:
    one = show(view, "| a |\n|---|\n| x y |\n").height
    assert show(view, "| a |\n|---|\n| x<br>y |\n").height > one
    view.select_all()
    view.copy_selection()
    assert QGuiApplication.clipboard().text().count("\n") == 2  # as Markdown, the message being selected as a whole


@pytest.mark.parametrize(
    ("natural", "least", "available", "expected"),
    [
        ([50, 60], [40, 40], 200, [50, 60]),
        ([50, 500], [40, 40], 200, [50, 150]),
        ([300, 300], [100, 40], 200, [100, 100]),
        ([300, 300], [150, 40], 200, [150, 50]),
        ([300, 80], [150, 80], 100, [170, 80]),
    ],
)
def test_columns_share_the_room(
    natural: list[float], least: list[float], available: float, expected: list[float]
) -> None:
    assert column_widths(natural, least, available) == pytest.approx(expected, abs=0.01)
