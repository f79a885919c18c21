"""An attached picture in a window of its own: as large as it is, or as the window has room."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QImage, QKeyEvent, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QDialog, QVBoxLayout, QWidget

from desktop.core.attachments import Attachment
from desktop.core.text import one_line
from desktop.core.words import tr
from desktop.ui.shared.attachment_words import size_words

_ROOM = 0.8  # of the screen, at most
_LEAST = QSize(320, 240)


class _Canvas(QWidget):
    def __init__(self, picture: QPixmap, spoken: str) -> None:
        super().__init__()
        self.setObjectName("pictureCanvas")
        self.setAccessibleName(spoken)
        self._picture = picture

    def paintEvent(self, event: QPaintEvent) -> None:
        """The whole picture, never larger than it is."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        size = self._picture.size()
        if size.width() > self.width() or size.height() > self.height():
            size = size.scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        shown = QRect(QPoint(0, 0), size)
        shown.moveCenter(self.rect().center())
        painter.drawPixmap(shown, self._picture)
        painter.end()


class PictureWindow(QDialog):
    """Closed with Escape, Enter or Space, as it was opened; it blocks nothing."""

    def __init__(self, attachment: Attachment, image: QImage, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("pictureWindow")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        name = one_line(attachment.name)
        self.setWindowTitle(f"{name}, {size_words(attachment)}")
        self.setWindowFlag(Qt.WindowType.WindowMaximizeButtonHint)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(
            _Canvas(
                QPixmap.fromImage(image),
                tr("Picture {name}, {attachment}", name=name, attachment=size_words(attachment)),
            )
        )
        room = parent.screen().availableGeometry().size() * _ROOM
        size = image.size()
        if size.width() > room.width() or size.height() > room.height():
            size = size.scaled(room, Qt.AspectRatioMode.KeepAspectRatio)
        self.resize(size.expandedTo(_LEAST))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """The keys that opened it close it."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.close()
        else:
            super().keyPressEvent(event)
