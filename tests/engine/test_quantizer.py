"""llama.cpp's quantizer in a helper process: what is said before is what is made, to the byte."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.forge import TINY, Shape, metadata, tensors, write

from desktop.core.cancelled import CancelledError
from desktop.core.errors import FileFormatError, HeftError
from desktop.core.gguf import Header, read_header
from desktop.core.progress import Progress
from desktop.core.quantize_recipe import TARGETS, Recipe, quantized_headers, recipe_entries
from desktop.core.quants import TYPES_BY_NAME
from desktop.engine.helper_process import Tool
from desktop.engine.tools.imatrix_file import read_imatrix
from desktop.engine.tools.quantizer import Answer, Quantize, Quantized, ReadImatrix, Tried, TryOut
from desktop.store.gguf_files import FileSource

pytestmark = pytest.mark.engine
NEED_IMATRIX = ("IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M", "Q2_K_S", "IQ3_XXS", "IQ3_XS")
WORDS = 64  # of the vocabulary, which the quantizer does not read
ODD = Shape(layers=3, embedding=192, feed_forward=448, heads=6, kv_heads=2)  # rows that K-quants do not divide


@pytest.fixture
def tool(tmp_path: Path) -> Iterator[Tool[Any]]:
    made = Tool[Any]("desktop.engine.tools.quantizer", Answer, tmp_path, tmp_path / "quantizer.log")
    yield made
    made.close()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("forged") / "tiny-F16.gguf"
    return write(path, metadata(TINY, {}), tensors(TINY, "F16", WORDS))


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("forged") / "odd-F32.gguf"
    return write(path, metadata(ODD, {}), tensors(ODD, "F32", WORDS))


def header_of(path: Path) -> Header:
    with FileSource(path) as source:
        return read_header(source)


def write_imatrix(path: Path, model: Path) -> Path:
    """A legacy matrix in which every column of every matrix counts, some more."""
    rng = np.random.default_rng(1)
    matrices = [t for t in header_of(model).tensors if len(t.shape) == 2]
    with path.open("wb") as out:
        out.write(struct.pack("<i", len(matrices)))
        for tensor in matrices:
            name = tensor.name.encode()
            values = rng.uniform(0.5, 2.0, tensor.shape[0]).astype(np.float32)
            out.write(struct.pack("<i", len(name)) + name + struct.pack("<2i", 2, len(values)) + values.tobytes())
        out.write(struct.pack("<2i", 12, 4) + b"text")
    return path


def predicted(tool: Tool[Any], source: Path, recipe: Recipe, added: dict[str, str | int | bool], imatrix: Path) -> int:
    request = Quantize(
        str(source), "nothing", TARGETS[recipe.type], 2, requantize=True, pure=recipe.pure, dry_run=True,
        tensor_types=tuple((p, TYPES_BY_NAME[t].id) for p, t in recipe.tensor_types), imatrix=str(imatrix),
    )  # fmt: skip
    found = tool.call(request)
    assert isinstance(found, Quantized)
    with FileSource(source) as stream:
        (one,) = quantized_headers([(read_header(stream), stream)], found.types, recipe, added)
    return one.file_bytes


@pytest.mark.parametrize("which", ["whole", "odd"])
def test_the_size_said_before_is_the_size_made(
    tool: Tool[Any], which: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Of every type; what cannot be made is refused before, too."""
    source: Path = request.getfixturevalue(which)
    matrix = write_imatrix(tmp_path / "imatrix.dat", source)
    refused = set()
    for name in TARGETS:
        recipe, target = Recipe(name), tmp_path / f"{name}.gguf"
        added = recipe_entries(recipe, {"source.sha256": "0" * 64, "requantized": True})
        told: dict[str, str | int | bool] = {
            "quantize.imatrix.file": "imatrix.dat", "quantize.imatrix.dataset": "text",
            "quantize.imatrix.entries_count": len(read_imatrix(matrix).entries), "quantize.imatrix.chunks_count": 12,
        }  # fmt: skip
        order = Quantize(
            str(source), str(target), TARGETS[name], 2, requantize=True, imatrix=str(matrix), entries=added
        )
        try:
            before = predicted(tool, source, recipe, {**added, **told}, matrix)
        except HeftError:
            with pytest.raises(HeftError):
                tool.call(order)
            refused.add(name)
            continue
        made = tool.call(order)
        assert isinstance(made, Quantized)
        assert target.stat().st_size == before, name
        header = header_of(target)
        assert {tensor.name: tensor.type for tensor in header.tensors} == made.types
        assert header.string("heft.recipe.source.sha256") == "0" * 64 and header.string("heft.recipe.type") == name
        assert header.integer("general.file_type") == TARGETS[name]
        assert header.string("quantize.imatrix.dataset") == "text"
        assert not [finding for finding in header.problems if finding.severity == "error"]
    assert refused == ({"Q1_0"} if which == "odd" else set())


