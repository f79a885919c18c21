"""What is wrong with a header that could be read: the engine's own rules, said in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from desktop.core.findings import Finding
from desktop.core.gguf.header import Header, Tensor
from desktop.core.quants import FILE_TYPES, GUESSED_FLAG, REMOVED_TYPES, TENSOR_TYPES, agrees, dominant_type

MAX_LISTED = 100  # problems of one kind of entry that are listed one by one
MAX_LAYERS = 512  # LLAMA_MAX_LAYERS; the engine aborts beyond it
_INT64_MAX = 2**63 - 1


@dataclass
class _Told:
    """The same fault of many tensors, told once with its first example."""

    describe: Callable[[int, Tensor], str]
    count: int = 0
    first: Tensor | None = None

    def add(self, tensor: Tensor) -> None:
        self.count += 1
        self.first = self.first or tensor

    def findings(self) -> Iterable[Finding]:
        if self.first is not None:
            yield Finding("error", self.describe(self.count, self.first))


def check(header: Header) -> list[Finding]:
    """Findings about a complete header, those that keep the engine from loading it as errors."""
    return [*_metadata(header), *_tensors(header), *_placement(header)]


def _metadata(header: Header) -> Iterable[Finding]:
    if header.version == 1:
        yield Finding("error", "GGUF version 1 is no longer loaded by the engine; look for a newer file.")
    if header.endianness == "big":
        yield Finding("warning", "The file is big-endian: only a big-endian computer can run it.")
    architecture = header.architecture
    if not architecture:
        yield Finding("error", "general.architecture is missing, so the engine cannot tell how to run it.")
        return
    blocks = header.integer(f"{architecture}.block_count")
    if blocks is not None and not 0 < blocks <= MAX_LAYERS:
        yield Finding("error", f"{architecture}.block_count is {blocks:,}; 1 to {MAX_LAYERS} were expected.")
    declared = header.file_type
    dominant = dominant_type(header.shares())
    if declared is not None and dominant and not agrees(declared, dominant):
        known = FILE_TYPES.get(declared & ~GUESSED_FLAG)
        label = known.label if known else f"type {declared}"
        yield Finding("warning", f"general.file_type says {label}, but most weights are {dominant}.")


def _tensors(header: Header) -> Iterable[Finding]:
    unknown = _Told(lambda n, t: f"{_tensors_are(n)} of a type the engine does not know: {_example(t)}.")
    removed = _Told(lambda n, t: f"{_tensors_are(n)} of a type removed from llama.cpp: {_example(t)}.")
    wide = _Told(lambda n, t: f"{_tensors_have(n)} more than 4 dimensions: {_example(t)}.")
    huge = _Told(lambda n, t: f"{_tensors_have(n)} more elements than 64 bits count: {_example(t)}.")
    ragged = _Told(lambda n, t: f"{_tensors_have(n)} rows that are no whole number of blocks: {_example(t)}.")
    for tensor in header.tensors:
        kind = TENSOR_TYPES.get(tensor.type_id)
        if tensor.type_id in REMOVED_TYPES:
            removed.add(tensor)
        elif kind is None:
            unknown.add(tensor)
        elif tensor.shape and tensor.shape[0] % kind.block:
            ragged.add(tensor)
        if len(tensor.shape) > 4:
            wide.add(tensor)
        if tensor.elements > _INT64_MAX or any(length > _INT64_MAX for length in tensor.shape):
            huge.add(tensor)
    for finding in (unknown, removed, wide, huge, ragged):
        yield from finding.findings()
    names = Counter(tensor.name for tensor in header.tensors)
    repeated = [name for name, count in names.items() if count > 1]
    if repeated:
        yield Finding("error", f"{len(repeated):,} tensor names occur more than once: '{repeated[0][:80]}'.")


def _placement(header: Header) -> Iterable[Finding]:
    available = header.file_bytes - header.data_offset
    outside = _Told(
        lambda n, t: (
            f"{n:,} of {len(header.tensors):,} tensors lie beyond the end of the file, "
            f"which has {header.file_bytes:,} bytes: {_example(t)}. It is not complete."
        )
    )
    misplaced = _Told(
        lambda n, t: (
            f"{_tensors_are(n)} not where the engine expects them, one after the other "
            f"in steps of {header.alignment} bytes: {_example(t)} at {t.offset:,}."
        )
    )
    expected = 0
    for tensor in header.tensors:
        size = tensor.size_bytes
        if tensor.offset + (size or 0) > available:
            outside.add(tensor)
        if tensor.offset != expected:
            misplaced.add(tensor)
        # After one misplaced tensor the rest is measured from it, so that one fault is told once.
        expected = -(-(tensor.offset + (size or 0)) // header.alignment) * header.alignment
        if size is None:
            break
    yield from outside.findings()
    yield from misplaced.findings()


def _tensors_are(count: int) -> str:
    return "One tensor is" if count == 1 else f"{count:,} tensors are"


def _tensors_have(count: int) -> str:
    return "One tensor has" if count == 1 else f"{count:,} tensors have"


def _example(tensor: Tensor) -> str:
    shape = " x ".join(f"{length}" for length in tensor.shape) or "scalar"
    return f"'{tensor.name[:80]}' ({tensor.type}, {shape})"
