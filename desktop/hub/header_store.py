"""Headers read from the Hub, kept on disk by ETag: a bounded cache, the longest unused go first."""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
import time
from pathlib import Path

from desktop.system.atomic import write_atomically

CAPACITY = 1 << 30  # bytes; some 50 of the largest headers, or 500 usual ones


class HeaderStore:
    """Beginnings of files by ETag. Thread- and process-safe: entries appear and go whole."""

    def __init__(self, folder: Path, capacity: int = CAPACITY) -> None:
        self._folder = folder
        self._capacity = capacity

    def path(self, etag: str) -> Path:
        """Where the header of a file with this ETag is, or would be."""
        # An ETag is the server's text, so it does not become a file name as it is.
        return self._folder / f"{hashlib.sha256(etag.encode()).hexdigest()[:40]}.gguf-header"

    def load(self, etag: str) -> memoryview | None:
        """The kept bytes, mapped from disk; None when there are none. Marks them as used."""
        if not etag:
            return None
        path = self.path(etag)
        try:
            with path.open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            now = time.time_ns()  # finer than the file system's own clock, so that order of use is kept
            os.utime(path, ns=(now, now))
        except (OSError, ValueError):  # ValueError: an empty file cannot be mapped
            return None
        return memoryview(mapped)

    def keep(self, etag: str, header: memoryview) -> Path | None:
        """Write a header and make room; its path, or None where the disk does not take it or there is no ETag."""
        if not etag or len(header) > self._capacity:
            return None
        path = self.path(etag)
        try:
            write_atomically(path, header)
        except OSError:
            return None
        self._make_room(path)
        return path

    def _make_room(self, newest: Path) -> None:
        entries = []
        for path in self._folder.glob("*.gguf-header"):
            with contextlib.suppress(OSError):
                status = path.stat()
                entries.append((path == newest, status.st_mtime_ns, status.st_size, path))
        total = sum(entry[2] for entry in entries)
        for _, _, size, path in sorted(entries, key=lambda entry: entry[:2]):
            if total <= self._capacity:
                return
            with contextlib.suppress(OSError):  # on Windows a mapped file stays; it goes next time
                path.unlink()
                total -= size
