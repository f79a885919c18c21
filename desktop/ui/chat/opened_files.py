"""What is attached to messages of the chat: small in the transcript, and opened from there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFileDialog

from desktop.core.attachments import Attachment
from desktop.core.documents.prompt import Citation
from desktop.core.documents.text import DocumentText
from desktop.core.words import tr
from desktop.services.documents.kept import kept_document
from desktop.store.chats import ChatStore
from desktop.ui.chat.conversation import Conversation
from desktop.ui.chat.picture_window import PictureWindow
from desktop.ui.shared.saving import write_bytes
from desktop.ui.shell.page import Page
from desktop.ui.shell.tasks import Lane, TaskContext, Tasks

if TYPE_CHECKING:
    from desktop.services.chat.attaching import AttachmentService
    from desktop.ui.shared.transcript import TranscriptView


class OpenedFiles(QObject):
    """Reads them out of the store, on a worker thread."""

    def __init__(
        self,
        chats: ChatStore,
        talk: Conversation,
        service: Callable[[], AttachmentService],
        tasks: Tasks,
        page: Page,
    ) -> None:
        super().__init__(page)
        self._chats, self._talk, self._service = chats, talk, service
        self._tasks, self._page = tasks, page

    def connect_view(self, view: TranscriptView) -> None:
        """Give a transcript its small pictures, and open what is pressed in it."""
        from desktop.ui.shared.transcript.thumbnails import Thumbnails  # not before there is a message to show

        view.show_thumbnails(Thumbnails(self._small, self._tasks, self))
        view.attachment_opened.connect(self.open)
        view.passage_opened.connect(self.open_passage)

    def _small(self, attachment: Attachment, side: int) -> bytes:
        return self._service().small(self._chats.attachment_data(attachment), side)

    def open(self, message_id: int, number: int) -> None:
        """A picture, or a document's text, in a window of its own; of sound a copy is saved where the person says."""
        found = next((message for message in self._talk.branch if message.id == message_id), None)
        if found is None or number >= len(found.attachments):
            return
        attachment = found.attachments[number]
        if attachment.kind == "image":
            self._show(attachment)
        elif attachment.kind == "document":
            self._show_text(attachment)
        else:
            self._ask_copy(attachment)

    def open_passage(self, number: int) -> None:
        """The place that a number of an answer names, in the text of its document."""
        for message in self._talk.branch:
            for attachment in message.attachments:
                for one in attachment.citations:
                    if one.number == number:
                        self._show_text(attachment, one)
                        return

    def _show_text(self, attachment: Attachment, at: Citation | None = None) -> None:
        def work(context: TaskContext) -> DocumentText:
            return kept_document(self._chats.attachment_data(attachment))

        def done(document: DocumentText) -> None:
            from desktop.ui.chat.document_window import DocumentWindow  # at its first use

            window = DocumentWindow(attachment.name, document, self._page)
            window.show()
            if at is not None:
                window.show_place(at.start, at.end)

        self._tasks.run(work, done=done, failed=self._page.notify.emit, lane=Lane.COMMAND, owner=self)

    def _show(self, attachment: Attachment) -> None:
        def work(context: TaskContext) -> QImage:
            return QImage.fromData(self._chats.attachment_data(attachment))

        def done(image: QImage) -> None:
            PictureWindow(attachment, image, self._page).show()

        self._tasks.run(work, done=done, failed=self._page.notify.emit, lane=Lane.COMMAND, owner=self)

    def _ask_copy(self, attachment: Attachment) -> None:
        dialog = QFileDialog(self._page, tr("Save a copy"), attachment.name)
        dialog.setObjectName("saveAttachmentDialog")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda name: self._copy(attachment, Path(name)))
        dialog.open()

    def _copy(self, attachment: Attachment, path: Path) -> None:
        def work(context: TaskContext) -> None:
            write_bytes(path, self._chats.attachment_data(attachment))

        def done(_: None) -> None:
            self._page.notify.emit(tr("Saved {path}", path=path))

        self._tasks.run(work, done=done, failed=self._page.notify.emit, lane=Lane.JOB, owner=self)
