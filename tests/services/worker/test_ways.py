"""To stay, to share, or to use another computer as a whole: planned each, and the quickest named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.forge_shapes import llama_8b
from support.lent_devices import ABOUT, GB

from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.gguf import BytesSource, read_header
from desktop.core.hardware import Cpu, EngineInfo, Gpu, Machine, Memory
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.memory import ModelShape, Weights, shape_of, weights_of
from desktop.core.model_ref import ModelRef
from desktop.core.placement import place
from desktop.core.speed import Rate, Speeds
from desktop.services.worker.ways import Way, WaysService, best
from desktop.services.worker.words import advice, way_title, way_words
from desktop.services.worker.workers import Reached
from desktop.store.workers import SavedWorker

REF = ModelRef("m.gguf", "m.gguf")
LENT = Gpu(
    "RTX 4090 of studio",
    total_bytes=24 * GB,
    free_bytes=22 * GB,
    kind="remote",
    engine_devices=("RPC0",),
    worker="studio",
)
HERE = Machine(Cpu("x"), Memory(16 * GB, 16 * GB), (LENT,), engine=EngineInfo("llama.cpp b1"))
REACHED = Reached(SavedWorker("studio", "10.0.0.2", 7, "f"), ABOUT)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[ModelShape, Weights]:
    path = llama_8b().write(tmp_path_factory.mktemp("shapes") / "m.gguf")
    header = read_header(BytesSource(Path(path).read_bytes()[: 1 << 22]))
    shape = shape_of(header)
    assert shape is not None
    return shape, weights_of([header], shape)


def rate(expected: float) -> Speeds:
    known = Rate(expected, expected, expected)
    return Speeds(known, known, 4096, "calibrated")


class Planning:
    """Plans by formulas with speeds that a test sets."""

    def __init__(self, model: tuple[ModelShape, Weights], here: float, shared: float, there: float) -> None:
        self.model, self.rates = model, {"here": here, "shared": shared, "there": there}
        self.asked: list[str | None] = []
        self.remembered = LoadSettings()

    def here(self) -> None:
        pass

    def settings_of(self, ref: ModelRef) -> LoadSettings:
        return self.remembered

    def for_load(self, ref: ModelRef, asked: LoadSettings, cancelled: Cancelled = never) -> LoadPlan:
        if cancelled():
            raise CancelledError
        self.asked.append(asked.devices)
        shared = "@" in (asked.devices or "")
        plan = LoadPlan(ref, asked, 2, place(*self.model, asked, HERE))
        return replace(plan, speeds=rate(self.rates["shared" if shared else "here"]))

    def for_machine(self, ref: ModelRef, machine: Machine, cancelled: Cancelled = never) -> LoadPlan:
        assert machine is ABOUT.machine
        return LoadPlan(ref, LoadSettings(), 2, place(*self.model, LoadSettings(), machine), rate(self.rates["there"]))


def ways(planning: Planning, lent: tuple[Reached, ...] = (REACHED,)) -> tuple[Way, ...]:
    calibration: Any = SimpleNamespace(adopt=lambda machine, speeds: None)
    found: Any = planning
    return WaysService(lambda: found, lambda: calibration, lambda: lent).of(REF)


def test_each_way_is_planned_with_its_own_devices(model: tuple[ModelShape, Weights]) -> None:
    planning = Planning(model, 10, 20, 40)
    found = ways(planning)
    assert [way.kind for way in found] == ["stay", "split", "whole"]
    assert planning.asked == ["here", "here,@studio"]
    stay, split, whole = found
    assert stay.plan is not None and stay.plan.fit is not None and stay.plan.fit.gpu_layers == 0
    assert split.plan is not None and split.plan.fit is not None and split.plan.fit.gpu_layers > 0
    assert whole.serves == "http://10.0.0.2:8321"
    assert [way_title(way) for way in found] == ["Here alone", "Shared with studio", "On studio as a whole"]
    assert way_words(split) == "20 tok/s"


def test_what_was_set_for_this_computer_s_devices_stays(model: tuple[ModelShape, Weights]) -> None:
    planning = Planning(model, 10, 20, 40)
    planning.remembered = LoadSettings(devices="none")
    ways(planning)
    assert planning.asked == ["none", "@studio"]


@pytest.mark.parametrize(
    ("here", "shared", "there", "kind", "words"),
    [
        (40, 20, 41, "stay", "Keep it here: no other way is clearly quicker."),
        (10, 20, 15, "split", "Share it with studio: set its devices to here,@studio."),
        (10, 20, 40, "whole", "Use studio as a whole: add its server, http://10.0.0.2:8321, under Other servers."),
    ],
)
def test_the_quickest_is_named_and_leaving_has_to_pay(
    model: tuple[ModelShape, Weights], here: float, shared: float, there: float, kind: str, words: str
) -> None:
    found = ways(Planning(model, here, shared, there))
    chosen = best(found)
    assert chosen is not None and chosen.kind == kind
    assert advice(found) == words


def test_without_other_computers_there_is_nothing_to_say(model: tuple[ModelShape, Weights]) -> None:
    assert ways(Planning(model, 1, 1, 1), ()) == () and advice(()) == ""


def test_a_way_that_cannot_be_says_why() -> None:
    gone = Way("split", "studio", "@studio", error=HeftError("studio is gone.", kind=FailureKind.DEVICE_GONE))
    assert way_words(gone) == "studio is gone." and not gone.fits and best([gone]) is None
    assert "fits nowhere" in advice([gone, gone])


def test_one_that_does_not_serve_is_told_to(model: tuple[ModelShape, Weights]) -> None:
    found = [replace(way, serves="") for way in ways(Planning(model, 1, 1, 9))]
    assert "switch on Serve there" in advice(found)


def test_cancelling_is_no_failed_plan(model: tuple[ModelShape, Weights]) -> None:
    calibration: Any = SimpleNamespace(adopt=lambda machine, speeds: None)
    planning: Any = Planning(model, 1, 1, 1)
    with pytest.raises(CancelledError):
        WaysService(lambda: planning, lambda: calibration, lambda: (REACHED,)).of(REF, cancelled=lambda: True)
