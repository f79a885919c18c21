"""The chat page on a real store and the real chat service; only the engine is a script that emits real events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QListView, QPlainTextEdit, QPushButton
from pytestqt.qtbot import QtBot
from support.scripted_documents import document_service

from desktop.core.cancelled import Cancelled, never
from desktop.core.errors import NotFoundError
from desktop.core.failures import FailureKind
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import ModelRef
from desktop.core.pools import Pool
from desktop.core.sampling_defaults import NO_DEFAULTS, SamplingDefaults
from desktop.core.speed import Speeds
from desktop.core.tool_calls import CalledTool
from desktop.engine.api import (
    EngineDied,
    Failed,
    Finished,
    FinishReason,
    Generate,
    Loaded,
    Memory,
    PromptProgress,
    Statistics,
    Text,
)
from desktop.services.chat.attaching import AttachmentService
from desktop.services.chat.chat import ChatService
from desktop.services.chat.pictures import PictureService
from desktop.services.documents.sending import DocumentSender
from desktop.services.endpoints.keys import EndpointKeys
from desktop.services.endpoints.service import EndpointService
from desktop.services.engine.supervisor import AnswerEvent, EngineState
from desktop.services.models.answer_settings import AnswerSettingsService
from desktop.services.models.kind_words import must_write_text
from desktop.services.tools.secrets import ToolSecrets
from desktop.services.tools.service import ToolService
from desktop.store.chats import ChatStore
from desktop.store.endpoints import EndpointStore
from desktop.store.library import LibraryModel
from desktop.store.load_settings import LoadSettingsStore
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore
from desktop.store.tool_servers import ToolServerStore
from desktop.ui.chat.page import ChatPage
from desktop.ui.shared.transcript.formulas import Typeset
from desktop.ui.shell.engine_bridge import Bridge, merge_chat_events, merge_states
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme

from .widgets import label, shown

MEMORY = Memory(92_000_000, 47_000_000, 0, 12_000_000, 200_000, 260_000_000)


class ScriptedEngine:
    """The interface of EngineService; the test says what happens."""

    def __init__(self) -> None:
        self.state = EngineState()
        self.last_plan: LoadPlan | None = None
        self.requests: list[Generate] = []
        self.cancels = 0
        self._listeners: list[Callable[[EngineState], None]] = []
        self._answer: Callable[[AnswerEvent], None] | None = None

    def subscribe(self, listener: Callable[[EngineState], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def load(self, plan: LoadPlan) -> None:
        must_write_text(plan.ref.name, plan.kind)
        self.last_plan = plan
        self.tell(EngineState("loading", plan, pid=1))

    def generate(self, request: Generate, listener: Callable[[AnswerEvent], None]) -> int:
        self.requests.append(request)
        self._answer = listener
        self.tell(replace(self.state, phase="generating"))
        return len(self.requests)

    def count(self, asked: Generate) -> int:
        """A word is a token, a picture 256."""
        said = sum(len(message.content.split()) + 256 * len(message.media) for message in asked.messages)
        return said + sum(len(tool.description.split()) for tool in asked.tools)

    def cancel(self) -> None:
        self.cancels += 1
        if self._answer is not None:
            self.finish("cancelled")

    # -- what the test says -----------------------------------------------------------------------

    def tell(self, state: EngineState) -> None:
        self.state = state
        for listener in list(self._listeners):
            listener(state)

    def finish_load(self, *, trained: int = 8192, template: str = "model", tools: bool = False) -> None:
        plan = self.last_plan
        assert plan is not None
        context = plan.context if plan.asked.context else 2048
        loaded = Loaded(str(plan.path), "llama 135M", context, trained, 30, 0, 2, "model", MEMORY, 0.1)
        loaded = msgspec.structs.replace(loaded, template=template, tools=tools)
        self.tell(EngineState("ready", plan, 1.0, loaded, pid=1))

    def say(self, text: str, tokens: int = 1, *, reasoning: str = "") -> None:
        assert self._answer is not None
        self._answer(Text(1, text, tokens, 40 + tokens, 61.4, reasoning=reasoning))

    def read_prompt(self, done: int, total: int) -> None:
        assert self._answer is not None
        self._answer(PromptProgress(1, done, total, 0))

    def finish(self, reason: FinishReason = "stop", used: int = 42, calls: tuple[CalledTool, ...] = ()) -> None:
        assert self._answer is not None and self.state.loaded is not None
        answer, self._answer = self._answer, None
        self.tell(replace(self.state, phase="ready"))
        length = self.state.loaded.context_length
        figures = Statistics(40, 0, 2, used, length, 0.21, 1240.0, 61.4, 260_000_000)
        answer(Finished(1, reason, figures, calls=calls))

    def refuse(self, needed: int, length: int) -> None:
        """The conversation is too long."""
        assert self._answer is not None
        answer, self._answer = self._answer, None
        self.tell(replace(self.state, phase="ready"))
        words = f"This conversation is {needed:,} tokens long; the model was loaded with a context of {length:,}."
        answer(Failed(1, FailureKind.CONTEXT_FULL, words, "Load it with a larger context.", "", needed, length))

    def die(self, kind: str = "crashed") -> None:
        answer, self._answer = self._answer, None
        died = EngineDied(FailureKind.of(kind), "The engine crashed in llama.cpp.", "Try a smaller model.", "log", -6)
        self.tell(EngineState("died", self.state.plan, died=died))
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

    def used_elsewhere(self) -> list[LibraryModel]:
        return []


class PlainPlanning:
    """Plans that leave everything to what was asked, or is remembered."""

    def __init__(self) -> None:
        self.remembered: dict[str, LoadSettings] = {}
        self.speeds: Speeds | None = None
        self.ways = None

    def offered(self) -> tuple[Pool, ...]:
        return ()

    def settings_of(self, ref: ModelRef) -> LoadSettings:
        return self.remembered.get(ref.identity, LoadSettings())

    def remember(self, ref: ModelRef, settings: LoadSettings) -> None:
        self.remembered[ref.identity] = settings.checked()

    def for_load(self, ref: ModelRef, asked: LoadSettings | None = None, cancelled: Cancelled = never) -> LoadPlan:
        wanted = (asked or LoadSettings()).over(self.settings_of(ref))
        return LoadPlan(ref, wanted, 2, speeds=self.speeds, trained_context=8192)


class Desk:
    """A page with all it stands on."""

    def __init__(
        self, qtbot: QtBot, store: ChatStore, paths: Paths, tasks: Tasks, theme: Theme, model: Path | None
    ) -> None:
        self.qtbot = qtbot
        self.store = store
        self.tasks = tasks
        self.typeset: Typeset = lambda _latex, _display: None  # formulas stay as they were written
        self.engine = ScriptedEngine()
        self.library = OneModelLibrary(model)
        self.planning = PlainPlanning()
        self.defaults: dict[str, SamplingDefaults] = {}  # by the name of a model's file
        self.answers = AnswerSettingsService(LoadSettingsStore(paths.load_settings))
        self.documents = document_service()
        state = lambda: self.engine.state  # noqa: E731
        self.sender = DocumentSender(lambda: self.documents, state, store.attachment_data)
        self.tools = ToolService(ToolServerStore(paths.tool_servers), ToolSecrets(paths.tool_keys), paths.scratch)
        self.service = ChatService(
            store,
            self.engine,  # type: ignore[arg-type]
            defaults=self.find_defaults,
            answers=self.answers.for_answer,
            settle=self.sender.settled,
            tools=lambda: self.tools,
        )
        self.engine_bridge = Bridge(self.engine.subscribe, merge_states)
        self.chat_bridge = Bridge(self.service.subscribe, merge_chat_events)
        self.settings = SettingsStore(paths.settings)
        self.pictures = PictureService()
        self.attachments = AttachmentService(self.pictures, lambda: self.documents, lambda: self.sender)
        self.endpoints = EndpointService(EndpointStore(paths.endpoints), EndpointKeys(paths.endpoint_keys))
        self.page = ChatPage(
            store,
            self.service,
            self.engine,  # type: ignore[arg-type]
            lambda: self.library,  # type: ignore[arg-type,return-value]
            lambda: self.planning,  # type: ignore[arg-type,return-value]
            self.find_defaults,
            lambda: self.answers,
            lambda: self.endpoints,
            self.settings,
            self.engine_bridge,
            self.chat_bridge,
            tasks,
            theme,
            attachments=lambda: self.attachments,
            typeset=lambda latex, display: self.typeset(latex, display),  # noqa: PLW0108  # a test sets it later
            tools=lambda: self.tools,
        )
        self.told: list[object] = []
        self.page.notify.connect(self.told.append)
        shown(qtbot, self.page, 1204, 770).activateWindow()
        qtbot.waitUntil(self.page.isActiveWindow)
        box = self.page.findChild(QComboBox, "preset")
        qtbot.waitUntil(lambda: box.count() > 0)

    def find_defaults(self, path: Path | None) -> SamplingDefaults:
        """How a model is sampled where a chat says nothing."""
        return self.defaults.get(path.name, NO_DEFAULTS) if path is not None else NO_DEFAULTS

    def close(self) -> None:
        self.chat_bridge.close()
        self.engine_bridge.close()
        self.service.close()
        self.pictures.close()
        self.documents.close()
        self.tools.close()

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
        return label(self.page, name)

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
