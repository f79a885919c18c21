"""The tab Compare: two models side by side, on the layer map and in tables."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QSplitter,
    QTableView,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.services.inspect.inspection import Inspected
from desktop.ui.inspect.actions import END_COMPARISON
from desktop.ui.inspect.compared import Compared
from desktop.ui.inspect.layer_map import LayerMap
from desktop.ui.inspect.layer_map_layout import MapContent
from desktop.ui.inspect.layer_map_paint import styles_of
from desktop.ui.inspect.state import InspectState
from desktop.ui.inspect.tab import InspectTab
from desktop.ui.inspect.type_legend import TypeLegend
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.elided_label import ElidedLabel, FigureLabel
from desktop.ui.shared.signals import calling
from desktop.ui.shared.tables import set_up_table
from desktop.ui.shared.text_table_model import TextTableModel
from desktop.ui.shell.theme import Theme, set_role

_LEGEND = tr(
    "Colour and form are the type, as in the first file. Framed: differs. Struck "
    "through: only in the first. Dotted: only in the second."
)


class CompareTab(InspectTab):
    """Shows what ``show_comparison`` gives it; a tensor chosen here is chosen everywhere."""

    ended = Signal()  # the user has seen enough

    def __init__(self, theme: Theme, state: InspectState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspectCompareTab")
        self._state = state
        self._compared: Compared | None = None
        self.map = LayerMap(theme)
        self.map.setObjectName("compareMap")
        self._legend = TypeLegend(theme)
        self._legend.setObjectName("compareTypes")
        self.map.setAccessibleName(tr("Layer map of both models"))
        self._tensors = TextTableModel(figures=(4,), parent=self)
        self._keys = TextTableModel(parent=self)
        self._roles = TextTableModel(figures=(1, 2, 3, 4), parent=self)
        self._build()
        self.map.chosen.connect(self._chosen)
        self._tensor_table.selectionModel().currentRowChanged.connect(self._row_chosen)
        state.selected.connect(self._follow)

    def show_comparison(self, compared: Compared) -> None:
        """Show two models."""
        self._compared = compared
        found = compared.comparison
        self._title.set_whole_text(f"{compared.first}   ↔   {compared.second}")
        same = tr("Their headers say the same; the weights themselves were not compared.") if found.identical else ""
        self._words.set_whole_text(
            same
            or tr(
                "{tensors:,} of {tensors2:,} tensors and {keys:,} of {keys2:,} metadata keys differ "
                "· {first_bytes} and {second_bytes} of tensors",
                tensors=len(found.tensors),
                tensors2=len(compared.tensors),
                keys=len(found.keys),
                keys2=len(found.keys) + found.equal_keys,
                first_bytes=human_bytes(found.first_bytes),
                second_bytes=human_bytes(found.second_bytes),
            )
        )
        styles = styles_of(total.label for total in compared.types)
        self.map.set_content(compared.content, styles, compared.describe)
        self._legend.set_types(compared.types, styles)
        one, other = compared.first, compared.second
        self._tensors.set_rows((tr("Tensor"), tr("What"), one, other, tr("Change")), compared.tensor_rows)
        self._keys.set_rows((tr("Key"), one, other), compared.key_rows)
        self._roles.set_rows((tr("Role"), one, other, tr("Change"), tr("In percent")), compared.role_rows)
        self._tables.setTabText(0, tr("Tensors {tensors:,}", tensors=len(found.tensors)))
        self._tables.setTabText(1, tr("Metadata {keys:,}", keys=len(found.keys)))

    def show_model(self, inspected: Inspected) -> None:
        """A comparison belongs to its two models: for another one it ends (the page hides the tab)."""

    def clear(self) -> None:
        """Forget both models."""
        self._compared = None
        self.map.set_content(MapContent((), {}), {}, lambda _position: "")
        self._legend.set_types((), {})
        for model in (self._tensors, self._keys, self._roles):
            model.set_rows((), ())

    def _build(self) -> None:
        self._title = ElidedLabel()
        self._title.setObjectName("compareTitle")
        set_role(self._title, "subtitle")
        self._words = FigureLabel("compareWords")
        set_role(self._words, "muted")
        end = push_button(END_COMPARISON.short, "compareEnd", spoken=END_COMPARISON.words)
        end.clicked.connect(self.ended)
        head = QHBoxLayout()
        head.addWidget(self._title)
        head.addStretch(1)
        head.addWidget(end)
        card = QFrame()
        card.setObjectName("compareCard")
        set_role(card, "card")
        inside = QVBoxLayout(card)
        inside.setContentsMargins(14, 10, 10, 10)
        inside.setSpacing(6)
        inside.addLayout(head)
        inside.addWidget(self._words)
        inside.addWidget(self.map, 1)
        legend = QLabel(_LEGEND)
        legend.setObjectName("compareLegend")
        set_role(legend, "muted")
        legend.setWordWrap(True)
        inside.addWidget(legend)
        inside.addWidget(self._legend)
        self._tensor_table = _table(self._tensors, "compareTensors", tr("Tensors that differ"), (230, 110, 0, 0, 96))
        keys = _table(self._keys, "compareKeys", tr("Metadata that differ"), (260, 0, 0))
        roles = _table(self._roles, "compareRoles", tr("Bytes per role"), (0, 170, 170, 120, 110))
        self._tables = QTabWidget()
        self._tables.setObjectName("compareTables")
        self._tables.setDocumentMode(True)
        for table, text in ((self._tensor_table, tr("Tensors")), (keys, tr("Metadata")), (roles, tr("Bytes per role"))):
            self._tables.addTab(table, text)
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.setObjectName("compareSplitter")
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(card)
        splitter.addWidget(self._tables)
        splitter.setStretchFactor(0, 1)
        splitter.setStretchFactor(1, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(splitter)
        self.setFocusProxy(self.map)

    def _chosen(self, position: int) -> None:
        row = self._tensors.row_of(position)
        if row >= 0:
            self._tensor_table.selectRow(row)
        opened = self._state.opened
        if opened is not None and position < len(opened.rows):
            self._state.select(position)

    def _row_chosen(self, current: QModelIndex, _previous: QModelIndex) -> None:
        row = self._tensors.at(current.row())
        if row is not None:
            self.map.select(row.tag)
            self._chosen(row.tag)

    def _follow(self, position: int) -> None:
        if self._compared is not None and position >= 0:
            self.map.select(position)


def _set_widths(table: QTableView, widths: tuple[int, ...]) -> None:
    """Columns of width 0 share what the others leave."""
    header = table.horizontalHeader()
    for column, width in enumerate(widths[: header.count()]):
        mode = QHeaderView.ResizeMode.Interactive if width else QHeaderView.ResizeMode.Stretch
        header.setSectionResizeMode(column, mode)
        if width:
            table.setColumnWidth(column, width)


def _table(model: TextTableModel, name: str, title: str, widths: tuple[int, ...]) -> QTableView:
    table = QTableView()
    set_up_table(table, name, title, row_height=28)
    table.setModel(model)
    table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    header = table.horizontalHeader()
    header.setTextElideMode(Qt.TextElideMode.ElideMiddle)
    header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
    table.setSortingEnabled(True)
    model.modelReset.connect(calling(_set_widths, table, widths))
    return table
