"""One file on one computer has one speed, whoever is asked: Discover, the commands, the load panel, the chat."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.hub_server import HubServer, online
from support.starter_size import FILE, REPO, repo_of_starter

from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import local_ref
from desktop.core.speed import AttentionSpeed, Calibration
from desktop.engine.api import Loaded, Memory
from desktop.services.container import Container
from desktop.services.discover.picker_records import Controls
from desktop.store import options
from desktop.store.ledger import Figures, Run
from desktop.store.paths import default_paths

CONTEXT, OTHER_CONTEXT = 8192, 1024


@pytest.fixture
def hub(starter_model: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    with HubServer([repo_of_starter(starter_model)]) as server, online(monkeypatch):
        yield server


@pytest.fixture
def container(hub: HubServer, heft_home: Path) -> Iterator[Container]:
    with Container(default_paths()) as made:
        made.settings.set(options.HUB_ENDPOINT, hub.endpoint)
        yield made


def figures(speeds: Any) -> dict[str, float]:
    """The expected rates: of an empty and a full context, and of reading a prompt that fills it."""
    return {"empty": speeds.empty.expected, "full": speeds.full.expected, "prompt": speeds.prompt.expected}


def written(document: dict[str, Any]) -> dict[str, float]:
    """The same of a command's document."""
    names = {"empty": "tokens_per_second_empty", "full": "tokens_per_second_full"}
    names["prompt"] = "prompt_tokens_per_second_full"
    seconds = CONTEXT / document[names["prompt"]]["expected"]
    assert document["seconds_to_read_full_prompt"] == pytest.approx(seconds)
    return {name: document[key]["expected"] for name, key in names.items()}


def teach(container: Container, path: Path, factor: float) -> None:
    """Note five runs of the model, ``factor`` times as quick as was said."""
    ledger, context = container.ledger, OTHER_CONTEXT
    plan = container.planning.for_load(local_ref(path), LoadSettings(context=context))
    loaded = Loaded(str(path), "", context, 8192, 30, 0, plan.threads, "model", Memory(1, 1, 0, 1, 1, 1), 0.1)
    running = ledger.started(loaded, plan)
    said = ledger.predict(running, context)
    assert said is not None and running.model is not None
    told = Figures(
        measured_decode=said.uncorrected.decode.expected * factor, model_decode=said.uncorrected.decode.expected,
        measured_prompt=said.uncorrected.prompt.expected * factor, model_prompt=said.uncorrected.prompt.expected,
        predicted_decode=said.shown.decode.expected, context_used=context, tokens=100,
    )  # fmt: skip
    for at in range(5):
        container.runs.add(
            Run(
                float(at), container.speed.key, "engine", "answer", "Starter", str(path), running.model.fingerprint,
                running.model.quantization, context, "f16", 0, plan.threads, told,
            )
        )  # fmt: skip


def calibrate_both_ways(container: Container) -> None:
    """As if this computer had been calibrated, and were quicker without flash attention."""
    machine = container.this_machine()
    guessed = container.calibration.speeds(machine)["cpu"]
    slow, quick = ({"f16": AttentionSpeed(seconds, seconds)} for seconds in (4e-10, 1e-10))
    cpu = msgspec.structs.replace(guessed, method="calibrated", attention=slow, unfused=quick)
    key = container.calibration.key(machine)
    container.calibration._keep(Calibration(key, "2026-01-01T00:00:00+00:00", 2, {"cpu": cpu}))


@pytest.mark.engine
@pytest.mark.parametrize("known", ["never run here", "run here before", "quicker without flash attention"])
def test_discover_chat_and_the_commands_say_the_same(
    container: Container, hub: HubServer, starter_model: Path, heft_home: Path, known: str
) -> None:
    method, flash = "table", "auto"
    if known == "run here before":
        teach(container, starter_model, 1.7)
        method = "measured"
    if known == "quicker without flash attention":
        calibrate_both_ways(container)
        method, flash = "calibrated", "off"
    settings = LoadSettings(context=CONTEXT)

    def said(*words: str, here: bool = True) -> dict[str, Any]:
        environment = {**os.environ, "HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "0"}
        command = [sys.executable, "-m", "desktop", *words, *(["--context", str(CONTEXT)] if here else []), "--json"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=heft_home)
        assert done.returncode == 0, done.stdout
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    plan = container.planning.for_load(local_ref(starter_model), settings)
    assert plan.speeds is not None and (plan.speeds.method, plan.flash_attention) == (method, flash)
    wanted = pytest.approx(figures(plan.speeds), rel=1e-6)

    repo = container.picker.open(REPO)
    repo.read_first()
    controls = Controls(load=settings)
    estimated = repo.view(controls).rows[0]
    assert estimated.plan is not None and estimated.plan.flash_attention == flash
    repo.settle(controls)
    view = repo.view(controls)
    (row,) = view.rows
    assert figures(row.option.speeds) == wanted and row.plan is not None and row.plan.flash_attention == flash
    assert row.state == "engine" and view.settled  # what is chosen is planned by the engine

    for words in (("fit", "starter"), ("fit", f"hf:{REPO}/{FILE}"), ("fit", "starter", "--estimate")):
        assert written(said(*words)) == wanted, words
    assert written(said("variants", REPO)["variants"][0]) == wanted
    container.planning.remember(local_ref(starter_model), settings)  # what is remembered counts where nothing is said
    rows = [said("fit", "starter", here=False), said("library", here=False)["models"][0]]
    for told in (*rows, said("variants", REPO, here=False)["variants"][0]):
        assert written(told) == wanted and told["context_used"] == CONTEXT

    loaded = Loaded(str(starter_model), "", CONTEXT, 8192, 30, 0, plan.threads, "model", Memory(1, 1, 0, 1, 1, 1), 0.1)
    loaded = msgspec.structs.replace(loaded, flash_attention=plan.flash_attention)
    expected = container.recorder.loaded(loaded, plan)  # what the chat shows beside the answer
    assert expected is not None and figures(expected) == wanted
    running = container.ledger.started(loaded, plan)
    for name, used in (("empty", 0), ("full", CONTEXT)):  # what an answer is held against
        found = container.ledger.predict(running, used)
        assert found is not None and found.shown.decode.expected == wanted.expected[name]


def test_a_model_that_was_run_here_shows_what_was_measured(container: Container, starter_model: Path) -> None:
    """Not only what other runs of its type taught; before its header was read Discover cannot know."""
    before = container.planning.for_load(local_ref(starter_model)).speeds
    teach(container, starter_model, 1.7)
    after = container.planning.for_load(local_ref(starter_model)).speeds
    assert before is not None and after is not None
    assert after.empty.expected == pytest.approx(1.7 * before.empty.expected, rel=0.06)
    assert after.prompt is not None and before.prompt is not None
    assert after.prompt.expected == pytest.approx(1.7 * before.prompt.expected, rel=0.06)
