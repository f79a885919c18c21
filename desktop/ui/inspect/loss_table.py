"""The table view of what other types would lose: as high as its rows, so that the panel scrolls, not the table."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHeaderView, QTableView, QWidget

from desktop.core.words import tr
from desktop.ui.inspect.loss_model import LossModel
from desktop.ui.shared.tables import set_up_table

_ROW = 24


class LossTable(QTableView):
    """Sorted by clicking a column's title."""

    def __init__(self, model: LossModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_up_table(self, "inspectLossTable", tr("Errors of this tensor by type"), row_height=_ROW, several=True)
        self.setModel(model)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.horizontalHeader()
        header.setMinimumSectionSize(30)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        self.setSortingEnabled(True)
        header.setSortIndicatorShown(False)  # the arrow would cover the titles of columns this narrow
        self.sortByColumn(1, Qt.SortOrder.DescendingOrder)
        self.fit()

    def fit(self) -> None:
        """Take the height of the rows there are."""
        self.setFixedHeight(self.horizontalHeader().sizeHint().height() + _ROW * self.model().rowCount() + 2)
