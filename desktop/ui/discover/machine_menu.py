"""Choosing the machine a model is weighed on: this computer, saved profiles, common cards and chips."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from desktop.core.hardware import Machine
from desktop.core.machines import Device, machine_with
from desktop.core.words import tr
from desktop.services.discover.tables import DataTables

_THIS, _PROFILE, _SIZES = tr("This computer"), tr("Load profile…"), tr("Other memory sizes…")
_VENDORS = (("nvidia", tr("NVIDIA cards")), ("amd", tr("AMD cards and chips")), ("apple", tr("Apple chips")))
_PROFILES = {
    "laptop-8gb": tr("Laptop with 8 GB"),
    "apple-m1-16gb": tr("Apple M1 with 16 GB"),
    "rtx-4060-8gb": tr("RTX 4060 8 GB and 32 GB"),
    "rtx-4090": tr("RTX 4090 24 GB and 32 GB"),
    "two-rtx-3090": tr("Two RTX 3090 and 64 GB"),
}


class MachineMenu(QToolButton):
    """Tells :attr:`machine_chosen` with a Machine, or None for this computer."""

    machine_chosen = Signal(object)
    profile_wanted = Signal()  # a file is to be chosen
    sizes_wanted = Signal()  # how much memory there would be is to be said

    def __init__(self, tables: DataTables, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tables = tables
        self._filled = False
        self.setObjectName("machineMenu")
        self.setAccessibleName(tr("Machine"))
        self.setToolTip(tr("What if I had another computer?"))
        self.setText(tr("what if… ▾"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = QMenu(self)
        self._menu.setObjectName("machineChoices")
        self._menu.aboutToShow.connect(self._fill)
        self.setMenu(self._menu)

    def _fill(self) -> None:
        """The list is long and seldom asked for: made at its first use."""
        if self._filled:
            return
        self._filled = True
        self._menu.addAction(_THIS, lambda: self.machine_chosen.emit(None))
        self._menu.addSeparator()
        for name, machine in self._tables.profiles.items():
            self._menu.addAction(_PROFILES.get(name, name), self._chooser(machine))
        self._menu.addAction(_PROFILE, self.profile_wanted.emit)
        self._menu.addAction(_SIZES, self.sizes_wanted.emit)
        self._menu.addSeparator()
        for vendor, title in _VENDORS:
            self._vendor(title, [device for device in self._tables.devices if device.vendor == vendor])

    def _vendor(self, title: str, devices: Sequence[Device]) -> None:
        menu = self._menu.addMenu(title)
        for device in devices:
            menu.addAction(device.title, self._with(device))

    def _chooser(self, machine: Machine) -> Callable[[], None]:
        return lambda: self.machine_chosen.emit(machine)

    def _with(self, device: Device) -> Callable[[], None]:
        return lambda: self.machine_chosen.emit(machine_with(device))
