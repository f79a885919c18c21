"""ONNX models: what the graph holds, counted from the wire format.

Field numbers: github.com/onnx/onnx, onnx/onnx.proto3 (ModelProto, GraphProto, NodeProto, TensorProto).
"""

from __future__ import annotations

import math
from collections import Counter

from desktop.core.errors import FileFormatError
from desktop.core.findings import Finding
from desktop.core.formats.catalog import Catalog
from desktop.core.formats.protobuf import Field, Messages
from desktop.core.formats.reading import broken_off
from desktop.core.formats.summary import Fact, Summary, TensorRow
from desktop.core.gguf.source import ByteSource
from desktop.core.text import one_line
from desktop.core.units import human_bytes, human_parameters
from desktop.core.words import counted, tr

MAX_TENSORS = 20_000
MAX_FACTS = 40
MAX_OPERATORS = 10_000  # different names of operators
_IR_VERSIONS = range(1, 64)
# TensorProto.DataType: name and bits
_TYPES = {
    1: ("FLOAT", 32), 2: ("UINT8", 8), 3: ("INT8", 8), 4: ("UINT16", 16), 5: ("INT16", 16), 6: ("INT32", 32),
    7: ("INT64", 64), 8: ("STRING", 0), 9: ("BOOL", 8), 10: ("FLOAT16", 16), 11: ("DOUBLE", 64), 12: ("UINT32", 32),
    13: ("UINT64", 64), 14: ("COMPLEX64", 64), 15: ("COMPLEX128", 128), 16: ("BFLOAT16", 16), 17: ("FLOAT8E4M3FN", 8),
    18: ("FLOAT8E4M3FNUZ", 8), 19: ("FLOAT8E5M2", 8), 20: ("FLOAT8E5M2FNUZ", 8), 21: ("UINT4", 4), 22: ("INT4", 4),
    23: ("FLOAT4E2M1", 4), 24: ("FLOAT8E8M0", 8),
}  # fmt: skip


def looks_like(source: ByteSource) -> bool:
    """Whether the file is a message with an ONNX version first and a graph (field 7) that fits into the file."""
    version, graph = 0, False
    try:
        for field in Messages(source).fields(0, source.size):
            version = version or (field.value if field.number == 1 and field.wire == 0 else 0)
            graph = graph or (field.number == 7 and field.wire == 2 and field.size > 0)
            if (field.number, field.wire) not in _MODEL_FIELDS or version not in _IR_VERSIONS:
                return False
    except FileFormatError:
        return False
    return graph


# ModelProto: numbers and wire types of its fields.
_MODEL_FIELDS = {(1, 0), (2, 2), (3, 2), (4, 2), (5, 0), (6, 2), (7, 2), (8, 2), (14, 2), (20, 2), (25, 2), (26, 2)}


