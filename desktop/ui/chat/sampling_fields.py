"""Fields of the chat's settings that only it has: the seed, and the context length."""

from __future__ import annotations

from PySide6.QtCore import QRegularExpression, Qt
from PySide6.QtGui import QRegularExpressionValidator
from PySide6.QtWidgets import QComboBox, QLineEdit, QWidget

from desktop.core.units import human_count

MAX_SEED = 2**32 - 1  # llama.cpp's seed is unsigned 32 bit
_CONTEXT_LENGTHS = tuple(1024 << n for n in range(11))  # 1,024 to 1,048,576 tokens


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


class ContextChoice(QComboBox):
    """Context lengths up to what the model was trained for; 0 lets the engine choose (tokens)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._trained = 0
        self.offer(0)

    @property
    def length(self) -> int:
        """The length chosen."""
        return int(self.currentData() or 0)

    def set_trained(self, trained: int) -> None:
        """The longest context the model knows, 0 when unknown; keeps what is chosen."""
        if trained != self._trained:
            self._trained = trained
            self.offer(self.length)

    def offer(self, wanted: int) -> None:
        """Fill the list and choose ``wanted``."""
        lengths = {n for n in _CONTEXT_LENGTHS if not self._trained or n <= self._trained}
        lengths |= {n for n in (wanted, self._trained) if n}
        self.clear()
        self.addItem("auto", 0)
        for length in sorted(lengths):
            self.addItem(human_count(length), length)
        self.setCurrentIndex(self.findData(wanted))
