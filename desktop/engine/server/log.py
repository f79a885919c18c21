"""What a server writes, line by line: into a file that stays small, and into memory for whoever asks why it ended."""

from __future__ import annotations

import contextlib
from collections import deque
from pathlib import Path
from typing import IO

from desktop.engine.log import FILE_LIMIT_BYTES, LONGEST_LINE, TAIL_LINES
from desktop.system.atomic import put_in_place

START_LIMIT_BYTES = 2 * 1024 * 1024  # a longer file is put aside when a server starts


class ServerLog:
    """For one client; its servers write into it one after another. ``since_mark`` is what one load said."""

    def __init__(self, path: Path | None) -> None:
        """Without a path, or where it cannot be written, only memory keeps the lines."""
        self._path = path
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._marked: list[str] = []
        self._marking = True
        self._file = self._opened() if path is not None else None

    def _opened(self) -> IO[str] | None:
        assert self._path is not None
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if self._path.exists() and self._path.stat().st_size > START_LIMIT_BYTES:
                put_in_place(self._path, self._path.with_suffix(".old.log"))
            return self._path.open("a", encoding="utf-8", errors="replace", buffering=1)
        return None

    def line(self, text: str) -> None:
        """One line, without its end."""
        text = text[:LONGEST_LINE]
        self._tail.append(text)
        if self._marking:
            self._marked.append(text)
        if self._file is not None:
            with contextlib.suppress(OSError, ValueError):
                self._file.write(text + "\n")
                if self._file.tell() > FILE_LIMIT_BYTES:
                    self._file.truncate(0)
                    self._file.write(f"(older lines were dropped)\n{self.tail}\n")

    def mark(self) -> None:
        """A load begins."""
        self._marked.clear()
        self._marking = True

    def loaded(self) -> None:
        """The load is over: what comes is kept in the tail only."""
        self._marking = False

    def close(self) -> None:
        """Close the file; what comes after is kept in memory."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
        self._file = None

    @property
    def since_mark(self) -> str:
        return "\n".join(self._marked)

    @property
    def tail(self) -> str:
        return "\n".join(self._tail)
