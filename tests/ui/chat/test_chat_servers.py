"""Models of other servers on the page Chat: in the menu, chosen, asked, out of reach, and back again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDoubleSpinBox, QLabel, QMenu, QPlainTextEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot
from support.keyrings import memory_keyring
from support.openai_server import RESET, OpenAIServer, answer, piece
from support.scripted_server import STREAM
from support.widgets import find, label, shown

from desktop.core.errors import ContextFullError
from desktop.core.speed import Rate, Speeds
from desktop.services.container import Container
from desktop.services.engine.memory import EngineMemory
from desktop.store.options import LIBRARY_FOLDERS
from desktop.store.paths import Paths
from desktop.ui.chat import actions
from desktop.ui.chat.page import ChatPage
from desktop.ui.shell.engine_bridge import Bridge, merge_chat_events, merge_states
from desktop.ui.shell.statusbar import StatusBar
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme

MS = 20_000
SPEEDS = Speeds(Rate(161.0, 161.0, 161.0), Rate(75.0, 75.0, 75.0), 4096)


class Desk:
    """The page and the status bar on real services; only the other server is a script."""

    def __init__(self, qtbot: QtBot, paths: Paths, tasks: Tasks, theme: Theme) -> None:
        self.qtbot, self.made = qtbot, Container(paths)
        made = self.made
        made.settings.set(LIBRARY_FOLDERS, ())
        self.bridges = Bridge(made.engine.subscribe, merge_states), Bridge(made.chat.subscribe, merge_chat_events)
        self.page = ChatPage(
            made.chats, made.chat, made.engine, lambda: made.library, lambda: made.planning, made.sampling.defaults,
            lambda: made.answers, lambda: made.endpoints, made.settings, *self.bridges, tasks, theme,
            attachments=lambda: made.attachments,
        )  # fmt: skip
        self.asked_for: list[str] = []
        self.page.settings_asked.connect(self.asked_for.append)
        self.status = StatusBar(tasks, lambda _: EngineMemory(0, 0))
        qtbot.addWidget(self.status)
        self.bridges[0].received.connect(self.status.show_state)
        shown(qtbot, self.page, 1204, 770)

    def close(self) -> None:
        for bridge in self.bridges:
            bridge.close()
        self.made.close()

    @property
    def menu(self) -> QMenu:
        return find(self.page, QMenu, "models")

    def open_menu(self) -> None:
        self.qtbot.mouseClick(self.page.findChild(QPushButton, "modelButton"), Qt.MouseButton.LeftButton)

    def entries(self) -> list[str]:
        return [action.text() for action in self.menu.actions() if action.text()]

    def entry(self, text: str) -> QAction:
        return next(action for action in self.menu.actions() if action.text() == text)

    def choose(self, text: str) -> None:
        self.open_menu()
        self.qtbot.waitUntil(lambda: text in self.entries() and self.entry(text).isEnabled(), timeout=MS)
        self.entry(text).trigger()
        self.menu.close()

    def ask(self, text: str) -> None:
        turns = len(self.page._talk.branch)
        editor = self.page.findChild(QPlainTextEdit, "composerText")
        editor.setFocus()
        self.qtbot.keyClicks(editor, text)
        self.qtbot.keyClick(editor, Qt.Key.Key_Return)
        self.qtbot.waitUntil(lambda: len(self.page._talk.branch) == turns + 2 and not self.page._talk.busy, timeout=MS)

    def says(self, name: str, text: str, within: QWidget | None = None) -> None:
        found = (within or self.page).findChild(QLabel, name)
        self.qtbot.waitUntil(lambda: text in found.text(), timeout=MS)


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer("org/a-model", "other") as running:
        yield running


@pytest.fixture
def desk(
    qtbot: QtBot, paths: Paths, tasks: Tasks, theme: Theme, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Desk]:  # fmt: skip
    with memory_keyring(monkeypatch, tmp_path):
        made = Desk(qtbot, paths, tasks, theme)
        made.made.endpoints.add(server.url, "studio")
        yield made
        made.close()


def test_a_model_of_another_server_is_chosen_in_the_menu_and_answers(desk: Desk, server: OpenAIServer) -> None:
    desk.choose("a-model")
    desk.says("statusPhase", "ready on studio", desk.status)
    button = desk.page.findChild(QPushButton, "modelButton")
    assert button.accessibleName() == "Model: a-model on studio"
    server.answers = [answer("Good ", "day.")]
    desk.ask("Hello?")
    assert desk.page._transcript.text_of(desk.page._talk.branch[-1].id) == "Good day."
    assert label(desk.page, "memoryValue") == "–" and label(desk.page, "contextValue") == "9 tokens"
    assert not desk.page.findChild(QWidget, "modelSettings").isVisible()  # how it is loaded is not set here
    assert label(desk.page, "temperatureSource") == "the server decides"
    temperature = find(desk.page, QDoubleSpinBox, "temperature")
    assert temperature.text() == "", "what the server has is not known"
    temperature.stepUp()
    assert temperature.text() != "" and label(desk.page, "temperatureSource") == "set here"
    desk.qtbot.mouseClick(find(desk.page, QWidget, "temperatureReset"), Qt.MouseButton.LeftButton)
    assert temperature.text() == "" and label(desk.page, "temperatureSource") == "the server decides"
    assert desk.page.commands.reason(actions.SHOW_TEMPLATE) == "No model of this computer is loaded."
    chat = desk.page._talk.chat
    assert chat is not None and (chat.model, chat.model_path) == ("a-model", "endpoint:studio/org/a-model")


def test_its_thinking_is_turned_off_beside_the_composer(desk: Desk, server: OpenAIServer) -> None:
    server.models = [{"id": "org/a-model", "owned_by": "llamacpp"}]
    switch = "{% if enable_thinking is defined and not enable_thinking %}<think></think>{% endif %}"
    server.pages["/props"] = {"chat_template": switch}
    desk.choose("a-model")
    desk.says("statusPhase", "ready on studio", desk.status)
    thinking = find(desk.page, QPushButton, "thinkingButton")
    desk.qtbot.waitUntil(thinking.isVisible, timeout=MS)
    desk.qtbot.mouseClick(thinking, Qt.MouseButton.LeftButton)
    menu = find(desk.page, QMenu, "thinkingMenu")
    next(action for action in menu.actions() if action.text().startswith("Off")).trigger()
    menu.close()
    desk.qtbot.waitUntil(lambda: thinking.text() == "Thinking: off", timeout=MS)
    server.answers = [answer("Yes.")]
    desk.ask("Hello?")
    assert server.questions[0]["chat_template_kwargs"]["enable_thinking"] is False


def test_the_menu_has_a_group_for_each_server(desk: Desk) -> None:
    with OpenAIServer(*(f"m{number}" for number in range(12))) as many:
        desk.made.endpoints.add(many.url, "many & more")
        desk.open_menu()
        desk.qtbot.waitUntil(lambda: "12 models of many && more" in desk.entries(), timeout=MS)
        entries = desk.entries()
        assert entries[entries.index("On studio") :][:3] == ["On studio", "a-model", "other"]
        assert not desk.entry("On studio").isEnabled()  # a heading
        below = desk.entry("12 models of many && more").menu()
        assert isinstance(below, QMenu) and [action.text() for action in below.actions()][:2] == ["m0", "m1"]
        assert entries[-1] == "Other servers…"
        desk.entry("Other servers…").trigger()
        assert desk.asked_for == ["endpoints"]
        desk.menu.close()


def test_one_that_is_out_of_reach_says_so_and_nothing_waits_for_it(desk: Desk, server: OpenAIServer) -> None:
    server.stop()
    desk.open_menu()
    desk.qtbot.waitUntil(lambda: "On studio: not reachable" in desk.entries(), timeout=MS)
    assert "Nothing listens" in desk.entry("On studio: not reachable").toolTip()
    assert not desk.entry("a-model").isEnabled()  # as it was last seen
    desk.menu.close()


def test_a_break_keeps_the_text_and_the_answer_can_be_asked_for_again(desk: Desk, server: OpenAIServer) -> None:
    desk.choose("a-model")
    desk.says("statusPhase", "ready on studio", desk.status)
    server.answers = [(STREAM, piece("Half of "), RESET), answer("Whole.")]
    desk.ask("Hello?")
    broken = desk.page._talk.branch[-1]
    assert desk.page._transcript.text_of(broken.id) == "Half of "
    assert broken.state == "failed" and "broke while it was answering" in broken.note
    desk.says("statusPhase", "studio broke off its answer", desk.status)
    assert not desk.page.findChild(QWidget, "noticeStrip").isVisible(), "it stands below the answer"
    desk.page._talk.regenerate(broken.id)
    desk.qtbot.waitUntil(lambda: desk.page._talk.branch[-1].content == "Whole.", timeout=MS)


def test_after_an_answer_that_failed_the_server_is_not_called_ready(desk: Desk, server: OpenAIServer) -> None:
    desk.choose("a-model")
    desk.says("statusPhase", "ready on studio", desk.status)
    server.stop()
    desk.ask("Hello?")
    desk.says("statusPhase", "no connection to studio", desk.status)


def test_a_conversation_that_is_too_long_there_says_what_can_be_done(desk: Desk) -> None:
    desk.choose("a-model")
    desk.says("statusPhase", "ready on studio", desk.status)
    desk.page._failed(ContextFullError("Too long.", "Load it with a larger context."))
    desk.says("noticeText", "This conversation is longer than the model's context.")
    desk.says("noticeHint", "Whoever runs studio can give the model a longer context.")
    assert find(desk.page, QPushButton, "notice-new-chat").isVisible()
    assert desk.page.findChild(QPushButton, "notice-load-larger") is None


def test_the_speed_of_the_model_before_is_not_shown(desk: Desk) -> None:
    desk.page.show_prediction(SPEEDS)
    assert "161" in label(desk.page, "predictedValue")
    desk.choose("a-model")
    desk.says("statusPhase", "ready on studio", desk.status)
    assert label(desk.page, "predictedValue") == "–"
    desk.page.show_prediction(SPEEDS)  # of a load that was recorded late
    assert label(desk.page, "predictedValue") == "–"


def test_a_server_that_is_off_is_said_with_two_ways_on(desk: Desk, server: OpenAIServer) -> None:
    desk.choose("a-model")
    desk.says("statusPhase", "ready on studio", desk.status)
    plan = desk.made.engine.last_plan
    assert plan is not None
    server.stop()
    desk.made.engine.load(plan)
    desk.says("noticeText", "Nothing listens")
    desk.says("statusPhase", "no connection to studio", desk.status)
    again = desk.page.findChild(QPushButton, "notice-load-again")
    assert again.text() == "Try again" and desk.page.findChild(QPushButton, "notice-choose-model").isVisible()
    with OpenAIServer("org/a-model") as back:
        desk.made.endpoints.remove("studio")
        desk.made.endpoints.add(back.url, "studio")
        desk.qtbot.mouseClick(again, Qt.MouseButton.LeftButton)
        desk.says("statusPhase", "ready on studio", desk.status)


def test_a_server_that_wants_a_key_is_not_called_out_of_reach(desk: Desk) -> None:
    with OpenAIServer("locked-model", key="the-secret-key") as locked:
        desk.made.endpoints.add(locked.url, "box", "the-secret-key")
        desk.choose("locked-model")
        desk.says("statusPhase", "ready on box", desk.status)
        plan = desk.made.engine.last_plan
        assert plan is not None
        desk.made.endpoints.set_key("box", "")  # as after a restart that lost it
        desk.made.engine.load(plan)
        desk.says("statusPhase", "box wants a key", desk.status)
        desk.says("noticeText", "box wants a key")
        desk.open_menu()
        desk.qtbot.waitUntil(lambda: "On box: wants a key" in desk.entries(), timeout=MS)
        desk.menu.close()


def test_a_chat_comes_back_to_the_server_it_was_held_with(desk: Desk, server: OpenAIServer) -> None:
    desk.choose("other")
    desk.says("statusPhase", "ready on studio", desk.status)
    server.answers = [answer("First."), answer("Second.")]
    desk.ask("One?")
    chat = desk.page._talk.chat
    assert chat is not None
    desk.choose("a-model")
    desk.says("noticeText", "This chat was held with other.")
    desk.qtbot.mouseClick(desk.page.findChild(QPushButton, "notice-load-chat-model"), Qt.MouseButton.LeftButton)
    desk.qtbot.waitUntil(lambda: desk.made.engine.state.model_name == "other", timeout=MS)
    desk.says("statusPhase", "ready on studio", desk.status)
    desk.ask("Two?")
    assert server.questions[-1]["model"] == "other"
