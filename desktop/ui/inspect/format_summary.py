"""What a file or folder is when it is no GGUF: in words at the top, its details in tables below."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QTableView,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.core.formats import Danger, Summary
from desktop.core.quantization_methods import METHODS
from desktop.core.words import tr
from desktop.ui.inspect.findings_model import ACTION, MESSAGE, REASON, SEVERITY, FindingsModel
from desktop.ui.inspect.summary_models import NAME, PairsModel, SummaryTensorModel
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.method_card import MethodCard
from desktop.ui.shared.reflow import Column, DownwardScroll
from desktop.ui.shared.search_field import search_field
from desktop.ui.shared.tables import COPY_ROWS, set_up_table
from desktop.ui.shell.keys import add_keys
from desktop.ui.shell.theme import Theme, set_role

_ROW_HEIGHT = 30
_LABEL_WIDTH = 190
_TITLES = (tr("Problems"), tr("Details"), tr("Tensors"), tr("Metadata"))
_METHOD = tr("How it works")
_TENSOR_WIDTHS = (300, 220, 130, 110, 130)
# A sign, a word and a colour each say the same.
_DANGER: dict[Danger, tuple[str, str, str]] = {
    "none": (tr("✓ Data only"), "good", tr("Loading it runs no code.")),
    "plain": (tr("✓ Pickle, harmless"), "good", tr("All it imports rebuilds arrays and containers.")),
    "dangerous": (tr("✖ Can run code"), "bad", tr("Loading it can run code of whoever made it.")),
}
# Files that nobody loads have no badge.
_UNLOADED = frozenset({"lfs-pointer", "html", "empty", "partial", "archive", "text", "unknown", "image", "program"})


class FormatSummaryView(QWidget):
    """Shows one summary; parts that are empty are hidden."""

    def __init__(
        self,
        theme: Theme,
        search: Callable[[str], None] | None = None,
        *,
        front: tuple[str, QWidget] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """``search`` looks for GGUF versions of OWNER/NAME or of words; without it there is no button for that.

        ``front`` is the title and widget of a tab before the others.
        """
        super().__init__(parent)
        self.setObjectName("formatSummary")
        self._search = search
        self._front = front
        self._summary: Summary | None = None
        self._wanted = ""
        self._findings = FindingsModel(theme, self)
        self._method = MethodCard(theme)
        self._facts = PairsModel(theme, (tr("Detail"), tr("Value")), self)
        self._metadata = PairsModel(theme, (tr("Key"), tr("Value")), self)
        self._tensors = SummaryTensorModel(theme, self)
        self._build()
        self._find.clicked.connect(self._search_base)

    @property
    def summary(self) -> Summary | None:
        """What is shown."""
        return self._summary

    @property
    def search(self) -> QLineEdit | None:
        """The field above the tensors, while those are shown."""
        return self._filter if self._filter.isVisible() else None

    def set_summary(self, summary: Summary | None, front: int = 0, find: str = "") -> None:
        """Show another summary, or nothing; ``front`` is the number of entries of the tab in front, 0 hides it.

        ``find`` is what to look for to find GGUF versions: OWNER/NAME, or words; "" for nothing.
        """
        self._summary, self._wanted = summary, find
        self._title.setText(summary.title if summary else "")
        self._what.setText(summary.what if summary else "")
        self._show_danger(summary)
        self._runs.set_text(summary.runs_on if summary else "")
        self._advice.set_text(summary.advice if summary else "")
        self._find.setVisible(bool(find and self._search))
        self._find.setText(tr("Find GGUF versions of {find}", find=find).replace("&", "&&"))
        self._facts.set_pairs([(fact.label, fact.value) for fact in summary.facts] if summary else ())
        self._metadata.set_pairs(list(summary.metadata.items()) if summary else ())
        self._findings.set_findings(summary.findings if summary else ())
        self._filter.clear()
        self._tensors.set_rows(summary.tensors if summary else ())
        self._show_tabs(front)

    # -- building --------------------------------------------------------------------------------

    def _build(self) -> None:
        self._title = plain_label("formatTitle", "subtitle", wraps=False, selectable=True)
        self._what = plain_label("formatWhat", selectable=True)
        self._badge = plain_label("formatDanger", wraps=False, selectable=True)
        self._runs = _Card("formatRunsOn", tr("What runs it"))
        self._advice = _Card("formatAdvice", tr("What to do"))
        self._find = QPushButton()
        self._find.setObjectName("formatFindGguf")
        self._find.setAccessibleName(tr("Find GGUF versions of this model"))
        set_role(self._find, "primary")
        self._advice.add(self._find)
        head, cards = QHBoxLayout(), QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(self._title)
        head.addWidget(self._badge)
        head.addStretch(1)
        cards.setSpacing(12)
        cards.addWidget(self._runs, 1)
        cards.addWidget(self._advice, 1)
        self._build_tabs()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(10)
        column.addLayout(head)
        column.addWidget(self._what)
        column.addLayout(cards)
        column.addWidget(self._tabs, 1)
        column.addStretch(0)

    def _build_tabs(self) -> None:
        self._tabs = QTabWidget()
        self._tabs.setObjectName("formatTabs")
        self._tabs.setAccessibleName(tr("Details of the file"))
        self._tabs.tabBar().setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._problem_table = _table("formatProblems", tr("Problems"), self._findings)
        self._problem_table.setWordWrap(True)
        header = self._problem_table.horizontalHeader()
        header.setSectionResizeMode(SEVERITY, QHeaderView.ResizeMode.Fixed)
        self._problem_table.setColumnWidth(SEVERITY, 110)
        for column in (MESSAGE, REASON, ACTION):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        self._fact_table = _pairs_table("formatFacts", tr("Details"), self._facts)
        self._metadata_table = _pairs_table("formatMetadata", tr("Metadata"), self._metadata)
        self._tensor_table = _table("formatTensors", tr("Tensors"), self._tensors)
        for column, width in enumerate(_TENSOR_WIDTHS):
            self._tensor_table.setColumnWidth(column, width)
        header = self._tensor_table.horizontalHeader()
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        header.setSortIndicatorClearable(True)
        self._tensor_table.setSortingEnabled(True)
        self._filter = search_field("formatTensorFilter", tr("Filter tensors"), tr("Filter by name or type…"))
        self._filter.textChanged.connect(self._tensors.set_filter)
        self._tensor_page = QWidget()
        column_box = QVBoxLayout(self._tensor_page)
        column_box.setContentsMargins(0, 10, 0, 0)
        column_box.addWidget(self._filter)
        column_box.addWidget(self._tensor_table, 1)
        for table, model in (
            (self._fact_table, self._facts),
            (self._metadata_table, self._metadata),
            (self._tensor_table, self._tensors),
        ):
            _copies(table, model.text)
        if self._front is not None:
            self._tabs.addTab(self._front[1], self._front[0])
        pages = (self._problem_table, self._fact_table, self._tensor_page, self._metadata_table)
        for title, page in zip(_TITLES, pages, strict=True):
            self._tabs.addTab(page, title)
        held = Column()
        inside = QVBoxLayout(held)
        inside.setContentsMargins(0, 10, 0, 0)
        inside.addWidget(self._method)
        inside.addStretch(1)
        self._tabs.addTab(DownwardScroll("formatMethodScroll", _METHOD, held), _METHOD)

    # -- what is shown ---------------------------------------------------------------------------

    def _show_danger(self, summary: Summary | None) -> None:
        shown = summary is not None and summary.id not in _UNLOADED
        self._badge.setVisible(shown)
        if summary is not None and shown:
            text, role, meaning = _DANGER[summary.danger]
            self._badge.setText(text)
            self._badge.setToolTip(meaning)
            self._badge.setAccessibleName(f"{text}. {meaning}")
            set_role(self._badge, role)

    def _show_tabs(self, front: int) -> None:
        rows = (self._findings, self._facts, self._tensors, self._metadata)
        titles, counts = list(_TITLES), [model.rowCount() for model in rows]
        if self._front is not None:
            titles.insert(0, self._front[0])
            counts.insert(0, front)
        for at, (title, count) in enumerate(zip(titles, counts, strict=True)):
            self._tabs.setTabVisible(at, count > 0)
            self._tabs.setTabText(at, title if title == tr("Details") else f"{title} {count:,}")
        explained = self._summary is not None and self._summary.id in METHODS
        self._method.show_method(self._summary.id if self._summary is not None else "")
        self._tabs.setTabVisible(len(titles), explained)
        self._tabs.setVisible(any(counts) or explained)
        if any(counts):
            self._tabs.setCurrentIndex(next(at for at, count in enumerate(counts) if count))
        self._fit_rows()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Problems wrap anew."""
        super().resizeEvent(event)
        self._fit_rows()

    def _fit_rows(self) -> None:
        self._problem_table.resizeRowsToContents()
        for row in range(self._findings.rowCount()):
            # The style sheet's padding narrows the text, which Qt does not count: one more line of room.
            self._problem_table.setRowHeight(row, self._problem_table.rowHeight(row) + self.fontMetrics().lineSpacing())

    def _search_base(self) -> None:
        if self._search is not None and self._wanted:
            self._search(self._wanted)


