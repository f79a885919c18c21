"""Discover's offer to measure this computer, shown where the speeds of a repo's variants are still guesses."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from desktop.core.hardware import Machine
from desktop.core.words import tr
from desktop.services.machine.calibration import CalibrationService
from desktop.ui.shared.calibration_steps import CalibrationSteps
from desktop.ui.shared.labels import plain_label
from desktop.ui.shell.tasks import Lane, Tasks
from desktop.ui.shell.theme import set_role

_WORDS = tr("Speeds are guessed from the memory's bandwidth. Measuring {types} on this computer makes them much surer.")


class SpeedOffer(QFrame):
    """Hidden unless something can be measured; "Not now" hides it as long as the program runs."""

    measured = Signal()
    failed = Signal(object)  # HeftError

    def __init__(self, tasks: Tasks, service: CalibrationService, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("speedOffer")
        set_role(self, "card")
        self._tasks, self._service = tasks, service
        self._declined = False
        self._words = plain_label("speedOfferWords", "muted")
        self._steps = CalibrationSteps(tasks, service, "discover")
        self._steps.failed.connect(self.failed)
        self._steps.refused.connect(self._decline)
        self._steps.calibrated.connect(self._measured)
        row = QHBoxLayout(self)
        row.setContentsMargins(15, 9, 15, 9)
        row.setSpacing(16)
        row.addWidget(self._words, 1)
        row.addWidget(self._steps)
        self._steps.currentChanged.connect(lambda step: row.setStretchFactor(self._steps, 1 if step else 0))
        self.hide()

    def look(self, machine: Machine | None, types: Callable[[], Sequence[str]]) -> None:
        """Offer to measure what is missing of ``types``, which is called in the background. None: another machine."""
        if self._declined or not self._steps.resting:
            return
        if machine is None:
            self.hide()
            return
        self._tasks.run(
            lambda context: self._service.missing(machine, types()),
            done=lambda missing: self._offer(machine, missing),
            lane=Lane.JOB,
            owner=self,
        )

    def _offer(self, machine: Machine, missing: Sequence[str]) -> None:
        if not self._steps.resting:
            return
        self._steps.set_machine(machine, missing)
        self._words.setText(_WORDS.format(types=", ".join(missing)))
        self.setVisible(bool(missing))

    def _measured(self) -> None:
        self.hide()
        self.measured.emit()

    def _decline(self) -> None:
        self._declined = True
        self.hide()
