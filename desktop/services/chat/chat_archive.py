"""The conversations in a zip as ChatGPT hands it out: one file is read from it, and never more than has room."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.words import tr

CONVERSATIONS = "conversations.json"
MOST_FILES = 200_000  # pictures and recordings lie beside the conversations
_MOST_DIRECTORY_BYTES = 64 * 1000 * 1000
_TAIL_BYTES = 22 + 65535 + 20  # the end record with the longest comment, and the locator before it (APPNOTE 4.3.15)


def read_conversations(path: Path, most_bytes: int) -> bytes:
    """The bytes of conversations.json, at most ``most_bytes``.

    Raises HeftError: no such file in it, too many files, too large, with a password or damaged; OSError.
    """
    try:
        with path.open("rb") as stream:
            if _directory_bytes(stream) > _MOST_DIRECTORY_BYTES:
                raise _too_many(path)
            with zipfile.ZipFile(stream) as archive:
                return _read(archive, path, most_bytes)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, struct.error) as error:
        raise HeftError(
            tr("{name} is damaged, or no zip.", name=path.name),
            tr("Export it again."),
            detail=str(error),
            kind=FailureKind.BAD_FILE,
        ) from error


def _read(archive: zipfile.ZipFile, path: Path, most_bytes: int) -> bytes:
    if len(archive.infolist()) > MOST_FILES:
        raise _too_many(path)
    found = [entry for entry in archive.infolist() if entry.filename.rsplit("/", 1)[-1] == CONVERSATIONS]
    if len(found) != 1:
        raise HeftError(
            tr(
                "{name} holds no {conversations}." if not found else "{name} holds more than one {conversations}.",
                name=path.name,
                conversations=CONVERSATIONS,
            ),
            tr("Choose the zip that ChatGPT sent, or unpack it and choose the file itself."),
            kind=FailureKind.BAD_FILE,
        )
    if found[0].flag_bits & 1:
        raise HeftError(
            tr("{name} is locked with a password.", name=path.name),
            tr("Unpack it and choose {conversations}.", conversations=CONVERSATIONS),
            kind=FailureKind.NOT_READABLE,
        )  # fmt: skip
    with archive.open(found[0]) as unpacked:
        data = unpacked.read(most_bytes + 1)  # what the zip says of sizes is not believed
    if len(data) > most_bytes:
        raise HeftError(
            tr(
                "{conversations} in {name} is larger than {most_bytes} MB.",
                conversations=CONVERSATIONS,
                name=path.name,
                most_bytes=most_bytes // 1_000_000,
            ),
            tr("Import a smaller part of it."),
            kind=FailureKind.TOO_LONG,
        )
    return data


def _directory_bytes(stream: IO[bytes]) -> int:
    """What the list of files takes, as the end of the zip says; the module zipfile reads all of it at once."""
    size = stream.seek(0, 2)
    start = stream.seek(max(0, size - _TAIL_BYTES))
    tail = stream.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0:
        raise zipfile.BadZipFile(f"no end record in the last {size - start} bytes")
    (told,) = struct.unpack_from("<I", tail, at + 12)
    if at >= 20 and tail[at - 20 : at - 16] == b"PK\x06\x07":
        stream.seek(struct.unpack_from("<Q", tail, at - 12)[0])
        (told,) = struct.unpack_from("<40xQ", stream.read(56))
    return int(told)


def _too_many(path: Path) -> HeftError:
    return HeftError(
        tr("{name} holds more files than Heft looks through.", name=path.name),
        tr("Unpack it and choose {conversations}.", conversations=CONVERSATIONS),
        kind=FailureKind.TOO_LARGE,
    )  # fmt: skip
