"""What the chat page shows of a model that is asleep, and that the next question wakes it."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtWidgets import QPlainTextEdit
from pytestqt.qtbot import QtBot
from support.chat_page import Desk
from support.widgets import find

from desktop.services.engine.supervisor import EngineState
from desktop.ui.chat.model_menu import ModelMenu
from desktop.ui.shared.labels import PlainLabel
from desktop.ui.shell.statusbar import StatusBar


def _sleep(desk: Desk) -> None:
    desk.engine.tell(EngineState("asleep", desk.engine.state.plan))


def test_the_name_stays_and_the_next_question_wakes_the_model(desk: Desk, qtbot: QtBot) -> None:
    desk.answer("Hello", "Hi")
    label = find(desk.page, PlainLabel, "modelAsleep")
    assert not label.isVisible()
    plan = desk.engine.last_plan
    _sleep(desk)
    qtbot.waitUntil(label.isVisible)
    assert label.text() == "asleep, wakes with your next question"
    menu = find(desk.page, ModelMenu, "modelMenu")
    assert menu._button.text() == "SmolLM2-135M"
    assert find(desk.page, QPlainTextEdit, "composerText").placeholderText().startswith("Message SmolLM2-135M")
    assert desk.page._strip.notice is None

    desk.write("Awake?")
    qtbot.waitUntil(lambda: desk.engine.state.phase == "loading")
    assert desk.engine.last_plan is plan
    desk.engine.finish_load()
    qtbot.waitUntil(lambda: len(desk.engine.requests) == 2)
    desk.engine.say("Yes")
    desk.engine.finish()
    qtbot.waitUntil(lambda: desk.branch[-1] == ("assistant", "Yes") and not label.isVisible())


def test_an_empty_chat_says_that_the_model_wakes(desk: Desk, qtbot: QtBot) -> None:
    desk.answer("Hello", "Hi")
    _sleep(desk)
    desk.page.new_chat()
    said = "SmolLM2-135M is asleep to free its memory; it wakes with your question."
    qtbot.waitUntil(lambda: desk.label("emptyText") == said)
    assert desk.label("emptyTitle") == "Ask something"


def test_every_key_that_writes_a_question_is_told(desk: Desk, qtbot: QtBot) -> None:
    editor = find(desk.page, QPlainTextEdit, "composerText")
    with qtbot.waitSignal(desk.page.typed):
        qtbot.keyClicks(editor, "H")


def test_the_status_bar_names_it_too(desk: Desk, qtbot: QtBot) -> None:
    desk.answer("Hello", "Hi")
    bar = StatusBar(desk.tasks, lambda pid: None)  # type: ignore[arg-type,return-value]
    qtbot.addWidget(bar)
    bar.show_state(replace(desk.engine.state, phase="asleep", loaded=None, pid=None))
    assert bar._phase.text() == "asleep, wakes with your next question"
    assert bar._model.whole_text == "SmolLM2-135M"
