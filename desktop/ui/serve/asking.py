"""What is asked before something is done that cannot be undone, or that lets others in."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QHBoxLayout, QMessageBox, QPlainTextEdit, QVBoxLayout, QWidget

from desktop.core.words import tr
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.reflow import resize_dialog
from desktop.ui.shared.signals import calling

_LOG_SIZE = QSize(720, 440)
_NETWORK = tr("Let other computers in your network use your models?")
_NETWORK_MEANS = tr(
    "Whoever is to use them needs the key. Nothing is encrypted: who can listen in your "
    "network can read questions, answers and the key. Open it in a network that you "
    "trust, never in a café or a hotel. A firewall of this computer may have to let the "
    "port through."
)
_NEW_KEY = tr("Make another key?")
_NEW_KEY_MEANS = tr("Every program that has the present one is refused until you give it the new one.")
_WEB_PAGE = tr("llama.cpp's own web page: a chat in the browser")
_WEB_PAGE_MEANS = tr(
    "It is reached at the server's address and asks for the key. With the server open to "
    "the network, a phone can use it, too."
)


def ask_network(parent: QWidget, yes: Callable[[], object]) -> None:
    """Whether other computers may reach the server."""
    box = _question(parent, "serveNetworkQuestion", tr("Open to the network"), _NETWORK, _NETWORK_MEANS)
    box.setIcon(QMessageBox.Icon.Warning)
    _answer(box, tr("Open to the network"), "serveNetworkConfirm", yes)
    box.open()


def ask_new_key(parent: QWidget, yes: Callable[[], object]) -> None:
    """Whether the present key is to count no longer."""
    box = _question(parent, "serveNewKeyQuestion", tr("New key"), _NEW_KEY, _NEW_KEY_MEANS)
    _answer(box, tr("Make another key"), "serveNewKeyConfirm", yes)
    box.open()


def ask_web_page(
    parent: QWidget, offered: bool, open_it: Callable[[], object] | None, switch: Callable[[], object]
) -> None:
    """Whether the web page is offered; ``open_it`` shows it in the browser, None where nothing is served."""
    box = _question(parent, "serveWebPageQuestion", tr("Web page"), _WEB_PAGE, _WEB_PAGE_MEANS)
    if offered and open_it is not None:
        _answer(box, tr("Open in the browser"), "serveWebPageOpen", open_it, QMessageBox.ButtonRole.ActionRole)
    _answer(box, tr("Switch off") if offered else tr("Switch on"), "serveWebPageSwitch", switch)
    box.open()


class LogDialog(QDialog):
    """The newest lines of the server's log."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("serveLogDialog")
        self.setWindowTitle(tr("Log of the server"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._text = QPlainTextEdit()
        self._text.setObjectName("serveLogText")
        self._text.setAccessibleName(tr("Log of the server"))
        self._text.setReadOnly(True)
        self._text.setTabChangesFocus(True)
        copy = push_button(tr("Copy"), "serveLogCopy", tr("Copy all lines"), spoken=tr("Copy the log"))
        close = push_button(tr("Close"), "serveLogClose", tr("Close (Esc)"), spoken=tr("Close the log"))
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self._text.toPlainText()))
        close.clicked.connect(self.close)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(copy)
        row.addWidget(close)
        column = QVBoxLayout(self)
        column.addWidget(
            plain_label(
                "serveLogNote", "muted", tr("What happened; never what was asked or answered. heft.log keeps it.")
            )
        )
        column.addWidget(self._text, 1)
        column.addLayout(row)
        resize_dialog(self, _LOG_SIZE)

    def show_lines(self, lines: tuple[str, ...]) -> None:
        """Show these, the newest in view."""
        text = "\n".join(lines) or tr("Nothing has happened yet.")
        if text != self._text.toPlainText():
            self._text.setPlainText(text)
            bar = self._text.verticalScrollBar()
            bar.setValue(bar.maximum())


def _question(parent: QWidget, name: str, title: str, text: str, means: str) -> QMessageBox:
    box = QMessageBox(QMessageBox.Icon.Question, title, text, QMessageBox.StandardButton.Cancel, parent)
    box.setObjectName(name)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setInformativeText(means)
    box.setDefaultButton(QMessageBox.StandardButton.Cancel)  # Enter lets nobody in and takes nothing away
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    return box


def _answer(
    box: QMessageBox,
    words: str,
    name: str,
    call: Callable[[], object],
    role: QMessageBox.ButtonRole = QMessageBox.ButtonRole.AcceptRole,
) -> None:
    button = box.addButton(words, role)
    button.setObjectName(name)
    button.clicked.connect(calling(call))
