"""A conversation that its context does not hold: what it needs, and what can be done, where it is possible."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from desktop.core.context_length import answer_room
from desktop.core.errors import ContextFullError, HeftError
from desktop.core.words import tr
from desktop.services.chat.rolling import droppable
from desktop.services.engine.supervisor import EngineService
from desktop.store.chats import ModelView
from desktop.ui.chat.conversation import Conversation
from desktop.ui.chat.notice import Action, Notice
from desktop.ui.shell.tasks import Lane, Tasks

if TYPE_CHECKING:
    from desktop.services.planning.longer_context import LongerContext
    from desktop.services.planning.service import PlanningService

_KEPT = tr("Dropped or summarised turns are not deleted.")


@dataclass(frozen=True)
class Full:
    """What did not fit: the answer that goes on when it does (None: an answer beside another that came to nothing),
    and the figures in tokens. ``cut``: there is text of the answer, and the context ended it.
    """

    message_id: int | None
    needed: int
    length: int
    cut: bool


class FullContext(QObject):
    """Follows the conversation in view and plans a longer context for it, off the GUI thread."""

    changed = Signal()  # something else is to be said

    def __init__(
        self,
        talk: Conversation,
        engine: EngineService,
        planning: Callable[[], PlanningService],
        tasks: Tasks,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._talk, self._engine, self._planning, self._tasks = talk, engine, planning, tasks
        self._refused: tuple[int | None, ContextFullError] | None = None  # the chat, and why
        self._asked_for: tuple[object, ...] = ()
        self._found: LongerContext | None = None
        self._summarised: float | None = None  # the part of a summary that is done
        talk.summarising.connect(self._show_summarising)
        talk.busy_changed.connect(self._busy_changed)

    def refuse(self, error: ContextFullError) -> None:
        """An answer beside another came to nothing for want of context."""
        chat = self._talk.chat
        self._refused = (chat.id if chat is not None else None, error)
        self.changed.emit()

    @property
    def plan_context(self) -> int | None:
        """The longer context that is offered, in tokens."""
        found = self._found
        return found.plan.context if found is not None and found.plan is not None else None

    def full(self) -> Full | None:
        """What did not fit of the chat in view; None where all is well, or the loaded context holds it by now."""
        talk = self._talk
        last = talk.branch[-1] if talk.branch else None
        chat_id = talk.chat.id if talk.chat is not None else None
        if last is not None and last.state == "context-full":
            figures = last.statistics
            needed = int(figures.get("needed_tokens", 0) or figures.get("context_used", 0))
            found = Full(last.id, needed, int(figures.get("context_length", 0)), "needed_tokens" not in figures)
        elif self._refused is not None and self._refused[0] == chat_id:
            error = self._refused[1]
            found = Full(None, error.needed_tokens, error.context_length, cut=False)
        else:
            return None
        loaded = self._engine.state.loaded
        length = loaded.context_length if loaded is not None else 0
        known = found.needed > 0 and length > 0  # another server may tell neither
        return None if known and found.needed + answer_room(length) <= length else found

    def notice(self) -> Notice | None:
        """What is said, and offered."""
        if self._summarised is not None:
            words = tr("The model is summarising the earlier turns: {summarised:.0%}.", summarised=self._summarised)
            return Notice("summarising", "note", words, actions=(("stop-summary", tr("Cancel")),))
        full = self.full()
        if full is None or self._talk.busy:
            return None
        self._plan(full)
        said = tr(
            "This conversation needs {needed:,} tokens; the context holds {length:,}.",
            needed=full.needed,
            length=full.length,
        )
        if not full.needed or not full.length:  # another server did not say
            said = tr("This conversation is longer than the model's context.")
        if full.cut:
            said = (
                tr("The context of {length:,} tokens is full.", length=full.length)
                if full.length
                else tr("The context is full.")
            )
        shrink = self._ways_to_shrink()
        longer, remark, last = self._longer()
        server = self._engine.state.endpoint
        owner = tr("Whoever runs {server} can give the model a longer context.", server=server) if server else ""
        hint = " ".join(filter(None, (remark, _KEPT if shrink else "", owner)))
        ways = (*(() if last else longer), *shrink, *(longer if last else ()), ("new-chat", tr("Start a new chat")))
        return Notice(f"context-full {full.message_id} {full.needed}", "warning", said, hint, ways)

    def _ways_to_shrink(self) -> tuple[tuple[Action, str], ...]:
        talk, loaded = self._talk, self._engine.state.loaded
        view = talk.chat.model_view if talk.chat is not None else ModelView()
        if not droppable(talk.branch, view) or (loaded is not None and not loaded.context_length):
            return ()
        drop: tuple[Action, str] = ("drop-oldest", tr("Drop the oldest turns"))
        if view.rolling:
            drop = ("drop-oldest", tr("Drop more and continue"))
        if loaded is not None and loaded.template == "none":  # it continues texts, and follows no order
            return (drop,)
        return (drop, ("summarise", tr("Summarise the oldest turns")))

    def _longer(self) -> tuple[tuple[tuple[Action, str], ...], str, bool]:
        """The longer context as a button, what is to be known of it, and whether it is the last thing to do."""
        from desktop.services.planning.longer_context import load_words, remark

        found = self._found
        if found is None:
            return (), "", False
        words = load_words(found)
        ways: tuple[tuple[Action, str], ...] = (("load-larger", words),) if words else ()
        return ways, remark(found), found.beyond_training

    def _plan(self, full: Full) -> None:
        """Find out what there is for it, once."""
        plan, loaded = self._engine.state.plan, self._engine.state.loaded
        key = (full.needed, plan)
        if plan is None or key == self._asked_for:
            return
        if self._engine.state.endpoint:  # its own server decides how long it is
            self._asked_for, self._found = key, None
            return
        if loaded is not None and loaded.trained_context_length:  # the engine knows it of each model
            plan = replace(plan, trained_context=loaded.trained_context_length)
        self._asked_for, self._found = key, None

        def found(longer: LongerContext) -> None:
            if key == self._asked_for:
                self._found = longer
                self.changed.emit()

        def work() -> LongerContext:
            from desktop.services.planning.longer_context import longer_context

            return longer_context(self._planning(), plan, full.length or plan.context, full.needed)

        # where nothing can be planned, nothing is offered
        self._tasks.run(lambda context: work(), done=found, failed=_unsaid, lane=Lane.JOB, owner=self)

    def _show_summarising(self, fraction: float) -> None:
        self._summarised = fraction
        self.changed.emit()

    def _busy_changed(self, busy: bool) -> None:
        if busy:
            self._refused = None
        elif self._summarised is not None:
            self._summarised = None
        self.changed.emit()

    def text_came(self) -> None:
        """The answer after the summary begins."""
        if self._summarised is not None:
            self._summarised = None
            self.changed.emit()


def _unsaid(_error: HeftError) -> None:
    pass
