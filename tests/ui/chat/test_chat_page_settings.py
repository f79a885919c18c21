"""Settings, presets and the model of a chat."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QComboBox, QDoubleSpinBox, QPlainTextEdit, QScrollArea
from pytestqt.qtbot import QtBot
from support.chat_page import Desk
from support.plans import plain_plan

from desktop.core.errors import NotFoundError
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import local_ref
from desktop.store.options import PRESETS


def test_settings_are_kept_with_their_chat(desk: Desk, qtbot: QtBot) -> None:
    temperature = desk.page.findChild(QDoubleSpinBox, "temperature")
    prompt = desk.page.findChild(QPlainTextEdit, "systemPrompt")
    temperature.setValue(0.25)
    prompt.setPlainText("Be brief.")
    desk.answer("First", "one")
    request = desk.engine.requests[-1]
    assert request.sampling.temperature == 0.25
    assert [m.content for m in request.messages] == ["Be brief.", "First"]
    first = desk.page._talk.chat
    assert first is not None

    desk.page.new_chat()
    assert temperature.value() == 0.7 and prompt.toPlainText() == ""
    desk.page.open_chat(first.id)
    qtbot.waitUntil(lambda: temperature.value() == 0.25)
    temperature.setValue(0.5)
    desk.page.new_chat()  # what was just edited is not lost
    qtbot.waitUntil(lambda: desk.store.chat(first.id).sampling["temperature"] == 0.5)


def test_a_preset_can_be_saved_and_deleted(desk: Desk, qtbot: QtBot) -> None:
    box = desk.page.findChild(QComboBox, "preset")
    desk.page.findChild(QDoubleSpinBox, "temperature").setValue(0.33)
    desk.page._presets.save("Mine")
    qtbot.waitUntil(lambda: box.currentText() == "Mine")
    assert [preset.name for preset in desk.settings.get(PRESETS)] == ["Mine"]
    delete = next(a for a in desk.page._side.settings.preset_menu().actions() if a.text().startswith("Delete"))
    delete.trigger()
    qtbot.waitUntil(lambda: box.findText("Mine") == -1)
    assert desk.settings.get(PRESETS) == ()


def test_the_model_can_be_switched_in_the_middle_of_a_chat(desk: Desk, qtbot: QtBot) -> None:
    desk.answer("Hello", "Hi")
    desk.engine.load(plain_plan("/m/other.gguf", name="Other-8B"))
    desk.engine.finish_load()
    qtbot.waitUntil(lambda: desk.page._strip.notice is not None)
    assert desk.label("noticeText") == "This chat was held with SmolLM2-135M. The next answer comes from Other-8B."
    desk.answer("And now?", "I am another one")
    assert desk.page._strip.notice is None
    assert [m.model for m in desk.page._talk.branch if m.role == "assistant"] == ["SmolLM2-135M", "Other-8B"]
    menu = desk.page._side.model
    menu.open_menu()
    qtbot.waitUntil(lambda: any(a.text() == "SmolLM2-135M" for a in menu.menu.actions()))
    next(a for a in menu.menu.actions() if a.text() == "SmolLM2-135M").trigger()
    menu.menu.hide()
    qtbot.waitUntil(lambda: desk.engine.state.model_name == "SmolLM2-135M")
    desk.click("cancelLoad")
    qtbot.waitUntil(lambda: desk.engine.cancels == 1)


def test_open_model_loads_the_file_named(desk: Desk, qtbot: QtBot) -> None:
    assert desk.library.path is not None
    desk.page.open_model(desk.library.path)
    qtbot.waitUntil(lambda: desk.engine.state.phase == "loading")
    desk.page.open_model(Path("/nowhere.gguf"))
    qtbot.waitUntil(lambda: bool(desk.told))
    assert isinstance(desk.told[0], NotFoundError)


def test_what_is_set_takes_effect_when_the_model_is_loaded_again(desk: Desk, qtbot: QtBot) -> None:
    assert desk.library.path is not None
    ref = local_ref(desk.library.path)
    assert desk.page.findChild(QComboBox, "loadContext") is None, "nothing to set up before there is a model"
    desk.page.open_model(desk.library.path)
    qtbot.waitUntil(lambda: desk.engine.state.phase == "loading")
    desk.engine.finish_load()
    qtbot.waitUntil(lambda: desk.page.findChild(QComboBox, "loadContext") is not None)
    context = desk.page.findChild(QComboBox, "loadContext")
    again = desk.page.findChild(QAbstractButton, "reloadModel")
    assert not again.isVisible()
    field = context.lineEdit()
    assert field is not None
    field.selectAll()
    qtbot.keyClicks(field, "3000")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(again.isVisible)
    assert desk.planning.settings_of(ref) == LoadSettings(3000)
    assert again is not None
    desk.page.findChild(QScrollArea, "chatSideScroll").ensureWidgetVisible(again)
    desk.click("reloadModel")
    qtbot.waitUntil(lambda: desk.engine.state.phase == "loading")
    desk.engine.finish_load()
    qtbot.waitUntil(lambda: not again.isVisible())
    loaded = desk.engine.state.loaded
    assert loaded is not None and loaded.context_length == 3072


def test_the_context_of_an_older_chat_becomes_its_models(desk: Desk, qtbot: QtBot) -> None:
    assert desk.library.path is not None
    ref = local_ref(desk.library.path)
    old = desk.store.create(title="Old", context_length=6000)
    desk.store.update(old.id, model="SmolLM2-135M", model_path=str(desk.library.path))
    desk.page.open_chat(old.id)
    qtbot.waitUntil(lambda: desk.page._talk.chat is not None)
    desk.ask("Hello")
    plan = desk.engine.last_plan
    assert plan is not None and plan.asked.context == 6000 and plan.context == 6144
    assert desk.planning.settings_of(ref) == LoadSettings(6000)
    chat = desk.store.chat(old.id)
    assert chat is not None and chat.context_length == 0, "it is taken over once"


def test_what_is_set_for_a_model_goes_before_an_older_chats_context(desk: Desk, qtbot: QtBot) -> None:
    assert desk.library.path is not None
    desk.planning.remember(local_ref(desk.library.path), LoadSettings(cache_type_k="q8_0"))
    old = desk.store.create(title="Old", context_length=6000)
    desk.store.update(old.id, model="SmolLM2-135M", model_path=str(desk.library.path))
    desk.page.open_chat(old.id)
    qtbot.waitUntil(lambda: desk.page._talk.chat is not None)
    desk.ask("Hello")
    plan = desk.engine.last_plan
    assert plan is not None and (plan.asked.context, plan.asked.cache_type_k) == (None, "q8_0")
