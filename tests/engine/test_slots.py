"""Several conversations at once, and models that make vectors: what was planned is what is loaded, to the byte."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from support.engine import driven_engine
from support.forge import Shape, forge
from support.forge_encoder import TRAINED, forge_encoder
from support.forge_shapes import SHAPES

from desktop.core.gguf import BytesSource, Header, read_header
from desktop.core.gguf.skeleton import skeleton
from desktop.core.load_settings import LoadSettings
from desktop.core.memory import estimate, shape_of, weights_of
from desktop.engine.helper_process import Tool
from desktop.engine.planner.plan_records import Plan, Variant
from desktop.engine.planner.planner import PlanRequest, Plans

pytestmark = pytest.mark.engine
SMALL = Shape(layers=6, embedding=512, feed_forward=1024, heads=8, kv_heads=4)
RESOLUTION = 0.006 * 1024 * 1024  # of the log's figures, and what padding adds
SLOTS = 4


@pytest.fixture
def planner(tmp_path: Path) -> Iterator[Tool[Plans]]:
    folder = tmp_path / "planner"
    folder.mkdir()
    tool: Tool[Plans] = Tool("desktop.engine.planner.planner", Plans, folder, tmp_path / "planner.log")
    yield tool
    tool.close()


def header_of(path: Path) -> Header:
    with path.open("rb") as file:
        return read_header(BytesSource(file.read(32 << 20)))


def planned(tool: Tool[Plans], header: Header, *variants: Variant) -> tuple[Plan, ...]:
    shape = shape_of(header)
    assert shape is not None
    model = skeleton([header], shape.vocabulary)
    return tool.call(PlanRequest(model.header, model.file_bytes, variants), deadline_seconds=60).plans


def test_each_slot_takes_a_whole_cache_as_planned(vocab_dir: Path, tmp_path: Path, planner: Tool[Plans]) -> None:
    path = forge(tmp_path / "m.gguf", SMALL, "Q4_K", vocab_dir / "ggml-vocab-gpt-2.gguf")
    (plan, one) = planned(planner, header_of(path), Variant(1024, slots=SLOTS), Variant(1024))
    with driven_engine(tmp_path) as engine:
        loaded = engine.load(path, 1024, slots=SLOTS)
    real = loaded.memory
    assert (loaded.context_length, loaded.slots) == (1024, SLOTS)
    assert plan.kv_bytes == real.kv_bytes == SLOTS * one.kv_bytes
    assert sum(plan.compute_bytes) == real.compute_bytes
    assert sum(plan.output_bytes) == real.output_bytes
    assert real.output_bytes == pytest.approx(SLOTS * sum(one.output_bytes), abs=SLOTS * RESOLUTION)


def test_formulas_count_the_slots(tmp_path: Path, planner: Tool[Plans]) -> None:
    for make in SHAPES:
        header = header_of(make().write(tmp_path / "model.gguf"))
        shape = shape_of(header)
        assert shape is not None
        (plan,) = planned(planner, header, Variant(4096, slots=SLOTS))
        ours = estimate(shape, weights_of([header], shape), LoadSettings(4096, slots=SLOTS))
        where = make.__name__
        assert not plan.refused, where + plan.refused[-300:]
        assert ours.kv_bytes == pytest.approx(plan.kv_bytes, abs=2 * RESOLUTION), where
        assert ours.recurrent_bytes == pytest.approx(plan.recurrent_bytes, abs=RESOLUTION), where
        assert ours.output_bytes == pytest.approx(sum(plan.output_bytes), abs=RESOLUTION), where
        assert ours.compute_bytes == pytest.approx(sum(plan.compute_bytes), rel=0.1), where


@pytest.mark.parametrize("purpose", ["embedding", "rerank"])
def test_a_model_that_reads_whole_texts_takes_what_was_planned(
    purpose: Literal["embedding", "rerank"], vocab_dir: Path, tmp_path: Path, planner: Tool[Plans]
) -> None:
    path = forge_encoder(tmp_path / "m.gguf", vocab_dir, ranks=purpose == "rerank")
    (plan,) = planned(planner, header_of(path), Variant(TRAINED, purpose=purpose))
    with driven_engine(tmp_path) as engine:
        real = engine.load(path, TRAINED, purpose=purpose).memory
    assert not plan.refused, plan.refused[-300:]
    assert sum(plan.compute_bytes) == real.compute_bytes
    assert sum(plan.output_bytes) == real.output_bytes
    assert plan.kv_bytes == real.kv_bytes == 0
