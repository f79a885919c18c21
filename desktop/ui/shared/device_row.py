"""One graphics device of the list: on or off, its place in the order, its share, and what a plan puts on it."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QCheckBox, QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QWidget

from desktop.core.device_choice import ChosenDevice
from desktop.core.placement import Fit
from desktop.core.text import plain_tooltip, visible_in_place
from desktop.core.words import tr
from desktop.services.planning.device_words import device_words, taken_words
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.number_fields import DecimalField
from desktop.ui.shell.theme import set_role

_MOST_SHARE = 999.0
_GRIP, _NARROW = 14, 300  # pixels
_FEWEST_LETTERS = 6  # of a name


class DeviceRow(QWidget):
    """Shows a device; tells what is done to it. ``number`` tells its widgets' names from those of other rows."""

    switched = Signal(bool)
    moved = Signal(int)  # places down
    share_set = Signal(float)
    dragged = Signal(float)  # the mouse's height in this row, in pixels

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number, name = number, f"loadDevice{number}"
        self.setObjectName(f"{name}Row")
        self._filling = False
        self.box = _NameBox()
        self.box.setObjectName(name)
        self.box.clicked.connect(self.switched)
        self._grip = _Grip(f"{name}Grip")
        self._grip.dragged.connect(lambda y: self.dragged.emit(y + self._grip.y()))
        self.earlier = push_button("▴", f"{name}Earlier", tr("Earlier in the order"), role="small")
        self.later = push_button("▾", f"{name}Later", tr("Later in the order"), role="small")
        self.earlier.clicked.connect(lambda: self.moved.emit(-1))
        self.later.clicked.connect(lambda: self.moved.emit(1))
        self._about = plain_label(f"{name}About", "muted", selectable=True)
        self._takes = plain_label(f"{name}Takes", selectable=True)
        for label in (self._about, self._takes):
            label.setMinimumWidth(1)
        self.share = _ShareField()
        self.share.setObjectName(f"{name}Share")
        self.share.valueChanged.connect(self._share_typed)
        self._share_word = QLabel(tr("Share"))
        self._share_word.setBuddy(self.share)
        set_role(self._share_word, "muted")
        head = QHBoxLayout()
        head.setSpacing(4)
        for widget in (self.earlier, self.later):
            head.addWidget(widget)
        self._foot = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._foot.setSpacing(6)
        sharing = QHBoxLayout()
        sharing.setSpacing(6)
        sharing.addStretch(1)
        sharing.addWidget(self._share_word)
        sharing.addWidget(self.share)
        self._foot.addWidget(self._takes, 1)
        self._foot.addLayout(sharing)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(4)
        grid.setVerticalSpacing(1)
        grid.setColumnStretch(1, 1)
        grid.addWidget(self._grip, 0, 0)
        grid.addWidget(self.box, 0, 1)
        grid.addLayout(head, 0, 2)
        grid.addWidget(self._about, 1, 1, 1, 2)
        grid.addLayout(self._foot, 2, 1, 1, 2)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there is little room the share stands below what a plan puts there."""
        super().resizeEvent(event)
        narrow = event.size().width() < _NARROW
        self._foot.setDirection(QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight)
        self._keep_height()

    def show_device(self, device: ChosenDevice, place: int, count: int) -> None:
        """Show a device at its place among so many."""
        pool = device.pool
        name = visible_in_place(device.words)
        self.box.set_whole_text(name)
        self.box.setChecked(device.on)
        about = device_words(pool)
        self._about.setText(visible_in_place(about if pool is None else f"{device.name} · {about}"))
        set_role(self._about, "warn" if pool is None else "muted")
        self.box.setAccessibleName(tr("Use {name}", name=name))
        self._grip.setAccessibleName(tr("Drag {name} to another place", name=name))
        self.share.setAccessibleName(tr("Share of {name}", name=name))
        for button, word in ((self.earlier, "earlier"), (self.later, "later")):
            button.setAccessibleName(f"{name}: {word}")
            button.setAccessibleDescription(tr("It is number {place} of {count}", place=place + 1, count=count))
        self.earlier.setEnabled(place > 0)
        self.later.setEnabled(place < count - 1)
        for widget in (self._grip, self.earlier, self.later):
            widget.setVisible(count > 1)
        self._describe()

    def show_taken(self, device: ChosenDevice, fit: Fit | None) -> None:
        """What a plan puts on it; None while there is none."""
        said = taken_words(fit, device.name) if fit is not None and device.on else ""
        self._takes.setText(said)
        self._describe()

    def show_share(self, share: float | None, *, by_hand: bool) -> None:
        """Its share of the layers, None where there is nothing to share; ``by_hand``: it was set."""
        for widget in (self.share, self._share_word):
            widget.setVisible(share is not None)
        self._takes.setVisible(bool(self._takes.text()) or share is not None)
        if share is not None:
            self._filling = True
            self.share.setValue(share)
            self._filling = False
        set_role(self.share, "" if by_hand else "unset")
        self._keep_height()

    def _keep_height(self) -> None:
        """Its words are wrapped: what is above gives a row the least height that it asks for, whatever its width."""
        layout = self.layout()
        if layout is not None:
            layout.invalidate()
            self.setMinimumHeight(layout.heightForWidth(self.width()))

    def _describe(self) -> None:
        self.box.setAccessibleDescription(". ".join(filter(None, (self._about.text(), self._takes.text()))))

    def _share_typed(self, share: float) -> None:
        if not self._filling:
            self.share_set.emit(share)


class _NameBox(QCheckBox):
    """A box whose words are cut where they have no room; its tooltip has all of them then."""

    def __init__(self) -> None:
        super().__init__()
        self._whole = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_whole_text(self, text: str) -> None:
        """Show this text, cut to the width there is."""
        if text != self._whole:
            self._whole = text
            self.updateGeometry()
        self._cut()

    def sizeHint(self) -> QSize:
        """Room for all of it."""
        return QSize(self._beside() + self.fontMetrics().horizontalAdvance(self._whole), super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        """Room for a few letters."""
        least = self._beside() + _FEWEST_LETTERS * self.fontMetrics().averageCharWidth()
        return QSize(least, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Cut again for the new width."""
        super().resizeEvent(event)
        self._cut()

    def _beside(self) -> int:
        """What stands beside the words, in pixels."""
        return super().sizeHint().width() - self.fontMetrics().horizontalAdvance(self.text()) + 2

    def _cut(self) -> None:
        room = max(0, self.width() - self._beside())
        shown = self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideRight, room)
        if shown != self.text():
            self.setText(shown)
        self.setToolTip(plain_tooltip(self._whole) if shown != self._whole else "")


