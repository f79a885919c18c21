"""How far to trust Heft on this computer: predicted against measured, and the calibration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.core.errors import HeftError
from desktop.core.hardware import Machine
from desktop.core.speed import Calibration
from desktop.core.units import human_bytes
from desktop.services.calibration import CalibrationService
from desktop.services.ledger import Trust
from desktop.ui.tasks import Task, TaskContext, Tasks
from desktop.ui.theme import Theme, set_role
from desktop.ui.widgets.ledger_chart import LedgerChart

_EMPTY = (
    "Nothing was run on this computer yet. Load a model and ask it something: each load and each answer adds a point."
)
_LEAVE = (
    "Heft writes models of random numbers, up to 0.5 GB at a time, lets the engine compute with them for about half a "
    "minute, and removes them. Other programs should rest meanwhile."
)
_UNCALIBRATED = "Not calibrated: speeds are guessed from the memory's bandwidth."
_STEPS = 1000
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
        self.setAccessibleName("Predicted against measured")
        set_role(self, "card")
        self._tasks, self._sources = tasks, sources
        self._machine: Machine | None = None
        self._running: Task | None = None
        self._speed = LedgerChart(
            theme, "machineSpeedChart", "Speed, predicted against measured", _rate_words, "{:g}".format
        )
        self._memory = LedgerChart(
            theme, "machineMemoryChart", "Memory, predicted against measured", _size_words, _size_mark
        )
        self._build()

    def set_machine(self, machine: Machine) -> None:
        """This computer: what a calibration would be of."""
        self._machine = machine
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
            owner=self,
        )

    def calibrate(self) -> None:
        """Begin, the leave being given."""
        machine = self._machine
        if machine is None or self._running is not None:
            return
        self._bar.setValue(0)
        self._note.setText("Beginning…")
        self._stack.setCurrentIndex(2)

        def work(context: TaskContext) -> Calibration:
            return self._sources.calibration.calibrate(
                machine, progress=lambda *step: context.progress(step), cancelled=lambda: context.cancelled
            )

        self._running = self._tasks.run(work, done=self._done, failed=self._refused, progress=self._advance, owner=self)
        self._cancel.setFocus()

    def cancel(self) -> None:
        """Stop a running calibration; what was known before stays."""
        if self._running is not None:
            self._running.cancel()
            self._running = None
        self._rest()

    # -- building --------------------------------------------------------------------------------

    def _build(self) -> None:
        heading = QLabel("Predicted against measured")
        set_role(heading, "subtitle")
        self._words = _wrapped("machineTrustWords")
        self._state = _wrapped("machineCalibrationState", "muted")
        self._stack = QStackedWidget()
        self._stack.setObjectName("machineCalibrationStack")
        for page in (self._resting(), self._asking(), self._working()):
            self._stack.addWidget(page)
        text = QVBoxLayout()
        text.setSpacing(8)
        text.addWidget(heading)
        text.addWidget(self._words)
        text.addWidget(self._state)
        text.addWidget(self._stack)
        text.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 12, 14, 12)
        row.setSpacing(16)
        row.addLayout(text, 3)
        self._charts: list[QWidget] = []
        for title, chart in (("Speed, tokens per second", self._speed), ("Memory", self._memory)):
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

    def _resting(self) -> QWidget:
        self._start = _button("Calibrate…", "machineCalibrate", "Measure how quick this computer computes each type")
        self._start.clicked.connect(self._ask)
        return _page([], [self._start])

    def _asking(self) -> QWidget:
        words = _wrapped("machineCalibrationLeave")
        words.setText(_LEAVE)
        self._now = _button("Calibrate now", "machineCalibrateNow", "Begin; it can be stopped at any time")
        set_role(self._now, "primary")
        self._now.clicked.connect(self.calibrate)
        later = _button("Not now", "machineCalibrateLater", "Leave everything as it is")
        later.clicked.connect(self._rest)
        return _page([words], [self._now, later])

    def _working(self) -> QWidget:
        self._bar = QProgressBar()
        self._bar.setObjectName("machineCalibrationBar")
        self._bar.setAccessibleName("Calibration")
        self._bar.setRange(0, _STEPS)
        self._bar.setTextVisible(False)
        self._note = _wrapped("machineCalibrationNote", "muted")
        self._cancel = _button("Cancel", "machineCalibrationCancel", "Stop the calibration")
        self._cancel.clicked.connect(self.cancel)
        return _page([self._bar, self._note], [self._cancel])

    # -- what happens ----------------------------------------------------------------------------

    def _ask(self) -> None:
        self._stack.setCurrentIndex(1)
        self._now.setFocus()

    def _rest(self) -> None:
        self._stack.setCurrentIndex(0)
        self._start.setFocus()

    def _advance(self, step: tuple[float, str]) -> None:
        fraction, note = step
        self._bar.setValue(round(_STEPS * fraction))
        self._note.setText(f"Measuring {note}")

    def _done(self, found: Calibration) -> None:
        self._running = None
        self._rest()
        self._show_calibration(found)
        self.calibrated.emit("This computer is calibrated: predictions follow it from now on.")

    def _refused(self, error: HeftError) -> None:
        self._running = None
        self._rest()
        if error.kind != "cancelled":
            self.failed.emit(error)

    def _show(self, trust: Trust, calibration: Calibration | None) -> None:
        self._speed.set_points(trust.speed)
        self._memory.set_points(trust.memory)
        self._charts[0].setVisible(bool(trust.speed))
        self._charts[1].setVisible(bool(trust.memory))
        self._words.setText("\n".join(words for words in (trust.speed_words, trust.memory_words) if words) or _EMPTY)
        self._show_calibration(calibration)

    def _show_calibration(self, found: Calibration | None) -> None:
        if found is None:
            self._state.setText(_UNCALIBRATED)
            return
        types = ", ".join(found.devices["cpu"].types) if "cpu" in found.devices else ""
        busy = " Other programs were busy meanwhile; calibrate again when they rest." if found.busy else ""
        self._state.setText(f"Calibrated on {found.measured_at[:10]} with {found.threads} threads: {types}.{busy}")


def _rate_words(value: float) -> str:
    return f"{value:.3g} tok/s" if value < 1000 else f"{value:,.0f} tok/s"


def _size_words(value: float) -> str:
    return human_bytes(round(value))


def _size_mark(value: float) -> str:
    return f"{value / 1e9:g} GB" if value >= 1e9 else f"{value / 1e6:g} MB"


def _wrapped(name: str, role: str = "") -> QLabel:
    label = QLabel()
    label.setObjectName(name)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    if role:
        set_role(label, role)
    return label


def _button(text: str, name: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setObjectName(name)
    button.setAccessibleName(text)
    button.setToolTip(tip)
    return button


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
