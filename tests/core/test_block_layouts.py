"""The drawings of blocks agree with the sizes of the types, and with what the bytes do."""

from __future__ import annotations

import struct

import pytest

from desktop.core.block_layouts import LAYOUTS
from desktop.core.quants import TENSOR_TYPES, TYPES_BY_NAME


@pytest.mark.parametrize("kind", TENSOR_TYPES.values(), ids=lambda kind: kind.name)
def test_every_type_has_a_layout_whose_bytes_are_its_blocks(kind) -> None:  # type: ignore[no-untyped-def]
    layout = LAYOUTS[kind.name]
    assert (layout.bytes, layout.weights) == (kind.block_bytes, kind.block)
    assert layout.bits_per_weight == kind.bits_per_weight


def test_no_layout_without_a_type_and_every_field_is_explained() -> None:
    assert set(LAYOUTS) == set(TYPES_BY_NAME)
    for layout in LAYOUTS.values():
        assert layout.formula.startswith("w = ")
        for field in layout.fields:
            assert field.label and field.meaning.endswith("."), (layout.type, field)


def _offset(kind: str, label: str) -> int:
    offset = 0
    for field in LAYOUTS[kind].fields:
        if field.label == label:
            return offset
        offset += field.bytes
    raise AssertionError(label)


@pytest.mark.parametrize(
    ("kind", "label"), [("Q4_0", "scale"), ("Q6_K", "scale"), ("TQ2_0", "scale"), ("IQ3_S", "scale")]
)
def test_the_scale_lies_where_the_layout_says(kind: str, label: str) -> None:
    import numpy as np
    from gguf import GGMLQuantizationType
    from gguf.quants import dequantize

    offset = _offset(kind, label)
    block = bytearray(range(1, LAYOUTS[kind].bytes + 1))
    values = []
    for scale in (1.0, 2.0):
        block[offset : offset + 2] = struct.pack("<e", scale)
        values.append(dequantize(np.frombuffer(bytes(block), np.uint8), GGMLQuantizationType[kind]))
    assert np.any(values[0] != 0)
    assert np.array_equal(values[1], values[0] * 2)
