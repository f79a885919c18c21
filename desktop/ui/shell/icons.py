"""Line icons from ``resources/icons``, painted in a token's colour at the screen's own resolution."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from desktop.system.packaged import FOLDER
from desktop.ui.shell.theme import Theme

_INK = b"#000000"  # the colour every line icon is drawn with


def _pixmap(svg: bytes, color: QColor, size: int, ratio: float) -> QPixmap:
    renderer = QSvgRenderer(QByteArray(svg.replace(_INK, color.name().encode())))
    pixmap = QPixmap(round(size * ratio), round(size * ratio))
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    renderer.render(painter, QRectF(0, 0, pixmap.width(), pixmap.height()))
    painter.end()
    pixmap.setDevicePixelRatio(ratio)
    return pixmap


def icon(theme: Theme, name: str, *, size: int = 20, token: str = "text_muted", on: str | None = None) -> QIcon:
    """The icon ``name`` in the colour of ``token``, and of ``on`` when it is checked; size in logical pixels.

    Made for one scheme: ask again on ``theme.changed``. Raises FileNotFoundError for an unknown name.
    """
    normal, checked = theme.color(token), theme.color(on) if on is not None else None
    key = (name, size, normal.name(), checked.name() if checked is not None else None)
    if key not in theme.icons:  # Qt keeps what it paints of each icon ever made, so one is not made twice
        theme.icons[key] = _icon(name, size, normal, checked)
    return theme.icons[key]


def _icon(name: str, size: int, normal: QColor, checked: QColor | None) -> QIcon:
    svg = (FOLDER / "icons" / f"{name}.svg").read_bytes()
    made = QIcon()
    for ratio in (1.0, 2.0):
        made.addPixmap(_pixmap(svg, normal, size, ratio), QIcon.Mode.Normal, QIcon.State.Off)
        if checked is not None:
            made.addPixmap(_pixmap(svg, checked, size, ratio), QIcon.Mode.Normal, QIcon.State.On)
    return made


def application_icon() -> QIcon:
    """Heft's own icon."""
    renderer = QSvgRenderer(str(FOLDER / "icons" / "heft.svg"))
    made = QIcon()
    for size in (32, 128):
        pixmap = QPixmap(size, size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        renderer.render(painter)
        painter.end()
        made.addPixmap(pixmap)
    return made
