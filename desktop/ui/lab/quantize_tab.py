"""The tab Quantize: a type is chosen, what it comes to is said, and then it is made."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QFileDialog, QFormLayout, QFrame, QHBoxLayout, QVBoxLayout

from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError
from desktop.core.progress import Progress
from desktop.core.quantize_recipe import TARGETS, Recipe
from desktop.core.quants import FILE_TYPES, TYPES_BY_NAME
from desktop.core.units import human_bytes
from desktop.services.lab.words import loss_words, speed_words
from desktop.ui.lab import actions
from desktop.ui.shared.elided_choice import ElidedChoice
from desktop.ui.shared.labels import WARNING_SIGN, plain_label
from desktop.ui.shared.progress_line import ProgressLine
from desktop.ui.shared.reflow import Column
from desktop.ui.shell.action_registry import ActionRegistry
from desktop.ui.shell.tasks import Lane, Task, Tasks
from desktop.ui.shell.theme import set_role

if TYPE_CHECKING:
    from desktop.services.lab.prospect import Prospect
    from desktop.services.lab.quantizing import Made, QuantizingService

USUAL = "Q4_K_M"
_FACTS = (("labSize", "Size"), ("labMemory", "Memory"), ("labSpeed", "Speed"), ("labLoss", "Loss"))


class QuantizeTab(Column):
    """Works out each choice in the background; the newest counts."""

    notify = Signal(object)
    made = Signal(object)  # Made

    def __init__(self, service: Callable[[], QuantizingService], commands: ActionRegistry, tasks: Tasks) -> None:
        super().__init__()
        self.setObjectName("labQuantizeTab")
        self._service, self._commands, self._tasks = service, commands, tasks
        self._model = ""
        self._imatrix = ""
        self._prospect: Prospect | None = None
        self._working: Task | None = None
        self._stop: threading.Event | None = None
        commands.connect_to(actions.QUANTIZE, self._make)
        commands.connect_to(actions.IMATRIX, self._choose_imatrix)
        self._build()
        self._type.currentIndexChanged.connect(self._work_out)
        self._again.toggled.connect(self._show)

    @property
    def _ready(self) -> bool:
        found = self._prospect
        if found is None or (found.needs_imatrix and not found.recipe.imatrix):
            return False
        return not found.requantized or self._again.isChecked()

    def show_model(self, path: str) -> None:
        """Another model, "" for none."""
        if path != self._model:
            self._model, self._imatrix = path, ""
            self._again.setChecked(False)
            self._work_out()

    # -- building --------------------------------------------------------------------------------

    def _build(self) -> None:
        self._type = ElidedChoice()
        self._type.setObjectName("labType")
        self._type.setAccessibleName("Type of the variant")
        self._type.addItems(sorted(TARGETS, key=_order))
        self._type.setCurrentText(USUAL)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._type)
        row.addWidget(self._commands.button(actions.IMATRIX, "labImatrix"))
        row.addStretch(1)
        card = QFrame()
        card.setObjectName("labProspect")
        set_role(card, "card")
        form = QFormLayout(card)
        form.setContentsMargins(14, 12, 14, 12)
        form.setHorizontalSpacing(16)
        self._facts = {}
        for name, title in _FACTS:
            heading = plain_label(f"{name}Title", "muted")
            heading.setText(title)
            self._facts[name] = plain_label(name)
            self._facts[name].setWordWrap(True)
            form.addRow(heading, self._facts[name])
        self._warning = plain_label("labWarning", "warn")
        self._warning.setWordWrap(True)
        self._again = QCheckBox("Make it all the same")
        self._again.setObjectName("labQuantizeAgain")
        self._again.setAccessibleName("Make it from weights that are quantized already all the same")
        self._line = ProgressLine(
            "labMaking",
            "The variant that is made",
            ("labMakingCancel", "Cancel the variant"),
            Qt.TextElideMode.ElideMiddle,
        )
        self._line.cancelled.connect(self._cancel)
        self._line.hide()
        buttons = QHBoxLayout()
        buttons.addWidget(self._commands.button(actions.QUANTIZE, "labQuantize", role="primary"))
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 12, 0, 0)
        column.setSpacing(12)
        column.addLayout(row)
        column.addWidget(card)
        column.addWidget(self._warning)
        column.addWidget(self._again)
        column.addLayout(buttons)
        column.addWidget(self._line)
        column.addStretch(1)
        self._show()

    # -- what is said ----------------------------------------------------------------------------

    def _work_out(self) -> None:
        self._prospect = None
        if self._working is not None:
            self._working.cancel()
            self._working = None
        self._show()
        if not self._model:
            return
        model, recipe = self._model, Recipe(self._type.currentText(), imatrix=self._imatrix)
        self._working = self._tasks.run(
            lambda context: self._service().prospect(model, recipe, cancelled=lambda: context.cancelled),
            done=self._worked_out,
            failed=self._failed,
            lane=Lane.JOB,
            owner=self,
        )
        self._show()

    def _worked_out(self, found: Prospect) -> None:
        self._working, self._prospect = None, found
        self._show()

    def _failed(self, error: HeftError) -> None:
        self._working = None
        self._show()
        if not isinstance(error, CancelledError):
            self._facts["labSize"].setText(f"{error.message} {error.hint}".strip())

    def _show(self) -> None:
        found = self._prospect
        words = dict.fromkeys(self._facts, "–")
        if found is not None:
            weighed = found.weighed
            words["labSize"] = (
                f"{human_bytes(found.size_bytes)}, {found.size_bytes:,} bytes; made from "
                f"{human_bytes(found.source.size_bytes)}"
            )
            if weighed is not None:
                memory = human_bytes(weighed.fit.memory.total_bytes)
                words["labMemory"] = f"{memory} at {weighed.fit.context:,} tokens of context"
                words["labSpeed"] = speed_words(weighed.plan.speeds)
            words["labLoss"] = loss_words(found)
        elif self._working is not None:
            words["labSize"] = "…"
        for name, text in words.items():
            self._facts[name].setText(text)
        warning = self._warning_words()
        self._warning.setText(f"{WARNING_SIGN} {warning}")
        self._warning.setVisible(bool(warning))
        self._again.setVisible(found is not None and bool(found.requantized))
        self._allow()

    def _allow(self) -> None:
        self._commands.allow(actions.WORKED_OUT, self._ready, self._warning_words())
        self._commands.allow(actions.NOT_MAKING, self._stop is None)
        self._commands.allow(actions.LAB_MODEL, bool(self._model))

    def _warning_words(self) -> str:
        from desktop.services.lab.quantizing import requantizing_words

        found = self._prospect
        if found is None:
            return ""
        if found.needs_imatrix and not found.recipe.imatrix:
            return f"{found.recipe.type} is of no use without an importance matrix."
        return requantizing_words(found) if found.requantized else ""

    def _choose_imatrix(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Importance matrix", str(Path(self._model).parent))
        if name:
            self._imatrix = name
            self._work_out()

    # -- making it -------------------------------------------------------------------------------

    def _make(self) -> None:
        found, again = self._prospect, self._again.isChecked()
        if found is None:
            return
        stop = self._stop = threading.Event()  # when the window closes, the job goes on at its next start
        self._line.show()
        self._line.set_progress(Progress(), f"Making {found.target.name}…")
        self._tasks.run(
            lambda context: self._service().quantize(
                found, again=again, progress=context.progress, cancelled=stop.is_set
            ),
            done=self._done,
            failed=self._not_made,
            progress=lambda step: self._line.set_progress(step, f"Making {found.target.name} · {step.note}"),
            lane=Lane.COMMAND,
            owner=self,
        )
        self._allow()

    def _cancel(self) -> None:
        if self._stop is not None:
            self._stop.set()

    def _done(self, made: Made) -> None:
        self._end()
        self.notify.emit(f"{Path(made.files[0]).name} was made and tried: {human_bytes(made.size_bytes)}.")
        self.made.emit(made)

    def _not_made(self, error: HeftError) -> None:
        self._end()
        if not isinstance(error, CancelledError):
            self.notify.emit(error)

    def _end(self) -> None:
        self._stop = None
        self._line.hide()
        self._allow()


def _order(name: str) -> tuple[float, str]:
    """From the largest down."""
    return -TYPES_BY_NAME[FILE_TYPES[TARGETS[name]].base].bits_per_weight, name
