"""Expected device against achieved device: a load that is not where it was planned says so, with the cause."""

import json
from pathlib import Path

import pytest
from support.engine import GREEDY, driven_engine
from support.rpc_device import device_server, rpc_device

from desktop.cli.main import main
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import local_ref
from desktop.engine.api import ChatMessage, EngineDied, Failed, Finished, Generate, Text
from desktop.services.container import Container
from desktop.services.engine.headless import HeadlessEngine
from desktop.services.planning.offload_words import shortfall_words
from desktop.store.paths import Paths

pytestmark = pytest.mark.engine

ROOM = 1_000_000  # bytes: too little for a layer


@pytest.mark.parametrize("layers", [10, 31])
def test_the_plan_is_what_each_device_holds_and_what_is_predicted(
    layers: int, starter_model: Path, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    with rpc_device() as endpoint, Container(paths) as container:
        monkeypatch.setenv("HEFT_RPC", endpoint)
        plan = container.planning.for_load(local_ref(starter_model), LoadSettings(2048, gpu_layers=layers))
        loaded = HeadlessEngine(container.engine).load(plan)
        assert container.engine.state.shortfall is None
        running = container.ledger.started(loaded, plan)
    assert plan.fit is not None and loaded.gpu_layers == plan.gpu_layers == layers
    assert [device.name for device in loaded.devices] == ["", "RPC0"]
    for planned, held in zip(plan.fit.memory.devices, loaded.devices, strict=True):
        assert planned.total_bytes == pytest.approx(held.total_bytes, rel=0.005), held.name
    total = plan.fit.memory.loaded_bytes
    assert total == pytest.approx(loaded.memory.total_bytes, rel=0.005)
    assert sum(running.memory.values()) == total


def test_layers_that_find_no_room_are_said_with_the_cause(
    starter_model: Path, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    with device_server(ROOM) as device, Container(paths) as container:
        monkeypatch.setenv("HEFT_RPC", device.endpoint)
        plan = container.planning.for_load(local_ref(starter_model), LoadSettings(2048))
        loaded = HeadlessEngine(container.engine).load(plan)
        missing = container.engine.state.shortfall
    assert (plan.gpu_layers, loaded.gpu_layers) == (31, 0)
    assert loaded.refused is not None and loaded.refused.device == "RPC0" and loaded.refused.wanted_bytes > 90_000_000
    assert missing is not None and (missing.cause, missing.got, missing.wanted) == ("full", 0, 31)
    words, hint = shortfall_words(missing)
    assert words.startswith(f"The model runs on the processor, though all 31 layers were to be on {device.endpoint}")
    assert "no room for the " in words and hint.startswith("Close other programs")


def test_the_command_never_runs_on_the_processor_without_a_word(
    heft_home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ["run", "starter", "--context", "512", "--prompt", "Hi", "--max-tokens", "2"]
    with device_server(ROOM) as device:
        monkeypatch.setenv("HEFT_RPC", device.endpoint)
        assert main(asked) == 0
        said = " ".join(capsys.readouterr().err.split())
        assert "note: The model runs on the processor, though all 31 layers were to be on" in said
        assert main([*asked, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert "runs on the processor" in document["warnings"][0]
    assert document["settings"]["gpu_layers"] == 0
    assert document["loaded_devices"][0]["engine_device"] == ""
    assert document["memory_bytes"] == sum(device["total_bytes"] for device in document["loaded_devices"])


def test_a_number_of_layers_without_a_card_is_not_passed_over(
    heft_home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HEFT_RPC", raising=False)
    asked = ["run", "starter", "--context", "512", "--prompt", "Hi", "--max-tokens", "2", "--gpu-layers", "20"]
    assert main(asked) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "20 of 31 layers were to be on a graphics card: the engine finds no graphics card." in said


def test_a_device_that_goes_away_in_the_middle_of_an_answer_is_said_and_the_processor_serves(
    starter_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with device_server() as device:
        monkeypatch.setenv("HEFT_RPC", device.endpoint)
        with driven_engine(tmp_path) as engine:
            engine.load(starter_model, 512, gpu_layers=31)
            engine.send(Generate(1, (ChatMessage("user", "Tell me a long story."),), sampling=GREEDY))
            written = engine.wait(Text)
            device.vanish()
            died = engine.wait(EngineDied, Finished)
        with driven_engine(tmp_path) as engine:
            loaded = engine.load(starter_model, 512, gpu_layers=0, devices="none")
            text, _ = engine.ask("Hello", max_tokens=3)
    assert written.text and isinstance(died, EngineDied)
    assert (died.kind, loaded.gpu_layers, bool(text)) == ("device-lost", 0, True)
    assert died.message.startswith("The graphics device failed, or its connection broke") and died.hint


def test_a_device_that_is_gone_at_the_next_start_is_said_by_its_name(
    starter_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HEFT_RPC", raising=False)
    with driven_engine(tmp_path) as engine:
        gone = engine.try_load(starter_model, 512, gpu_layers=31, devices="Vulkan3")
    assert isinstance(gone, EngineDied | Failed)
    assert gone.kind == "device-gone" and "Vulkan3" in gone.message and "processor" in gone.hint


def test_a_device_that_is_gone_since_the_last_run_is_said_where_nothing_was_set(
    heft_home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ["run", "starter", "--context", "512", "--prompt", "Hi", "--max-tokens", "10", "--json"]
    with rpc_device() as endpoint:
        monkeypatch.setenv("HEFT_RPC", endpoint)
        assert main(asked) == 0
    there = json.loads(capsys.readouterr().out)
    assert there["loaded_devices"][1]["engine_device"] == "RPC0" and there["warnings"] == []
    monkeypatch.delenv("HEFT_RPC")
    assert main(asked) == 0
    gone = json.loads(capsys.readouterr().out)
    assert gone["warnings"] == [
        f"The model runs on the processor: {endpoint}, where it ran last, is not found by the engine now. "
        "The page Machine says what became of it."
    ]
    assert main(asked) == 0
    assert json.loads(capsys.readouterr().out)["warnings"] == []  # it was said; now it runs here


def test_layers_asked_for_that_a_device_has_no_room_for_are_refused_as_the_devices_fault(
    starter_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with device_server(ROOM) as device:
        monkeypatch.setenv("HEFT_RPC", device.endpoint)
        with driven_engine(tmp_path) as engine:
            failed = engine.try_load(starter_model, 512, gpu_layers=31)
    assert getattr(failed, "kind", "") == "out-of-memory"
    assert "graphics device has not enough free memory" in getattr(failed, "message", "")
