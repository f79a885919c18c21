"""What stands below a message's text: the strip with a note, and the line with statistics and actions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen, QTextLayout

from desktop.core.words import tr
from desktop.ui.shared.transcript.leaves import LeafPosition
from desktop.ui.shared.transcript.message import TranscriptMessage
from desktop.ui.shared.transcript.row import ALIGN_LEFT, HotSpot, HotSpotKind, Span, TranscriptRow, lay_lines, wrapping
from desktop.ui.shared.transcript.style import Style

_ICON_SPACE = 30.0
_BELOW_ANSWER = 15.0
_INWARDS = -7.0  # an action's words begin where the text does
SEPARATOR = " · "


class NoteRow(TranscriptRow):
    """Why an answer ended or failed: an icon, words, and a tinted strip."""

    def __init__(self, style: Style, note: str, *, failed: bool) -> None:
        super().__init__(style, LeafPosition())
        self.text = note
        self._failed = failed
        self._layout = QTextLayout(note.replace("\n", "\u2028"), style.body)
        self._layout.setTextOption(wrapping())

    def estimate(self, width: float) -> float:
        return self.style.line + 16.0

    def measure(self, width: float) -> float:
        return lay_lines(self._layout, width - _ICON_SPACE - 10, self.style.line) + 16.0

    def paint(self, painter: QPainter, visible: QRectF, selected: Span | None) -> None:
        name = "bad" if self._failed else "warn"
        ink = self.style.color(name)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.style.color(f"{name}_surface"))
        painter.drawRoundedRect(QRectF(0, 0, self.width, self.height), 6, 6)
        painter.setPen(QPen(ink, 1.6))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        x, y = 16.0, 8.0 + self.style.line / 2
        if self._failed:
            painter.drawEllipse(QPointF(x, y), 7, 7)
        else:
            painter.drawPolygon([QPointF(x, y - 7), QPointF(x + 8, y + 6), QPointF(x - 8, y + 6)])
        painter.drawLine(QPointF(x, y - 3), QPointF(x, y + 1))
        painter.drawPoint(QPointF(x, y + 3.6))
        painter.setPen(self.style.color("text"))
        ranges = []
        if selected is not None and selected[0] < selected[1]:
            ranges.append(self.style.range(selected[0], selected[1] - selected[0], self.style.selection))
        self._layout.draw(painter, QPointF(_ICON_SPACE, 8), ranges)
        painter.restore()


class UnseenRow(TranscriptRow):
    """A quiet line below the last message that the model does not see."""

    def __init__(self, style: Style) -> None:
        super().__init__(style, LeafPosition())
        self.text = tr("The model does not see what is above")

    def estimate(self, width: float) -> float:
        return self.style.small_line + 16.0

    def measure(self, width: float) -> float:
        return self.estimate(width)

    def paint(self, painter: QPainter, visible: QRectF, selected: Span | None) -> None:
        words = self.style.small_metrics.elidedText(self.text, Qt.TextElideMode.ElideRight, max(self.width, 0.0))
        taken = self.style.small_metrics.horizontalAdvance(words)
        side, middle = max(0.0, (self.width - taken) / 2 - 12), self.height / 2
        painter.setPen(QPen(self.style.color("border"), 1))
        painter.drawLine(QPointF(0, middle), QPointF(side, middle))
        painter.drawLine(QPointF(self.width - side, middle), QPointF(self.width, middle))
        painter.setFont(self.style.small)
        painter.setPen(self.style.color("text_muted"))
        painter.drawText(QRectF(0, 0, self.width, self.height), Qt.AlignmentFlag.AlignCenter, words)


class WaitingRow(TranscriptRow):
    """Stands in for an answer that has no text yet."""

    def __init__(self, style: Style) -> None:
        super().__init__(style, LeafPosition())
        self.words = tr("Waiting for the first word…")

    def paint(self, painter: QPainter, visible: QRectF, selected: Span | None) -> None:
        painter.setFont(self.style.body)
        painter.setPen(self.style.color("text_muted"))
        painter.drawText(QRectF(0, 0, self.width, self.height), ALIGN_LEFT, self.words)


class FootRow(TranscriptRow):
    """Figures and actions, one after the other, over as many lines as they take: no figure is cut.

    Actions are painted when the view says so; the room for them is always there.
    """

    def __init__(self, style: Style, message: TranscriptMessage, *, name_model: bool, busy: bool) -> None:
        super().__init__(style, LeafPosition())
        self.actions_shown = False
        self.right_aligned = message.role == "user"
        named = message.model if name_model else ""
        self.figures = tuple(part for part in (named, *message.statistics_line.split(SEPARATOR)) if part)
        self.lines: tuple[str, ...] = ()  # the figures as they are painted
        self._actions = self._offered(message, busy)
        self._hot_spots: list[HotSpot] = []
        self._siblings = f"{message.sibling_index + 1}/{message.sibling_count}"
        self._siblings_at = QRectF()

    @staticmethod
    def _offered(message: TranscriptMessage, busy: bool) -> list[tuple[HotSpotKind, str, str]]:
        """(kind, words painted, words for tooltip and screen reader) in order."""
        if message.state == "streaming":
            return []
        found: list[tuple[HotSpotKind, str, str]] = []
        answer = message.role == "assistant"
        if answer and not busy:
            if message.can_go_on:
                found.append(("continue", tr("Continue"), tr("Continue this answer where it stopped")))
            found.append(("regenerate", tr("Regenerate"), tr("Answer again; this answer is kept as a branch")))
        if not busy:
            what = "answer" if answer else "message"
            found.append(("edit", tr("Edit"), tr("Edit this {what}; the present one is kept as a branch", what=what)))
        if message.has_text:
            found.append(("copy", tr("Copy"), tr("Copy this message as Markdown")))
        if message.sibling_count > 1:
            of = tr(
                "version {sibling_index} of {sibling_count}",
                sibling_index=message.sibling_index + 1,
                sibling_count=message.sibling_count,
            )
            if message.sibling_index > 0 and not busy:
                found.append(("previous", "‹", tr("Previous version (this is {of})", of=of)))
            if message.sibling_index < message.sibling_count - 1 and not busy:
                found.append(("next", "›", tr("Next version (this is {of})", of=of)))
        return found

    def estimate(self, width: float) -> float:
        return self._line + (0.0 if self.right_aligned else _BELOW_ANSWER)

    @property
    def gap(self) -> float:
        return 1.0 if self.right_aligned else 4.0

    @property
    def _line(self) -> float:
        """Below a question no more than the actions take: with what is around them, a line of text."""
        return self.style.line - 4.0 if self.right_aligned else self.style.small_line + 2.0

    def measure(self, width: float) -> float:
        metrics = self.style.small_metrics
        self.lines = tuple(wrapped_figures(metrics, width, self.figures))
        start = metrics.horizontalAdvance(self.lines[-1]) + 10 if self.lines else _INWARDS
        pieces = self._pieces()
        needed = sum(size for _, size in pieces)
        below = bool(self.lines) and start + needed > width and bool(pieces)  # else beside the last figures
        x, line = (_INWARDS, len(self.lines)) if below else (start, max(0, len(self.lines) - 1))
        if self.right_aligned:
            x = max(_INWARDS, width - needed - _INWARDS)
        line = self._place(pieces, x, line, width)
        return self.estimate(width) + line * self._line

    def _pieces(self) -> list[tuple[HotSpot | None, float]]:
        """Actions with their widths, and None for which of the versions this is, between what changes that."""
        metrics = self.style.small_metrics
        found: list[tuple[HotSpot | None, float]] = []
        for kind, words, label in self._actions:
            found.append((HotSpot(kind, QRectF(), label), max(metrics.horizontalAdvance(words) + 14, 22.0)))
        kinds = [kind for kind, _, _ in self._actions]
        if "previous" in kinds or "next" in kinds:
            at = kinds.index("previous") + 1 if "previous" in kinds else kinds.index("next")
            found.insert(at, (None, metrics.horizontalAdvance(self._siblings) + 4))
        return found

    def _place(self, pieces: Sequence[tuple[HotSpot | None, float]], x: float, line: int, width: float) -> int:
        """Place the actions one after the other from ``x`` of a line on; the last line they take."""
        self._hot_spots, self._siblings_at = [], QRectF()
        height, first = self._line, x
        for hot, size in pieces:
            if x + size > width - _INWARDS and x > first:
                x, line = _INWARDS, line + 1
            if hot is None:
                self._siblings_at = QRectF(x, line * height, size, height)
            else:
                self._hot_spots.append(replace(hot, rect=QRectF(x, line * height + 1, size, height - 2)))
            x += size
        return line

    def hot_spots(self) -> list[HotSpot]:
        return self._hot_spots

    def paint(self, painter: QPainter, visible: QRectF, selected: Span | None) -> None:
        painter.setFont(self.style.small)
        painter.setPen(self.style.color("text_muted"))
        for number, line in enumerate(self.lines):
            painter.drawText(QRectF(0, number * self._line, self.width, self._line), ALIGN_LEFT, line)
        if not self.actions_shown:
            return
        for hot, (_, words, _) in zip(self._hot_spots, self._actions, strict=True):
            painter.drawText(hot.rect, Qt.AlignmentFlag.AlignCenter, words)
        if not self._siblings_at.isNull():
            painter.drawText(self._siblings_at, Qt.AlignmentFlag.AlignCenter, self._siblings)

    def tooltip(self) -> str:
        """All of it where a name in it had to be shortened."""
        whole = SEPARATOR.join(self.figures)
        return whole if SEPARATOR.join(self.lines) != whole else ""


def wrapped_figures(metrics: QFontMetricsF, width: float, figures: Sequence[str]) -> Iterator[str]:
    """Lines of whole figures, each as long as the width (pixels) allows; only what is wider by itself is shortened."""
    line = ""
    for figure in figures:
        longer = f"{line}{SEPARATOR}{figure}" if line else figure
        if line and metrics.horizontalAdvance(longer) > width:
            yield line
            longer = figure
        line = metrics.elidedText(longer, Qt.TextElideMode.ElideMiddle, max(width, 0.0))
    if line:
        yield line
