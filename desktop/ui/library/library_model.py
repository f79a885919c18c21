"""The library's table: immutable rows in order, changed by id, and a proxy for what is searched for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from PySide6.QtCore import QModelIndex, QObject, Qt
from PySide6.QtGui import QFont

from desktop.core.load_plan import LoadPlan
from desktop.core.spelling import words_of
from desktop.core.text import plain_tooltip
from desktop.core.words import tr
from desktop.services.models.kind_words import kind_name, kind_note
from desktop.services.models.library import LibraryModel
from desktop.services.planning.words import ROUGH_SPEED, speed_details, summary
from desktop.ui.library.columns import (
    ARCHITECTURE,
    COLUMNS,
    FIT,
    LAST_USED,
    NAME,
    PARAMETERS,
    SIZE,
    SOURCE_NAMES,
    SPEED,
    WHERE,
)
from desktop.ui.shared.column_table import Index
from desktop.ui.shared.sorted_table import FilteredTable, SortedTable
from desktop.ui.shell.theme import Theme

_MOST_PATCHED = 200  # rows that come or go one by one; more are shown as a new table


class LibraryRows(SortedTable[LibraryModel]):
    """All rows of the library, in order."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        figures = {number for number, column in enumerate(COLUMNS) if column.figures}
        super().__init__([column.title for column in COLUMNS], figures, parent)
        self._theme = theme
        self._texts: dict[str, str] = {}
        self._plans: dict[str, LoadPlan] = {}
        self._there = ""  # in words, the other machine that fit and speed are for
        self._column = NAME
        self._name_font = QFont()
        self._name_font.setWeight(QFont.Weight.DemiBold)
        theme.changed.connect(self._restyle)

    @property
    def models(self) -> Sequence[LibraryModel]:
        """All of them."""
        return self._rows

    @property
    def texts(self) -> Mapping[str, str]:
        """What is searched of each model, by its id."""
        return self._texts

    def set_models(self, models: Sequence[LibraryModel]) -> None:
        """Show these models; what stays keeps its row, so that selections and the place scrolled to hold."""
        self._texts = {model.id: _searchable(model) for model in models}
        new = {model.id: model for model in models}
        gone = [row for row, model in enumerate(self._rows) if model.id not in new]
        known = {model.id for model in self._rows}
        fresh = [model for model in models if model.id not in known]
        if len(gone) + len(fresh) > _MOST_PATCHED:
            self._replace(models)
            return
        for row in reversed(gone):
            self._take_out(row)
        for row, model in enumerate(self._rows):
            if model != new[model.id]:
                self._rows[row] = new[model.id]
                self.dataChanged.emit(self.index(row, 0), self.index(row, len(COLUMNS) - 1))
        if fresh:
            self.beginInsertRows(QModelIndex(), len(self._rows), len(self._rows) + len(fresh) - 1)
            self._rows += fresh
            self.endInsertRows()
        self._given = list(self._rows)
        if self._ordered() != self._rows:
            self.sort(self._column, Qt.SortOrder.DescendingOrder if self._descending else Qt.SortOrder.AscendingOrder)

    def remove(self, model_id: str) -> None:
        """Take one model out."""
        row = next((row for row, model in enumerate(self._rows) if model.id == model_id), -1)
        if row >= 0:
            self._take_out(row)
            self._given = list(self._rows)

    def _take_out(self, row: int) -> None:
        self.beginRemoveRows(QModelIndex(), row, row)
        del self._rows[row]
        self.endRemoveRows()

    def set_plan(self, model_id: str, plan: LoadPlan) -> None:
        """How a model would load: its row shows it."""
        self._plans[model_id] = plan
        for row, model in enumerate(self._rows):
            if model.id == model_id:
                self.dataChanged.emit(self.index(row, FIT), self.index(row, SPEED))
                return

    def set_machine(self, there: str) -> None:
        """Fit and speed are for another machine from now on, named ``there``; "" is this computer."""
        self._plans.clear()
        self._there = there
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, FIT, SPEED)
        if self._rows:
            self.dataChanged.emit(self.index(0, FIT), self.index(len(self._rows) - 1, SPEED))

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Titles say where a model would run."""
        if section == FIT and role == Qt.ItemDataRole.DisplayRole and self._there:
            return tr("Runs there")
        return super().headerData(section, orientation, role)

    def _title_tip(self, column: int) -> str | None:
        if column not in (FIT, SPEED):
            return None
        where = tr("On {there}", there=self._there or tr("this computer"))
        return plain_tooltip(f"{where}\n{ROUGH_SPEED}" if column == SPEED else where)

    def _key(self, column: int) -> Callable[[LibraryModel], Any]:
        planned, plans = COLUMNS[column].planned_key, self._plans
        return COLUMNS[column].key if planned is None else lambda model: planned(model, plans.get(model.id))

    def _ordered(self) -> list[LibraryModel]:
        self._given.sort(key=self._key(NAME))  # the order of what is equal in the column
        return super()._ordered()

    # -- Qt's questions --------------------------------------------------------------------------

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, alignment, colour and tooltip of a cell."""
        model = self.at(index.row())
        if model is None:
            return None
        column = index.column()
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return COLUMNS[column].text(model, self._plans.get(model.id))
            case Qt.ItemDataRole.TextAlignmentRole:
                return self.alignment(column)
            case Qt.ItemDataRole.ToolTipRole:
                return plain_tooltip(self._tooltip(model, column))
            case Qt.ItemDataRole.FontRole if column == NAME:
                return self._name_font
            case Qt.ItemDataRole.ForegroundRole if model.problem and column == NAME:
                return self._theme.color("warn")
            case Qt.ItemDataRole.ForegroundRole if column == NAME and not model.kind.writes_text:
                return self._theme.color("text_muted")
            case Qt.ItemDataRole.ForegroundRole if column in (ARCHITECTURE, WHERE, LAST_USED):
                return self._theme.color("text_muted")
        return None

    def _tooltip(self, model: LibraryModel, column: int) -> str:
        plan = self._plans.get(model.id)
        there = (
            tr("On {there}:\n", there=self._there)
            if self._there and column in (FIT, SPEED) and plan is not None
            else ""
        )
        return f"{there}{_tooltip(model, column, plan)}"

    def _restyle(self) -> None:
        if self._rows:
            last = self.index(len(self._rows) - 1, len(COLUMNS) - 1)
            self.dataChanged.emit(self.index(0, 0), last, [Qt.ItemDataRole.ForegroundRole])


