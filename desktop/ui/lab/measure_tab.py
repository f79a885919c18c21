"""The tab Measure: what it takes is said before, then it is measured; what was found, as picture and table."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QFormLayout, QFrame, QHeaderView, QTableView, QVBoxLayout

from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError
from desktop.core.progress import Progress
from desktop.core.units import human_bytes, human_time
from desktop.core.words import tr
from desktop.services.lab.measured import is_unlike
from desktop.services.lab.texts import shipped_texts
from desktop.services.lab.words import UNLIKE_WORDS
from desktop.ui.lab import actions
from desktop.ui.lab.own_texts import OwnTexts
from desktop.ui.lab.text_chart import TextChart
from desktop.ui.lab.worked_out import WorkedOut
from desktop.ui.shared.elided_choice import ElidedChoice
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.progress_line import ProgressLine
from desktop.ui.shared.reflow import Beside, Column
from desktop.ui.shared.tables import set_up_table
from desktop.ui.shared.text_table_model import TextRow, TextTableModel
from desktop.ui.shell.action_registry import ActionRegistry
from desktop.ui.shell.tasks import Lane, Tasks
from desktop.ui.shell.theme import Theme, set_role

if TYPE_CHECKING:
    from desktop.core.speed import Rate
    from desktop.services.lab.at_hand import AtHandService
    from desktop.services.lab.chat_texts import ChatTexts
    from desktop.services.lab.measuring import Effort, MeasuringProspect, MeasuringService
    from desktop.services.models.library import LibraryModel
    from desktop.store.measurements import Measurement

_EFFORTS: tuple[tuple[Effort, str], ...] = (
    ("quick", tr("Quick")), ("usual", tr("Usual")), ("thorough", tr("Thorough: all of the text")),
)  # fmt: skip
_COLUMNS = (
    tr("Variant"),
    tr("Size"),
    tr("Perplexity"),
    tr("KL divergence"),
    "99.9 %",
    tr("Same first token"),
    tr("tok/s here"),
    tr("Against"),
    tr("On"),
)
_EXPLAINED = (
    tr("The file that was measured"),
    tr("Size of the file"),
    "How surprised the model is by the text: the lower, the better it predicts; comparable on the same text only",
    tr("Mean distance of what the model expects next from what the reference expects, in nats: 0 is no loss"),
    tr("KL divergence that one token in a thousand exceeds: how bad the rare bad places are"),
    tr("How often the model and its reference hold the same token for the likeliest"),
    tr("Tokens per second with an empty context on this computer, predicted or measured; – where the file is not here"),
    tr("The reference that it was held against"),
    tr("The text that it was measured on"),
)
_NONE = tr("No reference: perplexity alone")
_ROW = 30
_LEAST_HEIGHT = 150  # pixels of the table: some rows below its titles


class MeasureTab(Column):
    """Works out each choice in the background; the newest counts."""

    notify = Signal(object)
    measured = Signal()

    def __init__(
        self,
        service: Callable[[], MeasuringService],
        at_hand: Callable[[], AtHandService],
        chats: Callable[[], ChatTexts],
        commands: ActionRegistry,
        tasks: Tasks,
        theme: Theme,
    ) -> None:
        """``at_hand`` knows which variants of a model are here, ``chats`` what can be measured on beside files."""
        super().__init__()
        self._at_hand = at_hand
        self._found: tuple[Measurement, ...] = ()
        self._rates: dict[str, float] = {}
        self.setObjectName("labMeasureTab")
        self._service, self._commands, self._tasks = service, commands, tasks
        self._model = ""
        self._before: WorkedOut[MeasuringProspect] = WorkedOut(tasks, self, self._show)
        self._stop: threading.Event | None = None
        self._newest = ""  # digest of the text that was measured on last, until its results are shown
        self._chart = TextChart(theme)
        commands.connect_to(actions.MEASURE, self._measure)
        self._own_texts = OwnTexts(chats, commands, tasks)
        self._own_texts.chosen.connect(self._have_text)
        self._own_texts.notify.connect(self.notify)
        self._build()
        for choice in (self._reference, self._text, self._effort):
            choice.currentIndexChanged.connect(self._work_out)

    def show_models(self, models: Sequence[LibraryModel]) -> None:
        """Which there are to measure against; the reference that was chosen stays."""
        chosen = self._reference.currentData()
        self._reference.blockSignals(True)
        self._reference.clear()
        self._reference.addItem(_NONE, "")
        for model in models:
            self._reference.addItem(model.title, str(model.path))
        self._reference.setCurrentIndex(max(0, self._reference.findData(chosen)))
        self._reference.blockSignals(False)

    def show_model(self, path: str) -> None:
        """Another model, "" for none."""
        if path != self._model:
            self._model = path
            self._recommended.hide()
            self._work_out()
            self._recommend()

    def set_reference(self, path: str) -> None:
        """Measure against this model."""
        self._reference.setCurrentIndex(max(0, self._reference.findData(path)))

    def show_measured(self) -> None:
        """What was measured on this computer, by whomever."""
        self._tasks.run(lambda _context: self._service().kept.all(), done=self._measured, lane=Lane.JOB, owner=self)

    # -- building --------------------------------------------------------------------------------

    def _build(self) -> None:
        self._reference, self._text, self._effort = ElidedChoice(), ElidedChoice(), ElidedChoice()
        self._reference.addItem(_NONE, "")
        for text in shipped_texts():
            self._text.addItem(text.title, text.name)
        for effort, words in _EFFORTS:
            self._effort.addItem(words, effort)
        self._effort.setCurrentIndex(1)
        form_card, content = QFrame(), Column()
        form_card.setObjectName("labMeasureCard")
        set_role(form_card, "card")
        form = QFormLayout()
        form.setHorizontalSpacing(16)
        for name, title, choice in (
            ("labReference", tr("Reference"), self._reference),
            ("labText", tr("Text"), self._text),
            ("labEffort", tr("How sure"), self._effort),
        ):
            choice.setObjectName(name)
            choice.setAccessibleName(title)
            choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            heading = plain_label(f"{name}Title", "muted")
            heading.setText(title)
            form.addRow(heading, choice)
        self._expected = plain_label("labExpected", "muted")
        self._expected.setWordWrap(True)
        self._line = ProgressLine(
            "labMeasuring", tr("The measurement"), ("labMeasuringCancel", tr("Cancel the measurement")),
            Qt.TextElideMode.ElideMiddle,
        )  # fmt: skip
        self._line.cancelled.connect(self._cancel)
        self._line.hide()
        around = QVBoxLayout(form_card)
        around.setContentsMargins(14, 12, 14, 12)
        around.addWidget(content)
        inside = QVBoxLayout(content)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(10)
        inside.addLayout(form)
        inside.addWidget(self._own_texts)
        inside.addWidget(self._expected)
        inside.addWidget(
            self._commands.button(actions.MEASURE, "labMeasure", role="primary"), 0, Qt.AlignmentFlag.AlignLeft
        )
        inside.addWidget(self._line)
        self._rows = TextTableModel(figures=(1, 2, 3, 4, 5, 6), parent=self)
        self._rows.set_rows(_COLUMNS, (), _EXPLAINED)
        self._table = QTableView()
        self._table.setModel(self._rows)
        set_up_table(self._table, "labMeasured", tr("What was measured on this computer"), row_height=_ROW)
        self._table.setSortingEnabled(True)
        self._table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self._nothing = plain_label("labNothing", "muted")
        self._nothing.setText(tr("Nothing was measured yet. Choose the model above, and its F16 as the reference."))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 12, 0, 0)
        column.setSpacing(12)
        column.addWidget(Beside(form_card, self._chart, spacing=12))
        self._recommended = plain_label("labRecommended")
        column.addWidget(self._recommended)
        column.addWidget(self._nothing)
        self._table.setMinimumHeight(_LEAST_HEIGHT)
        column.addWidget(self._table, 1)
        column.addStretch()  # while there is no table
        self._measured(())
        self._show()

    # -- before ----------------------------------------------------------------------------------

    def _work_out(self) -> None:
        if not self._model or self._model == self._reference.currentData():
            self._before.ask(None)
            return
        model, reference, text = self._model, self._reference.currentData(), self._text.currentData()
        effort = self._effort.currentData()
        self._before.ask(
            lambda context: self._service().prospect(
                model, reference, text, effort=effort, cancelled=lambda: context.cancelled
            )
        )

    def _show(self) -> None:
        found = self._before.found
        self._say_times(found)
        if found is not None:
            self._expected.setText(_expected_words(found))
        elif self._model and self._model == self._reference.currentData():
            self._expected.setText(tr("A model is no reference of its own: choose another file of it."))
        else:
            self._expected.setText(self._before.words())
        self._allow()

    def _say_times(self, found: MeasuringProspect | None) -> None:
        """What each effort will take here and how sure its figure will be, as far as that is known."""
        for row, (effort, words) in enumerate(_EFFORTS):
            told = []
            if found is not None:
                seconds = found.seconds_of(effort)
                told = [tr("about {seconds}", seconds=human_time(seconds))] if seconds is not None else []
                told.append(f"± {found.error_of(effort):.0%}")
            join = ", " if ":" in words else ": "
            self._effort.setItemText(row, f"{words}{join if told else ''}{', '.join(told)}")

    def _allow(self) -> None:
        self._commands.allow(actions.LAB_MODEL, bool(self._model))
        self._commands.allow(actions.MEASURABLE, self._before.found is not None)
        self._commands.allow(actions.NOT_MEASURING, self._stop is None)

    def _have_text(self, words: str, text: object) -> None:
        """A path, or a text of the user's own."""
        self._text.addItem(words, text)
        self._text.setCurrentIndex(self._text.count() - 1)

    # -- measuring -------------------------------------------------------------------------------

    def _measure(self) -> None:
        found = self._before.found
        if found is None:
            return
        stop = self._stop = threading.Event()  # when the window closes, the job goes on at its next start
        self._line.show()
        self._line.set_progress(Progress(), tr("Measuring {title}…", title=found.source.title))
        self._tasks.run(
            lambda context: self._service().measure(found, progress=context.progress, cancelled=stop.is_set),
            done=self._done,
            failed=self._not_measured,
            progress=lambda step: self._line.set_progress(step, _step_words(step)),
            lane=Lane.COMMAND,
            owner=self,
        )
        self._allow()

    def _cancel(self) -> None:
        if self._stop is not None:
            self._stop.set()

    def _done(self, found: Measurement) -> None:
        self._end()
        self._newest = found.text
        self.show_measured()
        self.measured.emit()

    def _not_measured(self, error: HeftError) -> None:
        self._end()
        if not isinstance(error, CancelledError):
            self.notify.emit(error)

    def _end(self) -> None:
        self._stop = None
        self._line.hide()
        self._allow()

    def _measured(self, found: Sequence[Measurement]) -> None:
        self._found = tuple(found)
        self._show_rows()
        self._chart.set_measurements(found)
        self._chart.show_text(self._newest)
        self._newest = ""
        self._table.setVisible(bool(found))
        self._nothing.setVisible(not found)
        if found:
            digests = list(dict.fromkeys(one.model for one in found))
            self._tasks.run(
                lambda context: self._at_hand().rates(digests, lambda: context.cancelled),
                done=self._have_rates,
                lane=Lane.JOB,
                owner=self,
            )
        self._recommend()

    def _have_rates(self, found: Mapping[str, Rate]) -> None:
        self._rates = {digest: rate.expected for digest, rate in found.items()}
        self._chart.set_rates(self._rates)
        self._show_rows()

    def _show_rows(self) -> None:
        self._rows.set_rows(_COLUMNS, [_row(one, self._rates.get(one.model)) for one in self._found], _EXPLAINED)

    def _recommend(self) -> None:
        """Which of the variants at hand to take, once one of them was measured."""
        model = self._model
        if not self._found:
            self._recommended.hide()
        elif model:  # what was said of it before stays until there is something else to say
            self._tasks.run(
                lambda context: self._at_hand().of(model, lambda: context.cancelled).words(),
                done=lambda words: self._say_recommended(model, words),
                failed=lambda _error: None,
                lane=Lane.JOB,
                owner=self,
            )

    def _say_recommended(self, model: str, words: str) -> None:
        if model == self._model:
            self._recommended.setText(words)
            self._recommended.setVisible(bool(words))


