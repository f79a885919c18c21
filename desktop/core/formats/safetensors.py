"""safetensors files: the JSON header, checked as the reference implementation does, and what its names tell.

Format: github.com/huggingface/safetensors, README and safetensors/src/tensor.rs (types, no gaps, no overlaps).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from desktop.core.errors import FileFormatError
from desktop.core.findings import Finding, Severity
from desktop.core.formats.catalog import Catalog
from desktop.core.formats.reading import MAX_JSON, head, parse_json, read
from desktop.core.formats.summary import Fact, Summary, TensorRow
from desktop.core.gguf.cursor import DAMAGED, INCOMPLETE
from desktop.core.gguf.source import ByteSource
from desktop.core.model_size import bits_per_weight
from desktop.core.text import LINE, one_line
from desktop.core.units import human_bits, human_bytes, human_parameters
from desktop.core.words import counted, tr

MAX_HEADER = 100_000_000  # the reference implementation refuses more
MAX_DIMENSIONS = 16
MAX_FINDINGS = 20

BITS: Mapping[str, int] = {
    **dict.fromkeys(("F4",), 4),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 16),
    **dict.fromkeys(("U32", "I32", "F32"), 32),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 64),
}

# Endings of tensor names that only one quantization library writes, the most telling first.
_MARKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("exl3", (".trellis",)),
    ("exl2", (".q_invperm", ".q_scale_max")),
    ("bitsandbytes", (".quant_state.bitsandbytes__nf4", ".quant_state.bitsandbytes__fp4", ".SCB")),
    ("compressed-tensors", (".weight_packed",)),
    ("gptq", (".g_idx",)),
    ("awq", (".qweight",)),
    ("lora", (".lora_A.weight", ".lora_B.weight", ".lora_down.weight", ".lora_up.weight")),
    ("fp8", (".weight_scale_inv",)),
)


@dataclass(frozen=True)
class Content:
    """A parsed header: ``header_bytes`` with the eight of its length, tensors in the order of the file."""

    tensors: tuple[TensorRow, ...]
    metadata: Mapping[str, str]
    header_bytes: int
    findings: tuple[Finding, ...]


_REFUSED = "The safetensors library refuses such a file."
_AGAIN = "Download the file again, or look for another copy of the model."


class _Notes:
    """Findings, the first few of what may be a million."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def add(self, message: str, reason: str = _REFUSED, *, about: str = "file", severity: Severity = "error") -> None:
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(Finding(severity, message, reason, _AGAIN, about=about[:LINE]))


@dataclass(frozen=True)
class _Entry:
    dtype: object
    shape: object
    offsets: object


def looks_like(source: ByteSource) -> bool:
    """Whether the file begins with a plausible length and the brace of a JSON object."""
    start = head(source, 9)
    return len(start) == 9 and start[8:] == b"{" and 2 <= int.from_bytes(start[:8], "little") <= MAX_HEADER


def read_content(source: ByteSource) -> Content:
    """The header of a safetensors file, reading nothing but it; FileFormatError when it cannot be read."""
    length = int.from_bytes(read(source, 0, 8, "the length of the header"), "little")
    if length > source.size - 8:
        raise FileFormatError(
            tr(
                "The header claims {length:,} bytes, but only {size:,} are left in the file.",
                length=length,
                size=source.size - 8,
            ),
            INCOMPLETE if length <= MAX_HEADER else DAMAGED,
            offset=0,
        )
    if length > MAX_JSON:
        raise FileFormatError(
            tr("The header has {length:,} bytes; Heft reads up to {max_json:,}.", length=length, max_json=MAX_JSON),
            DAMAGED,
            offset=0,
        )
    window = source.window(8, length)[:length]
    pairs = parse_json(window, "the header", offset=8, pairs_hook=_pairs)
    if not isinstance(pairs, list):
        raise FileFormatError(tr("The header is no JSON object."), DAMAGED, offset=8)
    return _content(pairs, 8 + length, source.size)


def _pairs(pairs: list[tuple[str, Any]]) -> _Entry | list[tuple[str, Any]]:
    # Keeps duplicates visible, and a tensor's entry in a third of the memory of a dictionary.
    if len(pairs) == 3:
        found = dict(pairs)
        if found.keys() == {"dtype", "shape", "data_offsets"}:
            return _Entry(found["dtype"], found["shape"], found["data_offsets"])
    return pairs


def _content(pairs: Sequence[tuple[str, Any]], data_start: int, file_bytes: int) -> Content:
    notes = _Notes()
    for name, count in Counter(name for name, _ in pairs).items():
        if count > 1:
            notes.add(f"The name '{one_line(name)}' occurs {count} times.", "Readers disagree on which one counts.")
    metadata: dict[str, str] = {}
    tensors: list[TensorRow] = []
    for name, value in pairs:
        if name == "__metadata__":
            metadata.update(_metadata(value, notes))
        elif isinstance(value, _Entry):
            tensors.append(_tensor(name, value, data_start, notes))
        else:
            notes.add(f"'{one_line(name)}' has no type, shape and place.", about=f"tensor:{name}")
    tensors.sort(key=lambda row: (row.offset, row.bytes))
    findings = (*_layout(tensors, data_start, file_bytes), *notes.findings)
    return Content(tuple(tensors), metadata, data_start, findings[:MAX_FINDINGS])


def _metadata(value: object, notes: _Notes) -> dict[str, str]:
    if not isinstance(value, list) or not all(isinstance(pair, tuple) for pair in value):
        notes.add("__metadata__ is no JSON object.")
        return {}
    if not all(isinstance(text, str) for _, text in value):
        notes.add("__metadata__ holds values that are no texts.", "The format allows texts only.")
    return {str(key): text if isinstance(text, str) else one_line(text) for key, text in value}


