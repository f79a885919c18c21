"""Importance matrices as llama-imatrix makes them: its figures, its form, and going on in the middle."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from desktop.core.errors import HeftError
from desktop.engine.helper_process import Tool
from desktop.engine.tools.imatrix_file import (
    Collected,
    Sums,
    importance_of,
    read_collected,
    read_imatrix,
    write_imatrix,
)
from desktop.engine.tools.imatrix_maker import Answer, Begin, Collect, Keep, State
from desktop.engine.tools.measurer import Open
from desktop.system.packaged import FOLDER

RECORDED = Path(__file__).parent / "recorded" / "llama_imatrix.json"
TEXT = FOLDER / "texts" / "prose.txt"


@pytest.fixture
def tool(tmp_path: Path) -> Iterator[Tool[Any]]:
    made = Tool[Any]("desktop.engine.tools.imatrix_maker", Answer, tmp_path, tmp_path / "imatrix.log")
    yield made
    made.close()


def sums(rows: int, columns: int, counts: list[int]) -> Sums:
    squares = np.arange(rows * columns, dtype=np.float32).reshape(rows, columns)
    return Sums(squares, np.array(counts, np.int64))


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    plain, experts = sums(1, 40, [512]), sums(3, 8, [100, 0, 7])
    write_imatrix(
        path,
        Collected(
            {"blk.0.ffn_up.weight": plain, "blk.0.ffn_up_exps.weight": experts}, 2, 256, "prose", {"heft.x": "y"}
        ),
    )
    found = read_imatrix(path)
    assert (found.dataset, found.chunks) == ("prose", 2)
    np.testing.assert_array_equal(found.entries["blk.0.ffn_up.weight"], plain.squares[0] / np.float32(512))
    kept = found.entries["blk.0.ffn_up_exps.weight"].reshape(3, 8)
    np.testing.assert_array_equal(kept[1], 1.0)  # an expert that nothing reached
    np.testing.assert_array_equal(kept[2], experts.squares[2] / np.float32(7))
    again = read_collected(path)
    assert (again.chunks, again.chunk_size, again.told) == (2, 256, {"heft.x": "y"})
    for name, one in (("blk.0.ffn_up.weight", plain), ("blk.0.ffn_up_exps.weight", experts)):
        np.testing.assert_array_equal(again.sums[name].squares, one.squares)
        np.testing.assert_array_equal(again.sums[name].counts, one.counts)
    table = {one.name: one for one in importance_of(found)}
    assert table["blk.0.ffn_up.weight"].rows == 512
    assert table["blk.0.ffn_up.weight"].mean == pytest.approx(19.5 / 512)
    assert table["blk.0.ffn_up.weight"].top_share == pytest.approx(39 / 780)


def made(tool: Tool[Any], model: Path, path: Path, chunks: int, context: int = 128) -> None:
    tool.call(Open(str(model), str(TEXT), context, 2))
    tool.call(Begin(str(path.with_suffix(".kept")), "sign", context, "prose"))
    for chunk in range(chunks):
        tool.call(Collect(chunk))
    tool.call(Keep(str(path)))


@pytest.mark.engine
def test_the_figures_are_llama_imatrixs(tool: Tool[Any], starter_model: Path, tmp_path: Path) -> None:
    """How they were recorded stands in the file."""
    recorded = json.loads(RECORDED.read_text())
    path = tmp_path / "own.gguf"
    made(tool, starter_model, path, recorded["chunks"], recorded["context"])
    found = read_imatrix(path)
    assert found.chunks == recorded["chunks"] and set(found.entries) == set(recorded["tensors"])
    for name, figures in recorded["tensors"].items():
        own = found.entries[name]
        assert own.mean(dtype=np.float64) == pytest.approx(figures["mean"], rel=1e-4)
        assert own.max() == pytest.approx(figures["max"], rel=1e-4)
        assert own[:4] == pytest.approx(figures["first"], rel=1e-3)


@pytest.mark.engine
def test_going_on_in_the_middle_gives_the_same(tool: Tool[Any], starter_model: Path, tmp_path: Path) -> None:
    whole, kept, parts = tmp_path / "whole.gguf", tmp_path / "kept.gguf", tmp_path / "parts.gguf"
    made(tool, starter_model, whole, 2)
    begun = tool.call(Begin(str(kept), "sign", 128, "prose"))
    assert isinstance(begun, State) and begun.chunks == 0
    tool.call(Collect(0))
    tool.call(Keep(str(kept), "sign"))
    tool.close()
    tool.call(Open(str(starter_model), str(TEXT), 128, 2))
    other = tool.call(Begin(str(kept), "another text's", 128, "prose"))
    assert isinstance(other, State) and other.chunks == 0
    found = tool.call(Begin(str(kept), "sign", 128, "prose"))
    assert isinstance(found, State) and found.chunks == 1
    with pytest.raises(HeftError):
        tool.call(Collect(0))
    tool.call(Collect(1))
    tool.call(Keep(str(parts)))
    one, two = read_imatrix(whole), read_imatrix(parts)
    assert (one.chunks, two.chunks) == (2, 2) and one.rows == two.rows
    for name, values in one.entries.items():
        np.testing.assert_array_equal(values, two.entries[name])
