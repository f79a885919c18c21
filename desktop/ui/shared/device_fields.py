"""On which devices a model is loaded: the list of them, shares and main device, and what else is set for devices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from desktop.core.device_choice import DeviceChoice, choice_of
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LOAD_FIELDS, NOTHING_SET, LoadSettings
from desktop.core.pools import Pool
from desktop.core.text import plain_tooltip
from desktop.core.words import tr
from desktop.ui.shared.buttons import explained_button
from desktop.ui.shared.device_list import DeviceList
from desktop.ui.shared.elided_label import ElidedLabel
from desktop.ui.shared.load_fields import LoadFields
from desktop.ui.shell.theme import set_role

_LISTED = "devices"  # the field whose value the list shows
_FIELDS = ("gpu_layers", "cpu_expert_layers", "main_device", "tensor_split", "kv_offload")
_OFFERED = ("main_device", "tensor_split")
OTHER_FIELDS = tuple(field for field in LOAD_FIELDS if field.name not in (_LISTED, *_FIELDS))


class DeviceFields(QWidget):
    """Shows what is set for devices; ``changed`` tells of the user's changes only."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("loadDeviceFields")
        self._settings = NOTHING_SET
        self._offered: tuple[Pool, ...] = ()
        self._plan: LoadPlan | None = None
        about = next(field for field in LOAD_FIELDS if field.name == _LISTED)
        heading = QLabel(about.label)
        heading.setToolTip(plain_tooltip(about.explanation))
        self._by = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self._by.setObjectName("loadDevicesBy")
        set_role(self._by, "muted")
        self._auto = explained_button(
            tr("Auto"), "loadDevicesAuto", tr("Leave devices, order and shares to Heft"), "small"
        )
        self._auto.clicked.connect(self._leave)
        self._list = DeviceList(self._auto)
        self._list.setObjectName("loadDevices")
        self._list.setAccessibleName(about.label)
        self._list.setAccessibleDescription(about.explanation)
        self._list.setToolTip(plain_tooltip(about.explanation))
        self._head = QWidget()
        head = QHBoxLayout(self._head)
        head.setContentsMargins(0, 0, 0, 0)
        head.setSpacing(8)
        head.addWidget(heading)
        head.addWidget(self._by)
        head.addStretch(1)
        head.addWidget(self._auto)
        by_name = {field.name: field for field in LOAD_FIELDS}
        self._fields = LoadFields([by_name[name] for name in _FIELDS], offered=_OFFERED)
        self._fields.setObjectName("loadOnDevices")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self._head)
        column.addWidget(self._list)
        column.addWidget(self._fields)
        self._list.changed.connect(self._listed)
        self._fields.changed.connect(self._set)
        self._show()

    def over(self, settings: LoadSettings) -> LoadSettings:
        """Settings with what is set here."""
        mine = {name: getattr(self._settings, name) for name in (_LISTED, *_FIELDS)}
        return replace(settings, **mine)

    def set_settings(self, settings: LoadSettings) -> None:
        """Show settings; tells nothing."""
        self._settings = settings
        self._fields.set_settings(settings)
        self._choose(choice_of(settings, self._offered))

    def offer(self, offered: Sequence[Pool]) -> None:
        """Show the devices that there are."""
        self._offered = tuple(offered)
        self._choose(choice_of(self._settings, self._offered))

    def show_plan(self, plan: LoadPlan | None) -> None:
        """What a plan puts on each, and what Heft decides where nothing is set."""
        self._plan = plan
        self._show()

    def show_unplanned(self) -> None:
        """What is set cannot be: nothing is put anywhere."""
        self._list.show_fit(None)

    def minimumSizeHint(self) -> QSize:
        """As narrow as the fields."""
        parts = [self._fields] if self._head.isHidden() else [self._fields, self._head, self._list]
        wide = max(part.minimumSizeHint().width() for part in parts)
        return QSize(wide, super().minimumSizeHint().height())

    # -- inside ----------------------------------------------------------------------------------

    def _leave(self) -> None:
        self._settings = replace(self._settings, devices=None, tensor_split=None, main_device=None)
        self.set_settings(self._settings)
        self.changed.emit()

    def _listed(self, choice: DeviceChoice) -> None:
        self._settings = choice.over(self._settings)
        self._fields.set_settings(self._settings)
        self._show()
        self.changed.emit()

    def _set(self) -> None:
        before, self._settings = self._settings, self._fields.settings
        if self._settings.main_device != before.main_device and self._settings.main_device:
            self._settings = replace(self._settings, tensor_split=None)  # shares put layers on all of them
        elif self._settings.tensor_split != before.tensor_split and self._settings.tensor_split:
            self._settings = replace(self._settings, main_device=None)
        self._fields.set_settings(self._settings)
        self._choose(choice_of(self._settings, self._offered))
        self.changed.emit()

    def _choose(self, choice: DeviceChoice) -> None:
        """Show a choice; rows stay where they are while the devices that are used and their order do."""
        shown = self._list.choice
        if _names(choice) == _names(shown) and _used(choice) == _used(shown):
            pools = {device.name: device for device in choice.devices}
            choice = replace(choice, devices=tuple(pools[device.name] for device in shown.devices))
        self._list.show_choice(choice)
        self._show()

    def _show(self) -> None:
        choice, plan = self._list.choice, self._plan
        there = bool(choice.devices)
        self._head.setVisible(there)
        self._list.setVisible(there)
        self._list.show_fit(plan.fit if plan is not None else None)
        by_hand = any((self._settings.devices, self._settings.tensor_split, self._settings.main_device))
        self._by.set_whole_text(tr("set by hand") if by_hand else tr("chosen by Heft"))
        self._auto.setEnabled(by_hand)
        main = self._settings.main_device
        names = [
            (device.name, main if main and device.name == choice.main else device.name, device.words)
            for device in choice.used
        ]
        self._fields.offer("main_device", names if choice.shared else ())
        split = self._settings.tensor_split or ",".join(f"{share:g}" for share in self._list.shares)
        self._fields.offer("tensor_split", [(tr("by hand"), split, tr("Set the share of each device in the list"))])
        self._fields.show_plan(plan, len(choice.used) if there else None)


def _names(choice: DeviceChoice) -> list[str]:
    return sorted(device.name for device in choice.devices)


def _used(choice: DeviceChoice) -> list[str]:
    return [device.name for device in choice.used]
