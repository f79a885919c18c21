"""The table of served models: what clients call them, and what each is doing."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import QObject

from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.services.planning.words import speed
from desktop.services.serve.api import ModelState
from desktop.services.serve.state_words import (
    context_words,
    model_mark,
    model_state_words,
    model_words,
    slots_words,
    where_words,
)
from desktop.services.serve.status import planned_bytes
from desktop.ui.serve.keyed_rows import KeyedRows
from desktop.ui.shell.theme import Theme

TITLES = (tr("Name clients use"), tr("State"), tr("Where"), tr("Memory"), tr("Context"), tr("Slots"), "tok/s", "")
NAME, STATE, WHERE, MEMORY, CONTEXT, SLOTS, RATE, ACT = range(len(TITLES))
_TITLE_TIPS = {
    NAME: tr("Name clients use, in the field model of their requests"),
    MEMORY: tr("What it takes, or is planned to take"),
    CONTEXT: tr("Tokens that a conversation with it may have, question and answer together"),
    SLOTS: tr("Answers that are being written with it now, of those it can write at once"),
    RATE: "Tokens per second: as it writes now; ~ as it is expected to",
    ACT: tr("Enter loads the chosen model, Del unloads it"),
}


class ServedModels(KeyedRows[ModelState]):
    """One row a model."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(TITLES, (MEMORY, CONTEXT, SLOTS, RATE, ACT), theme, parent)

    @property
    def rows(self) -> tuple[ModelState, ...]:
        """All of them."""
        return tuple(self._rows)

    def _key(self, row: ModelState) -> object:
        return row.model.name

    def _text(self, row: ModelState, column: int) -> str:
        match column:
            case 0:
                return " ".join(filter(None, (row.model.name, model_words(row))))
            case 1:
                return f"{model_mark(row)} {model_state_words(row)}"
            case 2:
                return where_words(row)
            case 3:
                found = planned_bytes(row)
                return human_bytes(found) if found else "–"
            case 4:
                return context_words(row.plan.context if row.plan is not None else 0)
            case 5:
                return slots_words(row)
            case 6:
                return _rate(row)
        return tr("Load") if row.phase == "unloaded" else tr("Unload")

    def _parts(self, row: ModelState, column: int) -> tuple[str, str, str]:
        return row.model.name, model_words(row), "text_muted"

    def _tip(self, row: ModelState, column: int) -> str:
        if column == NAME:
            also = tr("also {aliases}", aliases=", ".join(row.model.aliases)) if row.model.aliases else ""
            return "\n".join(filter(None, (self._text(row, NAME), also, row.model.ref.name)))
        if column == STATE:
            until = row.idle_until
            goes = (
                tr("unloaded at {until:%H:%M} if nobody asks", until=datetime.fromtimestamp(until))
                if until is not None
                else ""
            )
            return "\n".join(filter(None, (model_state_words(row), row.too_large, goes)))
        return ""

    def _title_tip(self, column: int) -> str | None:
        return _TITLE_TIPS.get(column)

    def _token(self, row: ModelState, column: int) -> str:
        if column == STATE:
            if row.phase in ("ready", "answering"):
                return "good"
            return "bad" if row.too_large else "text_muted"
        return "accent" if column == ACT else ""


def _rate(row: ModelState) -> str:
    if row.tokens_per_second:
        return f"{row.tokens_per_second:.1f}"
    speeds = row.plan.speeds if row.plan is not None else None
    if speeds is None or not row.model.kind.writes_text:
        return "–"
    return f"~ {speed(speeds, unit=False).removeprefix('~ ').split(' → ')[0]}"
