"""Mouse and keyboard in the transcript: actions, selection, links, focus."""

from __future__ import annotations

import datetime
from itertools import combinations

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QHelpEvent
from PySide6.QtWidgets import QApplication, QLabel, QMenu, QPushButton, QToolTip
from pytestqt.qtbot import QtBot
from support.widgets import shown

from desktop.ui.shared.transcript import TranscriptMessage, TranscriptView
from desktop.ui.shared.transcript.foot_rows import FootRow
from desktop.ui.shell.theme import Theme

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def view(qtbot: QtBot, theme: Theme) -> TranscriptView:
    return shown(qtbot, TranscriptView(theme), 705, 500)


def show(view: TranscriptView, *contents: str, state: str = "complete", siblings: tuple[int, int] = (0, 1)) -> None:
    view.set_messages(
        [
            TranscriptMessage(
                n,
                "assistant" if n % 2 else "user",
                content,
                state=state,  # type: ignore[arg-type]
                sibling_index=siblings[0],
                sibling_count=siblings[1],
            )
            for n, content in enumerate(contents)
        ]
    )
    QApplication.processEvents()


def place(view: TranscriptView, item: int, kind: str) -> QPoint:
    """Where a hot place is on the screen."""
    found = view.column.items[item]
    for number, row in enumerate(found.rows or []):
        for hot in row.hot_spots():
            if hot.kind == kind:
                corner = view.item_rect(item).topLeft() + QPointF(found.row_x(number), found.tops[number])
                return (corner + hot.rect.center()).toPoint()
    raise AssertionError(f"{kind} is not offered")


def text_place(view: TranscriptView, item: int, row: int, x: float) -> QPoint:
    found = view.column.items[item]
    corner = view.item_rect(item).topLeft() + QPointF(found.row_x(row), found.tops[row])
    return (corner + QPointF(x, view.shape.line / 2)).toPoint()


def drag(qtbot: QtBot, view: TranscriptView, start: QPoint, end: QPoint) -> None:
    qtbot.mousePress(view.viewport(), LEFT, pos=start)
    qtbot.mouseMove(view.viewport(), end)
    qtbot.mouseRelease(view.viewport(), LEFT, pos=end)


def clipboard() -> str:
    return QGuiApplication.clipboard().text()


@pytest.mark.parametrize(
    ("kind", "signal", "arguments"),
    [
        ("regenerate", "regenerate_requested", [1]),
        ("edit", "edit_requested", [1]),
        ("continue", "continue_requested", [1]),
        ("previous", "branch_requested", [1, -1]),
        ("next", "branch_requested", [1, 1]),
    ],
)
def test_actions_of_the_last_message(
    qtbot: QtBot, view: TranscriptView, kind: str, signal: str, arguments: list[int]
) -> None:
    show(view, "Why?", "Because", state="stopped", siblings=(1, 3))
    with qtbot.waitSignal(getattr(view, signal)) as asked:
        qtbot.mouseClick(view.viewport(), LEFT, pos=place(view, 1, kind))
    assert asked.args == arguments


def test_while_busy_nothing_is_offered_that_needs_the_engine(view: TranscriptView) -> None:
    show(view, "Why?", "Because", state="stopped", siblings=(1, 3))
    view.set_busy(True)
    offered = {hot.kind for row in view.column.items[1].rows or [] for hot in row.hot_spots()}
    assert offered == {"copy"}


def test_only_a_stopped_answer_can_be_continued(view: TranscriptView) -> None:
    show(view, "Why?", "Because")
    offered = {hot.kind for row in view.column.items[1].rows or [] for hot in row.hot_spots()}
    assert offered == {"regenerate", "edit", "copy"}


@pytest.mark.parametrize("state", ["failed", "stopped", "interrupted", "context-full"])
def test_an_error_without_text_is_neither_continued_nor_copied(view: TranscriptView, state: str) -> None:
    show(view, "Why?", "", state=state)
    offered = {hot.kind for row in view.column.items[1].rows or [] for hot in row.hot_spots()}
    assert offered == {"regenerate", "edit"}
    show(view, "Why?", "Bec", state=state)
    offered = {hot.kind for row in view.column.items[1].rows or [] for hot in row.hot_spots()}
    assert offered == {"continue", "regenerate", "edit", "copy"}


