"""What a model's name says, part by part."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from desktop.core.naming_parts import NamePart
from desktop.core.words import tr
from desktop.ui.shared.labels import plain_label


class NamePanel(QWidget):
    """One line per part: as written, what kind of part it is, and a sentence."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("namePanel")
        self.setAccessibleName(tr("What the name says"))
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(12, 8, 12, 8)
        self._grid.setHorizontalSpacing(14)
        self._grid.setVerticalSpacing(3)
        self._grid.setColumnStretch(2, 1)

    def show_parts(self, parts: Sequence[NamePart]) -> None:
        """Replace all lines."""
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        for row, part in enumerate(parts):
            for column, (text, role) in enumerate(((part.text, "subtitle"), (part.title, "muted"), (part.words, ""))):
                label = plain_label("", role, text, wraps=column == 2)
                self._grid.addWidget(label, row, column, Qt.AlignmentFlag.AlignTop)
        self.setAccessibleDescription(". ".join(f"{part.text}: {part.words}" for part in parts))
