"""Formulas in the transcript: seen as formulas, in both themes, selected as their source; nothing jumps or is lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QImage, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from support.widgets import shown

from desktop.core.formula import Outline
from desktop.engine.tools.typesetter import outline
from desktop.ui.shared.transcript import Formulas, TranscriptMessage, TranscriptView
from desktop.ui.shared.transcript.formula_row import FormulaRow
from desktop.ui.shared.transcript.row import TranscriptRow
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme

WIDE = "$$ " + " + ".join(f"a_{{{n}}} x^{{{n}}}" for n in range(40)) + " $$"
LEFT = Qt.MouseButton.LeftButton


def typeset(latex: str, display: bool) -> Outline | None:
    try:
        return outline(latex, display=display)
    except Exception:  # as the process answers  # noqa: BLE001
        return None


@pytest.fixture
def formulas(tasks: Tasks) -> Formulas:
    return Formulas(typeset, tasks)


@pytest.fixture
def view(qtbot: QtBot, theme: Theme, formulas: Formulas) -> Iterator[TranscriptView]:
    yield shown(qtbot, TranscriptView(theme, formulas=formulas), 705, 500)


def rows(view: TranscriptView, item: int = 0) -> list[TranscriptRow]:
    return [row for row in view.column.items[item].rows or [] if row.text]


def answer(view: TranscriptView, text: str, qtbot: QtBot | None = None) -> None:
    """Show an answer; with ``qtbot``: and wait until its formulas are there."""
    view.set_messages([TranscriptMessage(1, "assistant", text)])
    QApplication.processEvents()
    if qtbot is not None:
        settled(qtbot, view)


def settled(qtbot: QtBot, view: TranscriptView) -> None:
    qtbot.waitUntil(lambda: not any(row.waits for row in rows(view)))
    QApplication.processEvents()


def picture(view: TranscriptView) -> QImage:
    return view.viewport().grab().toImage()


def ink(view: TranscriptView, row: TranscriptRow) -> int:
    """Pixels of a row that are not background."""
    top = view.item_rect(0).top() + (view.column.items[0].tops[(view.column.items[0].rows or []).index(row)])
    image, ground = picture(view), view.shape.color("background").rgb()
    return sum(
        image.pixel(x, y) != ground
        for y in range(int(top), min(int(top + row.height), image.height()))
        for x in range(0, image.width(), 2)
    )


def test_a_formula_is_its_source_until_it_is_there(qtbot: QtBot, view: TranscriptView) -> None:
    answer(view, "$$\n\\frac{a}{b}\n$$")
    (row,) = rows(view)
    assert isinstance(row, FormulaRow)
    before, height = ink(view, row), row.height
    assert before > 0
    settled(qtbot, view)
    assert rows(view)[0].height != height and ink(view, row) > 0
    assert row.text == "$$\n\\frac{a}{b}\n$$"


def test_what_cannot_be_typeset_stands_as_it_was_written(qtbot: QtBot, view: TranscriptView, theme: Theme) -> None:
    answer(view, "So \\(\\foo{x}\\) is.\n\n$$\\foo$$", qtbot)
    plain = shown(qtbot, TranscriptView(theme), 705, 500)
    answer(plain, "So \\\\(\\\\foo{x}\\\\) is.\n\n\\$\\$\\\\foo\\$\\$")
    assert [row.text for row in rows(view)] == [row.text for row in rows(plain)]
    assert picture(view) == picture(plain)


def test_a_formula_in_a_line_makes_room_for_itself(qtbot: QtBot, view: TranscriptView) -> None:
    answer(view, "Low $x$ line.\n\nHigh $\\frac{\\frac{a}{b}}{\\frac{c}{d}}$ line.", qtbot)
    low, high = rows(view)
    assert low.height == view.shape.line < high.height


def blank_lines(view: TranscriptView) -> list[int]:
    """Heights of the stretches without ink between what is painted, from the top."""
    image, ground = picture(view), view.shape.color("background").rgb()
    rect = view.item_rect(0).toRect()
    inked = [
        any(image.pixel(x, y) != ground for x in range(rect.left(), rect.right()))
        for y in range(rect.top(), min(rect.bottom(), image.height()))
    ]
    found, run = [], 0
    for full in inked[inked.index(True) :]:
        if full and run:
            found.append(run)
        run = 0 if full else run + 1
    return found


@pytest.mark.parametrize(
    "formula",
    [
        r"\(\begin{matrix} H_A \\ H_B \\ H_C \end{matrix}\)",
        r"\(\sum\limits_{k=1}^{NN} a_k\)",
    ],
)
def test_a_high_formula_keeps_off_the_lines_beside_it(qtbot: QtBot, view: TranscriptView, formula: str) -> None:
    answer(view, f"HHHHH  \n{formula}  \nHHHHH", qtbot)
    gaps = blank_lines(view)
    assert gaps[0] >= 7, gaps


def test_the_rows_of_aligned_equations_keep_off_each_other(qtbot: QtBot, view: TranscriptView) -> None:
    row = r"\sum_{k=1}^{N} a_k &= \sum_{k=1}^{N} b_k"
    answer(view, rf"$$\begin{{aligned}} {row} \\ {row} \end{{aligned}}$$", qtbot)
    gaps = blank_lines(view)[:-1]  # without the one above the actions
    assert len(gaps) == 5 and gaps[2] >= 6, gaps


def test_formulas_follow_the_theme(qtbot: QtBot, view: TranscriptView, theme: Theme) -> None:
    answer(view, "$$x$$", qtbot)
    for scheme in ("light", "dark"):
        theme.set_preference(scheme)
        QApplication.processEvents()
        image, text = picture(view), theme.color("text")
        row = view.column.items[0].tops[0] + view.item_rect(0).top()
        inked = [
            image.pixelColor(x, y)
            for y in range(int(row), int(row + 40))
            for x in range(image.width())
            if image.pixelColor(x, y) != theme.color("background")
        ]
        nearest = min(abs(color.lightness() - text.lightness()) for color in inked)
        assert nearest < 30, scheme


def test_a_selection_takes_the_source(qtbot: QtBot, view: TranscriptView) -> None:
    text = "Here \\(E=mc^2\\) and $\\frac{a}{b}$ end.\n\n$$\nx\n$$"
    answer(view, text, qtbot)
    view.select_all()
    view.copy_selection()
    assert QGuiApplication.clipboard().text() == text


def test_a_drag_over_a_formula_selects_all_of_it(qtbot: QtBot, view: TranscriptView) -> None:
    answer(view, "a $x+y+z+w$ b", qtbot)
    corner = view.item_rect(0).topLeft() + QPointF(0, view.column.items[0].tops[0])
    y = int(corner.y() + view.shape.line / 2)
    qtbot.mousePress(view.viewport(), LEFT, pos=QPoint(int(corner.x()), y))
    qtbot.mouseMove(view.viewport(), QPoint(int(corner.x()) + 400, y))
    qtbot.mouseRelease(view.viewport(), LEFT, pos=QPoint(int(corner.x()) + 400, y))
    view.copy_selection()
    assert QGuiApplication.clipboard().text() == "a $x+y+z+w$ b"


def test_a_wide_formula_is_scrolled_in_its_place(qtbot: QtBot, view: TranscriptView) -> None:
    answer(view, WIDE, qtbot)
    (row,) = rows(view)
    assert row.sideways is not None and row.sideways.most > 100
    before = picture(view)
    middle = view.item_rect(0).topLeft() + QPointF(300, view.column.items[0].tops[0] + 8)
    wheel = QWheelEvent(
        middle, view.viewport().mapToGlobal(middle), QPoint(), QPoint(-120, 0), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(view.viewport(), wheel)
    assert row.sideways.offset > 0 and picture(view) != before


def test_a_wide_formula_is_moved_and_copied_by_the_keyboard(qtbot: QtBot, view: TranscriptView) -> None:
    answer(view, WIDE, qtbot)
    (row,) = rows(view)
    assert row.sideways is not None
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_Tab)
    assert view.accessibleDescription().startswith("Wide formula")
    qtbot.keyClick(view, Qt.Key.Key_Right)
    assert row.sideways.offset > 0
    with qtbot.waitSignal(view.copied) as told:
        qtbot.keyClick(view, Qt.Key.Key_Return)
    assert told.args == ["Formula copied"] and QGuiApplication.clipboard().text() == WIDE


def test_formulas_that_come_late_leave_what_is_read_in_its_place(qtbot: QtBot, view: TranscriptView) -> None:
    text = "\n\n".join(f"Line {n} with $\\frac{{{n}}}{{2}}$\n\n$$\\sum_{{i=0}}^{{{n}}} i$$" for n in range(60))
    view.set_messages([TranscriptMessage(1, "assistant", text)])
    settled(qtbot, view)
    bar = view.verticalScrollBar()
    bar.setValue(bar.maximum() // 2)
    settled(qtbot, view)
    index = view.column.items[0].row_at(view.offset + 40 - view.column.top(0))
    assert view.column.items[0].rows is not None
    before = view.column.items[0].tops[index] + view.column.top(0) - view.offset
    bar.setValue(bar.value() - 200)
    settled(qtbot, view)
    after = view.column.items[0].tops[index] + view.column.top(0) - view.offset
    assert after - before == pytest.approx(200, abs=80)


STREAMED = (
    "We know \\(a^2 + b^2 = c^2\\) and $x_1$ costs $5.\n\n$$\n\\frac{a}{b}\n= c\n$$\n\n"
    "| a | b |\n|---|---|\n| $x^2$ | $\\frac{1}{2}$ |\n\n- item \\[ q \\] rest\n"
)


def test_streamed_in_pieces_it_looks_as_if_painted_at_once(qtbot: QtBot, view: TranscriptView) -> None:
    view.set_messages([TranscriptMessage(1, "assistant", "", state="streaming")])
    for at in range(0, len(STREAMED), 5):
        view.append_text(1, STREAMED[at : at + 5])
        view.flush()
        settled(qtbot, view)
        before = view.screen().grabWindow(view.winId()).toImage()
        view.viewport().repaint()
        assert view.screen().grabWindow(view.winId()).toImage() == before, STREAMED[: at + 5][-30:]
    streamed = [(row.text, row.height) for row in rows(view)]
    view.replace_message(TranscriptMessage(1, "assistant", STREAMED))
    answer(view, STREAMED, qtbot)
    assert [(row.text, row.height) for row in rows(view)] == streamed


def test_each_formula_is_typeset_once(qtbot: QtBot, theme: Theme, tasks: Tasks) -> None:
    asked: list[str] = []

    def counted(latex: str, display: bool) -> Outline | None:
        asked.append(latex)
        return typeset(latex, display)

    view = shown(qtbot, TranscriptView(theme, formulas=Formulas(counted, tasks)), 705, 500)
    answer(view, "$x$ and $x$ and $$y$$ and $x$", qtbot)
    view.resize(500, 500)
    theme.set_preference("dark")
    answer(view, "$x$ again, $z$", qtbot)
    assert sorted(asked) == ["x", "y", "z"]
