"""Numbers of tensors, held beside gguf's own dequantizing and numpy's own statistics."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from gguf.quants import dequantize as oracle

from desktop.core.errors import HeftError
from desktop.core.gguf import read_header
from desktop.core.progress import Progress, unheard
from desktop.core.quants import TYPES_BY_NAME
from desktop.engine.helper_process import Tool
from desktop.engine.tools.dequantize import NEEDS_IMATRIX, TARGETS, dequantize, quantize, requantize
from desktop.engine.tools.numbers import (
    SUMMARY_WEIGHTS,
    Answer,
    Errors,
    Requantize,
    Summarize,
    Summary,
    TensorLocation,
    requantize_all,
    summarize,
)
from desktop.store.gguf_files import FileSource


@pytest.fixture
def tool(tmp_path: Path) -> Iterator[Tool[Any]]:
    made = Tool[Any]("desktop.engine.tools.numbers", Answer, tmp_path, tmp_path / "numbers.log")
    yield made
    made.close()


def summary(place: TensorLocation, limit: int = SUMMARY_WEIGHTS) -> Summary:
    return summarize(Summarize(place, limit), unheard)


def place_of(path: Path, name: str) -> TensorLocation:
    source = FileSource(path)
    header = read_header(source)
    tensor = next(t for t in header.tensors if t.name == name)
    source.close()
    return TensorLocation(str(path), header.position(tensor), tensor.type_id, tensor.shape)


def written(path: Path, values: np.ndarray, kind: str = "F32") -> TensorLocation:
    path.write_bytes(values.tobytes())
    return TensorLocation(str(path), 0, TYPES_BY_NAME[kind].id, tuple(reversed(values.shape)))


# -- conversions ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TARGETS)
def test_ggml_and_gguf_read_the_same_numbers(name: str) -> None:
    kind = TYPES_BY_NAME[name]
    if kind.id not in set(gguf.GGMLQuantizationType):
        pytest.skip("this gguf package does not know the type")
    rows = np.random.default_rng(kind.id).normal(0, 0.02, (8, 768)).astype(np.float32)
    raw = quantize(name, rows).reshape(8, -1)
    try:
        theirs = oracle(raw.view(np.float16) if name == "F16" else raw, gguf.GGMLQuantizationType(kind.id))
    except NotImplementedError:
        pytest.skip("this gguf package cannot read the type")
    ours = dequantize(kind.id, raw.tobytes())
    np.testing.assert_allclose(ours, theirs.reshape(-1), rtol=1e-5, atol=1e-8)


def test_the_types_without_a_way_back_in_ggml() -> None:
    quants = np.arange(-16, 16, dtype=np.int8)
    q8_1 = struct.pack("<ee", 0.5, 99.0) + quants.tobytes()
    np.testing.assert_array_equal(dequantize(TYPES_BY_NAME["Q8_1"].id, q8_1), quants * 0.5)
    wide = np.arange(-128, 128, dtype=np.int8)
    q8_k = struct.pack("<f", 0.25) + wide.tobytes() + bytes(32)
    np.testing.assert_array_equal(dequantize(TYPES_BY_NAME["Q8_K"].id, q8_k), wide * np.float32(0.25))


@pytest.mark.parametrize("name", ["I8", "I16", "I32", "I64", "F64"])
def test_plain_numbers_of_both_byte_orders(name: str) -> None:
    code = {"I8": "i1", "I16": "i2", "I32": "i4", "I64": "i8", "F64": "f8"}[name]
    values = np.array([-128, 0, 5, 127], code)
    type_id = TYPES_BY_NAME[name].id
    np.testing.assert_array_equal(dequantize(type_id, values.tobytes()), values)
    swapped = values.astype(">" + code).tobytes()
    np.testing.assert_array_equal(dequantize(type_id, swapped, big_endian=True), values)


def test_what_cannot_be_converted_is_refused() -> None:
    for type_id, raw, big in ((4, b"", False), (2, bytes(17), False), (2, bytes(18), True)):
        with pytest.raises(ValueError):
            dequantize(type_id, raw, big_endian=big)


@pytest.mark.parametrize("name", TARGETS)
def test_requantizing_loses_little_and_less_with_more_bits(name: str) -> None:
    rows = np.random.default_rng(1).normal(0, 0.02, (4, 512)).astype(np.float32)
    back = requantize(name, rows)
    relative = np.sqrt(np.mean((back - rows) ** 2) / np.mean(rows**2))
    bits = TYPES_BY_NAME[name].bits_per_weight
    # a uniform quantizer of a normal distribution lies well below; half precision keeps 8 (BF16) or 11 bits
    assert relative < max(10 * 2.0**-bits, 2.0**-8 if name in ("F16", "BF16") else 0), (name, relative)


# -- the process ---------------------------------------------------------------------------------


def test_the_starter_model_tensor_as_gguf_and_numpy_see_it(starter_model: Path) -> None:
    name = "blk.0.attn_k.weight"
    found = summary(place_of(starter_model, name))
    tensor = next(t for t in gguf.GGUFReader(starter_model).tensors if t.name == name)
    values = oracle(tensor.data, tensor.tensor_type).astype(np.float64).reshape(-1)
    assert (found.values, found.total) == (values.size, values.size) == (110_592, 110_592)
    assert (found.minimum, found.maximum) == (values.min(), values.max())
    assert found.mean == pytest.approx(values.mean(), rel=1e-9)
    assert found.deviation == pytest.approx(values.std(), rel=1e-9)
    away = np.abs(values - values.mean()) > 4 * values.std()
    assert found.outliers == np.count_nonzero(away) > 0
    assert found.zeros == np.count_nonzero(values == 0)
    assert sum(found.bins) == values.size - found.outliers


def test_planted_nan_and_infinity_are_counted_and_left_out(tmp_path: Path) -> None:
    values = np.array([1.0, 0.0, np.nan, np.inf, -np.inf, 3.0, np.nan, 0.0], np.float32)
    place = written(tmp_path / "planted", values)
    found = summary(place)
    assert (found.nans, found.infinities, found.zeros) == (2, 2, 2)
    assert (found.minimum, found.maximum, found.mean) == (0.0, 3.0, 1.0)
    with pytest.raises(HeftError) as refused:
        requantize_all(Requantize(place), unheard)
    assert refused.value.kind == "not-finite"
    nothing = summary(written(tmp_path / "nothing", np.full(4, np.nan, np.float32)))
    assert (nothing.nans, nothing.values, sum(nothing.bins)) == (4, 4, 0)


def test_equal_values_fill_one_bin(tmp_path: Path) -> None:
    found = summary(written(tmp_path / "ones", np.ones(576, np.float32)))
    assert (found.deviation, found.outliers, max(found.bins)) == (0.0, 0, 576)


def test_a_sample_is_whole_rows_from_all_over(tmp_path: Path) -> None:
    rows = np.repeat(np.arange(1000, dtype=np.float32), 64).reshape(1000, 64)
    found = summary(written(tmp_path / "rows", rows), limit=6_400)
    assert (found.values, found.total) == (6_400, 64_000)
    assert (found.minimum, found.maximum) == (5.0, 995.0)
    assert found.mean == pytest.approx(500.0)


def test_a_tensor_beyond_the_end_is_refused_and_the_process_lives(tool: Tool[Any], tmp_path: Path) -> None:
    place = written(tmp_path / "short", np.ones((4, 64), np.float32))
    for hostile in (
        TensorLocation(place.path, 1, place.type_id, place.shape),
        TensorLocation(place.path, 2**62, place.type_id, place.shape),
        TensorLocation(place.path, 0, place.type_id, (2**31, 2**31)),
        TensorLocation(place.path, 0, 4, place.shape),
        TensorLocation(place.path, 0, TYPES_BY_NAME["Q4_K"].id, (64, 4)),
        TensorLocation(place.path, 0, place.type_id, (0, 4)),
    ):
        with pytest.raises(HeftError) as refused:
            tool.call(Summarize(hostile))
        assert refused.value.kind == "bad-file", hostile
    answer = tool.call(Summarize(place))
    assert isinstance(answer, Summary) and answer.values == 256


def test_errors_grow_as_bits_shrink(tool: Tool[Any], starter_model: Path) -> None:
    steps: list[Progress] = []
    place = place_of(starter_model, "blk.0.attn_k.weight")
    answer = tool.call(Requantize(place, 20_000), progress=steps.append)
    assert isinstance(answer, Errors)
    by_type = {error.type: error for error in answer.types}
    # rows of 576 weights hold no whole blocks of 256 or 128
    assert set(by_type) == {name for name in TARGETS if 576 % TYPES_BY_NAME[name].block == 0}
    assert by_type["Q4_1"].relative < 0.02  # what it is stored as; only the scales are rounded once more
    assert by_type["F16"].rmse < by_type["Q8_0"].rmse < by_type["Q5_0"].rmse < by_type["Q4_0"].rmse
    assert by_type["Q4_0"].largest >= by_type["Q4_0"].rmse > 0
    assert answer.values == 34 * 576 and answer.total == 110_592
    assert [step.note for step in steps].count("Q8_0") == 1
    assert [step.fraction for step in steps] == sorted(step.fraction for step in steps)


def test_types_that_want_an_imatrix_say_so(tmp_path: Path) -> None:
    rows = np.random.default_rng(2).normal(0, 1, (8, 256)).astype(np.float32)
    answer = requantize_all(Requantize(written(tmp_path / "wide", rows)), unheard)
    assert {error.type for error in answer.types if error.needs_imatrix} == NEEDS_IMATRIX
    assert {error.type for error in answer.types} == set(TARGETS)
