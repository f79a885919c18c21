"""Comparing answers to one question: of versions that are there, of one more, or of another model's."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from desktop.core.errors import HeftError
from desktop.core.words import tr
from desktop.services.engine.supervisor import EngineState
from desktop.store.chats import ChatStore, Message
from desktop.ui.chat.conversation import Conversation
from desktop.ui.shell.engine_bridge import Bridge
from desktop.ui.shell.tasks import Lane, TaskContext, Tasks
from desktop.ui.shell.theme import Theme

if TYPE_CHECKING:
    from desktop.ui.chat.compare_dialog import CompareDialog
    from desktop.ui.shared.transcript.formulas import Typeset

T = TypeVar("T")


class Comparing(QObject):
    """Opens the dialog and keeps it up to date with the conversation in view."""

    def __init__(
        self,
        chats: ChatStore,
        talk: Conversation,
        tasks: Tasks,
        theme: Theme,
        typeset: Typeset | None,
        choose_model: Callable[[], object],
        engine: Bridge,
        tell: Callable[[HeftError], None],
        over: QWidget,
    ) -> None:
        """``choose_model`` opens the menu of models; ``engine`` emits EngineState; ``tell`` hears what failed.

        The dialog belongs to ``over``.
        """
        super().__init__(over)
        self._chats, self._talk, self._tasks, self._theme = chats, talk, tasks, theme
        self._typeset, self._choose_model, self._over = typeset, choose_model, over
        self._dialog: CompareDialog | None = None
        self._answer = 0  # a version of the answer that is compared
        self._wanted = 0  # the version that is to stand on the right
        self._model = ""  # that is loaded now, by its place
        self._waits_for_other = ""  # than this model
        self._tell = tell
        engine.received.connect(self._hear)
        talk.message_added.connect(self._added)
        talk.branch_changed.connect(lambda branch: self._added(branch[-1]) if branch else None)
        talk.message_changed.connect(self._changed)
        talk.text_added.connect(self._text_added)
        talk.busy_changed.connect(lambda _: self._show_busy())

    def open(self, message_id: int) -> None:
        """Show the versions of an answer: the one in view and the one beside it."""
        if self._dialog is None:
            self._dialog = self._made()
        self._answer, self._wanted = message_id, 0
        self._load()
        self._dialog.show()
        self._dialog.activateWindow()

    def answer_twice(self, message_id: int) -> None:
        """Answer the same question once more and show both."""
        self.open(message_id)
        self._again()

    def _hear(self, state: EngineState) -> None:
        """The other model answers when it is there."""
        self._model = (state.model_path or "") if state.loaded is not None else ""
        ready = state.phase == "ready" and self._dialog is not None
        if self._waits_for_other and ready and self._model not in ("", self._waits_for_other):
            self._waits_for_other = ""
            self._again()

    # -- inside -----------------------------------------------------------------------------------

    def _made(self) -> CompareDialog:
        from desktop.ui.chat.compare_dialog import CompareDialog
        from desktop.ui.shared.transcript import Formulas

        formulas = Formulas(self._typeset, self._tasks, self._over) if self._typeset is not None else None
        dialog = CompareDialog(self._theme, formulas, self._over)
        if formulas is not None:
            formulas.setParent(dialog)  # it goes with it
        dialog.again_asked.connect(self._again)
        dialog.other_asked.connect(self._other)
        dialog.chosen.connect(self._go_on)
        dialog.finished.connect(self._closed)
        return dialog

    def _closed(self) -> None:
        self._dialog, self._waits_for_other = None, ""

    def _again(self) -> None:
        if not self._talk.busy:
            self._talk.regenerate(self._answer)

    def _other(self) -> None:
        self._waits_for_other = self._model or "none"
        self._show_busy()
        self._choose_model()

    def _go_on(self, message_id: int) -> None:
        """Put the chosen version into the chat's view."""
        answer = self._answer

        def done(versions: list[int]) -> None:
            if message_id in versions:
                self._talk.switch(answer, versions.index(message_id) - versions.index(answer))

        self._run(lambda: self._chats.siblings(answer), done)

    def _load(self) -> None:
        answer, wanted = self._answer, self._wanted

        def work() -> tuple[str, list[Message]]:
            versions = [self._chats.message(version) for version in self._chats.siblings(answer)]
            above = versions[0].parent_id
            return (self._chats.message(above).content if above is not None else ""), versions

        def done(found: tuple[str, list[Message]]) -> None:
            if self._dialog is None or answer != self._answer:
                return
            question, versions = found
            ids = [version.id for version in versions]
            left = ids.index(answer)
            right = ids.index(wanted) if wanted in ids else left - 1 if left else len(ids) - 1
            self._dialog.show_question(question)
            self._dialog.set_versions(versions, left, right if right != left else -1)
            self._show_busy()

        self._run(work, done)

    def _run(self, work: Callable[[], T], done: Callable[[T], None]) -> None:
        def call(_context: TaskContext) -> T:
            return work()

        self._tasks.run(call, done=done, failed=self._tell, lane=Lane.COMMAND, owner=self)

    def _added(self, message: Message) -> None:
        """Another version of the answer begins, where it is one."""
        begins = message.role == "assistant" and message.state == "streaming" and message.sibling_count > 1
        if self._dialog is not None and begins and message.id != self._wanted:
            self._wanted = message.id
            self._load()

    def _changed(self, message: Message) -> None:
        if self._dialog is not None and message.state != "streaming" and message.id == self._wanted:
            self._load()

    def _text_added(self, event: object) -> None:
        from desktop.services.chat.events import TextAdded

        if self._dialog is not None and isinstance(event, TextAdded):
            self._dialog.hear(event)

    def _show_busy(self) -> None:
        if self._dialog is not None:
            waits = tr("Choose the other model in the chat's menu.") if self._waits_for_other else ""
            busy = self._talk.busy
            self._dialog.set_busy(busy, tr("The answer on the right is being written…") if busy else waits)
