"""What goes wrong on the chat page, and the one thing to do that it offers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtWidgets import QAbstractButton, QFileDialog, QMenu, QPlainTextEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot
from support.chat_page import Desk
from support.plans import plain_plan
from support.widgets import find

from desktop.core.errors import EngineError, HeftError, NotFoundError
from desktop.core.failures import FailureKind
from desktop.core.model_kind import ModelKind
from desktop.services.engine.supervisor import EngineState


def test_without_any_model_it_says_what_to_do_and_gives_the_text_back(
    make_desk: Callable[..., Desk], qtbot: QtBot
) -> None:
    desk = make_desk(model=None)
    desk.write("Hello?")
    qtbot.waitUntil(lambda: desk.page._strip.notice is not None)
    assert desk.label("noticeText") == "There is no model to answer."
    assert desk.page.findChild(QPlainTextEdit, "composerText").toPlainText() == "Hello?"
    desk.click("notice-open-file")
    dialog = desk.page.findChild(QFileDialog, "openModelDialog")
    assert dialog is not None and dialog.isVisible()
    dialog.reject()


def test_a_dead_engine_is_said_and_the_next_message_loads_it_again(desk: Desk, qtbot: QtBot) -> None:
    desk.ask("Crash, please")
    desk.engine.say("I am about to")
    qtbot.waitUntil(lambda: desk.branch[-1][1] == "I am about to")
    desk.engine.die()
    qtbot.waitUntil(lambda: desk.page._strip.notice is not None and not desk.page._talk.busy)
    assert desk.label("noticeText") == "The engine crashed in llama.cpp. The chat is kept."
    assert desk.branch[-1] == ("assistant", "I am about to")
    assert desk.page._talk.branch[-1].state == "failed"

    desk.ask("Still there?")
    desk.engine.say("Yes")
    desk.engine.finish()
    qtbot.waitUntil(lambda: desk.branch[-1] == ("assistant", "Yes"))
    assert desk.page._strip.notice is None


def test_a_removed_model_is_said_and_another_one_can_be_chosen(desk: Desk, qtbot: QtBot) -> None:
    desk.page.open_model(desk.library.path)  # type: ignore[arg-type]
    qtbot.waitUntil(lambda: desk.engine.state.phase == "loading")
    desk.engine.finish_load()
    desk.engine.last_plan = None
    desk.engine.tell(EngineState("stopped", removed="gone"))
    qtbot.waitUntil(lambda: desk.page._strip.notice is not None)
    said = "gone was removed from this computer, so no model is loaded. The chat is kept."
    assert desk.label("noticeText") == said and desk.label("emptyTitle") == "No model is loaded"
    assert desk.button("notice-choose-model").text() == "Choose another model…"
    desk.click("notice-choose-model")
    menu = find(desk.page, QMenu, "models")
    qtbot.waitUntil(lambda: menu.isVisible() and menu.actions()[0].text() == "SmolLM2-135M")
    menu.actions()[0].trigger()
    menu.close()
    qtbot.waitUntil(lambda: desk.engine.state.phase == "loading")
    desk.engine.finish_load()
    qtbot.waitUntil(lambda: desk.page._strip.notice is None)


def test_a_model_that_is_gone_is_not_asked_for_for_ever(desk: Desk, qtbot: QtBot, tmp_path: Path) -> None:
    desk.engine.load(plain_plan(tmp_path / "gone.gguf", name="gone"))  # removed by another program meanwhile
    error = NotFoundError("There is no file gone.gguf.", "Open another one.")
    desk.engine.tell(EngineState("stopped", desk.engine.last_plan, failure=error))
    desk.ask("Who answers now?")
    assert desk.engine.last_plan is not None and desk.engine.last_plan.path == desk.library.path
    desk.engine.finish()
    qtbot.waitUntil(lambda: not desk.page._talk.busy)


def test_out_of_memory_offers_half_the_context(desk: Desk, qtbot: QtBot) -> None:
    desk.answer("Hello", "Hi")
    desk.engine.die("out-of-memory")
    desk.click("notice-load-smaller")
    qtbot.waitUntil(lambda: desk.engine.state.phase == "loading")
    assert desk.engine.last_plan is not None and desk.engine.last_plan.context == 2048


def test_what_a_setting_or_its_pages_mend_is_one_press_away(desk: Desk, qtbot: QtBot) -> None:
    desk.answer("Hello", "Hi")
    desk.engine.die("unsupported-cpu")
    qtbot.waitUntil(lambda: desk.page._strip.notice is not None)
    assert desk.button("noticeSettings").text() == "Open About Heft"
    with qtbot.waitSignal(desk.page.settings_asked) as asked:
        desk.click("noticeSettings")
    assert asked.args == ["about"]


def test_a_refused_file_offers_another_one(desk: Desk, qtbot: QtBot) -> None:
    desk.engine.load(plain_plan("/m/broken.gguf", name="broken"))
    error = EngineError("The file is cut off.", "Download it again.", kind=FailureKind.BAD_FILE)
    desk.engine.tell(EngineState("stopped", plain_plan("/m/broken.gguf", name="broken"), failure=error))
    qtbot.waitUntil(lambda: desk.page._strip.notice is not None)
    assert (desk.label("noticeText"), desk.label("noticeHint")) == (error.message, error.hint)
    assert desk.button("notice-open-file").isVisible()
    assert desk.label("emptyTitle") == "No model is loaded"
    desk.click("loadStarter")
    qtbot.waitUntil(lambda: desk.engine.state.phase == "loading")
    qtbot.waitUntil(lambda: not find(desk.page, QPushButton, "loadStarter").isVisible())


def test_an_engine_without_a_server_is_not_loaded_again(desk: Desk, qtbot: QtBot) -> None:
    desk.engine.load(plain_plan("/m/whole.gguf", name="whole"))
    error = EngineError("There is no server.", "Build it.", kind=FailureKind.NO_SERVER)
    desk.engine.tell(EngineState("stopped", plain_plan("/m/whole.gguf", name="whole"), failure=error))
    qtbot.waitUntil(lambda: desk.page._strip.notice is not None)
    assert desk.label("noticeHint") == "Build it."
    shown = [b.text() for b in desk.page._strip.findChildren(QAbstractButton) if b.isVisible() and b.text()]
    assert shown == []


def test_a_full_context_offers_a_larger_one_and_goes_on(desk: Desk, qtbot: QtBot) -> None:
    desk.answer("A long story", "Once upon a", "context-full", used=2048)
    assert desk.label("noticeText") == "The context of 2,048 tokens is full."
    assert desk.label("contextValue") == "full: 2,048 / 2,048"
    assert desk.button("notice-new-chat").isVisible()
    desk.click("notice-load-larger")
    qtbot.waitUntil(lambda: desk.engine.state.phase == "loading")
    assert desk.engine.last_plan is not None and desk.engine.last_plan.context == 4096
    qtbot.waitUntil(lambda: desk.service.busy)
    desk.engine.finish_load()
    qtbot.waitUntil(lambda: len(desk.engine.requests) == 2)
    desk.engine.say(" time")
    desk.engine.finish()
    qtbot.waitUntil(lambda: desk.branch[-1] == ("assistant", "Once upon a time"))
    assert desk.page._strip.notice is None


def test_a_context_that_cannot_grow_offers_only_a_new_chat(desk: Desk, qtbot: QtBot) -> None:
    desk.engine.load(plain_plan("/m/smol.gguf", 8192, name="SmolLM2-135M"))
    desk.engine.finish_load(trained=8192)
    desk.answer("A long story", "Once", "context-full", used=8192)
    assert not [b for b in desk.page.findChildren(QPushButton, "notice-load-larger") if b.isVisible()]
    desk.click("notice-new-chat")
    qtbot.waitUntil(lambda: desk.branch == [])


def test_a_model_without_a_template_is_said_so_until_dismissed(desk: Desk, qtbot: QtBot) -> None:
    desk.engine.load(plain_plan("/m/base.gguf", name="base"))
    desk.engine.finish_load(template="chatml")
    qtbot.waitUntil(lambda: desk.page._strip.notice is not None)
    assert "ChatML" in desk.label("noticeText")
    desk.page._strip._close.click()
    desk.answer("Hello", "Hi")
    assert desk.page._strip.notice is None


def test_a_base_model_says_once_that_it_continues_the_text(desk: Desk, qtbot: QtBot) -> None:
    desk.engine.load(plain_plan("/m/base.gguf", name="base"))
    desk.engine.finish_load(template="none")
    qtbot.waitUntil(lambda: desk.page._strip.notice is not None)
    assert desk.label("noticeText") == "This model has no chat template: it continues your text instead of answering."
    assert (desk.label("emptyTitle"), desk.label("noticeHint")) == ("Begin a text", "")
    editor = desk.page.findChild(QPlainTextEdit, "composerText")
    assert editor.placeholderText().startswith("Begin a text for base…")
    desk.page._strip._close.click()
    desk.answer("Once upon", " a time")
    assert desk.page._strip.notice is None
    desk.engine.load(plain_plan("/m/chat.gguf", name="chat"))
    desk.engine.finish_load()
    qtbot.waitUntil(lambda: editor.placeholderText().startswith("Message chat"))


def test_a_full_context_goes_before_what_is_said_of_a_template(desk: Desk, qtbot: QtBot) -> None:
    desk.engine.load(plain_plan("/m/base.gguf", 2048, name="base"))
    desk.engine.finish_load(template="none")
    desk.answer("A long story", "Once", "context-full", used=2048)
    qtbot.waitUntil(lambda: desk.label("noticeText") == "The context of 2,048 tokens is full.")


def test_what_cannot_chat_is_refused_with_what_it_is_for(desk: Desk, qtbot: QtBot) -> None:
    desk.engine.load(plain_plan("/m/chat.gguf", name="chat"))
    desk.engine.finish_load()
    desk.page.run_plan(replace(plain_plan("/m/vectors.gguf", name="Vectors"), kind=ModelKind.EMBEDDING))
    qtbot.waitUntil(lambda: desk.page._strip.notice is not None)
    said = "Vectors is an embedding model: it turns text into vectors, it cannot chat."
    assert (desk.label("noticeText"), desk.label("noticeHint")) == (said, "Choose a chat model.")
    assert desk.engine.state.model_name == "chat" and desk.engine.state.phase == "ready"  # it still answers
    desk.click("notice-choose-model")
    menu = find(desk.page, QMenu, "models")
    qtbot.waitUntil(menu.isVisible)
    menu.close()


def test_the_menu_offers_only_what_can_chat(desk: Desk, qtbot: QtBot) -> None:
    own = desk.library.resolve("starter")
    desk.library.scan = lambda progress=None, cancelled=None: [  # type: ignore[method-assign]
        own, replace(own, name="Vectors", path=Path("/m/v.gguf"), kind=ModelKind.EMBEDDING)
    ]  # fmt: skip
    desk.page._side.model.open_menu()
    menu = find(desk.page, QMenu, "models")
    qtbot.waitUntil(lambda: len(menu.actions()) == 5)
    able = {action.text(): (action.isEnabled(), action.toolTip()) for action in menu.actions()[:2]}
    menu.close()
    assert able["SmolLM2-135M"][0]
    assert not able["Vectors"][0] and "An embedding model: it turns text into vectors" in able["Vectors"][1]


def test_a_second_answer_at_a_time_is_refused_and_the_text_comes_back(desk: Desk, qtbot: QtBot) -> None:
    desk.ask("First")
    desk.page.new_chat()
    desk.write("Second")
    qtbot.waitUntil(lambda: bool(desk.told))
    error = desk.told[0]
    assert isinstance(error, HeftError) and error.kind == "busy"
    assert desk.page.findChild(QPlainTextEdit, "composerText").toPlainText() == "Second"
    desk.engine.finish()


def test_the_field_and_the_context_below_it_are_kept_free_of_messages(desk: Desk) -> None:
    desk.answer("Why two tides?", "The Moon.")
    words = desk.page.findChild(QWidget, "contextWords")
    assert words.isVisible()
    top = words.mapTo(desk.page, words.rect().topLeft()).y()
    assert 0 < desk.page.height() - desk.page.foot() < top
