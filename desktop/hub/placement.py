"""Where a downloaded file goes: the Hugging Face cache, shared with other tools, or a plain folder.

The cache's layout is huggingface_hub's: ``models--OWNER--NAME/{blobs/<etag>,snapshots/<commit>/<path>,refs/<name>}``.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from desktop.core import naming
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.hub.errors import HubError
from desktop.system.atomic import SHARED, atomic_file, put_in_place

_ETAG = re.compile(r"[0-9a-f]{40,64}")


@dataclass(frozen=True)
class DownloadPaths:
    """Paths of one file: ``part`` while it comes, ``stored`` for its bytes, ``final`` for whoever opens it.

    ``lock`` keeps other programs from writing the same file at the same time.
    """

    part: Path
    stored: Path
    final: Path
    lock: Path

    def existing(self) -> Path | None:
        """Where the whole file already is; None when it is not there."""
        return next((path for path in (self.stored, self.final) if path.is_file()), None)

    def commit(self) -> None:
        """Make the finished part the file. Raises OSError."""
        self.stored.parent.mkdir(parents=True, exist_ok=True)
        put_in_place(self.part, self.stored)

    def link(self) -> None:
        """Let the final path lead to the stored bytes; where links are impossible the bytes move there.

        Raises OSError.
        """
        if self.stored == self.final or not self.stored.is_file():
            return
        self.final.parent.mkdir(parents=True, exist_ok=True)
        target = os.path.relpath(self.stored, self.final.parent)
        if self.final.is_symlink() and self.final.readlink() == Path(target):
            return
        self.final.unlink(missing_ok=True)
        try:
            self.final.symlink_to(target)
        except (OSError, NotImplementedError):
            put_in_place(self.stored, self.final)  # as huggingface_hub does on Windows without the right to link

    @property
    def unjoined(self) -> Path:
        """Where this file and the parts that follow it are joined, until all are there."""
        return self.part.with_name(f"{self.part.name}.joined")

    def discard(self) -> None:
        """Remove what has come so far."""
        self.part.unlink(missing_ok=True)
        self.unjoined.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the whole file. Raises OSError."""
        self.final.unlink(missing_ok=True)
        self.stored.unlink(missing_ok=True)


class CachePlaces:
    """Places in the Hugging Face cache."""

    def __init__(self, cache: Path, repo: str) -> None:
        self.root = cache / ("models--" + repo.replace("/", "--"))
        self._locks = cache / ".locks" / self.root.name

    def place(self, path: str, etag: str, commit: str) -> DownloadPaths:
        """The place of a file. Raises HubError for a path that leads elsewhere."""
        name = _file_name(etag)
        blob = self.root / "blobs" / name
        return DownloadPaths(
            part=blob.with_name(f"{name}.heft.incomplete"),
            stored=blob,
            final=self.root / "snapshots" / _file_name(commit) / inside(path),
            lock=self._locks / f"{name}.lock",  # huggingface_hub's own lock of this file
        )

    def name_revision(self, revision: str, commit: str) -> None:
        """Let a branch's name lead to the commit, so that other tools find the files. Raises OSError."""
        if revision == commit:
            return
        ref = self.root / "refs" / inside(revision)
        # Not written among the refs, which others read.
        with atomic_file(ref, mode=SHARED, folder=self.root) as stream:
            stream.write(commit.encode())


class FolderPlaces:
    """Places in a folder the person chose."""

    def __init__(self, folder: Path, locks: Path) -> None:
        self.root = folder
        self._locks = locks

    def place(self, path: str, etag: str, _commit: str) -> DownloadPaths:
        """The place of a file; folders within the repo are kept. Raises HubError for a path that leads elsewhere."""
        final = self.root / inside(path)
        part = final.with_name(f"{final.name}.{_file_name(etag)[:12]}.incomplete")
        lock = self._locks / f"{hashlib.sha256(str(final).encode()).hexdigest()[:16]}.lock"
        return DownloadPaths(part=part, stored=final, final=final, lock=lock)

    def name_revision(self, _revision: str, _commit: str) -> None:
        """A folder knows no revisions."""


def joined_path(path: str) -> PurePosixPath:
    """Where the parts of a file (``x.gguf.part1of2``) are joined: ``x.gguf`` beside them."""
    first = inside(path)
    return first.with_name(f"{naming.stem(first.name)}.gguf")


def default_cache() -> Path:
    """The Hugging Face cache of this user (HF_HUB_CACHE, HF_HOME)."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def inside(path: str) -> PurePosixPath:
    """A path of the Hub's as a relative one. HubError when it leads out of its folder."""
    found = PurePosixPath(path)
    odd = any(part in ("..", "") or any(sign in part for sign in "\\:\0") for part in found.parts)
    if not found.parts or found.is_absolute() or odd:
        raise HubError(
            tr("The repo names a file {path!r}, which would be written outside its folder.", path=path[:80]),
            tr("Do not trust this repo; look for another one."),
            kind=FailureKind.UNSAFE_PATH,
        )
    return found


def _file_name(etag: str) -> str:
    """An ETag or commit as a file name; what is no plain hash is hashed."""
    return etag if _ETAG.fullmatch(etag) else hashlib.sha256(etag.encode()).hexdigest()
