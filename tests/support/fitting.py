"""Whether all that a widget shows can be read: nothing cut off, nothing out of reach of a scroll bar."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect
from PySide6.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox, QLabel, QScrollArea, QWidget

from desktop.ui.shared.elided_label import ElidedLabel


def cut(widget: QWidget) -> list[str]:
    """What does not have the room it needs, or lies beyond the edge of what holds it. Empty when all is well."""
    found = []
    for child in widget.findChildren(QWidget):
        if not child.isVisible() or isinstance(child, ElidedLabel):  # that one cuts on purpose, and tells the whole
            continue
        name = child.objectName() or type(child).__name__
        if isinstance(child, QLabel) and child.text():
            need = child.heightForWidth(child.width()) if child.wordWrap() else child.sizeHint().height()
            if child.height() < need or (not child.wordWrap() and child.width() < child.sizeHint().width()):
                found.append(f"{name}: {child.text()!r} has {child.size().toTuple()}")
        elif isinstance(child, QAbstractButton | QComboBox | QAbstractSpinBox):
            least = child.minimumSizeHint()
            if child.width() < least.width() or child.height() < least.height():
                found.append(f"{name} has {child.size().toTuple()}, needs {least.toTuple()}")
        else:
            continue
        holder = _holder(child, widget)
        place = QRect(child.mapTo(holder, QPoint(0, 0)), child.size())
        if not holder.rect().contains(place):
            found.append(f"{name} lies at {place.getRect()} beyond {holder.size().toTuple()}")
    for scroll in widget.findChildren(QScrollArea):
        if scroll.isVisible() and scroll.horizontalScrollBar().maximum() > 0:
            found.append(f"{scroll.objectName()} scrolls sideways")
    return found


def _holder(child: QWidget, top: QWidget) -> QWidget:
    """What a child can be scrolled in, or the whole."""
    parent = child.parentWidget()
    while parent is not None and parent is not top:
        outer = parent.parentWidget()
        if outer is not None and isinstance(outer.parentWidget(), QScrollArea):
            return parent
        parent = outer
    return top
