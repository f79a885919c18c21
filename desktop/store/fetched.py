"""What Heft has fetched from the Hub: one line per file, so that it knows later which files are its own to remove."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable
from pathlib import Path

import msgspec

from desktop.core.model_ref import hub_identity
from desktop.core.sampling_fields import SamplingValues, settled
from desktop.system.atomic import write_atomically


class FetchedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the Hub's, ``path`` in ``repo``, and where it was put. Seconds since the epoch.

    ``sampling`` is what the repository recommends (:func:`desktop.core.sampling_defaults.generation_sampling`).
    """

    local: str
    repo: str
    path: str
    sha256: str = ""
    size_bytes: int = 0
    fetched: float = 0.0
    sampling: SamplingValues = {}


class FetchedStore:
    """The record of fetched files. Thread-safe; a record that cannot be read counts as empty."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def load(self) -> dict[str, FetchedFile]:
        """All files by their local path, also those that are gone."""
        with contextlib.suppress(OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return {file.local: file for file in msgspec.json.decode(self._path.read_bytes(), type=list[FetchedFile])}
        return {}

    def identity_of(self, path: Path) -> str:
        """The identity on the Hub of a file that Heft fetched; "" for another one."""
        file = self.load().get(str(path))
        return hub_identity(file.repo, file.path) if file is not None else ""

    def sampling_of(self, path: Path) -> SamplingValues:
        """What the repository of a file that Heft fetched recommends; {} where it said nothing."""
        file = self.load().get(str(path))
        return settled(file.sampling) if file is not None else {}

    def add(self, file: FetchedFile) -> None:
        """Note a file that has just come. Raises OSError."""
        with self._lock:
            known = {local: file for local, file in self.load().items() if not _is_gone(Path(local))}
            self._write({**known, file.local: file})

    def forget(self, paths: Iterable[Path]) -> None:
        """Files that were removed. Raises OSError."""
        gone = {str(path) for path in paths}
        with self._lock:
            known = self.load()
            if gone & known.keys():
                self._write({local: file for local, file in known.items() if local not in gone})

    def _write(self, files: dict[str, FetchedFile]) -> None:
        write_atomically(self._path, msgspec.json.encode(list(files.values())))


def _is_gone(path: Path) -> bool:
    """Whether a file was removed; one on a disk that is not connected was not."""
    return path.parent.is_dir() and not path.exists()
