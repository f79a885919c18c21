"""The conversation as a screen reader meets it: a list of messages, each with its rows of text below it.

Qt knows widgets only; messages and rows are painted. So the pane, each message and each row have an interface of their
own (https://doc.qt.io/qt-6/accessible-qwidget.html). They are made when something asks for them and stay as long as
the pane does: without a screen reader there are none.
"""

from __future__ import annotations

import functools
import weakref
from typing import TYPE_CHECKING, cast

import shiboken6
from PySide6.QtCore import QObject, QPoint, QRect, QRectF
from PySide6.QtGui import QAccessible, QAccessibleEvent, QAccessibleInterface, QColor, QWindow

from desktop.core.words import tr
from desktop.ui.shared.transcript.code_row import CodeRow
from desktop.ui.shared.transcript.foot_rows import FootRow
from desktop.ui.shared.transcript.formula_row import FormulaRow
from desktop.ui.shared.transcript.pane import Pane
from desktop.ui.shared.transcript.row import TranscriptRow
from desktop.ui.shared.transcript.table_row import TableRow

if TYPE_CHECKING:
    from desktop.ui.shared.transcript.item import MessageItem

_KINDS: tuple[tuple[type[TranscriptRow], str], ...] = (
    (CodeRow, tr("Code")),
    (TableRow, tr("Table")),
    (FormulaRow, tr("Formula")),
)
# Qt takes None for "there is none"; its stubs do not say so.
_NOTHING, _NO_OBJECT = cast("QAccessibleInterface", None), cast("QObject", None)
_made: dict[int, PaneInterface] = {}  # by the pane's address; Qt itself holds no reference that Python counts


@functools.cache
def install() -> None:
    """Make screen readers meet panes as lists of messages, from now on."""
    QAccessible.installFactory(_interface)


def messages_changed(pane: Pane) -> None:
    """The messages are others: whoever listens reads them again."""
    if QAccessible.isActive():
        QAccessible.updateAccessibility(QAccessibleEvent(pane, QAccessible.Event.ObjectReorder))


def row_words(item: MessageItem, row: TranscriptRow) -> str:
    """What is said of a row; empty where it is hidden or has nothing to say."""
    if item.hidden(row) or isinstance(row, FootRow):
        return ""
    kind = next((f"{words}: " for kind, words in _KINDS if isinstance(row, kind)), "")
    marker = f"{row.place.marker} " if row.place.marker else ""
    return f"{kind}{marker}{row.text}" if row.text.strip() else ""


def _interface(_key: str, made_for: QObject) -> QAccessibleInterface | None:
    if not isinstance(made_for, Pane):
        return None
    found = PaneInterface(made_for)
    address = id(made_for)
    _made[address] = found
    made_for.destroyed.connect(lambda: _made.pop(address, None))
    return found


class _Interface(QAccessibleInterface):
    """What pane, message and row share: they are read, not written, and live as long as the pane."""

    def __init__(self, pane: Pane) -> None:
        super().__init__()
        self._pane = weakref.ref(pane)

    @property
    def pane(self) -> Pane:
        """What it is painted in; only while it is valid."""
        found = self._pane()
        assert found is not None
        return found

    def isValid(self) -> bool:
        """Whether it can still be asked."""
        pane = self._pane()
        return pane is not None and shiboken6.isValid(pane)

    def object(self) -> QObject:
        """Painted things are no objects of Qt's."""
        return _NO_OBJECT

    def window(self) -> QWindow:
        """The window it is painted in."""
        return self.pane.window().windowHandle()

    def child(self, index: int) -> QAccessibleInterface:
        """What lies in it, in the order of reading."""
        return _NOTHING

    def childCount(self) -> int:
        """How many lie in it."""
        return 0

    def indexOfChild(self, child: QAccessibleInterface) -> int:
        """Where it is; -1 for what is not in it."""
        return next((i for i in range(self.childCount()) if self.child(i) is child), -1)

    def childAt(self, x: int, y: int) -> QAccessibleInterface:
        """What lies at a place of the screen."""
        listed = (self.child(index) for index in range(self.childCount()))
        return next((one for one in listed if one is not None and one.rect().contains(x, y)), _NOTHING)

    def focusChild(self) -> QAccessibleInterface:
        """The pane has the focus, not what is in it."""
        return _NOTHING

    def setText(self, kind: QAccessible.Text, text: str) -> None:
        """Nothing here is written."""

    def state(self) -> QAccessible.State:
        """Read only; out of sight where it is scrolled away."""
        found = QAccessible.State()
        found.readOnly = True
        view = _on_screen(self.pane, QRectF(self.pane.viewport().rect()))
        found.offscreen = not (self.pane.isVisible() and self.rect().intersects(view))
        found.invisible = not self.pane.isVisible()
        return found

    def foregroundColor(self) -> QColor:
        """Of its text."""
        return self.pane.shape.color("text")

    def backgroundColor(self) -> QColor:
        """Behind its text."""
        return self.pane.shape.color("background")


