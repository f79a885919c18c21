"""Fields of the chat's settings: numbers that ignore a passing wheel, and the seed."""

from __future__ import annotations

from PySide6.QtCore import QRegularExpression, Qt
from PySide6.QtGui import QRegularExpressionValidator
from PySide6.QtWidgets import QDoubleSpinBox, QLineEdit, QSpinBox

from desktop.ui.shared.wheel import leave_wheel

MAX_SEED = 2**32 - 1  # llama.cpp's seed is unsigned 32 bit


class NumberField(QDoubleSpinBox):
    """A number from 0 to ``most``; takes the wheel only when it has the focus, so that scrolling changes nothing."""

    def __init__(self, most: float, step: float) -> None:
        super().__init__()
        self.setRange(0.0, most)
        self.setSingleStep(step)
        self.setDecimals(2)
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        leave_wheel(self)


class WholeField(QSpinBox):
    """A whole number from 0 to ``most``, 0 shown as a word; the wheel as in :class:`NumberField`."""

    def __init__(self, most: int, zero: str, step: int = 1) -> None:
        super().__init__()
        self.setRange(0, most)
        self.setSpecialValueText(zero)
        self.setSingleStep(step)
        self.setGroupSeparatorShown(True)
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        leave_wheel(self)


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
