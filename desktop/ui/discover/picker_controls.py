"""What a person may turn: how to load (context, KV cache, GPU layers and more), what for, and on what machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from desktop.core.choice import Goal
from desktop.core.errors import UsageError
from desktop.core.hardware import Machine
from desktop.core.kv_quality import kv_quality
from desktop.core.load_settings import DEFAULT_CONTEXT, LOAD_FIELDS, LONGEST_CONTEXT, NOTHING_SET, KvType, LoadSettings
from desktop.core.speed import Speeds
from desktop.core.text import plain_tooltip
from desktop.core.words import tr
from desktop.services.discover.picker_records import Controls, Mark, VariantRow, View
from desktop.services.discover.tables import DataTables
from desktop.services.planning.words import beyond_training, kv_choice_words, kv_quality_words
from desktop.ui.discover.context_slider import ContextSlider
from desktop.ui.discover.machine_menu import MachineMenu
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.chosen_machine import ChosenMachine
from desktop.ui.shared.elided_label import ElidedLabel
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.load_fields import LoadFields, auto_words, decided_words, editor_of, limit_editor, value_of
from desktop.ui.shared.machine_words import machine_words
from desktop.ui.shared.tokens_field import TokensField
from desktop.ui.shared.wheel import leave_wheel
from desktop.ui.shell.theme import Theme, set_role

_GOALS: tuple[tuple[Goal, str, str], ...] = (
    ("balanced", tr("Balanced"), tr("The least loss that stays in the fastest memory")),
    ("quality", tr("Quality"), tr("The least loss that fits at all and answers at reading speed")),
    ("coding", tr("Coding"), tr("As Quality, with the context that code needs: 32,768 tokens unless you set another")),
    ("speed", tr("Speed"), tr("The fastest whose loss is not yet noticeable")),
)
_NARROW, _NARROWEST = 640, 420  # pixels below which the context gets a line of its own; the least there may be
_USUAL_KV: tuple[KvType, ...] = ("q8_0", "q4_0")
_FIELDS = {field.name: field for field in LOAD_FIELDS}
_SHOWN_FIRST = ("context", "cache_type_k", "gpu_layers")
_NOT_WEIGHED = ("speculation", "draft", "devices")  # of a model that is here, with another beside it
_MORE = tuple(field for field in LOAD_FIELDS if field.name not in (*_SHOWN_FIRST, *_NOT_WEIGHED))


class PickerControls(QWidget):
    """Tells :attr:`changed` with the new :class:`Controls`, also while the slider moves.

    The field "KV cache" is that of the keys; the values follow it until they get a type of their own under "More".
    """

    changed = Signal(object)  # Controls
    machine_set = Signal(object)  # Machine, None for this computer
    sizes_wanted = Signal()
    profile_wanted = Signal()

    def __init__(self, theme: Theme, tables: DataTables, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("pickerControls")
        self._machine: Machine | None = None
        self._browsing = NOTHING_SET  # what was set for no model in particular
        self._remembered = False  # what is shown was set for the models of this repo
        self._devices: str | None = None  # has no field: shared with another computer, or as it was remembered
        self._trained = 0
        self._silent = False
        self._slider = ContextSlider(theme)
        self._exact = TokensField(0, LONGEST_CONTEXT, 1024, auto_words())
        self._exact.setObjectName("contextExact")
        self._exact.setAccessibleName(tr("Context length in tokens"))
        self._exact.setToolTip(tr("Such as 32768, 32k or 1M; auto leaves it to Heft"))
        self._kv = editor_of(_FIELDS["cache_type_k"])
        self._kv.setObjectName("kvType")
        self._kv.setAccessibleName(tr("KV cache type"))
        self._kv.setToolTip(plain_tooltip(_kv_tooltip(None)))
        self._layers = editor_of(_FIELDS["gpu_layers"])
        self._layers.setObjectName("gpuLayers")
        self._layers.setAccessibleName(tr("Layers on the GPU"))
        self._layers.setToolTip(tr("Auto: as many as fit"))
        self._goal = QComboBox()
        self._goal.setObjectName("goal")
        self._goal.setAccessibleName(tr("Goal"))
        for goal, word, tip in _GOALS:
            self._goal.addItem(word, goal)
            self._goal.setItemData(self._goal.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self._more = LoadFields(_MORE)
        self._more.setObjectName("pickerMore")
        self._more.hide()
        self._open_more = push_button(
            tr("More ▾"), "pickerOpenMore", spoken=tr("More of how it is loaded"), role="small"
        )
        self._open_more.setCheckable(True)
        self._problem = plain_label("pickerProblem", "warn")
        self._problem.setMinimumWidth(1)
        self._problem.hide()
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
        self._kv.edited.connect(self._tell)
        self._layers.edited.connect(self._tell)
        self._more.changed.connect(self._tell)
        self._open_more.toggled.connect(self._show_more)
        self._goal.currentIndexChanged.connect(lambda _: self._tell())
        self._menu.machine_chosen.connect(self.set_machine)
        self._menu.profile_wanted.connect(self.profile_wanted)
        self._menu.sizes_wanted.connect(self.sizes_wanted)

    @property
    def controls(self) -> Controls:
        """As they stand."""
        return Controls(self._load, cast(Goal, self._goal.currentData()), self._machine)

    @property
    def _load(self) -> LoadSettings:
        more, keys = self._more.settings, value_of(self._kv)
        return replace(
            more,
            context=self._exact.value() or None,
            cache_type_k=keys,
            cache_type_v=more.cache_type_v or keys,
            gpu_layers=value_of(self._layers),
            devices=self._devices,
        )

    def use_devices(self, devices: str) -> None:
        """Weigh on these devices, "" for those of this computer, as Heft chooses them."""
        self._devices = devices or None
        self._tell()

    def show_remembered(self, remembered: LoadSettings) -> None:
        """Another repo: show how its models were set up before, else what was set last for no model in particular.

        Layers and devices belong to the model that they were set for.
        """
        if not self._remembered:
            self._browsing = replace(self._load, gpu_layers=None, cpu_expert_layers=None, devices=None)
        self._remembered = not remembered.unset
        before = self.controls
        self._put(remembered if self._remembered else self._browsing)
        if self.controls != before:
            self._tell()

    def prefer(self, goal: Goal, context: int | None) -> None:
        """What the next repo is looked at for; a context that was set for its models stays."""
        self._goal.setCurrentIndex(self._goal.findData(goal))
        self._exact.setValue(context or 0)

    def set_model(self, longest: int) -> None:
        """Another model, and its longest context in tokens; as many of its layers as fit are on the GPU.

        What was turned for the model before and is too long for this one is told as a change; what was set for this
        one stays, whatever it was trained for.
        """
        before, self._silent = self.controls, True
        if not self._remembered:
            self._layers.put(None)
            self._exact.setValue(min(self._exact.value(), longest))
        self._limit(longest)
        self._silent = False
        if self.controls != before:
            self._tell()

    def set_longest(self, longest: int) -> None:
        """More was read of the model, or of others in its repo: what was turned stays."""
        self._silent = True
        self._limit(longest)
        self._silent = False

    def _limit(self, longest: int) -> None:
        self._trained = longest
        self._slider.set_longest(longest)
        self._slider.set_context(self._exact.value() or min(DEFAULT_CONTEXT, longest))
        self._say()

    def _put(self, load: LoadSettings) -> None:
        self._silent = True
        self._exact.setValue(load.context or 0)
        self._devices = load.devices
        self._kv.put(load.cache_type_k)
        self._layers.put(load.gpu_layers)
        own = load.cache_type_v if load.cache_type_v != load.cache_type_k else None
        self._more.set_settings(replace(load, cache_type_v=own))
        self._slider.set_context(load.context or DEFAULT_CONTEXT)
        self._silent = False
        self._show_greyed()

    def set_marks(self, marks: Sequence[Mark]) -> None:
        """Where variants stop fitting."""
        self._slider.set_marks(marks)

    def show_machine(self, view: View) -> None:
        """What the figures hold for."""
        if view.machine is not None:
            self._on.set_whole_text(machine_words(view.machine))

    def show_row(self, row: VariantRow | None) -> None:
        """What Heft decides for the variant in view where a field is unset."""
        plan = row.plan if row is not None else None
        self._silent = True
        self._exact.setSpecialValueText(auto_words(decided_words(_FIELDS["context"], plan)))
        for name, editor in (("cache_type_k", self._kv), ("gpu_layers", self._layers)):
            editor.show_decided(decided_words(_FIELDS[name], plan))
            limit_editor(editor, _FIELDS[name], plan)
        self._kv.setToolTip(plain_tooltip(_kv_tooltip(plan.speeds if plan is not None else None)))
        self._layers_word.setEnabled(self._layers.isEnabled())
        self._more.show_plan(plan)
        self._silent = False

    def show_progress(self, words: str) -> None:
        """What goes on in the background; "" when all is settled."""
        self._busy.set_whole_text(words)

    def set_machine(self, machine: Machine | None) -> None:
        """Weigh on another machine; None is this computer."""
        if machine is self._machine:
            return
        self._machine = machine
        self.machine_set.emit(machine)
        self._menu.setText(tr("what if… ▾") if machine is None else tr("not this computer ▾"))
        self._tell()

    def share(self, chosen: ChosenMachine, page: QWidget) -> None:
        """The machine of "what if" is one for all pages; what it is asked by lies over ``page``."""
        self.profile_wanted.connect(lambda: chosen.ask_profile(page))
        self.sizes_wanted.connect(lambda: chosen.ask_sizes(page))
        self.machine_set.connect(chosen.choose)
        chosen.changed.connect(lambda: self.set_machine(chosen.machine))
        self.set_machine(chosen.machine)

    def _build(self) -> None:
        leave_wheel(self._slider, self._goal)
        self._context = QWidget()
        context = QHBoxLayout(self._context)
        context.setContentsMargins(0, 0, 0, 0)
        context.setSpacing(8)
        context.addWidget(self._slider, 1)
        context.addWidget(self._exact)
        self._grid = grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(2)
        context_word, kv_word, self._layers_word, goal_word = words = [
            QLabel(word) for word in (tr("Context"), tr("KV cache"), tr("GPU layers"), tr("Goal"))
        ]
        for label in words:
            set_role(label, "muted")
        head = QWidget()
        beside = QHBoxLayout(head)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.addWidget(context_word, 1)
        beside.addWidget(self._open_more)
        self._heads: tuple[QWidget, ...] = (head, kv_word, self._layers_word, goal_word)
        self._arrange(narrow=False)
        on = QLabel(tr("On"))
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
        lines.addWidget(self._more)
        lines.addWidget(self._problem)
        self._slider.set_longest(DEFAULT_CONTEXT)
        self._show_greyed()

    def _arrange(self, *, narrow: bool) -> None:
        """All in one line, or the context above the others."""
        self._narrow, grid = narrow, self._grid
        fields = (self._context, self._kv, self._layers, self._goal)
        for column, (label, field) in enumerate(zip(self._heads, fields, strict=True)):
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

    def _show_more(self, more: bool) -> None:
        self._more.setVisible(more)
        self._open_more.setText(tr("Less ▴") if more else tr("More ▾"))

    def _slid(self, tokens: int) -> None:
        self._silent = True
        self._exact.setValue(tokens)
        self._silent = False
        self._tell()

    def _typed(self, tokens: int) -> None:
        if not self._silent:
            self._slider.set_context(tokens or min(DEFAULT_CONTEXT, self._trained or DEFAULT_CONTEXT))
            self._tell()

    def _tell(self) -> None:
        if self._silent:
            return
        self._show_greyed()
        if self._say():
            self.changed.emit(self.controls)

    def _show_greyed(self) -> None:
        set_role(self._exact, "" if self._exact.value() else "unset")

    def _say(self) -> bool:
        """Say what is odd about what is set; False where no engine can do it, which is not weighed."""
        words, possible = beyond_training(self._exact.value(), self._trained), True
        try:
            self._load.checked()
        except UsageError as error:
            words, possible = f"{error.message} {error.hint}", False
        self._problem.setText(words)
        self._problem.setVisible(bool(words))
        return possible


def _kv_tooltip(speeds: Speeds | None) -> str:
    """What the usual types take and cost, in quality and, where that is known, in speed."""
    costs = (kv_quality_words(kv_quality((kind, kind))) for kind in _USUAL_KV)
    memory, quicker = tr("q8_0 takes about half of the memory of f16, q4_0 about a quarter."), kv_choice_words(speeds)
    return "\n".join(words for words in (memory, quicker, *costs) if words)
