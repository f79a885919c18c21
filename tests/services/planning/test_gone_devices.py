"""A card that vanished since the last run of a model: the plan names it, and the words say it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.forge_shapes import llama_8b
from support.planning import GB, planning_on

from desktop.core.hardware import Cpu, EngineInfo, Gpu, Machine, Memory
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import local_ref
from desktop.services.planning.local_files import LocalFiles
from desktop.services.planning.words import notes
from desktop.store.ledger import Figures, Run
from desktop.store.paths import Paths

CARD = Gpu("RTX 4070", "nvidia", 12 * GB, 11 * GB, probe="nvml", engine_devices=("CUDA0",))
SMALL = Gpu("RTX 3050", "nvidia", 4 * GB, 4 * GB, probe="nvml", engine_devices=("CUDA1",))
SAID = "where it ran last, is not found by the engine now."


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return llama_8b().write(tmp_path / "m.gguf")


def ran(model: Path, *devices: str) -> tuple[Run, ...]:
    """Runs of the model on these devices, the newest first."""
    known = LocalFiles().read(model).model
    assert known is not None
    return tuple(
        Run(
            1000.0 - age, "here", "b1", "answer", "m", str(model), known.fingerprint, "Q4_K_M", 4096, "f16", 33, 2,
            Figures(), devices=on,
        )
        for age, on in enumerate(devices)
    )  # fmt: skip


def planned(paths: Paths, model: Path, gpus: tuple[Gpu, ...], *devices: str, asked: str | None = None) -> LoadPlan:
    machine = Machine(Cpu("here"), Memory(16 * GB, 12 * GB), gpus, engine=EngineInfo("llama.cpp b1"))
    planning = planning_on(paths, machine, runs=ran(model, *devices))
    return planning.for_load(local_ref(model), LoadSettings(devices=asked), method="estimate")


@pytest.mark.parametrize(
    ("gpus", "devices", "gone"),
    [
        ((), ("RTX 4070",), ("RTX 4070",)),
        ((CARD,), ("RTX 4070",), ()),
        ((CARD,), ("RTX 4070 (NVK)",), ()),  # another backend's name of the same card
        ((SMALL,), ("RTX 4070 + RTX 3050, KV cache in main memory",), ("RTX 4070",)),
        ((), ("", "RTX 4070"), ()),  # it was said when it first ran without
        ((), (), ()),
    ],
)
def test_the_plan_names_what_its_last_run_had(
    paths: Paths, model: Path, gpus: tuple[Gpu, ...], devices: tuple[str, ...], gone: tuple[str, ...]
) -> None:
    plan = planned(paths, model, gpus, *devices)
    assert plan.gone == gone
    assert [words for words in notes(plan) if SAID in words] == [f"{name}, {SAID}" for name in gone]


def test_who_sets_the_devices_knows_it(paths: Paths, model: Path) -> None:
    assert planned(paths, model, (), "RTX 4070", asked="none").gone == ()
