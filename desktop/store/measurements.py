"""What models lost on texts, as measured on this computer: kept by what the files hold, not by where they lie."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable
from pathlib import Path

import msgspec

from desktop.core.loss_statistics import Distance, Figure
from desktop.system.atomic import write_atomically

_VERSION = 1


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """One model on one text, against a reference or by itself (``distance`` None, ``reference*`` "").

    ``model`` and ``reference`` are digests (SHA-256) of the files, ``text`` that of the text; the names are what
    they were called. ``at`` is seconds since the epoch, ``seconds`` what it took.
    """

    model: str
    name: str
    quantization: str
    size_bytes: int
    text: str
    text_name: str
    context: int
    chunks: int
    tokens: int
    perplexity: Figure
    distance: Distance | None = None
    reference: str = ""
    reference_name: str = ""
    engine: str = ""
    at: float = 0.0
    seconds: float = 0.0


class _Document(msgspec.Struct, frozen=True):
    version: int
    measurements: list[Measurement]


class MeasurementStore:
    """Thread-safe. A file that cannot be read counts as empty."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._kept: tuple[int, tuple[Measurement, ...]] = (-1, ())  # with the file's time of change, ns

    def all(self) -> tuple[Measurement, ...]:
        """All of them, the newest first; the same object until something is written, by whomever."""
        with contextlib.suppress(OSError, msgspec.MsgspecError, UnicodeDecodeError):
            changed = self._path.stat().st_mtime_ns
            if changed != self._kept[0]:
                document = msgspec.json.decode(self._path.read_bytes(), type=_Document)
                kept = document.measurements if document.version == _VERSION else []
                self._kept = (changed, tuple(sorted(kept, key=lambda one: -one.at)))
            return self._kept[1]
        return ()

    def of(self, digests: Iterable[str]) -> Measurement | None:
        """The one that tells most of a model's loss: against a reference, over the most tokens, the newest."""
        wanted = set(digests)
        found = [one for one in self.all() if one.model in wanted and one.distance is not None]
        return max(found, key=lambda one: (one.tokens, one.at), default=None)

    def add(self, measurement: Measurement) -> None:
        """Keep one; in the place of an earlier one of the same model, text, reference and length. Raises OSError."""
        with self._lock:
            rest = [one for one in self.all() if _key(one) != _key(measurement)]
            write_atomically(self._path, msgspec.json.encode(_Document(_VERSION, [measurement, *rest])))


def _key(one: Measurement) -> tuple[object, ...]:
    return (one.model, one.text, one.reference, one.context, one.chunks)
