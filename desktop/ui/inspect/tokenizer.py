"""The tab Tokenizer: the vocabulary with its special tokens, a search, and how a text becomes tokens."""

from __future__ import annotations

from array import array

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QProgressBar,
    QSplitter,
    QTableView,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from desktop.core.errors import HeftError
from desktop.core.words import counted, tr
from desktop.services.inspect.inspection import Inspected
from desktop.services.inspect.tokenizer import TokenizerService
from desktop.services.inspect.vocabulary import TYPES, SpecialToken, Vocabulary
from desktop.ui.inspect.tab import InspectTab
from desktop.ui.inspect.tokenize_panel import TokenizePanel
from desktop.ui.inspect.vocabulary_model import ID, SCORE, STORED, TOKEN, TYPE, VocabularyModel
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.reflow import Beside, Column
from desktop.ui.shared.search_field import search_field
from desktop.ui.shared.tables import set_up_table
from desktop.ui.shell.tasks import Lane, Task, Tasks
from desktop.ui.shell.theme import Theme

PAUSE_MILLISECONDS = 200
_WIDTHS = {ID: 84, TOKEN: 190, TYPE: 100, SCORE: 80}
_SEARCH_NEEDS = 250  # pixels of field and types beside each other
_EVERY_TYPE = tr("All types")


