"""One file: recognised by magic numbers and structure; its name only decides between readings of the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from desktop.core import naming
from desktop.core.errors import FileFormatError
from desktop.core.findings import Finding
from desktop.core.formats import (
    hdf5,
    not_models,
    numpy_files,
    old_ggml,
    onnx,
    pickles,
    safetensors,
    tensorflow,
    zip_models,
)
from desktop.core.formats.catalog import Catalog
from desktop.core.formats.reading import broken_off, head
from desktop.core.formats.summary import Fact, Summary
from desktop.core.gguf.source import ByteSource
from desktop.core.units import human_bytes
from desktop.core.words import tr

_GGUF = b"GGUF"
_TENSORRT = (b"ftrt", b"ptrt")

_EMPTY = Finding(
    "error",
    tr("The file is empty: it has 0 bytes, and no model does."),
    tr("A download that was never filled, mostly."),
    tr("Download it again."),
    0,
)

_Reader = Callable[[], Summary | None]


def recognise(source: ByteSource, name: str, catalog: Catalog) -> Summary | None:
    """What a file is when it is no GGUF file; None when it is one, which core.gguf reads.

    Never raises for what the file holds: a file of a known format that cannot be read is summarised with a finding
    that says where it breaks off. Reads headers and directories, never weights, and uses at most 64 MB of memory.
    OSError from the source passes.
    """
    if source.size == 0:
        return catalog.summary("empty", findings=(_EMPTY,))
    start = head(source, not_models.HEAD_BYTES)
    if start.startswith(_GGUF):
        return None
    found = not_models.recognise_pointer(start, source.size, catalog) or _model(source, start, name, catalog)
    found = found or _rest(start, source.size, name, catalog)
    return replace(found, findings=(*_misnamed(found, start, name), *found.findings))


def _misnamed(found: Summary, start: bytes, name: str) -> Iterable[Finding]:
    """What a GGUF or safetensors file would begin with, where only the name says that it is one."""
    id, ending = found.id, name.lower().rpartition(".")[2]
    if ending == "gguf" and id != "unknown":
        reason = f"The name says GGUF, but at byte 0 {_GGUF!r} was expected, not {start[:4]!r}."
        yield Finding("error", found.what, reason, found.advice, 0)
        return
    if ending == "gguf":
        kind, expected, seen = "GGUF", f"{_GGUF!r}", f"{start[:4]!r}"
    elif ending == "safetensors" and id != "safetensors":
        kind, expected = "safetensors", f"a header of at most {safetensors.MAX_HEADER:,} bytes and '{{'"
        length = int.from_bytes(start[:8], "little")
        seen = f"a length of {length:,} and {start[8:9]!r}" if len(start) > 8 else f"{start!r} alone"
    else:
        return
    yield Finding(
        "error",
        tr(
            "The name says {kind}, but the file is none: at byte 0 {expected} was expected, not {seen}.",
            kind=kind,
            expected=expected,
            seen=seen,
        ),
        tr("What a file is stands in its first bytes; programs that trust the name fail on it."),
        tr("Download it again, or give it the name of what it is."),
        0,
    )


def _model(source: ByteSource, start: bytes, name: str, catalog: Catalog) -> Summary | None:
    for id, fits, summarise in _readers(source, start, name, catalog):
        if not fits:
            continue
        try:
            found = summarise()
        except FileFormatError as error:
            broken = broken_off(error, "The rest of the file cannot be read.")
            found = catalog.summary(id, findings=(broken,))
        if found is not None:
            return found
    return None


def _readers(source: ByteSource, start: bytes, name: str, catalog: Catalog) -> tuple[tuple[str, bool, _Reader], ...]:
    """Format, whether the first bytes fit, and what reads on; the surest signs first."""
    return (
        ("safetensors", safetensors.looks_like(source), lambda: safetensors.summarise(source, catalog)),
        (
            old_ggml.MAGICS.get(start[:4], "ggml"),
            old_ggml.is_old_ggml(start),
            lambda: old_ggml.summarise(source, catalog),
        ),
        ("hdf5", start.startswith(hdf5.SIGNATURE), lambda: hdf5.summarise(source, catalog)),
        ("tensorrt", start.startswith(_TENSORRT), lambda: _tensorrt(source, start, catalog)),
        ("tflite", tensorflow.is_tflite(start), lambda: catalog.summary("tflite")),
        ("numpy", start.startswith(numpy_files.MAGIC), lambda: numpy_files.summarise(start, catalog)),
        ("archive", zip_models.looks_like(start), lambda: zip_models.summarise(source, start, catalog)),
        (
            "savedmodel",
            tensorflow.looks_like_saved_model(source),
            lambda: tensorflow.summarise_saved_model(source, catalog),
        ),
        ("onnx", start[0] == 8 and onnx.looks_like(source), lambda: onnx.summarise(source, catalog)),
        ("imatrix", old_ggml.looks_like_imatrix(source), lambda: old_ggml.summarise_imatrix(source, catalog)),
        ("pickle", True, lambda: pickles.summarise(source, name, catalog)),
    )


def _rest(start: bytes, size: int, name: str, catalog: Catalog) -> Summary:
    if not_models.is_partial(name):
        return catalog.summary("partial", facts=(Fact(tr("So far"), human_bytes(size)),))
    shard = naming.shard(name)
    if shard is not None and shard.concatenated and shard.number > 1:
        of = f" of {shard.count}" if shard.count else ""
        return catalog.summary("gguf-part", facts=(Fact(tr("Part"), f"{shard.number}{of}"),))
    return not_models.recognise_other(start, size, catalog) or not_models.unknown(start, size, catalog)


def _tensorrt(source: ByteSource, start: bytes, catalog: Catalog) -> Summary:
    facts = (
        Fact(tr("Size"), human_bytes(source.size)),
        Fact(tr("First bytes"), start[:24].hex(" ")),
        Fact(tr("Model, version and GPU"), tr("not told by the file: its contents are undocumented")),
    )
    warning = Finding(
        "error",
        tr("A TensorRT engine is executable: loading it can run any code in it."),
        tr("NVIDIA: equivalent to running untrusted native code on GPU and host."),
        tr("Load only engines you built yourself."),
    )
    return catalog.summary("tensorrt", danger="dangerous", facts=facts, findings=(warning,))
