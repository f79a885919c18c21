"""The chat: conversations on the left, transcript and composer in the middle, model and settings on the right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QWidget

from desktop.core.attachments import Enclosed
from desktop.core.errors import ContextFullError, HeftError
from desktop.core.load_plan import LoadPlan
from desktop.core.words import tr
from desktop.services.chat.chat import ChatService
from desktop.services.chat.events import PromptRead, TextAdded
from desktop.services.chat.sampling import FindDefaults
from desktop.services.engine.supervisor import EngineService, EngineState
from desktop.store.chats import Chat, ChatStore, Message
from desktop.store.settings import SettingsStore
from desktop.ui.chat import actions
from desktop.ui.chat.action_calls import ChatParts, connect_actions
from desktop.ui.chat.attaching import Attaching
from desktop.ui.chat.begin_edit import begin_edit
from desktop.ui.chat.chat_list import ChatListPane
from desktop.ui.chat.circles import Circles
from desktop.ui.chat.columns import lay_columns
from desktop.ui.chat.comparing import Comparing
from desktop.ui.chat.composer import Composer
from desktop.ui.chat.conversation import Conversation
from desktop.ui.chat.empty import EmptyChat
from desktop.ui.chat.export import ChatExport
from desktop.ui.chat.figures import addition, prompt_progress
from desktop.ui.chat.full_context import FullContext
from desktop.ui.chat.history import ChatHistory
from desktop.ui.chat.joined_transcript import joined_transcript
from desktop.ui.chat.models import ModelChooser
from desktop.ui.chat.notice import ANSWERED_BY_NOTICE, NoticeStrip
from desktop.ui.chat.notices import Notices
from desktop.ui.chat.opened_files import OpenedFiles
from desktop.ui.chat.seen_part import SeenPart
from desktop.ui.chat.side import ChatSide, PresetKeeper
from desktop.ui.chat.target import Target
from desktop.ui.chat.tidying import Tidying
from desktop.ui.chat.tools import ChatTools
from desktop.ui.shared.model_file import ask_model_file
from desktop.ui.shared.reflow import CurrentStack
from desktop.ui.shared.signals import calling
from desktop.ui.shell.engine_bridge import Bridge
from desktop.ui.shell.page import Page
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme

if TYPE_CHECKING:
    from desktop.core.speed import Speeds
    from desktop.services.chat.attaching import AttachmentService
    from desktop.services.endpoints.service import EndpointService
    from desktop.services.models.answer_settings import AnswerSettingsService, Asking
    from desktop.services.models.library import LibraryService
    from desktop.services.planning.service import PlanningService
    from desktop.services.tools.service import ToolService
    from desktop.ui.shared.transcript import TranscriptView
    from desktop.ui.shared.transcript.formulas import Typeset

_WARM_UP_MS = 600  # after the first paint and the start of a model's load
_SAVE_DELAY_MS = 400  # dragging a value is one write


class ChatPage(Page):
    """Wires what is shown to who does it; the parts know nothing of each other."""

    template_asked = Signal(object)  # Path of the loaded model, whose chat template is to be shown
    typed = Signal()  # a question is being written: its model is wanted

    def __init__(
        self,
        chats: ChatStore,
        chat_service: ChatService,
        engine: EngineService,
        library: Callable[[], LibraryService],
        planning: Callable[[], PlanningService],
        sampling: FindDefaults,
        answers: Callable[[], AnswerSettingsService],
        endpoints: Callable[[], EndpointService],
        settings: SettingsStore,
        engine_bridge: Bridge,
        chat_bridge: Bridge,
        tasks: Tasks,
        theme: Theme,
        parent: QWidget | None = None,
        *,
        attachments: Callable[[], AttachmentService],
        typeset: Typeset | None = None,
        tools: Callable[[], ToolService] | None = None,
    ) -> None:
        """``sampling`` finds a model's defaults; the bridges emit EngineState and chat events, on the GUI thread.

        ``attachments`` reads what is attached, ``typeset`` makes outlines of formulas, both on a worker thread; without
        ``typeset`` formulas are shown as they were written.
        """
        super().__init__(parent, actions.CHAT_ACTIONS)
        self._made_transcript: TranscriptView | None = None
        self._typeset, self._tasks = typeset, tasks
        self.setObjectName("chatPage")
        self._theme = theme
        self._state = engine.state
        self._refused: HeftError | None = None
        self._ask_file = calling(ask_model_file, self, self.open_model)
        self._models = ModelChooser(chats, engine, library, planning, endpoints, settings, tasks, self)
        self._talk = Conversation(chats, chat_service, tasks, self._ensure_model, self)
        self._list = ChatListPane(theme)
        self._history = ChatHistory(chats, chat_service, self._list, tasks)
        self._empty = EmptyChat()
        self._middle = CurrentStack()
        self._strip = NoticeStrip(theme)
        self._composer = Composer(theme)
        self._attaching = Attaching(self, self._composer, self._talk, attachments, chat_service.media_tokens, tasks)
        self._side = ChatSide(theme, planning, sampling, answers, tasks)
        self._seen = SeenPart(self._talk, chat_service.views, lambda: self._transcript, self)
        self._full = FullContext(self._talk, engine, planning, tasks, self)
        self._circles = Circles(self._talk, self)
        self._tools = ChatTools(self._talk, chat_service, tools, self._composer, tasks, self)
        self._notices = Notices(
            self._strip, self._talk, self._models, chat_service, self._full, self._circles, self.new_chat,
            self._side.model.open_menu, self._ask_file, self._attaching,
        )  # fmt: skip
        self._presets = PresetKeeper(settings, self._side, tasks)
        self._opened_files = OpenedFiles(chats, self._talk, attachments, tasks, self)
        self._export = ChatExport(chats, attachments, tasks, self, typeset)
        self._tidying = Tidying(chats, self._talk, tasks, self)
        menu, tell = self._side.model.open_menu, self.notify.emit
        self._comparing = Comparing(chats, self._talk, tasks, theme, typeset, menu, engine_bridge, tell, self)
        QTimer.singleShot(_WARM_UP_MS, self, self._warm_up)
        self._save = QTimer(self, singleShot=True, interval=_SAVE_DELAY_MS)
        self._build()
        self._connect_list()
        self._connect_talk()
        self._connect_models(engine_bridge)
        chat_bridge.received.connect(self._talk.hear)
        connect_actions(
            self.commands,
            ChatParts(
                self._talk, self._composer, self._list, self._side.model, lambda: self._transcript, self._side.load,
                self._side.settings, self._seen, self._tidying, self._comparing,
            ),
        )  # fmt: skip
        for part in (self._full, self._circles, self._attaching, self._seen):
            part.changed.connect(self._show_notice)
        self.commands.connect_to(actions.NEW, self.new_chat)
        self.commands.connect_to(actions.EDIT_LAST, self._edit)
        self.commands.connect_to(actions.CANCEL_LOAD, self._models.cancel)
        self.commands.connect_to(actions.STARTER, self._models.load_starter)
        self.commands.connect_to(actions.SHOW_TEMPLATE, self._show_template)
        self.commands.connect_to(actions.OTHER_SERVERS, lambda: self.settings_asked.emit("endpoints"))
        self.commands.ask(actions.MODEL_HELD, lambda: self._state.loaded_file is not None)
        self._on_engine(self._state)
        self._presets.load_soon()
        self._history.load()
        self.new_chat()

    # -- for the shell ----------------------------------------------------------------------------

    def show_prediction(self, speeds: Speeds | None) -> None:
        """Show the speed to expect of the loaded model."""
        self._side.show_prediction(speeds)

    def open_model(self, path: Path) -> None:
        """Load a model file for the chat in view (drag and drop, the command line)."""
        self._models.open_file(path)

    def run_plan(self, plan: LoadPlan) -> None:
        """Load a model just as it was weighed."""
        self._models.load_plan(plan)

    def new_chat(self) -> None:
        """Begin a new chat and put the keyboard into the composer."""
        self._list.show_place("chats")
        self._flush_settings()
        self._talk.new()
        self._composer.setFocus(Qt.FocusReason.OtherFocusReason)

    def open_chat(self, chat_id: int, target: Target | None = None) -> None:
        """Show a stored chat, at a message when one is given."""
        self._flush_settings()
        self._talk.open(chat_id, target)

    def foot(self) -> int:
        """The message field and the context's figures below it."""
        return self._composer.height()

    def shown(self) -> None:
        """Bring "now", "yesterday" ... up to date, and what was set on other pages."""
        self._list.refresh_times()
        self._side.look_again()
        self._tools.look_soon()

    def hideEvent(self, event: QHideEvent) -> None:
        """Nothing edited is left unsaved."""
        self._flush_settings()
        self._seen.bar.flush()
        super().hideEvent(event)

    # -- building ---------------------------------------------------------------------------------

    def _build(self) -> None:
        self._middle.addWidget(self._empty)
        parts = (self._seen.bar, self._middle, self._strip, self._tools.bar, self._composer)
        lay_columns(self, self._list, parts, self._middle, self._side)
        self.setFocusProxy(self._composer)

    def _connect_list(self) -> None:
        pane, history = self._list, self._history
        pane.chat_chosen.connect(self.open_chat)
        pane.hit_chosen.connect(self.open_chat)
        pane.new_asked.connect(self.new_chat)
        history.loaded.connect(self._mark_in_list)
        history.deleted.connect(self._chat_deleted)
        history.restored.connect(self.open_chat)
        history.failed.connect(self.notify)
        self._export.told.connect(self.notify)
        self._export.connect_list(pane, history, self.open_chat)
        self._tidying.connect_list(pane, history)
        self._tidying.failed.connect(self.notify)

    def _connect_talk(self) -> None:
        talk, composer = self._talk, self._composer
        talk.opened.connect(self._opened)
        talk.branch_changed.connect(self._show_branch)
        talk.message_added.connect(self._message_added)
        talk.message_changed.connect(self._message_changed)
        talk.text_added.connect(lambda event: self._transcript.append(event.message_id, addition(event)))
        talk.progressed.connect(self._progressed)
        talk.busy_changed.connect(self._busy_changed)
        talk.chat_changed.connect(self._history.put)
        talk.chat_changed.connect(self._mark_in_list)
        talk.failed.connect(self._failed)
        talk.send_refused.connect(composer.give_back)
        talk.edit_refused.connect(composer.give_edit_back)
        talk.given_up.connect(self._failed)
        composer.submitted.connect(self._submit)
        composer.edit_submitted.connect(talk.edit)
        composer.edit_last_requested.connect(self._edit)
        composer.stop_requested.connect(talk.stop)
        composer.typed.connect(self.typed)
        self._tools.connect_page(self)
        self._side.context_changed.connect(composer.set_context)
        self._save.timeout.connect(lambda: self._talk.save_settings(self._side.settings.values()))
        self._side.settings.changed.connect(self._save.start)

    def _warm_up(self) -> None:
        """Make what the first answer needs while nobody waits: made with the answer, it is taken from the engine."""
        from desktop.core.markdown import parse

        parse(tr("**warm** `up`\n\n1. a list\n"))
        _ = self._transcript

    @property
    def _transcript(self) -> TranscriptView:
        """Made after the window's first paint, which does not wait for it, or with the first message to show."""
        if self._made_transcript is None:
            self._made_transcript = self._make_transcript()
        return self._made_transcript

    def _make_transcript(self) -> TranscriptView:
        parts = (self._typeset, self._tasks, self._edit, self._tidying, self.notify.emit)
        self._middle.addWidget(view := joined_transcript(self._theme, self._talk, *parts))
        self._opened_files.connect_view(view)
        return view

    def _connect_models(self, bridge: Bridge) -> None:
        menu = self._side.model
        bridge.received.connect(self._on_engine)
        self._models.connect_menu(menu, self._empty)
        self._models.failed.connect(self._failed)
        self._presets.failed.connect(self.notify)
        menu.servers_asked.connect(lambda: self.settings_asked.emit("endpoints"))
        menu.file_asked.connect(self._ask_file)
        self._empty.open_asked.connect(self._ask_file)
        self._strip.chosen.connect(self._notices.act)
        self._strip.settings_asked.connect(self.settings_asked)
        self._side.load.reload_asked.connect(calling(self._models.load_again))
        self._side.load.failed.connect(self.notify)
        self._side.asking.told.connect(self._show_asking)
        self._side.asking.failed.connect(self.notify)
        self._side.template.asked.connect(self._show_template)
        self._composer.thinking.chosen.connect(self._side.asking.keep)

    # -- the chat in view -------------------------------------------------------------------------

    def _opened(self, chat: Chat | None, branch: tuple[Message, ...], target: Target | None) -> None:
        self._refused = None
        self._composer.cancel_edit()
        self._side.show_chat(chat)
        self._list.select(chat.id if chat else None)
        self._show_branch(branch)
        if target is not None:
            self._transcript.show_found(target.message_id, target.match, reasoning=target.in_reasoning)

    def _show_branch(self, branch: tuple[Message, ...]) -> None:
        self._middle.setCurrentWidget(self._transcript if branch else self._empty)  # it has its size before its text
        if branch or self._made_transcript is not None:
            self._transcript.set_messages(self._seen.all_shown(branch))
        self._seen.show()
        self._side.rest(self._last_measured())
        self._show_notice()

    def _message_added(self, message: Message) -> None:
        self._middle.setCurrentWidget(self._transcript)
        self._transcript.add_message(self._seen.shown(message))
        self._show_notice()

    def _message_changed(self, message: Message) -> None:
        self._transcript.replace_message(self._seen.shown(message))
        if message.state != "streaming":
            self._side.rest(self._last_measured())
        self._show_notice()

    def _progressed(self, event: PromptRead | TextAdded) -> None:
        self._side.progress(event)
        self._full.text_came()
        if isinstance(event, PromptRead):
            self._transcript.set_prompt_progress(event.message_id, prompt_progress(event))

    def _busy_changed(self, busy: bool) -> None:
        self._composer.set_busy(busy)
        if self._made_transcript is not None:
            self._made_transcript.set_busy(busy)

    def _last_measured(self) -> Message | None:
        return next((message for message in reversed(self._talk.branch) if message.statistics), None)

    def _ensure_model(self, chat: Chat) -> None:
        self._side.asking.wait_kept()
        self._models.ensure(chat)

    def _submit(self, text: str, files: Sequence[Enclosed]) -> None:
        self._save.stop()
        self._refused = None
        self._talk.send(text, self._side.settings.values(), files)

    def _edit(self, message_id: int | None = None) -> None:
        begin_edit(self._composer, self._talk.branch, message_id)

    def _mark_in_list(self) -> None:
        self._list.select(self._talk.chat.id if self._talk.chat else None)

    def _chat_deleted(self, chat_id: int) -> None:
        chat = self._talk.chat
        if chat is not None and chat.id == chat_id:
            self._save.stop()
            self._talk.new()

    def _flush_settings(self) -> None:
        if self._save.isActive():
            self._save.stop()
            self._talk.save_settings(self._side.settings.values())

    # -- the model --------------------------------------------------------------------------------

    def _on_engine(self, state: EngineState) -> None:
        self._state = state
        if state.loaded is not None or state.phase == "loading":
            self._refused = None
        self._side.show_state(state, self._last_measured())
        self._tools.show_state(state)
        self._empty.show_state(state)
        self._attaching.show_state(state)
        self._name_model()
        self._show_notice()

    def _name_model(self) -> None:
        state = self._state
        held = state.loaded is not None or state.phase in ("loading", "asleep")
        bare = state.loaded is not None and state.loaded.template == "none"
        continues = bare and not self._side.asking.own_template
        self._composer.set_model_name(state.model_name if held else "", continues=continues)

    def _show_asking(self, asking: Asking | None) -> None:
        self._composer.show_asking(asking)
        self._name_model()
        self._show_notice()

    def _show_template(self) -> None:
        ref = self._side.asking.ref
        if ref is not None and ref.path is not None:
            self.template_asked.emit(ref.path)

    def _failed(self, error: HeftError) -> None:
        if isinstance(error, ContextFullError):
            self._full.refuse(error)
        elif error.kind in ANSWERED_BY_NOTICE:
            self._refused = error
            self._show_notice()
        else:
            self.notify.emit(error)

    def _show_notice(self) -> None:
        self._notices.show(self._refused, self._state, own_template=self._side.asking.own_template)
