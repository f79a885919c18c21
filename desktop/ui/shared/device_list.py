"""The graphics devices of a load in their order: each is switched, moved by mouse or keyboard, and given its share."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Signal
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.core.device_choice import DeviceChoice
from desktop.core.hardware import RAM
from desktop.core.placement import Fit
from desktop.core.words import tr
from desktop.ui.shared.device_row import DeviceRow


class DeviceList(QWidget):
    """Shows a choice; ``changed`` tells of the user's own."""

    changed = Signal(object)  # DeviceChoice

    def __init__(self, above: QWidget) -> None:
        """``above`` is what Tab comes from."""
        super().__init__()
        self._above = above
        self._choice = DeviceChoice()
        self._fit: Fit | None = None
        self._rows: dict[str, DeviceRow] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(6)

    @property
    def choice(self) -> DeviceChoice:
        """As it stands."""
        return self._choice

    @property
    def shares(self) -> tuple[float, ...]:
        """The shares of those that are on, in their order: as they were set, else as they were planned."""
        if self._choice.shares:
            return self._choice.shares
        planned = planned_shares(self._fit)
        found = tuple(float(planned.get(device.name, 0)) for device in self._choice.used)
        return found if sum(found) else tuple(1.0 for _ in found)

    def show_choice(self, choice: DeviceChoice) -> None:
        """Show devices; tells nothing. Rows that stay keep the keyboard."""
        self._choice = choice
        names = [device.name for device in choice.devices]
        for name in [name for name in self._rows if name not in names]:
            row = self._rows.pop(name)
            row.hide()
            row.setParent(None)
            row.deleteLater()
        for name in names:
            if name not in self._rows:
                self._rows[name] = self._row(name)
        for place, name in enumerate(names):
            if self._column.indexOf(self._rows[name]) != place:
                self._column.insertWidget(place, self._rows[name])
        self._fill()
        self._order_tabs()

    def show_fit(self, fit: Fit | None) -> None:
        """What a plan puts on each; None while there is none."""
        self._fit = fit
        self._fill()

    def _row(self, name: str) -> DeviceRow:
        taken = {row.number for row in self._rows.values()}
        row = DeviceRow(next(number for number in range(len(taken) + 1) if number not in taken))
        row.switched.connect(lambda on: self._tell(self._choice.switched(name, on)))
        row.moved.connect(lambda steps: self._move(name, steps))
        row.share_set.connect(lambda share: self._tell(self._choice.with_share(name, share, self.shares)))
        row.dragged.connect(lambda y: self._drag(name, y))
        return row

    def _fill(self) -> None:
        shares = dict(zip((device.name for device in self._choice.used), self.shares, strict=True))
        for place, device in enumerate(self._choice.devices):
            row = self._rows[device.name]
            row.show_device(device, place, len(self._choice.devices))
            row.show_taken(device, self._fit)
            share = shares.get(device.name) if self._choice.shared else None
            row.show_share(share, by_hand=bool(self._choice.shares))

    def _tell(self, choice: DeviceChoice) -> None:
        self.show_choice(choice)
        self.changed.emit(choice)

    def _move(self, name: str, steps: int) -> None:
        """By its buttons: where the one that was pressed leads no further, the other one has the keyboard."""
        row = self._rows[name]
        pressed, other = (row.earlier, row.later) if steps < 0 else (row.later, row.earlier)
        kept = pressed.hasFocus()
        self._tell(self._choice.moved(name, steps))
        if kept and not pressed.isEnabled():
            other.setFocus()
        names = [device.name for device in self._choice.devices]
        self._say(
            tr(
                "{accessiblename}: now number {name} of {names}",
                accessiblename=row.box.accessibleName(),
                name=names.index(name) + 1,
                names=len(names),
            )
        )

    def _drag(self, name: str, y: float) -> None:
        """The row follows the mouse as soon as it is past the middle of another one."""
        row = self._rows[name]
        at = row.mapTo(self, QPoint(0, round(y))).y()
        groups = list(dict.fromkeys(device.group for device in self._choice.devices))
        group = next(device.group for device in self._choice.devices if device.name == name)
        before = [other for other in groups if other != group and self._middle(other) < at]
        steps = len(before) - groups.index(group)
        if steps:
            self._tell(self._choice.moved(name, steps))
            self._column.activate()  # where the rows are now is what the next movement is held against

    def _middle(self, group: str) -> float:
        rows = [self._rows[device.name].geometry() for device in self._choice.devices if device.group == group]
        return sum(place.center().y() for place in rows) / len(rows)

    def _say(self, words: str) -> None:
        if QAccessible.isActive():
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, words))

    def _order_tabs(self) -> None:
        """Tab goes through the rows as they stand, though they came later than what is below them."""
        before = self._above
        for device in self._choice.devices:
            row = self._rows[device.name]
            for widget in (row.box, row.earlier, row.later, row.share):
                QWidget.setTabOrder(before, widget)
                before = widget


def planned_shares(fit: Fit | None) -> dict[str, int]:
    """Layers that a plan puts on each device, by the engine's names."""
    if fit is None:
        return {}
    cards = [pool for pool in fit.pools if pool.device != RAM]
    held = {device.device: device.layers for device in fit.memory.devices}
    return {pool.engine_device: held.get(pool.device, 0) for pool in cards}
