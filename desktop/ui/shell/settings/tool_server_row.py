"""One server of tools on its page: switch, state, what it offers, its log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from desktop.core.text import visible_in_place
from desktop.core.words import tr
from desktop.services.tools.words import count_words, how_words, server_words
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.toggle import ToggleSwitch
from desktop.ui.shell.theme import Theme, set_role

if TYPE_CHECKING:
    from desktop.services.tools.server_view import ServerView

_BOX_HEIGHT = 170


class ToolServerRow(QWidget):
    """Shows a server; tells what is asked for."""

    switched = Signal(bool)
    edit_asked = Signal()
    remove_asked = Signal()
    ask_again_asked = Signal()

    def __init__(self, number: int, name: str, theme: Theme) -> None:
        super().__init__()
        prefix = f"toolServer{number}"
        self._view: ServerView | None = None
        self._open = ""  # which box is open: "tools" or "log"
        self._switch = ToggleSwitch(theme, f"{prefix}On", tr("Offer the tools of {name} to models", name=name))
        self._switch.clicked.connect(self.switched)
        head = QHBoxLayout()
        head.addWidget(plain_label(prefix, "subtitle", visible_in_place(name)), 1)
        head.addWidget(self._switch)
        acts = QHBoxLayout()
        self._tools = push_button(
            tr("Tools"), f"{prefix}Tools", tr("What it offers, in its own words"), spoken=tr("Tools: {name}", name=name)
        )
        self._log = push_button(
            tr("Log"), f"{prefix}Log", tr("What it wrote beside its answers"), spoken=tr("Log: {name}", name=name)
        )
        edit = push_button(
            tr("Edit…"), f"{prefix}Edit", tr("Change how it is reached"), spoken=tr("Edit: {name}", name=name)
        )
        remove = push_button(
            tr("Remove"),
            f"{prefix}Remove",
            tr("Forget it and what it was given"),
            spoken=tr("Remove: {name}", name=name),
        )
        self._tools.clicked.connect(lambda: self._turn("tools"))
        self._log.clicked.connect(lambda: self._turn("log"))
        edit.clicked.connect(self.edit_asked)
        remove.clicked.connect(self.remove_asked)
        for button in (self._tools, self._log, edit, remove):
            set_role(button, "small")
            acts.addWidget(button)
        acts.addStretch(1)
        self._how = plain_label(f"{prefix}How", "muted", selectable=True)
        self._state = plain_label(f"{prefix}State", selectable=True)
        self._always = plain_label(f"{prefix}Always", "muted")
        self._again = push_button(
            tr("Ask again"),
            f"{prefix}AskAgain",
            tr("Ask before each call again"),
            spoken=tr("Ask again before calls of {name}", name=name),
        )
        set_role(self._again, "small")
        self._again.clicked.connect(self.ask_again_asked)
        allowed = QHBoxLayout()
        allowed.addWidget(self._always, 1)
        allowed.addWidget(self._again, 0, Qt.AlignmentFlag.AlignTop)
        self._box = QPlainTextEdit()
        self._box.setObjectName(f"{prefix}Box")
        self._box.setReadOnly(True)
        self._box.setFixedHeight(_BOX_HEIGHT)
        self._box.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addLayout(head)
        column.addWidget(self._how)
        column.addWidget(self._state)
        column.addLayout(allowed)
        column.addLayout(acts)
        column.addWidget(self._box)

    def show_view(self, view: ServerView) -> None:
        """As it is now."""
        self._view = view
        self._switch.setChecked(view.saved.on)
        self._how.setText(visible_in_place((view.saved.problem and "mcp.json") or how_words(view.saved.server)))
        self._state.setText(visible_in_place(server_words(view)))
        set_role(self._state, "bad" if view.error is not None or view.saved.problem else "")
        self._always.setText(visible_in_place(tr("Called without asking: {always}", always=", ".join(view.always))))
        for part in (self._always, self._again):
            part.setVisible(bool(view.always))
        self._tools.setText(count_words(len(view.tools)).capitalize() if view.tools else tr("Tools"))
        self._tools.setEnabled(bool(view.tools))
        self._log.setEnabled(bool(view.log))
        self._fill()

    def _turn(self, box: str) -> None:
        self._open = "" if self._open == box else box
        self._fill()

    def _fill(self) -> None:
        view = self._view
        text = ""
        if view is not None and self._open == "tools":
            text = "\n\n".join(
                "\n".join(
                    filter(
                        None,
                        (
                            tool.name,
                            tool.refused and tr("Not offered: {refused}.", refused=tool.refused),
                            tool.description,
                        ),
                    )
                )
                for tool in view.tools
            )
        elif view is not None and self._open == "log":
            text = "\n".join(view.log)
        self._box.setAccessibleName(tr("Its tools, in its own words") if self._open == "tools" else tr("Its log"))
        text = visible_in_place(text)
        if text != self._box.toPlainText():
            self._box.setPlainText(text)
        self._box.setVisible(bool(self._open))
