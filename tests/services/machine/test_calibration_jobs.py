"""A calibration is a job: what of it was measured before a pause or a quit is not measured again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import msgspec
import pytest
from support.calibrating import MACHINE

from desktop.core.cancelled import Cancelled, CancelledError
from desktop.core.errors import HeftError
from desktop.core.hardware import Gpu
from desktop.core.progress import Progress, Report
from desktop.core.speed import AttentionSpeed, Calibration, DeviceSpeed, SpeedSample, TypeSpeed
from desktop.engine.tools.calibrator import Calibrate, Calibrated
from desktop.services.jobs import JobService
from desktop.services.machine import calibration
from desktop.services.machine.calibration import CalibrationService
from desktop.services.machine.calibration_words import doubts
from desktop.store.paths import Paths

WAIT = 10.0
TYPE = TypeSpeed((SpeedSample(1e6, 1e-9),), 1e-12, 0.1)


class ScriptedTool:
    """In the place of the calibrator's process: measures at once, but for ``hold`` until ``go_on``."""

    asked: ClassVar[list[str]]  # what was measured, in its order; the fixed costs are ""
    devices: ClassVar[list[tuple[str, str]]]  # the same of graphics cards: (engine's name of the card, what)
    hold = "nothing"
    slower, undisturbed = 1.0, 0.9  # how much longer the first type takes at the end
    slow_parts = 0  # how many, from the first, take 1.4 times as long
    held: threading.Event
    go_on: threading.Event

    def __init__(self, *_arguments: Any) -> None:
        pass

    def call(
        self, request: Calibrate, *, deadline_seconds: float, cancelled: Cancelled, progress: Report
    ) -> Calibrated:
        what = (*request.types, *request.kv_types, "unfused" if request.unfused else "")[0]
        progress(Progress.of(0.0, f"measuring {what}"))
        if what == self.hold and not self.go_on.is_set():
            self.held.set()
            while not self.go_on.wait(0.01):
                if cancelled():
                    raise CancelledError
        if request.device:
            self.devices.append((request.device, what))
        else:
            self.asked.append(what)
        speed = request.known or DeviceSpeed("calibrated", {}, {}, 1.0)
        later = len(self.asked) > len(set(self.asked)) and not request.device
        usual = 1e-10 if request.device else 1e-9
        if len(self.asked) <= self.slow_parts:
            usual *= 1.4
        took = msgspec.structs.replace(TYPE.points[0], seconds_per_byte=usual * (self.slower if later else 1.0))
        measured = msgspec.structs.replace(TYPE, points=(took,))
        types = {**speed.types, **dict.fromkeys(request.types, measured)}
        attention: dict[str, AttentionSpeed] = {
            **speed.attention,
            **dict.fromkeys(request.kv_types, AttentionSpeed(1.0)),
        }
        return Calibrated(msgspec.structs.replace(speed, types=types, attention=attention), 2, self.undisturbed, 1.0)

    def close(self) -> None:
        pass


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> type[ScriptedTool]:
    class Made(ScriptedTool):
        asked: ClassVar[list[str]] = []
        devices: ClassVar[list[tuple[str, str]]] = []
        held, go_on = threading.Event(), threading.Event()

    monkeypatch.setattr(calibration, "Tool", Made)
    monkeypatch.setattr(calibration, "describe_cpu", lambda paths: MACHINE)
    return Made


@pytest.fixture
def start(paths: Paths) -> Iterator[Callable[[], tuple[JobService, CalibrationService]]]:
    """Starts the program anew, which takes up the jobs of the time before."""
    made: list[JobService] = []

    def begin() -> tuple[JobService, CalibrationService]:
        jobs = JobService()
        made.append(jobs)
        service = CalibrationService(paths, jobs)
        jobs.restore()
        return jobs, service

    yield begin
    for jobs in made:
        jobs.close()


