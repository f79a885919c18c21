"""NaN and infinities among weights, told as ggml's own validation tells them."""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from desktop.core.errors import HeftError
from desktop.core.progress import Progress
from desktop.core.quants import TENSOR_TYPES, TYPES_BY_NAME
from desktop.engine.helper_process import Tool
from desktop.engine.tools.weight_scan import Scanned, ScanWeights, Stored, no_numbers

BLOCKS = 40
# ggml checks no scales of these, or (F64) after narrowing them to 32 bits; the whole numbers hold none.
UNCHECKED = {"NVFP4", "Q8_1", "Q8_K", "F64", "I8", "I16", "I32", "I64"}


@pytest.fixture(scope="module")
def ggml() -> ctypes.CDLL:
    spec = importlib.util.find_spec("llama_cpp")
    assert spec is not None and spec.origin is not None
    library = ctypes.CDLL(str(next((Path(spec.origin).parent / "lib").glob("*ggml-base.*"))))
    library.ggml_validate_row_data.restype = ctypes.c_bool
    library.ggml_validate_row_data.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t]
    return library


@pytest.mark.parametrize("name", [kind.name for kind in TENSOR_TYPES.values() if kind.name not in UNCHECKED])
def test_the_same_blocks_are_refused_as_by_ggml(ggml: ctypes.CDLL, name: str) -> None:
    kind = TYPES_BY_NAME[name]
    refused = 0
    for raw in _blocks(kind.block_bytes, kind.id):
        accepted = bool(ggml.ggml_validate_row_data(kind.id, raw, len(raw)))
        assert (no_numbers(name, raw).size == 0) == accepted, raw.hex()
        refused += not accepted
    assert refused > 0


def _blocks(size: int, seed: int) -> Iterator[bytes]:
    """Blocks with a float of set exponent bits at every place, from every place to the end, and random ones."""
    chance = np.random.default_rng(seed)
    yield bytes(size)
    for place in range(size):
        for pattern in (b"\x00\x7c", b"\x80\x7f", b"\xf0\x7f", b"\x01\xfe", b"\xff\xff"):
            yield (bytes(place) + pattern + bytes(size))[:size]
        yield bytes(place) + b"\xff" * (size - place)
    for _ in range(200):
        yield chance.integers(0, 256, size, dtype=np.uint8).tobytes()


@pytest.mark.parametrize("name", ["F32", "F16", "BF16", "Q4_K", "Q6_K", "IQ1_M", "MXFP4"])
def test_the_index_is_that_of_the_block(name: str) -> None:
    kind = TYPES_BY_NAME[name]
    clean = bytes(kind.block_bytes * BLOCKS)
    assert no_numbers(name, clean).size == 0
    spoiled = bytearray(clean)
    spoiled[kind.block_bytes * 7 : kind.block_bytes * 8] = b"\xff" * kind.block_bytes
    assert no_numbers(name, spoiled).tolist() == [7]


def test_big_endian_files() -> None:
    assert no_numbers("F16", b"\x7c\x00\x00\x7c", big_endian=True).tolist() == [0]
    assert no_numbers("F16", b"\x7c\x00\x00\x7c").tolist() == [1]


def test_a_file_is_scanned_in_a_process_of_its_own(tmp_path: Path) -> None:
    values = np.ones(3_000_000, np.float32)  # more than one piece
    values[[2_500_000, 2_500_007]] = np.nan, np.inf
    path = tmp_path / "weights"
    path.write_bytes(bytes(64) + values.tobytes())
    tensors = (
        Stored("good", 64, 0, 2_000_000),
        Stored("bad", 64, 0, 3_000_000),
        Stored("beyond", 64, 0, 4_000_000),
        Stored("whole numbers", 64, 26, 100),
    )
    steps: list[Progress] = []
    tool = Tool[Scanned]("desktop.engine.tools.weight_scan", Scanned)
    try:
        found = tool.call(ScanWeights(str(path), tensors), progress=steps.append)
        with pytest.raises(HeftError):
            tool.call(ScanWeights(str(tmp_path / "missing"), tensors))
    finally:
        tool.close()
    (bad,) = found.bad
    assert (bad.name, bad.count, bad.offset) == ("bad", 2, 64 + 4 * 2_500_000)
    done = [step.done for step in steps]
    assert found.unread == 2 and done == sorted(done) and len(done) > 2
    assert {(step.total, step.unit) for step in steps} == {(4 * 9_000_000 + 4 * 100, "bytes")}
