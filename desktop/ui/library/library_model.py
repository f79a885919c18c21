"""The library's table: immutable rows, sorted and filtered here, changed by id."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from PySide6.QtCore import QModelIndex, QObject, Qt
from PySide6.QtGui import QFont

from desktop.core.spelling import words_of
from desktop.core.text import plain_tooltip
from desktop.core.units import human_bytes, human_parameters
from desktop.services.models.library import LibraryModel
from desktop.ui.shared.column_table import ColumnTable, Index
from desktop.ui.shared.labels import WARNING_SIGN
from desktop.ui.shell.theme import Theme

SOURCE_NAMES = {
    "heft": "Heft",
    "starter": "Starter",
    "huggingface": "Hugging Face",
    "lmstudio": "LM Studio",
    "ollama": "Ollama",
    "folder": "Your folder",
}


def when(seconds: float | None, now: float) -> str:
    """A time in the past (seconds since the epoch) as a short local phrase."""
    if seconds is None:
        return "never"
    then, today = datetime.fromtimestamp(seconds), datetime.fromtimestamp(now)
    days = (today.date() - then.date()).days
    if days <= 0:
        return f"today {then:%H:%M}"
    if days == 1:
        return "yesterday"
    return f"{days} days ago" if days < 7 else f"{then:%d %b %Y}"


@dataclass(frozen=True)
class Column:
    """One column: what it shows, what it is sorted by, and whether it holds figures."""

    title: str
    text: Callable[[LibraryModel], str]
    key: Callable[[LibraryModel], Any]
    figures: bool = False


COLUMNS = (
    Column("Name", lambda m: f"{WARNING_SIGN} {m.name}" if m.problem else m.name, lambda m: m.name.casefold()),
    Column("Architecture", lambda m: m.architecture or "–", lambda m: m.architecture),
    Column(
        "Parameters",
        lambda m: human_parameters(m.parameters) if m.parameters else "–",
        lambda m: m.parameters,
        figures=True,
    ),
    Column("Quantization", lambda m: m.quantization or "–", lambda m: m.quantization),
    Column("Size", lambda m: human_bytes(m.size_bytes), lambda m: m.size_bytes, figures=True),
    Column("Where", lambda m: SOURCE_NAMES[m.source], lambda m: SOURCE_NAMES[m.source]),
    Column("Last used", lambda m: when(m.last_used, time.time()), lambda m: m.last_used or 0.0),
)
NAME, ARCHITECTURE, PARAMETERS, QUANTIZATION, SIZE, WHERE, LAST_USED = range(len(COLUMNS))


class LibraryTableModel(ColumnTable):
    """Rows of the library. Sorting and filtering take milliseconds for 10,000 rows: no proxy, keys made once."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        figures = {number for number, column in enumerate(COLUMNS) if column.figures}
        super().__init__([column.title for column in COLUMNS], figures, parent)
        self._theme = theme
        self._all: dict[str, LibraryModel] = {}
        self._total_bytes = 0
        self._texts: dict[str, str] = {}
        self._shown: list[LibraryModel] = []
        self._words: list[str] = []
        self._column = NAME
        self._descending = False
        self._name_font = QFont()
        self._name_font.setWeight(QFont.Weight.DemiBold)
        theme.changed.connect(self._restyle)

    # -- rows ------------------------------------------------------------------------------------

    @property
    def total(self) -> int:
        """Rows before filtering."""
        return len(self._all)

    @property
    def total_bytes(self) -> int:
        """Bytes of all rows before filtering."""
        return self._total_bytes

    @property
    def words(self) -> frozenset[str]:
        """The words of what can be searched for."""
        return words_of(self._texts.values())

    def at(self, row: int) -> LibraryModel | None:
        """The model shown in a row."""
        return self._shown[row] if 0 <= row < len(self._shown) else None

    def row_of(self, model_id: str) -> int:
        """The row that shows a model, -1 when none does."""
        return next((row for row, model in enumerate(self._shown) if model.id == model_id), -1)

    def set_models(self, models: Sequence[LibraryModel]) -> None:
        """Show these models; rows that stay in their place are patched, so that selections hold."""
        before = [model.id for model in self._shown]
        self._all = {model.id: model for model in models}
        self._total_bytes = sum(model.size_bytes for model in models)
        self._texts = {model.id: _searchable(model) for model in models}
        shown = self._arranged()
        if [model.id for model in shown] != before:
            self.beginResetModel()
            self._shown = shown
            self.endResetModel()
            return
        changed = [row for row, model in enumerate(shown) if model != self._shown[row]]
        self._shown = shown
        for row in changed:
            self.dataChanged.emit(self.index(row, 0), self.index(row, len(COLUMNS) - 1))

    def remove(self, model_id: str) -> None:
        """Take one model out."""
        gone = self._all.pop(model_id, None)
        if gone is None:
            return
        self._total_bytes -= gone.size_bytes
        del self._texts[model_id]
        row = self.row_of(model_id)
        if row >= 0:
            self.beginRemoveRows(QModelIndex(), row, row)
            del self._shown[row]
            self.endRemoveRows()

    def set_filter(self, text: str) -> None:
        """Show only models that have every word of ``text`` in name, architecture, quantization or place."""
        self._words = text.casefold().split()
        self.beginResetModel()
        self._shown = self._arranged()
        self.endResetModel()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Order the rows; the selection stays on its models."""
        self._column, self._descending = column, order == Qt.SortOrder.DescendingOrder
        self.layoutAboutToBeChanged.emit()
        kept = self.persistentIndexList()
        ids = [self._shown[index.row()].id for index in kept]
        self._shown = self._arranged()
        rows = {model.id: row for row, model in enumerate(self._shown)} if kept else {}
        moved = [self.index(rows[i], index.column()) for i, index in zip(ids, kept, strict=True)]
        self.changePersistentIndexList(kept, moved)
        self.layoutChanged.emit()

    def _arranged(self) -> list[LibraryModel]:
        words, texts = self._words, self._texts
        rows = [m for m in self._all.values() if all(word in texts[m.id] for word in words)]
        rows.sort(key=COLUMNS[NAME].key)
        rows.sort(key=COLUMNS[self._column].key, reverse=self._descending)
        return rows

    # -- Qt's questions --------------------------------------------------------------------------

    def _count(self) -> int:
        return len(self._shown)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, alignment, colour and tooltip of a cell."""
        model = self.at(index.row())
        if model is None:
            return None
        column = index.column()
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return COLUMNS[column].text(model)
            case Qt.ItemDataRole.TextAlignmentRole:
                return self.alignment(column)
            case Qt.ItemDataRole.ToolTipRole:
                return plain_tooltip(_tooltip(model, column))
            case Qt.ItemDataRole.FontRole if column == NAME:
                return self._name_font
            case Qt.ItemDataRole.ForegroundRole if model.problem and column == NAME:
                return self._theme.color("warn")
            case Qt.ItemDataRole.ForegroundRole if column in (ARCHITECTURE, WHERE, LAST_USED):
                return self._theme.color("text_muted")
        return None

    def _restyle(self) -> None:
        if self._shown:
            last = self.index(len(self._shown) - 1, len(COLUMNS) - 1)
            self.dataChanged.emit(self.index(0, 0), last, [Qt.ItemDataRole.ForegroundRole])


def _searchable(model: LibraryModel) -> str:
    place = f"{SOURCE_NAMES[model.source]} {model.path.parent.name}"
    return f"{model.name} {model.architecture} {model.quantization} {place}".casefold()


def _tooltip(model: LibraryModel, column: int) -> str:
    if column == NAME:
        return f"{model.name}\n{model.problem}" if model.problem else model.name
    if column == PARAMETERS and model.parameters:
        return f"{model.parameters:,} parameters"
    if column == SIZE:
        return f"{model.size_bytes:,} bytes"
    if column == WHERE:
        return str(model.path)
    if column == LAST_USED and model.last_used is not None:
        return f"{datetime.fromtimestamp(model.last_used):%d %B %Y, %H:%M}"
    return ""
