"""Fonts, distances and text formats of the transcript, made from the theme once per scheme."""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPixmap, QTextCharFormat, QTextFormat, QTextLayout

from desktop.core.attachments import Attachment
from desktop.core.markdown import Run
from desktop.ui.shared.transcript.formulas import Drawing
from desktop.ui.shared.transcript.thumbnails import Thumbnails

LINE_SPACING = 1.45  # line height ÷ font size, as in the design sketches
FORMULA_SCALE = 1.12  # em of a formula ÷ font size: the letters of the formulas' font are smaller than the window's
_HEADING_SCALE = (1.45, 1.3, 1.15, 1.08, 1.0, 1.0)


class Colours(Protocol):
    """What a style is made from: the window's theme, or the colours of paper."""

    @property
    def monospace(self) -> QFont: ...

    def color(self, token: str) -> QColor: ...


class Drawings(Protocol):
    """Where formulas come from."""

    def drawing(self, source: str) -> Drawing | None: ...

    def pending(self, source: str) -> bool: ...


class Style:
    """What painting needs to know. Distances are in logical pixels."""

    padding = 12.0
    message_gap = 3.0  # the line of actions below each message adds to it
    block_gap = 9.0
    item_gap = 3.0
    indent = 20.0
    margin = 40.0
    column = 780.0

    def __init__(self, theme: Colours, font: QFont, formulas: Drawings | None = None, *, paper: bool = False) -> None:
        """``paper``: without what can only be clicked."""
        self.paper = paper
        self._theme = theme
        self.formulas = formulas
        self.thumbnails: Thumbnails | None = None
        size = font.pixelSize() if font.pixelSize() > 0 else 13
        self.body = QFont(font)
        self.body.setPixelSize(size)
        self.bold = QFont(self.body)
        self.bold.setBold(True)
        self.small = QFont(self.body)
        self.small.setPixelSize(max(10, size - 2))
        self.mono = QFont(theme.monospace)
        self.mono.setPixelSize(max(10, size - 1))
        self.small_metrics = QFontMetricsF(self.small)
        self.body_metrics = QFontMetricsF(self.body)
        self.mono_metrics = QFontMetricsF(self.mono)
        self.line = round(size * LINE_SPACING)
        self.code_line = round((size - 1) * 1.42)
        self.small_line = round((size - 2) * 1.8)
        self.character = self.body_metrics.averageCharWidth()
        self._formats: dict[tuple[bool, bool, bool, bool, bool], QTextCharFormat] = {}
        self._syntax: dict[str, QTextCharFormat] = {}
        self.selection = QTextCharFormat()
        self.selection.setBackground(self.color("selection"))
        self.color = lru_cache(maxsize=None)(self.color)  # type: ignore[method-assign]

    def again(self, font: QFont) -> Style:
        """The same for another font, or another scheme of the theme."""
        made = Style(self._theme, font, self.formulas)
        made.thumbnails = self.thumbnails
        return made

    def color(self, token: str) -> QColor:
        """The colour of a token in the scheme this style was made for."""
        return self._theme.color(token)

    def heading(self, level: int) -> QFont:
        """The font of a heading of level 1 to 6."""
        font = QFont(self.bold)
        font.setPixelSize(round(self.body.pixelSize() * _HEADING_SCALE[level - 1]))
        return font

    def format_of(self, run: Run) -> QTextCharFormat | None:
        """The format of a run that is not plain."""
        key = (run.bold, run.italic, run.code, run.strike, bool(run.link))
        if not any(key):
            return None
        made = self._formats.get(key)
        if made is None:
            made = QTextCharFormat()
            if run.bold:
                made.setFontWeight(QFont.Weight.Bold)
            made.setFontItalic(run.italic)
            made.setFontStrikeOut(run.strike)
            if run.code:
                made.setFontFamilies(self.mono.families())
                made.setProperty(QTextFormat.Property.FontPixelSize, self.mono.pixelSize())
                made.setBackground(self.color("raised"))
            if run.link:
                made.setForeground(self.color("accent"))
                made.setFontUnderline(True)
            self._formats[key] = made
        return made

    def drawing(self, source: str) -> Drawing | None:
        """The formula that is typeset out of this source; None where it cannot be, or is not yet."""
        return self.formulas.drawing(source) if self.formulas is not None else None

    def is_pending(self, source: str) -> bool:
        """Whether a formula is still to be typeset."""
        return self.formulas is not None and self.formulas.pending(source)

    def thumbnail(self, attachment: Attachment) -> QPixmap | None:
        """An attached picture made small; None where it cannot be read, or is not yet."""
        return self.thumbnails.picture(attachment) if self.thumbnails is not None else None

    def syntax(self, token: str) -> QTextCharFormat:
        """The format of code in the colour of a token; comments are slanted as well."""
        made = self._syntax.get(token)
        if made is None:
            made = self._syntax[token] = QTextCharFormat()
            made.setForeground(self.color(token))
            made.setFontItalic(token == "syntax_comment")
        return made

    @staticmethod
    def range(start: int, length: int, shape: QTextCharFormat) -> QTextLayout.FormatRange:
        """One format range, in UTF-16 units."""
        made = QTextLayout.FormatRange()
        made.start, made.length, made.format = start, length, shape
        return made
