"""What ``heft inspect`` prints for people: facts, types, tensors by role, metadata, problems with what to do."""

from __future__ import annotations

import shlex
import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from desktop.cli.output import NAME_WIDTH, human_bytes, table
from desktop.core.findings import Finding
from desktop.core.gguf import Array, Text, Value
from desktop.core.hub_address import hub_address
from desktop.core.layers import locate
from desktop.core.naming import elided_name
from desktop.core.units import human_bits, human_parameters
from desktop.services.inspect.inspection import Inspected
from desktop.services.inspect.versions import versions_of
from desktop.services.models.kind_words import kind_name

_WIDTH = 100
_VALUE_CHARACTERS = 60
_MODELS = 60  # of a folder or repo, unless all are asked for
_KINDS = {"error": "problem", "warning": "warning", "note": "note"}


def report(
    inspected: Inspected, findings: Sequence[Finding], strings: int, tensors: bool, *, checked: bool = False
) -> str:
    """The whole report, ending with a line break.

    ``strings`` values of each array are shown; ``tensors`` asks for every tensor, and every model of a repo.
    """
    parts = [elided_name(inspected.title, NAME_WIDTH)]
    if inspected.summary is not None:
        parts.append(_other(inspected))
    if inspected.models:
        parts.append(_models(inspected, whole=tensors))
    if inspected.files:
        parts.append(_facts(inspected))
        if inspected.tensors:
            parts += [_types(inspected), _roles(inspected)]
        if inspected.header.metadata:
            parts.append(_metadata(inspected, strings))
        if tensors and inspected.tensors:
            parts.append(_tensors(inspected))
    if findings or not inspected.models:  # of a repo only names and settings were looked at
        parts.append(_problems(findings, whole=checked or not inspected.files or inspected.is_remote))
    return "\n\n".join(parts) + "\n"


def types_of(inspected: Inspected) -> dict[str, tuple[int, int]]:
    """Number and bytes of the tensors of each type, the one with most bytes first."""
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for placed in inspected.tensors:
        counts[placed.tensor.type] += 1
        sizes[placed.tensor.type] += placed.tensor.size_bytes or 0
    return {name: (counts[name], size) for name, size in sizes.most_common()}


def _facts(inspected: Inspected) -> str:
    header = inspected.header
    count = len(inspected.files)
    rows = [
        ("Format", f"GGUF version {header.version}, {header.endianness}-endian"),
        ("Name", header.name),
        ("Kind", kind_name(inspected.use)),
        ("Architecture", header.architecture),
        (
            "Parameters",
            _parameters(inspected),
        ),
        ("Quantization", _quantization(inspected)),
        ("Context", f"{inspected.context_length:,} tokens" if inspected.context_length else ""),
        ("Size", human_bytes(inspected.size_bytes) + (f" in {count:,} files" if count > 1 else "")),
        ("Header", f"{human_bytes(sum(file.header.header_bytes for file in inspected.files))}, {_effort(inspected)}"),
        ("Tensors", f"{len(inspected.tensors):,}"),
    ]
    return _pairs(rows)


def _parameters(inspected: Inspected) -> str:
    count = inspected.parameters
    return f"{human_parameters(count)} ({count:,})" if count else ""


def _quantization(inspected: Inspected) -> str:
    if not inspected.parameters:
        return ""
    bits = f"{human_bits(inspected.bits_per_weight)} bits per weight"
    return f"{inspected.quantization}, {bits}" if inspected.quantization else bits


def _effort(inspected: Inspected) -> str:
    took = f"read in {inspected.seconds * 1000:,.0f} ms"
    if not inspected.is_remote:
        return took
    requests = "1 request" if inspected.requests == 1 else f"{inspected.requests:,} requests"
    return f"{took} with {requests} and {human_bytes(inspected.transferred_bytes)}"


def _types(inspected: Inspected) -> str:
    total = inspected.tensor_bytes or 1
    rows = [
        (name, f"{count:,}", human_bytes(size), f"{size / total:.0%}")
        for name, (count, size) in types_of(inspected).items()
    ]
    return table(("TYPE", "TENSORS", "SIZE", "SHARE"), rows, right=(1, 2, 3))


def _roles(inspected: Inspected) -> str:
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    types: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for placed in inspected.tensors:
        place = locate(placed.tensor.name)
        role = place.role if place.stack in ("", "blk") else f"{place.stack}: {place.role}"
        counts[role] += 1
        sizes[role] += placed.tensor.size_bytes or 0
        types[role][placed.tensor.type] += 1
    rows = [
        (role[:_VALUE_CHARACTERS], f"{counts[role]:,}", human_bytes(size), _mix(types[role]))
        for role, size in sizes.most_common(40)
    ]
    more = f"\n... and {len(sizes) - len(rows):,} more roles" if len(sizes) > len(rows) else ""
    return table(("ROLE", "TENSORS", "SIZE", "TYPES"), rows, right=(1, 2)) + more


