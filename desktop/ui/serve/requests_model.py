"""The table of requests: who asked which model, and how quickly it was answered. Nothing of their contents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from PySide6.QtCore import QObject

from desktop.core.units import human_count
from desktop.core.words import tr
from desktop.services.serve.api import RequestRecord
from desktop.services.serve.state_words import asked_words, kept_words, request_state_words
from desktop.ui.serve.keyed_rows import KeyedRows
from desktop.ui.shell.theme import Theme

TITLES = (tr("Client"), tr("Model"), tr("Asked"), tr("Prompt"), tr("First token"), tr("Answer"), "tok/s", tr("State"))
CLIENT, MODEL, ASKED, PROMPT, FIRST, ANSWER, RATE, STATE = range(len(TITLES))
_TITLE_TIPS = {
    CLIENT: tr("What the program calls itself"),
    MODEL: tr("The model that was asked; where none was, what was asked for"),
    PROMPT: tr("Tokens; kept are those that an earlier request had, so that they were not read again"),
    FIRST: tr("From the request to the first token of its answer"),
    ANSWER: tr("Tokens written so far"),
    RATE: tr("Tokens per second while writing"),
}


class ServedRequests(KeyedRows[RequestRecord]):
    """One row a request, the newest first."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(TITLES, (PROMPT, FIRST, ANSWER, RATE), theme, parent)
        self._now = 0.0

    def show_requests(self, records: Sequence[RequestRecord], now: float) -> None:
        """Show these, as old as they are now (seconds since 1970)."""
        self._now = now
        self.show_rows(records)

    def _key(self, row: RequestRecord) -> object:
        return row.asked_at, row.number  # a door that was opened anew counts from the beginning

    def _text(self, row: RequestRecord, column: int) -> str:
        match column:
            case 0:
                return row.client or tr("unnamed")
            case 1:
                return row.model or row.path
            case 2:
                return asked_words(row, self._now)
            case 3:
                return " ".join(filter(None, (_count(row.prompt_tokens), kept_words(row))))
            case 4:
                first = row.seconds_to_first_token
                return "–" if first is None else f"{first:.1f} s" if first < 100 else f"{first:.0f} s"
            case 5:
                more = " …" if row.state == "answering" and row.generated_tokens else ""
                return f"{_count(row.generated_tokens)}{more}"
            case 6:
                return f"{row.tokens_per_second:.1f}" if row.tokens_per_second else "–"
        words = request_state_words(row)
        return f"✕ {words}" if row.state == "refused" else words

    def _parts(self, row: RequestRecord, column: int) -> tuple[str, str, str]:
        if column != PROMPT:
            return super()._parts(row, column)
        return _count(row.prompt_tokens), kept_words(row), "good"

    def _tip(self, row: RequestRecord, column: int) -> str:
        if column == ASKED:
            return f"{datetime.fromtimestamp(row.asked_at):%H:%M:%S}"
        if column == CLIENT:
            return f"{row.client or tr('A program that does not say its name')}\n{row.path}"
        return ""

    def _title_tip(self, column: int) -> str | None:
        return _TITLE_TIPS.get(column)

    def _token(self, row: RequestRecord, column: int) -> str:
        if column != STATE:
            return "text_muted" if column == ASKED else ""
        match row.state:
            case "refused":
                return "bad"
            case "reading" | "answering":
                return "good"
        return "text_muted"


def _count(tokens: int) -> str:
    return human_count(tokens) if tokens else "–"
