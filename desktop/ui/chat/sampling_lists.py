"""Editors of lists: stop strings, and texts with a bias; one line each, as many as are wanted."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QToolButton, QVBoxLayout, QWidget

from desktop.core.escapes import escaped, unescaped
from desktop.core.sampling_fields import LONGEST_STRING, MOST_STRINGS, SamplingField
from desktop.core.words import tr
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.number_fields import DecimalField
from desktop.ui.shell.icons import icon
from desktop.ui.shell.theme import Theme

_BIAS_WIDTH, _REMOVE_WIDTH = 84, 22
_FIRST_BIAS = -5.0  # felt, without forbidding anything


class _Line(QWidget):
    """One text, with its bias where the list has them."""

    edited = Signal()
    removed = Signal()

    def __init__(self, theme: Theme, field: SamplingField, name: str, *, biased: bool) -> None:
        super().__init__()
        self.text = QLineEdit()
        self.text.setObjectName(f"{name}Text")
        self.text.setAccessibleName(tr("{label}: text", label=field.label))
        self.text.setMaxLength(2 * LONGEST_STRING)  # a line break takes two of them
        self.text.setPlaceholderText("text")
        self.text.textChanged.connect(self.edited)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self.text, 1)
        self.bias: DecimalField | None = None
        if biased:
            self.bias = DecimalField(field.high, field.step, low=field.low, decimals=1)
            self.bias.setObjectName(f"{name}Bias")
            self.bias.setAccessibleName(tr("{label}: bias", label=field.label))
            self.bias.setFixedWidth(_BIAS_WIDTH)
            self.bias.setValue(_FIRST_BIAS)
            self.bias.valueChanged.connect(self.edited)
            row.addWidget(self.bias)
        self._theme = theme
        self._remove = remove = QToolButton()
        remove.setObjectName(f"{name}Remove")
        remove.setAccessibleName(tr("Remove this line"))
        remove.setToolTip(tr("Remove this line"))
        remove.setProperty("role", "glyph")
        remove.setIconSize(QSize(14, 14))
        remove.setFixedWidth(_REMOVE_WIDTH)
        remove.clicked.connect(self.removed)
        row.addWidget(remove)
        theme.changed.connect(self._paint_icon)
        self._paint_icon()

    def _paint_icon(self) -> None:
        self._remove.setIcon(icon(self._theme, "close", size=14))

    @property
    def value(self) -> Any:
        text = unescaped(self.text.text())[:LONGEST_STRING]
        return text if self.bias is None else (text, round(self.bias.value(), 2))

    def put(self, value: Any) -> None:
        text, bias = (value, None) if self.bias is None else value
        self.text.setText(escaped(text))
        self.text.setCursorPosition(0)
        if self.bias is not None and bias is not None:
            self.bias.setValue(bias)


class ListEditor(QWidget):
    """The lines of a list, and a button for one more; ``edited`` tells of the user's changes only."""

    edited = Signal()

    def __init__(self, theme: Theme, field: SamplingField, name: str) -> None:
        """``name`` begins the object names of its parts."""
        super().__init__()
        self._theme, self._field, self._name = theme, field, name
        self._lines: list[_Line] = []
        self._filling = False
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        words = tr("Add a text") if field.kind == "biases" else tr("Add a stop string")
        self._more = push_button(tr("Add"), f"{name}Add", words, spoken=words)
        self._more.clicked.connect(self._add_asked)
        self._column.addWidget(self._more, 0, Qt.AlignmentFlag.AlignLeft)
        self.setFocusProxy(self._more)

    def value(self) -> Any:
        """The lines that have a text."""
        return tuple(line.value for line in self._lines if line.text.text())

    def put(self, value: Any) -> None:
        """Show these; tells nothing."""
        if value == self.value():
            return
        self._filling = True
        while self._lines:
            self._take(self._lines[-1])
        for item in value:
            self._add().put(item)
        self._filling = False

    def _add(self) -> _Line:
        line = _Line(self._theme, self._field, self._name, biased=self._field.kind == "biases")
        line.edited.connect(self._tell)
        line.removed.connect(lambda: self._remove(line))
        self._column.insertWidget(len(self._lines), line)
        self._lines.append(line)
        line.show()  # now, not with the next event: the keyboard goes there
        self._more.setEnabled(len(self._lines) < MOST_STRINGS)
        return line

    def _add_asked(self) -> None:
        self._add().text.setFocus(Qt.FocusReason.OtherFocusReason)

    def _take(self, line: _Line) -> None:
        self._lines.remove(line)
        self._column.removeWidget(line)
        line.hide()
        line.deleteLater()
        self._more.setEnabled(True)

    def _remove(self, line: _Line) -> None:
        at = self._lines.index(line)
        self._take(line)
        near: QWidget = self._lines[min(at, len(self._lines) - 1)].text if self._lines else self._more
        near.setFocus(Qt.FocusReason.OtherFocusReason)
        self._tell()

    def _tell(self) -> None:
        if not self._filling:
            self.edited.emit()
