"""Files written anew with their tensors as they are: merged, split, or with other metadata. As jobs.

That the tensors are the same is shown by a digest: of their names, shapes, types and bytes, in the order of names.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

import msgspec

from desktop.core import naming
from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.errors import FileFormatError, HeftError, UsageError
from desktop.core.failures import FailureKind
from desktop.core.gguf import Header, Tensor, read_header
from desktop.core.gguf.editing import changed
from desktop.core.gguf.values import ValueType
from desktop.core.gguf.writer import Entries, Written, can_be_rewritten, entries_of, entry, padded, written
from desktop.core.progress import Progress, Report, unheard
from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.services.job_kinds import Run
from desktop.services.job_work import Work, WorkKind, perform
from desktop.services.jobs import JobService
from desktop.services.lab import made_files
from desktop.services.lab.hashes import FileHashes
from desktop.services.models.library import LibraryModel, LibraryService
from desktop.store.gguf_files import FileSource
from desktop.system.atomic import PREFIX, put_in_place

REWRITE = "rewrite"  # the kind of job
_CHUNK = 4 << 20  # bytes
_SPLIT_KEYS = ("split.no", "split.count", "split.tensors.count")
How = Literal["merge", "split", "edit"]


class RewriteOrder(msgspec.Struct, frozen=True):
    """``sources`` (all shards in order) into ``targets``; ``most_bytes`` of tensors go into a part of a split file."""

    how: How
    sources: tuple[str, ...]
    target: str
    most_bytes: int = 0
    changes: tuple[tuple[str, str], ...] = ()
    removed: tuple[str, ...] = ()


class Rewritten(msgspec.Struct, frozen=True):
    """``files`` in order, ``sha256`` of each; ``tensors_sha256`` is the digest of all tensors, the source's too."""

    files: tuple[str, ...]
    size_bytes: int
    sha256: tuple[str, ...]
    tensors_sha256: str


@dataclass(frozen=True)
class _Part:
    """A tensor's bytes in one of the sources."""

    tensor: Tensor
    source: Path
    position: int


@dataclass(frozen=True)
class _Output:
    target: Path
    header: Written
    parts: tuple[_Part, ...]
    alignment: int


