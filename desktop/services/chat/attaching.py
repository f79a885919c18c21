"""Files that are attached to a message: told apart by what is in them, and read within limits."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from desktop.core.attachments import MOST_FILE_BYTES, SNIFFED, Enclosed, media_type_of
from desktop.core.cancelled import Cancelled, never
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.imported_chat import ImportedChat, ImportedMessage
from desktop.core.sound import MOST_SOUND_BYTES, seconds_of
from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.services.chat.pictures import PictureService

if TYPE_CHECKING:
    from desktop.services.documents.sending import DocumentSender
    from desktop.services.documents.service import DocumentService

_MEDIA_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".wav", ".mp3", ".flac")


class AttachmentService:
    """Makes an attachment of a file or of bytes. Thread-safe; asked on worker threads."""

    def __init__(
        self,
        pictures: PictureService,
        documents: Callable[[], DocumentService],
        sender: Callable[[], DocumentSender],
    ) -> None:
        """``sender`` knows which model will get documents, and what they cost it."""
        self._pictures, self._documents, self.sender = pictures, documents, sender

    def of_file(self, path: Path, cancelled: Cancelled = never) -> Enclosed:
        """Raises CancelledError; HeftError: no ordinary file, not readable, too large, what :meth:`of_bytes` refuses,
        and what a document's text cannot be had for.
        """
        try:
            with open(path, "rb", opener=_without_waiting) as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise _refusal(tr("{name} is no file that can be attached.", name=path.name), tr("Choose a file."))
                if status.st_size > MOST_FILE_BYTES:
                    raise _too_large(path.name, status.st_size, MOST_FILE_BYTES)
                data = file.read(SNIFFED)
                if media_type_of(data):
                    data += file.read(MOST_FILE_BYTES)
        except OSError as error:
            raise HeftError(
                tr("{name} could not be read.", name=path.name),
                tr("Check that it is there, and its permissions."),
                detail=str(error),
                kind=FailureKind.NOT_READABLE,
            ) from error
        if media_type_of(data) or path.suffix.lower() in _MEDIA_SUFFIXES:
            return self.of_bytes(path.name, data)
        return self._document(path, cancelled)

    def of_bytes(self, name: str, data: bytes) -> Enclosed:
        """Raises HeftError ("bad-attachment") for what is neither picture nor sound, damaged or too large."""
        media_type = media_type_of(data)
        if media_type.startswith("image/"):
            return self._picture(name, data)
        if media_type.startswith("audio/"):
            if len(data) > MOST_SOUND_BYTES:
                raise _too_large(name, len(data), MOST_SOUND_BYTES)
            return Enclosed.of("sound", name, media_type, data, seconds=seconds_of(data))
        raise _refusal(
            tr("{name} is neither a picture nor sound that Heft knows.", name=name)
            if data
            else tr("{name} is empty.", name=name),
            tr("Attach a PNG, JPEG, WebP, GIF or BMP, or a WAV, MP3 or FLAC."),
        )

    def brought(self, chats: Iterable[ImportedChat]) -> list[ImportedChat]:
        """Conversations out of a file, their pictures read as others are; one that cannot be read is left out."""
        return [
            replace(chat, messages=tuple(replace(one, attachments=self._read_anew(one)) for one in chat.messages))
            for chat in chats
        ]

    def _read_anew(self, message: ImportedMessage) -> tuple[Enclosed, ...]:
        found = []
        for one in message.attachments:
            with suppress(HeftError):
                found.append(
                    self._picture(one.attachment.name, one.data or b"") if one.attachment.kind == "image" else one
                )
        return tuple(found)

    def small(self, data: bytes, most_side: int) -> bytes:
        """An attached picture anew, no side longer than ``most_side`` pixels. HeftError where it cannot be read."""
        return self._pictures.read(data, most_side).data

    def _document(self, path: Path, cancelled: Cancelled) -> Enclosed:
        from desktop.services.documents.kept import MEDIA_TYPE, kept_bytes

        document = self._documents().read(path, cancelled=cancelled)
        return Enclosed.of("document", path.name, MEDIA_TYPE, kept_bytes(document))

    def _picture(self, name: str, data: bytes) -> Enclosed:
        try:
            read = self._pictures.read(data)
        except HeftError as error:
            if error.kind is not FailureKind.BAD_ATTACHMENT:
                raise
            raise _refusal(f"{name}: {error.message}", error.hint, error.detail) from error
        return Enclosed.of("image", name, read.media_type, read.data, width=read.width, height=read.height)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # a pipe that nobody writes to would keep it for ever


def _too_large(name: str, size: int, most: int) -> HeftError:
    return _refusal(
        tr("{name} is too large: {size}.", name=name, size=human_bytes(size)),
        tr("Attach a file of at most {most}.", most=human_bytes(most)),
    )


def _refusal(message: str, hint: str, detail: str = "") -> HeftError:
    return HeftError(message, hint, detail=detail, kind=FailureKind.BAD_ATTACHMENT)
