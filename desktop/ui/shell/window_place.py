"""Where a window goes whose place was kept: where its title bar can be reached, on a screen that is there now."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QRect, QSize

TITLE_BAR = 40  # pixels above a window's inside, which Qt does not count in its size
HANDLE = QSize(100, 24)  # as much of the title bar as a hand needs to take hold of the window


def fitted(wanted: QRect, screens: Sequence[QRect]) -> QRect:
    """The place nearest to ``wanted`` with HANDLE of the title bar on one screen, no larger than that screen.

    ``wanted`` is the frame's corner and the size of the inside; ``screens`` are the available geometries, the first
    one's where there is nothing to choose by. All in logical pixels of the virtual desktop.
    """
    if not screens:
        return wanted
    title = QRect(wanted.topLeft(), QSize(max(1, wanted.width()), TITLE_BAR))
    screen = max(screens, key=lambda place: _area(place & title))
    held = screen & title
    reachable = held.width() >= min(HANDLE.width(), title.width()) and held.height() >= HANDLE.height()
    if not reachable:
        screen = min(screens, key=lambda place: _distance(place, wanted))
    size = wanted.size().boundedTo(screen.size() - QSize(0, TITLE_BAR))
    if reachable:
        return QRect(wanted.topLeft(), size)
    x = max(screen.left(), min(wanted.left(), screen.left() + screen.width() - size.width()))
    y = max(screen.top(), min(wanted.top(), screen.top() + screen.height() - TITLE_BAR - size.height()))
    return QRect(QPoint(x, y), size)


def _area(rect: QRect) -> int:
    return max(0, rect.width()) * max(0, rect.height())


def _distance(screen: QRect, rect: QRect) -> float:
    """How far two rectangles are apart, squared; between their centres where they meet."""
    across = max(screen.left() - rect.right(), rect.left() - screen.right(), 0)
    down = max(screen.top() - rect.bottom(), rect.top() - screen.bottom(), 0)
    between = screen.center() - rect.center()
    return across**2 + down**2 + (between.x() ** 2 + between.y() ** 2) * 1e-9
