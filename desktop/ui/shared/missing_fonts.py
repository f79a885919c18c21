"""Letters for which no font is installed: said once for each script, with what to install."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QFont, QFontMetricsF

from desktop.core.text import scripts_of
from desktop.core.text.scripts import Script, missing_font_words

_LOOKED_AT = 20_000  # characters of a text


def has_font(font: QFont, script: Script) -> bool:
    """Whether the font, or one that stands in for it, has the script's letters."""
    return QFontMetricsF(font).inFontUcs4(ord(script.sample))


class MissingFonts(QObject):
    """Looks at what is shown; ``missed`` carries words, once for each script."""

    missed = Signal(str)

    def __init__(
        self,
        font: Callable[[], QFont],
        parent: QObject | None = None,
        *,
        has: Callable[[QFont, Script], bool] | None = None,
    ) -> None:
        super().__init__(parent)
        self._font, self._has = font, has or has_font
        self._known: set[Script] = set()

    def look(self, text: str) -> None:
        """A text is shown, or a part of it."""
        for script in sorted(scripts_of(text[:_LOOKED_AT]) - self._known, key=lambda script: script.letters):
            self._known.add(script)
            if not self._has(self._font(), script):
                self.missed.emit(missing_font_words(script))
