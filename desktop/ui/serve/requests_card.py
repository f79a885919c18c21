"""The requests of other programs, running and past."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from desktop.core.words import tr
from desktop.services.serve.api import RequestRecord
from desktop.ui.serve import actions
from desktop.ui.serve.card import ServeCard
from desktop.ui.serve.low_table import ROW_HEIGHT, LowTable
from desktop.ui.serve.requests_model import (
    ANSWER,
    ASKED,
    CLIENT,
    FIRST,
    MODEL,
    PROMPT,
    RATE,
    STATE,
    ServedRequests,
)
from desktop.ui.serve.two_tone import TwoToneDelegate
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.reflow import CurrentStack
from desktop.ui.shared.spared_columns import SparedColumns
from desktop.ui.shell.action_registry import ActionRegistry
from desktop.ui.shell.theme import Theme

_WIDTHS = {CLIENT: 120, ASKED: 104, PROMPT: 152, FIRST: 96, ANSWER: 84, RATE: 70, STATE: 160}
_LEAST_MODEL = 210
_NONE_ON = tr("No requests yet. Copy the lines above into a program to see its first one here.")
_NONE_OFF = tr("Requests stand here once serving is switched on.")


class RequestsCard(ServeCard):
    """A table, or that there were none."""

    def __init__(self, commands: ActionRegistry, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__("serveRequestsCard", tr("Requests"), parent)
        note = self.add_note("serveNotKept", tr("contents are not kept"))
        note.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.head.addWidget(commands.button(actions.LOG, "serveLog"), 0, Qt.AlignmentFlag.AlignTop)
        self._rows = ServedRequests(theme, self)
        table = LowTable("serveRequests", tr("Requests of other programs"), self._rows, _WIDTHS, MODEL)
        for column in (MODEL, PROMPT):  # a name's end tells models apart, and is not what gives way
            table.setItemDelegateForColumn(column, TwoToneDelegate(theme, table))
        self._spared = SparedColumns(table, MODEL, _LEAST_MODEL, (ASKED, FIRST, ANSWER, RATE, PROMPT))
        self._empty = plain_label("serveNoRequests", "muted", _NONE_OFF)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setMinimumHeight(2 * ROW_HEIGHT)
        self._body = CurrentStack()
        self._body.addWidget(self._empty)
        self._body.addWidget(table)
        self.column.addWidget(self._body, 1)

    def show_requests(self, records: Sequence[RequestRecord], now: float, *, on: bool) -> None:
        """Show these, as old as they are now; ``on``: there may be more."""
        self._rows.show_requests(records, now)
        self._empty.setText(_NONE_ON if on else _NONE_OFF)
        self._body.setCurrentIndex(1 if records else 0)