def test_actions_of_other_messages_show_under_the_mouse(qtbot: QtBot, view: TranscriptView) -> None:
    show(view, "First question", "First answer", "Second question", "Second answer")
    at = place(view, 0, "edit")
    qtbot.mouseMove(view.viewport(), text_place(view, 3, 0, 5))
    assert [item.rows[-1].actions_shown for item in view.column.items if item.rows] == [False, False, False, True]  # type: ignore[attr-defined]
    qtbot.mouseMove(view.viewport(), at)
    assert [item.rows[-1].actions_shown for item in view.column.items if item.rows] == [True, False, False, True]  # type: ignore[attr-defined]
    with qtbot.waitSignal(view.edit_requested) as asked:
        qtbot.mouseClick(view.viewport(), LEFT, pos=at)
    assert asked.args == [0]


STATISTICS = "1234.5 tok/s · 131,071 tokens · first token 123.45 s · 12 threads left to other programs"


@pytest.mark.parametrize("width", [220, 300, 480, 900])
def test_figures_and_actions_take_as_many_lines_as_they_need(qtbot: QtBot, theme: Theme, width: int) -> None:
    view = shown(qtbot, TranscriptView(theme), width, 500)
    name = "a-model-of-a-name-" * 6
    answer = {"statistics_line": STATISTICS, "model": name, "sibling_index": 1, "sibling_count": 12}
    first = TranscriptMessage(0, "assistant", "So", model="another")
    view.set_messages([first, TranscriptMessage(1, "assistant", "Because", state="stopped", **answer)])  # type: ignore[arg-type]
    QApplication.processEvents()
    foot = (view.column.items[1].rows or [])[-1]
    assert isinstance(foot, FootRow)
    shown_figures = [figure for line in foot.lines for figure in line.split(" · ")]
    assert shown_figures[1:] == STATISTICS.split(" · ")
    assert shown_figures[0] == name or name in foot.tooltip()
    metrics = view.shape.small_metrics
    assert all(metrics.horizontalAdvance(line) <= foot.width for line in foot.lines)
    spots = foot.hot_spots()
    assert [hot.kind for hot in spots] == ["continue", "regenerate", "edit", "copy", "previous", "next"]
    for hot in spots:
        assert foot.natural_width + 8 >= hot.rect.right() and foot.height >= hot.rect.bottom()
    assert not any(a.rect.intersects(b.rect) for a, b in combinations(spots, 2))
    for kind, signal in (("continue", view.continue_requested), ("regenerate", view.regenerate_requested)):
        with qtbot.waitSignal(signal):
            qtbot.mouseClick(view.viewport(), LEFT, pos=place(view, 1, kind))


def test_copy_gives_markdown_and_copy_code_the_code(qtbot: QtBot, view: TranscriptView) -> None:
    code = "".join(f"x_{n} = {n}\n" for n in range(900))
    show(view, "Why?", f"**So:**\n\n```python\n{code}```\n")
    view.verticalScrollBar().setValue(0)
    with qtbot.waitSignal(view.copied):
        qtbot.mouseClick(view.viewport(), LEFT, pos=place(view, 1, "copy-code"))
    assert clipboard() == code
    view.jump_to_newest()
    qtbot.mouseClick(view.viewport(), LEFT, pos=place(view, 1, "copy"))
    assert clipboard().startswith("**So:**\n\n```python")


def show_thought(view: TranscriptView) -> None:
    answer = TranscriptMessage(
        1, "assistant", "**Seen**", reasoning="hidden *words*\n\nand more", reasoning_seconds=2.0
    )
    view.set_messages([TranscriptMessage(0, "user", "Why?"), answer])
    QApplication.processEvents()


def test_reasoning_is_folded_and_unfolds(qtbot: QtBot, view: TranscriptView) -> None:
    show_thought(view)
    item = view.column.items[1]
    low = item.height
    qtbot.mouseClick(view.viewport(), LEFT, pos=place(view, 1, "fold"))
    assert item.height > low
    shown = [row.text for row in item.rows or () if not item.hidden(row)]
    assert shown[:4] == ["", "hidden words", "and more", "Seen"]
    qtbot.mouseClick(view.viewport(), LEFT, pos=place(view, 1, "fold"))
    assert item.height == low


