"""The SHA-256 of model files, read once while they stay as they are: results are kept by it, wherever a file lies."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec

from desktop.core.cancelled import Cancelled, never, raise_if_cancelled
from desktop.core.progress import Progress, Report, unheard
from desktop.core.words import tr
from desktop.system.atomic import write_atomically

_CHUNK = 4 << 20  # bytes
_MOST = 4000  # files that are remembered


class _Known(msgspec.Struct, frozen=True, array_like=True):
    size: int
    changed: int  # ns
    sha256: str


def digest_of(files: Sequence[str]) -> str:
    """A model's digest by those of its files, in order; "" where one is not known."""
    if not files or not all(files):
        return ""
    return files[0] if len(files) == 1 else hashlib.sha256("\n".join(files).encode()).hexdigest()


class FileHashes:
    """Thread-safe. What is remembered is a cache: a file that cannot be read counts as empty."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def known(self, path: Path) -> str:
        """The digest of a file that was read before and has not changed; "" for another one."""
        with contextlib.suppress(OSError):
            place, now = path.resolve(), path.stat()
            found = self._read().get(str(place))
            if found is not None and (found.size, found.changed) == (now.st_size, now.st_mtime_ns):
                return found.sha256
        return ""

    def of(self, path: Path, progress: Report = unheard, cancelled: Cancelled = never) -> str:
        """The digest, in hexadecimal. Progress is in bytes. OSError, CancelledError."""
        if known := self.known(path):
            return known
        digest, done = hashlib.sha256(), 0
        with path.open("rb", buffering=0) as stream:
            before = path.stat()
            while chunk := stream.read(_CHUNK):
                raise_if_cancelled(cancelled)
                digest.update(chunk)
                done += len(chunk)
                progress(Progress(done, before.st_size, "bytes", tr("checksum of {name}", name=path.name)))
        self._keep(path.resolve(), _Known(before.st_size, before.st_mtime_ns, digest.hexdigest()))
        return digest.hexdigest()

    def note(self, path: Path, sha256: str) -> None:
        """A file whose digest is known otherwise. OSError passes."""
        now = path.stat()
        self._keep(path.resolve(), _Known(now.st_size, now.st_mtime_ns, sha256))

    def of_model(self, files: Sequence[Path], progress: Report = unheard, cancelled: Cancelled = never) -> str:
        """One for all shards of a model: its file's own, or where there are several that of their digests' text."""
        return digest_of([self.of(path, progress, cancelled) for path in files])

    def _read(self) -> dict[str, _Known]:
        with contextlib.suppress(OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, _Known])
        return {}

    def _keep(self, path: Path, known: _Known) -> None:
        with self._lock, contextlib.suppress(OSError):
            found = {**self._read(), str(path): known}
            while len(found) > _MOST:
                found.pop(next(iter(found)))
            write_atomically(self._path, msgspec.json.encode(found), durable=False)
