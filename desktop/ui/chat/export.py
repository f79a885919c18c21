"""Chats as files: saving one, and bringing in those of other programs. The dialogs block nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from desktop.core.text import file_name
from desktop.core.words import counted, tr
from desktop.store.chats import Chat, ChatStore
from desktop.ui.chat.pdf_export import pdf_writer
from desktop.ui.shared.saving import write_bytes, write_file
from desktop.ui.shell.tasks import Lane, TaskContext, Tasks

if TYPE_CHECKING:
    from desktop.services.chat.attaching import AttachmentService
    from desktop.ui.chat.chat_list import ChatListPane
    from desktop.ui.chat.history import ChatHistory
    from desktop.ui.shared.transcript.formulas import Typeset

_WITH_REASONING = tr("Markdown with reasoning (*.md)")
_HTML_WITH_REASONING = "HTML with reasoning (*.html)"
_PDF_WITH_REASONING = tr("PDF with reasoning (*.pdf)")
_THOUGHTS = (_WITH_REASONING, _HTML_WITH_REASONING, _PDF_WITH_REASONING)
_KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "markdown": ("md", (tr("Markdown (*.md)"), _WITH_REASONING)),
    "html": ("html", (tr("HTML (*.html)"), _HTML_WITH_REASONING)),
    "pdf": ("pdf", (tr("PDF (*.pdf)"), _PDF_WITH_REASONING)),
    "json": ("json", (tr("JSON (*.json)"),)),
}


class ChatExport(QObject):
    """Asks where to or which, writes and reads off the GUI thread, and tells how it ended."""

    told = Signal(object)  # str or HeftError

    def __init__(
        self,
        chats: ChatStore,
        attachments: Callable[[], AttachmentService],
        tasks: Tasks,
        window: QWidget,
        typeset: Typeset | None = None,
    ) -> None:
        """``attachments`` reads pictures of what is imported; ``typeset`` makes outlines of formulas: without it they
        are exported as they were written.
        """
        super().__init__(window)
        self._attachments = attachments
        self._typeset: Typeset = typeset or (lambda _latex, _display: None)
        self._chats = chats
        self._tasks = tasks
        self._window = window
        self._listed: tuple[ChatListPane, ChatHistory, Callable[[int], object]] | None = None

    def connect_list(self, pane: ChatListPane, history: ChatHistory, open_chat: Callable[[int], object]) -> None:
        """Do what the list of chats asks for; what came in is listed, and opened where it is one chat."""
        self._listed = pane, history, open_chat
        pane.export_asked.connect(lambda chat_id, kind: self.ask(chat_id, history.title(chat_id), kind))
        pane.import_asked.connect(self.ask_import)

    def ask(self, chat_id: int, title: str, kind: str) -> None:
        """Open the dialog for one chat; ``kind`` is one of those in _KINDS."""
        suffix, kinds = _KINDS[kind]
        dialog = QFileDialog(self._window, tr("Export chat"), file_name(title, suffix))
        dialog.setNameFilters(kinds)
        dialog.setObjectName("exportDialog")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(suffix)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(
            lambda name: self.write(chat_id, kind, Path(name), reasoning=dialog.selectedNameFilter() in _THOUGHTS)
        )
        dialog.open()

    def ask_import(self) -> None:
        """Open the dialog for conversations that other programs exported."""
        dialog = QFileDialog(self._window, tr("Import conversations"))
        dialog.setNameFilters((tr("Conversations (*.json *.md *.zip)"), tr("All files (*)")))
        dialog.setObjectName("importDialog")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.filesSelected.connect(lambda names: self.bring_in([Path(name) for name in names]))
        dialog.open()

    def bring_in(self, paths: Sequence[Path]) -> None:
        """Read the conversations of files, all of them or none, and say how many came over."""

        def work(context: TaskContext) -> list[Chat]:
            from desktop.services.chat.chat_imports import read_chats

            read = [chat for path in paths for chat in read_chats(path)]
            return self._chats.bring_in(self._attachments().brought(read))

        def done(made: list[Chat]) -> None:
            count = len(made)
            if self._listed is not None:
                pane, history, open_chat = self._listed
                pane.list_made()
                history.load()
                if count == 1:
                    open_chat(made[0].id)
            self.told.emit(tr("Imported {conversations}", conversations=counted(count, "conversation")))

        self._tasks.run(work, done=done, failed=self.told.emit, lane=Lane.JOB, owner=self)

    def write(self, chat_id: int, kind: str, path: Path, *, reasoning: bool = False) -> None:
        """Export one chat to ``path``. JSON has all there is of it; the others the reasoning where that is wanted."""

        pdf = pdf_writer(self._window.font(), self._typeset, reasoning=reasoning)

        def work(context: TaskContext) -> None:
            if kind == "pdf":
                write_bytes(path, pdf(self._chats.chat(chat_id), self._chats.messages(chat_id)))
                return
            if kind == "html":
                from desktop.services.chat.html_export import to_html

                chat, branch = self._chats.chat(chat_id), self._chats.messages(chat_id)
                text = to_html(chat, branch, self._typeset, self._chats.attachment_data, reasoning=reasoning)
            elif kind == "json":
                text = self._chats.export_json(chat_id)
            else:
                text = self._chats.export_markdown(chat_id, reasoning=reasoning)
            write_file(path, text)

        self._tasks.run(
            work,
            done=lambda _: self.told.emit(tr("Saved {path}", path=path)),
            failed=self.told.emit,
            lane=Lane.JOB,
            owner=self,
        )
