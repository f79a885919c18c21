"""The card below the head of the page: what serving is for while it is off, and why it could not be started."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from desktop.core.words import tr
from desktop.services.serve.service import ServeState
from desktop.ui.serve import actions
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.settings_link import SettingsLink
from desktop.ui.shell.action_registry import ActionRegistry
from desktop.ui.shell.theme import set_role

_WHAT_FOR = tr("Your models, for the programs you use already.")
_WHAT_FOR_MORE = tr(
    "Editors, agents, scripts and chat programs that speak with OpenAI, Anthropic or "
    "Ollama can use the models of this computer instead. Until you switch it on, nothing "
    "listens. Then this computer alone reaches it, with a key."
)


class ServeNotice(QFrame):
    """Hidden while it serves as it is wished."""

    settings_asked = Signal(str)  # SettingsPage

    def __init__(self, commands: ActionRegistry, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("serveNotice")
        self.setAccessibleName(tr("Serving"))
        set_role(self, "card")
        self._title = plain_label("serveNoticeTitle", "subtitle")
        self._text = plain_label("serveNoticeText", "muted")
        self._switch = commands.button(actions.SWITCH, "serveNoticeSwitch", role="primary")
        self._again = commands.button(actions.TRY_AGAIN, "serveTryAgain")
        self._stop = commands.button(actions.STOP_OTHER, "serveStopOther")
        self._link = SettingsLink("serveNoticeSettings")
        self._link.asked.connect(self.settings_asked)
        row = QHBoxLayout()
        row.setSpacing(8)
        for button in (self._switch, self._again, self._stop, self._link):
            row.addWidget(button)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 12, 14, 12)
        column.setSpacing(8)
        column.addWidget(self._title)
        column.addWidget(self._text)
        column.addLayout(row)
        self._title.setAlignment(Qt.AlignmentFlag.AlignLeft)

    def show_state(self, state: ServeState) -> None:
        """Say what this state calls for."""
        error = state.error
        self.setVisible(state.phase in ("off", "failed") or error is not None)
        set_role(self._title, "subtitle" if error is None else "bad")
        self._title.setText(_WHAT_FOR if error is None else error.message)
        goes_on = tr(" What was before goes on.") if state.phase == "on" else ""
        self._text.setText(_WHAT_FOR_MORE if error is None else f"{error.hint}{goes_on}".strip())
        self._text.setVisible(bool(self._text.text()))
        self._switch.setVisible(state.phase == "off" and not state.elsewhere)
        self._again.setVisible(state.phase == "failed" and not state.elsewhere)
        self._stop.setVisible(state.elsewhere)
        self._link.show_for(error)
