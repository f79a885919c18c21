"""The tab Compare: two models on the same prompts, side by side; where they part; a blind vote."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError
from desktop.core.progress import Progress
from desktop.core.words import tr
from desktop.services.lab.side import SideStep
from desktop.ui.lab import actions
from desktop.ui.lab.answer_card import AnswerCard
from desktop.ui.lab.parting_card import PartingCard
from desktop.ui.lab.worked_out import WorkedOut
from desktop.ui.shared.elided_choice import ElidedChoice
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.progress_line import ProgressLine
from desktop.ui.shared.reflow import Beside, Column, bring_into_view
from desktop.ui.shell.action_registry import ActionRegistry
from desktop.ui.shell.tasks import Lane, TaskContext, Tasks
from desktop.ui.shell.theme import set_role

if TYPE_CHECKING:
    from desktop.services.lab.comparing import Compared, ComparingService, Comparison
    from desktop.services.models.library import LibraryModel
    from desktop.store.votes import Choice

Live = dict[tuple[int, int], SideStep]  # by prompt and side
_PROMPT = tr("Explain in three sentences why the sea is salty.")
_BESIDE = 640  # pixels from which the answers stand beside each other


class CompareTab(Column):
    """Left and right are the page's model and the other one, or by chance where that is hidden."""

    notify = Signal(object)

    def __init__(self, service: Callable[[], ComparingService], commands: ActionRegistry, tasks: Tasks) -> None:
        super().__init__()
        self.setObjectName("labCompareTab")
        self._service, self._commands, self._tasks = service, commands, tasks
        self._model = ""
        self._before: WorkedOut[Comparison] = WorkedOut(tasks, self, self._show_before)
        self._asked: Comparison | None = None  # what the answers in view are of
        self._stop: threading.Event | None = None
        self._prompts: list[str] = []
        self._live: Live = {}
        self._compared: tuple[Compared, ...] = ()
        self._turned: list[bool] = []  # by prompt: the page's model is on the right
        self._hidden: set[int] = set()  # prompts whose sides are not named yet
        self._chosen_prompt = False
        commands.connect_to(actions.COMPARE, self._compare)
        commands.connect_to(actions.VOTE_LEFT, lambda: self._vote("first"))
        commands.connect_to(actions.VOTE_NEITHER, lambda: self._vote("neither"))
        commands.connect_to(actions.VOTE_RIGHT, lambda: self._vote("second"))
        self._build()
        self._other.currentIndexChanged.connect(self._work_out)
        self._in_turn.toggled.connect(self._work_out)
        self._prompt_text.textChanged.connect(self._allow)
        self._shown.activated.connect(self._prompt_chosen)

    def show_models(self, models: Sequence[LibraryModel]) -> None:
        """Which there are; the other one that was chosen stays."""
        chosen = self._other.currentData()
        self._other.blockSignals(True)
        self._other.clear()
        for model in models:
            self._other.addItem(model.title, str(model.path))
        self._other.setCurrentIndex(self._other.findData(chosen) if chosen else -1)
        self._other.blockSignals(False)

    def show_model(self, path: str) -> None:
        """Another model, "" for none."""
        if path != self._model:
            self._model = path
            self._work_out()

    def look_again(self) -> None:
        """Other programs, or another loaded model, have changed what fits."""
        if self._stop is None:
            self._work_out()

    # -- building --------------------------------------------------------------------------------

    def _build(self) -> None:
        self._other = ElidedChoice()
        self._other.setObjectName("labOther")
        self._other.setAccessibleName(tr("The other model"))
        self._other.setPlaceholderText(tr("Choose another variant, or another model"))
        self._other.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._prompt_text = QPlainTextEdit(_PROMPT)
        self._prompt_text.setObjectName("labPrompts")
        self._prompt_text.setAccessibleName(tr("Prompts; an empty line begins the next one"))
        self._prompt_text.setPlaceholderText(tr("What both are asked. An empty line begins the next prompt."))
        self._prompt_text.setTabChangesFocus(True)
        self._prompt_text.setFixedHeight(76)
        self._blind = QCheckBox(tr("Hide which is which until I have voted"))
        self._blind.setObjectName("labBlind")
        self._in_turn = QCheckBox(tr("One after the other, each with the whole computer"))
        self._in_turn.setObjectName("labInTurn")
        self._way = plain_label("labWay", "muted")
        self._line = ProgressLine(
            "labComparing", tr("The comparison"), ("labComparingCancel", tr("Cancel the comparison")),
            Qt.TextElideMode.ElideMiddle,
        )  # fmt: skip
        self._line.cancelled.connect(self._cancel)
        self._line.hide()
        self._cards = AnswerCard("labLeft", "Left"), AnswerCard("labRight", "Right")
        self._shown = ElidedChoice()
        self._shown.setObjectName("labPromptShown")
        self._shown.setAccessibleName(tr("Prompt in view"))
        self._shown.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._parting = PartingCard()
        self._tally = plain_label("labTally")
        self._votes = self._vote_row()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 12, 0, 0)
        column.setSpacing(12)
        column.addWidget(self._form())
        column.addWidget(self._shown)
        self._answers = Beside(*self._cards, needs=_BESIDE, spacing=12)
        column.addWidget(self._answers)
        column.addWidget(self._votes)
        column.addWidget(self._tally)
        column.addWidget(self._parting)
        column.addStretch(1)
        self._show_prompt()
        self._allow()

    def _form(self) -> QFrame:
        card, content = QFrame(), Column()
        set_role(card, "card")
        card.setObjectName("labCompareCard")
        form = QFormLayout()
        form.setHorizontalSpacing(16)
        for name, title, field in (
            ("labOther", tr("Against"), self._other),
            ("labPrompts", tr("Prompts"), self._prompt_text),
        ):
            heading = plain_label(f"{name}Title", "muted")
            heading.setText(title)
            form.addRow(heading, field)
        around = QVBoxLayout(card)
        around.setContentsMargins(14, 12, 14, 12)
        around.addWidget(content)
        inside = QVBoxLayout(content)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(8)
        inside.addLayout(form)
        inside.addWidget(self._blind)
        inside.addWidget(self._in_turn)
        inside.addWidget(self._way)
        button = self._commands.button(actions.COMPARE, "labCompare", role="primary")
        inside.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        inside.addWidget(self._line)
        return card

    def _vote_row(self) -> QWidget:
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(8)
        for action, name in (
            (actions.VOTE_LEFT, "labVoteLeft"),
            (actions.VOTE_NEITHER, "labVoteNeither"),
            (actions.VOTE_RIGHT, "labVoteRight"),
        ):
            line.addWidget(self._commands.button(action, name))
        line.addStretch(1)
        return row

    # -- before ----------------------------------------------------------------------------------

    def _work_out(self) -> None:
        other, in_turn = self._other.currentData(), self._in_turn.isChecked()
        if not self._model or not other:
            self._before.ask(None)
            return
        models = (self._model, str(other))
        self._before.ask(
            lambda context: self._service().prospect(models, in_turn=in_turn, cancelled=lambda: context.cancelled)
        )

    def _show_before(self) -> None:
        from desktop.services.lab.compare_words import way_words

        found = self._before.found
        self._way.setText(way_words(found) if found is not None else self._before.words())
        self._allow()

    def _allow(self) -> None:
        self._commands.allow(actions.LAB_MODEL, bool(self._model))
        self._commands.allow(actions.COMPARABLE, self._before.found is not None and bool(self._written()))
        self._commands.allow(actions.NOT_COMPARING, self._stop is None)
        at = self._shown.currentIndex()
        votable = bool(self._compared) and at in self._hidden
        self._commands.allow(actions.VOTABLE, votable)
        self._votes.setVisible(votable)

    def _written(self) -> list[str]:
        parts = re.split(r"\n\s*\n", self._prompt_text.toPlainText())
        return [part.strip() for part in parts if part.strip()]

    # -- comparing -------------------------------------------------------------------------------

    def _compare(self) -> None:
        prospect, prompts = self._before.found, self._written()
        if prospect is None or not prompts:
            return
        stop = self._stop = threading.Event()
        blind = self._blind.isChecked()
        self._asked, self._prompts, self._live, self._compared = prospect, prompts, {}, ()
        self._turned = [blind and random.random() < 0.5 for _ in prompts]
        self._hidden = set(range(len(prompts))) if blind else set()
        self._chosen_prompt = False
        self._shown.clear()
        self._shown.addItems([f"{number + 1}. {' '.join(prompt.split())}" for number, prompt in enumerate(prompts)])
        self._tally.setText("")
        self._line.show()
        self._line.set_progress(Progress(), tr("Loading…"))

        def work(context: TaskContext) -> tuple[Compared, ...]:
            lock, live = threading.Lock(), {}

            def heard(step: SideStep) -> None:
                with lock:
                    if step.state != "done":
                        live[step.prompt, step.side] = step
                    told = dict(live)
                context.progress(told)

            return self._service().compare(prospect, prompts, {}, heard=heard, cancelled=stop.is_set)

        self._tasks.run(work, done=self._done, failed=self._failed, progress=self._heard, lane=Lane.COMMAND, owner=self)
        self._show_prompt()
        self._allow()
        bring_into_view(self._answers)

    def _cancel(self) -> None:
        if self._stop is not None:
            self._stop.set()

    def _heard(self, live: Live) -> None:
        self._live = live
        answered = sum(step.state == "answered" for step in live.values())
        total = 2 * len(self._prompts)
        loads = any(step.state == "loading" for step in live.values())
        words = (
            tr("Loading…")
            if loads and not answered
            else tr("{answered} of {total} answers", answered=answered, total=total)
        )
        self._line.set_progress(Progress(answered, total, "answers"), words)
        if not self._chosen_prompt and live:
            self._shown.setCurrentIndex(max(prompt for prompt, _ in live))
        self._show_prompt()

    def _done(self, found: tuple[Compared, ...]) -> None:
        self._compared = found
        self._shown.setCurrentIndex(0)
        self._end()
        if not self._hidden:
            self._tell_tally()

    def _failed(self, error: HeftError) -> None:
        self._hidden = set()
        self._end()
        if not isinstance(error, CancelledError):
            self.notify.emit(error)

    def _end(self) -> None:
        self._stop = None
        if self._line.has_focus:
            self._prompt_text.setFocus(Qt.FocusReason.OtherFocusReason)
        self._line.hide()
        self._show_prompt()
        self._work_out()

    # -- what is seen ----------------------------------------------------------------------------

    def _prompt_chosen(self) -> None:
        self._chosen_prompt = True
        self._show_prompt()

    def _show_prompt(self) -> None:
        at = self._shown.currentIndex()
        self._shown.setVisible(self._shown.count() > 1)
        for card in self._cards:
            card.setVisible(at >= 0)
        hidden = at in self._hidden
        turned = at >= 0 and self._turned[at]
        for place, card in enumerate(self._cards):
            side = place ^ turned
            card.name(self._asked.models[side].title if self._asked is not None and not hidden else "")
            card.show_step(self._live.get((at, side)), hidden=hidden)
        ready = 0 <= at < len(self._compared) and not hidden
        self._parting.show_compared(self._compared[at] if ready else None)
        self._tally.setVisible(bool(self._tally.text()))
        self._allow()

    def _vote(self, choice: Choice) -> None:
        at, asked = self._shown.currentIndex(), self._asked
        if asked is None or at not in self._hidden:
            return
        named: dict[Choice, Choice] = {"first": "second", "second": "first", "neither": "neither"}
        told = named[choice] if self._turned[at] else choice
        prompt = self._prompts[at]
        self._hidden.discard(at)
        self._tasks.run(
            lambda _context: self._service().vote(asked.models, told, prompt),
            done=lambda _tally: self._tell_tally(),
            failed=self.notify.emit,
            lane=Lane.COMMAND,
            owner=self,
        )
        self._show_prompt()

    def _tell_tally(self) -> None:
        from desktop.services.lab.compare_words import tally_words

        asked = self._asked
        if asked is None:
            return
        names = asked.models[0].title, asked.models[1].title
        self._tasks.run(
            lambda _context: self._service().tally(asked.models),
            done=lambda tally: self._say(tally_words(tally, names)),
            lane=Lane.COMMAND,
            owner=self,
        )

    def _say(self, words: str) -> None:
        self._tally.setText(words)
        self._tally.setVisible(True)
