"""Every architecture the engine knows, forged small: its plan against its load, the formulas against its plan.

``tests/bench/run_all.py --only architectures`` makes the table of them.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.architecture_table import IN_RAM, on_a_device, rows
from support.forge_architectures import Wanted, architectures, forge_architecture, wanted
from support.load_tool import TESTS, Loads
from support.rpc_device import rpc_device

import desktop
from desktop.core.gguf import BytesSource, read_header
from desktop.core.gguf.skeleton import skeleton
from desktop.engine.helper_process import Tool
from desktop.engine.planner.plan_records import Variant
from desktop.engine.planner.planner import PlanRequest, Plans

pytestmark = pytest.mark.engine

GROUPS = 6
FEWEST = 110
# Loaded beside the model they speculate for only; and what llama.cpp's own test of architectures leaves out, too
NOT_ALONE = frozenset(("eagle3", "gemma4-assistant"))
BROKEN = frozenset(("plm",))
# Formulas that say too much by more than 3% of a model of a few MB; nothing may join them
TOO_MUCH = frozenset(("bailingmoe3", "deepseek4", "minimax-m3", "wavtokenizer-dec"))
VARIANTS = (*IN_RAM, *on_a_device())


@pytest.fixture(scope="module")
def names() -> list[str]:
    return architectures()


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Tool[Plans], Tool[Loads]]]:
    folder = tmp_path_factory.mktemp("tools")
    with rpc_device() as endpoint, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEFT_RPC", endpoint)
        # the loader's process finds itself there, and both the Heft that is tested
        patch.setenv("PYTHONPATH", os.pathsep.join((TESTS, str(Path(desktop.__file__).parents[1]))))
        planner: Tool[Plans] = Tool("desktop.engine.planner.planner", Plans, folder, folder / "planner.log")
        loader: Tool[Loads] = Tool("support.load_tool", Loads, None, folder / "loads.log")
        yield planner, loader
        planner.close()
        loader.close()


def test_the_engine_says_which_architectures_it_knows(names: list[str]) -> None:
    assert len(names) - len(NOT_ALONE | BROKEN) >= FEWEST
    assert len(set(names)) == len(names)


@pytest.mark.leaves_threads
@pytest.mark.parametrize("group", range(GROUPS))
def test_plans_are_what_loads_take_and_formulas_what_plans_say(
    group: int, names: list[str], tools: tuple[Tool[Plans], Tool[Loads]], tmp_path: Path
) -> None:
    errors: list[float] = []
    for row in rows(wanted(names[group::GROUPS]), tmp_path, *tools, VARIANTS):
        assert row.loads == (row.architecture not in NOT_ALONE | BROKEN), (row.architecture, row.reason)
        if not row.loads:
            continue
        assert abs(row.plan_error) < 0.001, row.architecture
        found = (*row.formula_errors(device=False), *row.formula_errors(device=True))
        assert min(found) > -0.005, (row.architecture, found)
        assert row.architecture in TOO_MUCH or max(found) < 0.03, (row.architecture, found)
        errors += found
    assert statistics.median(map(abs, errors)) < 0.003


@pytest.mark.leaves_threads
def test_an_encoder_is_planned_with_its_token_types(tools: tuple[Tool[Plans], Tool[Loads]], tmp_path: Path) -> None:
    """They are counted by a key of the vocabulary, which a skeleton leaves out otherwise."""
    (bert,) = wanted(["bert"])
    path = forge_architecture(tmp_path / "bert.gguf", Wanted("bert", bert.tensors))
    with path.open("rb") as file:
        header = read_header(BytesSource(file.read(64 << 20)))
    model = skeleton([header], 16384)
    (plan,) = tools[0].call(PlanRequest(model.header, model.file_bytes, (Variant(512),)), deadline_seconds=60).plans
    assert not plan.refused