class _Card(QFrame):
    """A heading and a sentence or two; hidden while there is no text."""

    def __init__(self, name: str, heading: str) -> None:
        super().__init__()
        self.setObjectName(name)
        set_role(self, "card")
        self._text = plain_label(f"{name}Text", selectable=True)
        title = plain_label(f"{name}Title", "muted", selectable=True)
        title.setText(heading)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(14, 10, 14, 10)
        self._column.setSpacing(4)
        self._column.addWidget(title)
        self._column.addWidget(self._text)
        self._column.addStretch(1)

    def add(self, widget: QWidget) -> None:
        """Put a widget below the text."""
        self._column.insertWidget(2, widget, 0, Qt.AlignmentFlag.AlignLeft)

    def set_text(self, text: str) -> None:
        """Show these sentences."""
        self._text.setText(text)
        self.setVisible(bool(text))


def _table(name: str, title: str, model: FindingsModel | PairsModel | SummaryTensorModel) -> QTableView:
    table = QTableView()
    set_up_table(table, name, title, row_height=_ROW_HEIGHT, several=True)
    table.setModel(model)
    table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    return table


def _pairs_table(name: str, title: str, model: PairsModel) -> QTableView:
    table = _table(name, title, model)
    table.horizontalHeader().setStretchLastSection(True)
    table.setColumnWidth(0, _LABEL_WIDTH)
    return table


def _copies(table: QTableView, text: Callable[[list[int]], str]) -> None:
    """Copying puts the selected rows into the clipboard."""

    def copy(_: object) -> None:
        rows = sorted(index.row() for index in table.selectionModel().selectedRows())
        QGuiApplication.clipboard().setText(text(rows))

    add_keys(table, COPY_ROWS, copy)
