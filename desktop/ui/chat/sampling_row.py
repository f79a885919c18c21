"""One field of the sampling: its label, where its value comes from, the way back to that, and its editor."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from desktop.core.sampling_defaults import SamplingSource, SourcedValue
from desktop.core.sampling_fields import SamplingField
from desktop.core.text import one_line, plain_tooltip
from desktop.core.units import human_count
from desktop.core.words import tr
from desktop.ui.chat.sampling_editors import editor_of, is_wide, object_name, show_unknown, show_unset, value_of
from desktop.ui.shared.labels import plain_label
from desktop.ui.shell.icons import icon
from desktop.ui.shell.theme import Theme, set_role

_RESET_WIDTH = 22
SOURCE_WORDS: dict[SamplingSource, str] = {
    "chat": tr("set here"),
    "model": tr("from the model"),
    "repository": tr("from its repository"),
    "heft": tr("Heft's default"),
    "server": tr("the server decides"),
}
_SHOWN: tuple[SamplingSource, ...] = (
    "chat",
    "model",
    "repository",
    "server",
)  # Heft's own are greyed, and that is enough
_LONGEST_VALUE = 40  # characters of a value within a sentence


class SamplingRow(QWidget):
    """``edited`` comes after the user changed the value, ``reset_asked`` when it is to come from elsewhere again."""

    edited = Signal()
    reset_asked = Signal()

    def __init__(self, theme: Theme, field: SamplingField) -> None:
        super().__init__()
        self.field = field
        self._theme = theme
        name = object_name(field)
        self._editor = editor_of(theme, field)
        self._label = QLabel(field.label)
        self._label.setBuddy(self._editor)
        self._label.setWordWrap(True)  # in a narrow window, between its words
        self._source = plain_label(f"{name}Source", "caption")
        self._source.hide()
        self._reset = QToolButton()
        self._reset.setObjectName(f"{name}Reset")
        self._reset.setProperty("role", "glyph")
        self._reset.setFixedWidth(_RESET_WIDTH)
        self._reset.setIconSize(QSize(14, 14))
        policy = self._reset.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # the fields stay below one another
        self._reset.setSizePolicy(policy)
        self._reset.hide()
        self._problem = plain_label(f"{name}Problem", "bad")
        self._problem.hide()
        self._lay_out()
        self._editor.edited.connect(self._edited)
        self._reset.clicked.connect(self.reset_asked)
        theme.changed.connect(self._paint_icon)
        self._paint_icon()

    def _lay_out(self) -> None:
        named = QHBoxLayout()
        named.setSpacing(0)
        named.addWidget(self._label, 1)
        named.addWidget(self._reset)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addLayout(named)
        words.addWidget(self._source)
        line = QHBoxLayout()
        line.setSpacing(4)
        line.addLayout(words, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addLayout(line)
        if is_wide(self._editor):
            column.addWidget(self._editor)
        else:
            line.addWidget(self._editor)
        column.addWidget(self._problem)

    @property
    def value(self) -> Any:
        """What the editor says."""
        return value_of(self._editor)

    def show_value(self, found: SourcedValue, otherwise: SourcedValue) -> None:
        """Show the value that counts; ``otherwise`` is what it would be if the chat did not set it. Emits nothing."""
        self._editor.put(found.value)
        self.show_source(found.source, otherwise)

    def show_source(self, source: SamplingSource, otherwise: SourcedValue) -> None:
        """Say where the value comes from."""
        chosen = source == "chat"
        self._source.setText(SOURCE_WORDS[source])
        self._source.setVisible(source in _SHOWN)
        self._reset.setVisible(chosen)
        value = "" if otherwise.source == "server" else f"{_words(self.field, otherwise.value)}: "
        back = (
            tr("Back to {value}{source_words}", value=value, source_words=SOURCE_WORDS[otherwise.source])
            if value
            else tr("Leave it to the server")
        )
        self._reset.setToolTip(plain_tooltip(back))
        self._reset.setAccessibleName(f"{self.field.label}: {back[0].lower()}{back[1:]}")
        show_unset(self._editor, not chosen)
        show_unknown(self._editor, source == "server")
        meaning = f"{self.field.explanation}\n{SOURCE_WORDS[source][0].upper()}{SOURCE_WORDS[source][1:]}."
        self._editor.setAccessibleDescription(meaning)
        self._editor.setToolTip(plain_tooltip(meaning))
        self._label.setToolTip(plain_tooltip(meaning))
        self._show_problem("")

    def take_focus(self) -> None:
        """The keyboard goes to the editor, where it was on the button that disappears."""
        if self._reset.hasFocus():
            self._editor.setFocus(Qt.FocusReason.OtherFocusReason)

    def block(self, words: str) -> None:
        """Keep an empty field from being filled, and say why; one that has a value is only told not to count."""
        self._editor.setEnabled(not words or bool(self.value))
        self._show_problem(words)

    def _show_problem(self, blocked: str) -> None:
        wrong = self.field.problem(self.value) if self.field.kind in ("grammar", "json") else ""
        words = tr("{wrong} It is not used.", wrong=wrong) if wrong else blocked
        self._problem.setText(words)
        set_role(self._problem, "bad" if wrong else "muted")
        self._problem.setVisible(bool(words))

    def _edited(self) -> None:
        self.edited.emit()

    def _paint_icon(self) -> None:
        self._reset.setIcon(icon(self._theme, "refresh", size=14))


def _words(field: SamplingField, value: Any) -> str:
    """A value in a sentence."""
    match field.kind:
        case "choice":
            return field.choices[int(value)]
        case "seed":
            return tr("random")
        case "whole":
            return field.least if field.least and value == field.low else human_count(value)
        case "decimal":
            return f"{max(value, field.low):g}"
        case _:
            return one_line(value, _LONGEST_VALUE) if value else tr("nothing")
