"""The page of tools: the servers that were added, each with its switch, its tools and its log, and adding one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFileDialog, QVBoxLayout

from desktop.core.errors import HeftError
from desktop.core.text import visible_in_place
from desktop.core.words import tr
from desktop.services.tools.words import ABOUT, kept_words
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.labels import plain_label
from desktop.ui.shell.settings.edit_tool_server import EditToolServer, GivenServer
from desktop.ui.shell.settings.rows import SettingsPane
from desktop.ui.shell.settings.tool_server_row import ToolServerRow
from desktop.ui.shell.settings.writer import OptionWriter
from desktop.ui.shell.tasks import Lane, Tasks
from desktop.ui.shell.theme import Theme, set_role

if TYPE_CHECKING:
    from desktop.services.tools.server_view import ServerView
    from desktop.services.tools.service import ToolService

_LOOK_MS = 150  # what changes fast is shown so often


class ToolsPane(SettingsPane):
    """All that reaches a server, a file or the keyring happens in the background."""

    _told = Signal()

    def __init__(self, writer: OptionWriter, theme: Theme, tasks: Tasks, tools: Callable[[], ToolService]) -> None:
        super().__init__(writer, theme)
        self._tasks, self._tools = tasks, tools
        self._rows: dict[str, ToolServerRow] = {}
        self._subscribed = False
        self._look = QTimer(self, singleShot=True, interval=_LOOK_MS)
        self._look.timeout.connect(self._read)
        self._told.connect(self._look.start, Qt.ConnectionType.QueuedConnection)
        card = self.add_card("settingsTools", tr("Tools for the chat"))
        self._import = push_button(
            tr("Import…"), "toolsImport", tr("Take the servers of another program's mcp.json, all off")
        )
        self._import.clicked.connect(self._ask_file)
        card.head.addWidget(self._import)
        card.add_line("toolsAbout", ABOUT, "muted")
        self._list = QVBoxLayout()
        self._list.setSpacing(14)
        card.column.addLayout(self._list)
        self._none = plain_label("toolsNone", text=tr("None was added yet."))
        card.column.addWidget(self._none)
        self._said = card.add_line("toolsState")
        self._said.hide()
        self._edit = EditToolServer()
        self._edit.given.connect(self._take)
        self.column.addWidget(self._edit)
        self.column.addStretch(1)

    def shown(self) -> None:
        """Show what there is; from now on every change."""
        self._read()

    # -- what there is ---------------------------------------------------------------------------

    def _read(self) -> None:
        def read(_context: object) -> tuple[tuple[ServerView, ...], str]:
            tools = self._tools()
            if not self._subscribed:
                self._subscribed = True
                self.destroyed.connect(tools.subscribe(lambda _: self._told.emit()))
            return tools.servers(), tools.problem

        self._tasks.run(read, done=self._show, failed=self._failed, lane=Lane.JOB, owner=self)

    def _show(self, found: tuple[tuple[ServerView, ...], str]) -> None:
        views, problem = found
        names = [view.name for view in views]
        for name in [known for known in self._rows if known not in names]:
            row = self._rows.pop(name)
            row.hide()
            row.setParent(None)
            row.deleteLater()
        for number, view in enumerate(views):
            row = self._rows.get(view.name) or self._new_row(number, view.name)
            row.show_view(view)
        self._none.setVisible(not views)
        if problem:
            self._tell(tr("{problem} Correct {path}, or remove it.", problem=problem, path=self._tools().path), "bad")

    def _new_row(self, number: int, name: str) -> ToolServerRow:
        row = self._rows[name] = ToolServerRow(number, name, self.theme)
        row.switched.connect(lambda on: self._do(lambda: self._switch(name, on), name))
        row.edit_asked.connect(lambda: self._begin_edit(name))
        row.remove_asked.connect(lambda: self._do(lambda: self._remove(name), name))
        row.ask_again_asked.connect(lambda: self._do(lambda: self._tools().permissions.ask_again(name)))
        self._list.addWidget(row)
        return row

    # -- acts ------------------------------------------------------------------------------------

    def _switch(self, name: str, on: bool) -> None:
        self._tools().switch(name, on=on)
        if on:
            self._tools().start(name)  # so that what it offers can be read

    def _remove(self, name: str) -> str:
        self._tools().remove(name)
        return tr("{name} and what it was given are forgotten.", name=name)

    def _begin_edit(self, name: str) -> None:
        self._tasks.run(
            lambda _context: self._tools().value_names(name),
            done=lambda server: self._edit.begin_edit(name, server),
            failed=self._failed,
            lane=Lane.JOB,
            owner=self,
        )

    def _take(self, asked: GivenServer) -> None:
        def work(_context: object) -> str:
            tools, server = self._tools(), asked.server
            place = tools.edit(asked.replaces, server) if asked.replaces else tools.add(server)
            done = tr("was changed") if asked.replaces else tr("was added, switched off")
            return f"{server.name} {done}. {kept_words(place, len(server.env) + len(server.headers))}".strip()

        def done(words: str) -> None:
            self._edit.clear()
            self._tell(words, "")
            self._read()

        self._tasks.run(work, done=done, failed=self._edit.show_refused, lane=Lane.COMMAND, owner=self)

    def _ask_file(self) -> None:
        dialog = QFileDialog(self, tr("Import servers of tools"), "", tr("Lists of servers (*.json)"))
        dialog.setObjectName("importToolsDialog")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda name: self.import_file(Path(name)))
        dialog.open()

    def import_file(self, path: Path) -> None:
        """Take the servers of a file."""
        self._do(lambda: tr("{path}: added, switched off.", path=", ".join(self._tools().import_file(path))))

    def _do(self, act: Callable[[], str | None], name: str = "") -> None:
        def done(words: str | None) -> None:
            self._tell(words or "", "")
            self._read()

        queue = f"tool server {name}" if name else ""
        self._tasks.run(lambda _: act(), done=done, failed=self._failed, lane=Lane.COMMAND, owner=self, queue=queue)

    def _failed(self, error: HeftError) -> None:
        self._tell(f"{error.message} {error.hint}".strip(), "bad")
        self._look.start()  # a switch shows what is so

    def _tell(self, words: str, role: str) -> None:
        self._said.setText(visible_in_place(words))
        set_role(self._said, role)
        self._said.setVisible(bool(words))
