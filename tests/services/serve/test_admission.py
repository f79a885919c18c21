"""Figures in, a verdict out: what fits, what has to go for it, and what this computer has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.lender_computer import GB, a_model, a_plan
from support.published import profile

from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.memory import DeviceMemory, Memory
from desktop.core.model_ref import local_ref
from desktop.core.pools import Pool
from desktop.services.serve.admission import Holding, Verdict, decide
from desktop.services.serve.room import PROCESS_BYTES, MemoryNow, need_of

CARD = "CUDA0"
HOLDS = {"": 2 * GB}


def idle(key: str, seconds: float, load: float = 10.0, **more: int | bool) -> Holding:
    size = more.pop("size", 2 * GB)
    return Holding(key, {"": int(size)}, idle_seconds=seconds, load_seconds=load, **more)  # type: ignore[arg-type]


def test_what_is_free_is_used_first() -> None:
    assert decide({"": 3 * GB}, {"": 10 * GB}, [idle("a", 99)]) == Verdict("fits")


def test_what_was_idle_longest_goes_and_what_is_slow_to_load_stays_longer() -> None:
    held = [idle("new", 5), idle("old", 500), idle("slow", 500, load=10_000)]
    assert decide({"": 3 * GB}, {"": 8 * GB}, held).unload == ("old",)
    assert decide({"": 5 * GB}, {"": 8 * GB}, held).unload == ("old", "new")


def test_nothing_goes_that_does_not_help() -> None:
    held = [idle("small", 900, size=GB), idle("large", 100, size=5 * GB)]
    assert decide({"": 4 * GB}, {"": 8 * GB}, held).unload == ("large",)


def test_the_chat_goes_last() -> None:
    held = [idle("window 0", 5000, last=True), idle("api", 1)]
    assert decide({"": 5 * GB}, {"": 8 * GB}, held).unload == ("api",)


def test_what_is_in_use_is_waited_for() -> None:
    held = [Holding("busy", HOLDS, busy=True), idle("idle", 5)]
    assert decide({"": 7 * GB}, {"": 8 * GB}, held) == Verdict("wait", ("idle", "busy"))
    assert decide({"": 5 * GB}, {"": 8 * GB}, held) == Verdict("unload", ("idle",))


def test_what_no_empty_computer_holds_is_too_large_whoever_is_loaded() -> None:
    assert decide({"": GB, CARD: 9 * GB}, {"": 8 * GB, CARD: 8 * GB}, []) == Verdict("too-large", device=CARD)
    assert decide({CARD: GB}, {"": 8 * GB}, []).says == "too-large", "a card that is not there"


def test_each_device_is_weighed_by_itself() -> None:
    on_card = Holding("card", {"": 0, CARD: 6 * GB}, idle_seconds=9)
    in_ram = Holding("ram", {"": 6 * GB}, idle_seconds=900)
    capacity = {"": 8 * GB, CARD: 8 * GB}
    assert decide({"": GB, CARD: 4 * GB}, capacity, [on_card, in_ram]).unload == ("card",)


def test_what_a_plan_needs_is_told_by_device() -> None:
    plan = a_plan(a_model("m", 3 * GB))
    assert need_of(plan) == {"": 3 * GB} and plan.fit is not None
    memory = Memory((DeviceMemory(0, weights_bytes=GB), DeviceMemory(1, weights_bytes=4 * GB)))
    pools = (Pool(0, "main memory", 9 * GB, 0), Pool(1, "RTX", 9 * GB, 0, engine_device=CARD))
    assert need_of(replace(plan, fit=replace(plan.fit, memory=memory, pools=pools))) == {
        "": GB + PROCESS_BYTES,
        CARD: 4 * GB,
    }
    shared = replace(pools[1], shared=True, own_bytes=GB)
    found = need_of(replace(plan, fit=replace(plan.fit, memory=memory, pools=(pools[0], shared))))
    assert found == {"": GB + 3 * GB + PROCESS_BYTES, CARD: 4 * GB}


def test_what_could_not_be_planned_is_taken_for_its_file_and_more(tmp_path: Path) -> None:
    file = tmp_path / "m.gguf"
    file.write_bytes(bytes(1000))
    assert need_of(LoadPlan(local_ref(file), LoadSettings(), 2))[""] > 1000 + PROCESS_BYTES


def test_all_models_together_may_have_what_is_free_and_what_they_hold() -> None:
    computer = profile("rtx-4060-8gb")
    (card,) = computer.gpus
    free = computer.memory.available_bytes or computer.memory.total_bytes
    now = MemoryNow(lambda: computer, lambda: {"": GB})
    found = now(a_plan(a_model("m", GB)))
    assert found[""] == min(free - computer.reserves.ram_bytes + GB, computer.memory.total_bytes - 10**9)
    assert len(found) == 1 + bool(card.engine_devices)


@pytest.mark.parametrize("size", [GB, 7 * GB])
def test_a_need_of_nothing_on_a_device_asks_nothing_of_it(size: int) -> None:
    assert decide({"": size, CARD: 0}, {"": 8 * GB}, []).says == "fits"
