"""The line at the head of a page that says for which other machine its figures are, and leads back."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.what_if_actions import THIS_COMPUTER
from desktop.ui.shell.action_registry import ActionRegistry
from desktop.ui.shell.theme import set_role


class WhatIfBanner(QFrame):
    """Hidden while the figures are this computer's."""

    def __init__(self, page: str, commands: ActionRegistry, parent: QWidget | None = None) -> None:
        """``page`` begins the object names; ``commands`` are the page's, connected already."""
        super().__init__(parent)
        self.setObjectName(f"{page}Banner")
        set_role(self, "notification")
        self._words = plain_label(f"{page}BannerText")
        self._words.setMinimumWidth(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 12, 8)
        row.addWidget(self._words, 1)
        row.addWidget(commands.button(THIS_COMPUTER, f"{page}Back", role="primary"))
        self.hide()

    def show_words(self, words: str) -> None:
        """Say this; "" hides it."""
        self._words.setText(words)
        self.setVisible(bool(words))