class _Graph:
    def __init__(self, messages: Messages) -> None:
        self.messages = messages
        self.name = ""
        self.nodes = 0
        self.inputs = 0
        self.outputs = 0
        self.initializers = 0
        self.operators: Counter[str] = Counter()
        self.tensors: list[TensorRow] = []
        self.external: set[str] = set()
        self.parameters = 0
        self.bytes = 0

    def read(self, graph: Field) -> None:
        for field in self.messages.fields(graph.start, graph.size):
            if field.wire != 2:
                continue
            if field.number == 1:
                self.nodes += 1
                self._node(field)
            elif field.number == 2:
                self.name = self.messages.text(field)
            elif field.number == 5:
                self.initializers += 1
                self._tensor(field)
            elif field.number == 11:
                self.inputs += 1
            elif field.number == 12:
                self.outputs += 1

    def _node(self, node: Field) -> None:
        kind = domain = ""
        for field in self.messages.fields(node.start, node.size):
            if field.number == 4 and field.wire == 2:
                kind = self.messages.text(field)[:80]
            elif field.number == 7 and field.wire == 2:
                domain = self.messages.text(field)[:80]
        full = f"{domain}.{kind}" if domain not in ("", "ai.onnx") else kind
        if full in self.operators or len(self.operators) < MAX_OPERATORS:
            self.operators[full] += 1

    def _tensor(self, tensor: Field) -> None:
        shape: list[int] = []
        name, kind, offset = "", 0, 0
        for field in self.messages.fields(tensor.start, tensor.size):
            if field.number == 1:
                shape += self.messages.numbers(field, 16 - len(shape))
            elif field.number == 2 and field.wire == 0:
                kind = field.value
            elif field.number == 8 and field.wire == 2:
                name = self.messages.text(field)[:300]
            elif field.number == 9 and field.wire == 2:
                offset = field.start
            elif field.number == 13 and field.wire == 2:
                self._external(field)
        dtype, bits = _TYPES.get(kind, (f"type {kind}", 0))
        elements = math.prod(shape) if max(shape, default=0) < 1 << 40 and math.prod(shape) < 1 << 62 else 0
        size = -(-elements * bits // 8)
        self.parameters += elements
        self.bytes += size
        if len(self.tensors) < MAX_TENSORS:
            self.tensors.append(TensorRow(name, tuple(shape), dtype, size, offset))

    def _external(self, entry: Field) -> None:
        key = value = ""
        for field in self.messages.fields(entry.start, entry.size):
            if field.number == 1 and field.wire == 2:
                key = self.messages.text(field)
            elif field.number == 2 and field.wire == 2:
                value = self.messages.text(field)
        if key == "location" and len(self.external) < 100:
            self.external.add(one_line(value, 120))


def summarise(source: ByteSource, catalog: Catalog) -> Summary:
    """Versions, producer, operators and initializers of a model; what breaks off becomes a finding."""
    messages = Messages(source)
    graph = _Graph(messages)
    facts: list[Fact] = []
    metadata: dict[str, str] = {}
    findings: list[Finding] = []
    try:
        for field in messages.fields(0, source.size):
            if len(facts) < MAX_FACTS:
                facts += _model_fact(messages, field)
            if field.number == 7:
                graph.read(field)
            elif field.number == 14 and len(metadata) < 200:
                pair = {f.number: messages.text(f) for f in messages.fields(field.start, field.size) if f.wire == 2}
                metadata[one_line(pair.get(1, ""))] = pair.get(2, "")
    except FileFormatError as error:
        findings.append(broken_off(error, "What follows was not counted."))
    findings += _graph_findings(graph)
    return catalog.summary(
        "onnx",
        facts=(*facts, *_graph_facts(graph)),
        tensors=tuple(graph.tensors),
        metadata=metadata,
        findings=tuple(findings),
        parameters=graph.parameters,
    )


def _model_fact(messages: Messages, field: Field) -> list[Fact]:
    if field.number == 1 and field.wire == 0:
        return [Fact(tr("IR version"), f"{field.value}")]
    if field.number in (2, 3) and field.wire == 2:
        return [Fact(tr("Made by") if field.number == 2 else tr("Its version"), one_line(messages.text(field), 80))]
    if field.number == 8 and field.wire == 2:
        domain, version = "", 0
        for inner in messages.fields(field.start, field.size):
            if inner.number == 1 and inner.wire == 2:
                domain = messages.text(inner)
            elif inner.number == 2 and inner.wire == 0:
                version = inner.value
        return [Fact(tr("Operators {domain}", domain=one_line(domain, 24) or "ai.onnx"), f"version {version}")]
    return []


def _graph_facts(graph: _Graph) -> list[Fact]:
    most = ", ".join(f"{one_line(kind, 40)} x {count:,}" for kind, count in graph.operators.most_common(6))
    rows = [
        ("Graph", one_line(graph.name, 80)),
        ("Operations", f"{graph.nodes:,}"),
        ("Most used", most),
        ("Inputs and outputs", f"{graph.inputs:,} and {graph.outputs:,}"),
        ("Initializers", f"{graph.initializers:,}, {human_bytes(graph.bytes)}"),
        ("Parameters", human_parameters(graph.parameters) if graph.parameters else ""),
        ("Data beside it", ", ".join(sorted(graph.external)[:3])),
    ]
    return [Fact(label, value) for label, value in rows if value]


def _graph_findings(graph: _Graph) -> list[Finding]:
    found = []
    outside = [name for name in graph.external if name.startswith(("/", "\\")) or ".." in name or ":" in name]
    if outside:
        message = f"It wants weights from outside its folder: {outside[0]}."
        found.append(
            Finding("error", message, tr("A model has no reason to read other files."), tr("Do not load this file."))
        )
    elif graph.external:
        message = f"Its weights lie in {counted(len(graph.external), 'other file')} beside it."
        found.append(Finding("note", message, tr("The graph names them."), tr("Keep them in the same folder.")))
    custom = sorted({kind.rpartition(".")[0] for kind in graph.operators if "." in kind})
    if custom:
        names = ", ".join(one_line(domain, 60) for domain in custom[:4])
        message = f"It uses operators outside the standard: {names}."
        found.append(
            Finding("note", message, tr("Not every runtime knows them."), tr("Run it with the one it was made for."))
        )
    return found
