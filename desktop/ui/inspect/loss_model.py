"""What other types would lose of a tensor, as a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Qt

from desktop.core.units import human_bits
from desktop.core.words import tr
from desktop.services.inspect.tensor_numbers import TypeLoss
from desktop.ui.shared.column_table import Index
from desktop.ui.shared.sorted_table import SortedTable

IMATRIX_SIGN = "*"


@dataclass(frozen=True)
class LossColumn:
    """One column: title, its explanation, text and what it is sorted by."""

    title: str
    explanation: str
    text: Callable[[TypeLoss], str]
    key: Callable[[TypeLoss], Any]


COLUMNS = (
    LossColumn(
        tr("Type"),
        tr("The type the tensor would be stored in"),
        lambda t: t.type + IMATRIX_SIGN * t.needs_imatrix,
        lambda t: t.type,
    ),
    LossColumn(tr("Bits"), tr("Bits per weight"), lambda t: human_bits(t.bits_per_weight), lambda t: t.bits_per_weight),
    LossColumn(
        tr("Error"),
        tr("Root mean square error, relative to the values"),
        lambda t: _percent(t.relative),
        lambda t: t.relative,
    ),
    LossColumn("RMSE", tr("Root mean square error"), lambda t: _small(t.rmse), lambda t: t.rmse),
    LossColumn(tr("Max"), tr("The largest error of any weight"), lambda t: _small(t.largest), lambda t: t.largest),
)


def _small(number: float) -> str:
    return f"{number:.1e}" if number else "0"


def _percent(share: float) -> str:
    return f"{share * 100:.2g} %" if share * 100 < 10 else f"{share * 100:.0f} %"


class LossModel(SortedTable[TypeLoss]):
    """At most a few dozen rows. ``current`` is the type the tensor has now, marked by an arrow."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__([column.title for column in COLUMNS], range(1, len(COLUMNS)), parent)
        self._current = ""
        self._column, self._descending = 1, True

    def set_rows(self, rows: tuple[TypeLoss, ...], current: str) -> None:
        """Show these types."""
        self._current = current
        self._replace(rows)

    def text(self) -> str:
        """The table as tab-separated text."""
        lines = ["\t".join(column.title for column in COLUMNS)]
        lines += ["\t".join(column.text(row) for column in COLUMNS) for row in self._rows]
        return "\n".join(lines)

    def _key(self, column: int) -> Callable[[TypeLoss], Any]:
        return COLUMNS[column].key

    def _title_tip(self, column: int) -> str | None:
        return COLUMNS[column].explanation

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, alignment and tooltip of a cell."""
        row, column = self._rows[index.row()], index.column()
        is_current = row.type == self._current
        match role:
            case Qt.ItemDataRole.DisplayRole:
                mark = " ←" if is_current and column == 0 else ""
                return COLUMNS[column].text(row) + mark
            case Qt.ItemDataRole.TextAlignmentRole:
                return self.alignment(column)
            case Qt.ItemDataRole.ToolTipRole if is_current:
                return tr("The type this tensor has now: storing it again changes little or nothing.")
            case Qt.ItemDataRole.ToolTipRole if row.needs_imatrix:
                return tr("Meant to be made with an importance matrix, which lowers the error where it matters.")
        return None
