"""The tools of the chat in view: what is offered, and what a person is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QApplication

from desktop.core.errors import HeftError
from desktop.services.chat.events import ToolQuestion
from desktop.services.engine.supervisor import EngineState
from desktop.ui.chat import actions
from desktop.ui.chat.composer import Composer
from desktop.ui.chat.conversation import Conversation
from desktop.ui.chat.tool_question import ToolQuestionBar
from desktop.ui.chat.tools_choice import ToolsOffer
from desktop.ui.shared.signals import calling
from desktop.ui.shell.action import Action
from desktop.ui.shell.page import Page
from desktop.ui.shell.tasks import Lane, TaskContext, Tasks

if TYPE_CHECKING:
    from desktop.services.chat.tool_rounds import ToolRounds
    from desktop.services.tools.permissions import Decision
    from desktop.services.tools.service import ToolService
    from desktop.ui.shell.action_registry import ActionRegistry

_LOOK_MS = 200  # what changes fast is shown so often


class ChatTools(QObject):
    """Everything that reaches a file, a server or the engine happens in the background."""

    settings_asked = Signal()
    failed = Signal(object)  # HeftError
    _told = Signal()

    def __init__(
        self,
        talk: Conversation,
        rounds: ToolRounds | None,
        service: Callable[[], ToolService] | None,
        composer: Composer,
        tasks: Tasks,
        parent: QObject,
    ) -> None:
        """``rounds`` and ``service`` are None where a chat has no tools."""
        super().__init__(parent)
        self._talk, self._rounds, self._service, self._tasks = talk, rounds, service, tasks
        self.bar, self.choice, self._show = ToolQuestionBar(), composer.tools, composer.show_tools
        self._composer = composer
        self._subscribed = False
        self._commands: ActionRegistry | None = None
        self._loaded: object = None
        self._uncounted = False  # the engine was busy when it was to count
        self._look = QTimer(self, singleShot=True, interval=_LOOK_MS)
        self._look.timeout.connect(self.look_again)
        self._told.connect(self._look.start, Qt.ConnectionType.QueuedConnection)
        talk.tool_asked.connect(self._show_question)
        talk.opened.connect(lambda *_: self._show_question(rounds.question if rounds is not None else None))
        self.choice.switched.connect(self._switch)
        self.choice.settings_asked.connect(self.settings_asked)
        composer.typed.connect(self._warm_up)

    def connect_page(self, page: Page) -> None:
        """What a person may decide, by button, key and palette; and where failures are told."""
        commands = page.commands
        self.failed.connect(page.notify)
        self.settings_asked.connect(lambda: page.settings_asked.emit("tools"))
        decisions: tuple[tuple[Action, Decision], ...] = (
            (actions.TOOL_ONCE, "once"),
            (actions.TOOL_CHAT, "chat"),
            (actions.TOOL_ALWAYS, "always"),
            (actions.TOOL_NO, "no"),
        )
        for action, decision in decisions:
            commands.connect_to(action, calling(self.decide, decision))
        commands.connect_to(actions.TOOLS, self.choice.open_menu)
        commands.ask(actions.TOOL_ASKED, lambda: self.bar.question is not None)
        commands.ask(
            actions.TOOL_CALL_ASKED, lambda: self.bar.question is not None and self.bar.question.call is not None
        )
        commands.ask(actions.TOOLS_ADDED, lambda: self.choice.offered)
        self._commands = commands
        self.bar.add_buttons(commands.button)
        self._show_question(None)  # and the conditions hold no more

    def decide(self, decision: Decision) -> None:
        """Answer the question in view."""
        question, rounds = self.bar.question, self._rounds
        if question is not None and rounds is not None:
            focused = QApplication.focusWidget()
            if focused is not None and self.bar.isAncestorOf(focused):
                self._composer.setFocus(Qt.FocusReason.OtherFocusReason)  # the bar takes it along when it goes
            self._show_question(None)
            self._tasks.run(
                lambda context: rounds.decide(question.number, decision),
                failed=self.failed.emit,
                lane=Lane.COMMAND,
                owner=self,
            )

    def show_state(self, state: EngineState) -> None:
        """Another model may know tools, and reads them in other tokens."""
        if state.loaded is not self._loaded or (state.phase == "ready" and self._uncounted):
            self._uncounted = False
            self._loaded = state.loaded
            self.look_again()

    def look_again(self) -> None:
        """Find out what there is, unless a chat has no tools."""
        service, rounds = self._service, self._rounds
        if service is None or rounds is None:
            return

        def look(_context: TaskContext) -> ToolsOffer:
            tools = service()
            if not self._subscribed:
                self._subscribed = True
                self.destroyed.connect(tools.subscribe(lambda _: self._told.emit()))
            known = tools.known()
            return ToolsOffer(tools.servers(), len(known), rounds.knows, rounds.tokens(known))

        self._tasks.run(look, done=self._show_offer, failed=self.failed.emit, lane=Lane.JOB, owner=self)

    def _show_offer(self, offer: ToolsOffer) -> None:
        self._uncounted = bool(offer.offered and offer.knows and offer.tokens is None)
        self._show(offer)

    def _warm_up(self) -> None:
        """A question is being written: start the servers that are switched on."""
        service, rounds = self._service, self._rounds
        if service is not None and rounds is not None and self.choice.offered:
            self._tasks.run(lambda context: rounds.warm_up(), failed=self.failed.emit, lane=Lane.JOB, owner=self)

    def _switch(self, name: str, on: bool) -> None:
        service = self._service
        if service is None:
            return

        def switch(_context: TaskContext) -> None:
            service().switch(name, on=on)
            if on:
                service().start(name)

        def failed(error: HeftError) -> None:
            self.failed.emit(error)
            self.look_again()

        self._tasks.run(switch, done=lambda _: self.look_again(), failed=failed, lane=Lane.COMMAND, owner=self)

    def _show_question(self, question: ToolQuestion | None) -> None:
        chat = self._talk.chat
        mine = question is not None and chat is not None and question.chat_id == chat.id
        self.bar.show_question(question if mine else None)
        if self._commands is not None:
            self._commands.allow(actions.TOOL_ASKED, mine)
            self._commands.allow(actions.TOOL_CALL_ASKED, mine and question is not None and question.call is not None)
