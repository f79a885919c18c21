"""What is said of each device in the panel of a load, and of one that vanished since the last run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from support.forge_shapes import llama_8b
from support.planning import GB, planning_on

from desktop.core.hardware import Cpu, EngineInfo, Gpu, GpuProcess, Machine, Memory
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import local_ref
from desktop.core.placement import Fit
from desktop.core.pools import Pool
from desktop.engine.api import Loaded
from desktop.engine.api import Memory as LoadedMemory
from desktop.engine.device_records import DeviceHeld
from desktop.services.planning.device_words import device_words, taken_words
from desktop.services.planning.offload import shortfall
from desktop.services.planning.offload_words import shortfall_words
from desktop.store.paths import Paths

CARD = Gpu("RTX 4070", "nvidia", 12 * GB, 11 * GB, probe="nvml", engine_devices=("CUDA0", "Vulkan0"))
SMALL = Gpu("RTX 3050", "nvidia", 4 * GB, 4 * GB, probe="nvml", engine_devices=("CUDA1",))
NOTHING = LoadedMemory(0, 0, 0, 0, 0, 0)


def planned(paths: Paths, folder: Path, *gpus: Gpu, **settings: object) -> LoadPlan:
    machine = Machine(Cpu("here"), Memory(16 * GB, 12 * GB), gpus, engine=EngineInfo("llama.cpp b1"))
    ref = local_ref(llama_8b().write(folder / "m.gguf"))
    return planning_on(paths, machine).for_load(ref, LoadSettings(**settings), method="estimate")  # type: ignore[arg-type]


def fit_of(plan: LoadPlan) -> Fit:
    assert plan.fit is not None
    return plan.fit


def loaded(layers: int, *held: DeviceHeld) -> Loaded:
    return Loaded("/m.gguf", "llama", 4096, 8192, 32, layers, 2, "model", NOTHING, 0.1, devices=(DeviceHeld(""), *held))


@pytest.mark.parametrize(
    ("pool", "said"),
    [
        (Pool(1, "RTX 4070", 11 * GB, GB, total_bytes=12 * GB), "11.0 GB of 12.0 GB free"),
        (Pool(1, "RTX 4070", 11 * GB, GB), "11.0 GB free"),
        (
            Pool(1, "llvmpipe", GB, GB, total_bytes=2 * GB, software=True),
            "1.0 GB of 2.0 GB free · a driver in software, slower than the processor itself",
        ),
        (
            Pool(1, "Iris Xe", 8 * GB, GB, True, total_bytes=11 * GB),
            "8.0 GB of 11.0 GB free · its memory is main memory",
        ),
        (
            Pool(1, "RTX 4090", 20 * GB, 0, total_bytes=24 * GB, worker="studio", holders=(("Blender", 3 * GB),)),
            "20.0 GB of 24.0 GB free · lent by studio · Blender holds 3.0 GB",
        ),
        (None, "not there now"),
    ],
)
def test_a_device_says_what_is_free_and_what_is_particular(pool: Pool | None, said: str) -> None:
    assert device_words(pool) == said


def test_the_pools_of_a_plan_know_it_too(paths: Paths, tmp_path: Path) -> None:
    busy = msgspec.structs.replace(CARD, processes=(GpuProcess(7, "Blender", GB),))
    (pool,) = fit_of(planned(paths, tmp_path, busy)).pools[1:]
    assert device_words(pool) == "10.4 GB of 12.0 GB free · Blender holds 1.0 GB" and pool.also == ("Vulkan0",)


def test_a_device_says_what_a_plan_puts_there_or_why_it_puts_nothing(paths: Paths, tmp_path: Path) -> None:
    both = fit_of(planned(paths, tmp_path, CARD, SMALL))
    for name, layers in zip(("CUDA0", "CUDA1"), both.gpu_shares, strict=True):
        assert taken_words(both, name).startswith("Takes ~ ") and taken_words(both, name).endswith(f": {layers} layers")
    assert taken_words(replace(both, method="engine"), "CUDA0").startswith("Takes 3.6 GB: ")
    alone = fit_of(planned(paths, tmp_path, CARD, SMALL, main_device="CUDA0"))
    assert taken_words(alone, "CUDA1") == "Left out: the model fits its main device."
    none = fit_of(planned(paths, tmp_path, CARD, SMALL, tensor_split="1,0"))
    assert taken_words(none, "CUDA1") == "Takes nothing of this model."
    full = Gpu("RTX 3050", "nvidia", 4 * GB, 0, probe="nvml", engine_devices=("CUDA1",))
    assert taken_words(fit_of(planned(paths, tmp_path, CARD, full)), "CUDA1") == (
        "Left out: more fits the rest without it."
    )
    off = fit_of(planned(paths, tmp_path, CARD, SMALL, devices="CUDA0"))
    assert taken_words(off, "CUDA1") == taken_words(off, "CUDA9") == ""


def test_a_vanished_device_is_a_shortfall_though_the_plan_is_kept(paths: Paths, tmp_path: Path) -> None:
    plan = replace(planned(paths, tmp_path), gone=("RTX 4070",))
    missing = shortfall(plan, loaded(0))
    assert missing is not None and missing.cause == "vanished"
    assert shortfall_words(missing) == (
        "The model runs on the processor: RTX 4070, where it ran last, is not found by the engine now.",
        "The page Machine says what became of it.",
    )
    other = planned(paths, tmp_path, SMALL, gpu_layers=10)
    held = loaded(10, DeviceHeld("CUDA1", "RTX 3050", weights_bytes=5 * GB))
    assert shortfall(other, held) is None
    missing = shortfall(replace(other, gone=("RTX 4070", "RTX 4080")), held)
    assert missing is not None
    assert shortfall_words(missing)[0] == (
        "The model runs on RTX 3050: RTX 4070 and RTX 4080, where it ran last, are not found by the engine now."
    )
