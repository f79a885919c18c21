"""What is wrong with the structure of a header that could be read: the engine's own rules, said in words.

Rules: llama.cpp 0c1e57098, ``ggml/src/gguf.cpp`` (gguf_init_from_reader) and ``src/llama-model.cpp``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from desktop.core.failures import FailureKind
from desktop.core.findings import Finding
from desktop.core.gguf.header import Header, Tensor
from desktop.core.gguf.kind import model_kind
from desktop.core.model_kind import ModelKind
from desktop.core.other_types import OTHER_TYPES, program_of_types
from desktop.core.quants import (
    FILE_TYPES,
    GUESSED_FLAG,
    REMOVED_TYPES,
    TENSOR_TYPES,
    WeightShare,
    agrees,
    contradicted,
    dominant_type,
)
from desktop.core.words import tr

MAX_LISTED = 100  # problems of one kind of entry that are listed one by one
MAX_LAYERS = 512  # LLAMA_MAX_LAYERS; the engine aborts beyond it
_INT64_MAX = 2**63 - 1

DOWNLOAD_AGAIN = "Download the file again."
OTHER_FILE = "Look for another or a newer file of this model."
_OF_VECTORS = frozenset(("F32", "I8", "I16", "I32", "I64", "F64"))  # whole numbers are tables that nothing is added to
# read beside a model, by other rules
PARTS = (ModelKind.PROJECTOR, ModelKind.ADAPTER, ModelKind.IMATRIX, ModelKind.CONTROL_VECTOR)
_REFUSED = "The engine checks this before it loads anything and refuses the file."


@dataclass
class _Told:
    """The same fault of many tensors, told once with its first example."""

    describe: Callable[[int, Tensor], str]
    reason: str = _REFUSED
    action: str = OTHER_FILE
    kind: FailureKind = FailureKind.BAD_FILE
    count: int = 0
    first: Tensor | None = None

    def add(self, tensor: Tensor) -> None:
        self.count += 1
        self.first = self.first or tensor

    def findings(self) -> Iterable[Finding]:
        if self.first is not None:
            message = self.describe(self.count, self.first)
            yield Finding("error", message, self.reason, self.action, about=f"tensor:{self.first.name}", kind=self.kind)


def check(header: Header) -> list[Finding]:
    """Findings about a complete header, those that keep the engine from loading it as errors."""
    return [*_metadata(header), *_tensors(header), *_placement(header)]


def check_label(label: str, shares: Sequence[WeightShare]) -> Iterable[Finding]:
    """Whether the quantization that a file's name speaks of ("" for none) can be true of its weights."""
    if found := contradicted(label, shares):
        yield Finding(
            "warning",
            name_is_wrong(label, found),
            tr("The engine goes by the tensors; a name is only a label, and this one is wrong."),
            tr("Judge the file by its tensor types and its size, not by its name."),
        )


def name_is_wrong(label: str, found: str) -> str:
    """In a sentence, that most weights are of another type than a name says."""
    return f"The name says {label}, but most weights are {found}."


def check_file_type(file_type: int | None, shares: Sequence[WeightShare]) -> Iterable[Finding]:
    """Whether ``general.file_type`` can be true of these weights (of all shards together)."""
    dominant = dominant_type(shares)
    if file_type is None or not dominant or agrees(file_type, shares):
        return
    known = FILE_TYPES.get(file_type & ~GUESSED_FLAG)
    label = known.label if known else f"type {file_type}"
    yield Finding(
        "warning",
        tr("general.file_type says {label}, but most weights are {dominant}.", label=label, dominant=dominant),
        tr("The engine goes by the tensors; the file type is only a label, and this one is wrong."),
        tr("Judge the file by its tensor types and its size, not by its name."),
        about="key:general.file_type",
    )


def _metadata(header: Header) -> Iterable[Finding]:
    if header.version == 1:
        yield Finding(
            "error",
            tr("GGUF version 1 is no longer loaded by the engine; look for a newer file."),
            tr("Version 1 was replaced in August 2023; llama.cpp removed its support."),
            OTHER_FILE,
        )
    if header.endianness == "big":
        yield Finding(
            "warning",
            tr("The file is big-endian: only a big-endian computer can run it."),
            tr("The engine reads numbers in its own byte order and refuses the other."),
            tr("On this kind of computer, take a file without 'be' or 'big-endian' in its name."),
        )
    architecture = header.architecture
    if not architecture and header.split is not None and header.split[0] > 0:
        return  # only the first shard carries the model's metadata (llama.cpp's gguf-split)
    if not architecture and model_kind(header) is not ModelKind.UNKNOWN:
        return  # an importance matrix, a picture model: nothing of llama.cpp's that has one
    if not architecture:
        yield Finding(
            "error",
            tr("general.architecture is missing, so the engine cannot tell how to run it."),
            tr("Every other key of the model begins with the architecture's name."),
            OTHER_FILE,
            about="key:general.architecture",
        )
        return
    blocks = header.integer(f"{architecture}.block_count")
    if blocks is not None and not 0 < blocks <= MAX_LAYERS:
        yield Finding(
            "error",
            tr(
                "{architecture}.block_count is {blocks:,}; 1 to {max_layers} were expected.",
                architecture=architecture,
                blocks=blocks,
                max_layers=MAX_LAYERS,
            ),
            tr("The engine ends its process at such a number of layers."),
            OTHER_FILE,
            header.metadata[f"{architecture}.block_count"].offset,
            f"key:{architecture}.block_count",
        )
    if header.split is None:  # of a split model the shards have to be seen together
        yield from check_file_type(header.file_type, header.shares())


