"""Saving a chat as a file: a dialog that blocks nothing, and a write that leaves no half file."""

from __future__ import annotations

import errno
import os
import re
import tempfile
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from desktop.core.errors import StoreError
from desktop.core.readable import readable
from desktop.store.chats import ChatStore
from desktop.ui.tasks import TaskContext, Tasks

_KINDS: dict[str, tuple[str, str]] = {
    "markdown": ("md", "Markdown (*.md)"),
    "json": ("json", "JSON (*.json)"),
}
_NAME_LENGTH = 80
_NAME_BYTES = 200  # file systems take 255, some programs add an ending of their own


def file_name(title: str, suffix: str) -> str:
    """A file name every platform takes, from a chat's title."""
    plain = re.sub(r'[\x00-\x1f<>:"/\\|?*]+', " ", title)
    plain = " ".join(readable(plain).split())[:_NAME_LENGTH]
    plain = plain.encode()[:_NAME_BYTES].decode("utf-8", "ignore").strip(". ")
    return f"{plain or 'Chat'}.{suffix}"


def write_file(path: Path, text: str) -> None:
    """Write UTF-8 text through a temporary file beside the target; StoreError when that fails."""
    try:
        handle, name = tempfile.mkstemp(prefix=".heft-export-", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        too_long = error.errno == errno.ENAMETOOLONG
        raise StoreError(
            f"{readable(path.name)} could not be written: {error.strerror or error}",
            "Choose a shorter name." if too_long else "Choose another folder.",
            detail=f"{path}: {error!r}",
        ) from error


class ChatExport(QObject):
    """Asks where to, writes off the GUI thread, and tells how it ended."""

    told = Signal(object)  # str or HeftError

    def __init__(self, chats: ChatStore, tasks: Tasks, window: QWidget) -> None:
        super().__init__(window)
        self._chats = chats
        self._tasks = tasks
        self._window = window

    def ask(self, chat_id: int, title: str, kind: str) -> None:
        """Open the dialog for one chat; ``kind`` is "markdown" or "json"."""
        suffix, kinds = _KINDS[kind]
        dialog = QFileDialog(self._window, "Export chat", file_name(title, suffix), kinds)
        dialog.setObjectName("exportDialog")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(suffix)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda name: self.write(chat_id, kind, Path(name)))
        dialog.open()

    def write(self, chat_id: int, kind: str, path: Path) -> None:
        """Export one chat to ``path``."""

        def work(context: TaskContext) -> None:
            text = self._chats.export_json(chat_id) if kind == "json" else self._chats.export_markdown(chat_id)
            write_file(path, text)

        self._tasks.run(work, done=lambda _: self.told.emit(f"Saved {path}"), failed=self.told.emit, owner=self)
