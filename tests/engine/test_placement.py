"""Layers on a second device, for real: llama.cpp's RPC backend on loopback stands in for a GPU."""

from dataclasses import replace
from pathlib import Path

import pytest
from support.engine import driven_engine
from support.forge import TINY, forge, with_layers
from support.rpc_device import rpc_device

from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import local_ref
from desktop.services.container import Container
from desktop.services.engine.headless import HeadlessEngine
from desktop.services.planning.device_words import gpu_words
from desktop.store.paths import Paths

pytestmark = pytest.mark.engine


def test_only_the_devices_of_the_plan_are_used(
    vocab_dir: Path, tmp_path: Path, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = forge(tmp_path / "m.gguf", with_layers(TINY, 6), "Q4_K", vocab_dir / "ggml-vocab-gpt-2.gguf")
    with rpc_device() as first, rpc_device() as second, Container(paths) as container:
        monkeypatch.setenv("HEFT_RPC", f"{first} {second}")
        both = container.planning.for_load(local_ref(path), LoadSettings(context=512))
        assert both.fit is not None and both.fit.method == "engine"
        assert [pool.engine_device for pool in both.fit.pools] == ["", "RPC0", "RPC1"]
        assert len(gpu_words(both.fit)) == 1 and "2 GPUs" in gpu_words(both.fit)[0]
        # as if other programs held all memory of the first
        one = replace(both.fit.pools[2], device=1)
        fit = replace(
            both.fit,
            pools=(both.fit.pools[0], one),
            aside=(replace(both.fit.pools[1], free_bytes=0, left_for="room"),),
            told=True,
        )
        assert fit.devices == "RPC1"
        assert "none of its memory is free" in gpu_words(fit)[-1]
        with driven_engine(tmp_path) as engine:
            engine.hello()
            loaded = engine.load(path, 512, gpu_layers=7, devices=fit.devices)
            log = (tmp_path / "logs" / "engine.log").read_text("utf-8")
            everywhere = engine.load(path, 512, gpu_layers=7, devices=both.devices)
    assert loaded.gpu_layers == everywhere.gpu_layers == 7
    held = [line for line in log.splitlines() if "buffer size" in line]
    assert [line for line in held if second in line] and not [line for line in held if first in line]


def test_layers_go_where_they_are_asked_to(
    vocab_dir: Path, tmp_path: Path, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = forge(tmp_path / "m.gguf", with_layers(TINY, 6), "Q4_K", vocab_dir / "ggml-vocab-gpt-2.gguf")
    with rpc_device() as endpoint:
        monkeypatch.setenv("HEFT_RPC", endpoint)
        with driven_engine(tmp_path) as engine:
            hello = engine.hello()
            assert [device.kind for device in hello.devices].count("gpu") == 1
            some = engine.load(path, 512, gpu_layers=3)
            none = engine.load(path, 512, gpu_layers=0)
            _, finished = engine.ask("hello", max_tokens=4)
        with Container(paths) as container:
            plan = container.planning.for_load(local_ref(path), LoadSettings(context=512))
            auto = HeadlessEngine(container.engine).load(plan)
    assert some.gpu_layers == 3
    assert none.gpu_layers == 0
    # the whole model fits the device, so auto puts all layers and the output there
    assert auto.gpu_layers == plan.gpu_layers == 7
    assert some.memory.kv_bytes == none.memory.kv_bytes == auto.memory.kv_bytes > 0
    assert finished.statistics.generated_tokens > 0
