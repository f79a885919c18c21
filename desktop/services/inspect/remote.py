"""Opens model files on the Hub: headers by range, shards together, other formats by what they are."""

from __future__ import annotations

from dataclasses import replace

from desktop.core import naming
from desktop.core.cancelled import Cancelled, raise_if_cancelled
from desktop.core.errors import FileFormatError, NotFoundError, UsageError
from desktop.core.failures import FailureKind
from desktop.core.findings import Finding
from desktop.core.formats import recognise
from desktop.core.hub_address import HubAddress, hub_address
from desktop.core.progress import Progress, Report
from desktop.core.variants import named_variants
from desktop.core.words import tr
from desktop.hub.byte_ranges import ByteRange
from desktop.hub.client import HubClient
from desktop.hub.errors import HubError
from desktop.hub.header import HeaderReader, RemoteHeader
from desktop.hub.random_access_source import RandomAccessSource
from desktop.hub.search import HubSearch
from desktop.services.inspect.inspected import Inspected, InspectedFile, ModelEntry
from desktop.services.inspect.local import is_piece, other
from desktop.services.inspect.repo import RepoOpener
from desktop.store.format_catalog import format_catalog

_SHA256_DIGITS = 64
_USAGE = "Write it as hf:OWNER/REPO, hf:OWNER/REPO/FILE or hf:OWNER/REPO/FILE@REVISION, or paste the page's link."


def parse_hub_source(text: str) -> HubAddress:
    """The parts of ``hf:OWNER/REPO[/FILE][@REV]`` or of a link to a page of the Hub. UsageError for anything else."""
    address = hub_address(text)
    if address is None:
        raise UsageError(tr("'{text}' names no model on the Hub.", text=text), _USAGE)
    return address


IN_PIECES = Finding(
    "note",
    tr("A piece of a file that was cut."),
    tr("Only the first piece has a header, and the engine loads none of them by itself."),
    tr("Download the variant: Heft joins its pieces into one file."),
)


class RemoteOpener:
    """Opens files and repos of one Hub."""

    def __init__(self, client: HubClient, headers: HeaderReader, search: HubSearch) -> None:
        self._client = client
        self._headers = headers
        self._repos = RepoOpener(client, search)

    def open(self, address: HubAddress, progress: Report, cancelled: Cancelled) -> Inspected:
        """The model of a file with the shards it is split into, or what a repo or folder holds.

        A repo with one model is that model. Raises HubError and FileFormatError.
        """
        if address.file:
            try:
                return self._file(address, progress, cancelled)
            except HubError as error:
                if error.kind != FailureKind.FILE_NOT_FOUND and "." in address.file:
                    raise  # what has no ending may be a folder, whose names are told even of a gated repo
                found = self._repos.instead(address, error, cancelled)
        else:
            found = self._repos.open(address, cancelled)
        if address.label:
            found = replace(found, models=_labelled(found, address.label))
        if len(found.models) > 1 or not found.models or found.models[0].format != "GGUF":
            return found
        only = self._file(parse_hub_source(found.models[0].source), progress, cancelled)
        return replace(
            only,
            transferred_bytes=only.transferred_bytes + found.transferred_bytes,
            requests=only.requests + found.requests,
        )

    def _file(self, address: HubAddress, progress: Report, cancelled: Cancelled) -> Inspected:
        name = address.file.rpartition("/")[2]
        if not name.lower().endswith(".gguf"):
            found = self._other(address, name, cancelled)
            if found is not None:
                return found
        names = _shard_names(address.file)
        read: list[tuple[str, RemoteHeader]] = []
        for index, path in enumerate(names):
            raise_if_cancelled(cancelled)
            note = f"part {index + 1} of {len(names)}" if len(names) > 1 else ""
            progress(Progress(index, len(names), "files", note))
            try:
                header = self._headers.read(address.repo, path, address.revision, partial=True, cancelled=cancelled)
            except HubError as error:
                if error.kind != FailureKind.FILE_NOT_FOUND or path == address.file:
                    raise
                continue  # a missing shard is a finding of the model's checks
            except FileFormatError:  # not even the first bytes are those of a GGUF file
                found = self._other(address, name, cancelled) if path == address.file else None
                if found is None:
                    raise
                return found
            read.append((path, header))
        return Inspected(
            source=str(address),
            title=naming.stem(names[0].rpartition("/")[2]) if len(read) > 1 else name,
            kind="gguf",
            files=tuple(_gguf(path, header) for path, header in read),
            findings=(IN_PIECES,) if is_piece(name) else (),
            seconds=0.0,
            size_bytes=sum(header.header.file_bytes for _, header in read),
            transferred_bytes=sum(header.transferred_bytes for _, header in read),
            requests=sum(header.requests for _, header in read),
        )

    def _other(self, address: HubAddress, name: str, cancelled: Cancelled) -> Inspected | None:
        """A file that is no GGUF by its first bytes; None when it is one."""
        opened = RandomAccessSource(self._client, address.repo, address.file, address.revision, cancelled=cancelled)
        summary = recognise(opened, name, format_catalog())
        if summary is None:
            return None
        files: tuple[InspectedFile, ...] = ()
        requests, transferred = opened.requests, opened.transferred_bytes
        if summary.gguf_offset is not None:
            part = ByteRange(summary.gguf_offset, summary.gguf_bytes)
            inner = self._headers.read(
                address.repo, address.file, address.revision, part=part, partial=True, cancelled=cancelled
            )
            files = (_gguf(address.file, inner, base=part.offset),)
            requests, transferred = requests + inner.requests, transferred + inner.transferred_bytes
        found = other(str(address), name, opened.size, summary)
        return replace(found, files=files, transferred_bytes=transferred, requests=requests)


def _labelled(repo: Inspected, label: str) -> tuple[ModelEntry, ...]:
    variants = [model.variant for model in repo.models if model.variant is not None]
    meant = named_variants(variants, label)
    if not meant:
        names = ", ".join(variant.name for variant in variants)
        hint = f"It has {names}." if names else f"See what is there: hf:{repo.title}"
        raise NotFoundError(tr("{title} has no variant {label}.", title=repo.title, label=label), hint)
    return tuple(model for model in repo.models if model.variant in meant)


def _shard_names(path: str) -> list[str]:
    """The names of all shards by one of them; the file alone where its name tells of no others."""
    folder, slash, name = path.rpartition("/")
    shard = naming.shard(name)
    if shard is None or shard.concatenated:
        return [path]
    ending = name[-len(".gguf") :]
    return [
        f"{folder}{slash}{shard.stem}-{number:0{shard.digits}d}-of-{shard.count:0{shard.digits}d}{ending}"
        for number in range(1, shard.count + 1)
    ]


def _gguf(path: str, read: RemoteHeader, base: int = 0) -> InspectedFile:
    etag = read.file.etag
    digest = etag if len(etag) == _SHA256_DIGITS else ""  # that of a small file is a Git id
    name = path.rpartition("/")[2]
    header = read.header.with_problems(()) if is_piece(name) else read.header  # what it lacks is in the others
    return InspectedFile(name, None, header, digest, base, read.file)
