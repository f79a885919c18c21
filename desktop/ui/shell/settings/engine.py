"""The page Engine: the devices it sees, its backends and what became of them, threads and memory kept free."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from desktop.core.errors import HeftError
from desktop.core.hardware import Gpu, Machine
from desktop.core.text import visible_in_place
from desktop.core.units import human_bytes, human_count
from desktop.core.words import tr
from desktop.machine.support import CPU_DEVICE
from desktop.services.engine.backend_building import BackendBuildService
from desktop.services.engine.backends import Backends, BackendService
from desktop.services.machine.report import rate
from desktop.store import options
from desktop.ui.shared.labels import plain_label
from desktop.ui.shell.settings.backends import BackendsCard
from desktop.ui.shell.settings.rows import SettingsPane
from desktop.ui.shell.settings.writer import OptionWriter
from desktop.ui.shell.tasks import Lane, Task, Tasks
from desktop.ui.shell.theme import Theme

_WAITING = tr("Asking this computer…")


class EnginePane(SettingsPane):
    """A table of devices and a card of backends, filled in the background, and rows."""

    def __init__(
        self,
        writer: OptionWriter,
        theme: Theme,
        tasks: Tasks,
        machine: Callable[[], Machine],
        backends: Callable[[], BackendService],
        builds: Callable[[], BackendBuildService],
    ) -> None:
        """``machine`` describes this computer; it may take seconds and raise HeftError. ``backends`` lists those of
        the engine, and changes them; ``builds`` makes further ones.
        """
        super().__init__(writer, theme)
        self._tasks, self._machine, self._backends = tasks, machine, backends
        self._asking: Task | None = None
        devices = self.add_card("settingsDevices", tr("Devices"))
        self._devices = QGridLayout()
        self._devices.setHorizontalSpacing(14)
        self._devices.setVerticalSpacing(2)
        self._devices.setColumnStretch(0, 1)
        devices.column.addLayout(self._devices)
        self._waiting = devices.add_line("settingsDevicesWaiting", _WAITING, "muted")
        self._card = BackendsCard(tasks, backends, builds)
        self._card.changed.connect(self.shown)
        self.column.addWidget(self._card)
        chosen = (options.THREADS, options.IDLE_MINUTES, options.RAM_RESERVE, options.GPU_RESERVE)
        self.add_card("settingsEngine", tr("Behaviour"), chosen)
        self.column.addStretch(1)

    def shown(self) -> None:
        """Look again; memory and backends change."""
        self._card.builds.follow()
        if self._asking is not None:
            self._asking.cancel()  # what it finds is older
        self._asking = self._tasks.run(
            lambda context: (self._machine(), self._known()),
            done=self._show,
            failed=self._not_asked,
            lane=Lane.JOB,
            owner=self,
        )

    def _known(self) -> Backends:
        try:
            return self._backends().known()
        except HeftError as error:  # what the devices' table says does not need it
            return Backends((), False, (f"{error.message} {error.hint}".strip(),))

    def _show(self, found: tuple[Machine, Backends]) -> None:
        machine, backends = found
        self._waiting.hide()
        _clear(self._devices)
        for row, (name, free, facts) in enumerate(_device_rows(machine)):
            self._put(2 * row, 0, name, "subtitle")
            self._put(2 * row, 1, free, "")
            self._put(2 * row + 1, 0, facts, "muted", across=2)
        self._card.show_backends(backends)

    def _not_asked(self, error: HeftError) -> None:
        self._waiting.setText(f"{error.message} {error.hint}".strip())
        self._waiting.show()

    def _put(self, row: int, column: int, text: str, role: str, across: int = 1) -> None:
        label = plain_label(f"device{row}_{column}", role, visible_in_place(text), wraps=not column)
        label.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self._devices.addWidget(label, row, column, 1, across)


def _device_rows(machine: Machine) -> list[tuple[str, str, str]]:
    """Name, memory free and what else is known of each device: graphics first, then the processor."""
    memory, engine = machine.memory, machine.engine
    facts = [
        tr("{physical_cores} cores", physical_cores=human_count(machine.cpu.physical_cores)),
        tr("build for {cpu_variant}", cpu_variant=engine.cpu_variant) if engine.cpu_variant else "",
        rate(memory.bandwidth_bytes_per_second) if memory.bandwidth_bytes_per_second else "",
        _native(machine, CPU_DEVICE),
    ]
    free = tr(
        "{total_bytes} of main memory", total_bytes=human_bytes(memory.total_bytes)
    )  # how much is free for models, the page Machine says
    return [*(_gpu_row(machine, gpu) for gpu in machine.gpus), (machine.cpu.name, free, _joined(facts))]


def _gpu_row(machine: Machine, gpu: Gpu) -> tuple[str, str, str]:
    free = ""
    if gpu.free_bytes is not None:
        free = tr(
            "{free_bytes} of {total_bytes} free",
            free_bytes=human_bytes(gpu.free_bytes),
            total_bytes=human_bytes(gpu.total_bytes),
        )
    facts = [
        tr("through {engine_devices}", engine_devices=", ".join(gpu.engine_devices))
        if gpu.engine_devices
        else tr("this engine cannot use it"),
        tr("shares main memory") if gpu.shared_memory else "",
        rate(gpu.bandwidth_bytes_per_second) if gpu.bandwidth_bytes_per_second else "",
        _native(machine, gpu.name),
    ]
    return gpu.name, free, _joined(facts)


def _joined(facts: list[str]) -> str:
    return " · ".join(fact for fact in facts if fact)


def _native(machine: Machine, device: str) -> str:
    found = [row.format for row in machine.number_formats if row.device == device and row.support == "native"]
    return tr("native: {found}", found=" ".join(found)) if found else ""


def _clear(grid: QGridLayout) -> None:
    while (item := grid.takeAt(0)) is not None:
        widget: QWidget | None = item.widget()
        if isinstance(widget, QLabel):
            widget.hide()
            widget.deleteLater()
