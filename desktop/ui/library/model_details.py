"""The strip below the library's table: the selected model, how it is loaded, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from desktop.core.load_plan import LoadPlan
from desktop.core.model_ref import ModelRef
from desktop.core.quality import MeasuredHere
from desktop.core.units import human_bits, human_bytes, human_parameters
from desktop.core.words import tr
from desktop.services.lab.words import measured_words
from desktop.services.models.kind_words import kind_fact, kind_note
from desktop.services.models.library import LibraryModel
from desktop.services.planning.words import summary
from desktop.ui.library import actions
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.elided_label import ElidedLabel, FigureLabel
from desktop.ui.shared.labels import WARNING_SIGN, plain_label
from desktop.ui.shared.load_panel import LoadPanel
from desktop.ui.shell.action_registry import ActionRegistry
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import set_role

if TYPE_CHECKING:
    from desktop.services.planning.service import PlanningService


class ModelDetails(QFrame):
    """Facts of one model, and buttons of the page's actions."""

    failed = Signal(object)  # HeftError

    def __init__(
        self,
        commands: ActionRegistry,
        planning: Callable[[], PlanningService],
        tasks: Tasks,
        measured: Callable[[Sequence[Path]], MeasuredHere | None] = lambda _files: None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._measured = measured
        self.setObjectName("libraryDetails")
        self.setAccessibleName(tr("Selected model"))
        set_role(self, "card")
        self._ref: ModelRef | None = None
        self._name = ElidedLabel()
        self._name.setObjectName("libraryDetailsName")
        set_role(self._name, "subtitle")
        self._facts = FigureLabel("libraryDetailsFacts")
        self._more = ElidedLabel()
        self._more.setObjectName("libraryDetailsMore")
        set_role(self._more, "muted")
        self._place = ElidedLabel()
        self._place.setObjectName("libraryDetailsPlace")
        set_role(self._place, "muted")
        self._plan = FigureLabel("libraryDetailsPlan")
        self._plan.setToolTip(tr("How it would be loaded now; “How it loads” changes it"))
        self._plan.setSizePolicy(QSizePolicy.Policy.Ignored, self._plan.sizePolicy().verticalPolicy())
        self._problem = plain_label("libraryDetailsProblem", "warn")
        self._use = plain_label("libraryDetailsUse")
        words = QVBoxLayout()
        words.setSpacing(3)
        for label in (self._name, self._facts, self._more, self._place, self._use, self._problem):
            label.setSizePolicy(QSizePolicy.Policy.Ignored, label.sizePolicy().verticalPolicy())
            words.addWidget(label)
        self._load = LoadPanel(planning, tasks, title="")
        self._elsewhere = False  # the list shows another machine's figures
        self._load.planned.connect(self._show_plan)
        self._load.failed.connect(self.failed)
        self.set_up = push_button("", "librarySetUp", spoken=actions.SET_UP.short)
        self.set_up.setCheckable(True)
        commands.connect_to(actions.SET_UP, self.set_up.toggle)
        commands.follow(self.set_up, actions.SET_UP)
        self.set_up.toggled.connect(self._show_load)
        self._show_load(False)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addLayout(words, 1)
        self.chat = commands.button(actions.CHAT, "libraryChat", role="primary")
        self.join = commands.button(actions.JOIN, "libraryJoin", role="primary")
        self.inspect = commands.button(actions.INSPECT, "libraryInspect")
        self.folder = commands.button(actions.SHOW_IN_FOLDER, "libraryShowInFolder")
        self.remove = commands.button(actions.REMOVE, "libraryRemove", role="danger")
        for button in (self.chat, self.join, self.inspect, self.folder, self.remove):
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        load = QHBoxLayout()
        load.setSpacing(8)
        load.addWidget(self._plan, 1)
        load.addWidget(self.set_up)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 12, 14, 12)
        column.setSpacing(6)
        column.addLayout(row)
        column.addLayout(load)
        column.addWidget(self._load)

    def show_model(self, model: LibraryModel, *, removable: bool) -> None:
        """Show a model's facts; ``removable`` says whether Heft may remove its files."""
        if model.ref != self._ref:
            self._ref = model.ref
            self._plan.set_whole_text("…")
            self._load.show_model(model.ref)
        self._name.set_whole_text(model.title)
        self._facts.set_whole_text(" · ".join(_facts(model)))
        called = [name for name in model.names if name != model.name]
        more = [tr("Also called {called}", called=", ".join(called))] if called else []
        more += [
            tr("With projector {name} ({size})", name=path.name, size=size)
            for path in model.mmproj
            if (size := _size(path))
        ]
        if (here := self._measured(model.files)) is not None:
            more.insert(0, measured_words(here).rstrip("."))
        self._more.set_whole_text(" · ".join(more))
        self._more.setVisible(bool(more))
        places = tr("  (also in {value})", value=", ".join(str(p) for p in model.also_in)) if model.also_in else ""
        self._place.set_whole_text(f"{model.path}{places}")
        self._problem.setText(f"{WARNING_SIGN} {model.problem}")
        self._problem.setVisible(bool(model.problem))
        self._use.setText(kind_note(model.kind))
        self._use.setVisible(not model.problem and not model.kind.writes_text)
        # A file that looks broken can still be tried, the engine says what it makes of it; but for those that it is
        # known not to take.
        self.chat.setText(tr("Try anyway") if model.problem else tr("Chat"))
        self.chat.setVisible(model.fault is None)
        self.join.setVisible(model.fault is not None and model.fault.joins)
        self.remove.setVisible(removable)

    def set_elsewhere(self, elsewhere: bool) -> None:
        """Say of the plan that it is this computer's, where the list shows another machine's figures."""
        self._elsewhere = elsewhere
        if self._load.plan is not None:
            self._show_plan(self._load.plan)

    def _show_plan(self, plan: LoadPlan) -> None:
        said = summary(plan)
        self._plan.set_whole_text(tr("On this computer: {said}", said=said) if self._elsewhere and said else said)

    def look_again(self) -> None:
        """It may have been set up on another page, or memory been taken."""
        self._load.look_again()

    def when_kept(self, call: Callable[[], None]) -> None:
        """Call once what was set is remembered."""
        self._load.when_kept(call)

    def _show_load(self, shown: bool) -> None:
        self._load.setVisible(shown)
        self.set_up.setText(f"{actions.SET_UP.short} {'▴' if shown else '▾'}")


def _size(path: Path) -> str:
    """The size of a file in words; "" where it is gone."""
    try:
        return human_bytes(path.stat().st_size)
    except OSError:
        return ""


def _facts(model: LibraryModel) -> list[str]:
    facts = [said for said in (kind_fact(model.kind), model.architecture) if said]
    if model.parameters:
        facts.append(tr("{parameters} parameters", parameters=human_parameters(model.parameters)))
    if model.quantization:
        bits = (
            tr(", {bits_per_weight} bits per weight", bits_per_weight=human_bits(model.bits_per_weight))
            if model.bits_per_weight
            else ""
        )
        facts.append(f"{model.quantization}{bits}")
    facts.append(
        human_bytes(model.size_bytes)
        + (tr(" in {files} parts", files=len(model.files)) if len(model.files) > 1 else "")
    )
    if model.context_length:
        facts.append(tr("trained for {context_length:,} tokens", context_length=model.context_length))
    return facts
