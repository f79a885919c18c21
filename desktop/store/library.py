"""The library: every GGUF model on this computer, whichever program brought it, as one list.

Files are used where they lie and never changed. Shards are one entry, projectors (mmproj) belong to their
model, and one file that several stores know is one entry too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from desktop.core import naming
from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.companions import companions_for, contradict, home_of, several_models
from desktop.core.errors import NotFoundError
from desktop.core.gguf.projector import widths_contradict
from desktop.core.hub_address import PREFIX
from desktop.core.model_fault import Fault
from desktop.core.model_kind import ModelKind
from desktop.core.model_names import model_name
from desktop.core.model_ref import ModelRef, identity_of, local_ref
from desktop.core.model_size import size_of
from desktop.core.progress import Progress, Report, unheard
from desktop.core.quants import WeightShare, quantization_label
from desktop.core.text import visible_in_place
from desktop.core.words import tr
from desktop.store.found_file import FoundFile, Source, look_at
from desktop.store.gguf_files import Facts, set_of_facts
from desktop.store.header_cache import HeaderCache
from desktop.store.locations import Location, find_files
from desktop.store.ollama import blob_names


@dataclass(frozen=True)
class LibraryModel:
    """One model of the library. Sizes in bytes, times in seconds since the epoch.

    ``path`` is the file to load (the first shard), ``files`` all shards in order; ``size_bytes``, ``parameters`` and
    ``bits_per_weight`` (0: unknown) are those of all, without the projectors. ``also_in`` are other places of the same
    content, ``names`` all that it is called by in any of them, its own first. ``kind`` is what it is for, by its
    header. ``problem`` says why the engine will hardly load it, "" when nothing is known to be wrong; ``fault`` is set
    where that is certain. ``apart`` is a word that tells it from others of its name, "" where there are none.
    """

    name: str
    path: Path
    files: tuple[Path, ...]
    mmproj: tuple[Path, ...]
    size_bytes: int
    architecture: str
    quantization: str
    parameters: int
    source: Source
    modified: float
    last_used: float | None = None
    also_in: tuple[Path, ...] = ()
    problem: str = ""
    context_length: int | None = None
    bits_per_weight: float = 0.0
    apart: str = ""
    kind: ModelKind = ModelKind.UNKNOWN
    fault: Fault | None = None
    names: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The name, with what tells it from others of that name."""
        return f"{self.name} ({self.apart})" if self.apart else self.name

    @property
    def id(self) -> str:
        """What tells entries apart: the path."""
        return str(self.path)

    @property
    def ref(self) -> ModelRef:
        """The model as it is loaded."""
        return local_ref(self.path, self.name, self.files)


@dataclass(frozen=True)
class LibraryScan:
    """What a scan found; ``unreadable`` are folders that could not be looked into."""

    models: tuple[LibraryModel, ...]
    unreadable: tuple[Path, ...] = ()


class Library:
    """Scans locations for models; header facts are kept in ``cache_file`` between scans."""

    def __init__(self, cache_file: Path) -> None:
        self._cache_file = cache_file

    def scan(
        self,
        locations: Sequence[Location],
        *,
        progress: Report = unheard,
        cancelled: Cancelled = never,
    ) -> LibraryScan:
        """Look through all locations, of which earlier ones own what later ones hold too.

        ``progress`` counts files; its total is not known while they are still being looked for. Raises
        CancelledError soon after ``cancelled`` returns True. Files that are broken, or that cannot be
        opened, are entries with a problem; files that vanish are left out.
        """
        unreadable: list[Path] = []
        found: list[FoundFile] = []
        for location in locations:
            for file in find_files(location, cancelled, unreadable):
                found.append(file)
                progress(Progress(len(found), unit="files", note=file.path.name))
        cache = HeaderCache(self._cache_file)
        try:
            read = _read(found, cache, progress, cancelled)
            cache.forget_unseen()
        finally:
            cache.save()
        return LibraryScan(tuple(_entries(read)), tuple(unreadable))

    def describe(self, path: Path) -> LibraryModel:
        """The entry of one file anywhere on the disk, with the shards and projectors beside it.

        Raises NotFoundError when there is no such file.
        """
        wanted = look_at(path, "folder")
        if wanted is None:
            raise NotFoundError(tr("There is no file {path}.", path=path), tr("Check the path."))
        shard = naming.shard(path.name)
        called = blob_names(path) or [wanted]
        beside = [
            found
            for other in _siblings(path)
            if (naming.role(other.name) == "mmproj" or (shard and _same_set(shard, other.name)))
            and (found := look_at(other, "folder"))
        ]
        cache = HeaderCache(self._cache_file)
        others = [other for other in _siblings(path) if other.suffix == ".gguf" and naming.role(other.name) == "model"]
        entries = _entries(_read([*called, *beside], cache, unheard, never), beside=others)
        cache.save()
        for entry in entries:
            if path in entry.files:
                return entry
        raise NotFoundError(tr("There is no file {path} any more.", path=path), tr("Check the path."))


