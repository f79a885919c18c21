"""The card in which another server is named: its address, its key, and what it is to be called."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFormLayout, QHBoxLayout, QLineEdit

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.text import visible_in_place
from desktop.core.words import tr
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.labels import plain_label
from desktop.ui.shell.settings.rows import SettingsCard
from desktop.ui.shell.theme import set_role

_FIELD_WIDTH = 340
_EXAMPLE = "http://studio.local:8080"


@dataclass(frozen=True)
class NamedServer:
    """What was typed. ``in_clear``: said twice, knowing that it goes through a foreign network in plain text."""

    url: str
    key: str
    name: str
    in_clear: bool = False


class AddServer(SettingsCard):
    """Tells ``given``; whoever asks the server says how that went. What was typed stays until it was taken."""

    given = Signal(object)  # NamedServer

    def __init__(self) -> None:
        super().__init__("settingsAddServer", tr("Add a server"))
        self._url = _field("serverUrl", tr("Address of the server"), _EXAMPLE)
        self._key = _field("serverKey", tr("Key of the server"), tr("none, if it asks for none"))
        self._key.setEchoMode(QLineEdit.EchoMode.Password)
        self._name = _field("serverName", tr("Name of the server"), tr("studio, for studio.local"))
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        for words, field in ((tr("Address"), self._url), (tr("Key"), self._key), (tr("Name"), self._name)):
            label = plain_label(f"{field.objectName()}Label", text=words, wraps=False)
            label.setBuddy(field)
            form.addRow(label, field)
            field.returnPressed.connect(self._give)
        self.column.addLayout(form)
        tip = tr("Ask the server what it offers, and keep it; its key goes into the keyring, else into a file of yours")
        self._add = push_button(tr("Add"), "serverAdd", tip, spoken=tr("Add the server"), role="primary")
        self._all_the_same = push_button(
            tr("Add all the same"), "serverAddInClear", tr("Key and chats can then be read by everyone on the way")
        )
        self._add.clicked.connect(self._give)
        self._all_the_same.clicked.connect(lambda: self._give(in_clear=True))
        row = QHBoxLayout()
        row.addWidget(self._add)
        row.addWidget(self._all_the_same)
        row.addStretch(1)
        self.column.addLayout(row)
        self._state = self.add_line("serverAddState")
        self._url.textEdited.connect(self._all_the_same.hide)  # the question was about another address
        self._asking = False
        self.clear()

    def clear(self) -> None:
        """As if nothing had been typed."""
        for field in (self._url, self._key, self._name):
            field.clear()
        self._asking = False
        self._tell("", "muted")
        self._all_the_same.hide()

    def show_asking(self) -> None:
        """The server is being asked."""
        self._asking = True  # the button stays enabled: Qt takes the keyboard from one that is not
        self._all_the_same.hide()
        self._tell(tr("Asking the server…"), "muted")

    def show_added(self, words: str, *, reachable: bool) -> None:
        """It was taken, whether it answers now or not."""
        self.clear()
        self._tell(words, "good" if reachable else "warn")

    def show_refused(self, error: HeftError) -> None:
        """It was not, and why."""
        self._asking = False
        self._tell(f"{error.message} {error.hint}".strip(), "bad")
        self._all_the_same.setVisible(error.kind == FailureKind.CLEARTEXT)

    def _give(self, *, in_clear: bool = False) -> None:
        if self._url.text().strip() and not self._asking:
            self.given.emit(NamedServer(self._url.text(), self._key.text(), self._name.text(), in_clear))

    def _tell(self, words: str, role: str) -> None:
        self._state.setText(visible_in_place(words))
        self._state.setVisible(bool(words))
        set_role(self._state, role)


def _field(name: str, spoken: str, example: str) -> QLineEdit:
    made = QLineEdit()
    made.setObjectName(name)
    made.setAccessibleName(spoken)
    made.setPlaceholderText(example)
    made.setMaximumWidth(_FIELD_WIDTH)
    return made
