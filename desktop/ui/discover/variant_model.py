"""The table of variants: immutable rows of one view, patched in place when figures change, and their order.

A repo of several models has a heading above the variants of each, and sorting keeps them together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, QSortFilterProxyModel, Qt
from PySide6.QtGui import QFont

from desktop.core.choice_options import PLACES
from desktop.core.text import plain_tooltip, visible_in_place
from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.services.discover.picker_records import VariantRow, View
from desktop.services.discover.picker_words import (
    Tone,
    loss,
    loss_details,
    memory_details,
    model_facts,
    names_in,
    where,
)
from desktop.services.job_words import resume_word
from desktop.services.models.companion_words import companion_words
from desktop.services.models.downloads_records import DOWNLOAD as DOWNLOAD_JOB
from desktop.services.models.downloads_records import DownloadState
from desktop.services.planning.words import ROUGH_MEMORY, ROUGH_SPEED, speed, speed_details
from desktop.ui.shared.column_table import ColumnTable, Index
from desktop.ui.shared.labels import WARNING_SIGN
from desktop.ui.shell.theme import Theme

SortKey = float | str | None  # None: unknown, which comes last whichever way round


@dataclass(frozen=True)
class VariantColumn:
    """One column: its title, its text, what it is sorted by, and the tone of the text (None: plain)."""

    title: str
    text: Callable[[VariantRow], str]
    sort_key: Callable[[VariantRow], SortKey] = lambda row: None
    tone: Callable[[VariantRow], Tone] | None = None


def _memory(row: VariantRow) -> str:
    fit = row.option.fit
    if fit is None:
        return "–"
    return human_bytes(fit.memory.total_bytes) if fit.method == "engine" else f"~ {human_bytes(fit.memory.total_bytes)}"


def _place(row: VariantRow) -> SortKey:
    """From the fastest place to the slowest; where some layers are on the GPU the most of them first."""
    fit = row.option.fit
    if fit is None:
        return None
    return PLACES.index(fit.placement) + 1 - fit.gpu_layers / (fit.layers + 1)


COLUMNS = (
    VariantColumn(tr("Variant"), lambda row: row.variant.name, lambda row: row.variant.name.lower()),
    VariantColumn(tr("Download"), lambda row: human_bytes(row.variant.size_bytes), lambda row: row.variant.size_bytes),
    VariantColumn(tr("Memory"), _memory, lambda row: row.option.fit.memory.total_bytes if row.option.fit else None),
    VariantColumn(tr("Where it runs"), lambda row: where(row.option)[0], _place, lambda row: where(row.option)[1]),
    VariantColumn(
        tr("Speed (tok/s)"),
        lambda row: speed(row.option.speeds, unit=False),
        lambda row: row.option.rate.expected if row.option.rate else None,
    ),
    VariantColumn(
        tr("Quality loss (KLD)"),
        lambda row: loss(row.option.quality, unit=False)[0],
        lambda row: row.option.quality.severity_high,
        lambda row: loss(row.option.quality)[1],
    ),
    VariantColumn("", lambda row: ""),
)
VARIANT, DOWNLOAD, MEMORY, WHERE, SPEED, QUALITY, ACTION = range(len(COLUMNS))
_TITLE_TIPS = {
    SPEED: tr("Predicted tokens per second while writing: with an empty context → with all of it used\n") + ROUGH_SPEED,
    QUALITY: tr(
        "How far its words are from the original model's, as others measured it; KLD is 0 where they are the same"
    ),
    MEMORY: tr("In main memory and on the GPU together, at the context above\n") + ROUGH_MEMORY,
}
_HEADING = ("",) * len(COLUMNS)
ACTIONS = {
    "queued": tr("Queued"),
    "checking": tr("Checking…"),
    "waiting": tr("Waiting…"),
    "finished": tr("Chat now"),
}


class VariantTableModel(ColumnTable):
    """Lines of one view: a heading per model where there are several, and below it the model's variants by size.

    The *number* of a line is that of its row in the view, -1 for a heading.
    """

    def __init__(
        self, theme: Theme, meaning: Callable[[VariantRow], str] = lambda _row: "", parent: QObject | None = None
    ) -> None:
        """``meaning`` says in a sentence what a variant's quantization is."""
        self.meaning = meaning
        super().__init__([column.title for column in COLUMNS], range(1, len(COLUMNS)), parent)
        self._theme = theme
        self._view: View | None = None
        self._lines: list[tuple[int, int]] = []  # the number of the model, and of the row
        self._names: list[str] = []  # what was shown, to know the same variants again
        self._texts: list[tuple[str, ...]] = []
        self._tones: list[tuple[str, ...]] = []
        self._recommended: frozenset[int] = frozenset()
        self._downloads: Mapping[str, DownloadState] = {}
        self._short = False
        self._bold = QFont()
        self._bold.setWeight(QFont.Weight.Bold)
        theme.changed.connect(self._restyle)

    def at(self, number: int) -> VariantRow | None:
        """The row of the view."""
        rows = self._view.rows if self._view else ()
        return rows[number] if 0 <= number < len(rows) else None

    def number_at(self, line: int) -> int:
        """The number of the row on a line, -1 for a heading."""
        return self._lines[line][1] if 0 <= line < len(self._lines) else -1

    def line_of(self, number: int) -> int:
        """The line of a row, -1 where it is not shown."""
        return next((line for line, (_, own) in enumerate(self._lines) if own == number), -1)

    def is_heading(self, line: int) -> bool:
        """Whether a line is the heading of a model."""
        return self._lines[line][1] < 0

    def heading_at(self, line: int) -> tuple[str, str]:
        """The name and the facts of a line's model."""
        assert self._view is not None
        group = self._view.groups[self._lines[line][0]]
        return visible_in_place(group.name), visible_in_place(
            model_facts(group, self._view.controls.asked().context or 0)
        )

    def is_recommended(self, line: int) -> bool:
        """Whether a line is the variant to take of its model."""
        return self._lines[line][1] in self._recommended

    def set_view(self, view: View | None) -> None:
        """Show a view; the same variants are patched, so that the selection holds."""
        lines, names = _lines_of(view), [row.variant.name for row in view.rows] if view else []
        same = lines == self._lines and names == self._names
        if not same:
            self.beginResetModel()
        self._view, self._lines, self._names = view, lines, names
        shown: dict[int, str] = {}
        recommended: set[int] = set()
        for group in view.groups if view else ():
            shown |= names_in(group, view.rows, several=view.several) if view else {}
            recommended |= set() if group.recommended is None else {group.recommended}
        rows = [(number, self.at(number)) for _, number in lines]
        self._texts = [_texts(row, shown[number]) if row else _HEADING for number, row in rows]
        self._tones = [tuple(c.tone(row) if c.tone else "" for c in COLUMNS) if row else _HEADING for _, row in rows]
        self._recommended = frozenset(recommended)
        if not same:
            self.endResetModel()
        elif lines:
            self.dataChanged.emit(self.index(0, 0), self.index(len(lines) - 1, len(COLUMNS) - 1))

    def set_short_titles(self, short: bool) -> None:
        """Say only the unit where a column has no room for its title."""
        if short != self._short:
            self._short = short
            self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(COLUMNS) - 1)

    def set_downloads(self, downloads: Mapping[str, DownloadState]) -> None:
        """Downloads by variant name; they decide what the last column offers."""
        self._downloads = downloads
        if self._texts:
            self.dataChanged.emit(self.index(0, ACTION), self.index(len(self._texts) - 1, ACTION))

    def number_of(self, download: DownloadState) -> int:
        """The number of the row that shows a download; -1 where none does."""
        shown = [name for name, state in self._downloads.items() if state.id == download.id]
        return next((number for number, name in enumerate(self._names) if name in shown), -1)

    def download_of(self, name: str) -> DownloadState | None:
        """The download of a variant."""
        return self._downloads.get(name)

    def is_here(self, number: int) -> bool:
        """Whether all of a row's file is on this computer."""
        if (found := self.at(number)) is None:
            return False
        state = self._downloads.get(found.variant.name)
        return found.local_path is not None if state is None else state.phase == "finished"

    def action(self, line: int) -> str:
        """What the button of a line says."""
        found = self.at(self.number_at(line))
        if found is None:
            return ""
        state, here = self._downloads.get(found.variant.name), self.is_here(self.number_at(line))
        if here and self._view is not None and not self._view.groups[found.group].kind.writes_text:
            return tr("Downloaded")
        if state is None:
            return tr("Chat now") if here else tr("Download")
        if state.phase == "downloading":
            return f"{state.fraction:.0%}"
        if state.phase in ("paused", "failed"):
            return resume_word(state.anew, DOWNLOAD_JOB)
        return ACTIONS.get(state.phase, "Download")

    def painted(self, line: int, column: int) -> tuple[str, str, bool]:
        """A cell's text, the theme's token of its colour, and whether it is bold: asked for all of them at a paint."""
        starred = column == VARIANT and self._lines[line][1] in self._recommended
        text = self._texts[line][column]
        return f"{text} ★" if starred else text, self._tones[line][column] or "text", starred

    def sort_key(self, line: int, column: int) -> SortKey:
        """What a line is sorted by."""
        row = self.at(self.number_at(line))
        return COLUMNS[column].sort_key(row) if row else None

    def model_of(self, line: int) -> tuple[int, bool]:
        """The number of a line's model, and whether it is a variant: a heading is the least of its model."""
        group, number = self._lines[line]
        return group, number >= 0

    # -- Qt's questions --------------------------------------------------------------------------

    def _count(self) -> int:
        return len(self._texts)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Titles, which may be short, and what they mean."""
        if self._short and section == SPEED and role == Qt.ItemDataRole.DisplayRole:
            return "tok/s"
        return super().headerData(section, orientation, role)

    def _title_tip(self, column: int) -> str | None:
        return _TITLE_TIPS.get(column)

    def flags(self, index: Index) -> Qt.ItemFlag:
        """A heading can be neither chosen nor walked to."""
        return super().flags(index) if self.number_at(index.row()) >= 0 else Qt.ItemFlag.NoItemFlags

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, alignment, colour and tooltip of a cell."""
        line, column = index.row(), index.column()
        if not 0 <= line < len(self._texts):
            return None
        if self.is_heading(line):
            return _heading_data(self.heading_at(line), column, role)
        recommended = self.is_recommended(line)
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self.painted(line, column)[0]
            case Qt.ItemDataRole.TextAlignmentRole:
                return self.alignment(column)
            case Qt.ItemDataRole.FontRole if recommended and column == VARIANT:
                return self._bold
            case Qt.ItemDataRole.ForegroundRole if self._tones[line][column]:
                return self._theme.color(self._tones[line][column])
            case Qt.ItemDataRole.ToolTipRole:
                return plain_tooltip(self._tooltip(line, column))
            case Qt.ItemDataRole.AccessibleTextRole if column == ACTION:
                return f"{self.action(line)} {self._texts[line][VARIANT]}"
        return None

    def _tooltip(self, line: int, column: int) -> str:
        found = self.at(self.number_at(line))
        if found is None:
            return ""
        if column == VARIANT:
            recommended = tr("Recommended.") if self.is_recommended(line) else ""
            lines = (found.variant.name, self.meaning(found), recommended, found.variant.note, found.problem)
            return "\n".join(line for line in lines if line)
        if column == DOWNLOAD:
            files = (
                [tr("You have this already: {local_path}", local_path=found.local_path)]
                if found.local_path is not None
                else []
            )
            files += [
                tr("{path}: {size_bytes:,} bytes", path=file.path, size_bytes=file.size_bytes)
                for file in found.variant.files[:8]
            ]
            files += [
                tr("Only where it is taken along: {one}", one=companion_words(one)) for one in found.variant.companions
            ]
            return "\n".join(files)
        if column in (MEMORY, WHERE):
            return memory_details(found.option)
        if column == SPEED:
            return speed_details(found.option.speeds)
        if column == QUALITY:
            return loss_details(found.option.quality)
        state = self._downloads.get(found.variant.name)
        return state.message if state else ""

    def _restyle(self) -> None:
        if self._texts:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._texts) - 1, len(COLUMNS) - 1))


