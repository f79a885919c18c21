"""One message of the transcript: its parser, its rows, and where each row stands."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter

from desktop.ui.shared.transcript.attachments_row import AttachmentsRow
from desktop.ui.shared.transcript.code_row import CodeRow
from desktop.ui.shared.transcript.foot_rows import FootRow, NoteRow, UnseenRow, WaitingRow
from desktop.ui.shared.transcript.leaves import Leaf
from desktop.ui.shared.transcript.message import Addition, TranscriptMessage
from desktop.ui.shared.transcript.message_text import Change, MessageText
from desktop.ui.shared.transcript.row import Span, TranscriptRow
from desktop.ui.shared.transcript.rows import row_of
from desktop.ui.shared.transcript.style import Style
from desktop.ui.shared.transcript.table_row import TableRow
from desktop.ui.shared.transcript.thinking import ReasoningRow, thinking_words
from desktop.ui.shared.transcript.tool_row import ToolRow

_BUBBLE_SHARE = 0.82  # of the column, at most
_FEET = (AttachmentsRow, FootRow, NoteRow, UnseenRow)  # as wide as the column


class MessageItem:
    """A message that is parsed and laid out only as far as it is seen. Coordinates are relative to its corner."""

    def __init__(self, message: TranscriptMessage, style: Style, *, name_model: bool, busy: bool) -> None:
        self.message = message
        self.style = style
        self.rows: list[TranscriptRow] | None = None
        self.tops: list[float] = []
        self.height = 0.0
        self.folded = True
        self._turned_calls: set[str] = set()  # folded or unfolded by the person
        self.waiting_words = ""
        self._name_model = name_model
        self._busy = busy
        self._width = 0.0
        self._body = 0  # rows before the feet
        self._block_rows: list[int] = []  # index of the first row of each block
        self._text = MessageText(message)
        self._seconds = message.reasoning_seconds

    @property
    def content(self) -> str:
        """All text received so far."""
        return self._text.content

    @property
    def reasoning(self) -> str:
        """All that was thought before it, received so far."""
        return self._text.reasoning

    @property
    def is_user(self) -> bool:
        return self.message.role == "user"

    @property
    def busy(self) -> bool:
        """Whether an answer is being written in the conversation, so that nothing of it may change."""
        return self._busy or self.streaming

    @property
    def streaming(self) -> bool:
        return self.message.state == "streaming"

    # -- rows ------------------------------------------------------------------------------------

    def place(self, width: float) -> None:
        """Take a width; heights are estimated until rows are seen."""
        self._width = width
        if self.rows is None:
            content = self.content
            per_line = max(10.0, width / self.style.character)
            lines = content.count("\n") + len(content) / per_line + 1 + self._text.thought
            self.height = lines * self.style.line + self.style.small_line + 10.0
        else:
            for row in self.rows:
                if row.width < 0:
                    row.height = row.estimate(self._row_width(row))
            self._stack(0)

    def build(self) -> list[TranscriptRow]:
        """Parse what there is and make the rows, unless that has been done."""
        if self.rows is None:
            self.rows = []
            self._apply(self._text.parse(plain=self.is_user, ended=not self.streaming))
            self._set_feet()
            self._stack(0)
        return self.rows

    def _apply(self, change: Change) -> int:
        """Make the rows of changed blocks, keeping what can be kept; index of the first row that changed."""
        assert self.rows is not None
        first = self._block_rows[change.start] if change.start < len(self._block_rows) else self._body
        old = self.rows[first : self._body]
        made: list[TranscriptRow] = []
        at: int | None = None
        starts = self._block_rows[: change.start]
        for block in change.blocks:
            starts.append(first + len(made))
            for leaf in block:
                number = len(made)
                kept = old[number] if number < len(old) and old[number].adopt(leaf) else None
                row = kept or self._new_row(leaf)
                made.append(row)
                if at is None and (kept is None or kept.changed_from < kept.height):
                    at = first + number
        self._block_rows = starts
        self.rows[first : self._body] = made
        self._body = first + len(made)
        self._join_parts(max(0, first - 1))
        return first + len(made) if at is None else at

    def _new_row(self, leaf: Leaf) -> TranscriptRow:
        row = row_of(self.style, leaf)
        row.height = row.estimate(self._row_width(row))
        return row

    def _join_parts(self, first: int) -> None:
        assert self.rows is not None
        for index in range(first, self._body):
            row = self.rows[index]
            after = self.rows[index + 1] if index + 1 < self._body else None
            if isinstance(row, CodeRow):
                row.set_ends(not (isinstance(after, CodeRow) and after.place.continues))
            if isinstance(row, TableRow):
                row.set_ends(not (isinstance(after, TableRow) and after.place.continues))
                if isinstance(after, TableRow) and after.place.continues:
                    after.columns_of = row
            if isinstance(row, ReasoningRow):
                row.set_folded(self.folded)
            if isinstance(row, ToolRow):
                row.folded = not self._unfolded(row.call_id)

    def _set_feet(self) -> None:
        assert self.rows is not None
        shown = any(row.actions_shown for row in self.rows if isinstance(row, FootRow))
        del self.rows[self._body :]
        if self.streaming and not self._body:
            waiting = WaitingRow(self.style)
            waiting.words = self.waiting_words or waiting.words
            self.rows.append(waiting)
        if self.message.attachments:
            self.rows.append(AttachmentsRow(self.style, self.message.attachments, right_aligned=self.is_user))
        if self.message.note:
            self.rows.append(NoteRow(self.style, self.message.note, failed=self.message.state == "failed"))
        foot = FootRow(self.style, self.message, name_model=self._name_model, busy=self._busy)
        foot.actions_shown = shown
        self.rows.append(foot)
        if self.message.ends_unseen:
            self.rows.append(UnseenRow(self.style))
        for row in self.rows[self._body :]:
            row.height = row.estimate(self._row_width(row))
        self._say_thinking()

    def _say_thinking(self) -> bool:
        """Put the words on the line above the reasoning; True when they are others."""
        row = self.rows[0] if self.rows else None
        if not isinstance(row, ReasoningRow):
            return False
        answered = self._text.answered
        words = thinking_words(
            self._seconds,
            going_on=self.streaming and not answered,
            finished=answered or self.message.state == "complete",
        )
        return row.set_label(words)

    @property
    def body(self) -> list[TranscriptRow]:
        """The rows of its text."""
        return (self.rows or [])[: self._body]

    # -- changes ---------------------------------------------------------------------------------

    def append(self, more: Addition) -> float:
        """Add streamed text; where, from the top, painting has to start again."""
        self._seconds = more.reasoning_seconds or self._seconds
        empty = not self._body
        caret = self.caret()
        changes = self._text.append(more)
        if self.rows is None:
            return 0.0
        if changes is None:
            self._build_again()
            return 0.0
        changed = min([self._apply(change) for change in changes], default=self._body)
        if empty and self._body:
            self._set_feet()
            changed = 0
        if self._say_thinking():
            changed = 0
        self._stack(max(0, changed - 1))
        top = self.height
        if changed < self._body:
            row = self.rows[changed]
            top = self.tops[changed] + (row.changed_from if row.width >= 0 and changed else 0.0)
        return min(top, caret.top() if caret is not None else top) - 2.0

    def _build_again(self) -> None:
        self.rows, self._body, self._block_rows = None, 0, []
        self.build()

    def replace(self, message: TranscriptMessage) -> None:
        """Show the message's new value; rows are kept when the text only grew."""
        self.message = message
        self._seconds = message.reasoning_seconds or self._seconds
        more = self._text.replace(message)
        if self.rows is None:
            return
        changes = None if more is None else self._text.append(more)
        if changes is None:
            self._build_again()
            return
        for change in [*changes, *(() if self.streaming else (self._text.end(),))]:
            self._apply(change)
        self._set_feet()
        self._stack(0)

    def set_busy(self, busy: bool) -> None:
        """Offer or withhold the actions that need the engine."""
        if busy != self._busy:
            self._busy = busy
            if self.rows is not None:
                self._set_feet()
                self._stack(0)

    def set_waiting_words(self, words: str) -> None:
        """What stands in for an answer without text."""
        self.waiting_words = words
        for row in self.rows or ():
            if isinstance(row, WaitingRow):
                row.words = words

    def show_actions(self, shown: bool) -> bool:
        """Show or hide the actions; True when that changed."""
        foot = next((row for row in (self.rows or ())[self._body :] if isinstance(row, FootRow)), None)
        if foot is None or foot.actions_shown == shown:
            return False
        foot.actions_shown = shown
        return True

    def toggle_reasoning(self) -> None:
        """Fold or unfold the thinking."""
        self.folded = not self.folded
        self._join_parts(0)
        self._stack(0)

    def toggle_call(self, call_id: str) -> None:
        """Fold or unfold what a tool was given and answered."""
        self._turned_calls ^= {call_id}
        self._join_parts(0)
        self._stack(0)

    def typeset_again(self) -> bool:
        """Lay rows out anew that waited for formulas; True when there are any."""
        waiting = [row for row in self.rows or () if row.waits]
        for row in waiting:
            row.lay_out_again()
        if waiting:
            self._stack(0)
        return bool(waiting)

    def settled_row(self, first: int, low: float) -> int:
        """Where the highest stretch of rows begins that wait for no formula, of those from a row to a height."""
        best, begin, most = first, first, 0.0
        for index, row in enumerate((self.rows or [])[first:], first):
            if self.tops[index] >= low:
                break
            if row.waits:
                begin = index + 1
            elif self.tops[index] + row.height - self.tops[begin] > most:
                best, most = begin, self.tops[index] + row.height - self.tops[begin]
        return best

    def restyle(self, style: Style) -> None:
        """Make all rows again in another style."""
        self.style = style
        if self.rows is not None:
            self._build_again()

    # -- geometry --------------------------------------------------------------------------------

    def hidden(self, row: TranscriptRow) -> bool:
        """Whether the row is folded away."""
        return (row.place.reasoning and self.folded) or bool(row.place.tool and not self._unfolded(row.place.tool))

    def _unfolded(self, call_id: str) -> bool:
        """Whether a call is shown whole: one that waits for a decision, unless the person turned that round."""
        asks = any(call.asks for call in self.message.calls if call.id == call_id)
        return asks != (call_id in self._turned_calls)

    def _row_width(self, row: TranscriptRow) -> float:
        if self.is_user and not isinstance(row, _FEET):
            return self._width * _BUBBLE_SHARE - 2 * self.style.padding
        return self._width

    def _bubble_width(self) -> float:
        rows = (self.rows or [])[: self._body]
        return max((row.natural_width for row in rows), default=0.0) + 2 * self.style.padding

    def row_x(self, index: int) -> float:
        """The left edge of a row."""
        if self.is_user and index < self._body:
            row = (self.rows or [])[index]
            if row.place.mirrored:
                return self._width - self.style.padding - self._row_width(row)
            return self._width - self._bubble_width() + self.style.padding
        return 0.0

    def _stack(self, first: int) -> None:
        """Find the rows' places from the given one on, and the height."""
        rows = self.rows
        if rows is None:
            return
        del self.tops[first:]
        padding = 8.0 if self.is_user else 0.0
        y = padding
        if first and first <= len(self.tops):
            before = rows[first - 1]
            y = self.tops[first - 1] + (0.0 if self.hidden(before) else before.height)
        for index in range(first, len(rows)):
            row = rows[index]
            if index == self._body:
                y += padding
            if not self.hidden(row):
                y += row.gap if index else 0.0
            self.tops.append(y)
            if not self.hidden(row):
                y += row.height
        self.height = y

    def lay_out(self, top: float, bottom: float) -> bool:
        """Lay out the rows between two heights; True when a height was not as estimated."""
        fresh = self.rows is None
        before = self.height
        rows = self.build()
        index = self.row_at(top)
        shift, changed_at = 0.0, None
        while index < len(rows) and self.tops[index] + shift < bottom:
            row = rows[index]
            if not self.hidden(row):
                old = row.height
                row.lay_out(self._row_width(row))
                if row.height != old:
                    shift += row.height - old
                    changed_at = index if changed_at is None else changed_at
            index += 1
        if changed_at is not None:
            self._stack(changed_at)
        return (fresh and self.height != before) or changed_at is not None

    def row_at(self, y: float) -> int:
        """Index of the row at a height; the nearest one above or below when between two."""
        return max(0, bisect_right(self.tops, y) - 1)

    def caret(self) -> QRectF | None:
        """Where the caret of a streaming answer stands."""
        if not self.streaming or not self.rows or not self._body:
            return None
        row = self.rows[self._body - 1]
        rect = None if self.hidden(row) or row.width < 0 else row.caret()
        return None if rect is None else rect.translated(self.row_x(self._body - 1), self.tops[self._body - 1])

    def paint(self, painter: QPainter, visible: QRectF, selected: Callable[[int], Span | None]) -> None:
        """Paint what lies in ``visible``; the painter's origin is the message's corner."""
        rows = self.rows
        if rows is None:
            return
        if self.is_user and self._body:
            width = self._bubble_width()
            last = self._body - 1
            bottom = self.tops[last] + rows[last].height + 8.0
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.style.color("raised"))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.drawRoundedRect(QRectF(self._width - width, 0, width, bottom), 10, 10)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for index in range(self.row_at(visible.top()), len(rows)):
            row, top = rows[index], self.tops[index]
            if top > visible.bottom():
                break
            if self.hidden(row):
                continue
            origin = QPointF(self.row_x(index), top)
            painter.translate(origin)
            row.paint(painter, visible.translated(-origin), selected(index))
            painter.translate(-origin)
        caret = self.caret()
        if caret is not None:
            painter.fillRect(caret, self.style.color("text"))