def _tensors(header: Header) -> Iterable[Finding]:
    unknown = _Told(
        lambda n, t: f"{_tensors_are(n)} of a type the engine does not know: {_example(t)}.",
        "A type that is newer than this engine, or a damaged entry. Without it the size of the data is unknown.",
        "Update Heft; if the type stays unknown, look for another file of this model.",
    )
    program = program_of_types(tensor.type_id for tensor in header.tensors)
    other = _Told(
        lambda n, t: f"llama.cpp cannot load these: {_tensors_are(n)} of a type of {program}: {_example(t)}.",
        "That program has tensor types of its own. llama.cpp does not know them, nor how much memory they take.",
        f"Run the file with {program}, or take another variant of this model.",
        kind=FailureKind.OTHER_PROGRAM,
    )
    removed = _Told(
        lambda n, t: f"{_tensors_are(n)} of a type removed from llama.cpp: {_example(t)}.",
        "The engine now rearranges Q4_0 and IQ4_NL itself while loading, so the prepared layouts were dropped.",
        "Take the Q4_0 or IQ4_NL file of the same model.",
    )
    wide = _Told(lambda n, t: f"{_tensors_have(n)} more than 4 dimensions: {_example(t)}.")
    huge = _Told(lambda n, t: f"{_tensors_have(n)} more elements than 64 bits count: {_example(t)}.")
    ragged = _Told(
        lambda n, t: f"{_tensors_have(n)} rows that are no whole number of blocks: {_example(t)}.",
        "A quantized row is stored in whole blocks; the engine refuses the file.",
    )
    narrow = _Told(
        lambda n, t: f"{_tensors_are(n)} of one dimension and of another type than F32: {_example(t)}.",
        "The engine adds and multiplies with such tensors, which it does in F32 only: it ends while loading.",
    )
    computed = model_kind(header) not in PARTS
    for tensor in header.tensors:
        kind = TENSOR_TYPES.get(tensor.type_id)
        if computed and len(tensor.shape) == 1 and tensor.type not in _OF_VECTORS and kind is not None:
            narrow.add(tensor)
        if tensor.type_id in REMOVED_TYPES:
            removed.add(tensor)
        elif tensor.type_id in OTHER_TYPES:
            other.add(tensor)
        elif kind is None:
            unknown.add(tensor)
        elif tensor.shape and tensor.shape[0] % kind.block:
            ragged.add(tensor)
        if len(tensor.shape) > 4:
            wide.add(tensor)
        if tensor.elements > _INT64_MAX or any(length > _INT64_MAX for length in tensor.shape):
            huge.add(tensor)
    for told in (unknown, other, removed, wide, huge, ragged, narrow):
        yield from told.findings()
    repeated = _repeated(header.tensors)
    if repeated:
        yield Finding(
            "error",
            tr(
                "{repeated:,} tensor names occur more than once: '{repeated2}'.",
                repeated=len(repeated),
                repeated2=repeated[0][:80],
            ),
            tr("The engine could not tell which of them to use, and refuses the file."),
            OTHER_FILE,
            about=f"tensor:{repeated[0]}",
        )


def _placement(header: Header) -> Iterable[Finding]:
    available = header.file_bytes - header.data_offset
    outside = _Told(
        lambda n, t: (
            f"{n:,} of {len(header.tensors):,} tensors lie beyond the end of the file, "
            f"which has {header.file_bytes:,} bytes: {_example(t)}. It is not complete."
        ),
        "A download that stopped early, mostly.",
        DOWNLOAD_AGAIN,
    )
    overlapping = _Told(lambda n, t: f"{_tensors_are(n)} stored over the data of another: {_example(t)}.")
    misplaced = _Told(
        lambda n, t: (
            f"{_tensors_are(n)} not where the engine expects them, one after the other "
            f"in steps of {header.alignment} bytes: {_example(t)} at {t.offset:,}."
        )
    )
    overlaps = _overlaps(header.tensors)
    expected = 0
    for index, tensor in enumerate(header.tensors):
        size = tensor.size_bytes
        if tensor.offset + (size or 0) > available:
            outside.add(tensor)
        if overlaps[index]:
            overlapping.add(tensor)
        elif tensor.offset != expected:
            misplaced.add(tensor)
        # After one misplaced tensor the rest is measured from it, so that one fault is told once.
        expected = -(-(tensor.offset + (size or 0)) // header.alignment) * header.alignment
        if size is None:
            break
    for told in (outside, overlapping, misplaced):
        yield from told.findings()


def _repeated(tensors: Sequence[Tensor]) -> list[str]:
    """Names of more than one tensor, each once."""
    seen: set[str] = set()
    repeated: dict[str, None] = {}
    for tensor in tensors:
        if tensor.name in seen:
            repeated[tensor.name] = None
        seen.add(tensor.name)
    return list(repeated)


def _overlaps(tensors: Sequence[Tensor]) -> bytearray:
    """1 for each tensor that begins before the data of one that lies before it ends, else 0."""
    found = bytearray(len(tensors))
    end = 0
    for index in sorted(range(len(tensors)), key=lambda i: tensors[i].offset):
        tensor = tensors[index]
        size = tensor.size_bytes or 0
        if size and tensor.offset < end:
            found[index] = 1
        end = max(end, tensor.offset + size)
    return found


def _tensors_are(count: int) -> str:
    return "One tensor is" if count == 1 else f"{count:,} tensors are"


def _tensors_have(count: int) -> str:
    return "One tensor has" if count == 1 else f"{count:,} tensors have"


def _example(tensor: Tensor) -> str:
    shape = " x ".join(f"{length}" for length in tensor.shape) or "scalar"
    return f"'{tensor.name[:80]}' ({tensor.type}, {shape})"
