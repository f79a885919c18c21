"""The list of keyboard shortcuts, made from the declared actions."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QLabel, QVBoxLayout, QWidget

from desktop.core.words import tr
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.reflow import DownwardScroll, resize_dialog
from desktop.ui.shell.action import Declared
from desktop.ui.shell.keys import listed_keys

_WIDTH = 720


class ShortcutsDialog(QDialog):
    """Keys and what they do, grouped by page; scrolls where the window is too low for all of them."""

    def __init__(self, groups: Sequence[tuple[str, Declared]], parent: QWidget | None = None) -> None:
        """``groups`` holds a heading and what is declared for it each; what has no keys is left out."""
        super().__init__(parent)
        self.setObjectName("shortcutsDialog")
        self.setWindowTitle(tr("Keyboard shortcuts"))
        self.setModal(True)
        content = QWidget()
        grid = QGridLayout(content)
        grid.setContentsMargins(0, 0, 12, 0)
        grid.setHorizontalSpacing(28)
        grid.setVerticalSpacing(7)
        grid.setColumnStretch(0, 2)
        grid.setColumnStretch(1, 5)
        line = 0
        for heading, declared in groups:
            rows = [(keys, entry.words.rstrip("…")) for entry in declared if (keys := listed_keys(entry))]
            if not rows:
                continue
            grid.addWidget(_words(heading, "subtitle"), line, 0, 1, 2)
            line += 1
            for keys, meaning in rows:
                grid.addWidget(_words(keys, "muted"), line, 0)
                grid.addWidget(_words(meaning), line, 1)
                line += 1
        scroll = DownwardScroll("shortcutsScroll", tr("Keyboard shortcuts"), content)
        scroll.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # read with the arrow keys
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.button(QDialogButtonBox.StandardButton.Close).setObjectName("shortcutsClose")
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(22, 20, 22, 16)
        column.setSpacing(18)
        column.addWidget(scroll, 1)
        column.addWidget(buttons)
        resize_dialog(self, QSize(_WIDTH, content.heightForWidth(_WIDTH - 80) + buttons.sizeHint().height() + 60))


def _words(text: str, role: str = "") -> QLabel:
    return plain_label("", role, text)
