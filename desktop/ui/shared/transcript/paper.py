"""A conversation on pages: the transcript's own rows, in light colours, cut between lines and nowhere else.

Everything here may run on a worker thread; it paints into memory and touches no widget.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMarginsF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPageLayout, QPageSize, QPainter, QPdfWriter

from desktop.core.markdown import Run, latex_of
from desktop.core.words import tr
from desktop.system.packaged import read_text
from desktop.ui.shared.transcript.foot_rows import NoteRow
from desktop.ui.shared.transcript.formulas import Drawing, Typeset
from desktop.ui.shared.transcript.item import MessageItem
from desktop.ui.shared.transcript.leaves import LeafPosition, TextLeaf
from desktop.ui.shared.transcript.message import TranscriptMessage
from desktop.ui.shared.transcript.row import TextRow, TranscriptRow
from desktop.ui.shared.transcript.style import Style

_POINTS_PER_PIXEL = 10.5 / 13  # the window's text of 13 pixels is 10.5 points high on paper
_MARGIN = 20.0  # millimetres
_FOOT = 26.0  # pixels for the number of the page
_BUBBLE = 8.0  # pixels above and below the text of a question
_MESSAGE_GAP = 16.0
_RESOLUTION = 1200
_ENDLESS = 1e12


class PaperColours:
    """The light scheme, whatever the window's is."""

    def __init__(self, monospace: QFont) -> None:
        self._tokens: dict[str, str] = json.loads(read_text("theme", "tokens.json"))["light"]
        self.monospace = monospace

    def color(self, token: str) -> QColor:
        """The colour of a token; KeyError for an unknown one."""
        return QColor(self._tokens[token])


class PaperFormulas:
    """Typesets each formula when it is asked for, and waits."""

    def __init__(self, typeset: Typeset) -> None:
        self._typeset = typeset
        self._known: dict[str, Drawing | None] = {}

    def pending(self, source: str) -> bool:
        """None is still to come."""
        return False

    def drawing(self, source: str) -> Drawing | None:
        """The formula, None where it cannot be typeset."""
        if source not in self._known:
            outline = self._typeset(*latex_of(source))
            self._known[source] = Drawing(outline) if outline is not None else None
        return self._known[source]


Paint = Callable[[QPainter, QRectF], None]  # the origin is the strip's corner; only what lies in the rectangle is seen


@dataclass
class Strip:
    """A row on paper. ``cuts`` are heights at which a page may end in it; ``keeps``: the next one stays with it."""

    height: float
    paint: Paint
    gap: float = 0.0
    cuts: Sequence[float] = ()
    keeps: bool = False

    @property
    def first(self) -> float:
        """Its smallest beginning."""
        return min((cut for cut in self.cuts if cut > 0), default=self.height)


@dataclass
class Piece:
    """The part of a strip between two heights, at a place of a page."""

    strip: Strip
    top: float
    start: float
    end: float


@dataclass
class Page:
    pieces: list[Piece] = field(default_factory=list)


def paper_style(font: QFont, monospace: QFont, typeset: Typeset) -> Style:
    """How the rows are made: without what can be clicked, letters where the printer wants them."""
    body, mono = QFont(font), QFont(monospace)
    for used in (body, mono):
        used.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return Style(PaperColours(mono), body, PaperFormulas(typeset), paper=True)


def to_pdf(
    title: str, about: str, system_prompt: str, messages: Iterable[TranscriptMessage], style: Style, *, letter: bool
) -> bytes:
    """The pages as a PDF; ``letter`` is the size of the paper, else A4. What was thought is in it where it is given."""
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    writer.setTitle(title)
    writer.setCreator(tr("Heft"))
    writer.setResolution(_RESOLUTION)
    writer.setPageSize(QPageSize(QPageSize.PageSizeId.Letter if letter else QPageSize.PageSizeId.A4))
    margins = QMarginsF(_MARGIN, _MARGIN, _MARGIN, _MARGIN)
    writer.setPageMargins(margins, QPageLayout.Unit.Millimeter)
    scale = _RESOLUTION / 72 * _POINTS_PER_PIXEL
    width, height = writer.width() / scale, writer.height() / scale - _FOOT
    strips = [*_head(title, about, system_prompt, style, width)]
    for message in messages:
        strips += _message(message, style, width)
    pages = paginate(strips, height)
    painter = QPainter(writer)
    painter.scale(scale, scale)
    for number, page in enumerate(pages, 1):
        if number > 1:
            writer.newPage()
        for piece in page.pieces:
            _paint_piece(painter, piece, width)
        painter.setFont(style.small)
        painter.setPen(style.color("text_muted"))
        foot = QRectF(0, height, width, _FOOT)
        painter.drawText(foot, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom, f"{number} / {len(pages)}")
    painter.end()
    buffer.close()
    return bytes(data.data())


def _paint_piece(painter: QPainter, piece: Piece, width: float) -> None:
    whole = piece.start <= 0 and piece.end >= piece.strip.height
    painter.save()
    if not whole:
        painter.setClipRect(QRectF(-60, piece.top, width + 120, piece.end - piece.start))
    painter.translate(0, piece.top - piece.start)
    inner = QRectF(0, piece.start + 1, width, piece.end - piece.start - 2)  # no line that only touches it
    piece.strip.paint(painter, inner)
    painter.restore()


