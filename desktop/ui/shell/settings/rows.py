"""What the pages of the settings are made of: cards, and a row for each option."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from desktop.core.words import tr
from desktop.store.options import Option
from desktop.store.settings import Changed
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.labels import plain_label
from desktop.ui.shell.settings.editors import editor_for
from desktop.ui.shell.settings.writer import OptionWriter
from desktop.ui.shell.theme import Theme, set_role

_WORDS_LEAST = 130  # pixels that label and explanation keep beside their control


class SettingsCard(QFrame):
    """A titled box of rows."""

    def __init__(self, name: str, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(title)
        set_role(self, "card")
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(14, 12, 14, 14)
        self.column.setSpacing(12)
        self.head = QHBoxLayout()
        self.head.addWidget(plain_label(f"{name}Title", "subtitle", title), 1)
        self.column.addLayout(self.head)

    def add_line(self, name: str, text: str = "", role: str = "") -> QLabel:
        """A line of words."""
        label = plain_label(name, role, text)
        self.column.addWidget(label)
        return label


class OptionRow(QWidget):
    """Label, explanation and control of one option, and the way back to its default when it was changed."""

    def __init__(self, option: Option[Any], options: OptionWriter, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.option = option
        self._options = options
        self.setObjectName(f"row_{option.key}")
        self._editor = editor_for(option, theme)
        words = QVBoxLayout()
        words.setSpacing(1)
        label = plain_label(f"label_{option.key}", text=option.label)
        label.setBuddy(self._editor)
        head = QHBoxLayout()
        head.addWidget(label, 1)
        words.addLayout(head)
        words.addWidget(plain_label(f"explanation_{option.key}", "muted", option.explanation))
        self._note = plain_label(f"note_{option.key}", "warn")
        self._problem = plain_label(f"problem_{option.key}", "bad")
        for line in (self._note, self._problem):
            words.addWidget(line)
            line.hide()
        self._reset = push_button(
            tr("Reset"),
            f"reset_{option.key}",
            tr("Back to the default"),
            spoken=tr("{label}: back to the default", label=option.label),
        )
        set_role(self._reset, "small")
        room = self._reset.sizePolicy()
        room.setRetainSizeWhenHidden(True)  # so that nothing moves under the mouse when it comes
        self._reset.setSizePolicy(room)
        self._reset.clicked.connect(self._put_back)
        head.addWidget(self._reset, 0, Qt.AlignmentFlag.AlignTop)
        held = QWidget()
        held.setMinimumWidth(_WORDS_LEAST)
        held.setLayout(words)
        words.setContentsMargins(0, 0, 0, 0)
        self._row = QHBoxLayout()
        self._row.addWidget(held, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(self._row)
        if self._editor.WIDE:
            column.addWidget(self._editor)
        else:
            self._row.addWidget(self._editor, 0, Qt.AlignmentFlag.AlignVCenter)
        self.setFocusProxy(self._editor)
        self._editor.edited.connect(self._put)
        self._editor.refused.connect(self._show_problem)
        options.changed.connect(self._changed)
        options.refused.connect(self._refused)
        self._show()

    def _put(self, value: Any) -> None:
        self._options.put(self.option, value)
        self._show()

    def _put_back(self) -> None:
        self._options.reset(self.option)
        self._show()

    def _changed(self, change: Changed) -> None:
        """It was changed elsewhere; what is put here is shown already, and may have been changed since."""
        if change.option is not self.option:
            return
        here = QApplication.focusWidget()
        if change.by is not self._options or here is None or not self.isAncestorOf(here):
            self._show()

    def _refused(self, option: Option[Any]) -> None:
        if option is self.option:
            self._show()

    def _show(self) -> None:
        self._editor.show_value(self._options.get(self.option))
        self._show_reset()
        variable, notes = self.option.overruled_by, []
        if variable:
            notes.append(tr("{variable} is set in the environment and goes before it.", variable=variable))
        if self.option.restart and not self._options.is_default(self.option):
            notes.append(tr("Counts from the next start on."))
        self._note.setText(" ".join(notes))
        self._note.setVisible(bool(notes))

    def _show_reset(self) -> None:
        self._reset.setVisible(not self._options.is_default(self.option))

    def _show_problem(self, words: str) -> None:
        self._problem.setText(words)
        self._problem.setVisible(bool(words))


class SettingsPane(QWidget):
    """One page: cards below each other. What it has to say goes out through the dialog."""

    def __init__(self, options: OptionWriter, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.options, self.theme = options, theme
        self.rows: dict[str, OptionRow] = {}
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(4, 4, 12, 12)
        self.column.setSpacing(12)

    def shown(self) -> None:
        """The page has come into view: ask what may have changed."""

    def add_card(self, name: str, title: str, shown: Sequence[Option[Any]] = ()) -> SettingsCard:
        """A card with a row for each of these options."""
        card = SettingsCard(name, title)
        for option in shown:
            row = OptionRow(option, self.options, self.theme)
            self.rows[option.key] = row
            card.column.addWidget(row)
        self.column.addWidget(card)
        return card
