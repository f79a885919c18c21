"""Pickles: the opcodes are read as the standard library reads them, imports and calls are found, nothing is run."""

from __future__ import annotations

import datetime
import os
import pickle
import pickletools
import struct
import tracemalloc
from collections import OrderedDict
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from support import model_files as m
from support import recognised

from desktop.core.formats import Summary, recognise
from desktop.core.formats.pickle_ops import OperationReader
from desktop.core.formats.pickle_scan import scan_pickle
from desktop.core.gguf import BytesSource
from desktop.store.format_catalog import format_catalog
from desktop.store.gguf_files import FileSource

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


class Evil:
    """What a malicious file holds: pickling it stores a command, loading it would run that."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.marker}",)


def read(data: bytes, name: str = "model.pkl") -> Summary:
    return recognised.read(data, name)


def said(summary: Summary) -> str:
    return "\n".join(finding.message for finding in summary.findings)


@pytest.mark.parametrize("data", [*m.harmless_pickles(), m.TORCH_STATE])
def test_opcodes_are_those_of_the_standard_library(data: bytes) -> None:
    expected = [(code.name, position) for code, _, position in pickletools.genops(data)]
    reader = OperationReader(BytesSource(data))
    assert [(operation.name, operation.position) for operation in reader.operations()] == expected
    assert reader.position == len(data)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_containers_and_arrays_are_plain(protocol: int) -> None:
    things = [
        OrderedDict(a=1),
        Fraction(1, 3),
        datetime.date(2026, 1, 2),
        {1, 2},
        np.arange(4.0),
        {"a": [1, {"b": ()}]},
    ]
    for thing in things:
        summary = read(pickle.dumps(thing, protocol))
        assert (summary.id, summary.danger) == ("pickle", "plain"), (thing, said(summary))
        assert not summary.findings


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_command_is_named_and_not_run(tmp_path: Path, protocol: int) -> None:
    marker, file = tmp_path / "was-run", tmp_path / "evil.bin"
    file.write_bytes(pickle.dumps({"weights": [Evil(marker)]}, protocol))
    with FileSource(file) as source:
        summary = recognise(source, file.name, format_catalog())
    assert summary is not None
    assert summary.danger == "dangerous"
    assert f"{os.system.__module__}.system('touch {marker}')" in said(summary)
    assert summary.findings[0].severity == "error"
    assert not marker.exists()


# A stranger's ways to hide os.system; each is a pickle that Python would load.
HIDDEN = {
    "two lines of text": b"cos\nsystem\n(S'echo x'\ntR.",
    "an instance": b"(S'echo x'\nios\nsystem\n.",
    "an object": b"(cos\nsystem\nS'echo x'\no.",
    "a name on the stack": b"\x80\x04" + m.text("os") + m.text("system") + b"\x93" + m.text("echo x") + b"\x85R.",
    "a name from the memo": b"\x80\x04"
    + m.text("os")
    + b"\x94"
    + m.text("system")
    + b"\x940h\x00h\x01\x93("
    + m.text("x")
    + b"tR.",
    "a name put far away": b"\x80\x04"
    + m.text("os")
    + b"r\xff\xff\x00\x000j\xff\xff\x00\x00"
    + m.text("system")
    + b"\x93)R.",
    "a duplicate": b"\x80\x04" + m.text("system") + m.text("os") + b"2" + m.text("system") + b"\x93)R.",
    "an escaped name": b"\x80\x02S'\\x6fs'\nS'sy\\x73tem'\n\x93)R.",
    "an octal name": b"\x80\x02S'\\157\\163'\nV\\u0073ystem\n\x93)R.",
    "before a broken end": b"cos\nsystem\n(S'echo x'\ntR\xff\xff\xff",
    "before the file ends": b"\x80\x04" + m.text("os") + m.text("system") + b"\x93" + m.text("echo x") + b"\x85R",
    "a class": b"\x80\x02cos\nsystem\n(S'echo x'\nt\x81.",
    "a class with keywords": b"\x80\x04" + m.text("os") + m.text("system") + b"\x93)}\x92.",
    "a dotted name": b"\x80\x04" + m.text("os") + m.text("sys.modules") + b"\x93.",
    "in the second pickle": pickle.dumps([1], 2) + b"\x80\x02cos\nsystem\n)R.",
    "popped at once": b"\x80\x02cos\nsystem\n)R0N.",
}


@pytest.mark.parametrize("way", HIDDEN)
def test_hidden_commands_are_found(way: str) -> None:
    summary = read(HIDDEN[way])
    assert summary.danger == "dangerous"
    assert "os.sys" in said(summary), said(summary)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x80\x04\x8c\x02osN\x93)R.", "whose name it works out"),
        (b"\x80\x02\x82\x01)R.", "copyreg extension.1"),
        (b"\x80\x02NN\x85R.", "does not import by name"),
        (b"\x80\x02ccollections\nOrderedDict\nN\x85R\xfe", "no pickle opcode 0xfe"),
        (b"\x80\x02ctransformers.training_args\nTrainingArguments\n)\x81.", "TrainingArguments()"),
        (b"\x80\x02cbuiltins\neval\n(X\x03\x00\x00\x001+1tR.", "builtins.eval('1+1')"),
        (b"\x80\x02c__builtin__\neval\n.", "import builtins.eval"),
    ],
)
def test_what_cannot_be_known_counts_as_dangerous(data: bytes, message: str) -> None:
    summary = read(data)
    assert summary.danger == "dangerous"
    assert message in said(summary)


def test_a_checkpoint_in_a_zip_shows_its_tensors() -> None:
    summary = read(m.torch_zip(), "pytorch_model.bin")
    assert (summary.id, summary.danger) == ("pytorch", "plain")
    assert [(t.name, t.shape, t.dtype) for t in summary.tensors] == [("weight", (2, 3), "FLOAT")]
    told = {fact.label: fact.value for fact in summary.facts}
    assert told["Weights"] == "24 B in 1 file"
    assert "torch._utils._rebuild_tensor_v2: harmless, called once" in told.values()


@pytest.mark.parametrize("deflated", [False, True])
def test_a_command_in_a_zip_is_found(deflated: bool) -> None:
    for files in ({"archive/data.pkl": HIDDEN["a class"]}, {"archive/other.pkl": HIDDEN["a class"]}):
        data = m.torch_zip(extra=files, deflated=deflated)
        summary = read(data, "x.pt")
        assert summary.danger == "dangerous"
        (offset,) = (finding.offset for finding in summary.findings if "os.system" in finding.message)
        assert offset is None if deflated else data[offset:].startswith(b"cos\nsystem\n")


def test_a_checkpoint_from_before_1_6_ends_before_its_weights() -> None:
    summary = read(m.torch_legacy(), "x.pth")
    assert (summary.id, summary.danger) == ("pytorch", "plain")
    assert {f.label: f.value for f in summary.facts}["Data after them"] == "32 B"
    assert [t.name for t in summary.tensors] == ["weight"]


def test_torchscript_is_told_apart() -> None:
    code = {"archive/code/__torch__.py": b"def forward(self): pass", "archive/constants.pkl": pickle.dumps((), 2)}
    assert read(m.torch_zip(extra=code), "x.pt").id == "torchscript"


def test_contents_of_gigabytes_are_passed_over() -> None:
    class Sparse(BytesSource):
        """A pickle that holds 1 TB of bytes which nobody has."""

        size = 1 << 40

        def window(self, offset: int, at_least: int) -> memoryview:
            start = b"\x80\x05\x8e" + struct.pack("<Q", (1 << 40) - 40)
            end = b"0cos\nsystem\n)R.".ljust(29, b".")
            if offset < len(start):
                return memoryview(start)[offset:]
            return memoryview(end)[offset - (1 << 40) + 29 :]

    scan = scan_pickle(Sparse(b""))
    assert scan.problem == ""
    assert [found.path for found in scan.imports] == ["os.system"]


@pytest.mark.parametrize(
    "piece",
    [
        b")",
        b"X\x05\x00\x00\x00abcdep\x00\x00",
        b"\x8c\x05abcde\x94",
        b"(((((",
        b"K\x05r" + struct.pack("<I", 2**31) + b"J\xff\xff\xff\x7f",
        b"\x8c\x02ab\x85\x94",
        b"cab\ncd\n",
    ],
)
def test_bombs_end_within_64_mb(piece: bytes) -> None:
    data = b"\x80\x04" + piece * 400_000
    tracemalloc.start()
    try:
        scan = scan_pickle(BytesSource(data))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert scan.problem
    assert peak < 64 << 20


def test_a_pickle_of_a_million_imports_ends_as_unknown() -> None:
    summary = read(b"\x80\x04" + b"\x8c\x04abcd\x8c\x02ef\x930" * 400_000)
    assert summary.danger == "dangerous"
    assert "longer or deeper" in said(summary)


def test_texts_are_no_pickles() -> None:
    for words in (b"classes are\nimported here\nand there.", b".", b"Interesting.\n", b"(a + b) * c.\n" * 20, b"N."):
        assert read(words, "notes.md").id in ("text", "unknown"), words