def begun(service: CalibrationService) -> tuple[threading.Thread, list[Calibration | HeftError]]:
    ended: list[Calibration | HeftError] = []

    def calibrate() -> None:
        try:
            ended.append(service.calibrate(MACHINE, ("Q4_K", "Q6_K")))
        except HeftError as error:
            ended.append(error)

    thread = threading.Thread(target=calibrate)
    thread.start()
    return thread, ended


ALL = ["", "Q4_K", "Q6_K", "f16", "q8_0", "unfused", "Q4_K"]  # the first type once more


def test_each_part_is_measured_once(
    start: Callable[[], tuple[JobService, CalibrationService]], tool: type[ScriptedTool]
) -> None:
    jobs, service = start()
    found = service.calibrate(MACHINE, ("Q4_K", "Q6_K"))
    assert tool.asked == ALL
    speed = found.devices["cpu"]
    assert set(speed.types) == {"Q4_K", "Q6_K"} and set(speed.attention) == {"f16", "q8_0"}
    assert (speed.layer_seconds, found.threads, found.busy) == (1.0, 2, False)
    assert service.known(MACHINE) == found
    assert [job.phase for job in jobs.jobs()] == ["done"]


CARD = Gpu("Card", total_bytes=8_000_000_000, engine_devices=("Vulkan0",), backends=("Vulkan",), kind="discrete")
SOFTWARE = Gpu("llvmpipe", engine_devices=("Vulkan1",), backends=("Vulkan",), kind="software")
NO_BACKEND = Gpu("Other card", kind="discrete")
WITH_CARDS = msgspec.structs.replace(MACHINE, gpus=(CARD, SOFTWARE, NO_BACKEND))


def test_cards_are_measured_after_the_processor_and_kept_by_their_backend(
    start: Callable[[], tuple[JobService, CalibrationService]], tool: type[ScriptedTool]
) -> None:
    _, service = start()
    found = service.calibrate(WITH_CARDS, ("Q4_K", "Q6_K"))
    assert tool.asked == ALL and tool.devices == [("Vulkan0", what) for what in ("", "Q4_K", "Q6_K", "f16")]
    assert set(found.devices) == {"cpu", "Card (Vulkan)"} and not found.drifted
    speeds = service.speeds(WITH_CARDS)
    for name in ("Card", "gpu"):
        assert speeds[name].method == "calibrated"
        assert speeds[name].types["Q4_K"].points[0].seconds_per_byte == 1e-10
    assert speeds["cpu"].types["Q4_K"].points[0].seconds_per_byte == 1e-9
    assert "llvmpipe" not in speeds
    other_backend = msgspec.structs.replace(CARD, engine_devices=("CUDA0",), backends=("CUDA",))
    changed = service.speeds(msgspec.structs.replace(MACHINE, gpus=(other_backend,)))
    assert "Card" not in changed  # nothing was measured of its kernels, and no table knows this card


def test_a_device_in_software_is_measured_where_it_is_named(
    start: Callable[[], tuple[JobService, CalibrationService]], tool: type[ScriptedTool]
) -> None:
    _, service = start()
    found = service.calibrate(WITH_CARDS, ("Q4_K",), devices=("Vulkan1",))
    assert {device for device, _ in tool.devices} == {"Vulkan1"}
    assert set(found.devices) == {"cpu", "llvmpipe (Vulkan)"}
    tool.devices.clear()
    again = service.calibrate(WITH_CARDS, ("Q4_K",))
    assert {device for device, _ in tool.devices} == {"Vulkan0"}
    assert set(again.devices) == {"cpu", "llvmpipe (Vulkan)", "Card (Vulkan)"}


def test_a_slow_half_minute_is_noticed_told_and_makes_the_figures_uncertain(
    start: Callable[[], tuple[JobService, CalibrationService]], tool: type[ScriptedTool]
) -> None:
    _, service = start()
    steady = service.calibrate(MACHINE, ("Q4_K",))
    assert not steady.drifted and doubts(steady) == ()
    tool.asked.clear()
    tool.slower = 1.4
    found = service.calibrate(MACHINE, ("Q4_K", "Q6_K"))
    assert found.drift == pytest.approx(0.4) and found.drifted and not found.busy
    assert "40% slower when it was measured again at the end" in doubts(found)[0]
    speed = found.devices["cpu"]
    assert speed.types["Q6_K"].uncertainty == pytest.approx(0.4)
    assert speed.types["Q4_K"].points[0].seconds_per_byte == 1e-9
    assert speed.types["Q4_K"].uncertainty == TYPE.uncertainty  # what was measured on a steady computer stays
    kept = service.known(MACHINE)
    assert kept is not None and not kept.drifted and kept.devices == found.devices


