"""How attention is computed where nobody asked: as was measured to be quicker here; and what a cache's type costs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from support.fixed_rates import Asked, FixedRates
from support.forge_shapes import llama_8b

from desktop.core.hardware import Cpu, Machine, Memory
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import local_ref
from desktop.core.speed import Rate, Speeds
from desktop.engine.api import Load
from desktop.services.container import Container
from desktop.services.planning.service import PlanningService
from desktop.services.planning.speed import SpeedService
from desktop.services.planning.words import kv_choice_words, kv_speed_words, remarks
from desktop.store.paths import Paths

GB = 1_000_000_000


def timed(with_flash: float, without: float, method: str = "calibrated") -> FixedRates:
    """Figures with flash attention and without."""

    def say(asked: Asked) -> Speeds:
        speed = with_flash if asked.flash else without
        return Speeds(Rate(speed, speed, speed), Rate(speed, speed, speed), asked.fit.context, method)

    return FixedRates(say)


class Fixed:
    """A computer that stays as it is."""

    def __init__(self, free: int) -> None:
        self._machine = Machine(Cpu("here"), Memory(free, free))

    def __call__(self) -> Machine:
        return self._machine

    for_load = __call__


Plan = Callable[..., LoadPlan]


@pytest.fixture
def plan(paths: Paths, tmp_path: Path) -> Iterator[Plan]:
    ref = local_ref(llama_8b().write(tmp_path / "m.gguf"))
    with Container(paths) as container:

        def planned(rates: FixedRates, free: int = 32 * GB, **asked: Any) -> LoadPlan:
            service = PlanningService(
                lambda: container.inspection, lambda: container.dry_run, Fixed(free), lambda: cast(SpeedService, rates),
                container.load_settings,
            )  # fmt: skip
            return service.for_load(ref, LoadSettings(8192, **asked))

        yield planned


def test_what_was_measured_to_be_quicker_is_planned_and_loaded(plan: Plan) -> None:
    fused, plain = plan(timed(10, 9)), plan(timed(10, 12))
    assert (fused.flash_attention, plain.flash_attention) == ("auto", "off")
    assert plain.speeds is not None and plain.speeds.full.expected == 12
    assert plain.fit is not None and fused.fit is not None
    assert plain.fit.memory.compute_bytes > fused.fit.memory.compute_bytes  # what it takes is planned as it is loaded
    assert Load.of(plain).flash_attention == "off" and plain.settings.flash_attention == "off"


@pytest.mark.parametrize(
    ("rates", "asked"),
    [
        (timed(10, 10.2), {}),
        (timed(10, 20, "table"), {}),
        (timed(10, 20), {"flash_attention": "auto"}),
        (timed(10, 20), {"cache_type_k": "q8_0", "cache_type_v": "q8_0"}),
    ],
    ids=["a hair quicker", "guessed", "asked for", "needs it"],
)
def test_all_else_is_left_to_the_engine(plan: Plan, rates: FixedRates, asked: dict[str, Any]) -> None:
    assert plan(rates, **asked).flash_attention == "auto"


def test_a_quicker_way_that_does_not_fit_is_none(plan: Plan) -> None:
    fused, plain = plan(timed(10, 9)).fit, plan(timed(10, 20)).fit
    assert fused is not None and plain is not None
    between = (fused.memory.total_bytes + plain.memory.total_bytes) // 2 + 1 * GB
    found = plan(timed(10, 20), free=between)
    assert found.flash_attention == "auto" and found.fits


def test_another_cache_is_said_as_it_would_be_planned(plan: Plan) -> None:
    """With f16 the load would go without flash attention: that is the figure beside q8_0's, not the slower way's."""

    def say(asked: Asked) -> Speeds:
        speed = 7.0 if "q8_0" in asked.fit.kv_types else 10.0 if asked.flash else 20.0
        caches = (("f16", Rate(10, 10, 10)), ("q8_0", Rate(7, 7, 7)))
        return Speeds(Rate(speed, speed, speed), Rate(speed, speed, speed), 4096, "calibrated", by_cache=caches)

    quantized = plan(FixedRates(say), cache_type_k="q8_0", cache_type_v="q8_0")
    assert quantized.flash_attention == "auto" and quantized.speeds is not None
    assert {kind: rate.expected for kind, rate in quantized.speeds.by_cache} == {"f16": 20, "q8_0": 7}
    told = plan(FixedRates(say), cache_type_k="q8_0", cache_type_v="q8_0", flash_attention="on").speeds
    assert told is not None and told.by_cache[0] == ("f16", Rate(10, 10, 10))


def test_what_a_quantized_cache_costs_in_speed_is_said(plan: Plan) -> None:
    speeds = Speeds(
        Rate(20, 20, 20), Rate(7, 7.1, 8), 4096, "calibrated",
        by_cache=(("f16", Rate(14, 14.6, 15)), ("q8_0", Rate(7, 7.1, 8))),
    )  # fmt: skip
    quantized = dataclasses.replace(plan(timed(10, 9), cache_type_k="q8_0", cache_type_v="q8_0"), speeds=speeds)
    assert (
        "KV cache in q8_0: slower here in a long chat, 7.1 tok/s instead of 15 with f16 once all 4,096 tokens are used."
        in remarks(quantized)
    )
    assert kv_choice_words(speeds) == (
        "In a long chat, with all 4,096 tokens used, it is 15 tok/s with f16, 7.1 tok/s with q8_0 here."
    )
    even = dataclasses.replace(speeds, by_cache=(("f16", Rate(7, 7.2, 8)), ("q8_0", Rate(7, 7.1, 8))))
    assert kv_speed_words(("q8_0", "q8_0"), even) == kv_choice_words(even) == kv_choice_words(None) == ""
    assert kv_speed_words(("f16", "f16"), speeds) == ""
