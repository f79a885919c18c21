"""What the cards are made of in which another server or computer is added: fields, a button, and how it went."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFormLayout, QHBoxLayout, QLineEdit

from desktop.core.errors import HeftError
from desktop.core.text import visible_in_place
from desktop.core.words import tr
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.labels import plain_label
from desktop.ui.shell.settings.rows import SettingsCard
from desktop.ui.shell.theme import set_role

_FIELD_WIDTH = 340


class AddOther(SettingsCard):
    """Tells ``given``; whoever asks says how that went. What was typed stays until it was taken."""

    given = Signal(object)  # what was typed

    def __init__(self, prefix: str, title: str, fields: Sequence[tuple[str, QLineEdit]], tip: str, spoken: str) -> None:
        """``fields`` are words and fields below each other; object names begin with ``prefix``."""
        super().__init__(f"settingsAdd{prefix.capitalize()}", title)
        self._fields = [field for _, field in fields]
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        for words, field in fields:
            label = plain_label(f"{field.objectName()}Label", text=words, wraps=False)
            label.setBuddy(field)
            form.addRow(label, field)
            field.returnPressed.connect(self.give)
        self.column.addLayout(form)
        add = push_button(tr("Add"), f"{prefix}Add", tip, spoken=spoken, role="primary")
        add.clicked.connect(self.give)
        self.buttons = QHBoxLayout()
        self.buttons.addWidget(add)
        self.buttons.addStretch(1)
        self.column.addLayout(self.buttons)
        self._state = self.add_line(f"{prefix}AddState")
        self.asking = False
        self._tell("", "muted")

    def clear(self) -> None:
        """As if nothing had been typed."""
        for field in self._fields:
            field.clear()
        self.asking = False
        self._tell("", "muted")

    def show_asking(self) -> None:
        """It is being asked."""
        self.asking = True  # the button stays enabled: Qt takes the keyboard from one that is not
        self._tell(self.asking_words(), "muted")

    @abstractmethod
    def asking_words(self) -> str:
        """What goes on meanwhile."""

    def show_added(self, words: str, *, reachable: bool) -> None:
        """It was taken, whether it answers now or not."""
        self.clear()
        self._tell(words, "good" if reachable else "warn")

    def show_refused(self, error: HeftError) -> None:
        """It was not, and why."""
        self.asking = False
        self._tell(f"{error.message} {error.hint}".strip(), "bad")

    @abstractmethod
    def give(self) -> None:
        """Tell what was typed, where that is enough and nothing is being asked."""

    def _tell(self, words: str, role: str) -> None:
        self._state.setText(visible_in_place(words))
        self._state.setVisible(bool(words))
        set_role(self._state, role)


def typed_field(name: str, spoken: str, example: str, *, secret: bool = False) -> QLineEdit:
    """A field for such a card; a ``secret`` is not shown."""
    made = QLineEdit()
    made.setObjectName(name)
    made.setAccessibleName(spoken)
    made.setPlaceholderText(example)
    made.setMaximumWidth(_FIELD_WIDTH)
    if secret:
        made.setEchoMode(QLineEdit.EchoMode.Password)
    return made
