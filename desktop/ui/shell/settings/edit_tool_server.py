"""The card in which a server of tools is described: its command or its address, and what it is given."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFormLayout, QHBoxLayout, QLineEdit, QPlainTextEdit, QWidget

from desktop.core.errors import HeftError, UsageError
from desktop.core.mcp_config import ToolServer, Transport, server_of
from desktop.core.text import visible_in_place
from desktop.core.words import tr
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.labels import plain_label
from desktop.ui.shell.settings.rows import SettingsCard
from desktop.ui.shell.theme import set_role

_FIELD_WIDTH = 420
_LINES_HEIGHT = 64
_ADDRESSES = ("http://", "https://")


@dataclass(frozen=True)
class GivenServer:
    """What was typed; ``replaces`` is the server that is edited, "" for a new one."""

    server: ToolServer
    replaces: str = ""


class EditToolServer(SettingsCard):
    """Tells ``given``. What was typed stays until it was taken."""

    given = Signal(object)  # GivenServer

    def __init__(self) -> None:
        super().__init__("settingsAddTools", tr("Add a server"))
        self._replaces, self._transport = "", "stdio"
        self._name = _field("toolServerName", tr("Name of the server"), "files")
        self._reached = _field(
            "toolServerCommand", tr("Command or address of the server"), tr("npx -y some-mcp-server")
        )
        self._folder = _field("toolServerFolder", tr("Folder in which its command works"), "")
        self._values = QPlainTextEdit()
        self._values.setObjectName("toolServerValues")
        self._values.setAccessibleName(
            tr("Variables of its command, or headers of its address: NAME=VALUE, one a line")
        )
        self._values.setPlaceholderText("API_KEY=…")
        self._values.setTabChangesFocus(True)
        self._values.setFixedHeight(_LINES_HEIGHT)
        self._values.setMaximumWidth(_FIELD_WIDTH)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        rows: tuple[tuple[str, QWidget], ...] = (
            (tr("Name"), self._name),
            (tr("Command or address"), self._reached),
            (tr("Folder"), self._folder),
            (tr("Variables or headers"), self._values),
        )
        for words, field in rows:
            label = plain_label(f"{field.objectName()}Label", text=words, wraps=False)
            label.setBuddy(field)
            form.addRow(label, field)
            if isinstance(field, QLineEdit):
                field.returnPressed.connect(self._give)
        self.column.addLayout(form)
        tip = tr("Keep it, switched off; values go into the keyring, else into a file of yours")
        self._add = push_button(tr("Add"), "toolServerAdd", tip, spoken=tr("Add the server"), role="primary")
        self._cancel = push_button(tr("Cancel"), "toolServerCancel", tr("Leave it as it is"))
        self._add.clicked.connect(self._give)
        self._cancel.clicked.connect(self.clear)
        row = QHBoxLayout()
        row.addWidget(self._add)
        row.addWidget(self._cancel)
        row.addStretch(1)
        self.column.addLayout(row)
        self._state = self.add_line("toolServerAddState", "", "bad")
        self.clear()

    def clear(self) -> None:
        """As if nothing had been typed."""
        for field in (self._name, self._reached, self._folder):
            field.clear()
        self._values.clear()
        self._show_which("", "stdio")
        self._tell("")

    def begin_edit(self, name: str, server: ToolServer) -> None:
        """Change this server; a value that stays empty is as it was."""
        self._name.setText(server.name)
        self._reached.setText(server.url or shlex.join((server.command, *server.args)))
        self._folder.setText(server.cwd)
        self._values.setPlainText("\n".join(f"{key}={value}" for key, value in (server.env | server.headers).items()))
        self._show_which(name, server.transport)
        kept = bool(server.env or server.headers)
        self._tell(tr("A value that you leave empty stays as it is.") if kept else "", "muted")

    def show_refused(self, error: HeftError) -> None:
        """It was not taken, and why."""
        self._tell(f"{error.message} {error.hint}".strip())

    def _show_which(self, name: str, transport: Transport) -> None:
        self._replaces, self._transport = name, transport
        self._add.setText(tr("Change") if name else tr("Add"))
        self._add.setAccessibleName(tr("Change the server") if name else tr("Add the server"))
        self._cancel.setVisible(bool(name))
        title = self.findChild(QWidget, "settingsAddToolsTitle")
        if title is not None:
            title.setText(tr("Edit {name}", name=visible_in_place(name)) if name else tr("Add a server"))  # type: ignore[attr-defined]

    def _give(self) -> None:
        if not self._name.text().strip() or not self._reached.text().strip():
            self._tell(tr("Give it a name, and a command or an address."))
            return
        try:
            self.given.emit(GivenServer(self._server(), self._replaces))
        except HeftError as error:
            self.show_refused(error)

    def _server(self) -> ToolServer:
        """Raises HeftError for what is none."""
        reached, values = self._reached.text().strip(), self._pairs()
        entry: dict[str, Any]
        if reached.startswith(_ADDRESSES):
            entry = {"type": "sse" if self._transport == "sse" else "http", "url": reached, "headers": values}
        else:
            try:
                words = shlex.split(reached, posix=os.name != "nt")
            except ValueError as error:
                raise UsageError(
                    tr("The command cannot be read: {error}.", error=error), tr("Close its quotes.")
                ) from error
            folder = self._folder.text().strip()
            entry = {"command": words[0], "args": [os.path.expanduser(word) for word in words[1:]], "env": values}  # noqa: PTH111
            entry["cwd"] = os.path.expanduser(folder)  # noqa: PTH111 - what is typed is a text, a path or not
        return server_of(self._name.text(), entry)

    def _pairs(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for line in self._values.toPlainText().splitlines():
            name, sign, value = line.partition("=")
            if not line.strip():
                continue
            if not sign or not name.strip():
                raise UsageError(
                    tr("'{strip}' is no NAME=VALUE.", strip=line.strip()[:40]), tr("Write one of them a line.")
                )
            found[name.strip()] = value.strip()
        return found

    def _tell(self, words: str, role: str = "bad") -> None:
        self._state.setText(visible_in_place(words))
        set_role(self._state, role)
        self._state.setVisible(bool(words))


def _field(name: str, spoken: str, example: str) -> QLineEdit:
    made = QLineEdit()
    made.setObjectName(name)
    made.setAccessibleName(spoken)
    made.setPlaceholderText(example)
    made.setMaximumWidth(_FIELD_WIDTH)
    return made
