"""A table that asks for a few rows only, so that the page fits a window; it takes what is left, and scrolls."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QAbstractItemModel, QSize
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from desktop.ui.shared.tables import set_up_table

ROW_HEIGHT = 32
_LEAST_ROWS = 3
_FRAME = 4


class LowTable(QTableView):
    """``widths`` are those of its columns in pixels; ``stretched`` is the column that takes what they leave."""

    def __init__(
        self,
        name: str,
        title: str,
        model: QAbstractItemModel,
        widths: Mapping[int, int],
        stretched: int,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        set_up_table(self, name, title, row_height=ROW_HEIGHT)
        self.setModel(model)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        header = self.horizontalHeader()
        for column, width in widths.items():
            self.setColumnWidth(column, width)
        header.setSectionResizeMode(stretched, QHeaderView.ResizeMode.Stretch)
        self.setMinimumHeight(_LEAST_ROWS * ROW_HEIGHT + header.sizeHint().height() + _FRAME)

    def sizeHint(self) -> QSize:
        """No higher than it has to be."""
        return QSize(super().sizeHint().width(), self.minimumHeight())
