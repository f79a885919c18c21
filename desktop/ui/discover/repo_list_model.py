"""Search results as a list: immutable rows, pages appended as one scrolls, marks changed in place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from desktop.core.pools import Pool
from desktop.core.text import plain_tooltip
from desktop.core.words import tr
from desktop.hub.records import RepoSummary
from desktop.services.discover.search_results import Result, result_of

Index = QModelIndex | QPersistentModelIndex
RESULT_ROLE = int(Qt.ItemDataRole.UserRole) + 1


class RepoListModel(QAbstractListModel):
    """Results of one search. ``more_wanted`` asks for the next page when the view comes near the end."""

    more_wanted = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[Result] = []
        self._known: set[str] = set()
        self._pools: tuple[Pool, ...] = ()
        self._fits_only = False
        self._hidden: list[RepoSummary] = []
        self._more = False
        self._now = 0.0

    @property
    def hidden(self) -> int:
        """Results left out because they do not fit."""
        return len(self._hidden)

    def at(self, row: int) -> Result | None:
        """The result shown in a row."""
        return self._rows[row] if 0 <= row < len(self._rows) else None

    def row_of(self, repo_id: str) -> int:
        """The row that shows a repo, -1 when none does."""
        return next((row for row, result in enumerate(self._rows) if result.repo.id == repo_id), -1)

    def clear(self) -> None:
        """No results, and none to come."""
        self.beginResetModel()
        self._rows, self._known, self._hidden, self._more = [], set(), [], False
        self.endResetModel()

    def append(self, repos: Sequence[RepoSummary], *, more: bool, now: float) -> None:
        """Add a page; ``more`` says whether another may follow. Repos already shown are left out."""
        self._more, self._now = more, now
        self._insert([repo for repo in repos if repo.id not in self._known])

    def set_pools(self, pools: tuple[Pool, ...]) -> None:
        """Mark all results for another memory; rows stay where they are."""
        self._pools = pools
        self._rows = [result_of(result.repo, pools, self._now) for result in self._rows]
        if self._rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, 0))

    def set_fits_only(self, wanted: bool) -> None:
        """Leave out what does not fit. Applies to pages added from now on: search again to apply it to all."""
        self._fits_only = wanted

    def _insert(self, repos: Sequence[RepoSummary]) -> None:
        self._known.update(repo.id for repo in repos)
        results = [result_of(repo, self._pools, self._now) for repo in repos]
        if self._fits_only:
            self._hidden += [result.repo for result in results if result.mark == "too-large"]
            results = [result for result in results if result.mark != "too-large"]
        if not results:
            return
        first = len(self._rows)
        self.beginInsertRows(QModelIndex(), first, first + len(results) - 1)
        self._rows += results
        self.endInsertRows()

    # -- Qt's questions --------------------------------------------------------------------------

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Rows shown."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The result itself for the painter; words for readers."""
        result = self.at(index.row())
        if result is None:
            return None
        if role == RESULT_ROLE:
            return result
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return result.title
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"{result.title}, {result.about}, {result.mark_words}, {result.figures}"
            case Qt.ItemDataRole.ToolTipRole:
                licence = tr("licence {license}", license=result.repo.license) if result.repo.license else ""
                lines = [result.repo.id, result.about, result.figures, licence]
                return plain_tooltip("\n".join(line for line in lines if line))
        return None

    def canFetchMore(self, parent: Index) -> bool:
        """Whether another page may follow."""
        return self._more and not parent.isValid()

    def fetchMore(self, parent: Index) -> None:
        """Ask for it, once."""
        if self._more:
            self._more = False
            self.more_wanted.emit()
