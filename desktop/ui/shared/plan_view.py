"""A plan in figures: memory of each device against its limit, the longest context that fits, speed, and words."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QProgressBar, QVBoxLayout, QWidget

from desktop.core.load_plan import LoadPlan
from desktop.core.text import plain_tooltip, visible_in_place
from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.services.planning.words import (
    DeviceUse,
    devices,
    longest,
    notes,
    prompt_words,
    remarks,
    speed,
    speed_details,
)
from desktop.ui.shared.elided_label import ElidedLabel
from desktop.ui.shared.labels import plain_label
from desktop.ui.shell.theme import set_role

_BAR = 1000
_NARROW = 260  # pixels


class _Device(QWidget):
    """What a device would hold, of what is free there."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._name = ElidedLabel()
        self._name.setObjectName(f"planDevice{number}")
        self._figures = plain_label(f"planMemory{number}", wraps=False, selectable=True)
        self._bar = QProgressBar()
        self._bar.setObjectName(f"planBar{number}")
        self._bar.setTextVisible(False)
        self._bar.setRange(0, _BAR)
        self._grid = grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(3)
        grid.setColumnStretch(0, 1)
        grid.addWidget(self._name, 0, 0)
        grid.addWidget(self._bar, 1, 0, 1, 2)
        self._narrow = True
        self._arrange()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there is little room the figures stand below the bar."""
        super().resizeEvent(event)
        narrow = event.size().width() < _NARROW
        if narrow != self._narrow:
            self._narrow = narrow
            self._arrange()

    def _arrange(self) -> None:
        at = (2, 0, 1, 2) if self._narrow else (0, 1, 1, 1)
        self._grid.addWidget(self._figures, *at, Qt.AlignmentFlag.AlignRight)

    def show_use(self, use: DeviceUse, about: str) -> None:
        """``about`` stands before a figure that is an estimate."""
        words = f"{about}{human_bytes(use.used_bytes)} / {human_bytes(use.free_bytes)}"
        self._name.set_whole_text(visible_in_place(use.name[:1].upper() + use.name[1:]))
        self._figures.setText(words)
        set_role(self._figures, "bad" if use.over else "")
        set_role(self._bar, "over" if use.over else "")
        self._bar.setValue(min(_BAR, round(_BAR * use.used_bytes / max(1, use.free_bytes))))
        self._bar.setAccessibleName(tr("Memory of {name}", name=visible_in_place(use.name)))
        self._bar.setAccessibleDescription(words)
        self.setToolTip(
            plain_tooltip(tr("{name}: what this model takes of what is free, the reserve taken off", name=use.name))
        )


class PlanView(QWidget):
    """Shows one plan, or nothing."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("planView")
        self._devices: list[_Device] = []
        self._column = QVBoxLayout()
        self._column.setSpacing(5)
        self._context = plain_label("planContext", wraps=False, selectable=True)
        self._context.setToolTip(tr("The longest context with which the model stays in the memory it is in now"))
        self._speed = plain_label("planSpeed", wraps=False, selectable=True)
        self._prompt = plain_label("planPrompt", wraps=False, selectable=True)
        self._prompt.setToolTip(tr("How long a question that fills the whole context is read before the answer begins"))
        self._notes = plain_label("planNotes", "warn", selectable=True)
        self._notes.setMinimumWidth(1)
        self._remarks = plain_label("planRemarks", "muted", selectable=True)
        self._remarks.setMinimumWidth(1)
        rows = QGridLayout()
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setVerticalSpacing(3)
        rows.setColumnStretch(0, 1)
        figures = (
            (tr("Longest context"), self._context),
            (tr("Writes"), self._speed),
            (tr("Reads a prompt of"), self._prompt),
        )
        for line, (title, value) in enumerate(figures):
            label = QLabel(title)
            label.setBuddy(value)
            set_role(label, "muted")
            label.setMinimumWidth(1)
            label.setWordWrap(True)
            rows.addWidget(label, line, 0)
            rows.addWidget(value, line, 1, Qt.AlignmentFlag.AlignRight)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(5)
        outer.addLayout(self._column)
        outer.addLayout(rows)
        outer.addWidget(self._remarks)
        outer.addWidget(self._notes)
        outer.addStretch(1)
        self.show_plan(None)

    def show_plan(self, plan: LoadPlan | None) -> None:
        """Show a plan; None while there is none."""
        uses = devices(plan) if plan is not None else ()
        while len(self._devices) < len(uses):
            self._devices.append(_Device(len(self._devices)))
            self._column.addWidget(self._devices[-1])
        about = "~ " if plan is not None and plan.fit is not None and plan.fit.method == "estimate" else ""
        for number, device in enumerate(self._devices):
            device.setVisible(number < len(uses))
            if number < len(uses):
                device.show_use(uses[number], about)
        self._context.setText(longest(plan) if plan is not None else "–")
        self._speed.setText(speed(plan.speeds) if plan is not None else "–")
        self._speed.setToolTip(plain_tooltip(speed_details(plan.speeds)) if plan is not None else "")
        self._prompt.setText((prompt_words(plan.speeds) if plan is not None else "") or "–")
        said = remarks(plan) if plan is not None else ()
        self._remarks.setText("\n".join(said))
        self._remarks.setVisible(bool(said))
        self._say(notes(plan) if plan is not None else ())

    def show_problem(self, words: str) -> None:
        """Say why what is set cannot be, above figures that hold for something else."""
        self._say((words,))

    def _say(self, said: tuple[str, ...]) -> None:
        self._notes.setText(visible_in_place("\n".join(said)))
        self._notes.setVisible(bool(said))
