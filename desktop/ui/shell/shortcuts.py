"""The list of keyboard shortcuts."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QLabel, QVBoxLayout, QWidget

from desktop.ui.shared.labels import plain_label


class ShortcutsDialog(QDialog):
    """Keys and what they do, grouped by page."""

    def __init__(self, groups: Sequence[tuple[str, Sequence[tuple[str, str]]]], parent: QWidget | None = None) -> None:
        """``groups`` holds a heading and its (keys, meaning) rows each."""
        super().__init__(parent)
        self.setObjectName("shortcutsDialog")
        self.setWindowTitle("Keyboard shortcuts")
        self.setModal(True)
        grid = QGridLayout()
        grid.setHorizontalSpacing(28)
        grid.setVerticalSpacing(7)
        line = 0
        for heading, rows in groups:
            grid.addWidget(_words(heading, "subtitle"), line, 0, 1, 2)
            line += 1
            for keys, meaning in rows:
                grid.addWidget(_words(keys, "muted"), line, 0)
                grid.addWidget(_words(meaning), line, 1)
                line += 1
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.button(QDialogButtonBox.StandardButton.Close).setObjectName("shortcutsClose")
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(22, 20, 22, 16)
        column.setSpacing(18)
        column.addLayout(grid)
        column.addWidget(buttons)


def _words(text: str, role: str = "") -> QLabel:
    return plain_label("", role, text, wraps=False)
