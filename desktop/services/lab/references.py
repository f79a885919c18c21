"""The kept logits of references: in a folder of the cache that stays below a bound, the oldest go first."""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.loss_statistics import logits_bytes
from desktop.core.units import human_bytes
from desktop.core.words import tr

_LEFT_FREE = 1 << 30  # bytes of the disk


@dataclass(frozen=True)
class KeptReference:
    """Logits of a reference on a text cut by its vocabulary: ``chunks`` of ``context`` tokens. The file may not be all
    there yet."""

    path: Path
    vocabulary: int
    context: int
    chunks: int

    @property
    def size_bytes(self) -> int:
        """What the whole file takes."""
        return logits_bytes(self.vocabulary, self.context, self.chunks)

    @property
    def done(self) -> int:
        """Chunks that are there already."""
        try:
            have = self.path.stat().st_size
        except OSError:
            return 0
        empty = logits_bytes(self.vocabulary, self.context, 0) + 4 * self.context * self.chunks
        per_chunk = (self.size_bytes - empty) // self.chunks
        return max(0, min(self.chunks, (have - empty) // per_chunk))

    @property
    def present_bytes(self) -> int:
        """What of it is on the disk."""
        with contextlib.suppress(OSError):
            return self.path.stat().st_size
        return 0


class References:
    """Calls come from one job at a time."""

    def __init__(self, folder: Path, bound: int) -> None:
        self._folder, self._bound = folder, bound

    def of(self, model: str, token_sign: str, vocabulary: int, context: int, chunks: int) -> KeptReference:
        """Where the logits of a model (its digest) on the tokens of a text are, or will be."""
        key = hashlib.sha256(f"{model}|{token_sign}|{vocabulary}|{context}".encode()).hexdigest()[:24]
        for path in self._folder.glob(f"{key}-*.logits"):  # a longer one has the beginning, too
            with contextlib.suppress(ValueError):
                longer = KeptReference(path, vocabulary, context, int(path.stem.rpartition("-")[2]))
                if longer.chunks >= chunks and longer.done >= chunks:
                    return longer
        return KeptReference(self._folder / f"{key}-{chunks}.logits", vocabulary, context, chunks)

    def make_room(self, wanted: KeptReference) -> None:
        """Remove the longest unused ones until it is within the bound. Raises HeftError: "disk-full" where the disk has
        no room, "usage" where it is larger than the bound itself."""
        needed = wanted.size_bytes - wanted.present_bytes
        if wanted.size_bytes > self._bound:
            raise HeftError(
                tr(
                    "The reference's logits would take {size_bytes}, and {bound} are kept at most.",
                    size_bytes=human_bytes(wanted.size_bytes),
                    bound=human_bytes(self._bound),
                ),
                tr("Measure a shorter part of the text, or allow more disk space for measurements in the settings."),
                kind=FailureKind.DISK_FULL,
                settings_page="models",
            )
        self._folder.mkdir(parents=True, exist_ok=True)
        others = [path for path in self._folder.glob("*.logits") if path != wanted.path]
        others.sort(key=lambda path: path.stat().st_mtime)
        total = sum(path.stat().st_size for path in others)
        while others and total + wanted.size_bytes > self._bound:
            total -= others[0].stat().st_size
            others.pop(0).unlink(missing_ok=True)
        free = _free(self._folder)
        if free < needed + _LEFT_FREE:
            raise HeftError(
                tr(
                    "The reference's logits take {needed}, and {free} are free.",
                    needed=human_bytes(needed),
                    free=human_bytes(free),
                ),
                tr("Free some space on that disk, or measure a shorter part of the text."),
                kind=FailureKind.DISK_FULL,
            )

    def used(self, kept: KeptReference) -> None:
        """It is the newest now."""
        with contextlib.suppress(OSError):
            os.utime(kept.path)


def _free(folder: Path) -> int:
    import shutil

    return shutil.disk_usage(folder).free
