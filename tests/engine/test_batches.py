"""So many tokens computed at once: what a plan says that takes is what a load takes, and formulas follow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.engine import driven_engine
from support.forge import Shape, forge
from support.forge_windowed import forge_windowed

from desktop.core.gguf import BytesSource, Header, read_header
from desktop.core.gguf.skeleton import skeleton
from desktop.core.load_settings import LoadSettings
from desktop.core.memory import estimate, shape_of, weights_of
from desktop.engine.helper_process import Tool
from desktop.engine.planner.plan_records import Plan, Variant
from desktop.engine.planner.planner import PlanRequest, Plans

pytestmark = pytest.mark.engine
SMALL = Shape(layers=6, embedding=512, feed_forward=1024, heads=8, kv_heads=4)
CONTEXT = 4096
RESOLUTION = 0.006 * 1024 * 1024  # of the log's figures


@pytest.fixture(params=["dense", "windowed"])
def model(request: pytest.FixtureRequest, tmp_path: Path, vocab_dir: Path) -> Path:
    vocab = vocab_dir / "ggml-vocab-gpt-2.gguf"
    if request.param == "windowed":
        return forge_windowed(tmp_path / "windowed.gguf", vocab)
    return forge(tmp_path / "dense.gguf", SMALL, "Q4_K", vocab)


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


@pytest.mark.parametrize("batch", [64, 2048])
def test_a_load_takes_what_was_planned(model: Path, batch: int, tmp_path: Path, planner: Tool[Plans]) -> None:
    header = header_of(model)
    shape = shape_of(header)
    assert shape is not None
    plan, usual = planned(planner, header, Variant(CONTEXT, batch=batch), Variant(CONTEXT))
    with driven_engine(tmp_path) as engine:
        loaded = engine.load(model, CONTEXT, batch=batch)
    real, ours = loaded.memory, estimate(shape, weights_of([header], shape), LoadSettings(CONTEXT, batch=batch))
    assert loaded.batch == batch
    assert sum(plan.compute_bytes) == pytest.approx(real.compute_bytes, rel=0.001)
    assert plan.kv_bytes == pytest.approx(real.kv_bytes, rel=0.001)
    assert ours.kv_bytes == pytest.approx(plan.kv_bytes, abs=2 * RESOLUTION)
    assert ours.compute_bytes == pytest.approx(sum(plan.compute_bytes), rel=0.01)
    more = sum(plan.compute_bytes) / sum(usual.compute_bytes)
    assert more > 2 if batch > 512 else more < 0.6
    if shape.layers[0].window:
        assert (plan.kv_bytes > usual.kv_bytes) == (batch > 512)


def test_no_more_than_the_context_is_computed_at_once(tmp_path: Path, vocab_dir: Path) -> None:
    path = forge(tmp_path / "m.gguf", SMALL, "Q4_K", vocab_dir / "ggml-vocab-gpt-2.gguf")
    with driven_engine(tmp_path) as engine:
        assert engine.load(path, 512, batch=8192).batch == 512
