"""Parts of one file (``x.gguf.part1of2``, ``part2of2``) joined as they arrive.

Each part is taken away once its bytes are safe in the joined file, so a disk needs room for the model and one part.
A joined file that is not whole yet is continued: which parts it holds is found by their checksums.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from desktop.core import naming
from desktop.core.cancelled import Cancelled, never, raise_if_cancelled
from desktop.hub.placement import joined_path
from desktop.hub.records import RepoFile
from desktop.hub.transfer import checksum
from desktop.system.atomic import put_in_place

_CHUNK = 1 << 20


def sets_of_parts(files: Sequence[RepoFile]) -> list[list[RepoFile]]:
    """The complete sets of parts among files, each in order. A part ordered alone is a file like any other."""
    found: dict[tuple[str, int], dict[int, RepoFile]] = {}
    for file in files:
        shard = naming.shard(Path(file.path).name)
        if shard is not None and shard.concatenated:
            found.setdefault((str(joined_path(file.path)), shard.count), {})[shard.number] = file
    return [
        [parts[number] for number in sorted(parts)]
        for (_, count), parts in found.items()
        if len(parts) == naming.whole_count(parts, count)
    ]


class Joining:
    """One file made of parts. Used by one thread; every method may raise OSError."""

    def __init__(
        self,
        target: Path,
        unfinished: Path,
        parts: Sequence[RepoFile],
        *,
        told: Callable[[int], None] = lambda _: None,
        cancelled: Cancelled = never,
    ) -> None:
        """``unfinished`` holds the bytes until all are there. ``told`` hears how many bytes of a part were read again
        or copied; ``cancelled`` ends the work with CancelledError."""
        self.target = target
        self.parts = tuple(parts)
        self._unfinished = unfinished
        self._told, self._cancelled = told, cancelled

    def joined(self) -> int:
        """How many parts from the first on are in the joined file, found by their checksums."""
        path = self.target if self.target.is_file() else self._unfinished
        if not path.is_file():
            return 0
        size, end = path.stat().st_size, 0
        with path.open("rb", buffering=0) as file:
            for count, part in enumerate(self.parts):
                end += part.size_bytes
                if end > size or not self._holds(file, part):
                    return count
        return len(self.parts) - (size > end)  # something behind the last part: that one is joined anew

    def add(self, index: int, path: Path) -> None:
        """Append a verified part, the ones before it being there, and make it safe on the disk."""
        self._unfinished.parent.mkdir(parents=True, exist_ok=True)
        start = sum(part.size_bytes for part in self.parts[:index])
        buffer = bytearray(_CHUNK)
        with path.open("rb", buffering=0) as source, self._unfinished.open("ab", buffering=0) as joined:
            joined.truncate(start)
            done = 0
            while count := source.readinto(buffer):
                self._check()
                rest = memoryview(buffer)[:count]
                while rest:
                    rest = rest[joined.write(rest) :]
                done += count
                self._told(done)
            os.fsync(joined.fileno())

    def reopen(self) -> None:
        """A file of that name that is not these parts: what it has of them is gone on with."""
        put_in_place(self.target, self._unfinished)

    def finish(self) -> None:
        """All parts are in: the joined file gets its name."""
        if self._unfinished.is_file():
            self.target.parent.mkdir(parents=True, exist_ok=True)
            put_in_place(self._unfinished, self.target)

    def _holds(self, file: object, part: RepoFile) -> bool:
        digest = checksum(part.etag, part.size_bytes)
        buffer, left = bytearray(_CHUNK), part.size_bytes
        while left:
            self._check()
            count = file.readinto(memoryview(buffer)[: min(left, _CHUNK)])  # type: ignore[attr-defined]
            if not count:
                return False
            digest.update(memoryview(buffer)[:count])
            left -= count
            self._told(part.size_bytes - left)
        return bool(digest.hexdigest() == part.etag)

    def _check(self) -> None:
        raise_if_cancelled(self._cancelled)