class VariantOrder(QSortFilterProxyModel):
    """Variants by a column, each model's by itself: the models stay in their order, their headings above."""

    def __init__(self, rows: VariantTableModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows = rows
        self.setSourceModel(rows)

    def lessThan(self, left: Index, right: Index) -> bool:
        """Whether one line stands above another when sorted upwards; downwards Qt asks the other way round."""
        upwards = self.sortOrder() == Qt.SortOrder.AscendingOrder
        one, other = self._rows.model_of(left.row()), self._rows.model_of(right.row())
        if one != other:
            return (one < other) == upwards
        column = self.sortColumn()
        a, b = self._rows.sort_key(left.row(), column), self._rows.sort_key(right.row(), column)
        if a is None or b is None:
            return a is not b and (b is None) == upwards
        return a < b  # type: ignore[operator]  # the keys of one column are of one type


def downloads_of(rows: Sequence[VariantRow], states: Iterable[DownloadState]) -> dict[str, DownloadState]:
    """Downloads of a repo by the name of the variant whose files they bring, the last one of several."""
    paths = {row.variant.name: [file.path for file in row.variant.files] for row in rows}
    return {name: state for state in states for name, files in paths.items() if state.brings(files)}


def _lines_of(view: View | None) -> list[tuple[int, int]]:
    lines = []
    for number, group in enumerate(view.groups if view else ()):
        if view is not None and view.several:
            lines.append((number, -1))
        lines += [(number, row) for row in group.rows]
    return lines


def _texts(row: VariantRow, name: str) -> tuple[str, ...]:
    shown = f"{WARNING_SIGN} {name}" if row.problem else name
    return (shown, *(column.text(row) for column in COLUMNS[1:]))


def _heading_data(heading: tuple[str, str], column: int, role: int) -> Any:
    """A heading stands in the first column, which reaches over all."""
    if column != VARIANT:
        return None
    match role:
        case Qt.ItemDataRole.DisplayRole:
            return heading[0]
        case Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip("\n".join(heading))
        case Qt.ItemDataRole.AccessibleTextRole:
            return ": ".join(heading)
    return None
