"""What a person may turn: context, KV type, layers on the GPU, goal and machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from desktop.core.choice import Goal
from desktop.core.hardware import Machine
from desktop.core.load_settings import KV_TYPES, KvType
from desktop.services.discover.picker_records import Controls, Mark, View
from desktop.services.discover.tables import DataTables
from desktop.ui.discover.context_slider import SMALLEST, ContextSlider
from desktop.ui.discover.machine_menu import MachineMenu, machine_words
from desktop.ui.shared.elided_label import ElidedLabel
from desktop.ui.shared.number_fields import WholeField
from desktop.ui.shared.tokens_field import LONGEST_CONTEXT, TokensField
from desktop.ui.shared.wheel import leave_wheel
from desktop.ui.shell.theme import Theme, set_role

_GOALS: tuple[tuple[Goal, str, str], ...] = (
    ("balanced", "Balanced", "The least loss that stays in the fastest memory"),
    ("quality", "Quality", "The least loss that fits at all and answers at reading speed"),
    ("speed", "Speed", "The fastest whose loss is not yet noticeable"),
)
DEFAULT_CONTEXT = 8192
# The usual ones first; every type the engine takes is there.
_KV_TYPES = ("f16", "q8_0", "q4_0", *(kind for kind in KV_TYPES if kind not in ("f16", "q8_0", "q4_0")))
_NARROW, _NARROWEST = 640, 420  # pixels below which the context gets a line of its own; the least there may be


class PickerControls(QWidget):
    """Tells :attr:`changed` with the new :class:`Controls`, also while the slider moves."""

    changed = Signal(object)  # Controls
    profile_wanted = Signal()

    def __init__(self, theme: Theme, tables: DataTables, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("pickerControls")
        self._machine: Machine | None = None
        self._silent = False
        self._slider = ContextSlider(theme)
        self._exact = TokensField(SMALLEST, LONGEST_CONTEXT, 1024)
        self._exact.setObjectName("contextExact")
        self._exact.setAccessibleName("Context length in tokens")
        self._exact.setToolTip("Such as 32768, 32k or 1M")
        self._kv = QComboBox()
        self._kv.setObjectName("kvType")
        self._kv.setAccessibleName("KV cache type")
        self._kv.setToolTip("q8_0 halves the memory of the context at hardly any loss; q4_0 quarters it at some")
        self._kv.addItems(_KV_TYPES)
        self._layers = WholeField(0, "auto", low=-1)
        self._layers.setObjectName("gpuLayers")
        self._layers.setAccessibleName("Layers on the GPU")
        self._layers.setToolTip("Auto: as many as fit")
        self._layers.setValue(-1)
        self._goal = QComboBox()
        self._goal.setObjectName("goal")
        self._goal.setAccessibleName("Goal")
        for goal, word, tip in _GOALS:
            self._goal.addItem(word, goal)
            self._goal.setItemData(self._goal.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self._on = ElidedLabel()
        self._on.setObjectName("machineName")
        set_role(self._on, "subtitle")
        self._menu = MachineMenu(tables)
        self._busy = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self._busy.setObjectName("repoBusy")
        self._busy.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._busy.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        set_role(self._busy, "muted")
        self._build()
        self._slider.context_changed.connect(self._slid)
        self._exact.valueChanged.connect(self._typed)
        self._kv.currentIndexChanged.connect(lambda _: self._tell())
        self._layers.valueChanged.connect(lambda _: self._tell())
        self._goal.currentIndexChanged.connect(lambda _: self._tell())
        self._menu.machine_chosen.connect(self.set_machine)
        self._menu.profile_wanted.connect(self.profile_wanted)

    @property
    def controls(self) -> Controls:
        """As they stand."""
        return Controls(
            context=self._exact.value(),
            kv_type=cast(KvType, self._kv.currentText()),
            gpu_layers=None if self._layers.value() < 0 else self._layers.value(),
            goal=cast(Goal, self._goal.currentData()),
            machine=self._machine,
        )

    def set_model(self, longest: int, layers: int) -> None:
        """Another model: its longest context, and its layers with the output, of which as many as fit are taken.

        What was turned for the model before and is too long for this one is told as a change.
        """
        before, self._silent = self.controls, True
        self._limit(longest, layers)
        self._layers.setValue(-1)
        self._silent = False
        if self.controls != before:
            self._tell()

    def set_limits(self, longest: int, layers: int) -> None:
        """More was read of the model, or of others in its repo: what was turned stays as far as it may."""
        before, self._silent = self.controls, True
        self._limit(longest, layers)
        self._silent = False
        if self.controls != before:
            self._tell()

    def _limit(self, longest: int, layers: int) -> None:
        self._exact.setMaximum(max(SMALLEST, longest))
        self._slider.set_longest(longest)
        self._slider.set_context(self._exact.value())
        self._layers.setMaximum(layers)

    def set_marks(self, marks: Sequence[Mark]) -> None:
        """Where variants stop fitting."""
        self._slider.set_marks(marks)

    def show_machine(self, view: View) -> None:
        """What the figures hold for."""
        if view.machine is not None:
            self._on.set_whole_text(machine_words(view.machine))
        has_gpu = len(view.pools) > 1
        self._layers.setEnabled(has_gpu)
        self._layers_word.setEnabled(has_gpu)

    def show_progress(self, words: str) -> None:
        """What goes on in the background; "" when all is settled."""
        self._busy.set_whole_text(words)

    def set_machine(self, machine: Machine | None) -> None:
        """Weigh on another machine; None is this computer."""
        self._machine = machine
        self._menu.setText("what if… ▾" if machine is None else "not this computer ▾")
        self._tell()

    def _build(self) -> None:
        self._layers.setAlignment(Qt.AlignmentFlag.AlignRight)
        leave_wheel(self._slider, self._kv, self._layers, self._goal)
        self._context = QWidget()
        context = QHBoxLayout(self._context)
        context.setContentsMargins(0, 0, 0, 0)
        context.setSpacing(8)
        context.addWidget(self._slider, 1)
        context.addWidget(self._exact)
        self._grid = grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(2)
        self._labels = [QLabel(word) for word in ("Context", "KV cache", "GPU layers", "Goal")]
        for label in self._labels:
            set_role(label, "muted")
        self._layers_word = self._labels[2]
        self._arrange(narrow=False)
        on = QLabel("On")
        set_role(on, "muted")
        machine = QHBoxLayout()
        machine.setSpacing(8)
        machine.addWidget(on)
        machine.addWidget(self._on)
        machine.addWidget(self._menu)
        machine.addWidget(self._busy, 1)  # here it comes and goes without moving anything
        lines = QVBoxLayout(self)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.setSpacing(8)
        lines.addLayout(grid)
        lines.addLayout(machine)
        self._exact.setValue(DEFAULT_CONTEXT)
        self._slider.set_longest(DEFAULT_CONTEXT)

    def _arrange(self, *, narrow: bool) -> None:
        """All in one line, or the context above the others."""
        self._narrow, grid = narrow, self._grid
        fields = (self._context, self._kv, self._layers, self._goal)
        for column, (label, field) in enumerate(zip(self._labels, fields, strict=True)):
            line = 2 if narrow and column else 0
            at = column - 1 if narrow and column else column
            wide = 4 if narrow and not column else 1
            grid.addWidget(label, line, at, 1, wide)
            grid.addWidget(field, line + 1, at, 1, wide)
        grid.setColumnStretch(0, 0 if narrow else 1)
        grid.setColumnStretch(3, 1 if narrow else 0)

    def minimumSizeHint(self) -> QSize:
        """As narrow as it can be arranged."""
        return QSize(_NARROWEST, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another arrangement where there is little room."""
        super().resizeEvent(event)
        narrow = event.size().width() < _NARROW
        if narrow != self._narrow:
            self._arrange(narrow=narrow)

    def _slid(self, tokens: int) -> None:
        self._silent = True
        self._exact.setValue(tokens)
        self._silent = False
        self._tell()

    def _typed(self, tokens: int) -> None:
        if not self._silent:
            self._slider.set_context(tokens)
            self._tell()

    def _tell(self) -> None:
        if not self._silent:
            self.changed.emit(self.controls)