def _mix(types: Counter[str]) -> str:
    if len(types) == 1:
        return next(iter(types))
    return ", ".join(f"{name} {count:,}" for name, count in types.most_common())


def _metadata(inspected: Inspected, strings: int) -> str:
    rows = [
        (key[:_VALUE_CHARACTERS], _type(value), _shown(value, strings))
        for key, value in inspected.header.metadata.items()
    ]
    return table(("KEY", "TYPE", "VALUE"), rows)


def _type(value: Value) -> str:
    return f"{value.data.type.name}[{len(value.data):,}]" if isinstance(value.data, Array) else value.type.name


def _shown(value: Value, strings: int) -> str:
    match value.data:
        case Array() as array:
            first = ", ".join("[...]" if isinstance(item, Array) else _brief(item) for item in array[:strings])
            return first + (" ..." if len(array) > strings else "")
        case Text() as text:
            return f"{_brief(text.read(200))} ({text.length:,} bytes)"
        case plain:
            return _brief(plain)


def _brief(value: int | float | bool | str) -> str:
    if isinstance(value, float):
        return f"{value:.7g}"
    text = " ".join(str(value).split()) if isinstance(value, str) else str(value)
    return text if len(text) <= _VALUE_CHARACTERS else f"{text[: _VALUE_CHARACTERS - 3]}..."


def _tensors(inspected: Inspected) -> str:
    several = len(inspected.files) > 1
    rows = []
    for placed in inspected.tensors:
        tensor = placed.tensor
        shape = " x ".join(f"{length:,}" for length in tensor.shape) or "scalar"
        size = human_bytes(tensor.size_bytes) if tensor.size_bytes is not None else "?"
        row = [tensor.name, shape, tensor.type, size, f"{tensor.offset:#x}"]
        rows.append([*row, str(placed.file + 1)] if several else row)
    header = ["TENSOR", "SHAPE", "TYPE", "SIZE", "OFFSET"]
    return table([*header, "FILE"] if several else header, rows, right=(1, 3, 4))


def _other(inspected: Inspected) -> str:
    summary = inspected.summary
    assert summary is not None
    told = {fact.label for fact in summary.facts}
    rows = [
        ("Format", summary.title),
        ("Size", "" if "Size" in told else human_bytes(inspected.size_bytes)),
        ("Parameters", "" if "Parameters" in told or not summary.parameters else human_parameters(summary.parameters)),
        ("Made from", summary.base_model),
        *((fact.label, fact.value) for fact in summary.facts),
        ("What it is", summary.what),
        ("Runs on", summary.runs_on),
        ("What to do", summary.advice),
        ("GGUF versions", _search_for(versions_of(inspected))),
    ]
    return _pairs(rows)


def _search_for(wanted: str) -> str:
    """The command that finds GGUF versions of OWNER/NAME or of words; "" for nothing."""
    if not wanted:
        return ""
    return f"heft search {'--base-model ' if '/' in wanted else ''}{shlex.quote(wanted)}"


def _models(inspected: Inspected, *, whole: bool) -> str:
    """The models of a folder or repo, and how to look into one."""
    listed = inspected.models if whole else inspected.models[:_MODELS]
    rows = [
        (
            model.name + (f" ({model.files} files)" if model.files > 1 else ""),
            model.format,
            model.quantization,
            human_bytes(model.size_bytes),
            model.note,
        )
        for model in listed
    ]
    left = len(inspected.models) - len(listed)
    more = f"\n... and {left:,} more (--tensors lists all)" if left else ""
    way = f"\n\nLook into one of them: heft inspect {shlex.quote(inspected.models[0].source)}"
    address = hub_address(inspected.source) if inspected.is_remote else None
    if address is not None and inspected.kind == "gguf-folder":
        way += f"\nSee which of them fits here: heft variants {address.repo}"
    return table(("MODEL FILE", "FORMAT", "QUANT", "SIZE", ""), rows, right=(3,)) + more + way


def _pairs(rows: Iterable[tuple[str, str]]) -> str:
    shown = [(label, value) for label, value in rows if value]
    width = max(len(label) for label, _ in shown) + 2
    lines = []
    for label, value in shown:
        wrapped = textwrap.wrap(value, _WIDTH - width) or [""]
        lines += [label.ljust(width) + wrapped[0], *(" " * width + line for line in wrapped[1:])]
    return "\n".join(lines)


def _problems(findings: Sequence[Finding], *, whole: bool) -> str:
    if not findings:
        return f"No problems found{'' if whole else ' in the header (--check reads the whole file)'}."
    lines = []
    for finding in findings:
        lines.append(textwrap.fill(f"{_KINDS[finding.severity]}: {finding.placed}", _WIDTH))
        for text in (finding.reason, finding.action):
            if text:
                lines.append(textwrap.fill(text, _WIDTH, initial_indent="    ", subsequent_indent="    "))
    return "\n".join(lines)
