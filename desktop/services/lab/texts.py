"""Texts to measure on: those that come with Heft, and files of the user's own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.system.atomic import write_atomically
from desktop.system.packaged import FOLDER, read_table

USUAL = "prose"
MIXED = "mixed"  # all that come with Heft, one after the other
MOST_BYTES = 64 << 20  # more would take days


@dataclass(frozen=True)
class MeasuredText:
    """``name`` is "prose", "code", "languages", or a file's; ``sha256`` that of its bytes."""

    name: str
    title: str
    path: Path
    source: str = ""

    @property
    def sha256(self) -> str:
        """Raises HeftError where it cannot be read."""
        return hashlib.sha256(read(self.path)).hexdigest()


@cache
def shipped_texts() -> tuple[MeasuredText, ...]:
    """Those that come with Heft."""
    return tuple(
        MeasuredText(row["name"], row["title"], FOLDER / "texts" / row["file"], row["source"])
        for row in read_table("texts")
    )


def text_named(name: str) -> MeasuredText:
    """A shipped text by its name, or a file. Raises HeftError."""
    for text in shipped_texts():
        if name.casefold() == text.name:
            return text
    path = Path(name).expanduser().absolute()
    read(path)
    return MeasuredText(path.name, path.name, path)


def mixed_text(folder: Path) -> MeasuredText:
    """The shipped texts as one, written into ``folder`` where it is not there yet. Raises HeftError."""
    path = folder / "mixed.txt"
    whole = b"\n".join(text.path.read_bytes() for text in shipped_texts())
    try:
        if not path.exists() or path.read_bytes() != whole:
            folder.mkdir(parents=True, exist_ok=True)
            write_atomically(path, whole)
    except OSError as error:
        raise HeftError(
            tr("{path} could not be written: {strerror}.", path=path, strerror=error.strerror or error),
            tr("Check the free space on the disk."),
        ) from error
    titles = ", ".join(text.title for text in shipped_texts())
    return MeasuredText(MIXED, titles, path, "; ".join(text.source for text in shipped_texts()))


def read(path: Path) -> bytes:
    """The bytes of a text. Raises HeftError: not found, too long, no text."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise HeftError(
                tr("{name} is too long to measure on.", name=path.name),
                tr("Choose a text below 64 MB."),
                kind=FailureKind.TOO_LONG,
            )
        raw = path.read_bytes()
    except OSError as error:
        names = ", ".join(text.name for text in shipped_texts())
        raise HeftError(
            tr("{name} cannot be read: {strerror}.", name=path.name, strerror=error.strerror or error),
            tr("Name a file, or one of: {names}.", names=names),
            kind=FailureKind.NOT_FOUND,
        ) from error
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        raise HeftError(
            tr("{name} is no text.", name=path.name), tr("Choose a text in UTF-8."), kind=FailureKind.BAD_FILE
        ) from None
    return raw
