"""How the chat's model is loaded, beside the conversation; a change takes effect when it is loaded again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.core.load_plan import LoadPlan
from desktop.core.words import tr
from desktop.services.engine.supervisor import EngineState
from desktop.ui.shared.buttons import explained_button
from desktop.ui.shell.tasks import Tasks

if TYPE_CHECKING:
    from desktop.services.planning.service import PlanningService
    from desktop.ui.shared.load_panel import LoadPanel


class ModelSettings(QWidget):
    """Shows the settings of the model that the engine holds, loads or could not load; nothing before there is one."""

    reload_asked = Signal()  # what is set is remembered by now
    predicted = Signal(object)  # Speeds or None, of the model as it is loaded, by what is known now
    failed = Signal(object)  # HeftError

    def __init__(self, planning: Callable[[], PlanningService], tasks: Tasks, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("modelSettings")
        self._planning, self._tasks = planning, tasks
        self._panel: LoadPanel | None = None  # made with the first model: a start does without
        self._loaded: LoadPlan | None = None
        self._reload = explained_button(
            tr("Load again"), "reloadModel", tr("Load the model again, with what is set now"), "primary"
        )
        self._reload.hide()
        self._reload.clicked.connect(self.reload)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        self._column.addWidget(self._reload)
        self.hide()

    def show_state(self, state: EngineState) -> None:
        """Follow the engine."""
        plan = state.plan
        if plan is self._loaded:
            return
        self._loaded = plan
        self.setVisible(plan is not None and not state.endpoint)
        if plan is None or state.endpoint:  # how another server loads its models is not set here
            self._reload.hide()
            return
        panel = self._made()
        panel.show_model(plan.ref, plan)

    def look_again(self) -> None:
        """It may have been set up on another page."""
        if self._panel is not None:
            self._panel.look_again()

    def _made(self) -> LoadPanel:
        if self._panel is None:
            from desktop.ui.shared.load_panel import LoadPanel

            self._panel = LoadPanel(self._planning, self._tasks)
            self._panel.planned.connect(self._compare)
            self._panel.failed.connect(self.failed)
            self._column.insertWidget(0, self._panel)
        return self._panel

    def _compare(self) -> None:
        plan = self._panel.plan if self._panel is not None else None
        loaded = self._loaded
        if plan is None or loaded is None or loaded.ref.elsewhere is not None:
            self._reload.hide()
            return
        otherwise = plan.differs_from(loaded)
        self._reload.setVisible(otherwise)
        if not otherwise:
            self.predicted.emit(plan.speeds)

    @property
    def set_otherwise(self) -> bool:
        """Whether the model is loaded in another way than it is set up."""
        return not self._reload.isHidden()

    def reload(self) -> None:
        """Ask for the model once more, when what is set is remembered."""
        if self._panel is not None:
            self._panel.when_kept(self.reload_asked.emit)
