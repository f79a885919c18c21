"""The slider of the context length: even steps in the logarithm, with marks where variants stop fitting."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSlider, QToolTip, QWidget

from desktop.core.context_length import CELLS
from desktop.core.text import plain_tooltip
from desktop.core.words import tr
from desktop.services.discover.picker_records import Mark
from desktop.ui.shell.theme import Theme

SMALLEST = 512
STEPS = 240
_HANDLE = 16
_NEAR = 6  # pixels around a mark that show its tooltip


class ContextSlider(QSlider):
    """Tells :attr:`context_changed` while it moves."""

    context_changed = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._theme = theme
        self._longest = 4096
        self._marks: tuple[Mark, ...] = ()
        self._silent = False
        self.setObjectName("contextSlider")
        self.setAccessibleName(tr("Context length"))
        self.setRange(0, STEPS)
        self.setSingleStep(4)
        self.setPageStep(30)
        self.setMinimumWidth(150)
        self.setMinimumHeight(30)
        self.valueChanged.connect(self._told)
        theme.changed.connect(self.update)

    @property
    def context(self) -> int:
        """Tokens at the handle: whole groups of 256, the longest context exactly at the end."""
        return self._context_at(self.value())

    @property
    def marks(self) -> tuple[Mark, ...]:
        return self._marks

    def set_longest(self, tokens: int) -> None:
        """The model's longest context."""
        kept = self.context
        self._longest = max(SMALLEST, tokens)
        self.set_context(min(kept, self._longest))

    def set_context(self, tokens: int) -> None:
        """Move the handle without telling."""
        self._silent = True
        self.setValue(self._step_of(tokens))
        self._silent = False
        self._describe(tokens)

    def set_marks(self, marks: Sequence[Mark]) -> None:
        """Show where variants stop fitting."""
        self._marks = tuple(marks)
        self._describe(self.context)
        self.update()

    def event(self, event: QEvent) -> bool:
        """A tooltip for each mark."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            near = [m for m in self._marks if abs(self._x(m.context) - event.pos().x()) <= _NEAR]
            words = "\n".join(
                tr("up to {context:,} tokens: {name}", context=mark.context, name=mark.name) for mark in near
            )
            QToolTip.showText(event.globalPos(), plain_tooltip(words) or self.toolTip(), self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The slider, and a tick below it for each mark."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setPen(QPen(self._theme.color("warn"), 2))
        bottom = self.height() - 1.0
        for x in sorted({round(self._x(mark.context)) for mark in self._marks}):
            painter.drawLine(QPointF(x, bottom - 5), QPointF(x, bottom))
        painter.end()

    def _told(self) -> None:
        self._describe(self.context)
        if not self._silent:
            self.context_changed.emit(self.context)

    def _describe(self, tokens: int) -> None:
        beyond = next((mark for mark in self._marks if mark.context >= tokens), None)
        words = tr("{tokens:,} tokens of context", tokens=tokens)
        if beyond is not None:
            words += tr("\n{name} stays where it is up to {context:,} tokens", name=beyond.name, context=beyond.context)
        self.setToolTip(plain_tooltip(words))
        self.setAccessibleDescription(words)

    def _context_at(self, step: int) -> int:
        if step >= STEPS:
            return self._longest
        tokens = SMALLEST * math.pow(self._longest / SMALLEST, step / STEPS)
        return max(SMALLEST, min(self._longest, round(tokens / CELLS) * CELLS))

    def _step_of(self, tokens: int) -> int:
        if self._longest <= SMALLEST or tokens <= SMALLEST:
            return 0
        return min(STEPS, round(STEPS * math.log(tokens / SMALLEST) / math.log(self._longest / SMALLEST)))

    def _x(self, tokens: int) -> float:
        return _HANDLE / 2 + self._step_of(tokens) / STEPS * (self.width() - _HANDLE)
