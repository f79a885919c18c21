"""Small pictures of what is attached to messages. They are made off the GUI thread, when they come into view."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage, QPixmap

from desktop.core.attachments import Attachment
from desktop.ui.shell.tasks import Lane, TaskContext, Tasks

ReadPicture = Callable[[Attachment, int], bytes]  # no side longer than so many pixels; on a worker thread

_MOST_KEPT = 200
SIDE = 440  # pixels: twice the widest that is shown, for screens of twice the resolution


class Thumbnails(QObject):
    """What has been made, by the SHA-256 of the picture. GUI thread only."""

    arrived = Signal()  # a picture that was asked for is there, or cannot be read

    def __init__(self, read: ReadPicture, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._read = read
        self._tasks = tasks
        self._known: dict[str, QPixmap | None] = {}
        self._asked: set[str] = set()

    def picture(self, attachment: Attachment) -> QPixmap | None:
        """The picture; None where it cannot be read, or not yet: then it is asked for."""
        key = attachment.sha256
        if key not in self._known and key not in self._asked:
            self._asked.add(key)
            self._ask(attachment)
        return self._known.get(key)

    def _ask(self, attachment: Attachment) -> None:
        def work(context: TaskContext) -> QImage:
            return QImage.fromData(self._read(attachment, SIDE))

        def done(image: QImage | None) -> None:
            self._asked.discard(attachment.sha256)
            found = image is not None and not image.isNull()
            self._known[attachment.sha256] = QPixmap.fromImage(image) if image is not None and found else None
            while len(self._known) > _MOST_KEPT:
                del self._known[next(iter(self._known))]
            self.arrived.emit()

        self._tasks.run(work, done=done, failed=lambda _: done(None), lane=Lane.JOB, owner=self)
