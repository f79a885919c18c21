"""What is attached to a message: pictures small, other files by name; each is opened by a click or with Enter."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPen

from desktop.core.attachments import Attachment
from desktop.core.text import elided, one_line
from desktop.core.words import tr
from desktop.ui.shared.attachment_words import size_words
from desktop.ui.shared.transcript.leaves import LeafPosition
from desktop.ui.shared.transcript.row import ALIGN_LEFT, HotSpot, Span, TranscriptRow
from desktop.ui.shared.transcript.style import Style

_HIGH = 120.0  # pixels of a picture
_NARROWEST, _WIDEST = 60.0, 220.0
_GAP = 6.0
_FILE_PADDING = 10.0
_NAME = 40  # characters
_OPENS = {"image": tr("Opens it larger"), "sound": tr("Saves a copy"), "document": tr("Opens its text")}
_KINDS = {"image": tr("Picture"), "sound": tr("Sound"), "document": tr("Document")}


def spoken(attachment: Attachment) -> str:
    """ "Picture holiday.jpg, 1,024 x 768"."""
    about = ", ".join(filter(None, (one_line(attachment.name), size_words(attachment))))
    return f"{_KINDS[attachment.kind]} {about}"


@dataclass(frozen=True, slots=True)
class _Tile:
    attachment: Attachment
    rect: QRectF


class AttachmentsRow(TranscriptRow):
    """Tiles from left to right, below each other where there is no room; those of a question end at the right."""

    def __init__(self, style: Style, attachments: tuple[Attachment, ...], *, right_aligned: bool) -> None:
        super().__init__(style, LeafPosition())
        self._attachments = attachments
        self._right_aligned = right_aligned
        self._tiles: list[_Tile] = []

    @property
    def gap(self) -> float:
        return _GAP

    def estimate(self, width: float) -> float:
        return self._place(width)

    def measure(self, width: float) -> float:
        return self._place(width)

    def _size(self, one: Attachment, width: float) -> tuple[float, float]:
        if one.kind == "image" and one.width and one.height:
            wide = min(max(_HIGH * one.width / one.height, _NARROWEST), _WIDEST, width)
            return wide, _HIGH
        metrics = self.style.small_metrics
        words = metrics.horizontalAdvance(self._words(one))
        return min(words + 2 * _FILE_PADDING, width), self.style.small_line + 8.0

    @staticmethod
    def _words(one: Attachment) -> str:
        name = elided(one_line(one.name), _NAME, keep=one.name[-6:])
        return ", ".join(filter(None, (name, size_words(one))))

    def _place(self, width: float) -> float:
        lines: list[list[_Tile]] = [[]]
        x = y = line = 0.0
        for one in self._attachments:
            wide, high = self._size(one, width)
            if x and x + wide > width:
                lines.append([])
                x, y, line = 0.0, y + line + _GAP, 0.0
            lines[-1].append(_Tile(one, QRectF(x, y, wide, high)))
            x, line = x + wide + _GAP, max(line, high)
        self._tiles = []
        for tiles in lines:
            end = tiles[-1].rect.right() if tiles else 0.0
            shift = width - end if self._right_aligned else 0.0
            self._tiles += [_Tile(tile.attachment, tile.rect.translated(shift, 0)) for tile in tiles]
        return y + line

    def hot_spots(self) -> list[HotSpot]:
        return [
            HotSpot("attachment", tile.rect, f"{spoken(tile.attachment)}. {_OPENS[tile.attachment.kind]}", str(number))
            for number, tile in enumerate(self._tiles)
        ]

    def paint(self, painter: QPainter, visible: QRectF, selected: Span | None) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        for tile in self._tiles:
            if tile.rect.intersects(visible):
                self._paint(painter, tile)
        painter.restore()

    def _paint(self, painter: QPainter, tile: _Tile) -> None:
        edge = tile.rect.adjusted(0.5, 0.5, -0.5, -0.5)
        outline = QPainterPath()
        outline.addRoundedRect(edge, 6, 6)
        painter.fillPath(outline, self.style.color("raised"))
        picture = self.style.thumbnail(tile.attachment) if tile.attachment.kind == "image" else None
        if picture is not None:
            painter.save()
            painter.setClipPath(outline, Qt.ClipOperation.IntersectClip)
            size = picture.size().toSizeF()
            size.scale(tile.rect.size(), Qt.AspectRatioMode.KeepAspectRatioByExpanding)
            shown = QRectF(QPointF(0, 0), size)
            shown.moveCenter(tile.rect.center())
            painter.drawPixmap(shown, picture, QRectF(picture.rect()))
            painter.restore()
        painter.strokePath(outline, QPen(self.style.color("border"), 1))
        if picture is None:
            painter.setFont(self.style.small)
            painter.setPen(self.style.color("text_muted"))
            inside = tile.rect.adjusted(_FILE_PADDING, 0, -_FILE_PADDING, 0)
            words = self._words(tile.attachment)
            fitting = self.style.small_metrics.elidedText(words, Qt.TextElideMode.ElideMiddle, inside.width())
            painter.drawText(inside, ALIGN_LEFT, fitting)