class RewritingService:
    """Calls may come from any thread."""

    def __init__(self, jobs: JobService, folder: Path, library: LibraryService, hashes: FileHashes) -> None:
        """``folder`` keeps what a quit interrupted."""
        self._jobs, self._library, self._hashes = jobs, library, hashes
        self._kind = WorkKind(REWRITE, RewriteOrder, self._rewrite, folder, rewritten_words)
        jobs.register(self._kind)

    def merge(
        self, model: str, target: Path | None = None, *, progress: Report = unheard, cancelled: Cancelled = never
    ) -> Rewritten:
        """One file of a model's shards. Raises HeftError; UsageError for a model of one file."""
        found = self._whole(model)
        if len(found.files) == 1:
            raise UsageError(
                tr("{title} is one file already.", title=found.title), tr("Name a shard of a split model.")
            )
        place = target or found.path.with_name(f"{naming.stem(found.path.name)}.gguf")
        return self._perform("merge", found, place, progress, cancelled)

    def split(
        self,
        model: str,
        most_bytes: int,
        target: Path | None = None,
        *,
        progress: Report = unheard,
        cancelled: Cancelled = never,
    ) -> Rewritten:
        """Shards, each with ``most_bytes`` of tensors at most, or one tensor. Raises HeftError."""
        found = self._whole(model)
        if len(found.files) > 1:
            raise UsageError(tr("{title} is split already.", title=found.title), tr("Merge it first: heft merge"))
        place = target or found.path
        return self._perform("split", found, place, progress, cancelled, most_bytes=most_bytes)

    def edit(
        self,
        model: str,
        changes: Sequence[tuple[str, str]],
        removed: Sequence[str],
        target: Path,
        *,
        progress: Report = unheard,
        cancelled: Cancelled = never,
    ) -> Rewritten:
        """A copy with other metadata. Raises HeftError; UsageError for a change that cannot be made."""
        found = self._whole(model)
        if len(found.files) > 1:
            raise UsageError(tr("{title} is split.", title=found.title), tr("Merge it first: heft merge"))
        more = {"changes": tuple(changes), "removed": tuple(removed)}
        return self._perform("edit", found, target, progress, cancelled, **more)

    def _whole(self, model: str) -> LibraryModel:
        found = self._library.resolve(model)
        if found.fault is not None:
            raise found.fault.error(found.title)
        return found

    def _perform(
        self, how: How, model: LibraryModel, target: Path, progress: Report, cancelled: Cancelled, **more: object
    ) -> Rewritten:
        place = target.expanduser().absolute()
        order = msgspec.convert(
            {"how": how, "sources": tuple(map(str, model.files)), "target": str(place), **more}, RewriteOrder
        )
        outputs = _outputs(order)  # what cannot be done is said before a job begins
        for output in outputs:
            made_files.must_be_free(output.target)
        name = f"{model.title}: {_DOING[how]}"
        return perform(self._jobs, self._kind, name, order, progress=progress, cancelled=cancelled)

    def _rewrite(self, work: Work[RewriteOrder, Rewritten], run: Run) -> Rewritten:
        """From the beginning, whatever an earlier run has left."""
        outputs = _outputs(work.order)
        unfinished = [output.target.with_name(f"{PREFIX}{output.target.name}") for output in outputs]
        try:
            for output, path in zip(outputs, unfinished, strict=True):
                made_files.must_be_free(output.target)
                path.unlink(missing_ok=True)
            total = sum(output.header.file_bytes for output in outputs)
            made_files.must_have_room(outputs[0].target.parent, total)
            done = 0
            digests, tensors = [], _TensorDigest()
            for output, path in zip(outputs, unfinished, strict=True):
                before = done

                def heard(written_bytes: int, before: int = before, name: str = output.target.name) -> None:
                    run.report(Progress(before + written_bytes, total, "bytes", name))

                digests.append(_write(output, path, tensors, heard, lambda: run.stopped))
                done += output.header.file_bytes
            _must_be_the_same(outputs, unfinished, tensors.found)
            for path, output in reversed(list(zip(unfinished, outputs, strict=True))):
                put_in_place(path, output.target)
        except OSError as error:
            words = f"The file could not be written: {error.strerror or error}."
            kind = FailureKind.DISK_FULL if error.errno == 28 else FailureKind.NOT_WRITABLE  # ENOSPC
            raise HeftError(words, tr("Look at {parent}.", parent=outputs[0].target.parent), kind=kind) from error
        finally:
            for path in unfinished:
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)
        for output, digest in zip(outputs, digests, strict=True):
            with contextlib.suppress(OSError):
                self._hashes.note(output.target, digest)
        names = tuple(str(output.target) for output in outputs)
        return Rewritten(names, total, tuple(digests), tensors.found)


_DOING: dict[How, str] = {"merge": "merging", "split": "splitting", "edit": "writing a copy"}


def rewritten_words(made: Rewritten) -> str:
    """What came of it, for the list."""
    count = f"{len(made.files)} files, " if len(made.files) > 1 else ""
    return f"made {Path(made.files[0]).name}, {count}{human_bytes(made.size_bytes)}"


def _outputs(order: RewriteOrder) -> list[_Output]:
    """What is to be written. Raises HeftError."""
    sources, target = [Path(source) for source in order.sources], Path(order.target)
    with ExitStack() as opened:
        try:
            files = [(path, opened.enter_context(FileSource(path))) for path in sources]
            headers = [read_header(stream) for _, stream in files]
        except OSError as error:
            raise HeftError(
                tr("{name} cannot be read: {strerror}.", name=sources[0].name, strerror=error.strerror or error),
                tr("Look whether it is still there."),
                kind=FailureKind.NOT_READABLE,
            ) from error  # fmt: skip
        for header in headers:
            can_be_rewritten(header)
        entries = entries_of(headers[0], files[0][1])
        parts = [
            _Part(tensor, path, header.position(tensor))
            for (path, _), header in zip(files, headers, strict=True)
            for tensor in header.tensors
        ]
        _must_be_there(files, headers)
        alignment = headers[0].alignment
        if order.how == "edit":
            entries = changed(entries, headers[0], order.changes, order.removed)
            return [_output(target, entries, parts, alignment)]
        bare: Entries = {key: value for key, value in entries.items() if key not in _SPLIT_KEYS}
        if order.how == "merge":
            return [_output(target, bare, parts, alignment)]
    groups = _groups(parts, order.most_bytes, alignment)
    stem = naming.stem(target.name)
    found = []
    for number, group in enumerate(groups):
        values = (number, len(groups), len(parts))
        kinds = (ValueType.UINT16, ValueType.UINT16, ValueType.INT32)
        own = {key: entry(key, kind, value) for key, kind, value in zip(_SPLIT_KEYS, kinds, values, strict=True)}
        path = target.with_name(f"{stem}-{number + 1:05d}-of-{len(groups):05d}.gguf")
        found.append(_output(path, {**(bare if number == 0 else _aligned(bare)), **own}, group, alignment))
    if len(groups) < 2:
        raise UsageError(tr("All of it goes into one file of that size."), tr("Choose a smaller --max-size."))
    return found


