"""Saving text as a file of the user's: a name every platform takes, and a write that leaves no half file."""

from __future__ import annotations

import errno
import re
from pathlib import Path

from desktop.core.errors import StoreError
from desktop.core.readable import readable
from desktop.system.atomic import save_for_user

_NAME_LENGTH = 80
_NAME_BYTES = 200  # file systems take 255, some programs add an ending of their own


def file_name(title: str, suffix: str) -> str:
    """A file name every platform takes, from a chat's title."""
    plain = re.sub(r'[\x00-\x1f<>:"/\\|?*]+', " ", title)
    plain = " ".join(readable(plain).split())[:_NAME_LENGTH]
    plain = plain.encode()[:_NAME_BYTES].decode("utf-8", "ignore").strip(". ")
    return f"{plain or 'Chat'}.{suffix}"


def write_file(path: Path, text: str) -> None:
    """Write UTF-8 text in one step; StoreError when that fails."""
    try:
        save_for_user(path, text.encode())
    except OSError as error:
        too_long = error.errno == errno.ENAMETOOLONG
        raise StoreError(
            f"{readable(path.name)} could not be written: {error.strerror or error}",
            "Choose a shorter name." if too_long else "Choose another folder.",
            detail=f"{path}: {error!r}",
        ) from error
