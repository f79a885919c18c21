"""Asks before an address leaves for the browser, showing it in full."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from desktop.core.markdown import judge_link
from desktop.core.words import tr
from desktop.ui.shared.labels import plain_label
from desktop.ui.shell.theme import set_role


class LinkBar(QFrame):
    """A card over the transcript: the whole address, and Open, Copy or Cancel."""

    confirmed = Signal(str)
    copy_requested = Signal(str)
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("linkBar")
        self.setAccessibleName(tr("Open a link"))
        set_role(self, "card")
        self._address = ""
        self._question = QLabel(tr("Open this address in the browser?"))
        self._shown = plain_label("linkAddress")
        self._shown.setAccessibleName(tr("Address"))
        self._reason = plain_label("", "warn")
        self._open = self._button(tr("Open in browser"), "linkOpen", "primary")
        self._copy = self._button(tr("Copy address"), "linkCopy", "")
        self._cancel = self._button(tr("Cancel"), "linkCancel", "")
        self._open.clicked.connect(self._confirm)
        self._copy.clicked.connect(lambda: self.copy_requested.emit(self._address))
        self._cancel.clicked.connect(self.dismiss)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        for button in (self._cancel, self._copy, self._open):
            buttons.addWidget(button)
        box = QVBoxLayout(self)
        box.setContentsMargins(14, 12, 14, 12)
        for label in (self._question, self._shown, self._reason):
            box.addWidget(label)
        box.addLayout(buttons)
        self.hide()

    def _button(self, words: str, name: str, role: str) -> QPushButton:
        button = QPushButton(words, self)
        button.setObjectName(name)
        button.setAccessibleName(words)
        if role:
            set_role(button, role)
        return button

    def ask(self, address: str) -> None:
        """Show the address; whether it can be opened is decided by ``judge_link``."""
        verdict = judge_link(address)
        self._address = verdict.address
        self._question.setText(
            tr("Open this address in the browser?")
            if verdict.openable
            else tr("This address cannot be opened from here.")
        )
        self._shown.setText(verdict.address)
        self._reason.setText(verdict.reason)
        self._reason.setVisible(bool(verdict.reason))
        self._open.setVisible(verdict.openable)
        self.show()
        self.raise_()
        self._cancel.setFocus(Qt.FocusReason.PopupFocusReason)  # a held Enter must not open anything

    def dismiss(self) -> None:
        """Close without opening anything."""
        self.hide()
        self.closed.emit()

    def _confirm(self) -> None:
        self.hide()
        self.confirmed.emit(self._address)
        self.closed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape cancels."""
        if event.key() == Qt.Key.Key_Escape:
            self.dismiss()
        else:
            super().keyPressEvent(event)
