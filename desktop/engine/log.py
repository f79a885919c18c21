"""The engine's log: what llama.cpp writes goes to stderr (a file) and into a short tail kept for diagnosis."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
from collections import deque
from collections.abc import Callable

TAIL_LINES = 200
FILE_LIMIT_BYTES = 4 * 1024 * 1024  # one process's; a model may make llama.cpp say a lot
LONGEST_LINE = 8000  # characters; what is beyond is a stranger's metadata
_STDERR = 2
_LOOK_AFTER = 64 * 1024  # characters between two looks at the file's size
_DEBUG, _INFO, _CONTINUED = 1, 2, 5

# "llama_kv_cache:        CPU KV buffer size =    90.00 MiB" and its siblings; the name before the kind is the device
_BUFFER = re.compile(r"(\S+)\s+(model|KV|RS|compute|output) buffer size\s*=\s*([\d.]+) MiB")
# ggml-cpu's own orders of a matrix (repack.cpp, amx, kleidiai, spacemit)
REORDERED = frozenset(("CPU_REPACK", "AMX", "CPU_KLEIDIAI", "CPU_RISCV64_SPACEMIT"))


class EngineLog:
    """Receives llama.cpp's log lines; ``tail`` is the newest of them, ``since_mark`` those of one load."""

    def __init__(self, write: Callable[[str], object] | None = None) -> None:
        """Without ``write`` lines go to stderr; a file there begins anew with the tail at FILE_LIMIT_BYTES."""
        self._own_file = write is None
        self._write = write or sys.stderr.write
        self._unseen = 0
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._marked: list[str] = []
        self._partial = ""
        self._keep = True

    def on_log(self, level: int, text: bytes | None, _user_data: object) -> None:
        """llama.cpp's callback: text may be part of a line; a continuation has the level of what it continues."""
        if not text:
            return
        if level != _CONTINUED:
            self._keep = level > _DEBUG or level == 0
        if not self._keep:
            return
        *lines, self._partial = (self._partial + text.decode("utf-8", "replace")).split("\n")
        for line in lines:
            self._line(line)

    def _line(self, line: str) -> None:
        line = line[:LONGEST_LINE]
        self._tail.append(line)
        self._marked.append(line)
        self._write(line + "\n")
        self._unseen += len(line)
        if self._own_file and self._unseen > _LOOK_AFTER:
            self._unseen = 0
            self._bound()

    def _bound(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()
            file = os.fstat(_STDERR)
            if stat.S_ISREG(file.st_mode) and file.st_size > FILE_LIMIT_BYTES:
                os.ftruncate(_STDERR, 0)
                os.lseek(_STDERR, 0, os.SEEK_SET)
                self._write(f"(older lines were dropped)\n{self.tail}\n")

    def mark(self) -> None:
        """Begin a new load: ``since_mark`` starts empty."""
        self._marked.clear()

    @property
    def since_mark(self) -> str:
        return "\n".join(self._marked)

    @property
    def tail(self) -> str:
        return "\n".join(self._tail)


def buffers_of(log: str) -> list[tuple[str, str, int]]:
    """Each buffer that a log tells of: its name, its kind (model, KV, RS, compute, output) and its bytes."""
    return [(name, kind, round(float(size) * 1024 * 1024)) for name, kind, size in _BUFFER.findall(log)]