class PaneInterface(_Interface):
    """The conversation: a list."""

    def __init__(self, pane: Pane) -> None:
        super().__init__(pane)
        self._messages: dict[int, MessageInterface] = {}

    def object(self) -> QObject:
        """The pane."""
        return self.pane

    def parent(self) -> QAccessibleInterface:
        """What the pane lies in."""
        return QAccessible.queryAccessibleInterface(self.pane.parentWidget() or _NO_OBJECT)

    def role(self) -> QAccessible.Role:
        """A list."""
        return QAccessible.Role.List

    def text(self, kind: QAccessible.Text) -> str:
        """The pane's name, and what it says of itself."""
        if kind == QAccessible.Text.Name:
            return self.pane.accessibleName()
        return self.pane.accessibleDescription() if kind == QAccessible.Text.Description else ""

    def rect(self) -> QRect:
        """The pane on the screen."""
        return _on_screen(self.pane, QRectF(self.pane.viewport().rect()))

    def state(self) -> QAccessible.State:
        """It takes the focus."""
        found = super().state()
        found.focusable = True
        found.focused = self.pane.hasFocus()
        return found

    def childCount(self) -> int:
        """How many messages there are."""
        return len(self.pane.column.items)

    def child(self, index: int) -> QAccessibleInterface:
        """A message."""
        items = self.pane.column.items
        if not 0 <= index < len(items):
            return _NOTHING
        known = items[index].message.id
        if known not in self._messages:
            self._messages[known] = MessageInterface(self, known)
            QAccessible.registerAccessibleInterface(self._messages[known])
        return self._messages[known]

    def childAt(self, x: int, y: int) -> QAccessibleInterface:
        """The message at a place of the screen, without asking all of them."""
        column = self.pane.column
        if not column.items:
            return _NOTHING
        found = self.child(column.at(self.pane.viewport().mapFromGlobal(QPoint(x, y)).y() + self.pane.offset))
        return found if found is not None and found.rect().contains(x, y) else _NOTHING


class MessageInterface(_Interface):
    """A message: who wrote it and when, with its rows below it."""

    def __init__(self, parent: PaneInterface, message_id: int) -> None:
        super().__init__(parent.pane)
        self._parent = parent
        self._id = message_id
        self._rows: dict[int, RowInterface] = {}

    @property
    def index(self) -> int | None:
        """Where the message is in the pane; None when it is not there any more."""
        return self.pane.column.index(self._id)

    @property
    def item(self) -> MessageItem:
        """The message."""
        return self.pane.column.items[self.index or 0]

    def isValid(self) -> bool:
        """Whether the message is still shown."""
        return super().isValid() and self.index is not None

    def parent(self) -> QAccessibleInterface:
        """The conversation."""
        return self._parent

    def role(self) -> QAccessible.Role:
        """An entry of the list."""
        return QAccessible.Role.ListItem

    def text(self, kind: QAccessible.Text) -> str:
        """Its name is who wrote it and when; its description what was said."""
        if not self.isValid():
            return ""
        message = self.item.message
        if kind == QAccessible.Text.Name:
            return message.said_by or (tr("You") if message.role == "user" else message.model or tr("Assistant"))
        if kind == QAccessible.Text.Description:
            words = (row_words(self.item, row) for row in self.rows())
            return "\n".join(said for said in words if said)
        return ""

    def rect(self) -> QRect:
        """The message on the screen."""
        index = self.index
        return QRect() if index is None else _on_screen(self.pane, self.pane.item_rect(index))

    def state(self) -> QAccessible.State:
        """Busy while it is written."""
        found = super().state()
        found.busy = self.isValid() and self.item.streaming
        return found

    def rows(self) -> list[TranscriptRow]:
        """The rows of its text, parsed now if nobody has seen them."""
        item = self.item
        if item.rows is None:
            item.build()
            self.pane.column.touch(self.index or 0)
            self.pane.settle()
        return item.rows or []

    def _said(self) -> list[int]:
        return [number for number, row in enumerate(self.rows()) if row_words(self.item, row)]

    def childCount(self) -> int:
        """How many rows have something to say."""
        return len(self._said()) if self.isValid() else 0

    def child(self, index: int) -> QAccessibleInterface:
        """A row."""
        said = self._said() if self.isValid() else []
        if not 0 <= index < len(said):
            return _NOTHING
        number = said[index]
        if number not in self._rows:
            self._rows[number] = RowInterface(self, number)
            QAccessible.registerAccessibleInterface(self._rows[number])
        return self._rows[number]


class RowInterface(_Interface):
    """A paragraph, a block of code, a table, a formula."""

    def __init__(self, parent: MessageInterface, number: int) -> None:
        super().__init__(parent.pane)
        self._parent = parent
        self._number = number

    def isValid(self) -> bool:
        """Whether the row is still there."""
        return self._parent.isValid() and self._number < len(self._parent.item.rows or ())

    def parent(self) -> QAccessibleInterface:
        """The message."""
        return self._parent

    def role(self) -> QAccessible.Role:
        """A paragraph."""
        return QAccessible.Role.Paragraph

    def text(self, kind: QAccessible.Text) -> str:
        """Its name is its text."""
        if kind != QAccessible.Text.Name or not self.isValid():
            return ""
        item = self._parent.item
        return row_words(item, (item.rows or [])[self._number])

    def rect(self) -> QRect:
        """The row on the screen."""
        index = self._parent.index
        if index is None or not self.isValid():
            return QRect()
        item, whole = self._parent.item, self.pane.item_rect(index)
        top = whole.top() + item.tops[self._number]
        return _on_screen(self.pane, QRectF(whole.left(), top, whole.width(), (item.rows or [])[self._number].height))


def _on_screen(pane: Pane, rect: QRectF) -> QRect:
    """A rectangle of the viewport in the screen's coordinates."""
    there = rect.toAlignedRect()
    return QRect(pane.viewport().mapToGlobal(there.topLeft()), there.size())
