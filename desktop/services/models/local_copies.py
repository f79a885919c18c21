"""Which variants of a repo are on this computer already, wherever other programs keep them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from desktop.core.variants import RepoFile, Variant
from desktop.hub.placement import default_cache, joined_path
from desktop.store.fetched import FetchedStore
from desktop.store.found_file import Source
from desktop.store.library import LibraryModel
from desktop.store.locations import known_locations

_READ_BYTES = 1 << 30  # a file up to this size is read for its checksum: a second or two


class LocalCopies:
    """Looks into the Hugging Face cache, the folders of LM Studio and Ollama, and then at all else of the library.

    The cache and Ollama name a file's bytes by their sha256; LM Studio by owner, repo and path, where the size has to
    be the Hub's too. Of the library's other files those count whose size is the Hub's: up to a limit their checksum has
    to be, too, and larger ones, which take long to read, have to have the Hub's name.
    """

    def __init__(
        self,
        cache: Callable[[], Path] = default_cache,
        *,
        fetched: FetchedStore | None = None,
        environ: Mapping[str, str] | None = None,
        home: Path | None = None,
        used: Callable[[Source], bool] = lambda _: True,
        library: Callable[[], Sequence[LibraryModel]] = tuple,
    ) -> None:
        """``cache`` is the Hugging Face cache; ``environ`` and ``home`` say where others keep their models.

        ``used`` says which stores count.
        ``fetched`` knows what Heft fetched into folders of the user's. ``library`` are all models of this computer.
        """
        self._library = library
        self._digests: dict[tuple[Path, int, int], str] = {}
        self._cache = cache
        self._fetched = fetched
        self._environ = os.environ if environ is None else environ
        self._home = home
        self._used = used

    def path_of(self, repo: str, variant: Variant) -> Path | None:
        """The file to load, where all of a variant's files are there, and a projector if it has any; else None."""
        cached = self._cache() / ("models--" + repo.replace("/", "--"))
        for snapshot in _folders(cached / "snapshots") if self._used("huggingface") else ():
            found = _in_snapshot(snapshot, variant)
            if found is not None:
                return found
        for root in self._fetched_to(repo, variant):
            found = _in_folder(root, variant)
            if found is not None:
                return found
        for location in known_locations(self._environ, self._home or Path.home()):
            found = None
            if not self._used(location.source):
                continue
            if location.source == "lmstudio":
                found = _in_folder(location.root / PurePosixPath(repo), variant)
            elif location.source == "ollama" and len(variant.files) == 1 and not variant.mmproj:
                file = variant.first_file
                found = _sized(location.root / "blobs" / f"sha256-{file.sha256}", file.size_bytes)
            if found is not None:
                return found
        return next((model.path for model in self._library() if self._is(model, variant)), None)

    def _is(self, model: LibraryModel, variant: Variant) -> bool:
        """Whether a model of the library is a variant, whatever it is called there."""
        if len(model.files) != len(variant.files) or model.problem:
            return False
        if variant.mmproj and not any(self._same(path, file) for path in model.mmproj for file in variant.mmproj):
            return False
        return all(self._same(path, file) for path, file in zip(model.files, variant.files, strict=True))

    def _same(self, path: Path, file: RepoFile) -> bool:
        if _sized(path, file.size_bytes) is None:
            return False
        if file.size_bytes > _READ_BYTES or not file.sha256:
            return path.name == PurePosixPath(file.path).name
        return self._digest(path) == file.sha256

    def _digest(self, path: Path) -> str:
        """The SHA-256 of a file, read once; "" where it cannot be read."""
        try:
            status = path.stat()
            key = (path, status.st_size, status.st_mtime_ns)
            if key not in self._digests:
                with path.open("rb") as file:
                    self._digests[key] = hashlib.file_digest(file, "sha256").hexdigest()
            return self._digests[key]
        except OSError:
            return ""

    def _fetched_to(self, repo: str, variant: Variant) -> list[Path]:
        """Folders into which Heft fetched a variant, as the repo's own root."""
        path = variant.first_file.path
        known = self._fetched.load().values() if self._fetched is not None else ()
        depth = len(PurePosixPath(path).parts)
        return [Path(file.local).parents[depth - 1] for file in known if (file.repo, file.path) == (repo, path)]


def _in_snapshot(snapshot: Path, variant: Variant) -> Path | None:
    """A file of the cache is the Hub's where its link leads to the bytes of that name."""

    def same(file: RepoFile) -> Path | None:
        path = _sized(snapshot / PurePosixPath(file.path), file.size_bytes)
        if path is None or not path.is_symlink() or not file.sha256:
            return path  # where links are impossible the bytes lie here, after their checksum was found right
        return path if path.readlink().name == file.sha256 else None

    return _all(snapshot, variant, same)


def _in_folder(folder: Path, variant: Variant) -> Path | None:
    return _all(folder, variant, lambda file: _sized(folder / PurePosixPath(file.path), file.size_bytes))


def _all(folder: Path, variant: Variant, find: Callable[[RepoFile], Path | None]) -> Path | None:
    if variant.mmproj and not any(find(file) for file in variant.mmproj):
        return None
    if variant.concatenated:
        return _sized(folder / joined_path(variant.first_file.path), variant.size_bytes)
    paths = [find(file) for file in variant.files]
    return paths[0] if all(paths) else None


def _sized(path: Path, size: int) -> Path | None:
    try:
        return path if path.stat().st_size == size else None
    except OSError:
        return None


def _folders(parent: Path) -> Sequence[Path]:
    """The newest first."""
    try:
        return sorted((entry for entry in parent.iterdir()), key=lambda entry: entry.stat().st_mtime_ns, reverse=True)
    except OSError:
        return ()
