"""Thinking and effort beside the composer, and the note of a chat template of one's own, by what is seen."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu, QPushButton, QWidget
from pytestqt.qtbot import QtBot
from support import forge
from support.chat_page import Desk
from support.plans import plain_plan
from support.widgets import find

from desktop.core.answer_settings import AnswerSettings
from desktop.core.errors import HeftError
from desktop.core.model_ref import local_ref
from desktop.store.paths import Paths

TURNS = "{% for m in messages %}{{ m.content }}{% endfor %}"
SWITCH = TURNS + "{% if not enable_thinking %}</think>{% endif %}"
LEVELS = "Reasoning: {{ reasoning_effort }}" + TURNS
BOTH = SWITCH + "{% if reasoning_effort in ['low', 'high'] %}{{ reasoning_effort }}{% endif %}"

AUTO, ON, OFF = "Auto: the model decides", "On: it thinks first", "Off: it answers at once"
DEFAULT, LOW, MEDIUM, HIGH = (f"Effort: {level}" for level in ("default", "low", "medium", "high"))

Model = Callable[[str], Path]


@pytest.fixture
def model(tmp_path: Path) -> Model:
    def write(template: str) -> Path:
        entries = {"general.architecture": "llama", "tokenizer.chat_template": template}
        return forge.write(tmp_path / "talks.gguf", {key: forge.Value(8, text) for key, text in entries.items()}, [])

    return write


def path_of(desk: Desk) -> Path:
    assert desk.library.path is not None
    return desk.library.path


def button(desk: Desk) -> QPushButton:
    return find(desk.page, QPushButton, "thinkingButton")


def menu(desk: Desk, qtbot: QtBot) -> dict[str, bool]:
    """The choices as they stand in the menu that the keyboard opens; whether each is the one set."""
    qtbot.keyClick(button(desk), Qt.Key.Key_Space)
    shown = desk.page.findChild(QMenu, "thinkingMenu")
    qtbot.waitUntil(shown.isVisible)
    found = {action.text(): action.isChecked() for action in shown.actions() if not action.isSeparator()}
    shown.close()
    return found


def choose(desk: Desk, qtbot: QtBot, words: str) -> None:
    qtbot.mouseClick(button(desk), Qt.MouseButton.LeftButton)
    shown = desk.page.findChild(QMenu, "thinkingMenu")
    qtbot.waitUntil(shown.isVisible)
    next(action for action in shown.actions() if action.text() == words).trigger()
    shown.close()


def says(desk: Desk, qtbot: QtBot, words: str) -> None:
    qtbot.waitUntil(lambda: button(desk).isVisible() and button(desk).text() == words)


def asked(desk: Desk) -> tuple[bool | None, str]:
    return desk.engine.requests[-1].thinking, desk.engine.requests[-1].effort


def test_nothing_is_offered_before_a_model_and_where_its_template_knows_of_nothing(
    make_desk: Callable[..., Desk], qtbot: QtBot, model: Model
) -> None:
    desk = make_desk(model=model(TURNS))
    assert not button(desk).isVisible()
    desk.answer("Hello", "Hi")
    assert not button(desk).isVisible()
    qtbot.keyClick(desk.page, Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier)
    assert desk.told == ["No model is loaded whose chat template has a switch for its thinking."]
    assert asked(desk) == (None, "")


def test_a_switch_is_off_on_or_the_model_s_and_remembered_for_the_model(
    make_desk: Callable[..., Desk], qtbot: QtBot, model: Model
) -> None:
    desk = make_desk(model=model(SWITCH))
    desk.answer("Hello", "Hi")
    says(desk, qtbot, "Thinking: auto")
    assert menu(desk, qtbot) == {AUTO: True, ON: False, OFF: False}
    choose(desk, qtbot, OFF)
    says(desk, qtbot, "Thinking: off")
    desk.answer("And now?", "At once")
    assert asked(desk) == (False, "")
    desk.engine.load(plain_plan("/m/other.gguf", name="Other-8B"))
    desk.engine.finish_load()
    qtbot.waitUntil(lambda: not button(desk).isVisible())
    desk.answer("Hello, you", "Hi")
    assert asked(desk) == (None, "")
    desk.engine.load(plain_plan(path_of(desk), name="SmolLM2-135M"))
    desk.engine.finish_load()
    says(desk, qtbot, "Thinking: off")
    choose(desk, qtbot, AUTO)
    desk.answer("Once more", "As you like")
    assert asked(desk) == (None, "")


def test_levels_without_a_switch(make_desk: Callable[..., Desk], qtbot: QtBot, model: Model) -> None:
    desk = make_desk(model=model(LEVELS))
    desk.answer("Hello", "Hi")
    says(desk, qtbot, "Thinking: default")
    assert menu(desk, qtbot) == {DEFAULT: True, LOW: False, MEDIUM: False, HIGH: False}
    choose(desk, qtbot, HIGH)
    says(desk, qtbot, "Thinking: high")
    desk.answer("And now?", "At length")
    assert asked(desk) == (None, "high")


def test_a_switch_and_levels_by_the_keyboard(make_desk: Callable[..., Desk], qtbot: QtBot, model: Model) -> None:
    desk = make_desk(model=model(BOTH))
    desk.answer("Hello", "Hi")
    says(desk, qtbot, "Thinking: auto")
    assert menu(desk, qtbot) == {AUTO: True, ON: False, OFF: False, DEFAULT: True, LOW: False, HIGH: False}
    qtbot.keyClick(desk.page, Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier)
    shown = desk.page.findChild(QMenu, "thinkingMenu")
    qtbot.waitUntil(shown.isVisible)
    for _ in range(5):
        qtbot.keyClick(shown, Qt.Key.Key_Down)
    qtbot.keyClick(shown, Qt.Key.Key_Return)
    says(desk, qtbot, "Thinking: auto, low")
    choose(desk, qtbot, ON)
    says(desk, qtbot, "Thinking: on, low")
    desk.answer("And now?", "Briefly")
    assert asked(desk) == (True, "low")
    choose(desk, qtbot, OFF)
    says(desk, qtbot, "Thinking: off")
    reached = button(desk)
    assert reached.focusPolicy() & Qt.FocusPolicy.TabFocus and reached.accessibleName() == "Thinking: off"


def test_what_the_engine_says_of_the_template_counts(
    make_desk: Callable[..., Desk], qtbot: QtBot, model: Model
) -> None:
    desk = make_desk(model=model(TURNS))
    desk.engine.load(plain_plan(path_of(desk), name="SmolLM2-135M"))
    desk.engine.finish_load()
    state = desk.engine.state
    assert state.loaded is not None
    loaded = msgspec.structs.replace(state.loaded, thinking=True, efforts=("low", "max"))
    desk.engine.tell(dataclasses.replace(state, loaded=loaded))
    says(desk, qtbot, "Thinking: auto")
    assert menu(desk, qtbot) == {AUTO: True, ON: False, OFF: False, DEFAULT: True, LOW: False, "Effort: max": False}


def test_a_level_that_another_template_does_not_know_is_not_asked_for(
    make_desk: Callable[..., Desk], qtbot: QtBot, model: Model
) -> None:
    desk = make_desk(model=model(LEVELS))
    ref = local_ref(path_of(desk))
    desk.answers.remember(ref, AnswerSettings(effort="medium"))
    desk.answers.remember(ref, AnswerSettings(template=BOTH, effort="medium"))
    desk.answer("Hello", "Hi")
    says(desk, qtbot, "Thinking: auto")
    assert asked(desk) == (None, "")


def test_what_cannot_be_kept_is_taken_back(
    make_desk: Callable[..., Desk], qtbot: QtBot, model: Model, paths: Paths
) -> None:
    desk = make_desk(model=model(SWITCH))
    desk.answer("Hello", "Hi")
    says(desk, qtbot, "Thinking: auto")
    paths.load_settings.mkdir(parents=True)  # what cannot be written over
    choose(desk, qtbot, OFF)
    qtbot.waitUntil(lambda: any(isinstance(told, HeftError) for told in desk.told))
    says(desk, qtbot, "Thinking: auto")


def test_a_template_of_one_s_own_is_used_and_noted_and_leads_to_the_template(
    make_desk: Callable[..., Desk], qtbot: QtBot, model: Model
) -> None:
    desk = make_desk(model=model(TURNS))
    note = desk.page.findChild(QWidget, "templateNote")
    desk.answer("Hello", "Hi")
    assert not note.isVisible() and desk.engine.requests[-1].template is None
    desk.answers.remember(local_ref(path_of(desk)), AnswerSettings(template=SWITCH))
    desk.page.shown()  # back from the page where it was set
    says(desk, qtbot, "Thinking: auto")
    assert note.isVisible()
    assert desk.label("templateNoteText") == "A chat template of your own is used with this model."
    desk.answer("And now?", "So")
    assert desk.engine.requests[-1].template == SWITCH
    shown: list[object] = []
    desk.page.template_asked.connect(shown.append)
    desk.click("templateNoteShow")
    assert shown == [path_of(desk)]


def test_a_base_model_with_a_template_of_one_s_own_answers(
    make_desk: Callable[..., Desk], qtbot: QtBot, model: Model
) -> None:
    desk = make_desk(model=model(""))
    desk.answers.remember(local_ref(path_of(desk)), AnswerSettings(template=TURNS))
    desk.engine.load(plain_plan(path_of(desk), name="Base-1B"))
    desk.engine.finish_load(template="none")
    qtbot.waitUntil(lambda: desk.page.findChild(QWidget, "templateNote").isVisible())
    assert desk.page._strip.notice is None
    assert "Message Base-1B" in desk.page.findChild(QWidget, "composerText").placeholderText()
