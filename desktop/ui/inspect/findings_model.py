"""Findings about a model as a table: the worst first, each with its sign, reason and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QObject, Qt

from desktop.core.findings import Finding, Severity
from desktop.core.words import tr
from desktop.ui.shared.column_table import ColumnTable, Index
from desktop.ui.shell.theme import Theme

TITLES = (tr("Severity"), tr("Problem"), tr("Reason"), tr("What to do"))
SEVERITY, MESSAGE, REASON, ACTION = range(len(TITLES))
SHOWN: dict[Severity, tuple[str, str]] = {
    "error": (tr("✖ Error"), "bad"),
    "warning": (tr("⚠ Warning"), "warn"),
    "note": (tr("ℹ Note"), "text_muted"),
}
_ORDER: tuple[Severity, ...] = ("error", "warning", "note")


class FindingsModel(ColumnTable):
    """At most some hundred rows."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(TITLES, (), parent)
        self._theme = theme
        self._rows: list[Finding] = []
        theme.changed.connect(self._restyle)

    def set_findings(self, findings: Sequence[Finding]) -> None:
        """Show these, the worst first; each once."""
        self.beginResetModel()
        self._rows = sorted(dict.fromkeys(findings), key=lambda finding: _ORDER.index(finding.severity))
        self.endResetModel()

    def at(self, row: int) -> Finding | None:
        """The finding of a row."""
        return self._rows[row] if 0 <= row < len(self._rows) else None

    def text(self) -> str:
        """All of them as plain text, for a report."""
        blocks = []
        for finding in self._rows:
            parts = [f"{finding.severity}: {finding.message}", finding.reason, finding.action]
            blocks.append("\n  ".join(part for part in parts if part))
        return "\n".join(blocks)

    def _count(self) -> int:
        return len(self._rows)

    def alignment(self, column: int) -> Qt.AlignmentFlag:
        """Titles; texts begin at the top."""
        return Qt.AlignmentFlag.AlignLeft

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, alignment and colour of a cell."""
        finding, column = self._rows[index.row()], index.column()
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return (SHOWN[finding.severity][0], finding.placed, finding.reason, finding.action)[column]
            case Qt.ItemDataRole.TextAlignmentRole:
                return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop
            case Qt.ItemDataRole.ForegroundRole if column == SEVERITY:
                return self._theme.color(SHOWN[finding.severity][1])
            case Qt.ItemDataRole.ForegroundRole if column == REASON:
                return self._theme.color("text_muted")
        return None

    def _restyle(self) -> None:
        if self._rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, ACTION))
