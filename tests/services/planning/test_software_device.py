"""A Vulkan driver in software, for real: seen, never chosen by itself, and exact where it is asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.vulkan import use_lavapipe_alone

from desktop.cli.main import main
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import local_ref
from desktop.services.container import Container
from desktop.services.engine.headless import HeadlessEngine
from desktop.store.paths import Paths

pytestmark = pytest.mark.engine
DEVICE = "Vulkan0"


@pytest.fixture(autouse=True)
def vulkan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The backend that the engine brings, and a driver in software."""
    use_lavapipe_alone(monkeypatch, tmp_path / "backends")


def test_it_is_planned_and_loaded_only_where_it_is_asked_for(starter_model: Path, paths: Paths) -> None:
    ref = local_ref(starter_model)
    with Container(paths) as container:
        machine = container.this_machine()
        assert [(gpu.kind, gpu.backends) for gpu in machine.gpus] == [("software", ("Vulkan",))]
        by_itself = container.planning.for_load(ref, LoadSettings(512))
        assert (by_itself.gpu_layers, by_itself.devices) == (0, "none")
        plan = container.planning.for_load(ref, LoadSettings(2048, gpu_layers=10, devices=DEVICE))
        engine = HeadlessEngine(container.engine)
        asked = engine.load(plan)
        assert container.engine.state.shortfall is None
        alone = engine.load(by_itself)
    assert plan.fit is not None and asked.gpu_layers == plan.gpu_layers == 10
    for planned, held in zip(plan.fit.memory.devices, asked.devices, strict=True):
        assert planned.total_bytes == pytest.approx(held.total_bytes, rel=0.005), held.name
    assert alone.gpu_layers == 0 and [device.name for device in alone.devices] == [""]


def test_the_command_takes_a_device_and_names_those_there_are(
    heft_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", "starter", "--context", "512", "--device", DEVICE, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["placement"], document["settings"]["device"]) == ("gpu", DEVICE)
    assert document["device_choice"][0].startswith("All of it goes to llvmpipe")
    assert main(["fit", "starter", "--context", "512", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["placement"] == "cpu" and "driver in software" in document["device_choice"][0]
    assert main(["run", "starter", "--device", "Vulkan7", "--prompt", "Hi", "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["kind"] == "device-gone" and f"the engine offers {DEVICE}" in error["message"]