def test_types_of_tensors_and_pure_are_the_quantizers_own(tool: Tool[Any], whole: Path, tmp_path: Path) -> None:
    target = tmp_path / "made.gguf"
    asked = (("attn_v", TYPES_BY_NAME["Q8_0"].id), (r"blk\.1\.ffn_.*", TYPES_BY_NAME["Q5_K"].id))
    tool.call(
        Quantize(
            str(whole), str(target), TARGETS["Q4_K_M"], 2, pure=True, tensor_types=asked,
            output_type=TYPES_BY_NAME["Q6_K"].id, embedding_type=TYPES_BY_NAME["Q8_0"].id,
        )
    )  # fmt: skip
    types = {tensor.name: tensor.type for tensor in header_of(target).tensors}
    assert types["token_embd.weight"] in ("Q6_K", "Q8_0")  # tied: the output's
    assert types["blk.0.attn_v.weight"] == types["blk.1.attn_v.weight"] == "Q8_0"
    assert types["blk.1.ffn_up.weight"] == "Q5_K" and types["blk.0.ffn_up.weight"] == "Q4_K"
    assert types["blk.0.attn_norm.weight"] == "F32"


@pytest.mark.parametrize("name", NEED_IMATRIX[:3])
def test_what_needs_an_importance_matrix_is_said_before_and_refused(
    tool: Tool[Any], whole: Path, tmp_path: Path, name: str
) -> None:
    request = Quantize(str(whole), str(tmp_path / "made.gguf"), TARGETS[name], 2, dry_run=True)
    assert tool.call(request).needs_imatrix
    with pytest.raises(HeftError) as caught:
        tool.call(Quantize(str(whole), str(tmp_path / "made.gguf"), TARGETS[name], 2))
    assert caught.value.kind == "usage" and "importance matrix" in caught.value.message


def test_a_quantized_file_is_refused_unless_it_is_allowed(tool: Tool[Any], starter_model: Path, tmp_path: Path) -> None:
    target = tmp_path / "again.gguf"
    with pytest.raises(HeftError) as caught:
        tool.call(Quantize(str(starter_model), str(target), TARGETS["Q8_0"], 2))
    assert "requantizing" in caught.value.message


def test_progress_counts_weights_and_a_cancel_ends_the_process(
    tool: Tool[Any], starter_model: Path, tmp_path: Path
) -> None:
    steps: list[Progress] = []
    weights = header_of(starter_model).parameters
    stop: list[bool] = []

    def hear(step: Progress) -> None:
        steps.append(step)
        if step.fraction > 0.3:
            stop.append(True)

    request = Quantize(
        str(starter_model), str(tmp_path / "x.gguf"), TARGETS["F16"], 2, requantize=True, weights=weights
    )
    with pytest.raises(CancelledError):
        tool.call(request, progress=hear, cancelled=lambda: bool(stop))
    assert steps[-1].note and 0.3 < steps[-1].fraction < 1 and steps[-1].unit == "weights"


def test_what_was_made_is_loaded_and_computes_numbers(tool: Tool[Any], starter_model: Path, tmp_path: Path) -> None:
    assert tool.call(TryOut(str(starter_model), True, 2)) == Tried(True)
    broken = tmp_path / "broken.gguf"
    data = bytearray(starter_model.read_bytes())
    broken.write_bytes(data[: len(data) // 2])
    with pytest.raises(HeftError):
        tool.call(TryOut(str(broken), True, 2))
    header = header_of(starter_model)
    norm = next(tensor for tensor in header.tensors if tensor.name == "output_norm.weight")
    data[header.position(norm) : header.position(norm) + 4] = struct.pack("<f", float("inf"))
    broken.write_bytes(data)
    with pytest.raises(HeftError) as caught:
        tool.call(TryOut(str(broken), True, 2))
    assert caught.value.kind == "not-finite"


def test_an_importance_matrix_in_either_form(tool: Tool[Any], whole: Path, tmp_path: Path) -> None:
    legacy = write_imatrix(tmp_path / "legacy.dat", whole)
    old = read_imatrix(legacy)
    assert old.dataset == "text" and old.chunks == 12
    told = tool.call(ReadImatrix(str(legacy)))
    assert (told.entries, told.chunks, told.dataset) == (len(old.entries), 12, "text")
    assert {one.name for one in told.tensors} == set(old.entries)
    gguf = pytest.importorskip("gguf")
    writer = gguf.GGUFWriter(str(tmp_path / "new.gguf"), "")
    writer.add_type("imatrix")
    writer.add_array("imatrix.datasets", ["text"])
    writer.add_uint32("imatrix.chunk_count", 12)
    writer.add_uint32("imatrix.chunk_size", 512)
    for name, values in old.entries.items():
        writer.add_tensor(f"{name}.in_sum2", (values * 24).reshape(1, -1))
        writer.add_tensor(f"{name}.counts", np.array([[24.0]], np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    new = read_imatrix(tmp_path / "new.gguf")
    assert new.entries.keys() == old.entries.keys() and (new.dataset, new.chunks) == ("text", 12)
    for name, values in new.entries.items():
        np.testing.assert_allclose(values, old.entries[name], rtol=1e-6)
    target = {}
    for matrix in (legacy, tmp_path / "new.gguf"):
        made = tmp_path / f"{matrix.stem}-made.gguf"
        tool.call(Quantize(str(whole), str(made), TARGETS["IQ2_XS"], 2, imatrix=str(matrix)))
        header = header_of(made)
        target[matrix.stem] = made.read_bytes()[header.data_offset :]
    assert len(target["legacy"]) == len(target["new"])
    with pytest.raises(FileFormatError):
        read_imatrix(whole)
