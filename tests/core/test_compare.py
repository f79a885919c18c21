"""Two headers beside each other: real ones with themselves, small ones with every kind of difference."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from support import gguf_bytes as g

from desktop.core.cancelled import CancelledError
from desktop.core.compare import Side, compare
from desktop.core.gguf import BytesSource, read_header


def _side(model: g.Model) -> Side:
    data, size = model.header()
    header = read_header(BytesSource(data + b"\0" * size))
    return Side(header.metadata, header.tensors)


def _keys(*entries: tuple[str, int, object]) -> Side:
    return _side(g.Model(list(entries)))


def test_a_file_is_identical_with_itself(vocab_dir: Path) -> None:
    data = (vocab_dir / "ggml-vocab-llama-bpe.gguf").read_bytes()
    one, other = (read_header(BytesSource(data)) for _ in range(2))
    found = compare(Side(one.metadata, one.tensors), Side(other.metadata, other.tensors))
    assert found.identical and found.equal_keys == len(one.metadata) > 10


def test_vocabularies_differ_at_a_place(vocab_dir: Path) -> None:
    headers = [
        read_header(BytesSource((vocab_dir / f"ggml-vocab-{name}.gguf").read_bytes())) for name in ("gpt-2", "falcon")
    ]
    one, other = (Side(header.metadata, header.tensors) for header in headers)
    tokens = next(change for change in compare(one, other).keys if change.key == "tokenizer.ggml.tokens")
    assert tokens.at is not None
    arrays = [header.array("tokenizer.ggml.tokens") for header in headers]
    assert arrays[0] is not None and arrays[1] is not None
    assert arrays[0][: tokens.at] == arrays[1][: tokens.at] and arrays[0][tokens.at] != arrays[1][tokens.at]


def test_values() -> None:
    one = _keys(
        ("same", g.U32, 7),
        ("type", g.U32, 7),
        ("nan", g.F32, math.nan),
        ("text", g.STRING, "a template with an end"),
        ("longer", g.ARRAY, (g.I32, [1, 2])),
        ("gone", g.BOOL, True),
    )
    other = _keys(
        ("same", g.U32, 7),
        ("type", g.U64, 7),
        ("nan", g.F32, math.nan),
        ("text", g.STRING, "a template with another"),
        ("longer", g.ARRAY, (g.I32, [1, 2, 3])),
        ("new", g.BOOL, True),
    )
    found = compare(one, other)
    assert [(change.key, change.at) for change in found.keys] == [
        ("type", None),
        ("text", len("a template with an")),
        ("longer", 2),
        ("gone", None),
        ("new", None),
    ]
    assert found.equal_keys == 2
    assert found.keys[3].second is None and found.keys[4].first is None


def test_tensors_and_bytes_per_role() -> None:
    first, second = g.Model(), g.Model()
    first.tensors = [
        ("blk.0.a.weight", (256, 4), 12),
        ("blk.1.a.weight", (256, 4), 12),
        ("blk.0.b.weight", (256, 4), 0),
        ("blk.0.c.weight", (256,), 0),
    ]
    second.tensors = [
        ("blk.0.a.weight", (256, 4), 14),
        ("blk.1.a.weight", (256, 4), 12),
        ("blk.0.b.weight", (256, 8), 1),
        ("blk.0.d.weight", (256,), 0),
    ]
    found = compare(_side(first), _side(second))
    assert [(change.name, change.change) for change in found.tensors] == [
        ("blk.0.a.weight", "type"),
        ("blk.0.b.weight", "shape"),
        ("blk.0.c.weight", "only-first"),
        ("blk.0.d.weight", "only-second"),
    ]
    assert found.equal_tensors == 1
    sums = {role.role: (role.first_bytes, role.second_bytes) for role in found.roles}
    assert sums == {"a": (2 * 576, 576 + 840), "b": (4096, 4096), "c": (1024, 0), "d": (0, 1024)}
    assert (found.first_bytes, found.second_bytes) == (2 * 576 + 4096 + 1024, 576 + 840 + 4096 + 1024)
    assert found.roles[0].role == "b"  # largest first


def test_names_that_occur_twice_are_paired_in_order() -> None:
    first, second = g.Model(), g.Model()
    first.tensors = [("x", (256,), 0), ("x", (256,), 0)]
    second.tensors = [("x", (256,), 0)]
    found = compare(_side(first), _side(second))
    assert [change.change for change in found.tensors] == ["only-first"] and found.equal_tensors == 1


def test_cancelled() -> None:
    side = _keys(("list", g.ARRAY, (g.I32, list(range(100)))))
    with pytest.raises(CancelledError):
        compare(side, side, lambda: True)
