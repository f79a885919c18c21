"""Opens model files on the Hub: headers by range, shards together, other formats by their beginning."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace

from desktop.core import naming
from desktop.core.errors import UsageError
from desktop.core.formats import recognise
from desktop.hub.anywhere import AnywhereSource
from desktop.hub.client import HubClient
from desktop.hub.errors import HubError
from desktop.hub.header import HeaderReader, RemoteHeader
from desktop.services.inspected import Inspected, InspectedFile
from desktop.services.inspection_local import other, raise_if_cancelled
from desktop.store.format_catalog import format_catalog

_SHA256_DIGITS = 64
_USAGE = "Write it as hf:OWNER/REPO/FILE, or hf:OWNER/REPO/FILE@REVISION."


@dataclass(frozen=True)
class HubSource:
    """A file of a repo, at a revision (None: the newest)."""

    text: str
    repo: str
    path: str
    revision: str | None


def parse_hub_source(text: str) -> HubSource:
    """The parts of ``hf:OWNER/REPO/FILE[@REV]``; FILE may lie in a folder. UsageError for anything else."""
    body, at, revision = text.removeprefix("hf:").partition("@")
    owner, _, rest = body.strip("/").partition("/")
    name, _, path = rest.partition("/")
    if not (owner and name and path) or (at and not revision) or ".." in body.split("/"):
        raise UsageError(f"'{text}' names no file on the Hub.", _USAGE)
    return HubSource(text, f"{owner}/{name}", path, revision or None)


class RemoteOpener:
    """Opens files of one Hub."""

    def __init__(self, client: HubClient, headers: HeaderReader) -> None:
        self._client = client
        self._headers = headers

    def open(
        self,
        source: HubSource,
        resources: ExitStack,
        progress: Callable[[float, str], None],
        cancelled: Callable[[], bool],
    ) -> Inspected:
        """The model of a file, with the shards it is split into. Raises HubError and FileFormatError."""
        if not source.path.lower().endswith(".gguf"):
            found = self._other(source, cancelled)
            if found is not None:
                return found
        names = _shard_names(source.path)
        read: list[tuple[str, RemoteHeader]] = []
        for index, name in enumerate(names):
            raise_if_cancelled(cancelled)
            note = f"part {index + 1} of {len(names)}" if len(names) > 1 else ""
            progress(index / len(names), note)
            try:
                header = self._headers.read(source.repo, name, source.revision, cancelled=cancelled)
            except HubError as error:
                if error.kind != "file-not-found" or name == source.path:
                    raise
                continue  # a missing shard is a finding of the model's checks
            read.append((name, header))
        return Inspected(
            source=source.text,
            title=naming.stem(names[0].rpartition("/")[2]) if len(read) > 1 else source.path.rpartition("/")[2],
            kind="gguf",
            files=tuple(_file(name, header) for name, header in read),
            findings=(),
            seconds=0.0,
            size_bytes=sum(header.header.file_bytes for _, header in read),
            transferred_bytes=sum(header.transferred_bytes for _, header in read),
            requests=sum(header.requests for _, header in read),
        )

    def _other(self, source: HubSource, cancelled: Callable[[], bool]) -> Inspected | None:
        """A file that is no GGUF by its name; None when it is one nevertheless."""
        name = source.path.rpartition("/")[2]
        opened = AnywhereSource(self._client, source.repo, source.path, source.revision, cancelled=cancelled)
        summary = recognise(opened, name, format_catalog())
        if summary is None:
            return None
        found = other(source.text, name, opened.size, summary)
        return replace(found, transferred_bytes=opened.transferred_bytes, requests=opened.requests)


def _shard_names(path: str) -> list[str]:
    """The names of all shards by one of them; the file alone where its name tells of no others."""
    folder, slash, name = path.rpartition("/")
    shard = naming.shard(name)
    if shard is None or shard.concatenated:
        return [path]
    ending = name[-len(".gguf") :]
    return [
        f"{folder}{slash}{shard.stem}-{number:05d}-of-{shard.count:05d}{ending}" for number in range(1, shard.count + 1)
    ]


def _file(path: str, read: RemoteHeader) -> InspectedFile:
    etag = read.file.etag
    digest = etag if len(etag) == _SHA256_DIGITS else ""  # that of a small file is a Git id
    return InspectedFile(path.rpartition("/")[2], None, read.header, etag, digest)
