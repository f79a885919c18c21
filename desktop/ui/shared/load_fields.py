"""The fields of how a model is loaded, made from their declarations: what is unset shows greyed what Heft decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QGridLayout, QLabel, QLineEdit, QWidget

from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LEAST_BATCH, LOAD_FIELDS, MOST_BATCH, NOTHING_SET, LoadField, LoadSettings
from desktop.core.text import plain_tooltip
from desktop.core.words import tr
from desktop.services.planning.words import kv_choice_words
from desktop.ui.shared.number_fields import WholeField
from desktop.ui.shared.tokens_field import ContextChoice
from desktop.ui.shared.wheel import leave_wheel
from desktop.ui.shell.theme import set_role

AUTO, NO_GPU = "auto", tr("no GPU")
NOTHING_NAMED = "none"
_COLUMN_WIDTH = 250  # pixels that a field with its label takes
_EDITOR_WIDTH = 132
_NARROWEST = 210  # pixels
_MOST = 999  # layers or threads, while nothing says how many there are
_LIMITS = {"threads": (0, _MOST), "slots": (0, _MOST), "batch": (LEAST_BATCH - 1, MOST_BATCH)}  # from what is unset


def auto_words(decided: str = "") -> str:
    """What an unset field shows: that Heft decides, and what it decided."""
    if decided == NO_GPU:
        return decided
    return f"{AUTO} · {decided}" if decided else AUTO


class _ContextEditor(ContextChoice):
    edited = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.activated.connect(self._tell)

    @property
    def value(self) -> int | None:
        return self.length or None

    def put(self, value: Any) -> None:
        self.offer(value or 0)
        _grey(self, self.value is None)

    def show_decided(self, words: str) -> None:
        self.set_auto_word(auto_words(words))

    def _tell(self) -> None:
        _grey(self, self.value is None)
        self.edited.emit()


class _ChoiceEditor(QComboBox):
    """A value of few. ``auto`` among them is the same as unset."""

    edited = Signal()

    def __init__(self, field: LoadField) -> None:
        super().__init__()
        self.addItem(AUTO, None)
        for choice in field.choices:
            if choice != AUTO:
                self.addItem(choice, choice)
        leave_wheel(self)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.currentIndexChanged.connect(self._changed)
        self._filling = False
        _grey(self, True)

    @property
    def value(self) -> str | None:
        found: str | None = self.currentData()
        return found

    def put(self, value: Any) -> None:
        self._filling = True
        if value is not None and self.findData(value) < 0:
            self.addItem(str(value), value)
        self.setCurrentIndex(max(0, self.findData(value)))
        self._filling = False

    def offer(self, choices: Sequence[Choice]) -> None:
        """Other values to choose among; the one that is set stays."""
        value, self._filling = self.value, True
        while self.count() > 1:
            self.removeItem(1)
        for words, choice, tip in choices:
            self.addItem(words, choice)
            self.setItemData(self.count() - 1, plain_tooltip(tip), Qt.ItemDataRole.ToolTipRole)
        self.put(value)

    def show_decided(self, words: str) -> None:
        self.setItemText(0, auto_words(words if words != AUTO else ""))

    def _changed(self) -> None:
        _grey(self, self.value is None)
        if not self._filling:
            self.edited.emit()


class _NumberEditor(WholeField):
    edited = Signal()

    def __init__(self, low: int, most: int) -> None:
        """``low`` is what stands for unset, one below the least that can be set."""
        super().__init__(most, AUTO, low=low)
        self.setKeyboardTracking(False)  # what is half typed is not what is meant
        self._filling = False
        self.valueChanged.connect(self._changed)
        self.setValue(low)
        _grey(self, True)

    @property
    def number(self) -> int | None:
        return self.value() if self.value() > self.minimum() else None

    def put(self, value: Any) -> None:
        self._filling = True
        if value is not None and value > self.maximum():
            self.setMaximum(value)
        self.setValue(self.minimum() if value is None else value)
        self._filling = False

    def show_decided(self, words: str) -> None:
        self.setSpecialValueText(auto_words(words))

    def _changed(self) -> None:
        _grey(self, self.number is None)
        if not self._filling:
            self.edited.emit()


class _TextEditor(QLineEdit):
    """What is typed counts when it is done."""

    edited = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._kept = ""
        self.editingFinished.connect(self._changed)
        _grey(self, True)

    @property
    def words(self) -> str | None:
        return self.text().strip() or None

    def put(self, value: Any) -> None:
        self._kept = value or ""
        self.setText(self._kept)
        _grey(self, not self._kept)

    def show_decided(self, words: str) -> None:
        self.setPlaceholderText(words or NOTHING_NAMED)

    def _changed(self) -> None:
        _grey(self, self.words is None)
        if (self.words or "") != self._kept:  # leaving the field tells of it too
            self._kept = self.words or ""
            self.edited.emit()


Choice = tuple[str, str, str]  # its words, its value, and more about it
Editor = _ContextEditor | _ChoiceEditor | _NumberEditor | _TextEditor


def editor_of(field: LoadField, *, offered: bool = False) -> Editor:
    """A field's editor, named after it; ``offered``: its values are chosen, among those that are offered later."""
    made: Editor
    if field.name == "context":
        made = _ContextEditor()
    elif field.choices or offered:
        made = _ChoiceEditor(field)
        if offered:
            made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    elif field.metavar:
        made = _TextEditor()
    else:
        made = _NumberEditor(*_LIMITS.get(field.name, (-1, _MOST)))
    made.setObjectName("load" + field.name.title().replace("_", ""))
    made.setAccessibleName(field.label)
    made.setAccessibleDescription(field.explanation)
    made.setToolTip(plain_tooltip(field.explanation))
    return made


