"""The page Engine: the devices it sees, its backends and what became of them, threads and memory kept free."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from desktop.core.errors import HeftError
from desktop.core.hardware import Gpu, Machine
from desktop.core.text import visible_in_place
from desktop.core.units import human_bytes, human_count
from desktop.engine.further_backends import Trial
from desktop.machine.support import CPU_DEVICE
from desktop.services.engine.backends import backend_folder, backend_trials
from desktop.services.machine.report import rate
from desktop.store import options
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.labels import plain_label
from desktop.ui.shell.settings.rows import SettingsPane
from desktop.ui.shell.settings.writer import OptionWriter
from desktop.ui.shell.tasks import Lane, Tasks
from desktop.ui.shell.theme import Theme

_WAITING = "Asking this computer…"


class EnginePane(SettingsPane):
    """Two tables of words, filled in the background, and rows."""

    def __init__(self, writer: OptionWriter, theme: Theme, tasks: Tasks, machine: Callable[[], Machine]) -> None:
        """``machine`` describes this computer; it may take seconds and raise HeftError."""
        super().__init__(writer, theme)
        self._tasks, self._machine = tasks, machine
        devices = self.add_card("settingsDevices", "Devices")
        self._devices = QGridLayout()
        self._devices.setHorizontalSpacing(14)
        self._devices.setVerticalSpacing(2)
        self._devices.setColumnStretch(0, 1)
        devices.column.addLayout(self._devices)
        self._waiting = devices.add_line("settingsDevicesWaiting", _WAITING, "muted")
        backends = self.add_card("settingsBackends", "Backends")
        folder = push_button("Open the folder", "settingsBackendsFolder", "For backend libraries of the same llama.cpp")
        folder.clicked.connect(_open_backends)
        backends.head.addWidget(folder)
        self._backends = QGridLayout()
        self._backends.setHorizontalSpacing(14)
        self._backends.setVerticalSpacing(8)
        self._backends.setColumnStretch(1, 1)
        backends.column.addLayout(self._backends)
        chosen = (options.THREADS, options.IDLE_MINUTES, options.RAM_RESERVE, options.GPU_RESERVE)
        self.add_card("settingsEngine", "Behaviour", chosen)
        self.column.addStretch(1)

    def shown(self) -> None:
        """Look again; memory and backends change."""
        self._tasks.run(
            lambda context: (self._machine(), backend_trials()),
            done=self._show,
            failed=self._not_asked,
            lane=Lane.JOB,
            owner=self,
        )

    def _show(self, found: tuple[Machine, tuple[Trial, ...]]) -> None:
        machine, trials = found
        self._waiting.hide()
        _clear(self._devices)
        for row, (name, free, facts) in enumerate(_device_rows(machine)):
            self._put(self._devices, 2 * row, 0, name, "subtitle")
            self._put(self._devices, 2 * row, 1, free, "")
            self._put(self._devices, 2 * row + 1, 0, facts, "muted", across=2)
        _clear(self._backends)
        for row, (name, what, role) in enumerate(_backend_rows(machine, trials)):
            self._put(self._backends, row, 0, name, "subtitle")
            self._put(self._backends, row, 1, what, role)

    def _not_asked(self, error: HeftError) -> None:
        self._waiting.setText(f"{error.message} {error.hint}".strip())
        self._waiting.show()

    def _put(self, grid: QGridLayout, row: int, column: int, text: str, role: str, across: int = 1) -> None:
        name = f"{'device' if grid is self._devices else 'backend'}{row}_{column}"
        label = plain_label(name, role, visible_in_place(text), wraps=grid is self._backends or not column)
        label.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        grid.addWidget(label, row, column, 1, across)


def _device_rows(machine: Machine) -> list[tuple[str, str, str]]:
    """Name, memory free and what else is known of each device: graphics first, then the processor."""
    memory, engine = machine.memory, machine.engine
    facts = [
        f"{human_count(machine.cpu.physical_cores)} cores",
        f"build for {engine.cpu_variant}" if engine.cpu_variant else "",
        rate(memory.bandwidth_bytes_per_second) if memory.bandwidth_bytes_per_second else "",
        _native(machine, CPU_DEVICE),
    ]
    free = f"{human_bytes(memory.total_bytes)} of main memory"  # how much is free for models, the page Machine says
    return [*(_gpu_row(machine, gpu) for gpu in machine.gpus), (machine.cpu.name, free, _joined(facts))]


def _gpu_row(machine: Machine, gpu: Gpu) -> tuple[str, str, str]:
    free = ""
    if gpu.free_bytes is not None:
        free = f"{human_bytes(gpu.free_bytes)} of {human_bytes(gpu.total_bytes)} free"
    facts = [
        f"through {', '.join(gpu.engine_devices)}" if gpu.engine_devices else "this engine cannot use it",
        "shares main memory" if gpu.shared_memory else "",
        rate(gpu.bandwidth_bytes_per_second) if gpu.bandwidth_bytes_per_second else "",
        _native(machine, gpu.name),
    ]
    return gpu.name, free, _joined(facts)


def _joined(facts: list[str]) -> str:
    return " · ".join(fact for fact in facts if fact)


def _native(machine: Machine, device: str) -> str:
    found = [row.format for row in machine.number_formats if row.device == device and row.support == "native"]
    return f"native: {' '.join(found)}" if found else ""


def _backend_rows(machine: Machine, trials: tuple[Trial, ...]) -> list[tuple[str, str, str]]:
    """Name, what is known of it, and the role that says how good that is."""
    further = {trial.backend for trial in trials if trial.backend}
    rows = [(name, "✓ in the box", "good") for name in machine.engine.backends if name not in further]
    for trial in trials:
        if trial.backend:
            rows.append((trial.backend, f"✓ {trial.file} computed the known answer", "good"))
        elif trial.left_out:
            rows.append((trial.file, f"✗ left out: {trial.left_out}", "bad"))
        else:
            rows.append((trial.file, "will be tried at the engine's next start", "muted"))
    return rows or [("None", machine.notes[0] if machine.notes else "", "bad")]


def _clear(grid: QGridLayout) -> None:
    while (item := grid.takeAt(0)) is not None:
        widget: QWidget | None = item.widget()
        if isinstance(widget, QLabel):
            widget.hide()
            widget.deleteLater()


def _open_backends() -> None:
    folder = backend_folder()
    folder.mkdir(parents=True, exist_ok=True)
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