class LibraryTableModel(FilteredTable):
    """The models that are searched for, of all that are here."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        self._all = LibraryRows(theme)
        super().__init__(self._all, lambda row: self._all.texts[self._all.models[row].id], parent)
        self._all.setParent(self)

    @property
    def total(self) -> int:
        """Rows before filtering."""
        return len(self._all.models)

    @property
    def total_bytes(self) -> int:
        """Bytes of all rows before filtering."""
        return sum(model.size_bytes for model in self._all.models)

    @property
    def words(self) -> frozenset[str]:
        """The words of what can be searched for."""
        return words_of(self._all.texts.values())

    def at(self, row: int) -> LibraryModel | None:
        """The model shown in a row."""
        return self._all.at(self.source_row(row))

    def row_of(self, model_id: str) -> int:
        """The row that shows a model, -1 when none does."""
        found = next((row for row, model in enumerate(self._all.models) if model.id == model_id), -1)
        return self.row_for(found)

    def set_plan(self, model_id: str, plan: LoadPlan) -> None:
        """How a model would load."""
        self._all.set_plan(model_id, plan)

    @property
    def models(self) -> Sequence[LibraryModel]:
        """All of them, before filtering."""
        return self._all.models

    def set_machine(self, there: str) -> None:
        """Fit and speed are for another machine from now on; "" is this computer."""
        self._all.set_machine(there)

    def set_models(self, models: Sequence[LibraryModel]) -> None:
        """Show these models."""
        self._all.set_models(models)

    def remove(self, model_id: str) -> None:
        """Take one model out."""
        self._all.remove(model_id)


def _searchable(model: LibraryModel) -> str:
    place = f"{SOURCE_NAMES[model.source]} {model.path.parent.name}"
    what = f"{model.architecture} {model.quantization} {kind_name(model.kind)}"
    return f"{' '.join(model.names) or model.name} {model.apart} {what} {place}".casefold()


def _tooltip(model: LibraryModel, column: int, plan: LoadPlan | None) -> str:
    if column == NAME:
        return f"{model.title}\n{model.problem or kind_note(model.kind)}".rstrip()
    if column in (FIT, SPEED) and plan is not None and plan.fit is not None and model.kind.writes_text:
        return f"{summary(plan)}\n{speed_details(plan.speeds)}".rstrip()
    if column == FIT:
        return model.problem or kind_note(model.kind)
    if column == PARAMETERS and model.parameters:
        return tr("{parameters:,} parameters", parameters=model.parameters)
    if column == SIZE:
        return tr("{size_bytes:,} bytes", size_bytes=model.size_bytes)
    if column == WHERE:
        return str(model.path)
    if column == LAST_USED and model.last_used is not None:
        return f"{datetime.fromtimestamp(model.last_used):%d %B %Y, %H:%M}"
    return ""
