"""The tab Tensors: all of them, filtered and sorted, their sums, and their export."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMenu,
    QSplitter,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.core.tensor_export import tensors_to_csv, tensors_to_json
from desktop.core.text import file_name
from desktop.core.words import tr
from desktop.services.inspect.inspection import Inspected
from desktop.ui.inspect.actions import FIND
from desktop.ui.inspect.folded_tabs import FoldedTabs
from desktop.ui.inspect.state import InspectState
from desktop.ui.inspect.tab import InspectTab
from desktop.ui.inspect.tensor_model import TensorTableModel
from desktop.ui.inspect.tensor_table import TensorTable
from desktop.ui.inspect.totals_model import TotalsModel
from desktop.ui.shared.saving import write_file
from desktop.ui.shared.search_field import search_field
from desktop.ui.shared.signals import calling
from desktop.ui.shared.spared_columns import SparedColumns
from desktop.ui.shared.tables import set_up_table
from desktop.ui.shell.keys import listed_keys
from desktop.ui.shell.tasks import Lane, TaskContext, Tasks
from desktop.ui.shell.theme import Theme, set_role

_ALL_TYPES = tr("All types")
_LOW = 420  # pixels
_KINDS = {"csv": tr("CSV (*.csv)"), "json": tr("JSON (*.json)")}


class TensorsTab(InspectTab):
    """Selects in the shared state; follows it too."""

    def __init__(self, theme: Theme, tasks: Tasks, state: InspectState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspectTensors")
        self._tasks = tasks
        self._state = state
        self._model = TensorTableModel(theme, self)
        self.table = TensorTable(self._model, "tensorTable", tr("Tensors"))
        self._types = TotalsModel(tr("Type"), self)
        self._roles = TotalsModel(tr("Role"), self)
        self._build()
        self._search.textChanged.connect(self._filter)
        self._type.currentIndexChanged.connect(self._filter)
        self._group.toggled.connect(self._regroup)
        self.table.chosen.connect(state.select)
        state.selected.connect(self._select)

    def show_model(self, inspected: Inspected) -> None:
        """Show a model's tensors; a filter of the former one is cleared."""
        opened = self._state.opened
        if opened is None:
            return
        rows = opened.rows
        for field in (self._search, self._type):
            field.blockSignals(True)
        self._search.clear()
        self._type.clear()
        self._type.addItem(_ALL_TYPES, "")
        for total in rows.types:
            self._type.addItem(f"{total.label} ({total.count:,})", total.label)
        for field in (self._search, self._type):
            field.blockSignals(False)
        self._model.set_rows(rows)
        self._model.set_filter("")
        self._types.set_totals(rows.types)
        self._roles.set_totals(rows.roles)
        self.table.fit(rows)
        self._count()
        self._select(self._state.position)

    def clear(self) -> None:
        """Empty tables."""
        self._model.set_rows(None)
        self._types.set_totals(())
        self._roles.set_totals(())
        self._count()

    def write(self, path: Path) -> None:
        """Export the tensors that pass the filter, in the order shown: JSON for ``.json``, else CSV."""
        opened = self._state.opened
        if opened is None:
            return
        rows, positions = opened.rows, tuple(self._model.matching)

        def work(context: TaskContext) -> None:
            chosen = ((rows.tensor(at), rows.files[rows.placed[at].file]) for at in positions)
            make = tensors_to_json if path.suffix.lower() == ".json" else tensors_to_csv
            write_file(path, make(chosen))

        self._tasks.run(
            work,
            done=lambda _: self.notify.emit(
                tr("Saved {positions:,} tensors as {path}", positions=len(positions), path=path)
            ),
            failed=self.notify.emit,
            lane=Lane.JOB,
            owner=self,
        )

    # -- building --------------------------------------------------------------------------------

    def _build(self) -> None:
        self._search = search_field(
            "tensorSearch",
            tr("Filter tensors"),
            tr("Filter by name or shape…"),
            tr("Words of a name or shape, all of them ({find})", find=listed_keys(FIND)),
        )
        self._type = QComboBox()
        self._type.setObjectName("tensorType")
        self._type.setAccessibleName(tr("Type of the tensors shown"))
        self._type.setMinimumWidth(130)
        self._group = QCheckBox(tr("Group by layer"))
        self._group.setObjectName("tensorGroup")
        self._shown = QLabel()
        self._shown.setObjectName("tensorCount")
        set_role(self._shown, "muted")
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(self._search, 1)
        head.addWidget(self._export_button())
        choices = QHBoxLayout()
        choices.setSpacing(14)
        choices.addWidget(self._type)
        choices.addWidget(self._group)
        choices.addStretch(1)
        choices.addWidget(self._shown)
        sums = self._sums = FoldedTabs("tensorTotals")
        sums.addTab(_sums_table(self._types, "typeTotals", tr("Tensors by type")), tr("By type"))
        sums.addTab(_sums_table(self._roles, "roleTotals", tr("Tensors by role")), tr("By role"))
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.setObjectName("tensorsSplitter")
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(self.table)
        splitter.addWidget(sums)
        splitter.setStretchFactor(0, 3)
        splitter.setStretchFactor(1, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addLayout(head)
        column.addLayout(choices)
        column.addWidget(splitter, 1)
        self.setFocusProxy(self.table)

    def _export_button(self) -> QToolButton:
        button = QToolButton()
        button.setText(tr("Export ▾"))
        button.setObjectName("tensorExport")
        button.setAccessibleName(tr("Export the tensors shown"))
        button.setToolTip(tr("Save the tensors shown as a file"))
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(button)
        menu.setObjectName("tensorExportMenu")
        for suffix, kind in _KINDS.items():
            menu.addAction(f"{kind.split()[0]}…", calling(self.export, suffix))
        button.setMenu(menu)
        return button

    # -- what happens ----------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a low window the tensors have the room; their sums open below them when they are asked for."""
        super().resizeEvent(event)
        self._sums.set_foldable(self.height() < _LOW)

    @property
    def search(self) -> QLineEdit:
        """The field above the table."""
        return self._search

    def _filter(self) -> None:
        self._model.set_filter(self._search.text(), self._type.currentData() or "")
        self._count()
        self.table.select(self._state.position)

    def _regroup(self, grouped: bool) -> None:
        self._model.set_grouped(grouped)
        self.table.select(self._state.position)

    def _select(self, position: int) -> None:
        if position >= 0:
            self._model.open_group_of(position)
        self.table.select(position)

    def _count(self) -> None:
        total = len(self._state.opened.rows) if self._state.opened else 0
        self._shown.setText(tr("{matching:,} of {total:,}", matching=len(self._model.matching), total=total))

    def export(self, suffix: str) -> None:
        """Ask where to save the tensors shown: "csv" or "json"."""
        opened = self._state.opened
        if opened is None:
            return
        dialog = QFileDialog(
            self, tr("Export tensors"), file_name(f"{opened.inspected.title} tensors", suffix), _KINDS[suffix]
        )
        dialog.setObjectName("tensorExportDialog")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(suffix)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda name: self.write(Path(name)))
        dialog.open()


def _sums_table(model: TotalsModel, name: str, title: str) -> QTableView:
    table = QTableView()
    set_up_table(table, name, title, row_height=26)
    table.setModel(model)
    header = table.horizontalHeader()
    header.setMinimumSectionSize(70)
    for column, width in enumerate((100, 76, 90, 84, 104)):
        table.setColumnWidth(column, width)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    SparedColumns(table, 0, 70, (1, 3))  # how many tensors, then the share
    return table