class TokenizerTab(InspectTab):
    """The vocabulary at the left, the engine's tokenizer at the right."""

    def __init__(self, theme: Theme, tasks: Tasks, service: TokenizerService, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspectTokenizer")
        self._tasks = tasks
        self._vocabulary: Vocabulary | None = None
        self._naming: Task | None = None
        self._searching: Task | None = None
        self._rows = VocabularyModel(theme, tasks, self)
        self._panel = TokenizePanel(theme, tasks, service)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE_MILLISECONDS)
        self._build()
        self._pause.timeout.connect(self._find)
        self._search.textChanged.connect(lambda *_: self._pause.start())
        self._search.returnPressed.connect(self._find)
        self._types.currentIndexChanged.connect(self._find)
        self._stop.clicked.connect(self._cancel_search)
        self._panel.token_asked.connect(self._show_token)

    def show_model(self, inspected: Inspected) -> None:
        """Show this model's vocabulary and use its tokenizer."""
        self.clear()
        vocabulary = Vocabulary(inspected.header)
        self._vocabulary = vocabulary
        self._rows.set_vocabulary(vocabulary)
        self._facts.setText(facts(vocabulary))
        self._table.setColumnHidden(SCORE, not vocabulary.has_scores)
        self._naming = self._tasks.run(
            lambda context: vocabulary.special(),
            done=self._show_special,
            failed=self.notify.emit,
            lane=Lane.JOB,
            owner=self,
        )
        self._panel.show_model(inspected)

    def clear(self) -> None:
        """Show no model."""
        for task in (self._naming, self._searching):
            if task is not None:
                task.cancel()
        self._naming = self._searching = None
        self._pause.stop()
        self._vocabulary = None
        for widget in (self._search, self._types):
            widget.blockSignals(True)
        self._search.clear()
        self._types.setCurrentIndex(0)
        for widget in (self._search, self._types):
            widget.blockSignals(False)
        self._rows.set_vocabulary(None)
        self._facts.setText("")
        self._special.setText("")
        self._found.setText("")
        self._show_searching(False)
        self._panel.show_model(None)

    # -- building --------------------------------------------------------------------------------

    def _build(self) -> None:
        self._facts = plain_label("inspectTokenizerFacts")
        self._special = plain_label("inspectTokenizerSpecial", "muted", selectable=True)
        self._search = search_field("inspectVocabularySearch", tr("Search tokens"), tr("Token or id…"))
        self._types = QComboBox()
        self._types.setObjectName("inspectVocabularyType")
        self._types.setAccessibleName(tr("Type of tokens"))
        self._types.addItems([_EVERY_TYPE, *TYPES.values()])
        self._found = plain_label("inspectVocabularyFound", "muted")
        self._progress = QProgressBar()
        self._progress.setObjectName("inspectVocabularyProgress")
        self._progress.setAccessibleName(tr("How far the search is"))
        self._progress.setRange(0, 1000)
        self._progress.setTextVisible(False)
        self._stop = push_button(tr("Cancel"), "inspectVocabularyCancel", spoken=tr("Cancel the search"))
        self._build_table()
        above, below = Beside(self._search, self._types, needs=_SEARCH_NEEDS, stretch=(1, 0)), QHBoxLayout()
        below.addWidget(self._found, 1)
        below.addWidget(self._progress, 1)
        below.addWidget(self._stop)
        left = Column()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 14, 0)
        column.setSpacing(8)
        column.addWidget(self._facts)
        column.addWidget(self._special)
        column.addWidget(above)
        column.addLayout(below)
        column.addWidget(self._table, 1)
        right = QWidget()
        beside = QVBoxLayout(right)
        beside.setContentsMargins(14, 0, 0, 0)
        beside.addWidget(self._panel)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.addWidget(left)
        split.addWidget(right)
        split.setSizes([640, 520])
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 10, 0, 0)
        outer.addWidget(split)
        self._show_searching(False)

    def _build_table(self) -> None:
        self._table = QTableView()
        set_up_table(self._table, "inspectVocabularyTable", tr("Vocabulary"), row_height=28)
        self._table.setModel(self._rows)
        header = self._table.horizontalHeader()
        for number, width in _WIDTHS.items():
            self._table.setColumnWidth(number, width)
        header.setSectionResizeMode(STORED, QHeaderView.ResizeMode.Stretch)

    # -- what is shown ---------------------------------------------------------------------------

    def _show_special(self, tokens: list[SpecialToken]) -> None:
        self._naming = None
        self._special.setText("   ".join(f"{t.name} {t.text or 'missing'} ({t.id})" for t in tokens))

    def _show_token(self, token: int) -> None:
        if self._rows.row_of(token) < 0:
            self._search.clear()
            self._types.setCurrentIndex(0)
            self._find()
        index = self._rows.index(self._rows.row_of(token), ID)
        if index.isValid():
            self._table.setCurrentIndex(index)
            self._table.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtCenter)

    def _find(self) -> None:
        self._cancel_search()
        vocabulary, text = self._vocabulary, self._search.text()
        kind = self._types.currentText() if self._types.currentIndex() > 0 else ""
        if vocabulary is None or not (text or kind):
            self._rows.set_ids(None)
            self._found.setText("")
            self._show_searching(False)
            return
        self._show_searching(True)
        self._searching = self._tasks.run(
            lambda context: vocabulary.search(
                text, kind, progress=context.progress, cancelled=lambda: context.cancelled
            ),
            done=self._show_found,
            failed=self._search_failed,
            progress=lambda step: self._progress.setValue(round(step.fraction * 1000)),
            lane=Lane.JOB,
            owner=self,
        )

    def _show_found(self, ids: array[int]) -> None:
        self._searching = None
        self._rows.set_ids(ids)
        self._table.scrollToTop()
        self._found.setText(tr("{tokens} found", tokens=counted(len(ids), "token")) if ids else tr("No token matches."))
        self._show_searching(False)

    def _search_failed(self, error: HeftError) -> None:
        self._searching = None
        self._show_searching(False)
        self.notify.emit(error)

    def _cancel_search(self) -> None:
        self._pause.stop()
        if self._searching is not None:
            self._searching.cancel()
            self._searching = None
            self._show_searching(False)

    def _show_searching(self, running: bool) -> None:
        self._progress.setValue(0)
        self._progress.setVisible(running)
        self._stop.setVisible(running)
        self._found.setVisible(not running and bool(self._found.text()))

    @property
    def search(self) -> QLineEdit:
        """The field above the tokens."""
        return self._search


def facts(vocabulary: Vocabulary) -> str:
    """``49,152 tokens · gpt2 (smollm) · 48,900 merges``."""
    if not vocabulary.size:
        return tr("This file has no vocabulary.")
    model = f"{vocabulary.model} ({vocabulary.pre})" if vocabulary.pre else vocabulary.model or tr("no tokenizer named")
    merges = tr(" · {merges:,} merges", merges=vocabulary.merges) if vocabulary.merges else ""
    return tr("{size:,} tokens · {model}{merges}", size=vocabulary.size, model=model, merges=merges)
