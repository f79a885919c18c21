"""What is weighed is what runs: the context of a plan is the one that the engine has, whatever was asked for."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.engine import driven_engine

from desktop.cli.main import main
from desktop.core.context_length import engine_context
from desktop.core.errors import UsageError
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import SHORTEST_CONTEXT, LoadSettings
from desktop.core.memory import Memory
from desktop.core.model_ref import ModelRef, local_ref
from desktop.engine import api
from desktop.services.container import Container
from desktop.services.engine.headless import HeadlessEngine
from desktop.services.planning.words import beyond_training
from desktop.store.paths import Paths

TRAINED = 8192  # of the starter model
ASKED = (255, 256, 257, 300, 4095, 4097, TRAINED)
RESOLUTION = 0.012 * 1024 * 1024  # as in tests/engine/test_planner.py


@pytest.fixture
def container(paths: Paths) -> Iterator[Container]:
    with Container(paths) as made:
        yield made


def same_memory(formulas: Memory, engine: api.Memory) -> None:
    assert formulas.kv_bytes == pytest.approx(engine.kv_bytes, abs=RESOLUTION)
    assert formulas.compute_bytes == pytest.approx(engine.compute_bytes, abs=RESOLUTION)
    assert formulas.output_bytes == pytest.approx(engine.output_bytes, abs=RESOLUTION)


@pytest.mark.engine
def test_the_rule_is_the_engines(starter_model: Path, tmp_path: Path) -> None:
    with driven_engine(tmp_path) as engine:
        engine.hello()
        had = {asked: engine.load(starter_model, asked).context_length for asked in ASKED}
    assert had == {asked: engine_context(asked) for asked in ASKED}


@pytest.mark.engine
def test_a_plan_says_what_the_loaded_engine_reports(starter_model: Path, container: Container) -> None:
    engine = HeadlessEngine(container.engine)
    for asked in ASKED:
        wanted = LoadSettings(context=asked)
        if asked < SHORTEST_CONTEXT:
            with pytest.raises(UsageError, match="too short"):
                container.planning.for_load(local_ref(starter_model), wanted)
            continue
        plan = container.planning.for_load(local_ref(starter_model), wanted)
        weighed = container.planning.weigh_source("starter", wanted)
        loaded = engine.load(plan)
        assert plan.context == plan.settings.context == weighed.fit.context == loaded.context_length, asked
        assert plan.asked.context == asked
        assert plan.speeds is None or plan.speeds.context == loaded.context_length
        assert plan.fit is not None and plan.fit.method == "estimate" and weighed.fit.method == "engine"
        same_memory(plan.fit.memory, loaded.memory)
        same_memory(weighed.fit.memory, loaded.memory)
        assert plan.fit.max_context == weighed.fit.max_context == TRAINED


def test_a_model_that_cannot_be_planned_is_told_with_the_engines_context_too() -> None:
    ref = ModelRef("m", "m")
    assert LoadPlan(ref, LoadSettings(context=300), 2).context == 512
    assert LoadPlan(ref, LoadSettings(), 2, fallback_context=2000).context == 2048


def test_what_the_engine_adds_to_the_trained_length_is_not_beyond_it() -> None:
    assert beyond_training(engine_context(2000), 2000) == ""
    assert "trained for 2,000" in beyond_training(2049, 2000)


@pytest.mark.engine
def test_commands_say_the_number_of_the_loaded_engine(
    heft_home: Path, starter_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*words: str) -> dict[str, object]:
        assert main([*words, "--json"]) == 0
        found: dict[str, object] = json.loads(capsys.readouterr().out)
        return found

    ran = said("run", "starter", "--prompt", "Hi", "--max-tokens", "1", "--context", "300")
    fit = said("fit", "starter", "--context", "300")
    estimate = said("fit", "starter", "--context", "300", "--estimate")
    assert ran["settings"]["context"] == 512  # type: ignore[index]
    for told in (fit, estimate):
        assert told["context"] == told["context_used"] == told["settings"]["context"] == 512  # type: ignore[index]
    remembered = said("settings", "starter", "context=300")
    assert remembered["settings"]["context"] == 300  # type: ignore[index]
    assert remembered["plan"]["context"] == 512  # type: ignore[index]
