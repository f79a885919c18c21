"""The tools of the chat in view: what is offered, and what a person is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QApplication

from desktop.core.errors import HeftError
from desktop.core.tool_choice import switched_server, switched_tool
from desktop.services.chat.events import ToolQuestion
from desktop.services.engine.supervisor import EngineState
from desktop.ui.chat import actions
from desktop.ui.chat.composer import Composer
from desktop.ui.chat.conversation import Conversation
from desktop.ui.chat.tool_question import ToolQuestionBar
from desktop.ui.chat.tools_offer import ToolsOffer
from desktop.ui.shared.signals import calling
from desktop.ui.shell.action import Action
from desktop.ui.shell.page import Page
from desktop.ui.shell.tasks import Lane, TaskContext, Tasks

if TYPE_CHECKING:
    from desktop.core.tool_choice import TakenOut
    from desktop.services.chat.chat import ChatService
    from desktop.services.tools.permissions import Decision
    from desktop.services.tools.service import ToolService
    from desktop.store.chats import Chat
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
        chat_service: ChatService,
        service: Callable[[], ToolService] | None,
        composer: Composer,
        tasks: Tasks,
        parent: QObject,
    ) -> None:
        """``service``, and the rounds of the chats' one, are None where a chat has no tools."""
        super().__init__(parent)
        self._talk, self._service, self._tasks = talk, service, tasks
        self._rounds, self._views = chat_service.tools, chat_service.views
        self.bar, self.choice, self._show = ToolQuestionBar(), composer.tools, composer.show_tools
        self._composer = composer
        self._offer = ToolsOffer()
        self._out: TakenOut = ()  # what the chat in view does not use; known here before it is kept
        self._keeping = 0
        self._subscribed = False
        self._commands: ActionRegistry | None = None
        self._loaded: object = None
        self._uncounted = False  # the engine was busy when it was to count
        self._look = QTimer(self, singleShot=True, interval=_LOOK_MS)
        self._look.timeout.connect(self.look_again)
        self._told.connect(self._look.start, Qt.ConnectionType.QueuedConnection)
        talk.tool_asked.connect(self._show_question)
        talk.opened.connect(self._opened)
        talk.view_changed.connect(self._view_changed)
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

    def look_soon(self) -> None:
        """Find out what there is, a moment later: the page is shown first."""
        self._look.start()

    def look_again(self) -> None:
        """Find out what there is, unless a chat has no tools."""
        service, rounds = self._service, self._rounds
        if service is None or rounds is None:
            return

        out = self._out

        def look(_context: TaskContext) -> ToolsOffer:
            tools = service()
            if not self._subscribed:
                self._subscribed = True
                self.destroyed.connect(tools.subscribe(lambda _: self._told.emit()))
            known = tools.known(out)
            return ToolsOffer(tools.servers(), len(known), rounds.knows, rounds.tokens(known), out)

        self._tasks.run(look, done=self._show_offer, failed=self.failed.emit, lane=Lane.JOB, owner=self)

    def _opened(self, chat: Chat | None) -> None:
        self._show_question(self._rounds.question if self._rounds is not None else None)
        self._choose(chat.model_view.tools_out if chat is not None else ())

    def _view_changed(self) -> None:
        chat = self._talk.chat
        if chat is not None and not self._keeping:
            self._choose(chat.model_view.tools_out)

    def _choose(self, out: TakenOut) -> None:
        """The chat in view uses all but this; a new one takes it along when it is stored."""
        views = self._views
        self._talk.made = (lambda chat: views.use_tools(chat.id, out)) if out else (lambda chat: chat)
        if out != self._out:
            self._out = out
            self.look_again()

    def _show_offer(self, offer: ToolsOffer) -> None:
        if offer.out != self._out:
            return  # another chat is in view by now, or another choice was made: that was looked for, too
        self._offer = offer
        self._uncounted = bool(offer.offered and offer.knows and offer.tokens is None)
        self._show(offer)

    def _warm_up(self) -> None:
        """A question is being written: start the servers that are switched on."""
        service, rounds = self._service, self._rounds
        if service is not None and rounds is not None and self.choice.offered:
            out = self._out
            self._tasks.run(lambda context: rounds.warm_up(out), failed=self.failed.emit, lane=Lane.JOB, owner=self)

    def _switch(self, server: str, tool: str, on: bool) -> None:
        view = next((one for one in self._offer.servers if one.name == server), None)
        if view is None:
            return
        if not tool and on and not view.saved.on:
            self._switch_on(server)
        known = [one.name for one in view.tools if not one.refused]
        before = self._out
        out = switched_tool(before, server, tool, known, on=on) if tool else switched_server(before, server, on=on)
        self._choose(out)
        chat = self._talk.chat
        if chat is not None and out != before:
            self._keep(chat.id, out)

    def _keep(self, chat_id: int, out: TakenOut) -> None:
        def kept() -> None:
            self._keeping -= 1

        def failed(error: HeftError) -> None:
            kept()
            self.failed.emit(error)
            self._view_changed()

        self._keeping += 1
        self._tasks.run(
            lambda context: self._views.use_tools(chat_id, out),
            done=lambda _: kept(),
            failed=failed,
            lane=Lane.COMMAND,
            owner=self,
            queue=f"tools of chat {chat_id}",
        )

    def _switch_on(self, server: str) -> None:
        """It was switched off for all chats."""
        service = self._service
        if service is None:
            return

        def switch(_context: TaskContext) -> None:
            service().switch(server, on=True)
            service().start(server)

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
