"""What a child writes to stderr: into a file, or where there is none its last words into memory."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import IO, Literal

from desktop.system.spawn import start_thread

_TAIL_BYTES = 16 * 1024
_LAST_WORDS_SECONDS = 1.0  # a grandchild may hold the pipe open for longer


class ChildLog:
    """Given to one child. :meth:`tail` has its last words in any case: they say why it ended."""

    def __init__(self, path: Path | None, mode: Literal["ab", "wb"]) -> None:
        """``path`` is written anew ("wb") or on ("ab"). Without one, or where it cannot be written, memory does."""
        self._path, self._start, self._kept = path, 0, bytearray()
        self._reader: threading.Thread | None = None
        self.sink: IO[bytes] = self._file(mode) or self._pipe()

    def handed_over(self) -> None:
        """The child has its copy of ``sink``: this process's is closed."""
        self.sink.close()

    def tail(self) -> str:
        """The newest that the child wrote, at most 16 KB; all of it once the child has ended."""
        if self._reader is not None:
            self._reader.join(_LAST_WORDS_SECONDS)
            return self._kept.decode("utf-8", "replace")
        with contextlib.suppress(OSError):
            assert self._path is not None
            with self._path.open("rb") as log:
                end = log.seek(0, os.SEEK_END)
                start = self._start if self._start <= end else 0  # it began anew: engine/log.py
                log.seek(max(start, end - _TAIL_BYTES))
                return log.read().decode("utf-8", "replace")
        return ""

    def _file(self, mode: Literal["ab", "wb"]) -> IO[bytes] | None:
        if self._path is None:
            return None
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = self._path.open(mode)
        except OSError:  # a home that cannot be written must not keep the engine from running
            return None
        self._start = file.tell()
        return file

    def _pipe(self) -> IO[bytes]:
        source, sink = os.pipe()
        self._reader = threading.Thread(target=self._keep, args=(source,), name="last-words", daemon=True)
        start_thread(self._reader)
        return os.fdopen(sink, "wb")

    def _keep(self, source: int) -> None:
        with os.fdopen(source, "rb", buffering=0) as pipe:
            while piece := pipe.read(_TAIL_BYTES):
                self._kept += piece
                del self._kept[:-_TAIL_BYTES]
