"""Devices chosen by hand, on two of llama.cpp's RPC devices and on lavapipe: what is planned is what each holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.forge import TINY, forge, with_layers
from support.rpc_device import rpc_device
from support.vulkan import use_lavapipe_alone

from desktop.cli.main import main
from desktop.core.errors import HeftError
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import local_ref
from desktop.engine.api import Loaded
from desktop.services.container import Container
from desktop.services.engine.headless import HeadlessEngine
from desktop.services.planning.device_words import gpu_words
from desktop.store.paths import Paths

pytestmark = pytest.mark.engine
LAYERS = 8  # and the output


@pytest.fixture
def model(tmp_path: Path, vocab_dir: Path) -> Path:
    return forge(tmp_path / "m.gguf", with_layers(TINY, LAYERS), "Q4_K", vocab_dir / "ggml-vocab-gpt-2.gguf")


def loaded_as_planned(paths: Paths, model: Path, settings: LoadSettings, spared: int = 0) -> tuple[LoadPlan, Loaded]:
    """Load by the engine's own plan, and hold what each device holds against it, within 0.5% or so many bytes."""
    with Container(paths) as container:
        plan = container.planning.for_load(local_ref(model), settings)
        loaded = HeadlessEngine(container.engine).load(plan)
    assert plan.fit is not None and plan.fit.method == "engine"
    assert loaded.gpu_layers == plan.gpu_layers
    held = {device.name: device.total_bytes for device in loaded.devices}
    pools = {pool.device: pool.engine_device for pool in plan.fit.pools}
    for device in plan.fit.memory.devices:
        off = abs(held[pools[device.device]] - device.loaded_bytes)
        assert off <= max(0.005 * device.loaded_bytes, spared), pools[device.device]
    return plan, loaded


@pytest.mark.parametrize(
    ("settings", "devices", "shares"),
    [
        ({}, ["RPC0", "RPC1"], (5, 4)),
        ({"tensor_split": "3,1"}, ["RPC0", "RPC1"], (7, 2)),
        ({"tensor_split": "1,3"}, ["RPC0", "RPC1"], (3, 6)),
        ({"devices": "RPC1,RPC0", "tensor_split": "3,1"}, ["RPC1", "RPC0"], (7, 2)),
        ({"tensor_split": "3,1", "gpu_layers": 4}, ["RPC0", "RPC1"], (3, 1)),
        ({"main_device": "RPC1"}, ["RPC1"], (9,)),
        ({"kv_offload": "off"}, ["RPC0", "RPC1"], (5, 4)),
    ],
)
def test_two_devices_hold_what_was_planned(
    settings: dict[str, object],
    devices: list[str],
    shares: tuple[int, ...],
    model: Path,
    paths: Paths,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with rpc_device() as first, rpc_device() as second:
        monkeypatch.setenv("HEFT_RPC", f"{first} {second}")
        asked = LoadSettings(context=512, **settings)  # type: ignore[arg-type]
        # buffers of a graph whose cache lies elsewhere are laid out anew by a load, up to a MiB larger than planned
        plan, loaded = loaded_as_planned(paths, model, asked, (1 << 20) if "kv_offload" in settings else 0)
    assert plan.fit is not None
    assert [pool.engine_device for pool in plan.fit.pools[1:]] == devices
    assert plan.fit.gpu_shares == shares
    assert [device.name for device in loaded.devices if device.weights_bytes][-len(devices) :] == devices
    if "kv_offload" in settings:
        assert not any(device.kv_bytes for device in loaded.devices[1:]) and loaded.devices[0].kv_bytes


def test_the_shares_that_were_planned_hold_whatever_is_free_at_the_load(
    model: Path, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    with rpc_device() as first, rpc_device() as second:
        monkeypatch.setenv("HEFT_RPC", f"{first} {second}")
        plan, _ = loaded_as_planned(paths, model, LoadSettings(context=512))
    assert plan.tensor_split == "5,4" and plan.settings.tensor_split == "5,4" and plan.asked.tensor_split is None


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"tensor_split": "1,2,3"}, "There are 3 shares for 2 graphics devices"),
        (
            {"main_device": "CUDA7"},
            "The main device of this model, CUDA7, is not among those that are used: RPC0, RPC1",
        ),
    ],
)
def test_what_is_set_for_other_devices_is_refused_in_words(
    settings: dict[str, object], said: str, model: Path, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    with rpc_device() as first, rpc_device() as second, Container(paths) as container:
        monkeypatch.setenv("HEFT_RPC", f"{first} {second}")
        with pytest.raises(HeftError) as refused:
            container.planning.for_load(local_ref(model), LoadSettings(context=512, **settings))  # type: ignore[arg-type]
    assert said in refused.value.message and "to Heft." in refused.value.hint


def test_the_cache_of_a_vulkan_device_stays_in_main_memory(
    model: Path, paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_lavapipe_alone(monkeypatch, tmp_path / "backends")
    settings = LoadSettings(context=512, devices="Vulkan0", gpu_layers=5, kv_offload="off")
    plan, loaded = loaded_as_planned(paths, model, settings)
    assert plan.fit is not None and plan.fit.gpu_names.endswith(", KV cache in main memory")
    main, device = loaded.devices
    assert device.weights_bytes and not device.kv_bytes and main.kv_bytes


def test_a_command_takes_and_tells_all_of_it(
    model: Path, heft_home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with rpc_device() as first, rpc_device() as second:
        monkeypatch.setenv("HEFT_RPC", f"{first} {second}")
        words = [
            "--prompt",
            "Hi",
            "--max-tokens",
            "2",
            "--context",
            "512",
            "--tensor-split",
            "3,1",
            "--kv-offload",
            "off",
        ]
        assert main(["run", str(model), *words, "--json"]) == 0
    ran = json.loads(capsys.readouterr().out)
    assert (ran["settings"]["tensor_split"], ran["settings"]["kv_offload"]) == ("7,2", "off")
    assert [device["engine_device"] for device in ran["loaded_devices"]] == ["", "RPC0", "RPC1"]
    assert [device["kv_bytes"] > 0 for device in ran["loaded_devices"]] == [True, False, False]


def test_shares_are_told_as_what_was_set(model: Path, paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    with rpc_device() as first, rpc_device() as second, Container(paths) as container:
        monkeypatch.setenv("HEFT_RPC", f"{first} {second}")
        plan = container.planning.for_load(local_ref(model), LoadSettings(context=512, tensor_split="3,1"))
        alone = container.planning.for_load(local_ref(model), LoadSettings(context=512, main_device="RPC1"))
    assert gpu_words(plan.fit)[0].startswith("The layers are shared among 2 GPUs as it was set: ")
    assert gpu_words(alone.fit)[-1].endswith("is left out: the model fits " + second + ", its main device.")