_SEES = (ModelKind.CHAT, ModelKind.BASE, ModelKind.EMBEDDING, ModelKind.UNKNOWN)  # what a projector may belong to


@dataclass(frozen=True)
class _Read:
    file: FoundFile
    facts: Facts


def _read(
    found: Iterable[FoundFile],
    cache: HeaderCache,
    progress: Report,
    cancelled: Cancelled,
) -> list[_Read]:
    files = list(found)
    read = []
    for index, file in enumerate(files):
        if cancelled():
            raise CancelledError(tr("The search for models was cancelled."))
        progress(Progress(index, len(files), "files", file.path.name))
        try:
            facts = cache.facts(file.path, file.size, file.modified_ns)
        except FileNotFoundError:
            continue
        except OSError as error:
            facts = Facts(problem=f"The file cannot be read: {error.strerror or error}.")
        read.append(_Read(file, facts))
    if cancelled():
        raise CancelledError(tr("The search for models was cancelled."))
    return read


def _entries(read: Sequence[_Read], beside: Sequence[Path] = ()) -> list[LibraryModel]:
    """Join files into entries: shards joined, projectors attached, duplicates merged. ``beside`` are models of the same
    folders that were not read.
    """
    by_path: dict[Path, _Read] = {}
    also: dict[Path, list[_Read]] = defaultdict(list)  # the same file under further names (manifests)
    for item in read:
        if by_path.setdefault(item.file.path, item) is not item and item.file.listed_at:
            also[item.file.path].append(item)
    digests = {item.file.inode: item.file.digest for item in read if item.file.digest}
    projectors = [path for path, item in by_path.items() if _is_projector(item)]
    models = [path for path, item in by_path.items() if not _is_projector(item)]
    chatting = [path for path in models if by_path[path].facts.kind.writes_text]
    several = {folder: several_models(paths) for folder, paths in _by_folder([*chatting, *beside]).items()}
    near: defaultdict[Path, list[Path]] = defaultdict(list)
    for path in projectors:
        near[home_of(path)].append(path)
    merged: dict[object, LibraryModel] = {}
    attached: set[Path] = set()
    for paths, missing in _joined(models, by_path):
        shards = [by_path[path] for path in paths]
        folder = paths[0].parent
        own = shards[0].file.projectors
        if not own and shards[0].facts.kind in _SEES:
            candidates = [*near[folder], *near[folder.parent]]
            own = tuple(
                path
                for path in companions_for(paths[0], candidates, several=several.get(folder, False))
                if not _contradict(shards[0], by_path[path])
            )
        attached.update(own)
        entry = _entry(shards, own, missing)
        others = also[paths[0]]
        called = (*entry.names, *(visible_in_place(item.file.name) for item in others if item.file.name))
        entry = replace(entry, also_in=tuple(item.file.listed_at or item.file.path for item in others), names=called)
        _merge(merged, _content(shards, digests), entry)
    for path in projectors:
        if path not in attached:
            alone = _entry([by_path[path]], (), 0)
            problem = alone.problem or "A projector (mmproj) without its model beside it."
            _merge(merged, _content([by_path[path]], digests), replace(alone, problem=problem))
    return list(merged.values())


def _joined(models: Sequence[Path], by_path: Mapping[Path, _Read]) -> Iterator[tuple[tuple[Path, ...], int]]:
    """The files of each model and how many more its names speak of. What its header says is no part stands alone."""
    for paths, missing in naming.join_shards(models):
        shard = naming.shard(paths[0].name)
        facts = [by_path[path].facts for path in paths]
        if shard is None or shard.concatenated or any(fact.shards > 1 or not fact.tensors for fact in facts):
            yield paths, missing
        else:
            yield from (((path,), 0) for path in paths)


