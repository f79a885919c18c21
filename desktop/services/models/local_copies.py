"""Which variants of a repo are on this computer already, wherever other programs keep them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from desktop.core.variants import CompanionKind, RepoFile, Variant
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
        """The file to load, where all of a variant's own files are there; else None. Companions may be missing."""
        found = self._stored(repo, variant.files, joined=variant.concatenated)
        if found is not None:
            return found
        models = (model for model in self._library() if not model.problem)
        return next((model.path for model in models if self._are(model.files, variant.files)), None)

    def companions_of(self, repo: str, variants: Sequence[Variant]) -> list[frozenset[CompanionKind]]:
        """Which companions of each variant are there, beside a model or not. Of projectors any will do."""
        known: dict[tuple[str, ...], bool] = {}  # variants share them

        def has(files: Sequence[RepoFile]) -> bool:
            key = tuple(file.path for file in files)
            if key not in known:
                known[key] = bool(files) and self._has(repo, files)
            return known[key]

        def kinds(variant: Variant) -> Iterator[CompanionKind]:
            if any(has((file,)) for file in variant.mmproj):
                yield "projector"
            if has(variant.draft_files):
                yield "draft"

        return [frozenset(kinds(variant)) for variant in variants]

    def _has(self, repo: str, files: Sequence[RepoFile]) -> bool:
        if self._stored(repo, files) is not None:
            return True
        held = (paths for model in self._library() for paths in (model.files, *((path,) for path in model.mmproj)))
        return any(self._are(paths, files) for paths in held)

    def _stored(self, repo: str, files: Sequence[RepoFile], *, joined: bool = False) -> Path | None:
        """The first of these files where a store has all of them; ``joined``: as one file."""
        cached = self._cache() / ("models--" + repo.replace("/", "--"))
        for snapshot in _folders(cached / "snapshots") if self._used("huggingface") else ():
            found = _in_snapshot(snapshot, files, joined)
            if found is not None:
                return found
        for root in self._fetched_to(repo, files[0].path):
            found = _in_folder(root, files, joined)
            if found is not None:
                return found
        for location in known_locations(self._environ, self._home or Path.home()):
            found = None
            if not self._used(location.source):
                continue
            if location.source == "lmstudio":
                found = _in_folder(location.root / PurePosixPath(repo), files, joined)
            elif location.source == "ollama" and len(files) == 1:
                found = _sized(location.root / "blobs" / f"sha256-{files[0].sha256}", files[0].size_bytes)
            if found is not None:
                return found
        return None

    def _are(self, paths: Sequence[Path], files: Sequence[RepoFile]) -> bool:
        """Whether files of the library are these of the Hub, whatever they are called there."""
        return len(paths) == len(files) and all(map(self._same, paths, files))

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

    def _fetched_to(self, repo: str, path: str) -> list[Path]:
        """Folders into which Heft fetched a file of a repo, as the repo's own root."""
        known = self._fetched.load().values() if self._fetched is not None else ()
        depth = len(PurePosixPath(path).parts)
        return [Path(file.local).parents[depth - 1] for file in known if (file.repo, file.path) == (repo, path)]


def _in_snapshot(snapshot: Path, files: Sequence[RepoFile], joined: bool) -> Path | None:
    """A file of the cache is the Hub's where its link leads to the bytes of that name."""

    def same(file: RepoFile) -> Path | None:
        path = _sized(snapshot / PurePosixPath(file.path), file.size_bytes)
        if path is None or not path.is_symlink() or not file.sha256:
            return path  # where links are impossible the bytes lie here, after their checksum was found right
        return path if path.readlink().name == file.sha256 else None

    return _joined(snapshot, files) if joined else _all(files, same)


def _in_folder(folder: Path, files: Sequence[RepoFile], joined: bool) -> Path | None:
    if joined:
        return _joined(folder, files)
    return _all(files, lambda file: _sized(folder / PurePosixPath(file.path), file.size_bytes))


def _joined(folder: Path, parts: Sequence[RepoFile]) -> Path | None:
    return _sized(folder / joined_path(parts[0].path), sum(part.size_bytes for part in parts))


def _all(files: Sequence[RepoFile], find: Callable[[RepoFile], Path | None]) -> Path | None:
    paths = [find(file) for file in files]
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
