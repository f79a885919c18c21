"""Models without a KV cache: the formulas against the engine's dry run, and what ``heft fit`` says of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.forge_cacheless import CACHELESS, dream, llama_embed, t5, t5encoder
from support.forge_header import Forged

from desktop.cli.main import main
from desktop.core.gguf import BytesSource, read_header
from desktop.core.gguf.skeleton import skeleton
from desktop.core.load_settings import LoadSettings
from desktop.core.memory import estimate, shape_of, weights_of
from desktop.core.model_kind import TEXT_DIFFUSION
from desktop.engine.helper_process import Tool
from desktop.engine.planner.plan_records import Variant
from desktop.engine.planner.planner import PlanRequest, Plans

RESOLUTION = 0.006 * 1024 * 1024  # of the log's figures
ALL = (*CACHELESS, t5, llama_embed)
KEEP_ONE = ("t5", "t5encoder", "llama_embed")  # the engine allocates a cache for these


@pytest.fixture
def planner(tmp_path: Path) -> Iterator[Tool[Plans]]:
    folder = tmp_path / "planner"
    folder.mkdir()
    tool: Tool[Plans] = Tool("desktop.engine.planner.planner", Plans, folder, tmp_path / "planner.log")
    yield tool
    tool.close()


@pytest.mark.engine
def test_formulas_agree_with_the_engine(tmp_path: Path, planner: Tool[Plans]) -> None:
    for make in ALL:
        name = make.__name__
        header = read_header(BytesSource(make().write(tmp_path / "m.gguf").read_bytes()))
        shape = shape_of(header)
        assert shape is not None and shape.known, name
        model, weights = skeleton([header], shape.vocabulary), weights_of([header], shape)
        variants = (Variant(512), Variant(2048), Variant(1024, flash_attention="off"))
        request = PlanRequest(model.header, model.file_bytes, variants)
        for variant, plan in zip(variants, planner.call(request, deadline_seconds=60).plans, strict=True):
            where = f"{name} at {variant}"
            assert not plan.refused, where + plan.refused[-500:]
            ours = estimate(shape, weights, LoadSettings(variant.context, flash_attention=variant.flash_attention))
            assert (plan.kv_bytes > 0) == (name in KEEP_ONE), where
            assert ours.kv_bytes == pytest.approx(plan.kv_bytes, abs=RESOLUTION), where
            assert ours.compute_bytes == pytest.approx(sum(plan.compute_bytes), abs=2 * RESOLUTION), where


def fit(path: Path, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, Any]:
    assert main(["fit", str(path), *more, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize("make", ALL, ids=lambda make: make.__name__)
def test_fit_tells_figures_without_a_cache_and_without_a_speed(
    make: Callable[[], Forged], heft_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = make()
    found = fit(model.write(tmp_path / "m.gguf"), capsys, "--estimate")
    assert (found["memory"]["kv_bytes"] > 0) == (make.__name__ in KEEP_ONE)
    assert found["memory"]["compute_bytes"] > 0 and found["placement"] == "cpu"
    assert found["tokens_per_second"] is None  # it writes no text, so nothing was ever timed
    wanted = "diffusion" if model.architecture in TEXT_DIFFUSION else "embedding"
    assert found["kind"] == ("encoder-decoder" if make is t5 else wanted)


@pytest.mark.engine
def test_the_engine_plans_one_too(heft_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = fit(CACHELESS[0]().write(tmp_path / "m.gguf"), capsys)  # BERT needs a key of the tokenizer's
    assert (found["method"], found["memory"]["kv_bytes"], found["note"]) == ("engine", 0, "")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (CACHELESS[0], "An embedding model: it turns text into vectors, it cannot chat."),
        (dream, "A diffusion model: it makes its whole output out of noise"),
        (t5, "An encoder-decoder model: it rewrites a whole text into another"),
        (t5encoder, "An embedding model: it turns text into vectors, it cannot chat."),
    ],
    ids=["bert", "dream", "t5", "t5encoder"],
)
def test_fit_says_in_a_sentence_what_it_is_for(
    make: Callable[[], Forged], words: str, heft_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", str(make().write(tmp_path / "m.gguf")), "--estimate"]) == 0
    said = capsys.readouterr().out
    assert words in said and "tok/s" not in said and "Speed" not in said