def _by_folder(paths: Iterable[Path]) -> defaultdict[Path, list[Path]]:
    folders: defaultdict[Path, list[Path]] = defaultdict(list)
    for path in paths:
        folders[path.parent].append(path)
    return folders


def _merge(merged: dict[object, LibraryModel], content: object, entry: LibraryModel) -> None:
    known = merged.setdefault(content, entry)
    if known is not entry:
        also = (*known.also_in, entry.path, *entry.also_in)
        names = tuple(dict.fromkeys((*known.names, *entry.names)))
        merged[content] = replace(known, also_in=also, mmproj=known.mmproj or entry.mmproj, names=names)


def _content(shards: Sequence[_Read], digests: dict[tuple[int, int], str]) -> object:
    # One file is known by its inode (links of any kind) or by the SHA-256 two stores name their copies by.
    return tuple(digests.get(item.file.inode) or item.file.digest or item.file.inode for item in shards)


def _contradict(model: _Read, projector: _Read) -> bool:
    """Whether a projector is of another model by what both headers say: their widths, or their names."""
    width = next(iter(model.facts.widths), 0)
    if widths_contradict(projector.facts.widths, width):
        return True
    ours, theirs = (f"{item.file.path.stem} {item.facts.title}" for item in (model, projector))
    return contradict(ours, theirs)


def _is_projector(item: _Read) -> bool:
    if item.facts.kind is ModelKind.PROJECTOR:
        return True
    unknown = not item.facts.architecture and not item.file.name
    return unknown and naming.role(item.file.path.name) == "mmproj"


def _entry(shards: Sequence[_Read], mmproj: tuple[Path, ...], missing: int) -> LibraryModel:
    first = shards[0]
    file_name = first.file.path.name
    weights: list[WeightShare] = [share for item in shards for share in item.facts.shares]
    size = size_of((share.type, share.elements) for share in weights)
    whole = not (naming.shard(file_name) and len(shards) == 1 and first.facts.shards == 1)
    stem = naming.stem(file_name) if whole else file_name.rpartition(".")[0]
    name = visible_in_place(first.file.name or model_name(stem, first.facts.title, _folders(first.file)))
    fault = _fault(shards, missing)
    return LibraryModel(
        name=name,
        path=first.file.path,
        files=tuple(item.file.path for item in shards),
        mmproj=mmproj,
        size_bytes=sum(item.file.size for item in shards),
        architecture=first.facts.architecture,
        quantization=quantization_label(weights, first.facts.file_type) or naming.label(file_name).upper(),
        parameters=size.parameters,
        bits_per_weight=size.bits_per_weight,
        source=first.file.source,
        modified=max(item.file.modified_ns for item in shards) / 1e9,
        problem=fault.words if fault is not None else _problem(shards),
        context_length=first.facts.context_length,
        kind=first.facts.kind,
        fault=fault,
        names=tuple(dict.fromkeys((name, *([] if first.file.name else [visible_in_place(stem)])))),
    )


def _folders(file: FoundFile) -> list[str]:
    """The folders a model may be named by, the nearest first; in the Hub's cache its repo."""
    identity = identity_of(file.path)
    if identity.startswith(PREFIX):
        return identity.removeprefix(PREFIX).split("/")[1:2]
    return [folder.name for folder in file.path.parents[:3]]


def _fault(shards: Sequence[_Read], missing: int) -> Fault | None:
    return set_of_facts([(item.file.path.name, item.file.size, item.facts) for item in shards], missing)


def _problem(shards: Sequence[_Read]) -> str:
    broken = next((item.facts.problem for item in shards if item.facts.problem), "")
    if not broken and shards[0].facts.kind.writes_text and not any(item.facts.parameters for item in shards):
        return "The file holds no weights."
    return broken


def _siblings(path: Path) -> list[Path]:
    try:
        return [other for other in sorted(path.parent.iterdir()) if other != path]
    except OSError:
        return []


def _same_set(shard: naming.Shard, name: str) -> bool:
    other = naming.shard(name)
    return other is not None and (other.stem, other.count) == (shard.stem, shard.count)
