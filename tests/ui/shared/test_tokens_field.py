"""Fields of tokens by keyboard: what people write is taken, what is refused is said, the wheel passes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton, QScrollArea, QToolTip, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot
from support.widgets import shown

from desktop.ui.shared.tokens_field import ContextChoice, TokensField


@pytest.fixture
def field(qtbot: QtBot) -> Iterator[TokensField]:
    made = TokensField(512, 40_960, 1024)
    made.setAccessibleDescription("How much is kept in view.")
    holder = QWidget()
    column = QVBoxLayout(holder)
    for widget in (made, QPushButton("next")):
        column.addWidget(widget)
    shown(qtbot, holder, 200, 80)
    yield made


@pytest.fixture
def choice(qtbot: QtBot) -> ContextChoice:
    return shown(qtbot, ContextChoice(), 140, 30)


def type_in(qtbot: QtBot, field: QWidget, text: str, end: Qt.Key = Qt.Key.Key_Return) -> None:
    field.setFocus()
    inside = field.focusProxy() or field
    qtbot.keyClick(inside, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClicks(inside, text)
    qtbot.keyClick(inside, end)


@pytest.mark.parametrize(
    ("typed", "tokens"),
    [("32k", 32_768), ("32 K", 32_768), ("0.5k", 512), ("32,768", 32_768), ("32.768", 32_768), ("16k tokens", 16_384)],
)
@pytest.mark.parametrize("end", [Qt.Key.Key_Return, Qt.Key.Key_Tab])
def test_what_people_write_is_taken(qtbot: QtBot, field: TokensField, typed: str, tokens: int, end: Qt.Key) -> None:
    type_in(qtbot, field, typed, end)
    assert (field.value(), field.text()) == (tokens, f"{tokens:,}")


def test_nothing_is_told_while_one_types(qtbot: QtBot, field: TokensField) -> None:
    field.setValue(2048)
    told: list[int] = []
    field.valueChanged.connect(told.append)
    type_in(qtbot, field, "32k")
    assert told == [32_768]


def test_more_than_there_can_be_becomes_the_most_and_is_said(qtbot: QtBot, field: TokensField) -> None:
    type_in(qtbot, field, "128k")
    assert field.value() == 40_960
    assert "131,072 tokens are not possible here: at most 40,960." in QToolTip.text()
    assert field.accessibleDescription().endswith("at most 40,960. How much is kept in view.")
    QToolTip.hideText()


def test_what_is_no_number_changes_nothing_and_is_said(qtbot: QtBot, field: TokensField) -> None:
    field.setValue(2048)
    type_in(qtbot, field, "many")
    assert (field.value(), field.text()) == (2048, "2,048")
    assert "32k" in QToolTip.text()
    QToolTip.hideText()


def test_zero_has_its_word(qtbot: QtBot) -> None:
    field = shown(qtbot, TokensField(0, 1_000_000, 128, "no limit"), 120, 30)
    assert field.text() == "no limit"
    type_in(qtbot, field, "2k")
    assert field.value() == 2048
    type_in(qtbot, field, "no limit")
    assert (field.value(), field.text()) == (0, "no limit")


def test_every_text_the_field_shows_is_read_as_its_value(field: TokensField) -> None:
    for value in (512, 1000, 1024, 12_345, 40_960):
        field.setValue(value)
        assert field.valueFromText(field.text()) == value


@pytest.mark.parametrize(("typed", "tokens"), [("24k", 24_576), ("4", 4), ("32,768", 32_768), ("auto", 0)])
def test_a_context_that_is_not_in_the_list(qtbot: QtBot, choice: ContextChoice, typed: str, tokens: int) -> None:
    choice.offer(8192)
    told: list[int] = []
    choice.activated.connect(lambda _: told.append(choice.length))
    type_in(qtbot, choice, typed)
    assert choice.length == tokens and told == [tokens]
    assert choice.currentText() == (f"{tokens:,}" if tokens else "auto")


def test_a_context_beyond_what_the_model_was_trained_for(qtbot: QtBot, choice: ContextChoice) -> None:
    choice.set_trained(8192)
    assert choice.findData(16_384) == -1, "it is not offered"
    type_in(qtbot, choice, "16k")  # but may be asked for: the plan says what comes of it
    assert choice.length == 16_384
    type_in(qtbot, choice, "1G")
    assert choice.length == 16_384
    type_in(qtbot, choice, "plenty")
    assert (choice.length, choice.currentText()) == (16_384, "16,384") and "32k" in QToolTip.text()
    QToolTip.hideText()


def test_the_wheel_passes_over_what_is_not_in_use_and_scrolls_the_page(qtbot: QtBot) -> None:
    page = QWidget()
    column = QVBoxLayout(page)
    fields = (TokensField(0, 1000, 1), ContextChoice())
    first = QPushButton("has the keyboard")
    for widget in (first, *fields):
        column.addWidget(widget)
    fields[0].setValue(500)
    fields[1].setCurrentIndex(3)
    column.addStretch(1)
    page.setFixedHeight(1200)
    area = QScrollArea()
    area.setWidget(page)
    shown(qtbot, area, 300, 300)
    first.setFocus()
    for widget, value in ((fields[0], fields[0].value), (fields[1], fields[1].currentIndex)):
        before, at = value(), area.verticalScrollBar().value()
        QTest.wheelEvent(area.windowHandle(), QPointF(widget.mapTo(area, QPoint(5, 5))), QPoint(0, -30))
        assert value() == before and area.verticalScrollBar().value() > at
        assert not widget.hasFocus()
