"""The open chat: what the page asks of store and chat service, off the GUI thread, and what it hears back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import TypeVar

from PySide6.QtCore import QObject, Signal

from desktop.core.attachments import Enclosed
from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError
from desktop.services.chat.alternatives import Placed
from desktop.services.chat.chat import ChatService
from desktop.services.chat.events import (
    ChatEvent,
    ChatFailed,
    MessageAdded,
    MessageFinished,
    PromptRead,
    Summarising,
    TextAdded,
    ToolAsked,
    ToolsCalled,
    ViewChanged,
)
from desktop.services.chat.versions import VersionGivenUp, kept_below
from desktop.store.chats import Chat, ChatStore, Message
from desktop.ui.chat.live_answer import LiveAnswer, with_live_text
from desktop.ui.chat.sampling_panel import ChatSettings
from desktop.ui.chat.target import Target
from desktop.ui.shell.tasks import Lane, TaskContext, Tasks

T = TypeVar("T")


class Conversation(QObject):
    """Holds the branch in view. All signals come on the GUI thread."""

    opened = Signal(object, object, object)  # Chat or None (a new one), tuple of messages, Target or None
    branch_changed = Signal(object)  # tuple of messages: another branch of the same chat
    message_added = Signal(object)  # Message at the end of the branch
    message_changed = Signal(object)  # Message: continued or finished
    text_added = Signal(object)  # TextAdded of the chat in view
    progressed = Signal(object)  # PromptRead or TextAdded of the chat in view
    busy_changed = Signal(bool)  # an answer is being written in the chat in view
    chat_changed = Signal(object)  # Chat: anything the list shows
    failed = Signal(object)  # HeftError
    send_refused = Signal(str, object)  # text and files go back into the composer
    edit_refused = Signal(int, str, object)  # and so do those of an edited message
    view_changed = Signal()  # the model sees more of the chat in view, or less
    summarising = Signal(float)  # the part that is done (0 to 1) of a summary before an answer in view
    tool_asked = Signal(object)  # ToolQuestion of any chat, or None
    given_up = Signal(object)  # HeftError: another version came to nothing, the one before is in view again

    def __init__(
        self,
        chats: ChatStore,
        service: ChatService,
        tasks: Tasks,
        ensure_model: Callable[[Chat], None],
        parent: QObject | None = None,
    ) -> None:
        """``ensure_model`` is called on a worker thread before a message goes out: something has to answer it."""
        super().__init__(parent)
        self._chats = chats
        self._service = service
        self._tasks = tasks
        self._ensure_model = ensure_model
        self.made: Callable[[Chat], Chat] = lambda chat: chat  # what a new one takes along; on a worker thread
        self._chat: Chat | None = None
        self._branch: list[Message] = []
        self._answer: LiveAnswer | None = None
        self._waiting = False  # a request is on its way to the service
        self._opening = 0

    @property
    def chat(self) -> Chat | None:
        """The chat in view, None for a new one that has no message yet."""
        return self._chat

    @property
    def branch(self) -> tuple[Message, ...]:
        """Its messages, root to leaf."""
        return tuple(self._branch)

    @property
    def last_answer(self) -> Message | None:
        """The newest answer of the branch."""
        return next((message for message in reversed(self._branch) if message.role == "assistant"), None)

    @property
    def unseen_to(self) -> int | None:
        """The last message of the branch that the model does not see."""
        unseen = self._chat.model_view.unseen(self._branch) if self._chat is not None else 0
        return self._branch[unseen - 1].id if unseen else None

    @property
    def busy(self) -> bool:
        """Whether an answer is being written in the chat in view."""
        answering = self._answer is not None and self._chat is not None and self._answer.chat_id == self._chat.id
        return self._waiting or answering

    def alternatives(self, message_id: int) -> Placed | None:
        """What could stand in an answer of the branch instead; None where that was not kept."""
        message = next((known for known in self._branch if known.id == message_id), None)
        return None if message is None else self._service.alternatives.of(message_id, message.content)

    # -- which chat -------------------------------------------------------------------------------

    def new(self) -> None:
        """Begin a new chat; it is stored with its first message."""
        self._opening += 1
        self._show(None, ())

    def open(self, chat_id: int, target: Target | None = None) -> None:
        """Show a stored chat, on the branch of a message when one is given."""
        self._opening += 1
        number = self._opening

        def work(context: TaskContext) -> tuple[Chat, list[Message]]:
            branch = self._chats.messages(chat_id)
            if target is not None and all(message.id != target.message_id for message in branch):
                self._chats.select(target.message_id)
                branch = self._chats.messages(chat_id)
            return self._chats.chat(chat_id), branch

        def done(result: tuple[Chat, list[Message]]) -> None:
            if number == self._opening:  # the user has not gone on to another one
                self._show(*result, target)

        self._command(work, done)

    def switch(self, message_id: int, delta: int) -> None:
        """Show the version of a turn that stands ``delta`` places beside this one; nothing beyond the ends."""
        chat = self._chat
        if chat is None:
            return

        def work(context: TaskContext) -> list[Message]:
            versions = self._chats.siblings(message_id)
            place = versions.index(message_id) + delta
            if 0 <= place < len(versions):
                self._chats.select(versions[place])
            return self._chats.messages(chat.id)

        def done(branch: list[Message]) -> None:
            if self._chat is not None and self._chat.id == chat.id:
                self._branch = with_live_text(self._answer, branch)
                self.branch_changed.emit(self.branch)

        self._command(work, done, f"branch of chat {chat.id}")

    def _show(self, chat: Chat | None, branch: Sequence[Message], target: Target | None = None) -> None:
        self._chat = chat
        self._branch = with_live_text(self._answer, branch)
        self._waiting = False
        self.opened.emit(chat, self.branch, target)
        self.busy_changed.emit(self.busy)

    # -- asking -----------------------------------------------------------------------------------

    def send(self, text: str, settings: ChatSettings, files: Sequence[Enclosed] = ()) -> None:
        """Send a message with these settings and files; makes the chat when it is new."""
        chat, number, taking = self._chat, self._opening, self.made

        def chat_to_answer() -> Chat:
            if chat is not None:
                return self._chats.update(chat.id, **asdict(settings))
            return taking(self._chats.create(**asdict(settings)))

        def ready(made: Chat) -> None:
            if number == self._opening:  # the user has not gone on to another chat
                self._chat = made
            self.chat_changed.emit(made)

        def refused() -> None:
            self.send_refused.emit(text, files)

        self._ask(chat_to_answer, lambda made: self._service.send(made.id, text, files), ready=ready, refused=refused)

    def regenerate(self, message_id: int) -> None:
        """Another answer to the same question."""
        chat = self._chat
        if chat is not None:
            self._ask(lambda: self._chats.chat(chat.id), lambda _: self._service.regenerate(message_id))

    def edit(self, message_id: int, text: str, files: Sequence[Enclosed] = ()) -> None:
        """Another version of a question, as a branch, answered again."""
        chat = self._chat

        def refused() -> None:
            self._give_back(chat.id if chat is not None else None, message_id, text, files)

        if chat is None:
            refused()
        else:
            self._ask(
                lambda: self._chats.chat(chat.id),
                lambda _: self._service.edit(message_id, text, files),
                refused=refused,
            )

    def continue_(self, message_id: int, before: Callable[[int], None] = lambda _chat_id: None) -> None:
        """Go on with an answer that was cut; ``before`` is done first, on a worker thread, with the chat's number."""
        chat = self._chat
        known = next((message for message in self._branch if message.id == message_id), None)
        if chat is None or known is None or self._answer is not None:
            return

        def ready(_: Chat) -> None:
            self._answer = LiveAnswer.of(known)
            self._waiting = False
            self._replace(replace(known, state="streaming", note=""))

        def refused() -> None:
            if self._answer is not None and self._answer.message_id == known.id:
                self._answer = None
                self._replace(known)

        def call(found: Chat) -> None:
            before(found.id)
            self._service.continue_(message_id)

        self._ask(lambda: self._chats.chat(chat.id), call, ready=ready, refused=refused)

    def look(self, change: Callable[[int], None]) -> None:
        """Change what the model sees of the chat in view, on a worker thread, with the chat's number."""
        if self._chat is not None:
            self.look_at(self._chat.id, change)

    def look_at(self, chat_id: int, change: Callable[[int], None]) -> None:  # the same for any chat
        self._command(lambda context: change(chat_id), queue=f"view of chat {chat_id}")

    def stop(self) -> None:
        """End the running answer; its text stays."""
        self._command(lambda context: self._service.stop())

    def _ask(
        self,
        chat: Callable[[], Chat],
        call: Callable[[Chat], None],
        *,
        ready: Callable[[Chat], None] = lambda _chat: None,
        refused: Callable[[], None] = lambda: None,
    ) -> None:
        """The one way to an answer: see that a model is there for the chat, then call the service.

        ``chat`` and ``call`` run on worker threads, one after the other, ``ready`` between them; ``refused`` where one
        of them raises. The chat is busy until the message that ``call`` adds is heard.
        """

        def prepare(context: TaskContext) -> Chat:
            found = chat()
            self._ensure_model(found)
            return found

        def prepared(found: Chat) -> None:
            ready(found)
            self._tasks.run(lambda context: call(found), failed=failed, lane=Lane.COMMAND, owner=self)

        def failed(error: HeftError) -> None:
            refused()
            self._set_waiting(False)
            if not isinstance(error, CancelledError):  # a person stopped it
                self.failed.emit(error)

        self._set_waiting(True)
        self._tasks.run(prepare, done=prepared, failed=failed, lane=Lane.COMMAND, owner=self)

    def _give_back(self, chat_id: int | None, message_id: int, text: str, files: Sequence[Enclosed]) -> None:
        """An edited question that came to nothing goes back to where it was written."""
        if self._chat is not None and self._chat.id == chat_id:
            self.edit_refused.emit(message_id, text, files)
        else:
            self.send_refused.emit(text, files)

    def _set_waiting(self, waiting: bool) -> None:
        self._waiting = waiting
        self.busy_changed.emit(self.busy)

    def _command(
        self, work: Callable[[TaskContext], T], done: Callable[[T], None] | None = None, queue: str = ""
    ) -> None:
        """At once, in the background; of one queue one after the other."""
        self._tasks.run(work, done=done, failed=self.failed.emit, lane=Lane.COMMAND, owner=self, queue=queue)

    # -- settings ---------------------------------------------------------------------------------

    def save_settings(self, settings: ChatSettings) -> None:
        """Keep the settings of the chat in view; a new chat takes them along when it is stored."""
        chat = self._chat
        if chat is None:
            return

        def done(stored: Chat) -> None:
            if self._chat is not None and self._chat.id == stored.id:
                self._chat = stored

        self._command(
            lambda context: self._chats.update(chat.id, **asdict(settings)), done, f"settings of chat {chat.id}"
        )

    # -- hearing ----------------------------------------------------------------------------------

    def hear(self, event: ChatEvent) -> None:
        """Take an event of the chat service (through the bridge)."""
        match event:
            case MessageAdded(message=message):
                self._added(message)
            case TextAdded(message_id=message_id):
                if self._answer is not None and self._answer.message_id == message_id:
                    self._answer.add(event)
                if self._in_view(event.chat_id):
                    self.text_added.emit(event)
                    self.progressed.emit(event)
            case PromptRead():
                if self._in_view(event.chat_id):
                    self.progressed.emit(event)
            case ToolsCalled(message=message):
                self._called(message)
            case ToolAsked(question=question):
                self.tool_asked.emit(question)
            case MessageFinished(message=message):
                self._finished(message)
            case VersionGivenUp():
                self._show_former(event)
            case ViewChanged(chat=chat):
                if self._in_view(chat.id):
                    self._chat = chat
                    self.view_changed.emit()
            case Summarising():
                if self._in_view(event.chat_id):
                    self.summarising.emit(event.fraction)
            case ChatFailed():
                pass  # the message itself says it, and the engine's state what to do

    def _show_former(self, event: VersionGivenUp) -> None:
        def done(branch: list[Message]) -> None:
            if self._in_view(event.chat_id):
                self._branch = with_live_text(self._answer, branch)
                self.branch_changed.emit(self.branch)
            if event.edited is not None:
                self._give_back(event.chat_id, *event.edited)
            if event.error is not None:
                self.given_up.emit(event.error)

        self._tasks.run(
            lambda context: self._chats.messages(event.chat_id),
            done=done,
            failed=self.failed.emit,
            lane=Lane.COMMAND,
            owner=self,
        )

    def _in_view(self, chat_id: int) -> bool:
        return self._chat is not None and self._chat.id == chat_id

    def _added(self, message: Message) -> None:
        if message.state == "streaming":
            self._answer = LiveAnswer(message.chat_id, message.id)
        if self._in_view(message.chat_id):
            self._waiting = self._waiting and message.role == "user"  # the answer follows its question
            kept = kept_below(self._branch, message.parent_id)
            grew = len(kept) == len(self._branch)
            self._branch = [*kept, message]
            if grew:
                self.message_added.emit(message)
            else:
                self.branch_changed.emit(self.branch)
            self.busy_changed.emit(self.busy)
        self._tell_list(message.chat_id)

    def _called(self, message: Message) -> None:
        self._answer = LiveAnswer.of(message)  # all of it was written down before its tools are called
        if self._in_view(message.chat_id):
            self._replace(self._answer.over(replace(message, note="")))

    def _finished(self, message: Message) -> None:
        self._answer = None
        if self._in_view(message.chat_id):
            self._replace(message)
            self.busy_changed.emit(self.busy)
        self._tell_list(message.chat_id)

    def _replace(self, message: Message) -> None:
        self._branch = [message if known.id == message.id else known for known in self._branch]
        self.message_changed.emit(message)

    def _tell_list(self, chat_id: int) -> None:
        def done(chat: Chat) -> None:
            if self._in_view(chat.id):
                self._chat = chat
            self.chat_changed.emit(chat)

        # a chat deleted meanwhile is no news for the list
        self._tasks.run(
            lambda context: self._chats.chat(chat_id), done=done, failed=lambda _: None, lane=Lane.COMMAND, owner=self
        )
