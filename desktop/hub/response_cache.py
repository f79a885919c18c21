"""Answers of the Hub kept on disk, so that what was seen once can be seen without a network."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from desktop.system.atomic import write_atomically

_CAPACITY = 400  # answers; some 30 kB each
_VERSION = 1  # raise it when the records change: older answers are then forgotten

T = TypeVar("T")


class _Kept(msgspec.Struct, frozen=True):
    version: int
    saved: float
    answer: msgspec.Raw


class ResponseCache:
    """Answers by question. Thread- and process-safe: a file appears and goes whole."""

    def __init__(self, folder: Path, *, now: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._now = now

    def keep(self, question: str, answer: msgspec.Struct) -> None:
        """Remember an answer. A convenience: a full or read-only disk is not an error."""
        with contextlib.suppress(OSError):
            document = _Kept(_VERSION, self._now(), msgspec.Raw(msgspec.json.encode(answer)))
            write_atomically(self._path(question), msgspec.json.encode(document), durable=False)
            self._make_room()

    def find(self, question: str, kind: type[T]) -> tuple[T, float] | None:
        """The last answer to this question and when it was given (seconds since the epoch); None without one."""
        try:
            kept = msgspec.json.decode(self._path(question).read_bytes(), type=_Kept)
            if kept.version != _VERSION:
                return None
            return msgspec.json.decode(kept.answer, type=kind), kept.saved
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return None

    def _path(self, question: str) -> Path:
        return self._folder / f"{hashlib.sha256(question.encode()).hexdigest()[:40]}.json"

    def _make_room(self) -> None:
        answers = list(self._folder.glob("*.json"))
        if len(answers) <= _CAPACITY:
            return
        # Some more than needed go at once, so that not every answer costs a look at all of them.
        for path in sorted(answers, key=lambda path: path.stat().st_mtime)[: len(answers) - _CAPACITY * 9 // 10]:
            path.unlink(missing_ok=True)
