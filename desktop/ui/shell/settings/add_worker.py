"""The card in which another computer is added: the line that its worker printed, or where ssh gets to, and its name."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFormLayout, QHBoxLayout, QLineEdit

from desktop.core.errors import HeftError
from desktop.core.text import visible_in_place
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.labels import plain_label
from desktop.ui.shell.settings.rows import SettingsCard
from desktop.ui.shell.theme import set_role

_FIELD_WIDTH = 340


@dataclass(frozen=True)
class NamedWorker:
    """What was typed: a pairing, or where ``ssh`` gets to, with the program ``heft`` there ("" for the usual one)."""

    pairing: str
    name: str
    ssh: str = ""
    heft: str = ""


class AddWorker(SettingsCard):
    """Tells ``given``; whoever asks the computer says how that went. What was typed stays until it was taken."""

    given = Signal(object)  # NamedWorker

    def __init__(self) -> None:
        super().__init__("settingsAddWorker", "Add a computer")
        self._pairing = _field("workerPairing", "Line that heft worker printed", "heft-worker://…")
        self._pairing.setEchoMode(QLineEdit.EchoMode.Password)  # it holds the key
        self._ssh = _field("workerSsh", "Or where ssh gets to", "user@studio.local")
        self._heft = _field("workerHeft", "The program heft there, for ssh", "heft, or a path such as ~/heft/heft")
        self._name = _field("workerName", "Name of the computer", "studio, for studio.local")
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        for words, field in (
            ("Address and key", self._pairing),
            ("Or by ssh", self._ssh),
            ("Heft there", self._heft),
            ("Name", self._name),
        ):
            label = plain_label(f"{field.objectName()}Label", text=words, wraps=False)
            label.setBuddy(field)
            form.addRow(label, field)
            field.returnPressed.connect(self._give)
        self.column.addLayout(form)
        tip = "Ask the computer what it lends, and keep it; its key goes into the keyring, else into a file of yours"
        self._add = push_button("Add", "workerAdd", tip, spoken="Add the computer", role="primary")
        self._add.clicked.connect(self._give)
        row = QHBoxLayout()
        row.addWidget(self._add)
        row.addStretch(1)
        self.column.addLayout(row)
        self._state = self.add_line("workerAddState")
        self._asking = False
        self.clear()

    def clear(self) -> None:
        """As if nothing had been typed."""
        for field in (self._pairing, self._ssh, self._heft, self._name):
            field.clear()
        self._asking = False
        self._tell("", "muted")

    def show_asking(self) -> None:
        """The computer is being asked."""
        self._asking = True  # the button stays enabled: Qt takes the keyboard from one that is not
        starting = "Starting its worker by ssh, which takes up to a minute…"
        self._tell(starting if self._ssh.text().strip() else "Asking the computer…", "muted")

    def show_added(self, words: str, *, reachable: bool) -> None:
        """It was taken, whether it answers now or not."""
        self.clear()
        self._tell(words, "good" if reachable else "warn")

    def show_refused(self, error: HeftError) -> None:
        """It was not, and why."""
        self._asking = False
        self._tell(f"{error.message} {error.hint}".strip(), "bad")

    def _give(self) -> None:
        pairing, ssh = self._pairing.text().strip(), self._ssh.text().strip()
        if (pairing or ssh) and not self._asking:
            self.given.emit(NamedWorker("" if ssh else pairing, self._name.text(), ssh, self._heft.text()))

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