def _tensor(name: str, entry: _Entry, start: int, notes: _Notes) -> TensorRow:
    about = f"tensor:{name}"
    shape = _numbers(entry.shape, MAX_DIMENSIONS)
    if shape is not None and math.prod(shape) >= 1 << 63:
        shape = None
    offsets = _numbers(entry.offsets, 2)
    dtype = one_line(entry.dtype, 32) if isinstance(entry.dtype, str) else ""
    if shape is None or offsets is None or len(offsets) != 2 or offsets[1] < offsets[0] or not dtype:
        notes.add(f"The entry of '{one_line(name)}' is malformed.", about=about)
        return TensorRow(name, shape or (), dtype or "?", 0, start)
    size = offsets[1] - offsets[0]
    bits = BITS.get(dtype)
    if bits is None:
        notes.add(f"'{one_line(name)}' has the unknown type {dtype}.", about=about, severity="warning")
    elif math.prod(shape) * bits != size * 8:
        notes.add(f"'{one_line(name)}' has {size:,} bytes, but its shape and type need another size.", about=about)
    return TensorRow(name, shape, dtype, size, start + offsets[0])


def _numbers(value: object, most: int) -> tuple[int, ...] | None:
    if not isinstance(value, list) or len(value) > most:
        return None
    return tuple(value) if all(type(n) is int and 0 <= n < 1 << 63 for n in value) else None


def _layout(tensors: Sequence[TensorRow], start: int, file_bytes: int) -> list[Finding]:
    found: list[Finding] = []
    end = start
    for row in tensors:
        if len(found) < MAX_FINDINGS:
            if row.offset < end and row.bytes:
                message = f"'{one_line(row.name)}' overlaps the tensor before it."
                about = f"tensor:{row.name[:LINE]}"
                found.append(Finding("error", message, _REFUSED, _AGAIN, row.offset, about))
            elif row.offset > end:
                message = f"{row.offset - end:,} bytes before '{one_line(row.name)}' belong to no tensor."
                found.append(_gap(message, end))
        end = max(end, row.offset + row.bytes)
    if end < file_bytes:
        found.append(_gap(f"{file_bytes - end:,} bytes after the last tensor belong to none.", end))
    if end > file_bytes:
        beyond = sum(row.offset + row.bytes > file_bytes for row in tensors)
        message = f"{beyond:,} of {len(tensors):,} tensors end behind the end of the file."
        reason = f"It has {file_bytes:,} of {end:,} bytes: it is cut short, or its header is wrong."
        found.insert(0, Finding("error", message, reason, tr("Download it again."), offset=file_bytes))
    return found


def _gap(message: str, offset: int) -> Finding:
    reason = "The format allows no gaps; something else may be hidden there."
    return Finding("error", message, reason, _AGAIN, offset)


def quantization(tensors: Iterable[TensorRow], metadata: Mapping[str, str]) -> str:
    """The catalog id of the quantization that tensor names and types give away; "" for plain weights."""
    names = [row.name for row in tensors]
    for id, endings in _MARKS:
        if any(name.endswith(endings) for name in names):
            return id
    if metadata.get("format") == "mlx" and any(name.endswith(".scales") for name in names):
        return "mlx"
    kinds = {row.dtype for row in tensors}
    return "fp8" if kinds & {"F8_E4M3", "F8_E5M2"} else ""


def summarise(source: ByteSource, catalog: Catalog) -> Summary:
    """What a safetensors file is; FileFormatError when its header cannot be read."""
    content = read_content(source)
    found = quantization(content.tensors, content.metadata)
    return catalog.summary(
        "safetensors",
        **_words(found, catalog),
        facts=(*type_facts(content.tensors, packed=bool(found)), Fact(tr("Header"), human_bytes(content.header_bytes))),
        tensors=content.tensors,
        metadata={one_line(key): text for key, text in content.metadata.items()},
        findings=content.findings,
        base_model=one_line(content.metadata.get("base_model", "")),
        parameters=0 if found else sum(math.prod(row.shape) for row in content.tensors),
    )


def _words(found: str, catalog: Catalog) -> dict[str, str]:
    if not found:
        return {}
    entry = catalog.entries[found]
    return {
        "title": f"safetensors: {entry.title}",
        "what": entry.what,
        "runs_on": entry.runs_on,
        "advice": entry.advice,
    }


def type_facts(tensors: Sequence[TensorRow], *, packed: bool) -> tuple[Fact, ...]:
    """Tensors, parameters (unless several lie ``packed`` in one element), bytes, and the share of each type."""
    total = sum(row.bytes for row in tensors)
    parameters = sum(math.prod(row.shape) for row in tensors)
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in tensors:
        counts[row.dtype][0] += 1
        counts[row.dtype][1] += row.bytes
    shares = sorted(counts.items(), key=lambda item: -item[1][1])
    facts = [Fact(tr("Tensors"), f"{len(tensors):,}")]
    if parameters and not packed:
        facts.append(Fact(tr("Parameters"), human_parameters(parameters)))
        facts.append(Fact(tr("Bits per weight"), human_bits(bits_per_weight(total, parameters))))
    facts.append(Fact(tr("Weights"), human_bytes(total)))
    facts += [
        Fact(tr("Type {kind}", kind=kind), f"{counted(n, 'tensor')}, {human_bytes(size)}")
        for kind, (n, size) in shares[:12]
    ]
    return tuple(facts)
