"""A switch: on or off, at once."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QCheckBox, QWidget

from desktop.ui.shell.theme import Theme

_WIDTH, _HEIGHT, _EDGE = 38, 20, 2


class ToggleSwitch(QCheckBox):
    """A check box without words that is drawn as a switch; the knob's side says the same as the colour."""

    def __init__(self, theme: Theme, name: str, spoken: str, parent: QWidget | None = None) -> None:
        """``name`` is its object name, ``spoken`` what screen readers say."""
        super().__init__(parent)
        self._theme = theme
        self.setObjectName(name)
        self.setAccessibleName(spoken)
        self.setFixedSize(self.sizeHint())
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """The switch and the ring around it."""
        return QSize(_WIDTH + 2 * _EDGE, _HEIGHT + 2 * _EDGE)

    def hitButton(self, position: QPoint) -> bool:
        """All of it can be pressed."""
        return self.rect().contains(position)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Track, knob, and a ring when it has the focus."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        track = QRectF(_EDGE, _EDGE, _WIDTH, _HEIGHT)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.color("accent" if self.isChecked() else "control_border"))
        painter.drawRoundedRect(track, _HEIGHT / 2, _HEIGHT / 2)
        knob = _HEIGHT - 4.0
        left = track.right() - knob - 2 if self.isChecked() else track.left() + 2
        painter.setBrush(self._theme.color("accent_text" if self.isChecked() else "surface"))
        painter.drawEllipse(QRectF(left, track.top() + 2, knob, knob))
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self._theme.color("text"), 1.5))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), _HEIGHT / 2 + 1, _HEIGHT / 2 + 1)
        painter.end()
