"""Fields for numbers: shown in one way in every language, typed in any (:mod:`desktop.core.units`).

Qt's own follow the language of the system: where German is spoken they take the point for a mark between thousands, so
that 0.3 became 0. The wheel changes a field only when it has the focus, so that scrolling changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QValidator
from PySide6.QtWidgets import QDoubleSpinBox, QSpinBox

from desktop.core.units import decimal, human_count, human_decimal, whole
from desktop.ui.shared.wheel import leave_wheel

_MARKS = frozenset("0123456789.,'_+- \u00a0\u2009\u202f")  # a number that is still being typed holds nothing else


class DecimalField(QDoubleSpinBox):
    """A number from ``low`` to ``most``; ``0.3`` and ``0,3`` are the same. The lowest is shown as ``word`` where one is
    given."""

    def __init__(self, most: float, step: float, *, low: float = 0.0, decimals: int = 2, word: str = "") -> None:
        super().__init__()
        self.setDecimals(decimals)
        self.setRange(low, most)
        self.setSpecialValueText(word)
        self.setSingleStep(step)
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        leave_wheel(self)

    def textFromValue(self, value: float) -> str:
        """As everywhere in the program."""
        return human_decimal(value, self.decimals())

    def valueFromText(self, text: str) -> float:
        """What was typed; the present value where it is no number."""
        if _is_word(self, text):
            return self.minimum()
        try:
            return decimal(_bare(self, text))
        except ValueError:
            return self.value()

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        """A number in range, the word for the lowest, or what may still become one."""
        if self.specialValueText().startswith(text):
            return _acceptable(_is_word(self, text)), text, position
        return _state(_bare(self, text), decimal, self.minimum(), self.maximum()), text, position

    def fixup(self, text: str) -> str:
        """Leaving the field in the middle of a number keeps the one that was there."""
        return _word_or(self, _kept(self, self.textFromValue(self.value())))


class WholeField(QSpinBox):
    """A whole number from ``low`` to ``most``; the lowest is shown as ``word`` where one is given."""

    def __init__(self, most: int, word: str = "", step: int = 1, *, low: int = 0, counts: bool = True) -> None:
        """``counts`` False is a number that names something, such as a port: written without marks for thousands."""
        super().__init__()
        self._counts = counts
        self.setRange(low, most)
        self.setSpecialValueText(word)
        self.setSingleStep(step)
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        leave_wheel(self)

    def textFromValue(self, value: int) -> str:
        """As everywhere in the program."""
        return human_count(value) if self._counts else str(value)

    def valueFromText(self, text: str) -> int:
        """What was typed; the present value where it is no number."""
        if _is_word(self, text):
            return self.minimum()
        try:
            return whole(_bare(self, text))
        except ValueError:
            return self.value()

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        """A number in range, the word for the lowest, or what may still become one."""
        if self.specialValueText().startswith(text):
            return _acceptable(_is_word(self, text)), text, position
        return _state(_bare(self, text), whole, self.minimum(), self.maximum()), text, position

    def fixup(self, text: str) -> str:
        """Leaving the field in the middle of a number keeps the one that was there."""
        return _word_or(self, _kept(self, self.textFromValue(self.value())))


def _is_word(field: QSpinBox | QDoubleSpinBox, text: str) -> bool:
    """Whether a text is the word for the lowest value, or its beginning."""
    word = field.specialValueText()
    return bool(text) and text in (word, word.partition(" ")[0])


def _word_or(field: QSpinBox | QDoubleSpinBox, number: str) -> str:
    word = field.specialValueText()
    return word if word and field.value() == field.minimum() else number


def _bare(field: QSpinBox | QDoubleSpinBox, text: str) -> str:
    """What was typed, without what stands before and behind it."""
    return text.removeprefix(field.prefix()).removesuffix(field.suffix()).strip()


def _kept(field: QSpinBox | QDoubleSpinBox, number: str) -> str:
    return f"{field.prefix()}{number}{field.suffix()}"


def _state(bare: str, read: Callable[[str], float], least: float, most: float) -> QValidator.State:
    """Whether a text is a number in range, or may still become one."""
    try:
        value = read(bare)
    except ValueError:
        return _unfinished(bare)
    if value > most or (value < 0 <= least):
        return QValidator.State.Invalid
    return _acceptable(value >= least)


def _unfinished(text: str) -> QValidator.State:
    return QValidator.State.Intermediate if set(text) <= _MARKS else QValidator.State.Invalid


def _acceptable(accepted: bool) -> QValidator.State:
    return QValidator.State.Acceptable if accepted else QValidator.State.Intermediate
