"""How a model is loaded: the fields of its settings with the plan that follows beside them. A change is remembered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError, UsageError
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import ModelRef
from desktop.core.pools import Pool
from desktop.core.words import tr
from desktop.ui.shared.buttons import explained_button
from desktop.ui.shared.device_fields import OTHER_FIELDS, DeviceFields
from desktop.ui.shared.load_fields import LoadFields
from desktop.ui.shared.plan_view import PlanView
from desktop.ui.shared.ways_view import WaysView
from desktop.ui.shell.tasks import Lane, Task, TaskContext, Tasks
from desktop.ui.shell.theme import set_role

if TYPE_CHECKING:
    from desktop.services.planning.service import PlanningService

_REST_MS = 150  # several changes in a row are one
_WIDE = 560  # pixels from which the plan stands beside the fields


@dataclass(frozen=True)
class _Found:
    """What is set for a model, the devices that there are, and the plan, or why what is set cannot be."""

    settings: LoadSettings
    offered: tuple[Pool, ...]
    plan: LoadPlan | None
    error: HeftError | None = None


class LoadPanel(QWidget):
    """Reads, plans and remembers off the GUI thread."""

    planned = Signal(object)  # LoadPlan that is shown from now on
    failed = Signal(object)  # HeftError

    def __init__(
        self,
        planning: Callable[[], PlanningService],
        tasks: Tasks,
        title: str = tr("How it loads"),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("loadPanel")
        self._planning, self._tasks = planning, tasks
        self._ref: ModelRef | None = None
        self._plan: LoadPlan | None = None
        self._running: LoadPlan | None = None
        self._looking: Task | None = None
        self._keeping = False
        self._then: list[Callable[[], None]] = []
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST_MS)
        self._rest.timeout.connect(self._keep)
        self._soon = QTimer(self)  # who walks through a list wants the last model only
        self._soon.setSingleShot(True)
        self._soon.setInterval(_REST_MS)
        self._soon.timeout.connect(self.look_again)
        self._fields = LoadFields(OTHER_FIELDS)
        self._devices = DeviceFields()
        self._view = PlanView()
        self._reset = explained_button(tr("Reset"), "loadReset", tr("Leave all of this to Heft again"))
        set_role(self._reset, "ghost")
        heading = QLabel(title)
        set_role(heading, "subtitle")
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(heading, 1)
        head.addWidget(self._reset)
        self._sides = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._sides.setSpacing(8)
        left = QVBoxLayout()
        left.setSpacing(8)
        left.addWidget(self._fields)
        left.addWidget(self._devices)
        left.addStretch(1)
        self._sides.addLayout(left, 3)
        self._sides.addWidget(self._view, 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(head)
        column.addLayout(self._sides)
        self._ways = WaysView(tasks)
        self._ways.chosen.connect(self._take_devices)
        column.addWidget(self._ways)
        self._fields.changed.connect(self._edited)
        self._devices.changed.connect(self._edited)
        self._reset.clicked.connect(self._leave_all)
        self._show_reset()

    @property
    def plan(self) -> LoadPlan | None:
        """The plan in view; None while it is being made."""
        return self._plan

    def show_model(self, ref: ModelRef | None, running: LoadPlan | None = None) -> None:
        """Show how a model of this computer is loaded.

        ``running`` is the plan that it was loaded by: it is shown as long as what is set comes to the same, with the
        speed as it is predicted now.
        """
        self._running = running
        if ref == self._ref:
            self.look_again()
            return
        if self._rest.isActive():
            self._keep()  # under the name of the model it was set for
        self._ref = ref
        self._set(LoadSettings())
        self._show(None)
        if self._looking is not None:
            self._looking.cancel()
        self._soon.start()

    def look_again(self) -> None:
        """Read and plan anew: what is set, or what is free, may be different now. Not in the middle of a change."""
        ref = self._ref
        if ref is None or self._rest.isActive() or self._keeping:
            return

        def looked(found: _Found) -> None:
            self._set(found.settings)
            self._show_found(found)

        self._run_look(lambda context: self._find(ref, None, context), looked)

    def when_kept(self, call: Callable[[], None]) -> None:
        """Call once what was set is remembered: at once, or when the change under way is."""
        if self._rest.isActive():
            self._keep()
        if self._keeping:
            self._then.append(call)
        else:
            call()

    def minimumSizeHint(self) -> QSize:
        """As narrow as when all stands below each other."""
        parts = (self._fields, self._devices, self._view)
        wide = max(part.minimumSizeHint().width() for part in parts)
        return QSize(wide, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The plan stands beside the fields where there is room."""
        super().resizeEvent(event)
        wide = event.size().width() >= _WIDE
        self._sides.setDirection(QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom)
        self._sides.setSpacing(24 if wide else 8)

    # -- inside ----------------------------------------------------------------------------------

    @property
    def _settings(self) -> LoadSettings:
        return self._devices.over(self._fields.settings)

    def _set(self, settings: LoadSettings) -> None:
        self._fields.set_settings(settings)
        self._devices.set_settings(settings)

    def _leave_all(self) -> None:
        self._set(LoadSettings())
        self._edited()

    def _take_devices(self, devices: str) -> None:
        self._set(replace(self._settings, devices=devices, tensor_split=None, main_device=None))
        self._edited()

    def _edited(self) -> None:
        self._show_reset()
        if self._looking is not None:
            self._looking.cancel()
        try:
            self._settings.checked()
        except UsageError as error:
            self._rest.stop()
            self._view.show_problem(f"{error.message} {error.hint}")
            return
        self._rest.start()

    def _keep(self) -> None:
        """Remember what is set, then plan by it. One after the other: the last one counts."""
        self._rest.stop()
        ref, settings = self._ref, self._settings
        if ref is None:
            return
        if self._keeping:
            self._then.insert(0, self._keep)
            return
        self._keeping = True
        self._tasks.run(
            lambda context: self._planning().remember(ref, settings),
            done=lambda _: self._kept(ref, settings),
            failed=lambda error: self._kept(ref, settings, error),
            lane=Lane.COMMAND,
            owner=self,
        )

    def _kept(self, ref: ModelRef, settings: LoadSettings, error: HeftError | None = None) -> None:
        self._keeping = False
        if error is not None:
            self.failed.emit(error)
        if ref == self._ref:
            self._run_look(lambda context: self._find(ref, settings, context), self._show_found)
        waiting, self._then = self._then, []
        while waiting:
            waiting.pop(0)()
            if self._keeping:  # the first of them goes on keeping
                self._then += waiting
                return

    def _run_look(self, work: Callable[[TaskContext], object], done: Callable[..., None]) -> None:
        if self._looking is not None:
            self._looking.cancel()
        self._looking = self._tasks.run(work, done=done, failed=self._not_planned, lane=Lane.JOB, owner=self)

    def _find(self, ref: ModelRef, asked: LoadSettings | None, context: TaskContext) -> _Found:
        """Off the GUI thread. What is set is told also where it cannot be, so that it can be set otherwise."""
        planning = self._planning()
        settings = asked if asked is not None else planning.settings_of(ref)
        offered = planning.offered()
        try:
            return _Found(settings, offered, planning.for_load(ref, asked, lambda: context.cancelled))
        except CancelledError:
            raise
        except HeftError as error:
            return _Found(settings, offered, None, error)

    def _show_found(self, found: _Found) -> None:
        self._devices.offer(found.offered)
        if found.plan is not None:
            self._show(found.plan)
        elif found.error is not None:
            self._devices.show_unplanned()
            self._not_planned(found.error)
        self._show_reset()

    def _not_planned(self, error: HeftError) -> None:
        if not isinstance(error, CancelledError):
            self._view.show_problem(f"{error.message} {error.hint}".strip())

    def _show(self, plan: LoadPlan | None) -> None:
        running = self._running
        if plan is not None and running is not None and plan.ref == running.ref and not plan.differs_from(running):
            plan = replace(running, speeds=plan.speeds)  # a run or a calibration since then may have taught better
        self._plan = plan
        self._fields.show_plan(plan)
        self._devices.show_plan(plan)
        self._view.show_plan(plan)
        self._ways.show_for(plan, self._planning().ways if plan is not None else None)
        self._show_reset()
        if plan is not None:
            self.planned.emit(plan)

    def _show_reset(self) -> None:
        self._reset.setEnabled(not self._settings.unset)
