"""A calibration in three steps: offered, asked for with what it takes, under way with progress and cancel."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError
from desktop.core.hardware import Machine
from desktop.core.progress import Progress
from desktop.core.speed import Calibration
from desktop.core.words import tr
from desktop.services.machine.calibration import USUAL_TYPES, CalibrationService
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.keyboard import has_keyboard
from desktop.ui.shared.labels import plain_label
from desktop.ui.shell.tasks import Lane, Task, TaskContext, Tasks
from desktop.ui.shell.theme import set_role

_LEAVE = tr(
    "Heft writes models of random numbers, up to 0.5 GB at a time, lets the engine "
    "compute with them for about half a minute for the processor and each graphics card, "
    "and removes them. Other programs should rest meanwhile."
)
_STEPS = 1000
RESTING, ASKING, WORKING = range(3)


class CalibrationSteps(QStackedWidget):
    """Calibrates one machine with the user's leave; ``prefix`` begins the object names of its parts."""

    failed = Signal(object)  # HeftError
    calibrated = Signal(object)  # Calibration
    refused = Signal()  # "Not now"

    def __init__(self, tasks: Tasks, service: CalibrationService, prefix: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"{prefix}CalibrationStack")
        self._tasks, self._service, self._prefix = tasks, service, prefix
        self._machine: Machine | None = None
        self._types: tuple[str, ...] = USUAL_TYPES
        self._running: Task | None = None
        self._pages = (self._resting(), self._asking(), self._working())
        for page in self._pages:
            self.addWidget(page)
        self._fit()

    def set_machine(self, machine: Machine | None, types: Sequence[str] = USUAL_TYPES) -> None:
        """This computer: what a calibration would be of, and the tensor types it would measure."""
        self._machine, self._types = machine, tuple(types)

    @property
    def resting(self) -> bool:
        """Whether nothing was asked for."""
        return self.currentIndex() == RESTING

    def calibrate(self) -> None:
        """Begin, the leave being given."""
        machine, types = self._machine, self._types
        if machine is None or self._running is not None:
            return
        self._bar.setValue(0)
        self._note.setText(tr("Beginning…"))
        self._go(WORKING)

        def work(context: TaskContext) -> Calibration:
            return self._service.calibrate(
                machine,
                types,
                progress=context.progress,
                cancelled=lambda: context.cancelled,
            )

        self._running = self._tasks.run(
            work, done=self._done, failed=self._refused, progress=self._advance, lane=Lane.COMMAND, owner=self
        )

    def cancel(self) -> None:
        """Stop a running calibration; what was known before stays."""
        if self._running is not None:
            self._running.cancel()
            self._running = None
        self._rest()

    # -- building --------------------------------------------------------------------------------

    def _resting(self) -> QWidget:
        self._start = self._button(
            tr("Calibrate…"), tr("Calibrate"), tr("Measure how quick this computer computes each type")
        )
        self._start.clicked.connect(self.ask)
        return _page([], [self._start])

    def _asking(self) -> QWidget:
        words = plain_label(f"{self._prefix}CalibrationLeave")
        words.setText(_LEAVE)
        self._now = self._button(tr("Calibrate now"), "CalibrateNow", tr("Begin; it can be stopped at any time"))
        set_role(self._now, "primary")
        self._now.clicked.connect(self.calibrate)
        later = self._button(tr("Not now"), "CalibrateLater", tr("Leave everything as it is"))
        later.clicked.connect(self._rest)
        later.clicked.connect(self.refused)
        return _page([words], [self._now, later])

    def _working(self) -> QWidget:
        self._bar = QProgressBar()
        self._bar.setObjectName(f"{self._prefix}CalibrationBar")
        self._bar.setAccessibleName(tr("Calibration"))
        self._bar.setRange(0, _STEPS)
        self._bar.setTextVisible(False)
        self._note = plain_label(f"{self._prefix}CalibrationNote", "muted")
        self._cancel = self._button(tr("Cancel"), "CalibrationCancel", tr("Stop the calibration"))
        self._cancel.clicked.connect(self.cancel)
        return _page([self._bar, self._note], [self._cancel])

    def _button(self, text: str, name: str, tip: str) -> QPushButton:
        return push_button(text, f"{self._prefix}{name}", tip)

    # -- what happens ----------------------------------------------------------------------------

    def _go(self, step: int) -> None:
        """Show a step; the keyboard stays among the steps, and is not taken from elsewhere."""
        kept = has_keyboard(self)
        self.setCurrentIndex(step)
        self._fit()
        if kept:
            (self._start, self._now, self._cancel)[step].setFocus(Qt.FocusReason.OtherFocusReason)

    def _fit(self) -> None:
        """Only the step in view decides how large all of it is."""
        for page in self._pages:
            policy = QSizePolicy.Policy.Preferred if page is self.currentWidget() else QSizePolicy.Policy.Ignored
            page.setSizePolicy(policy, policy)
        self.updateGeometry()

    def ask(self) -> None:
        """Ask for leave, with the keyboard on the answer."""
        self._go(ASKING)
        self._now.setFocus(Qt.FocusReason.OtherFocusReason)

    def _rest(self) -> None:
        self._go(RESTING)

    def _advance(self, step: Progress) -> None:
        self._bar.setValue(round(_STEPS * step.fraction))
        self._note.setText(step.note[:1].upper() + step.note[1:])

    def _done(self, found: Calibration) -> None:
        self._running = None
        self._rest()
        self.calibrated.emit(found)

    def _refused(self, error: HeftError) -> None:
        self._running = None
        self._rest()
        if not isinstance(error, CancelledError):
            self.failed.emit(error)


def _page(rows: list[QWidget], buttons: list[QPushButton]) -> QWidget:
    page = QWidget()
    column = QVBoxLayout(page)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(8)
    for row in rows:
        column.addWidget(row)
    line = QHBoxLayout()
    line.setSpacing(8)
    for button in buttons:
        line.addWidget(button)
    line.addStretch(1)
    column.addLayout(line)
    column.addStretch(1)
    return page