def _aligned(entries: Entries) -> Entries:
    """What each part has to say for itself."""
    return {key: value for key, value in entries.items() if key == "general.alignment"}


def _output(target: Path, entries: Entries, parts: Sequence[_Part], alignment: int) -> _Output:
    header = written(entries, [part.tensor for part in parts], alignment=alignment, plain_shapes=False)
    return _Output(target, header, tuple(parts), alignment)


def _groups(parts: Sequence[_Part], most: int, alignment: int) -> list[list[_Part]]:
    groups: list[list[_Part]] = []
    size = 0
    for part in parts:
        own = padded(part.tensor.size_bytes or 0, alignment)
        if not groups or size + own > most:
            groups.append([])
            size = 0
        groups[-1].append(part)
        size += own
    return groups


def _must_be_there(files: Sequence[tuple[Path, FileSource]], headers: Sequence[Header]) -> None:
    for (path, stream), header in zip(files, headers, strict=True):
        end = max((header.position(tensor) + (tensor.size_bytes or 0) for tensor in header.tensors), default=0)
        if end > stream.size:
            raise FileFormatError(
                tr("{name} ends at byte {size:,}, before its tensors do.", name=path.name, size=stream.size),
                tr("Download it again."),
            )


class _TensorDigest:
    """The digest of tensors, whatever files they lie in."""

    def __init__(self) -> None:
        self._parts: dict[str, str] = {}

    def add(self, tensor: Tensor, digest: str) -> None:
        """One more; ``digest`` is of its bytes."""
        self._parts[tensor.name] = f"{tensor.name}|{tensor.shape}|{tensor.type_id}|{digest}"

    @property
    def found(self) -> str:
        """Of all that were added."""
        return hashlib.sha256("\n".join(self._parts[name] for name in sorted(self._parts)).encode()).hexdigest()


def _write(
    output: _Output, path: Path, tensors: _TensorDigest, heard: Callable[[int], None], cancelled: Cancelled
) -> str:
    """The file, under the name of an unfinished one; its SHA-256."""
    whole = hashlib.sha256(output.header.header)
    done = len(output.header.header)
    with path.open("xb", buffering=0) as out:
        _put(out, output.header.header)
        for part in output.parts:
            own = hashlib.sha256()
            for data in _bytes_of(part.source, part.position, part.tensor.size_bytes or 0):
                if cancelled():
                    raise CancelledError
                _put(out, data)
                whole.update(data)
                own.update(data)
                done += len(data)
                heard(done)
            rest = bytes(-(part.tensor.size_bytes or 0) % output.alignment)
            _put(out, rest)
            whole.update(rest)
            done += len(rest)
            tensors.add(part.tensor, own.hexdigest())
        os.fsync(out.fileno())
    return whole.hexdigest()


def _put(out: IO[bytes], data: bytes | memoryview) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[out.write(rest) :]


def _bytes_of(path: Path, position: int, size: int) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as stream:
        stream.seek(position)
        while size and (data := stream.read(min(_CHUNK, size))):
            size -= len(data)
            yield data
        if size:
            raise FileFormatError(tr("{name} ends inside a tensor.", name=path.name), tr("Download it again."))


def _must_be_the_same(outputs: Sequence[_Output], written_files: Sequence[Path], expected: str) -> None:
    """What was written is read again, by its own header: the tensors are the source's, byte for byte."""
    found = _TensorDigest()
    for path in written_files:
        with FileSource(path) as stream:
            header = read_header(stream)
        for tensor in header.tensors:
            own = hashlib.sha256()
            for data in _bytes_of(path, header.position(tensor), tensor.size_bytes or 0):
                own.update(data)
            found.add(tensor, own.hexdigest())
    if found.found != expected:
        raise HeftError(
            tr("{name} did not come out with the same tensors; it was removed.", name=outputs[0].target.name),
            tr("Look at the disk, and try again."),
            kind=FailureKind.CHECKSUM,
        )