class _ShareField(DecimalField):
    """A share, with no more decimals than it has."""

    def __init__(self) -> None:
        super().__init__(_MOST_SHARE, 1.0)
        self.setKeyboardTracking(False)  # what is half typed is not what is meant
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setToolTip(tr("How much of the layers it gets, against the shares of the others"))

    def textFromValue(self, value: float) -> str:
        """``3``, ``0.75``."""
        return f"{value:g}"


class _Grip(QWidget):
    """Where the mouse takes hold of a row; the keyboard has the buttons beside it."""

    dragged = Signal(float)  # the mouse's height in it, in pixels

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setToolTip(tr("Drag to another place in the order"))
        self.setFixedSize(_GRIP, _GRIP + 6)
        self.setCursor(Qt.CursorShape.OpenHandCursor)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold."""
        self.setCursor(Qt.CursorShape.ClosedHandCursor)
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell where it is."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.dragged.emit(event.position().y())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        event.accept()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Six dots."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.palette().color(QPalette.ColorRole.PlaceholderText))
        middle = self.rect().center()
        for x in (-2.5, 2.5):
            for y in (-5.0, 0.0, 5.0):
                painter.drawEllipse(QPointF(middle.x() + x, middle.y() + y), 1.4, 1.4)
        painter.end()
