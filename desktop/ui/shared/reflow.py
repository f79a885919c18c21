"""Layouts that follow the room there is: beside or below one another, and scrolling downwards only."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QDialog, QFrame, QScrollArea, QStackedWidget, QWidget

_DIALOG_MARGIN = 32  # pixels of the window that stay visible around a dialog, both sides together


class Beside(QWidget):
    """Two widgets beside each other where there is room for both, else the second below the first."""

    def __init__(
        self,
        first: QWidget,
        second: QWidget,
        *,
        needs: int = 0,
        stretch: tuple[int, int] = (1, 1),
        spacing: int = 8,
        parent: QWidget | None = None,
    ) -> None:
        """``needs`` is the width in pixels from which they stand beside each other, by default what both ask for."""
        super().__init__(parent)
        self._parts = first, second
        self._needs = needs
        self._layout = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(spacing)
        for widget, share in zip(self._parts, stretch, strict=True):
            self._layout.addWidget(widget, share)

    def _fits(self, width: int) -> bool:
        wanted = sum(part.sizeHint().width() for part in self._parts) + self._layout.spacing()
        return width >= (self._needs or wanted)

    def minimumSizeHint(self) -> QSize:
        """Room for the wider one."""
        widths = [max(part.minimumWidth(), part.minimumSizeHint().width()) for part in self._parts]
        return QSize(max(widths), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Turn where the other way fits better."""
        super().resizeEvent(event)
        beside = self._fits(event.size().width())
        direction = QBoxLayout.Direction.LeftToRight if beside else QBoxLayout.Direction.TopToBottom
        if direction != self._layout.direction():
            self._layout.setDirection(direction)
            self.updateGeometry()


class Column(QWidget):
    """Widgets below one another whose wrapped labels count with the height that they need at the present width.

    Splitters and scroll areas do not ask for that themselves, and would cut the last lines.
    """

    def minimumSizeHint(self) -> QSize:
        """As high as all of it needs to be."""
        hint, layout = super().minimumSizeHint(), self.layout()
        if layout is None or not layout.hasHeightForWidth() or self.width() < hint.width():
            return hint
        return QSize(hint.width(), max(hint.height(), layout.totalMinimumHeightForWidth(self.width())))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another width, another height."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.updateGeometry()


class CurrentStack(QStackedWidget):
    """A stack that needs the room of the widget in view, not that of the largest it holds."""

    def __init__(self, name: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.currentChanged.connect(lambda _: self.updateGeometry())

    def minimumSizeHint(self) -> QSize:
        """That of the widget in view."""
        shown = self.currentWidget()
        return QSize() if shown is None else shown.minimumSizeHint().expandedTo(shown.minimumSize())

    def sizeHint(self) -> QSize:
        """That of the widget in view."""
        shown = self.currentWidget()
        return QSize() if shown is None else shown.sizeHint().expandedTo(shown.minimumSize())


def resize_dialog(dialog: QDialog, wanted: QSize) -> None:
    """Give a dialog this size, or as much of it as the window below it has."""
    parent = dialog.parentWidget()
    room = parent.window().size() if parent is not None else dialog.screen().availableGeometry().size()
    dialog.resize(wanted.boundedTo(room - QSize(_DIALOG_MARGIN, _DIALOG_MARGIN)))


def bring_into_view(widget: QWidget) -> None:
    """Scroll what is around a widget until it can be seen, as soon as it has its place."""
    QTimer.singleShot(0, widget, lambda: _scroll_to(widget))


def _scroll_to(widget: QWidget) -> None:
    around = widget.parentWidget()
    while around is not None and not isinstance(around, QScrollArea):
        around = around.parentWidget()
    if around is not None:
        around.ensureWidgetVisible(widget, 0, 0)


class DownwardScroll(QScrollArea):
    """Scrolls downwards only: it is never narrower than what it holds."""

    def __init__(self, name: str, spoken: str, content: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(spoken)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidgetResizable(True)
        self.setWidget(content)
        content.installEventFilter(self)

    def minimumSizeHint(self) -> QSize:
        """The width of the content and of the bar beside it."""
        content, bar = self.widget(), self.verticalScrollBar().sizeHint().width()
        hint = super().minimumSizeHint()
        if content is None:
            return hint
        return QSize(max(content.minimumSizeHint().width(), content.minimumWidth()) + bar, hint.height())

    def sizeHint(self) -> QSize:
        """As large as the content, which scrolls where that is too high."""
        content, bar = self.widget(), self.verticalScrollBar().sizeHint().width()
        hint = content.sizeHint() if content is not None else super().sizeHint()
        return QSize(hint.width() + bar, hint.height())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Ask for more room when the content does."""
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)
