"""Saving text or bytes as a file of the user's: a name every platform takes, and a write that leaves no half file."""

from __future__ import annotations

import errno
from pathlib import Path

from desktop.core.errors import StoreError
from desktop.core.text import encodable
from desktop.core.words import tr
from desktop.system.atomic import save_for_user


def write_file(path: Path, text: str) -> None:
    """Write UTF-8 text in one step; StoreError when that fails."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file in one step; StoreError when that fails."""
    try:
        save_for_user(path, content)
    except OSError as error:
        too_long = error.errno == errno.ENAMETOOLONG
        raise StoreError(
            tr("{name} could not be written: {strerror}", name=encodable(path.name), strerror=error.strerror or error),
            tr("Choose a shorter name.") if too_long else tr("Choose another folder."),
            detail=f"{path}: {error!r}",
        ) from error
