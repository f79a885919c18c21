"""What painted words lose: cells, rows of a transcript and charts paint for themselves, and no widget tells their room.

What they draw is heard where it is drawn: a figure of which a part is left out would be read as another figure, and a
text that is wider than the place it is drawn into loses its end without a sign.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QFontMetrics, QFontMetricsF, QPainter
from PySide6.QtWidgets import QWidget

from desktop.ui.shared.transcript import TranscriptView

_SLACK = 1.0  # pixels
_UNIT = r"(?:%|[kKMGT]i?B|B\b|tok/s|tokens?\b|bits\b|ms\b|s\b|min\b|threads?\b|layers?\b|files?\b|parameters?\b)"
_FIGURE = re.compile(rf"(?<![\w.-])\d[\d.,]*\s?{_UNIT}")
_BETWEEN = re.compile(r" · | {2,}")


def half_figures(whole: str, shown: str) -> list[str]:
    """The figures of a line of which only a part is shown."""
    begins = shown.split("…")[0]
    places = [(match.start(), match.end()) for match in _FIGURE.finditer(whole)]
    parts = list(_BETWEEN.finditer(whole))
    if parts:
        ends = [match.start() for match in parts] + [len(whole)]
        starts = [0] + [match.end() for match in parts]
        places += [(a, b) for a, b in zip(starts, ends, strict=True) if a and any(map(str.isdigit, whole[a:b]))]
    kept = len(begins.rstrip())
    return [whole[start:end] for start, end in dict.fromkeys(places) if whole.startswith(begins) and start < kept < end]


@contextmanager
def painted_faults() -> Iterator[list[str]]:
    """What is wrong with words that Python paints meanwhile, once each."""
    found: dict[str, None] = {}
    undo: list[Callable[[], None]] = []

    def watch(kind: type, name: str, heard: Callable[..., None]) -> None:
        original = getattr(kind, name)

        def watched(self: Any, *args: Any) -> Any:
            answer = original(self, *args)
            heard(self, answer, *args)
            return answer

        setattr(kind, name, watched)
        undo.append(lambda: setattr(kind, name, original))

    def elided(metrics: object, shown: str, whole: str, *args: Any) -> None:
        found.update(
            dict.fromkeys(f"painted {shown!r}: of {lost!r} only a part" for lost in half_figures(whole, shown))
        )

    def drawn(painter: QPainter, answer: object, *args: Any) -> None:
        if len(args) < 3 or not isinstance(args[0], QRect | QRectF) or not isinstance(args[2], str):
            return
        place, flags, text = args[:3]
        if int(flags) & (Qt.TextFlag.TextWordWrap.value | Qt.TextFlag.TextDontClip.value):
            return
        wanted = QFontMetricsF(painter.font()).horizontalAdvance(text)
        if wanted > place.width() + _SLACK:
            found[f"painted {text[:60]!r} needs {wanted:.0f} pixels and has {place.width():.0f}"] = None

    watch(QFontMetrics, "elidedText", elided)
    watch(QFontMetricsF, "elidedText", elided)
    watch(QPainter, "drawText", drawn)
    told: list[str] = []
    try:
        yield told
    finally:
        for each in undo:
            each()
        told += found


def transcript_faults(window: QWidget) -> Iterator[str]:
    """Actions below a message that lie beyond its edge."""
    for view in window.findChildren(TranscriptView):
        if not view.isVisible():
            continue
        for item in view.column.items:
            for row in item.rows or ():
                for hot in row.hot_spots() if row.width >= 0 else ():
                    if hot.rect.left() < -8 or hot.rect.right() > row.width + 8 or hot.rect.bottom() > row.height:
                        yield f"transcript: {hot.label!r} lies beyond its row of {row.width:.0f}x{row.height:.0f}"