def value_of(editor: Editor) -> Any:
    """What an editor says; None: unset."""
    if isinstance(editor, _TextEditor):
        return editor.words
    return editor.number if isinstance(editor, _NumberEditor) else editor.value


@dataclass(frozen=True)
class _Line:
    field: LoadField
    label: QLabel
    editor: Editor


class LoadFields(QWidget):
    """Label and editor for each field, in as many columns as there is room for. ``changed`` tells of the user's
    changes only.
    """

    changed = Signal()

    def __init__(
        self, fields: Sequence[LoadField] = LOAD_FIELDS, parent: QWidget | None = None, *, offered: Sequence[str] = ()
    ) -> None:
        """``offered`` are the names of fields whose values are chosen among those of :meth:`offer`."""
        super().__init__(parent)
        self.setObjectName("loadFields")
        self._rest = NOTHING_SET  # what the fields here do not show
        self._columns = 0
        self._experts, self._gpus = False, 0
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(4)
        self._lines = tuple(self._line(field, field.name in offered) for field in fields)
        self._arrange(1)

    def _line(self, field: LoadField, offered: bool) -> _Line:
        editor = editor_of(field, offered=offered)
        editor.setParent(self)
        editor.setFixedWidth(_EDITOR_WIDTH)
        editor.edited.connect(self.changed)
        label = QLabel(field.label, self)
        label.setBuddy(editor)
        label.setToolTip(plain_tooltip(field.explanation))
        label.setMinimumWidth(max(map(label.fontMetrics().horizontalAdvance, field.label.split())) + 1)
        label.setWordWrap(True)
        return _Line(field, label, editor)

    @property
    def settings(self) -> LoadSettings:
        """What is set."""
        shown = {line.field.name: value_of(line.editor) for line in self._lines}
        return LoadSettings(**{**_as_fields(self._rest), **shown})

    def set_settings(self, settings: LoadSettings) -> None:
        """Show settings; tells nothing."""
        self._rest = settings
        for line in self._lines:
            line.editor.put(getattr(settings, line.field.name))
        self._arrange(self._columns, again=True)

    def offer(self, name: str, choices: Sequence[Choice]) -> None:
        """Let a field's value be chosen among these."""
        for line in self._lines:
            if line.field.name == name and isinstance(line.editor, _ChoiceEditor):
                line.editor.offer(choices)

    def show_plan(self, plan: LoadPlan | None, gpus: int | None = None) -> None:
        """Say what Heft decides where a field is unset; only models of experts have fields for them, and only computers
        with graphics devices those that say how they are used. ``gpus`` are those that are used, None: all there are.
        """
        for line in self._lines:
            line.editor.show_decided(decided_words(line.field, plan))
            limit_editor(line.editor, line.field, plan)
        experts, gpus = plan is not None and plan.experts > 0, _gpus(plan) if gpus is None else gpus
        if (experts, gpus) != (self._experts, self._gpus):
            self._experts, self._gpus = experts, gpus
            self._arrange(self._columns, again=True)

    def _matters(self, line: _Line) -> bool:
        """Whether a field says anything here; one that is set stays, so that it can be unset."""
        if value_of(line.editor) is not None:
            return True
        return (self._experts or not line.field.experts) and self._gpus >= line.field.gpus

    def minimumSizeHint(self) -> QSize:
        """As narrow as one column."""
        return QSize(_NARROWEST, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """As many columns as fit."""
        super().resizeEvent(event)
        self._arrange(max(1, event.size().width() // _COLUMN_WIDTH))

    def _arrange(self, columns: int, *, again: bool = False) -> None:
        if columns == self._columns and not again:
            return
        before, self._columns = self._columns, columns
        self._grid.setRowStretch(len(self._lines), 1)
        there = [line for line in self._lines if self._matters(line)]
        tall = -(-len(there) // columns)
        for column in range(max(before, columns)):
            self._grid.setColumnStretch(2 * column, 1 if column < columns else 0)
        for line in self._lines:
            line.label.setVisible(line in there)
            line.editor.setVisible(line in there)
        for at, line in enumerate(there):
            self._grid.addWidget(line.label, at % tall, 2 * (at // tall))
            self._grid.addWidget(line.editor, at % tall, 2 * (at // tall) + 1)


def _gpus(plan: LoadPlan | None) -> int:
    """Graphics devices that a plan knows of, used or not."""
    if plan is None or plan.fit is None:
        return 0
    return sum(bool(pool.device) for pool in plan.fit.pools) + len(plan.fit.aside)


def decided_words(field: LoadField, plan: LoadPlan | None) -> str:
    """What Heft decided for a field, as it is shown where nothing is set; "" where nothing is known."""
    if plan is None:
        return ""
    value = getattr(plan.settings, field.name)
    if field.name == "gpu_layers":
        return NO_GPU if plan.fit is not None and not _has_gpu(plan) else f"{value:,}" if plan.fit else ""
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else str(value)


def limit_editor(editor: Editor, field: LoadField, plan: LoadPlan | None) -> None:
    """How much may be set, where the plan says so, and what a cache's type means for the speed here; without a GPU
    there are no layers to put on it.
    """
    if field.name in ("cache_type_k", "cache_type_v"):
        said = (field.explanation, kv_choice_words(plan.speeds if plan is not None else None))
        editor.setToolTip(plain_tooltip("\n".join(words for words in said if words)))
    if isinstance(editor, _ContextEditor):
        editor.set_trained(plan.trained_context if plan is not None else 0)
    if plan is None or plan.fit is None or not isinstance(editor, _NumberEditor):
        return
    if field.name in ("gpu_layers", "cpu_expert_layers"):
        editor.setMaximum(max(plan.fit.layers, editor.value(), 0))
    if field.name == "gpu_layers":
        editor.setEnabled(_has_gpu(plan))


def _has_gpu(plan: LoadPlan) -> bool:
    return _gpus(plan) > 0


def _as_fields(settings: LoadSettings) -> dict[str, Any]:
    return {field.name: getattr(settings, field.name) for field in LOAD_FIELDS}


def _grey(editor: QWidget, unset: bool) -> None:
    set_role(editor, "unset" if unset else "")
    if isinstance(editor, QComboBox) and (inside := editor.lineEdit()) is not None:
        set_role(inside, "unset" if unset else "")
