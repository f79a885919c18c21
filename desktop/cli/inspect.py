"""``heft inspect``: what is inside a model file, on this computer or still on the Hub."""

from __future__ import annotations

import argparse
from contextlib import ExitStack, closing
from typing import Any

from desktop.cli.arguments import whole_number
from desktop.cli.inspect_text import report, types_of
from desktop.cli.output import ProgressLine, print_json, print_text
from desktop.core.findings import Finding
from desktop.core.gguf import Array, Tensor, Text, Value
from desktop.services.container import Container
from desktop.services.inspect.finding_words import in_order
from desktop.services.inspect.inspection import Inspected, InspectedFile, InspectionService, ModelEntry
from desktop.store.paths import default_paths

FIRST_VALUES = 8  # of an array, unless --strings says otherwise
_TEXT_BYTES = 1 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """SOURCE and how much of it to show."""
    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="a path, a folder, hf:OWNER/REPO[/FILE][@REV], a link to a page of the Hub, or a library name",
    )
    parser.add_argument("--tensors", action="store_true", help="list every tensor, and every model of a repo")
    parser.add_argument(
        "--strings", type=whole_number, default=FIRST_VALUES, metavar="N", help="values of long arrays (default: 8)"
    )
    parser.add_argument(
        "--check", action="store_true", help="read the whole file: checksum, NaN weights, template with an example"
    )
    parser.add_argument(
        "--base", metavar="SOURCE", help="check, and compare template and checksum with this model, such as hf:..."
    )


def run(args: argparse.Namespace) -> int:
    """Print the file; exit code 0 also for a file with problems, which are listed."""
    with ExitStack() as stack:
        service = stack.enter_context(Container(default_paths())).inspection
        inspected = _open(service, args.source, stack)
        findings = in_order([*inspected.findings, *service.trial(inspected)])
        checked = bool(args.check or args.base)
        if checked:
            base = _open(service, args.base, stack) if args.base else None
            line = stack.enter_context(closing(ProgressLine("Checking")))
            findings += service.check(inspected, base=base, progress=line.show)
            line.close()
        if args.json:
            print_json(document(inspected, findings, args.strings, args.tensors))
        else:
            print_text(report(inspected, findings, args.strings, args.tensors, checked=checked), end="")
    return 0


def _open(service: InspectionService, source: str, stack: ExitStack) -> Inspected:
    with closing(ProgressLine("Opening")) as line:
        inspected = service.open(source, progress=line.show)
    stack.callback(inspected.close)
    return inspected


def document(inspected: Inspected, findings: tuple[Finding, ...], strings: int, tensors: bool) -> dict[str, Any]:
    """The JSON of the headless contract; of a format other than GGUF what its summary says."""
    common: dict[str, Any] = {
        "source": inspected.source,
        "format": inspected.kind,
        "file_bytes": inspected.size_bytes,
        "problems": [_finding(finding) for finding in findings],
        "seconds": inspected.seconds,
        "transferred_bytes": inspected.transferred_bytes,
        "requests": inspected.requests,
    }
    if inspected.summary is not None:
        common |= _summary(inspected)
    if inspected.models:
        common["models"] = [_model(model) for model in inspected.models]
    return common | _gguf(inspected, strings, tensors) if inspected.files else common


def _gguf(inspected: Inspected, strings: int, tensors: bool) -> dict[str, Any]:
    header = inspected.header
    found = {
        "version": header.version,
        "endianness": header.endianness,
        "alignment": header.alignment,
        "header_bytes": sum(file.header.header_bytes for file in inspected.files),
        "data_offset": header.data_offset,
        "kind": inspected.use,
        "architecture": header.architecture,
        "name": header.name,
        "parameters": inspected.parameters,
        "bits_per_weight": inspected.bits_per_weight,
        "file_type": header.file_type,
        "quantization": inspected.quantization,
        "context_length": inspected.context_length,
        "files": [
            {"name": file.name, "file_bytes": file.header.file_bytes, "sha256": file.sha256} for file in inspected.files
        ],
        "tensor_count": len(inspected.tensors),
        "types": {name: {"count": count, "bytes": size} for name, (count, size) in types_of(inspected).items()},
        "metadata": {key: _value(value, strings) for key, value in header.metadata.items()},
    }
    if tensors:
        found["tensors"] = [
            {
                "name": placed.tensor.name,
                "shape": list(placed.tensor.shape),
                "type": placed.tensor.type,
                "bytes": placed.tensor.size_bytes,
                "offset": placed.tensor.offset,
                "file": inspected.files[placed.file].name,
                "file_offset": _position(inspected.files[placed.file], placed.tensor),
            }
            for placed in inspected.tensors
        ]
    return found


def _position(file: InspectedFile, tensor: Tensor) -> int:
    return file.base + file.header.position(tensor)


def _value(value: Value, strings: int) -> dict[str, Any]:
    data = value.data
    if isinstance(data, Array):
        return {"type": f"{value.type.name}[{data.type.name}]", "value": _array(data, strings)}
    if isinstance(data, Text):
        return {"type": value.type.name, "value": data.read(_TEXT_BYTES), "length": data.length}
    return {"type": value.type.name, "value": _plain(data)}


def _array(array: Array, strings: int) -> dict[str, Any]:
    first = [_array(item, strings) if isinstance(item, Array) else _plain(item) for item in array[:strings]]
    return {"length": len(array), "first": first}


def _plain(value: int | float | bool | str) -> Any:
    # JSON has no NaN and no infinity
    return str(value) if isinstance(value, float) and not abs(value) < float("inf") else value


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "severity": finding.severity,
        "message": finding.message,
        "reason": finding.reason,
        "action": finding.action,
        "offset": finding.offset,
        "about": finding.about,
    }


def _model(model: ModelEntry) -> dict[str, Any]:
    return {
        "source": model.source,
        "name": model.name,
        "format": model.format,
        "quantization": model.quantization,
        "file_bytes": model.size_bytes,
        "file_count": model.files,
        "note": model.note,
    }


def _summary(inspected: Inspected) -> dict[str, Any]:
    summary = inspected.summary
    assert summary is not None
    return {
        "title": summary.title,
        "what": summary.what,
        "runs_on": summary.runs_on,
        "advice": summary.advice,
        "danger": summary.danger,
        "base_model": summary.base_model,
        "parameters": summary.parameters,
        "facts": {fact.label: fact.value for fact in summary.facts},
        "metadata": dict(summary.metadata),
        "tensor_count": len(summary.tensors),
        "tensors": [
            {"name": row.name, "shape": list(row.shape), "type": row.dtype, "bytes": row.bytes, "offset": row.offset}
            for row in summary.tensors
        ],
        "missing": list(summary.missing),
    }
