"""One file: recognised by magic numbers and structure; its name only decides between readings of the same bytes."""

from __future__ import annotations

from collections.abc import Callable

from desktop.core import naming
from desktop.core.errors import FileFormatError
from desktop.core.findings import Finding
from desktop.core.formats import not_models, safetensors
from desktop.core.formats.catalog import Catalog
from desktop.core.formats.reading import head
from desktop.core.formats.summary import Summary
from desktop.core.gguf.source import ByteSource

_GGUF = b"GGUF"


def recognise(source: ByteSource, name: str, catalog: Catalog) -> Summary | None:
    """What a file is when it is no GGUF file; None when it is one, which core.gguf reads.

    Never raises for what the file holds: a file of a known format that cannot be read is summarised with a finding
    that says where it breaks off. Reads only headers and directories, at most some 30 MB of memory. OSError from the
    source passes.
    """
    if source.size == 0:
        return catalog.summary("empty")
    start = head(source, not_models.HEAD_BYTES)
    if start.startswith(_GGUF):
        return None
    pointer = not_models.recognise_pointer(start, source.size, catalog)
    if pointer is not None:
        return pointer
    for looks_like, id, summarise in _READERS:
        if looks_like(source):
            return _summary(source, id, summarise, catalog)
    return _rest(start, source.size, name, catalog)


def _summary(
    source: ByteSource, id: str, summarise: Callable[[ByteSource, Catalog], Summary], catalog: Catalog
) -> Summary:
    try:
        return summarise(source, catalog)
    except FileFormatError as error:
        broken = Finding("error", error.message, "The rest of the file cannot be read.", error.hint, error.offset)
        return catalog.summary(id, findings=(broken,))


def _rest(start: bytes, size: int, name: str, catalog: Catalog) -> Summary:
    if not_models.is_partial(name):
        return catalog.summary("partial")
    shard = naming.shard(name)
    if shard is not None and shard.concatenated and shard.number > 1:
        return catalog.summary("gguf-part")
    return not_models.recognise_other(start, size, catalog) or not_models.unknown(start, size, catalog)


_READERS: tuple[tuple[Callable[[ByteSource], bool], str, Callable[[ByteSource, Catalog], Summary]], ...] = (
    (safetensors.looks_like, "safetensors", safetensors.summarise),
)
