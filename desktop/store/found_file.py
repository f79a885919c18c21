"""One file as a scan sees it."""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Source = Literal["heft", "huggingface", "lmstudio", "ollama", "folder", "starter"]

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class FoundFile:
    """A file seen by a scan. ``digest`` is the SHA-256 its store named it by, "" when unknown.

    ``name`` and ``projectors`` are set where the store itself says them (Ollama's manifests); ``listed_at`` is
    the file that says so.
    """

    path: Path
    source: Source
    size: int
    modified_ns: int
    inode: tuple[int, int]
    digest: str = ""
    name: str = ""
    projectors: tuple[Path, ...] = ()
    listed_at: Path | None = None


def look_at(path: Path, source: Source) -> FoundFile | None:
    """The file at a path, or None when there is no regular file (any more)."""
    try:
        status = path.stat()
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return FoundFile(
        path=path,
        source=source,
        size=status.st_size,
        modified_ns=status.st_mtime_ns,
        inode=(status.st_dev, status.st_ino),
        digest=_digest_of_link(path) if source == "huggingface" else "",
    )


def _digest_of_link(path: Path) -> str:
    # The cache names the blob of a large file by its SHA-256, which Ollama does too.
    try:
        name = path.readlink().name
    except OSError:
        return ""
    return name if _SHA256.fullmatch(name) else ""
