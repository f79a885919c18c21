"""The panel of a tensor's numbers: histogram, figures, how its type stores a block, what other types would lose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QHideEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QScrollArea, QVBoxLayout, QWidget

from desktop.core.block_layouts import LAYOUTS
from desktop.core.errors import HeftError
from desktop.core.gguf import Tensor
from desktop.core.progress import Progress
from desktop.core.quants import TENSOR_TYPES
from desktop.core.units import human_bits
from desktop.core.words import tr
from desktop.services.inspect.inspection import Inspected, PlacedTensor
from desktop.services.inspect.tensor_numbers import FETCHING, Errors, Summary, TensorNumbersService
from desktop.ui.inspect.block_drawing import BlockDrawing
from desktop.ui.inspect.histogram import Histogram
from desktop.ui.inspect.loss_model import IMATRIX_SIGN, LossModel
from desktop.ui.inspect.loss_table import LossTable
from desktop.ui.inspect.numbers_words import facts, figures, offer, sampled
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.elided_label import ElidedLabel
from desktop.ui.shared.labels import plain_label
from desktop.ui.shell.tasks import Lane, Task, TaskContext, Tasks
from desktop.ui.shell.theme import Theme, set_role

WIDTH = 340
LARGEST_BLOCK = max(kind.block for kind in TENSOR_TYPES.values())
NOTHING_SELECTED = tr("Select a tensor to see its numbers.")


class TensorNumbersPanel(QScrollArea):
    """Reads the selected tensor in the background; the former reading is cancelled by the next selection."""

    def __init__(
        self,
        theme: Theme,
        tasks: Tasks,
        service: TensorNumbersService,
        show_numbers: Callable[[Path, str], None] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """``show_numbers`` shows a tensor of a model file in the Lab."""
        super().__init__(parent)
        self._show_numbers = show_numbers
        self.setObjectName("inspectNumbers")
        self.setAccessibleName(tr("Numbers of the selected tensor"))
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumWidth(WIDTH - 60)
        self._tasks, self._service = tasks, service
        self._shown: tuple[Inspected, PlacedTensor] | None = None
        self._reading: Task | None = None
        self._losing: Task | None = None
        self._histogram = Histogram(theme)
        self._drawing = BlockDrawing(theme)
        self._losses = LossModel(self)
        self._build(theme)
        self.show_tensor(None, None)

    def show_tensor(self, inspected: Inspected | None, tensor: PlacedTensor | None) -> None:
        """Show this tensor; None when none is selected, or no model is open."""
        self._cancel()
        self._shown = (inspected, tensor) if inspected is not None and tensor is not None else None
        self._histogram.hide()
        self._histogram.set_summary(None)
        self._clear_losses()
        for card in (self._block_card, self._loss_card):
            card.setVisible(self._shown is not None)
        if self._shown is None:
            self._formats.hide()
            self._name.set_whole_text(tr("Numbers"))
            self._facts.setText(NOTHING_SELECTED)
            self._figures.setText("")
            self._show_reading("")
            return
        placed = self._shown[1].tensor
        self._name.set_whole_text(placed.name)
        self._facts.setText(facts(placed))
        self._formats.setVisible(self._show_numbers is not None and self._here is not None)
        self._show_block(placed)
        self._offer_or_read()

    def hideEvent(self, event: QHideEvent) -> None:
        """Nothing is computed for a panel nobody sees."""
        self._cancel_losses()
        super().hideEvent(event)

    # -- building --------------------------------------------------------------------------------

    def _build(self, theme: Theme) -> None:
        self._name = ElidedLabel()
        self._name.setObjectName("inspectNumbersName")
        bold = theme.monospace
        self._name.setFont(bold)
        self._facts, self._figures = plain_label("inspectNumbersFacts", "muted"), plain_label("inspectNumbersFigures")
        self._figures.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._formats = push_button(
            tr("Numbers"), "inspectNumbersLab", spoken=tr("Try number formats and schemes on this tensor in the Lab")
        )
        self._formats.setToolTip(tr("Try number formats and schemes on it"))
        self._formats.clicked.connect(self._to_lab)
        self._fetch = QPushButton()
        self._fetch.setObjectName("inspectNumbersFetch")
        set_role(self._fetch, "primary")
        self._fetch.clicked.connect(self._read)
        self._stop_fetching = push_button(tr("Cancel"), "inspectNumbersCancel", spoken=tr("Cancel fetching the tensor"))
        self._stop_fetching.clicked.connect(self._offer_or_read)
        numbers = _card(
            self._name, self._facts, self._histogram, self._figures, self._formats, self._fetch, self._stop_fetching
        )
        self._block_title = QLabel()
        self._block_title.setObjectName("inspectBlockTitle")
        set_role(self._block_title, "subtitle")
        self._block_words = plain_label("inspectBlockWords", "muted")
        self._block_card = _card(self._block_title, self._drawing, self._block_words)
        self._loss_card = self._build_losses()
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 6, 0)
        column.setSpacing(12)
        for card in (numbers, self._block_card, self._loss_card):
            column.addWidget(card)
        column.addStretch(1)
        self.setWidget(inside)

    def _build_losses(self) -> QFrame:
        title = QLabel(tr("What another type would lose"))
        set_role(title, "subtitle")
        self._loss_words = plain_label("inspectLossWords", "muted")
        self._measure = push_button(
            tr("Measure"), "inspectLossMeasure", spoken=tr("Measure what other types would lose of this tensor")
        )
        self._measure.clicked.connect(self._lose)
        self._stop = push_button(tr("Cancel"), "inspectLossCancel", spoken=tr("Cancel measuring"))
        self._stop.clicked.connect(self._cancel_losses)
        self._copy = push_button(tr("Copy"), "inspectLossCopy", spoken=tr("Copy the table"))
        self._copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self._losses.text()))
        self._progress = QProgressBar()
        self._progress.setObjectName("inspectLossProgress")
        self._progress.setAccessibleName(tr("How far measuring is"))
        self._progress.setRange(0, 1000)
        self._progress.setTextVisible(False)
        self._table = LossTable(self._losses)
        buttons = QHBoxLayout()
        for button in (self._measure, self._stop, self._copy):
            buttons.addWidget(button)
        buttons.addStretch(1)
        card = _card(title, self._loss_words, self._table, self._progress)
        layout = card.layout()
        assert isinstance(layout, QVBoxLayout)
        layout.addLayout(buttons)
        return card

    # -- the numbers -----------------------------------------------------------------------------

    def _offer_or_read(self) -> None:
        """Read what is on this computer; ask before anything is fetched from the Hub."""
        self._cancel()
        assert self._shown is not None
        try:
            cost = self._service.cost(*self._shown)
        except HeftError as error:
            self._show_failure(error)
            return
        if cost is None:
            self._read()
            return
        text, button = offer(cost)
        self._figures.setText(text)
        self._fetch.setText(button)
        self._fetch.setAccessibleName(button)
        self._show_reading("offered")
        self._measure.setEnabled(False)

    def _to_lab(self) -> None:
        if self._shown is not None and self._show_numbers is not None and (path := self._here) is not None:
            self._show_numbers(path, self._shown[1].tensor.name)

    @property
    def _here(self) -> Path | None:
        """The model's first file; None where the tensor is still on the Hub."""
        if self._shown is None:
            return None
        inspected, placed = self._shown
        return inspected.files[0].path if inspected.files[placed.file].path is not None else None

    def _read(self) -> None:
        assert self._shown is not None
        inspected, placed = self._shown
        remote = inspected.files[placed.file].path is None

        def work(context: TaskContext) -> Summary:
            return self._service.summarize(
                inspected,
                placed,
                progress=context.progress,
                cancelled=lambda: context.cancelled,
            )

        self._figures.setText(tr("Reading…"))
        self._show_reading("fetching" if remote else "")
        self._reading = self._tasks.run(
            work,
            done=self._show_summary,
            failed=lambda error: self._show_failure(error, again=remote),
            progress=lambda step: self._figures.setText(
                f"{tr('Fetching') if step.note == FETCHING else tr('Reading')}… {step.fraction:.0%}"
            ),
            lane=Lane.NETWORK if remote else Lane.JOB,
            owner=self,
        )

    def _show_reading(self, state: Literal["", "offered", "fetching"]) -> None:
        focused = self._fetch.hasFocus() or self._stop_fetching.hasFocus()
        shown = {"offered": self._fetch, "fetching": self._stop_fetching}
        for name, button in shown.items():
            button.setVisible(state == name)
        if focused:  # it stays in the panel when a button goes
            shown.get(state, self).setFocus(Qt.FocusReason.OtherFocusReason)

    def _show_summary(self, summary: Summary) -> None:
        self._reading = None
        self._show_reading("")
        self._measure.setEnabled(True)
        self._histogram.set_summary(summary)
        self._histogram.setVisible(any(summary.bins))
        self._figures.setText("\n".join(figures(summary)))

    def _show_failure(self, error: HeftError, again: bool = False) -> None:
        self._reading = None
        self._show_reading("offered" if again else "")
        self._figures.setText(f"{error.message} {error.hint}")
        self._measure.setEnabled(False)

    def _show_block(self, tensor: Tensor) -> None:
        layout = LAYOUTS.get(tensor.type)
        self._drawing.set_layout(layout)
        self._drawing.setVisible(layout is not None)
        self._measure.setEnabled(layout is not None)
        if layout is None:
            self._block_title.setText(tr("{type} is not known", type=tensor.type))
            self._block_words.setText(tr("How its blocks are stored is not known to this version of Heft."))
            return
        plural = layout.weights > 1
        self._block_title.setText(
            tr("How {type} stores a block" if plural else "How {type} stores a weight", type=layout.type)
        )
        of = tr(" of {weights} weights", weights=layout.weights) if plural else ""
        self._block_words.setText(
            tr(
                "{bytes} bytes per block{of} → {bits_per_weight} bits per weight\n{formula}"
                if plural
                else "{bytes} bytes per weight{of} → {bits_per_weight} bits per weight\n{formula}",
                bytes=layout.bytes,
                of=of,
                bits_per_weight=human_bits(layout.bits_per_weight),
                formula=layout.formula,
            )
        )

    # -- what other types would lose -------------------------------------------------------------

    def _lose(self) -> None:
        if self._shown is None or self._losing is not None:
            return
        inspected, placed = self._shown

        def work(context: TaskContext) -> Errors:
            return self._service.requantize(
                inspected,
                placed,
                progress=context.progress,
                cancelled=lambda: context.cancelled,
            )

        def advance(step: Progress) -> None:
            self._progress.setValue(round(step.fraction * 1000))
            self._loss_words.setText(tr("Measuring {note}…", note=step.note))

        self._clear_losses()
        self._losing = self._tasks.run(
            work, done=self._show_losses, failed=self._losses_failed, progress=advance, lane=Lane.JOB, owner=self
        )
        self._show_losing()

    def _show_losses(self, errors: Errors) -> None:
        assert self._shown is not None
        self._losing = None
        self._losses.set_rows(errors.types, self._shown[1].tensor.type)
        self._table.fit()
        tensor = self._shown[1].tensor
        words = [
            tr(
                "Against the values stored now, {values}; ← is its type now.",
                values=sampled(errors.values, errors.total),
            )
        ]
        if any(row.needs_imatrix for row in errors.types):
            words.append(tr("{imatrix_sign} meant to be made with an importance matrix.", imatrix_sign=IMATRIX_SIGN))
        if tensor.shape and tensor.shape[0] % LARGEST_BLOCK:
            words.append(
                tr(
                    "Types in blocks of {largest_block} do not fit its rows of {shape:,}.",
                    largest_block=LARGEST_BLOCK,
                    shape=tensor.shape[0],
                )
            )
        self._show_losing()
        self._loss_words.setText(" ".join(words))

    def _losses_failed(self, error: HeftError) -> None:
        self._losing = None
        self._clear_losses()
        self._loss_words.setText(f"{error.message} {error.hint}")

    def _clear_losses(self) -> None:
        self._losses.set_rows((), "")
        self._loss_words.setText(tr("Stores this very tensor in every other type and compares. Takes seconds."))
        self._show_losing()

    def _show_losing(self) -> None:
        running, filled = self._losing is not None, self._losses.rowCount() > 0
        focused = any(button.hasFocus() for button in (self._measure, self._stop, self._copy))
        self._progress.setVisible(running)
        self._progress.setValue(0)
        self._stop.setVisible(running)
        self._measure.setVisible(not running and not filled)
        self._copy.setVisible(filled)
        self._table.setVisible(filled)
        if focused:  # it stays in the panel when a button goes
            button = self._stop if running else self._copy if filled else self._measure
            (button if button.isEnabled() else self).setFocus(Qt.FocusReason.OtherFocusReason)

    def _cancel_losses(self) -> None:
        if self._losing is not None:
            self._losing.cancel()
            self._losing = None
            self._clear_losses()

    def _cancel(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        self._cancel_losses()


def _card(*widgets: QWidget) -> QFrame:
    card = QFrame()
    set_role(card, "card")
    column = QVBoxLayout(card)
    column.setContentsMargins(14, 12, 14, 12)
    column.setSpacing(8)
    for widget in widgets:
        column.addWidget(widget)
    return card
