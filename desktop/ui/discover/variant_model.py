"""The table of variants: immutable rows of one view, patched in place when figures change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QFont

from desktop.core.text import plain_tooltip
from desktop.core.units import human_bytes
from desktop.services.discover.picker_records import Row, View
from desktop.services.discover.picker_words import Tone, loss, loss_details, memory_details, speed, where
from desktop.services.models.downloads_records import DownloadState
from desktop.ui.shared.column_table import ColumnTable, Index
from desktop.ui.shared.labels import WARNING_SIGN
from desktop.ui.shell.theme import Theme

ACTION_ROLE = int(Qt.ItemDataRole.UserRole) + 1
RECOMMENDED_ROLE = ACTION_ROLE + 1


@dataclass(frozen=True)
class Column:
    """One column: its title, its text, and the tone of the text (None: plain)."""

    title: str
    text: Callable[[Row], str]
    tone: Callable[[Row], Tone] | None = None


def _memory(row: Row) -> str:
    fit = row.option.fit
    if fit is None:
        return "–"
    return human_bytes(fit.memory.total_bytes) if fit.method == "engine" else f"~ {human_bytes(fit.memory.total_bytes)}"


COLUMNS = (
    Column("Variant", lambda row: f"{WARNING_SIGN} {row.variant.name}" if row.problem else row.variant.name),
    Column("Download", lambda row: human_bytes(row.variant.download_bytes)),
    Column("Memory", _memory),
    Column("Where it runs", lambda row: where(row.option)[0], lambda row: where(row.option)[1]),
    Column("Predicted speed", lambda row: speed(row.option.rate)),
    Column(
        "Quality loss (KLD)",
        lambda row: loss(row.option.quality, unit=False)[0],
        lambda row: loss(row.option.quality)[1],
    ),
    Column("", lambda row: ""),
)
VARIANT, DOWNLOAD, MEMORY, WHERE, SPEED, QUALITY, ACTION = range(len(COLUMNS))
ACTIONS = {
    "queued": "Queued",
    "checking": "Checking…",
    "waiting": "Waiting…",
    "paused": "Resume",
    "finished": "Chat now",
    "failed": "Try again",
}


class VariantTableModel(ColumnTable):
    """Rows of one repo, in the order of size."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__([column.title for column in COLUMNS], range(1, len(COLUMNS)), parent)
        self._theme = theme
        self._view: View | None = None
        self._texts: list[tuple[str, ...]] = []
        self._tones: list[tuple[str, ...]] = []
        self._downloads: Mapping[str, DownloadState] = {}
        self._bold = QFont()
        self._bold.setWeight(QFont.Weight.Bold)
        theme.changed.connect(self._restyle)

    @property
    def recommended(self) -> int:
        """The recommended row, -1 without one."""
        index = self._view.recommendation.index if self._view else None
        return -1 if index is None else index

    def at(self, row: int) -> Row | None:
        """The row of the view."""
        rows = self._view.rows if self._view else ()
        return rows[row] if 0 <= row < len(rows) else None

    def row_of(self, name: str) -> int:
        """The row of a variant, -1 when there is none of that name."""
        rows = self._view.rows if self._view else ()
        return next((i for i, row in enumerate(rows) if row.variant.name == name), -1)

    def set_view(self, view: View | None) -> None:
        """Show a view; the same variants are patched, so that the selection holds."""
        before = [row.variant.name for row in self._view.rows] if self._view else []
        after = [row.variant.name for row in view.rows] if view else []
        texts = [tuple(column.text(row) for column in COLUMNS) for row in view.rows] if view else []
        tones = [tuple(c.tone(row) if c.tone else "" for c in COLUMNS) for row in view.rows] if view else []
        if before == after:
            self._view, self._texts, self._tones = view, texts, tones
            if after:
                self.dataChanged.emit(self.index(0, 0), self.index(len(after) - 1, len(COLUMNS) - 1))
            return
        self.beginResetModel()
        self._view, self._texts, self._tones = view, texts, tones
        self.endResetModel()

    def set_downloads(self, downloads: Mapping[str, DownloadState]) -> None:
        """Downloads by variant name; they decide what the last column offers."""
        self._downloads = downloads
        if self._texts:
            self.dataChanged.emit(self.index(0, ACTION), self.index(len(self._texts) - 1, ACTION))

    def download_of(self, name: str) -> DownloadState | None:
        """The download of a variant."""
        return self._downloads.get(name)

    def action(self, row: int) -> str:
        """What the button of a row says."""
        found = self.at(row)
        if found is None:
            return ""
        state = self._downloads.get(found.variant.name)
        if state is None:
            return "Chat now" if found.local_path is not None else "Download"
        if state.phase == "downloading":
            return f"{state.fraction:.0%}"
        return ACTIONS.get(state.phase, "Download")

    def painted(self, row: int, column: int) -> tuple[str, str, bool]:
        """A cell's text, the theme's token of its colour, and whether it is bold: asked for all of them at a paint."""
        starred = column == VARIANT and row == self.recommended
        text = self._texts[row][column]
        return f"{text} ★" if starred else text, self._tones[row][column] or "text", starred

    # -- Qt's questions --------------------------------------------------------------------------

    def _count(self) -> int:
        return len(self._texts)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, alignment, colour and tooltip of a cell."""
        row, column = index.row(), index.column()
        if not 0 <= row < len(self._texts):
            return None
        recommended = row == self.recommended
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self.painted(row, column)[0]
            case Qt.ItemDataRole.TextAlignmentRole:
                return self.alignment(column)
            case Qt.ItemDataRole.FontRole if recommended and column == VARIANT:
                return self._bold
            case Qt.ItemDataRole.ForegroundRole if self._tones[row][column]:
                return self._theme.color(self._tones[row][column])
            case Qt.ItemDataRole.ToolTipRole:
                return plain_tooltip(self._tooltip(row, column))
            case Qt.ItemDataRole.AccessibleTextRole if column == ACTION:
                return f"{self.action(row)} {self._texts[row][VARIANT]}"
        if role == ACTION_ROLE:
            return self.action(row) if column == ACTION else ""
        return recommended if role == RECOMMENDED_ROLE else None

    def _tooltip(self, row: int, column: int) -> str:
        found = self.at(row)
        if found is None:
            return ""
        if column == VARIANT:
            recommended = "Recommended." if row == self.recommended else ""
            lines = (found.variant.name, recommended, found.variant.note, found.problem)
            return "\n".join(line for line in lines if line)
        if column == DOWNLOAD:
            files = [f"On this computer already: {found.local_path}"] if found.local_path is not None else []
            files += [f"{file.path}: {file.size_bytes:,} bytes" for file in found.variant.files[:8]]
            projector = found.variant.projector
            if projector is not None:
                files.append(f"{projector.path} (projector, for pictures): {projector.size_bytes:,} bytes")
            return "\n".join(files)
        if column in (MEMORY, WHERE):
            return memory_details(found.option)
        if column == SPEED:
            fit = found.option.fit
            return f"Predicted at {fit.context:,} tokens of context" if fit and found.option.rate else ""
        if column == QUALITY:
            return loss_details(found.option.quality)
        state = self._downloads.get(found.variant.name)
        return state.message if state else ""

    def _restyle(self) -> None:
        if self._texts:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._texts) - 1, len(COLUMNS) - 1))
