"""TensorFlow's SavedModel and LiteRT files.

Field numbers: tensorflow/core/protobuf/saved_model.proto and meta_graph.proto, tensorflow/core/framework/graph.proto,
function.proto and node_def.proto.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from desktop.core.errors import FileFormatError
from desktop.core.findings import Finding
from desktop.core.formats.catalog import Catalog
from desktop.core.formats.protobuf import Field, Messages
from desktop.core.formats.reading import broken_off, head
from desktop.core.formats.summary import Fact, Summary
from desktop.core.gguf.source import ByteSource
from desktop.core.text import one_line
from desktop.core.words import tr

# Operations that reach outside the graph (SECURITY.md: TensorFlow models are programs).
OUTSIDE = frozenset({"ReadFile", "WriteFile", "MatchingFiles", "PyFunc", "PyFuncStateless", "EagerPyFunc", "RpcCall"})
MAX_OPERATORS = 10_000


def looks_like_saved_model(source: ByteSource) -> bool:
    """Whether the file is a SavedModel message: version 1, then graphs, and nothing else."""
    if head(source, 3) != b"\x08\x01\x12":
        return False
    messages = Messages(source)
    try:
        return all(field.number in (1, 2) for field in messages.fields(0, source.size)) and _has_graph(messages, source)
    except FileFormatError:
        return False


def _has_graph(messages: Messages, source: ByteSource) -> bool:
    graphs = [f for f in messages.fields(0, source.size) if f.number == 2 and f.wire == 2]
    first = next(iter(messages.fields(graphs[0].start, graphs[0].size)), None) if graphs else None
    return first is not None and first.wire == 2 and 1 <= first.number <= 7


def summarise_saved_model(source: ByteSource, catalog: Catalog) -> Summary:
    """Version, tags, signatures and operations; what breaks off becomes a finding."""
    reader = _SavedModel(source)
    findings: list[Finding] = []
    try:
        reader.read(source.size)
    except FileFormatError as error:
        findings.append(broken_off(error, "What follows was not counted."))
    outside = sorted(OUTSIDE & reader.operations.keys())
    if outside:
        message = f"The graph reaches outside itself: {', '.join(outside)}."
        reason = "Such operations read or write files or run Python when the model runs."
        findings.append(Finding("error", message, reason, tr("Do not run it unless you trust its maker.")))
    most = ", ".join(f"{one_line(kind, 40)} x {count:,}" for kind, count in reader.operations.most_common(6))
    rows = [
        ("TensorFlow version", one_line(reader.version, 40)),
        ("Graphs", f"{reader.graphs:,}"),
        ("Tags", ", ".join(one_line(tag, 40) for tag in reader.tags)),
        ("Signatures", ", ".join(one_line(name, 60) for name in reader.signatures)),
        ("Operations", f"{reader.operations.total():,}"),
        ("Most used", most),
    ]
    return catalog.summary(
        "savedmodel",
        danger="dangerous" if outside else "none",
        facts=tuple(Fact(label, value) for label, value in rows if value),
        findings=tuple(findings),
    )


class _SavedModel:
    def __init__(self, source: ByteSource) -> None:
        self.messages = Messages(source)
        self.graphs = 0
        self.version = ""
        self.tags: list[str] = []
        self.signatures: list[str] = []
        self.operations: Counter[str] = Counter()

    def read(self, size: int) -> None:
        for model in self.messages.fields(0, size):
            if model.number != 2 or model.wire != 2:
                continue
            self.graphs += 1
            for field in self._inside(model):
                if field.number == 1:
                    self._meta_info(field)
                elif field.number == 2:
                    self._graph(field)
                elif field.number == 5 and len(self.signatures) < 20:
                    key = next((inner for inner in self._inside(field) if inner.number == 1), None)
                    self.signatures += [self.messages.text(key)] if key is not None else []

    def _inside(self, field: Field) -> Iterator[Field]:
        return (inner for inner in self.messages.fields(field.start, field.size) if inner.wire == 2)

    def _meta_info(self, info: Field) -> None:
        for field in self._inside(info):
            if field.number == 4 and len(self.tags) < 20:
                self.tags.append(self.messages.text(field))
            elif field.number == 5:
                self.version = self.messages.text(field)

    def _graph(self, graph: Field) -> None:
        for field in self.messages.fields(graph.start, graph.size):
            if field.number == 1 and field.wire == 2:
                self._node(field)
            elif field.number == 2 and field.wire == 2:
                for function in self.messages.fields(field.start, field.size):
                    if function.number == 1 and function.wire == 2:
                        for inner in self.messages.fields(function.start, function.size):
                            if inner.number == 3 and inner.wire == 2:
                                self._node(inner)

    def _node(self, node: Field) -> None:
        for field in self.messages.fields(node.start, node.size):
            if field.number == 2 and field.wire == 2:
                kind = self.messages.text(field)[:80]
                if kind in self.operations or len(self.operations) < MAX_OPERATORS:
                    self.operations[kind] += 1
                return


def is_tflite(start: bytes) -> bool:
    """Whether the first bytes are a FlatBuffer with the identifier of LiteRT."""
    return start[4:8] == b"TFL3"