def _expected_words(found: MeasuringProspect) -> str:
    taken = (
        tr("about {seconds}", seconds=human_time(found.seconds))
        if found.seconds is not None
        else tr("its time is not known here")
    )
    error = found.kld_error if found.reference is not None else found.perplexity_error
    words = tr(
        "{chunks} of {text_chunks} pieces: {taken}; each figure will be sure to about {error:.0%}.",
        chunks=found.chunks,
        text_chunks=found.text_chunks,
        taken=taken,
        error=error,
    )
    kept = (
        tr(" The reference's logits take {logits_bytes} of disk.", logits_bytes=human_bytes(found.logits_bytes))
        if found.logits_bytes
        else ""
    )
    return words + kept


def _step_words(step: Progress) -> str:
    left = tr(" · {seconds_left} left", seconds_left=human_time(step.seconds_left)) if step.seconds_left else ""
    return f"{step.note}{left}"


def _row(one: Measurement, rate: float | None) -> TextRow:
    far = one.distance
    texts = (
        one.name, human_bytes(one.size_bytes), f"{one.perplexity.value:.4g} ± {one.perplexity.error:.2g}",
        f"{far.kld.value:.3g} ± {far.kld.error:.1g}" if far else "–", f"{far.p999:.3g}" if far else "–",
        f"{far.top_agreement.value:.1%}" if far else "–", f"{rate:.3g}" if rate else "–",
        one.reference_name or "–", one.text_name,
    )  # fmt: skip
    keys = (
        one.name, one.size_bytes, one.perplexity.value, far.kld.value if far else -1.0, far.p999 if far else -1.0,
        far.top_agreement.value if far else -1.0, rate or -1.0, one.reference_name, one.text_name,
    )  # fmt: skip
    known = f"{one.text_name}: {UNLIKE_WORDS}" if is_unlike(one) else one.text_name
    return TextRow(texts, keys, (*texts[:-1], known))
