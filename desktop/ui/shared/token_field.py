"""Where a person gives the Hub's token: the field, the way to make one, and what became of it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.text import visible_in_place
from desktop.core.words import tr
from desktop.services.hub_account import TokenTaken
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.labels import plain_label
from desktop.ui.shell.theme import set_role


class TokenField(QWidget):
    """Tells ``given`` with what was typed; whoever checks it says how that went."""

    given = Signal(str)
    page_wanted = Signal()

    def __init__(self, prefix: str, parent: QWidget | None = None) -> None:
        """``prefix`` begins the object names."""
        super().__init__(parent)
        self._field = QLineEdit()
        self._field.setObjectName(f"{prefix}Token")
        self._field.setAccessibleName(tr("Hub token"))
        self._field.setPlaceholderText("hf_…")
        self._field.setEchoMode(QLineEdit.EchoMode.Password)
        self._field.setMaximumWidth(320)
        tip = tr(
            "The Hub is asked whether it is right; then it is kept in this computer's keyring, else until you quit"
        )
        self._use = push_button(tr("Use"), f"{prefix}UseToken", tip, spoken=tr("Use this token"))
        self._make = push_button(
            tr("Make one…"), f"{prefix}MakeToken", tr("Open the Hub's page of tokens in a browser")
        )
        set_role(self._make, "small")
        self._state = plain_label(f"{prefix}TokenState", "muted")
        self._field.returnPressed.connect(self._give)
        self._use.clicked.connect(self._give)
        self._make.clicked.connect(self.page_wanted)
        row = QHBoxLayout()
        row.addWidget(self._field, 1)
        row.addWidget(self._use)
        row.addWidget(self._make)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(row)
        column.addWidget(self._state)
        self._checking = False
        self.clear()

    def clear(self) -> None:
        """As if nothing had been typed."""
        self._field.clear()
        self._tell("", "muted")
        self._checking = False

    def show_checking(self) -> None:
        """The Hub is being asked."""
        self._checking = True  # the button stays enabled: Qt takes the keyboard from one that is not
        self._tell(tr("Asking the Hub…"), "muted")

    def show_taken(self, taken: TokenTaken) -> None:
        """It counts from now on."""
        self.clear()
        self._tell(taken_words(taken), "good")

    def show_refused(self, error: HeftError) -> None:
        """It does not, and why; what was typed stays, to be mended."""
        self._checking = False
        hint = "" if error.kind == FailureKind.TOKEN_WRONG else f" {error.hint}"
        self._tell(f"{error.message}{hint}", "bad")
        self._field.selectAll()

    def _give(self) -> None:
        if self._field.text().strip() and not self._checking:
            self.given.emit(self._field.text())

    def _tell(self, words: str, role: str) -> None:
        self._state.setText(words)
        self._state.setVisible(bool(words))
        set_role(self._state, role)


def taken_words(taken: TokenTaken) -> str:
    """What became of a token, in a sentence or two."""
    who = (
        tr("The Hub accepts the token of {account}.", account=visible_in_place(taken.account))
        if taken.account
        else tr("The token will be sent.")
    )
    if taken.kept == "session":
        return tr("{who} It is kept until you quit: this computer has no keyring.", who=who)
    if taken.variable:
        return tr(
            "{who} It is kept in the keyring, but {variable} counts again from the next start on.",
            who=who,
            variable=taken.variable,
        )
    return tr("{who} It is kept in this computer's keyring.", who=who)
