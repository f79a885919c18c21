"""The tab Metadata: every key with its type, its value in whole, and what it means."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLineEdit,
    QSplitter,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from desktop.core.words import tr
from desktop.services.inspect.inspection import Inspected
from desktop.services.inspect.metadata import MetadataRow, MetadataService
from desktop.ui.inspect.metadata_model import KEY, TYPE, MetadataModel
from desktop.ui.inspect.tab import InspectTab
from desktop.ui.inspect.value_viewer import ValueViewer
from desktop.ui.shared.elided_label import ElidedLabel
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.reflow import Column
from desktop.ui.shared.search_field import search_field
from desktop.ui.shared.tables import COPY_ROWS, choose_by_hand_only
from desktop.ui.shell.keys import add_keys
from desktop.ui.shell.tasks import Lane, Task, Tasks
from desktop.ui.shell.theme import Theme, set_role

_COLUMN_WIDTHS = {KEY: 330, TYPE: 130}


class MetadataTab(InspectTab):
    """A tree of keys at the left, the current one's value at the right."""

    def __init__(self, theme: Theme, tasks: Tasks, service: MetadataService, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspectMetadata")
        self._tasks, self._service = tasks, service
        self._reading: Task | None = None
        self._wanted = ""
        self._rows = MetadataModel(theme, self)
        self._build(theme)
        self._rows.modelReset.connect(self._restore)
        self._tree.selectionModel().currentChanged.connect(self._show_current)
        self._search.textChanged.connect(self._rows.set_filter)
        self._viewer.notify.connect(self.notify)
        add_keys(self._tree, COPY_ROWS, lambda _: self._viewer.copy())

    def show_model(self, inspected: Inspected) -> None:
        """Show this model's metadata; the beginnings of arrays are read in the background."""
        self.clear()
        self._reading = self._tasks.run(
            lambda context: self._service.rows(inspected, lambda: context.cancelled),
            done=self._show_rows,
            failed=self.notify.emit,
            lane=Lane.JOB,
            owner=self,
        )

    def clear(self) -> None:
        """Show no model."""
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        self._rows.set_rows(())
        self._show_row(None)

    def go_to(self, place: str) -> None:
        """Bring a key into view, now or once the rows are there."""
        kind, _, key = place.partition(":")
        if kind == "key":
            self._wanted = key
            self._search.clear()
            self._restore()

    def _build(self, theme: Theme) -> None:
        self._search = search_field("inspectMetadataSearch", tr("Search metadata"), tr("Search keys and values…"))
        self._tree = QTreeView()
        self._tree.setObjectName("inspectMetadataTree")
        self._tree.setAccessibleName(tr("Metadata keys"))
        self._tree.setModel(self._rows)
        choose_by_hand_only(self._tree)
        self._tree.setUniformRowHeights(True)
        self._tree.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self._tree.setIndentation(12)
        header = self._tree.header()
        header.setStretchLastSection(True)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        for column, width in _COLUMN_WIDTHS.items():
            header.resizeSection(column, width)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        header.setSortIndicatorClearable(True)
        self._tree.setSortingEnabled(True)
        self._key = ElidedLabel()
        self._key.setObjectName("inspectMetadataKey")
        set_role(self._key, "subtitle")
        self._type = plain_label("inspectMetadataType", "muted")
        self._meaning = plain_label("inspectMetadataMeaning")
        self._source = plain_label("inspectMetadataSource", "muted")
        self._viewer = ValueViewer(theme, self._tasks)
        detail = Column()
        beside = QVBoxLayout(detail)
        beside.setContentsMargins(14, 0, 0, 0)
        for widget in (self._key, self._type, self._meaning, self._source):
            beside.addWidget(widget)
        beside.addWidget(self._viewer, 1)
        left = QWidget()
        column_box = QVBoxLayout(left)
        column_box.setContentsMargins(0, 0, 14, 0)
        column_box.setSpacing(10)
        column_box.addWidget(self._search)
        column_box.addWidget(self._tree, 1)
        self._nothing = plain_label("inspectMetadataNothing", "muted")
        column_box.addWidget(self._nothing)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.addWidget(left)
        split.addWidget(detail)
        split.setSizes([774, 400])
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 10, 0, 0)
        outer.addWidget(split)

    def _show_rows(self, rows: tuple[MetadataRow, ...]) -> None:
        self._reading = None
        self._rows.set_rows(rows)

    def _restore(self) -> None:
        self._tree.expandAll()
        index = self._rows.index_of(self._wanted) if self._wanted else QModelIndex()
        if not index.isValid():
            index = self._rows.index(0, KEY, self._rows.index(0, KEY))
        if index.isValid():
            wanted = self._wanted
            self._tree.setCurrentIndex(index)
            self._tree.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtCenter)
            self._wanted = wanted or self._wanted  # a search that hides the key does not forget it
        else:
            self._show_row(None)
        nothing = self._rows.shown == 0 and bool(self._search.text())
        self._nothing.setText(tr("No key or value matches “{text}”.", text=self._search.text()) if nothing else "")
        self._nothing.setVisible(nothing)

    def _show_current(self, index: QModelIndex) -> None:
        row = self._rows.at(index)
        if row is not None:
            self._wanted = row.key
            self._show_row(row)

    def _show_row(self, row: MetadataRow | None) -> None:
        self._key.set_whole_text(row.key if row else "")
        self._type.setText(f"{row.type}   {row.note}" if row and row.note else row.type if row else "")
        meaning = row.meaning if row else None
        self._meaning.setText(meaning.text if meaning else tr("Not one of the well-known keys.") if row else "")
        self._source.setText(tr("Source: {source}", source=meaning.source) if meaning else "")
        self._viewer.show_row(row)

    @property
    def search(self) -> QLineEdit:
        """The field above the tree."""
        return self._search
