"""Layers that do not fit what is free on a card now are refused before anything is tried, with who would have to go."""

from dataclasses import replace
from pathlib import Path

import pytest

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.memory import DeviceMemory, Memory
from desktop.core.model_ref import local_ref
from desktop.core.placement import Fit
from desktop.core.pools import Pool
from desktop.services.engine.supervisor import EngineService
from desktop.services.planning.device_words import gpu_words
from desktop.services.planning.room import must_have_room
from desktop.store.paths import Paths

GB = 1_000_000_000
RAM = Pool(0, "main memory", 20 * GB, GB)
CARD = Pool(1, "RTX 4070", 2 * GB, 600_000_000, engine_device="CUDA0", holders=(("Blender", 6 * GB), ("kwin", GB // 5)))


def plan(card: Pool, needed: int, layers: int | None = 20) -> LoadPlan:
    memory = Memory((DeviceMemory(0, weights_bytes=GB), DeviceMemory(1, weights_bytes=needed)))
    fit = Fit(4096, ("f16", "f16"), memory, "engine", "partial", 20, 33, 0, 0, 0, 0, (RAM, card))
    return LoadPlan(local_ref(Path("/m/llama.gguf")), LoadSettings(gpu_layers=layers), 2, fit)


def test_the_card_what_is_free_and_who_holds_it_are_said(paths: Paths) -> None:
    engine = EngineService(paths)
    with pytest.raises(HeftError) as full:
        engine.load(plan(CARD, 5 * GB))
    assert full.value.kind == FailureKind.DEVICE_FULL and engine.state.phase == "stopped"
    assert full.value.message == (
        "20 layers would take 5.0 GB on RTX 4070, where 2.6 GB are free now: Blender holds 6.0 GB and kwin holds "
        "200.0 MB."
    )
    assert full.value.hint == "Close Blender, or leave the number of layers to Heft: then it takes as many as fit."


@pytest.mark.parametrize(
    "fits",
    [
        plan(CARD, 2_500_000_000),  # into the reserve, which is the user's to give
        plan(CARD, 5 * GB, layers=None),  # left to Heft: the engine finds out how many fit
        plan(replace(CARD, shared=True), 5 * GB),
        LoadPlan(local_ref(Path("/m/llama.gguf")), LoadSettings(gpu_layers=20), 2),
    ],
)
def test_what_may_fit_is_tried(fits: LoadPlan) -> None:
    must_have_room(fits)


def test_a_plan_says_who_holds_what_more_layers_would_need() -> None:
    fit = plan(CARD, GB).fit
    (said,) = gpu_words(fit)
    assert said == (
        "20 of 33 layers go to RTX 4070, where 2.0 GB are free; the processor computes the rest. Blender holds 6.0 GB "
        "and kwin holds 200.0 MB of it."
    )
