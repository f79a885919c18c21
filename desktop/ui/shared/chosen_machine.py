"""The machine of "what if": chosen on one page, it holds on all that weigh models."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from desktop.core.hardware import Machine
from desktop.core.machines import machine_of_sizes
from desktop.core.pools import hypothetical
from desktop.core.words import tr
from desktop.services.machine.machine import MachineService
from desktop.ui.shared.machine_sizes import ask_sizes
from desktop.ui.shell.tasks import Lane, Tasks

OTHER_MACHINE = tr("The figures were another machine's; the load was planned anew for this computer.")
PROFILE_FILTER = tr("Machine profiles (*.json)")


class ChosenMachine(QObject):
    """:attr:`machine` is None for this computer. ``changed`` tells of another one, ``failed`` of a bad file."""

    changed = Signal()
    failed = Signal(object)  # HeftError

    def __init__(self, machines: MachineService, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._machines, self._tasks = machines, tasks
        self.machine: Machine | None = None  # as models are weighed for it: all of its GPUs count
        self.described: Machine | None = None  # as its profile says
        self.title = ""

    def choose(self, machine: Machine | None, title: str = "") -> None:
        """Weigh for this machine from now on; ``title`` says in words what it is."""
        if machine is self.machine:
            return
        self.described = machine
        self.machine = hypothetical(machine) if machine is not None and machine.engine.version else machine
        self.title = title
        self.changed.emit()

    def load(self, path: Path) -> None:
        """Choose a saved profile; one that cannot be read changes nothing."""
        self._tasks.run(
            lambda context: self._machines.load_profile(path),
            done=lambda machine: self.choose(machine, tr("the saved machine {name}", name=path.name)),
            failed=self.failed.emit,
            lane=Lane.JOB,
            owner=self,
        )

    def ask_profile(self, parent: QWidget) -> None:
        """Let a person choose a file."""
        name, _ = QFileDialog.getOpenFileName(parent, tr("Load profile"), "", PROFILE_FILTER)
        if name:
            self.load(Path(name))

    def ask_sizes(self, parent: QWidget) -> None:
        """Let a person say how much main memory and graphics memory there would be."""
        sizes = ask_sizes(parent)
        if sizes is None:
            return
        ram, vram = sizes
        self._tasks.run(
            lambda context: machine_of_sizes(self._machines.without_graphics(), ram, vram),
            done=lambda machine: self.choose(machine, tr("a machine of your own figures")),
            failed=self.failed.emit,
            lane=Lane.JOB,
            owner=self,
        )
