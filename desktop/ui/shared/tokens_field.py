"""Fields for a number of tokens: they take what people write (32k, 1M, 32,768) and say why they refuse the rest."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible, QAccessibleEvent, QValidator
from PySide6.QtWidgets import QComboBox, QLineEdit, QSpinBox, QToolTip, QWidget

from desktop.core.errors import UsageError
from desktop.core.text import plain_tooltip
from desktop.core.token_counts import read_tokens
from desktop.core.words import tr
from desktop.ui.shared.wheel import leave_wheel

LONGEST_CONTEXT = 1 << 24  # the engine refuses longer ones
_CONTEXT_LENGTHS = tuple(1024 << n for n in range(11))  # 1,024 to 1,048,576 tokens
_AUTO = "auto"


def say_below(field: QWidget, words: str) -> None:
    """Tell why a field did not take what was typed: below it, and to screen readers. The keyboard stays there."""
    meaning = field.property("meaning")
    if meaning is None:
        field.setProperty("meaning", meaning := field.accessibleDescription())
    field.setAccessibleDescription(f"{words} {meaning}".strip())
    QToolTip.showText(field.mapToGlobal(QPoint(0, field.height())), plain_tooltip(words), field)
    QAccessible.updateAccessibility(QAccessibleEvent(field, QAccessible.Event.Alert))


class TokensField(QSpinBox):
    """A number of tokens within limits; what was typed counts after Enter, or when the field is left."""

    def __init__(self, least: int, most: int, step: int, zero: str = "", parent: QWidget | None = None) -> None:
        """``zero`` is the word for ``least`` where that is no number of tokens ("no limit")."""
        super().__init__(parent)
        self.setRange(least, most)
        self.setSingleStep(step)
        self.setSpecialValueText(zero)
        self.setKeyboardTracking(False)
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        leave_wheel(self)

    def validate(self, text: str, at: int) -> tuple[QValidator.State, str, int]:
        """Anything may be typed: what it means is asked at the end."""
        taken = self._read(text) is not None
        return (QValidator.State.Acceptable if taken else QValidator.State.Intermediate, text, at)

    def valueFromText(self, text: str) -> int:
        """The number of tokens; called for accepted texts only."""
        found = self._read(text)
        return self.value() if found is None else found

    def textFromValue(self, value: int) -> str:
        """``32,768``, whatever the locale."""
        return f"{value:,}"

    def fixup(self, text: str) -> str:
        """Called for what cannot be taken: say so, and take the nearest number where it is one."""
        try:
            wanted = read_tokens(text)
        except UsageError as error:
            say_below(self, f"{error.message} {error.hint}")
            return text  # Qt puts the former number back
        nearest = max(self.minimum(), min(wanted, self.maximum()))
        limit = tr("at least") if wanted < nearest else tr("at most")
        say_below(
            self,
            tr(
                "{wanted:,} tokens are not possible here: {limit} {nearest:,}.",
                wanted=wanted,
                limit=limit,
                nearest=nearest,
            ),
        )
        return self.textFromValue(nearest)

    def _read(self, text: str) -> int | None:
        """The number, None for what cannot be taken."""
        word = self.specialValueText()
        if word and text.strip().casefold() in ("", word.casefold()):
            return self.minimum()
        try:
            found = read_tokens(text)
        except UsageError:
            return None
        return found if self.minimum() <= found <= self.maximum() else None


class ContextChoice(QComboBox):
    """Context lengths up to what the model was trained for, or any other one typed; 0 leaves it to Heft.

    ``activated`` tells of both.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._trained = 0
        self._auto = _AUTO
        self.setEditable(True)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self._field = QLineEdit()
        self.setLineEdit(self._field)
        self.setCompleter(None)  # type: ignore[arg-type]  # it would make 4,096 of a typed 4
        self._field.editingFinished.connect(self._take_typed)
        leave_wheel(self)
        self.offer(0)

    @property
    def length(self) -> int:
        """The length chosen, tokens."""
        return int(self.currentData() or 0)

    def set_trained(self, trained: int) -> None:
        """The longest context the model knows, 0 when unknown; keeps what is chosen."""
        if trained != self._trained:
            self._trained = trained
            self.offer(self.length)

    def set_auto_word(self, words: str) -> None:
        """What the entry says that leaves the choice to Heft; it begins with ``auto``."""
        self._auto = words
        if self.itemText(0) != words:
            self.setItemText(0, words)
            self._field.setCursorPosition(0)  # a word that is too long is read from its beginning

    def offer(self, wanted: int) -> None:
        """Fill the list and choose ``wanted``."""
        lengths = {n for n in _CONTEXT_LENGTHS if not self._trained or n <= self._trained}
        lengths |= {n for n in (wanted, self._trained) if n}
        self.clear()
        self.addItem(self._auto, 0)
        for length in sorted(lengths):
            self.addItem(f"{length:,}", length)
        self.setCurrentIndex(self.findData(wanted))
        self._field.setCursorPosition(0)

    def _take_typed(self) -> None:
        """Take the length in the field; where it is none, say so and put the former one back."""
        text = self._field.text()
        if text == self.itemText(self.currentIndex()):
            return
        before = self.length
        try:
            wanted = 0 if text.strip().casefold() in ("", _AUTO, self._auto.casefold()) else read_tokens(text)
        except UsageError as error:
            self.setEditText(self.itemText(self.currentIndex()))
            say_below(self, f"{error.message} {error.hint}")
            return
        if wanted > LONGEST_CONTEXT:
            say_below(
                self,
                tr(
                    "{wanted:,} tokens are not possible here: at most {longest_context:,}.",
                    wanted=wanted,
                    longest_context=LONGEST_CONTEXT,
                ),
            )
        self.offer(min(wanted, LONGEST_CONTEXT))
        if self.length != before:
            self.activated.emit(self.currentIndex())
