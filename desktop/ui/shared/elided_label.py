"""Texts that are longer than their place: cut with an ellipsis, figures only as a whole; the tooltip has all of it."""

from __future__ import annotations

import re

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFontMetrics, QFontMetricsF, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from desktop.core.text import plain_tooltip, visible_in_place

_BETWEEN_FIGURES = re.compile(r" · | {2,}")
_FIGURE = re.compile(r"\W*\d")  # how one begins
_MORE = " …"


def first_fitting(metrics: QFontMetrics, width: int, *texts: str) -> str:
    """The first of the texts that fits into the width (pixels); the last one, cut, where none does."""
    for text in texts:
        if metrics.horizontalAdvance(text) <= width:
            return text
    return metrics.elidedText(texts[-1], Qt.TextElideMode.ElideRight, max(0, width))


def elided_figures(metrics: QFontMetrics | QFontMetricsF, width: float, line: str) -> str:
    """As many of a line's figures as fit into the width (pixels), the first ones: half a figure would be another one.

    Figures are what `` · `` or several spaces part. Where not even the first one fits, it is cut if it is words.
    """
    if metrics.horizontalAdvance(line) <= width:
        return line
    ends = [match.start() for match in _BETWEEN_FIGURES.finditer(line)]
    fitting = (line[:end] + _MORE for end in reversed(ends))
    found = next((text for text in fitting if metrics.horizontalAdvance(text) <= width), "")
    if found:
        return found
    first = line[: ends[0]] if ends else line
    return "…" if _FIGURE.match(first) else metrics.elidedText(first, Qt.TextElideMode.ElideRight, max(0, int(width)))


class ElidedLabel(QLabel):
    """Shows as much of its text as there is room for."""

    def __init__(
        self,
        text: str = "",
        parent: QWidget | None = None,
        *,
        mode: Qt.TextElideMode = Qt.TextElideMode.ElideMiddle,
    ) -> None:
        super().__init__(parent)
        self._mode = mode
        self._whole = ""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        self.set_whole_text(text)

    @property
    def whole_text(self) -> str:
        """The text before it was cut."""
        return self._whole

    def set_whole_text(self, text: str) -> None:
        """Show ``text`` (:func:`desktop.core.text.visible_in_place`), cut to the width there is."""
        text = visible_in_place(text)
        if text != self._whole:
            self._whole = text
            self.setAccessibleName(text)
            self.updateGeometry()
        self._cut()

    def sizeHint(self) -> QSize:
        """Room for the whole text."""
        hint = super().sizeHint()
        return QSize(self.fontMetrics().horizontalAdvance(self._whole) + 2, hint.height())

    def minimumSizeHint(self) -> QSize:
        """Room for a few characters."""
        return QSize(self.fontMetrics().averageCharWidth() * 4, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Cut again for the new width."""
        super().resizeEvent(event)
        self._cut()

    def _cut(self) -> None:
        shown = self._fitting(max(0, self.width()))
        if shown != self.text():
            self.setText(shown)
        self.setToolTip(plain_tooltip(self._whole) if shown != self._whole else "")

    def _fitting(self, width: int) -> str:
        """What is shown of the whole text in a width (pixels)."""
        return self.fontMetrics().elidedText(self._whole, self._mode, width)


class FigureLabel(ElidedLabel):
    """A line of figures, most important first: it shows as many whole ones as there is room for."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent, mode=Qt.TextElideMode.ElideRight)
        self.setObjectName(name)

    def _fitting(self, width: int) -> str:
        return elided_figures(self.fontMetrics(), width, self._whole)
