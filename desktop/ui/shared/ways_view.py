"""Where a model could run beside this computer: each way with its predicted speed, and a button that chooses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError
from desktop.core.load_plan import LoadPlan
from desktop.core.text import visible_in_place
from desktop.core.words import tr
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.signals import calling
from desktop.ui.shell.tasks import Lane, Task, Tasks
from desktop.ui.shell.theme import set_role

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop.services.worker.ways import Way, WaysService


class WaysView(QWidget):
    """Shown where another computer lends its devices; plans off the GUI thread. ``chosen`` tells which devices."""

    chosen = Signal(str)

    def __init__(self, tasks: Tasks, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("waysView")
        self._tasks = tasks
        self._looking: Task | None = None
        self._about: object = None
        heading = QLabel(tr("Other computers"))
        set_role(heading, "muted")
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setVerticalSpacing(3)
        self._grid.setColumnStretch(0, 1)
        self._advice = plain_label("waysAdvice", "muted", selectable=True)
        self._advice.setMinimumWidth(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(heading)
        column.addLayout(self._grid)
        column.addWidget(self._advice)
        self.hide()

    def show_for(self, plan: LoadPlan | None, ways: Callable[[], WaysService] | None) -> None:
        """Weigh the ways of the model in view; hidden where no other computer lends anything."""
        if plan is None or ways is None or not _others(plan):
            self._about = None
            self._stop()
            self.hide()
            return
        about = (plan.ref, plan.asked)
        if about == self._about:
            return
        self._about = about
        self._stop()
        self._clear()
        self._advice.setText(tr("Weighing what other computers could do…"))
        self.show()
        self._looking = self._tasks.run(
            lambda context: ways().of(plan.ref, plan.asked, lambda: context.cancelled),
            done=self._show,
            failed=self._failed,
            lane=Lane.JOB,
            owner=self,
        )

    def _stop(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None

    def _clear(self) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.setParent(None)
                widget.deleteLater()

    def _show(self, found: tuple[Way, ...]) -> None:
        from desktop.services.worker.words import advice, way_title, way_words

        self._clear()
        self.setVisible(bool(found))
        for line, way in enumerate(found):
            self._grid.addWidget(plain_label(f"way{line}", text=way_title(way)), line, 0)
            words = plain_label(f"waySpeed{line}", text=visible_in_place(way_words(way)), selectable=True)
            self._grid.addWidget(words, line, 1, Qt.AlignmentFlag.AlignRight)
            if way.devices and way.fits:
                tip = tr("Load this model so from now on: devices {devices}", devices=visible_in_place(way.devices))
                spoken = tr("Use: {way}", way=way_title(way))
                button = push_button(tr("Use"), f"wayUse{line}", tip, spoken=spoken, role="small")
                button.clicked.connect(calling(self.chosen.emit, way.devices))
                self._grid.addWidget(button, line, 2)
        self._advice.setText(advice(found))

    def _failed(self, error: HeftError) -> None:
        if not isinstance(error, CancelledError):
            self._advice.setText(visible_in_place(f"{error.message} {error.hint}".strip()))


def _others(plan: LoadPlan) -> bool:
    """Whether another computer's devices are among those that there are."""
    return plan.fit is not None and any(pool.worker for pool in (*plan.fit.pools, *plan.fit.aside))
