"""How far to trust Heft on this computer: predicted against measured, and the calibration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from desktop.core.hardware import Machine
from desktop.core.speed import Calibration
from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.services.machine.calibration import CalibrationService
from desktop.services.machine.calibration_words import doubts
from desktop.services.planning.ledger import Trust
from desktop.ui.machine.ledger_chart import LedgerChart
from desktop.ui.shared.calibration_steps import CalibrationSteps
from desktop.ui.shared.labels import plain_label
from desktop.ui.shell.tasks import Lane, Tasks
from desktop.ui.shell.theme import Theme, set_role

_EMPTY = tr(
    "Nothing was run on this computer yet. Load a model and ask it something: each load and each answer adds a point."
)
_UNCALIBRATED = tr("Not calibrated: speeds are guessed from the memory's bandwidth.")
_CHART_WIDTH = 380  # wider, the diagonal would no longer look like one


@dataclass(frozen=True)
class TrustSources:
    """What the panel asks: the ledger's summary, and the calibration of this computer."""

    trust: Callable[[], Trust]
    calibration: CalibrationService


class TrustPanel(QFrame):
    """Reads the ledger whenever it comes into view; calibrates with the user's leave."""

    failed = Signal(object)  # HeftError
    calibrated = Signal(str)  # what to tell

    def __init__(self, theme: Theme, tasks: Tasks, sources: TrustSources, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("machineTrust")
        self.setAccessibleName(tr("Predicted against measured"))
        set_role(self, "card")
        self._tasks, self._sources = tasks, sources
        self._machine: Machine | None = None
        self._steps = CalibrationSteps(tasks, sources.calibration, "machine")
        self._steps.failed.connect(self.failed)
        self._steps.calibrated.connect(self._calibrated)
        self._speed = LedgerChart(
            theme, "machineSpeedChart", tr("Speed, predicted against measured"), _rate_words, "{:g}".format
        )
        self._memory = LedgerChart(
            theme, "machineMemoryChart", tr("Memory, predicted against measured"), _size_words, _size_mark
        )
        self._build()

    def set_machine(self, machine: Machine) -> None:
        """This computer: what a calibration would be of."""
        self._machine = machine
        self._steps.set_machine(machine)
        self.refresh()

    def refresh(self) -> None:
        """Read the ledger and the calibration again, in the background."""
        machine = self._machine
        if machine is None:
            return
        self._tasks.run(
            lambda context: (self._sources.trust(), self._sources.calibration.known(machine)),
            done=lambda found: self._show(*found),
            failed=self.failed.emit,
            lane=Lane.JOB,
            owner=self,
        )

    @property
    def calibrating(self) -> bool:
        """Whether a calibration was begun, or leave for one is asked."""
        return not self._steps.resting

    def calibrate(self) -> None:
        """Ask for leave to calibrate, with the keyboard there."""
        self._steps.ask()

    # -- building --------------------------------------------------------------------------------

    def _build(self) -> None:
        heading = QLabel(tr("Predicted against measured"))
        set_role(heading, "subtitle")
        self._words = plain_label("machineTrustWords")
        self._state = plain_label("machineCalibrationState", "muted")
        text = QVBoxLayout()
        text.setSpacing(8)
        text.addWidget(heading)
        text.addWidget(self._words)
        text.addWidget(self._state)
        text.addWidget(self._steps)
        text.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 12, 14, 12)
        row.setSpacing(16)
        row.addLayout(text, 3)
        self._charts: list[QWidget] = []
        for title, chart in ((tr("Speed, tokens per second"), self._speed), (tr("Memory"), self._memory)):
            box = QWidget()
            box.setMaximumWidth(_CHART_WIDTH)
            column = QVBoxLayout(box)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(2)
            label = QLabel(title)
            set_role(label, "muted")
            column.addWidget(label)
            column.addWidget(chart)
            column.addStretch(1)
            self._charts.append(box)
            row.addWidget(box, 3)

    # -- what happens ----------------------------------------------------------------------------

    def _calibrated(self, found: Calibration) -> None:
        self._show_calibration(found)
        said = tr("This computer is calibrated: predictions follow it from now on.")
        self.calibrated.emit(" ".join((said, *doubts(found))))

    def _show(self, trust: Trust, calibration: Calibration | None) -> None:
        self._speed.set_points(trust.speed)
        self._memory.set_points(trust.memory)
        self._charts[0].setVisible(bool(trust.speed))
        self._charts[1].setVisible(bool(trust.memory))
        said = (trust.speed_words, trust.reading_words, trust.memory_words)
        self._words.setText("\n".join(filter(None, said)) or _EMPTY)
        self._show_calibration(calibration)

    def _show_calibration(self, found: Calibration | None) -> None:
        if found is None:
            self._state.setText(_UNCALIBRATED)
            return
        types = ", ".join(found.devices["cpu"].types) if "cpu" in found.devices else ""
        said = tr(
            "Calibrated on {measured_at} with {threads} threads: {types}.",
            measured_at=found.measured_at[:10],
            threads=found.threads,
            types=types,
        )
        self._state.setText(" ".join((said, *doubts(found))))


def _rate_words(value: float) -> str:
    return tr("{value:.3g} tok/s", value=value) if value < 1000 else tr("{value:,.0f} tok/s", value=value)


def _size_words(value: float) -> str:
    return human_bytes(round(value))


def _size_mark(value: float) -> str:
    return f"{value / 1e9:g} GB" if value >= 1e9 else f"{value / 1e6:g} MB"