def paginate(strips: Sequence[Strip], height: float) -> list[Page]:
    """Strips on pages of a height: cut where they allow it, and in the middle only where nothing else is possible."""
    pages = [Page()]
    y = 0.0
    for index, strip in enumerate(strips):
        y += strip.gap if y else 0.0
        after = strips[index + 1] if index + 1 < len(strips) else None
        needs = strip.first if not strip.keeps or after is None else strip.height + after.gap + after.first
        if y and y + needs > height:
            pages.append(Page())
            y = 0.0
        ends = [*(cut for cut in strip.cuts if 0 < cut < strip.height), strip.height]
        start = 0.0
        while start < strip.height:
            fitting = [end for end in ends if start < end <= start + height - y + 0.01]
            if not fitting and y:
                pages.append(Page())
                y = 0.0
                continue
            end = fitting[-1] if fitting else min(start + height, strip.height)
            pages[-1].pieces.append(Piece(strip, y, start, end))
            y += end - start
            start = end
    return pages


# -- strips -----------------------------------------------------------------------------------------


def _head(title: str, about: str, system_prompt: str, style: Style, width: float) -> Iterator[Strip]:
    yield _row_strip(TextRow(style, TextLeaf((Run(title),), LeafPosition(), 1)), width, gap=0.0, keeps=True)
    if about:
        yield _line(about, style, gap=4.0, keeps=bool(system_prompt))
    if system_prompt:
        yield _line(tr("System prompt"), style, gap=_MESSAGE_GAP, keeps=True, bold=True)
        yield _row_strip(TextRow(style, TextLeaf((Run(system_prompt),), LeafPosition())), width, gap=3.0)


def _line(text: str, style: Style, *, gap: float, keeps: bool, bold: bool = False) -> Strip:
    font = QFont(style.small)
    font.setBold(bold)

    def paint(painter: QPainter, visible: QRectF) -> None:
        painter.setFont(font)
        painter.setPen(style.color("text_muted"))
        room = QRectF(0, 0, visible.width(), style.small_line)
        shown = style.small_metrics.elidedText(text, Qt.TextElideMode.ElideRight, visible.width() * 0.95)
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)

    return Strip(style.small_line, paint, gap, keeps=keeps)


def _message(message: TranscriptMessage, style: Style, width: float) -> list[Strip]:
    """A line with who said it and when, then its rows; a question on its tinted ground."""
    who = message.said_by or (tr("You") if message.role == "user" else message.model or tr("Assistant"))
    item = MessageItem(message, style, name_model=False, busy=True)
    item.folded = False
    item.place(width)
    item.build()
    item.lay_out(0.0, _ENDLESS)
    made = [_line(who, style, gap=_MESSAGE_GAP, keeps=True, bold=True)]
    rows = item.body
    if item.is_user and rows:
        return [*made, *_question(item, width)]
    for index, row in enumerate(rows):
        made.append(_row_strip(row, width, gap=row.gap if index else 2.0, keeps=_is_heading(row)))
    notes = [row for row in (item.rows or ())[len(rows) :] if isinstance(row, NoteRow)]
    return [*made, *(_row_strip(row, width, gap=8.0) for row in notes)]


def _is_heading(row: TranscriptRow) -> bool:
    return isinstance(row, TextRow) and row.is_heading


def _question(item: MessageItem, width: float) -> Iterator[Strip]:
    """The rows of a question; each paints its part of the ground behind all of them."""
    rows, style = item.body, item.style
    wide = max(row.natural_width for row in rows) + 2 * style.padding
    tops, y = [], _BUBBLE
    for index, row in enumerate(rows):
        y += row.gap if index else 0.0
        tops.append(y)
        y += row.height
    ground = QRectF(width - wide, 0, wide, y + _BUBBLE)
    for index, row in enumerate(rows):
        begin = 0.0 if index == 0 else tops[index] - row.gap
        end = ground.bottom() if index == len(rows) - 1 else tops[index] + row.height
        inside = tops[index] - begin

        def paint(
            painter: QPainter,
            visible: QRectF,
            row: TranscriptRow = row,
            x: float = item.row_x(index),
            begin: float = begin,
            end: float = end,
            inside: float = inside,
        ) -> None:
            painter.save()
            painter.setClipRect(QRectF(0, 0, width, end - begin), Qt.ClipOperation.IntersectClip)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(style.color("raised"))
            painter.drawRoundedRect(ground.translated(0, -begin), 10, 10)
            painter.restore()
            origin = QPointF(x, inside)
            painter.translate(origin)
            row.paint(painter, visible.translated(-origin), None)
            painter.translate(-origin)

        yield Strip(end - begin, paint, 2.0 if index == 0 else 0.0, [inside + cut for cut in row.cuts])


def _row_strip(row: TranscriptRow, width: float, *, gap: float, keeps: bool = False) -> Strip:
    """A row as wide as the page; what is wider is made smaller as a whole: nothing scrolls on paper."""
    row.lay_out(width)
    scale = 1.0
    if row.sideways is not None:
        wide = row.indent + row.sideways.whole + 1
        row.lay_out(wide)
        scale = width / wide

    def paint(painter: QPainter, visible: QRectF) -> None:
        painter.scale(scale, scale)
        row.paint(painter, QRectF(visible.topLeft() / scale, visible.size() / scale), None)
        painter.scale(1 / scale, 1 / scale)

    return Strip(row.height * scale, paint, gap, [cut * scale for cut in row.cuts], keeps)