def test_reasoning_unfolds_and_is_copied_by_the_keyboard_alone(qtbot: QtBot, view: TranscriptView) -> None:
    show_thought(view)
    item = view.column.items[1]
    view.setFocus(Qt.FocusReason.TabFocusReason)
    while "the reasoning" not in view.accessibleDescription():
        qtbot.keyClick(view, Qt.Key.Key_Tab)
    assert view.accessibleDescription() == "Show the reasoning (Thought for 2.0 s)"
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert not item.folded
    qtbot.keyClick(view, Qt.Key.Key_Tab)
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert clipboard() == "hidden *words*\n\nand more"
    qtbot.keyClick(view, Qt.Key.Key_Backtab)
    qtbot.keyClick(view, Qt.Key.Key_Space)
    assert item.folded


@pytest.mark.parametrize("width", [260, 320, 705])
def test_nothing_on_the_line_of_the_reasoning_is_cut_or_over_another(view: TranscriptView, width: int) -> None:
    answer = TranscriptMessage(1, "assistant", "", "stopped", reasoning="Hm", reasoning_seconds=75.0)
    view.set_messages([TranscriptMessage(0, "user", "Why?"), answer])
    view.resize(width, 500)
    view.show_reasoning(1)
    QApplication.processEvents()
    row = (view.column.items[1].rows or [])[0]
    fold, copy = (hot.rect for hot in row.hot_spots())
    assert not fold.intersects(copy)
    for rect in (fold, copy):
        assert rect.left() >= 0 and rect.right() <= row.width and rect.bottom() <= row.height


def test_a_copied_answer_has_its_reasoning_only_when_asked_for(qtbot: QtBot, view: TranscriptView) -> None:
    show_thought(view)
    qtbot.mouseClick(view.viewport(), LEFT, pos=place(view, 1, "copy"))
    assert clipboard() == "**Seen**"
    point = view.item_rect(1).center().toPoint()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, point, view.viewport().mapToGlobal(point))
    QApplication.sendEvent(view.viewport(), event)
    menu = next(menu for menu in view.findChildren(QMenu) if menu.isVisible())
    next(action for action in menu.actions() if action.text() == "Copy with reasoning").trigger()
    menu.close()
    assert clipboard() == "> hidden *words*\n>\n> and more\n\n**Seen**"


def test_reasoning_is_selected_like_any_text(qtbot: QtBot, view: TranscriptView) -> None:
    show_thought(view)
    view.show_reasoning(1)
    QApplication.processEvents()
    left = view.column.items[1].rows[1].left  # type: ignore[index]
    drag(qtbot, view, text_place(view, 1, 1, left - 2), text_place(view, 1, 2, 600))
    view.copy_selection()
    assert clipboard() == "hidden words\n\nand more"
    view.copy_selection(markdown=True)
    assert clipboard() == "hidden *words*\n\nand more"
    drag(qtbot, view, text_place(view, 1, 1, left - 2), text_place(view, 1, 3, 600))
    view.copy_selection()
    assert clipboard() == "hidden words\n\nand more\n\nSeen"
    view.copy_selection(markdown=True)
    assert clipboard() == "**Seen**"


def test_selection_over_paragraphs_copies_what_is_read(qtbot: QtBot, view: TranscriptView) -> None:
    show(view, "Why?", "First **bold** 😀 words\n\n1. one\n2. two\n\nlast")
    drag(qtbot, view, text_place(view, 1, 0, -2), text_place(view, 1, 3, 600))
    qtbot.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert clipboard() == "First bold 😀 words\n\n1. one\n2. two\n\nlast"


def test_selection_within_a_line_after_an_emoji(qtbot: QtBot, view: TranscriptView) -> None:
    show(view, "Why?", "😀😀 tail")
    qtbot.mouseDClick(view.viewport(), LEFT, pos=text_place(view, 1, 0, 46))
    qtbot.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert clipboard() == "tail"


