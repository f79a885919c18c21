"""The chat page on a real store and the real chat service; only the engine is a script that emits real events."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QListView,
    QPlainTextEdit,
    QPushButton,
)
from pytestqt.qtbot import QtBot

from desktop.core.errors import EngineError, HeftError, NotFoundError
from desktop.engine.protocol import (
    EngineDied,
    Finished,
    FinishReason,
    Generate,
    Load,
    Loaded,
    Memory,
    PromptProgress,
    Statistics,
    Text,
)
from desktop.services.chat import ChatService
from desktop.services.engine import AnswerEvent, EngineState
from desktop.store.chats import ChatStore, MessageRole
from desktop.store.library import LibraryModel
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore
from desktop.ui.engine_bridge import Bridge, merge_chat_events, merge_states
from desktop.ui.pages.chat import ChatPage
from desktop.ui.tasks import Tasks
from desktop.ui.theme import Theme

MEMORY = Memory(92_000_000, 47_000_000, 0, 12_000_000, 200_000, 260_000_000)


class ScriptedEngine:
    """The interface of EngineService; the test says what happens."""

    def __init__(self) -> None:
        self.state = EngineState()
        self.last_load: tuple[Load, str] | None = None
        self.requests: list[Generate] = []
        self.cancels = 0
        self._listeners: list[Callable[[EngineState], None]] = []
        self._answer: Callable[[AnswerEvent], None] | None = None

    def subscribe(self, listener: Callable[[EngineState], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def load(self, request: Load, name: str) -> None:
        self.last_load = (request, name)
        self.tell(EngineState("loading", request.path, name, pid=1))

    def generate(self, request: Generate, listener: Callable[[AnswerEvent], None]) -> int:
        self.requests.append(request)
        self._answer = listener
        self.tell(replace(self.state, phase="generating"))
        return len(self.requests)

    def cancel(self) -> None:
        self.cancels += 1
        if self._answer is not None:
            self.finish("cancelled")

    # -- what the test says -----------------------------------------------------------------------

    def tell(self, state: EngineState) -> None:
        self.state = state
        for listener in list(self._listeners):
            listener(state)

    def finish_load(self, *, trained: int = 8192, template: str = "model") -> None:
        assert self.last_load is not None
        request, name = self.last_load
        context = request.context_length or 2048
        loaded = Loaded(request.path, "llama 135M", context, trained, 30, 0, 2, "model", MEMORY, 0.1)
        loaded = msgspec.structs.replace(loaded, template=template)
        self.tell(EngineState("ready", request.path, name, 1.0, loaded, pid=1))

    def say(self, text: str, tokens: int = 1) -> None:
        assert self._answer is not None
        self._answer(Text(1, text, tokens, 40 + tokens, 61.4))

    def read_prompt(self, done: int, total: int) -> None:
        assert self._answer is not None
        self._answer(PromptProgress(1, done, total, 0))

    def finish(self, reason: FinishReason = "stop", used: int = 42) -> None:
        assert self._answer is not None and self.state.loaded is not None
        answer, self._answer = self._answer, None
        self.tell(replace(self.state, phase="ready"))
        length = self.state.loaded.context_length
        answer(Finished(1, reason, Statistics(40, 0, 2, used, length, 0.21, 1240.0, 61.4, 260_000_000)))

    def die(self, kind: str = "crashed") -> None:
        answer, self._answer = self._answer, None
        died = EngineDied(kind, "The engine crashed in llama.cpp.", "Try a smaller model.", "log", -6)
        self.tell(EngineState("died", self.state.model_path, self.state.model_name, died=died))
        if answer is not None:
            answer(died)


class OneModelLibrary:
    """A library with one model, or none."""

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def resolve(self, model: str) -> LibraryModel:
        if self.path is None or model not in ("starter", str(self.path)):
            raise NotFoundError(f"There is no model '{model}'.", "Open a file.")
        return LibraryModel("SmolLM2-135M", self.path, (self.path,), (), 1, "llama", "Q4_1", 1, "starter", 0.0)

    def scan(self, progress: object = None, cancelled: object = None) -> list[LibraryModel]:
        return [self.resolve("starter")] if self.path else []


class Desk:
    """A page with all it stands on."""

    def __init__(
        self, qtbot: QtBot, store: ChatStore, paths: Paths, tasks: Tasks, theme: Theme, model: Path | None
    ) -> None:
        self.qtbot = qtbot
        self.store = store
        self.engine = ScriptedEngine()
        self.library = OneModelLibrary(model)
        self.service = ChatService(store, self.engine)  # type: ignore[arg-type]
        self.engine_bridge = Bridge(self.engine.subscribe, merge_states)
        self.chat_bridge = Bridge(self.service.subscribe, merge_chat_events)
        self.settings = SettingsStore(paths.settings)
        self.page = ChatPage(
            store,
            self.service,
            self.engine,  # type: ignore[arg-type]
            lambda: self.library,  # type: ignore[arg-type,return-value]
            self.settings,
            self.engine_bridge,
            self.chat_bridge,
            tasks,
            theme,
        )
        self.told: list[object] = []
        self.page.notify.connect(self.told.append)
        qtbot.addWidget(self.page)
        self.page.resize(1204, 770)
        with qtbot.waitExposed(self.page):
            self.page.show()
        self.page.activateWindow()
        qtbot.waitUntil(self.page.isActiveWindow)
        box = self.page.findChild(QComboBox, "preset")
        qtbot.waitUntil(lambda: box.count() > 0)

    def close(self) -> None:
        self.chat_bridge.close()
        self.engine_bridge.close()
        self.service.close()

    def write(self, text: str) -> None:
        """As a person does: type and press Enter."""
        editor = self.page.findChild(QPlainTextEdit, "composerText")
        editor.setFocus()
        self.qtbot.keyClicks(editor, text)
        self.qtbot.keyClick(editor, Qt.Key.Key_Return)

    def ask(self, text: str) -> None:
        """Type a question and wait until the engine has it."""
        before = len(self.engine.requests)
        self.write(text)
        if self.engine.state.loaded is None:
            self.qtbot.waitUntil(lambda: self.engine.state.phase == "loading" and self.service.busy)
            self.engine.finish_load()
        self.qtbot.waitUntil(lambda: len(self.engine.requests) > before)
        self.qtbot.waitUntil(lambda: len(self.branch) >= 2 and self.branch[-2] == ("user", text))

    def answer(self, question: str, text: str, reason: FinishReason = "stop", used: int = 42) -> None:
        """A whole turn."""
        self.ask(question)
        self.engine.say(text)
        self.engine.finish(reason, used)
        self.qtbot.waitUntil(lambda: self.branch[-1][1] == text and not self.page._talk.busy)

    @property
    def branch(self) -> list[tuple[str, str]]:
        """What the page shows: role and text."""
        view = self.page._transcript
        return [(m.role, view.text_of(m.id)) for m in self.page._talk.branch]

    def label(self, name: str) -> str:
        return self.page.findChild(QLabel, name).text()

    def button(self, name: str) -> QPushButton:
        found = self.page.findChildren(QPushButton, name)
        return next(button for button in found if button.isVisible())

    def click(self, name: str) -> None:
        self.qtbot.waitUntil(lambda: any(b.isVisible() for b in self.page.findChildren(QPushButton, name)))
        self.qtbot.mouseClick(self.button(name), Qt.MouseButton.LeftButton)

    @property
    def rows(self) -> list[str]:
        model = self.page.findChild(QListView, "chats").model()
        return [model.index(row, 0).data() for row in range(model.rowCount())]


@pytest.fixture
def store(paths: Paths) -> Iterator[ChatStore]:
    made = ChatStore(paths.chats)
    yield made
    made.close()


@pytest.fixture
def make_desk(
    qtbot: QtBot, store: ChatStore, paths: Paths, tasks: Tasks, theme: Theme, tmp_path: Path
) -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []
    model = tmp_path / "smol.gguf"
    model.touch()

    def make(*, model: Path | None = model) -> Desk:
        made.append(Desk(qtbot, store, paths, tasks, theme, model))
        return made[-1]

    yield make
    for desk in made:
        desk.close()


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Desk:
    return make_desk()


# -- a conversation -------------------------------------------------------------------------------


def test_a_first_message_waits_for_the_model_and_streams(desk: Desk, qtbot: QtBot) -> None:
    assert desk.label("emptyTitle") == "Ask something"
    desk.write("Why two tides?")
    qtbot.waitUntil(lambda: desk.engine.state.phase == "loading")
    qtbot.waitUntil(lambda: len(desk.branch) == 2)
    assert desk.branch == [("user", "Why two tides?"), ("assistant", "")]
    assert desk.page.findChild(QLabel, "loadText").isVisible()

    desk.engine.finish_load()
    qtbot.waitUntil(lambda: len(desk.engine.requests) == 1)
    desk.engine.read_prompt(20, 40)
    qtbot.waitUntil(lambda: desk.label("promptValue") == "reading 20 / 40")
    desk.engine.say("The Moon ")
    desk.engine.say("pulls.", 2)
    qtbot.waitUntil(lambda: desk.branch[1] == ("assistant", "The Moon pulls."))
    qtbot.waitUntil(lambda: desk.label("generationValue") == "61.4 tok/s")
    assert desk.label("contextValue") == "42 / 2,048"
    assert desk.label("memoryValue") == "151.2 MB"
    desk.engine.finish()
    qtbot.waitUntil(lambda: not desk.page._talk.busy)
    assert desk.label("promptValue") == "1,240 tok/s" and desk.label("firstTokenValue") == "0.21 s"
    qtbot.waitUntil(lambda: desk.rows == ["Why two tides?"])
    stored = desk.store.chats()[0]
    assert (stored.model, stored.model_path) == ("SmolLM2-135M", str(desk.library.path))
    assert desk.told == []


def test_stop_keeps_what_was_written(desk: Desk, qtbot: QtBot) -> None:
    desk.ask("Go on for ever")
    desk.engine.say("1 2 3")
    qtbot.waitUntil(lambda: desk.branch[-1][1] == "1 2 3")
    assert desk.button("composerSend").text() == "Stop"
    desk.click("composerSend")
    qtbot.waitUntil(lambda: not desk.page._talk.busy)
    assert desk.engine.cancels == 1
    last = desk.page._talk.branch[-1]
    assert (last.content, last.state) == ("1 2 3", "stopped")

    desk.page._transcript.continue_requested.emit(last.id)
    qtbot.waitUntil(lambda: len(desk.engine.requests) == 2)
    desk.engine.say(" 4")
    desk.engine.finish()
    qtbot.waitUntil(lambda: desk.branch[-1][1] == "1 2 3 4")
    assert desk.engine.requests[-1].messages[-1].content == "1 2 3"


def test_regenerate_adds_a_version_and_one_can_go_back(desk: Desk, qtbot: QtBot) -> None:
    desk.answer("Name a colour", "Red")
    desk.page._transcript.regenerate_requested.emit(desk.page._talk.branch[-1].id)
    qtbot.waitUntil(lambda: len(desk.engine.requests) == 2)
    desk.engine.say("Blue")
    desk.engine.finish()
    qtbot.waitUntil(lambda: desk.branch == [("user", "Name a colour"), ("assistant", "Blue")])
    last = desk.page._talk.branch[-1]
    assert (last.sibling_index, last.sibling_count) == (1, 2)
    desk.page._transcript.branch_requested.emit(last.id, -1)
    qtbot.waitUntil(lambda: desk.branch[-1] == ("assistant", "Red"))
    desk.page._transcript.branch_requested.emit(desk.page._talk.branch[-1].id, -1)  # beyond the first: nothing
    desk.page._transcript.branch_requested.emit(desk.page._talk.branch[-1].id, 1)
    qtbot.waitUntil(lambda: desk.branch[-1] == ("assistant", "Blue"))


def test_an_edited_question_is_a_branch_with_its_own_answer(desk: Desk, qtbot: QtBot) -> None:
    desk.answer("Why two tides?", "The Moon.")
    desk.page._transcript.edit_requested.emit(desk.page._talk.branch[0].id)
    editor = desk.page.findChild(QPlainTextEdit, "composerText")
    qtbot.waitUntil(lambda: editor.toPlainText() == "Why two tides?")
    editor.selectAll()
    qtbot.keyClicks(editor, "Why one tide?")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(desk.engine.requests) == 2)
    desk.engine.say("There are two.")
    desk.engine.finish()
    qtbot.waitUntil(lambda: desk.branch == [("user", "Why one tide?"), ("assistant", "There are two.")])
    assert desk.page._talk.branch[0].sibling_count == 2
    chat = desk.page._talk.chat
    assert chat is not None
    desk.store.select(desk.store.siblings(desk.page._talk.branch[0].id)[0])
    assert [m.content for m in desk.store.messages(chat.id)] == ["Why two tides?", "The Moon."]


def test_an_answer_goes_on_while_another_chat_is_in_view(desk: Desk, qtbot: QtBot) -> None:
    desk.answer("First chat", "one")
    first = desk.page._talk.chat
    assert first is not None
    desk.page.new_chat()
    desk.ask("Second chat")
    desk.engine.say("streaming ")
    qtbot.waitUntil(lambda: desk.branch[-1][1] == "streaming ")
    second = desk.page._talk.chat
    assert second is not None

    desk.page.open_chat(first.id)
    qtbot.waitUntil(lambda: desk.branch == [("user", "First chat"), ("assistant", "one")])
    assert not desk.page._talk.busy
    desk.engine.say("on ")
    desk.page.open_chat(second.id)
    qtbot.waitUntil(lambda: desk.branch[-1] == ("assistant", "streaming on "))
    assert desk.page._talk.busy
    desk.engine.say("and on")
    desk.engine.finish()
    qtbot.waitUntil(lambda: desk.branch[-1] == ("assistant", "streaming on and on") and not desk.page._talk.busy)


# -- what goes wrong ------------------------------------------------------------------------------


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


def test_out_of_memory_offers_half_the_context(desk: Desk, qtbot: QtBot) -> None:
    desk.answer("Hello", "Hi")
    desk.engine.die("out-of-memory")
    desk.click("notice-load-smaller")
    qtbot.waitUntil(lambda: desk.engine.state.phase == "loading")
    assert desk.engine.last_load is not None and desk.engine.last_load[0].context_length == 2048


def test_a_refused_file_offers_another_one(desk: Desk, qtbot: QtBot) -> None:
    desk.engine.load(Load("/m/broken.gguf"), "broken")
    error = EngineError("The file is cut off.", "Download it again.", kind="bad-file")
    desk.engine.tell(EngineState("stopped", "/m/broken.gguf", "broken", failure=error))
    qtbot.waitUntil(lambda: desk.page._strip.notice is not None)
    assert (desk.label("noticeText"), desk.label("noticeHint")) == (error.message, error.hint)
    assert desk.button("notice-open-file").isVisible()
    assert desk.label("emptyTitle") == "No model is loaded"


def test_a_full_context_offers_a_larger_one_and_goes_on(desk: Desk, qtbot: QtBot) -> None:
    desk.answer("A long story", "Once upon a", "context-full", used=2048)
    assert desk.label("noticeText") == "The context of 2,048 tokens is full."
    assert desk.label("contextValue") == "full: 2,048 / 2,048"
    assert desk.button("notice-new-chat").isVisible()
    desk.click("notice-load-larger")
    qtbot.waitUntil(lambda: desk.engine.state.phase == "loading")
    assert desk.engine.last_load is not None and desk.engine.last_load[0].context_length == 4096
    qtbot.waitUntil(lambda: desk.service.busy)
    desk.engine.finish_load()
    qtbot.waitUntil(lambda: len(desk.engine.requests) == 2)
    desk.engine.say(" time")
    desk.engine.finish()
    qtbot.waitUntil(lambda: desk.branch[-1] == ("assistant", "Once upon a time"))
    assert desk.page._strip.notice is None


def test_a_context_that_cannot_grow_offers_only_a_new_chat(desk: Desk, qtbot: QtBot) -> None:
    desk.engine.load(Load("/m/smol.gguf", context_length=8192), "SmolLM2-135M")
    desk.engine.finish_load(trained=8192)
    desk.answer("A long story", "Once", "context-full", used=8192)
    assert not [b for b in desk.page.findChildren(QPushButton, "notice-load-larger") if b.isVisible()]
    desk.click("notice-new-chat")
    qtbot.waitUntil(lambda: desk.branch == [])


def test_a_model_without_a_template_is_said_so_until_dismissed(desk: Desk, qtbot: QtBot) -> None:
    desk.engine.load(Load("/m/base.gguf"), "base")
    desk.engine.finish_load(template="chatml")
    qtbot.waitUntil(lambda: desk.page._strip.notice is not None)
    assert "ChatML" in desk.label("noticeText")
    desk.page._strip._close.click()
    desk.answer("Hello", "Hi")
    assert desk.page._strip.notice is None


def test_a_second_answer_at_a_time_is_refused_and_the_text_comes_back(desk: Desk, qtbot: QtBot) -> None:
    desk.ask("First")
    desk.page.new_chat()
    desk.write("Second")
    qtbot.waitUntil(lambda: bool(desk.told))
    error = desk.told[0]
    assert isinstance(error, HeftError) and error.kind == "busy"
    assert desk.page.findChild(QPlainTextEdit, "composerText").toPlainText() == "Second"
    desk.engine.finish()


# -- the list -------------------------------------------------------------------------------------


def test_chats_are_listed_opened_renamed_deleted_and_brought_back(
    make_desk: Callable[..., Desk], store: ChatStore, qtbot: QtBot
) -> None:
    for title in ("Old", "New"):
        chat = store.create(title, "SmolLM2")
        store.add(chat.id, None, "user", f"question of {title}")
    desk = make_desk()
    qtbot.waitUntil(lambda: desk.rows == ["New", "Old"])
    pane = desk.page._list
    view = desk.page.findChild(QListView, "chats")
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.visualRect(view.model().index(1, 0)).center())
    qtbot.waitUntil(lambda: desk.branch == [("user", "question of Old")])

    old = store.chats()[1]
    pane.rename_asked.emit(old.id, "Older")
    qtbot.waitUntil(lambda: desk.rows == ["New", "Older"])
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: desk.rows == ["New"])
    assert desk.branch == [] and desk.page._talk.chat is None
    desk.click("undoDelete")
    qtbot.waitUntil(lambda: desk.rows == ["New", "Older"] and desk.branch == [("user", "question of Old")])
    assert view.currentIndex().data() == "Older"


def test_search_opens_the_message_on_its_branch(make_desk: Callable[..., Desk], store: ChatStore, qtbot: QtBot) -> None:
    chat = store.create("Tides")
    store.add(chat.id, None, "user", "the needle is here")
    store.add(chat.id, None, "user", "the branch on show")
    desk = make_desk()
    field = desk.page.findChild(QLineEdit, "chatSearch")
    qtbot.keyClick(desk.page, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(field.hasFocus)
    qtbot.keyClicks(field, "needl")
    results = desk.page.findChild(QListView, "chatSearchResults")
    qtbot.waitUntil(results.isVisible)
    qtbot.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: desk.branch == [("user", "the needle is here")])


def test_deleting_the_chat_that_is_answered_stops_it(desk: Desk, qtbot: QtBot) -> None:
    desk.ask("Go on")
    desk.engine.say("1")
    chat = desk.page._talk.chat
    assert chat is not None
    qtbot.waitUntil(lambda: len(desk.rows) == 1)
    desk.page._list.delete_asked.emit(chat.id)
    qtbot.waitUntil(lambda: desk.rows == [] and not desk.service.busy)
    assert desk.engine.cancels == 1 and desk.told == []


@pytest.mark.parametrize("kind", ["markdown", "json"])
def test_a_chat_is_exported_without_blocking(
    make_desk: Callable[..., Desk], store: ChatStore, qtbot: QtBot, tmp_path: Path, kind: str
) -> None:
    chat = store.create("Tides: why/how?")
    store.add(chat.id, None, "user", "Warum zwei Fluten? 🌊")
    desk = make_desk()
    qtbot.waitUntil(lambda: len(desk.rows) == 1)
    desk.page._list.export_asked.emit(chat.id, kind)
    dialog = desk.page.findChild(QFileDialog, "exportDialog")
    assert dialog is not None
    target = tmp_path / "out" / ("a.md" if kind == "markdown" else "a.json")
    dialog.fileSelected.emit(str(target))
    qtbot.waitUntil(lambda: bool(desk.told))
    assert isinstance(desk.told[0], HeftError)  # the folder is not there
    target.parent.mkdir()
    dialog.fileSelected.emit(str(target))
    qtbot.waitUntil(lambda: len(desk.told) == 2)
    written = target.read_text(encoding="utf-8")
    assert desk.told[1] == f"Saved {target}"
    if kind == "json":
        assert json.loads(written)["messages"][0]["content"] == "Warum zwei Fluten? 🌊"
    else:
        assert written.startswith("# Tides: why/how?")
    assert [entry.name for entry in target.parent.iterdir()] == [target.name]
    dialog.reject()


# -- settings -------------------------------------------------------------------------------------


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
    assert [preset.name for preset in desk.settings.load().presets] == ["Mine"]
    delete = next(a for a in desk.page._side.settings.preset_menu().actions() if a.text().startswith("Delete"))
    delete.trigger()
    qtbot.waitUntil(lambda: box.findText("Mine") == -1)
    assert desk.settings.load().presets == ()


def test_the_model_can_be_switched_in_the_middle_of_a_chat(desk: Desk, qtbot: QtBot) -> None:
    desk.answer("Hello", "Hi")
    desk.engine.load(Load("/m/other.gguf"), "Other-8B")
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


def test_a_long_chat_opens_quickly(make_desk: Callable[..., Desk], store: ChatStore, qtbot: QtBot) -> None:
    chat = store.create("Long")
    parent: int | None = None
    for number in range(5000):
        role: MessageRole = "assistant" if number % 2 else "user"
        parent = store.add(chat.id, parent, role, f"**{number}** " + "word " * 40).id
    desk = make_desk()
    start = time.perf_counter()
    desk.page.open_chat(chat.id)
    qtbot.waitUntil(lambda: len(desk.page._talk.branch) == 5000, timeout=5000)
    desk.page.grab()
    assert time.perf_counter() - start < 0.5
