"""The editors of the sampling's fields, one for each kind of field."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QRegularExpression, Qt, Signal
from PySide6.QtGui import QRegularExpressionValidator
from PySide6.QtWidgets import QComboBox, QLineEdit, QPlainTextEdit, QWidget

from desktop.core.sampling_fields import MAX_SEED, SamplingField
from desktop.core.words import tr
from desktop.ui.chat.sampling_lists import ListEditor
from desktop.ui.shared.number_fields import DecimalField, WholeField
from desktop.ui.shared.wheel import leave_wheel
from desktop.ui.shell.theme import Theme, set_role

FIELD_WIDTH = 104
_TEXT_HEIGHT = 84
_UNKNOWN = "–"
_DECIMALS, _SHOWN_DECIMALS = 4, 2  # a model may recommend 0.005, which 0.01 is not


class _DecimalEditor(DecimalField):
    edited = Signal()
    _unknown = False

    def __init__(self, field: SamplingField) -> None:
        super().__init__(field.high, field.step, low=field.low, decimals=_DECIMALS)
        self._filling = False
        self.valueChanged.connect(lambda: None if self._filling else self.edited.emit())

    def show_unknown(self, unknown: bool) -> None:
        if unknown == self._unknown:
            return  # what is being typed stays as it is
        self._unknown = unknown
        self.lineEdit().setPlaceholderText(_UNKNOWN if unknown else "")
        self.setPrefix(self.prefix())  # writes its text anew

    def number(self) -> float:
        return round(self.value(), _DECIMALS)

    def put(self, value: Any) -> None:
        self._filling = True
        self.setValue(value)
        self._filling = False

    def textFromValue(self, value: float) -> str:
        """Two decimals, and more where the value has them; nothing where another server has its own."""
        if self._unknown:
            return ""
        whole, point, decimals = super().textFromValue(value).partition(".")
        return whole + point + decimals[:_SHOWN_DECIMALS] + decimals[_SHOWN_DECIMALS:].rstrip("0")


class _WholeEditor(WholeField):
    edited = Signal()
    _unknown = False

    def __init__(self, field: SamplingField) -> None:
        super().__init__(int(field.high), field.least, int(field.step), low=int(field.low))
        self._filling = False
        self.valueChanged.connect(lambda: None if self._filling else self.edited.emit())

    def show_unknown(self, unknown: bool) -> None:
        if unknown == self._unknown:
            return  # what is being typed stays as it is
        self._unknown = unknown
        self.lineEdit().setPlaceholderText(_UNKNOWN if unknown else "")
        self.setPrefix(self.prefix())

    def textFromValue(self, value: int) -> str:
        """Nothing where another server has its own."""
        return "" if self._unknown else super().textFromValue(value)

    def put(self, value: Any) -> None:
        self._filling = True
        self.setValue(value)
        self._filling = False


class _ChoiceEditor(QComboBox):
    edited = Signal()

    def __init__(self, field: SamplingField) -> None:
        super().__init__()
        self.addItems(field.choices)
        leave_wheel(self)
        self.activated.connect(lambda _row: self.edited.emit())

    def put(self, value: Any) -> None:
        self.setCurrentIndex(value)


class _SeedEditor(QLineEdit):
    """A seed, or empty for a fresh one each time."""

    edited = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setPlaceholderText(tr("random"))
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.setValidator(QRegularExpressionValidator(QRegularExpression(r"\d{0,10}"), self))
        self._filling = False
        self.textChanged.connect(lambda: None if self._filling else self.edited.emit())

    def seed(self) -> int | None:
        text = self.text()
        return min(int(text), MAX_SEED) if text else None

    def put(self, value: Any) -> None:
        self._filling = True
        self.setText("" if value is None else str(value))
        self._filling = False


class _TextEditor(QPlainTextEdit):
    """A grammar or a schema."""

    edited = Signal()

    def __init__(self, theme: Theme, field: SamplingField) -> None:
        super().__init__()
        self.setFont(theme.monospace)
        self.setTabChangesFocus(True)
        self.setFixedHeight(_TEXT_HEIGHT)
        self.setPlaceholderText(tr('{"type": "object"}') if field.kind == "json" else tr('root ::= "yes" | "no"'))
        self._filling = False
        self.textChanged.connect(lambda: None if self._filling else self.edited.emit())

    def put(self, value: Any) -> None:
        if value != self.toPlainText():
            self._filling = True
            self.setPlainText(value)
            self._filling = False


Editor = _DecimalEditor | _WholeEditor | _ChoiceEditor | _SeedEditor | _TextEditor | ListEditor


def object_name(field: SamplingField) -> str:
    """How a field's editor is called: ``topP``; its other parts begin so."""
    first, *others = field.name.split("_")
    return first + "".join(word.title() for word in others)


def editor_of(theme: Theme, field: SamplingField) -> Editor:
    """A field's editor, named after it."""
    made: Editor
    match field.kind:
        case "decimal":
            made = _DecimalEditor(field)
        case "whole":
            made = _WholeEditor(field)
        case "choice":
            made = _ChoiceEditor(field)
        case "seed":
            made = _SeedEditor()
        case "grammar" | "json":
            made = _TextEditor(theme, field)
        case "biases" | "strings":
            made = ListEditor(theme, field, object_name(field))
    made.setObjectName(object_name(field))
    made.setAccessibleName(field.label)
    if not is_wide(made):
        made.setFixedWidth(FIELD_WIDTH)
    return made


def is_wide(editor: Editor) -> bool:
    """Whether an editor takes a line of its own, below its label."""
    return isinstance(editor, _TextEditor | ListEditor)


def value_of(editor: Editor) -> Any:
    """What an editor says."""
    match editor:
        case _DecimalEditor():
            return editor.number()
        case _ChoiceEditor():
            return editor.currentIndex()
        case _SeedEditor():
            return editor.seed()
        case _TextEditor():
            return editor.toPlainText()
        case _:
            return editor.value()


def show_unknown(editor: Editor, unknown: bool) -> None:
    """A figure that another server decides is not known here; what is empty anyway says nothing false."""
    if isinstance(editor, _DecimalEditor | _WholeEditor):
        editor.show_unknown(unknown)
    elif isinstance(editor, _ChoiceEditor) and unknown:
        editor.setCurrentIndex(-1)


def show_unset(editor: QWidget, unset: bool) -> None:
    """What nobody set is greyed."""
    set_role(editor, "unset" if unset else "")
