"""The three columns of the chat page, with handles between them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QVBoxLayout, QWidget

from desktop.ui.shared.reflow import Column

LIST_WIDTH, SIDE_WIDTH = 230, 280
_LIST_MINIMUM, _MIDDLE_MINIMUM = 196, 268  # the side knows its own


def lay_columns(page: QWidget, rows: QWidget, middle: Sequence[QWidget], stretched: QWidget, side: QWidget) -> None:
    """List, middle (from its top; ``stretched`` takes the room that is left) and side."""
    between = Column()
    between.setObjectName("chatMiddle")
    column = QVBoxLayout(between)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    for part in middle:
        column.addWidget(part, 1 if part is stretched else 0)
    split = QSplitter(Qt.Orientation.Horizontal)
    split.setObjectName("chatColumns")
    split.setHandleWidth(1)
    split.setChildrenCollapsible(False)
    rows.setMinimumWidth(_LIST_MINIMUM)
    between.setMinimumWidth(_MIDDLE_MINIMUM)
    for widget in (rows, between, side):
        split.addWidget(widget)
    split.setStretchFactor(1, 1)
    split.setSizes([LIST_WIDTH, 2000, SIDE_WIDTH])
    row = QHBoxLayout(page)
    row.setContentsMargins(0, 0, 0, 0)
    row.addWidget(split)
