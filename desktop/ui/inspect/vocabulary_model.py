"""The vocabulary's table: rows are read in pages, in the background, when they come into view."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QObject, Qt

from desktop.core.text import plain_tooltip
from desktop.core.words import tr
from desktop.services.inspect.vocabulary import Vocabulary, VocabularyToken
from desktop.ui.shared.column_table import ColumnTable, Index
from desktop.ui.shell.tasks import Lane, Tasks
from desktop.ui.shell.theme import Theme

TITLES = (tr("Id"), tr("Token"), tr("Type"), tr("Score"), tr("As stored"))
ID, TOKEN, TYPE, SCORE, STORED = range(len(TITLES))
PAGE = 256  # rows read at a time
KEPT = 64  # pages that stay in memory


class VocabularyModel(ColumnTable):
    """All tokens, or those a search found. A row that is not read yet shows only its id.

    No QSortFilterProxyModel: of 262,144 tokens it holds the GUI thread for 220 to 880 ms at each key (two cores of an
    EPYC, all texts already in memory, which the file's are not), where the service searches the file on a worker.
    """

    def __init__(self, theme: Theme, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(TITLES, (ID, SCORE), parent)
        self._theme, self._tasks = theme, tasks
        self._vocabulary: Vocabulary | None = None
        self._ids: Sequence[int] = range(0)
        self._pages: OrderedDict[int, list[VocabularyToken]] = OrderedDict()
        self._asked: set[int] = set()
        self._generation = 0
        theme.changed.connect(self._restyle)

    def set_vocabulary(self, vocabulary: Vocabulary | None) -> None:
        """Show all tokens of another vocabulary."""
        self._vocabulary = vocabulary
        self.set_ids(None)

    def set_ids(self, ids: array[int] | None) -> None:
        """Show only these tokens, ascending; None shows all."""
        self.beginResetModel()
        size = self._vocabulary.size if self._vocabulary is not None else 0
        self._ids = range(size) if ids is None else ids
        self._pages.clear()
        self._asked.clear()
        self._generation += 1
        self.endResetModel()

    def row_of(self, token: int) -> int:
        """The row of a token when all are shown; -1 otherwise."""
        return token if isinstance(self._ids, range) and 0 <= token < len(self._ids) else -1

    def token_at(self, row: int) -> VocabularyToken | None:
        """The token of a row, None while it is not read."""
        page = self._pages.get(row // PAGE)
        place = row % PAGE
        return page[place] if page is not None and place < len(page) else None

    # -- reading ---------------------------------------------------------------------------------

    def _ask(self, number: int) -> None:
        vocabulary, generation = self._vocabulary, self._generation
        if number in self._asked or vocabulary is None:
            return
        self._asked.add(number)
        ids = self._ids[number * PAGE : (number + 1) * PAGE]
        self._tasks.run(
            lambda context: vocabulary.read(ids),
            done=lambda tokens: self._take(generation, number, tokens),
            failed=lambda error: self._fail(generation, number),
            lane=Lane.JOB,
            owner=self,
        )

    def _take(self, generation: int, number: int, tokens: list[VocabularyToken]) -> None:
        if generation != self._generation:
            return
        self._asked.discard(number)
        self._pages[number] = tokens
        while len(self._pages) > KEPT:
            self._pages.popitem(last=False)
        first = number * PAGE
        self.dataChanged.emit(self.index(first, 0), self.index(first + len(tokens) - 1, STORED))

    def _fail(self, generation: int, number: int) -> None:
        # The page stays asked for: a file that went away is not read again for every paint.
        if generation == self._generation:
            self._pages[number] = []

    # -- Qt's questions --------------------------------------------------------------------------

    def _count(self) -> int:
        return len(self._ids)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, font and colour of a cell; asking for a row that is not there yet has it read."""
        row, column = index.row(), index.column()
        match role:
            case Qt.ItemDataRole.DisplayRole | Qt.ItemDataRole.ToolTipRole:
                return self._text(row, column, role)
            case Qt.ItemDataRole.TextAlignmentRole:
                return self.alignment(column)
            case Qt.ItemDataRole.FontRole if column in (TOKEN, STORED):
                return self._theme.monospace
            case Qt.ItemDataRole.ForegroundRole if column in (ID, TYPE, STORED):
                return self._theme.color("text_muted")
        return None

    def _text(self, row: int, column: int, role: int) -> str | None:
        token = self.token_at(row)
        if token is None:
            self._ask(row // PAGE)
            return f"{self._ids[row]}" if column == ID else None
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip(token.shown[:1000]) if column == TOKEN and len(token.shown) > 20 else None
        score = f"{token.score:.6g}" if token.score is not None else ""
        return (str(token.id), token.shown[:400], token.type, score, token.stored[:400])[column]

    def _restyle(self) -> None:
        if len(self._ids):
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._ids) - 1, STORED))
