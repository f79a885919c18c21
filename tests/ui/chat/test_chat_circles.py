"""An answer that goes round in circles: said in a calm notice below it, with what to do."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QMenu
from pytestqt.qtbot import QtBot
from support.chat_page import Desk
from support.widgets import find

SENTENCE = "The sea is salty because it is salty. "
TABLE = "| day | task |\n|---|---|\n" + "| any | Water the plants in the garden |\n" * 30


def said(desk: Desk) -> str:
    notice = desk.page._strip.notice
    return f"{notice.severity}: {desk.label('noticeText')} {desk.label('noticeHint')}" if notice is not None else ""


def repeat(desk: Desk, qtbot: QtBot) -> None:
    """A question, and an answer that goes round."""
    desk.ask("Why is the sea salty?")
    for _ in range(10):
        desk.engine.say(SENTENCE)
    qtbot.waitUntil(lambda: bool(said(desk)))


def test_it_is_said_while_it_is_written_and_can_be_stopped(desk: Desk, qtbot: QtBot) -> None:
    repeat(desk, qtbot)
    assert said(desk) == (
        "note: It repeats itself. Stop it, or raise the repeat penalty at the right, or take a larger model."
    )
    desk.page._talk.stop()
    qtbot.waitUntil(lambda: desk.engine.cancels == 1 and not desk.page._talk.busy)
    qtbot.waitUntil(lambda: said(desk).startswith("note: The answer repeats itself. To mend it, raise the repeat"))
    desk.click("notice-choose-model")
    qtbot.waitUntil(lambda: find(desk.page, QMenu, "models").isVisible())
    find(desk.page, QMenu, "models").close()


def test_it_is_gone_with_the_next_question(desk: Desk, qtbot: QtBot) -> None:
    repeat(desk, qtbot)
    desk.engine.finish()
    qtbot.waitUntil(lambda: not desk.page._talk.busy)
    assert said(desk)
    desk.ask("Shorter, please")
    qtbot.waitUntil(lambda: not said(desk))
    desk.engine.say("Because of salt.")
    desk.engine.finish()
    qtbot.waitUntil(lambda: not desk.page._talk.busy)
    assert not said(desk)


def test_it_is_gone_with_another_chat_and_dismissed_for_this_answer(desk: Desk, qtbot: QtBot) -> None:
    repeat(desk, qtbot)
    qtbot.mouseClick(find(desk.page, QAbstractButton, "dismissNotice"), Qt.MouseButton.LeftButton)
    assert not said(desk)
    desk.engine.say(SENTENCE)
    desk.engine.finish()
    qtbot.waitUntil(lambda: not desk.page._talk.busy)
    assert not said(desk)
    repeat(desk, qtbot)
    desk.page.new_chat()
    assert not said(desk)


def test_a_table_and_thinking(desk: Desk, qtbot: QtBot) -> None:
    desk.ask("A plan?")
    desk.engine.say(TABLE)
    qtbot.waitUntil(lambda: "garden" in desk.branch[-1][1])
    assert not said(desk)
    desk.engine.finish()
    qtbot.waitUntil(lambda: not desk.page._talk.busy)
    assert not said(desk)
    desk.ask("Think!")
    for _ in range(10):
        desk.engine.say("", reasoning="Wait, the user asks for a plan. ")
    qtbot.waitUntil(lambda: said(desk).startswith("note: It repeats itself."))