def test_what_met_a_slow_half_minute_is_measured_again(
    start: Callable[[], tuple[JobService, CalibrationService]], tool: type[ScriptedTool]
) -> None:
    _, service = start()
    tool.slow_parts = len(ALL) - 1
    found = service.calibrate(MACHINE, ("Q4_K", "Q6_K"))
    assert tool.asked == [*ALL, "Q6_K", "Q4_K"]
    speed = found.devices["cpu"]
    assert {name: known.points[0].seconds_per_byte for name, known in speed.types.items()} == {
        "Q4_K": pytest.approx(1e-9), "Q6_K": pytest.approx(1e-9),
    }  # fmt: skip
    assert not found.drifted and speed.types["Q6_K"].uncertainty == TYPE.uncertainty
    _, later = start()
    assert later.known(MACHINE) == found


@pytest.mark.parametrize("idle", [True, False])
def test_a_calibration_of_a_busy_computer_never_replaces_a_better_one(
    start: Callable[[], tuple[JobService, CalibrationService]], tool: type[ScriptedTool], idle: bool
) -> None:
    _, service = start()
    first = service.calibrate(MACHINE, ("Q4_K",))
    tool.asked.clear()
    tool.undisturbed = 0.9 if idle else 0.1
    tool.slower = 1.05
    second = service.calibrate(MACHINE, ("Q6_K", "Q4_K"))
    kept = service.known(MACHINE)
    assert kept is not None and set(kept.devices["cpu"].types) == {"Q4_K", "Q6_K"}
    assert second.busy != idle and not kept.busy
    if not idle:
        assert "Other programs were busy" in doubts(second)[0]
        assert kept.devices["cpu"].types["Q4_K"] == first.devices["cpu"].types["Q4_K"]


def test_paused_it_goes_on_at_the_type_it_was_at(
    start: Callable[[], tuple[JobService, CalibrationService]], tool: type[ScriptedTool]
) -> None:
    tool.hold = "Q6_K"
    jobs, service = start()
    thread, ended = begun(service)
    assert tool.held.wait(WAIT)
    (job,) = jobs.jobs()
    jobs.pause(job.id)
    assert jobs.wait(job.id, WAIT).phase == "paused" and tool.asked == ["", "Q4_K"]
    tool.go_on.set()
    jobs.resume(job.id)
    thread.join(WAIT)
    assert isinstance(ended[0], Calibration) and tool.asked == ALL


@pytest.mark.parametrize("same_engine", [True, False])
def test_after_a_quit_it_goes_on_unless_another_engine_was_installed(
    start: Callable[[], tuple[JobService, CalibrationService]],
    tool: type[ScriptedTool],
    monkeypatch: pytest.MonkeyPatch,
    same_engine: bool,
) -> None:
    tool.hold = "Q6_K"
    jobs, service = start()
    thread, ended = begun(service)
    assert tool.held.wait(WAIT)
    (job,) = jobs.jobs()
    jobs.close()
    thread.join(WAIT)
    assert isinstance(ended[0], CancelledError) and service.known(MACHINE) is None
    tool.go_on.set()
    if not same_engine:
        monkeypatch.setattr(calibration, "engine_version", lambda: "another")
    later, newer = start()
    assert later.wait(job.id, WAIT).phase == "done"
    assert tool.asked == (ALL if same_engine else ["", "Q4_K", *ALL])
    found = newer.known(MACHINE)
    assert found is not None and set(found.devices["cpu"].types) == {"Q4_K", "Q6_K"}