def test_select_all_copies_the_sources(qtbot: QtBot, view: TranscriptView) -> None:
    show(view, "Why?", "Because **so**")
    qtbot.keyClick(view, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert clipboard() == "Why?\n\nBecause **so**"


def test_table_cells_are_selected_in_reading_order(qtbot: QtBot, view: TranscriptView) -> None:
    show(view, "Why?", "| a | b |\n|---|---|\n| one | two |\n")
    drag(qtbot, view, text_place(view, 1, 0, 0), text_place(view, 1, 0, 600) + QPoint(0, 64))
    qtbot.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert clipboard() == "a\tb\none\ttwo"


def test_a_link_opens_only_after_its_address_was_shown(qtbot: QtBot, view: TranscriptView) -> None:
    show(view, "Why?", "See [the bank](https://evil.example/login) now")
    with qtbot.assertNotEmitted(view.link_activated):
        qtbot.mouseClick(view.viewport(), LEFT, pos=place(view, 1, "link"))
    assert view.link_bar.isVisible()
    shown = view.link_bar.findChild(QLabel, "linkAddress")
    confirm = view.link_bar.findChild(QPushButton, "linkOpen")
    assert isinstance(shown, QLabel)
    assert isinstance(confirm, QPushButton)
    assert shown.text() == "https://evil.example/login"
    with qtbot.waitSignal(view.link_activated) as opened:
        confirm.click()
    assert opened.args == ["https://evil.example/login"]
    assert not view.link_bar.isVisible()


def test_an_address_of_another_kind_is_shown_with_the_reason(qtbot: QtBot, view: TranscriptView) -> None:
    show(view, "Why?", "Get [it](ftp://example.org/x)")
    qtbot.mouseClick(view.viewport(), LEFT, pos=place(view, 1, "link"))
    confirm = view.link_bar.findChild(QPushButton, "linkOpen")
    assert isinstance(confirm, QPushButton)
    assert not confirm.isVisible()
    with qtbot.waitSignal(view.link_bar.closed):
        qtbot.keyClick(view.link_bar, Qt.Key.Key_Escape)


def test_tab_reaches_every_action_and_enter_does_it(qtbot: QtBot, view: TranscriptView) -> None:
    show(view, "Why?", "See [a](https://example.org)", state="stopped")
    view.setFocus()
    heard = []
    for _ in range(7):
        assert view.focusNextPrevChild(True)
        heard.append(view.accessibleDescription().split(";")[0])
    assert heard == [
        "Edit this message",
        "Copy this message as Markdown",
        "Link: https://example.org",
        "Continue this answer where it stopped",
        "Answer again",
        "Edit this answer",
        "Copy this message as Markdown",
    ]
    assert view.focusNextPrevChild(False)
    with qtbot.waitSignal(view.edit_requested) as asked:
        qtbot.keyClick(view, Qt.Key.Key_Return)
    assert asked.args == [1]


def test_home_end_and_page_keys_scroll(qtbot: QtBot, view: TranscriptView) -> None:
    show(view, *["A question", "words and words\n\n" * 30] * 5)
    bar = view.verticalScrollBar()
    qtbot.keyClick(view, Qt.Key.Key_Home)
    assert bar.value() == 0
    assert not view.following
    qtbot.keyClick(view, Qt.Key.Key_PageDown)
    assert bar.value() == pytest.approx(view.viewport().height(), abs=60)
    qtbot.keyClick(view, Qt.Key.Key_Down)
    assert bar.value() > view.viewport().height() - 60
    qtbot.keyClick(view, Qt.Key.Key_End)
    assert bar.value() == bar.maximum()
    assert view.following


def test_on_hover_it_is_said_who_wrote_a_message_and_when(
    view: TranscriptView, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(QToolTip, "showText", lambda _place, words, *_: said.append(words))
    moment = datetime.datetime(2026, 11, 28, 9, 1).timestamp()
    question = TranscriptMessage(0, "user", "Why?", created=moment)
    view.set_messages([question, TranscriptMessage(1, "assistant", "So.", model="M", created=moment)])
    QApplication.processEvents()
    for item in (0, 1):
        point = text_place(view, item, 0, 20)
        QApplication.sendEvent(view.viewport(), QHelpEvent(QEvent.Type.ToolTip, point, point))
    assert [words.removeprefix("<qt>").partition(", ")[0] for words in said] == ["You", "M"]
    assert all("28 November 2026, 09:01" in words for words in said)
