"""A click or a key on a word shows what the model could have written instead, once that is switched on."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QCheckBox, QLabel, QTableWidget, QToolButton, QWidget
from pytestqt.qtbot import QtBot
from support.chat_page import Desk
from support.widgets import find

from desktop.engine.api import Text
from desktop.engine.token_choices import TokenChoice
from desktop.store.options import TOKEN_ALTERNATIVES
from desktop.ui.chat import actions

PIECES = ("The", " **Moon**", " pulls", " the", " sea", ".")


@pytest.fixture
def answered(desk: Desk) -> Desk:
    desk.ask("Why?")
    assert desk.engine._answer is not None
    tokens = tuple(
        TokenChoice(text, 0.62, ((text, 0.62), (" Sun\n", 0.1), (" rare", 0.00001)), text.encode()) for text in PIECES
    )
    desk.engine._answer(Text(1, "".join(PIECES), 6, 40, 60.0, tokens=tokens))
    desk.engine.finish()
    desk.qtbot.waitUntil(lambda: not desk.page._talk.busy)
    return desk


def popup(desk: Desk) -> QWidget:
    desk.qtbot.waitUntil(lambda: QApplication.activePopupWidget() is not None)
    found = QApplication.activePopupWidget()
    assert found is not None and found.objectName() == "tokenAlternatives"
    return found


def click_word(desk: Desk, word: str) -> None:
    view = desk.page._transcript
    item = view.column.items[-1]
    row = item.body[0]
    rect = row.rect_of(row.text.index(word), row.text.index(word) + len(word))
    top = view.item_rect(len(view.column.items) - 1).top() + item.tops[0]
    place = QPoint(round(view.content_x + rect.center().x()), round(top + rect.center().y()))
    desk.qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)


def rows(table: QTableWidget) -> list[tuple[str, str]]:
    return [tuple(table.item(row, column).text() for column in (0, 1)) for row in range(table.rowCount())]  # type: ignore[misc]


def test_a_click_shows_them_and_keys_walk_through_the_tokens(answered: Desk, qtbot: QtBot) -> None:
    click_word(answered, "Moon")
    shown = popup(answered)
    assert (
        "Moon" in find(shown, QLabel, "tokenHeading").text() and "62.0%" in find(shown, QLabel, "tokenHeading").text()
    )
    table = find(shown, QTableWidget, "tokenTable")
    assert [probability for _, probability in rows(table)] == ["62.0%", "10.0%", "< 0.1%"]
    assert "(written)" in rows(table)[0][0] and "Sun" in rows(table)[1][0]
    assert "Moon" in shown.accessibleDescription() and "10.0%" in shown.accessibleDescription()
    qtbot.keyClick(shown, Qt.Key.Key_Right)
    assert "pulls" in find(shown, QLabel, "tokenHeading").text()
    for _ in range(9):
        qtbot.keyClick(shown, Qt.Key.Key_Left)
    assert "The" in find(shown, QLabel, "tokenHeading").text()
    qtbot.keyClick(shown, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: QApplication.activePopupWidget() is None)


def test_they_are_reached_without_a_mouse(answered: Desk, qtbot: QtBot) -> None:
    assert answered.page.commands.trigger(actions.ALTERNATIVES) == ""
    shown = popup(answered)
    assert "The" in find(shown, QLabel, "tokenHeading").text()
    shown.close()


def test_without_kept_tokens_a_click_shows_nothing_and_the_action_says_why(desk: Desk) -> None:
    desk.answer("Why?", "The Moon.")
    click_word(desk, "Moon")
    assert QApplication.activePopupWidget() is None
    assert "Expert" in desk.page.commands.trigger(actions.ALTERNATIVES)


def test_it_is_switched_on_in_expert_which_says_the_cost(desk: Desk, qtbot: QtBot) -> None:
    assert desk.settings.get(TOKEN_ALTERNATIVES) is False
    find(desk.page, QToolButton, "expertFold").click()
    box = find(desk.page, QCheckBox, "keepAlternatives")
    assert not box.isChecked() and "slower" in find(desk.page, QLabel, "tokenAlternativesText").text()
    box.click()
    qtbot.waitUntil(lambda: desk.settings.get(TOKEN_ALTERNATIVES) is True)
