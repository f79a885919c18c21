"""A file of the Hugging Face cache: its bytes, every snapshot that leads to them, and how all of that is removed.

The layout is huggingface_hub's (:mod:`desktop.hub.placement`). Its own ``delete_revisions`` removes whole revisions
only, and the variants of a repo are files of one revision.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PREFIX = "models--"


@dataclass(frozen=True)
class CachedFile:
    """One file of a repo. ``blob`` holds its bytes; without links they lie at the one path of ``links`` itself.

    ``repo`` is its folder in the cache, ``links`` are all paths in snapshots that lead to the same bytes.
    """

    repo: Path
    blob: Path
    links: tuple[Path, ...]

    @property
    def repo_id(self) -> str:
        """OWNER/NAME."""
        return self.repo.name.removeprefix(_PREFIX).replace("--", "/", 1)

    @property
    def freed_bytes(self) -> int:
        """What removing it gives back to the disk: nothing where another name of the bytes exists elsewhere."""
        status = self.blob.stat()
        return status.st_size if status.st_nlink == 1 else 0


def cached_file(path: Path) -> CachedFile | None:
    """The file of the cache that a path in a snapshot names; None for a path elsewhere. Raises OSError."""
    snapshots = next((above for above in path.parents if above.name == "snapshots"), None)
    if snapshots is None or not snapshots.parent.name.startswith(_PREFIX):
        return None
    repo = snapshots.parent
    if not path.is_symlink():
        return CachedFile(repo, path, (path,))
    blob = path.resolve()
    if not blob.is_relative_to((repo / "blobs").resolve()):
        return None  # a link out of the cache: whose file that is nobody knows
    links = [link for link in _files_below(snapshots) if link.is_symlink() and link.resolve() == blob]
    return CachedFile(repo, blob, tuple(links))


def snapshot_of(link: Path, repo: Path) -> Path:
    """The snapshot's folder that a path of the cache lies in."""
    return repo / "snapshots" / link.relative_to(repo / "snapshots").parts[0]


def other_files(snapshot: Path) -> list[Path]:
    """What a snapshot holds besides GGUF files: then a program fetched the repo as a whole."""
    return [path for path in _files_below(snapshot) if path.suffix.lower() != ".gguf"]


def tidy_repo(repo: Path) -> None:
    """Remove folders of the cache that nothing lies in any more, and names of versions that are gone."""
    for folder, _, _ in os.walk(repo / "snapshots", topdown=False):
        with suppress(OSError):
            Path(folder).rmdir()  # only where it is empty
    for ref in list(_files_below(repo / "refs")):
        with suppress(OSError):
            if not (repo / "snapshots" / ref.read_text().strip()).is_dir():
                ref.unlink()
    for folder, _, _ in os.walk(repo, topdown=False):
        with suppress(OSError):
            Path(folder).rmdir()
    if not repo.exists():
        locks = repo.parent / ".locks" / repo.name
        for lock in list(_files_below(locks)):
            with suppress(OSError):
                lock.unlink()
        with suppress(OSError):
            locks.rmdir()


def _files_below(folder: Path) -> Iterable[Path]:
    for place, _, names in os.walk(folder):
        for name in names:
            yield Path(place) / name
