"""The field of the chat's settings that only it has: the seed."""

from __future__ import annotations

from PySide6.QtCore import QRegularExpression, Qt
from PySide6.QtGui import QRegularExpressionValidator
from PySide6.QtWidgets import QLineEdit

MAX_SEED = 2**32 - 1  # llama.cpp's seed is unsigned 32 bit


class SeedField(QLineEdit):
    """A seed, or empty for a fresh one each time."""

    def __init__(self) -> None:
        super().__init__()
        self.setPlaceholderText("random")
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.setValidator(QRegularExpressionValidator(QRegularExpression(r"\d{0,10}"), self))

    def seed(self) -> int | None:
        """The number, at most MAX_SEED; None for random."""
        text = self.text()
        return min(int(text), MAX_SEED) if text else None

    def set_seed(self, seed: float | None) -> None:
        """Show a seed, None as empty."""
        self.setText("" if seed is None else str(int(seed)))
