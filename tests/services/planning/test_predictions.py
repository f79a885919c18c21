"""Predictions of real files: what is written down of real loads and answers, and what later predictions make of it."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.engine import driven_engine
from support.published import profile

from desktop.core.hardware import Cpu, Gpu, Machine, Memory
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.model_kind import ModelKind
from desktop.core.model_ref import local_ref
from desktop.core.placement import Fit, place
from desktop.core.pools import Pool
from desktop.core.speed import AttentionSpeed, Calibration, DeviceSpeed, Speeds, SpeedSample, TypeSpeed
from desktop.engine.api import Benchmarked, Loaded, Statistics
from desktop.engine.api import Memory as EngineMemory
from desktop.engine.device_records import DeviceHeld
from desktop.services.machine.calibration import CalibrationService
from desktop.services.machine.this_machine import describe_cpu
from desktop.services.planning.attention import Attended
from desktop.services.planning.ledger import LedgerService, RunMeter
from desktop.services.planning.local_files import LocalModel, read_local
from desktop.services.planning.recording import RunRecorder
from desktop.services.planning.service import plan_of
from desktop.services.planning.speed import Predicted, SpeedService
from desktop.services.planning.words import speed, speed_details
from desktop.store.ledger import Ledger
from desktop.store.paths import Paths

MACHINE = Machine(
    Cpu("Test CPU", physical_cores=2, usable_cores=2), Memory(16_000_000_000, bandwidth_bytes_per_second=40e9)
)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "data", tmp_path / "cache")


class Predictions:
    """What predicts and records on one computer, over one ledger file."""

    def __init__(self, paths: Paths, machine: Machine) -> None:
        self.runs = Ledger(paths.ledger)
        self.calibration = CalibrationService(paths)
        self.speed = SpeedService(self.calibration, lambda: machine, self.runs.runs)
        self.ledger = LedgerService(self.runs, self.speed)
        self.recorder = RunRecorder(self.ledger)

    def close(self) -> None:
        self.runs.close()


def open_predictions(paths: Paths) -> Predictions:
    return Predictions(paths, MACHINE)


def planned(
    path: Path, context: int = 4096, machine: Machine = MACHINE, settings: LoadSettings | None = None
) -> LoadPlan:
    """A load of a file as the formulas have it."""
    asked, model = settings or LoadSettings(context), read_local(path)
    assert model is not None
    fit = place(model.shape, model.weights, asked, machine)
    return plan_of(local_ref(path, "Starter"), asked, Attended(fit), model.shape, ModelKind.CHAT)


def loaded_as(path: Path, threads: int = 2) -> Loaded:
    """What the engine would say of a load."""
    memory = EngineMemory(96_573_850, 94_371_840, 0, 18_360_566, 199_229, 260_000_000)
    return Loaded(str(path), "", 4096, 8192, 30, 0, threads, "model", memory, 0.1)


def answer(rate: float, generated: int = 64) -> Statistics:
    return Statistics(36, 0, generated, 36 + generated, 4096, 0.5, 300.0, rate, 260_000_000)


def calm() -> RunMeter:
    """As if the engine had every core it asked for, however busy this computer is."""
    meter = RunMeter.start(os.getpid())
    return RunMeter(meter.pid, meter.began, meter.waited + 1e6)


def stormy() -> RunMeter:
    """As if the engine had waited for a core all the time."""
    meter = RunMeter.start(os.getpid())
    return RunMeter(meter.pid, meter.began, meter.waited - 1e6)


def test_a_file_is_known_by_what_decides_its_speed(starter_model: Path, tmp_path: Path) -> None:
    model = read_local(starter_model)
    assert isinstance(model, LocalModel)
    assert (model.quantization, model.shape.layer_count) == ("Q4_1", 30)
    moved = tmp_path / "another name.gguf"
    moved.symlink_to(starter_model)
    again = read_local(moved)
    assert again is not None and again.fingerprint == model.fingerprint


def test_a_file_that_is_no_model_is_not_predicted(tmp_path: Path) -> None:
    (tmp_path / "bad.gguf").write_bytes(b"GGUF" + bytes(100))
    assert read_local(tmp_path / "bad.gguf") is None
    assert read_local(tmp_path / "absent.gguf") is None


def test_what_was_measured_teaches_the_next_prediction(starter_model: Path, paths: Paths) -> None:
    predictions = open_predictions(paths)
    running = predictions.ledger.started(loaded_as(starter_model), planned(starter_model))
    first = predictions.ledger.predict(running, 68)
    assert first is not None and first.shown.method == "table"
    truth = first.shown.decode.expected * 1.6
    for _ in range(5):
        predictions.ledger.answered(running, answer(truth), calm())
    predictions.close()
    later = open_predictions(paths)
    second = later.ledger.predict(later.ledger.started(loaded_as(starter_model), planned(starter_model)), 68)
    later.close()
    assert second is not None and second.shown.method == "measured" and second.correction.runs == 5
    assert second.shown.decode.expected == pytest.approx(truth, rel=0.06)
    assert second.uncorrected.decode == first.uncorrected.decode
    width = [found.decode.high / found.decode.low for found in (first.shown, second.shown)]
    assert width[1] < width[0] / 2


CARD = Gpu(
    "RTX 4070", "nvidia", 12_000_000_000, 11_000_000_000, bandwidth_bytes_per_second=504e9, engine_devices=("CUDA0",)
)
OTHER = msgspec.structs.replace(CARD, name="RTX 3060", bandwidth_bytes_per_second=360e9)


def on_card(path: Path, layers: int, name: str) -> Loaded:
    """What the engine would say of a load with layers on a card."""
    held = (DeviceHeld("", weights_bytes=50_000_000), DeviceHeld("CUDA0", name, weights_bytes=115_000_000))
    return msgspec.structs.replace(loaded_as(path), gpu_layers=layers, devices=held)


def test_a_run_on_a_card_teaches_nothing_about_the_processor_or_another_card(starter_model: Path, paths: Paths) -> None:
    asked = LoadSettings(4096, gpu_layers=31)

    def predicted(machine: Machine, loaded: Loaded, settings: LoadSettings, *, runs: float = 0.0) -> Predicted:
        predictions = Predictions(paths, machine)
        plan = planned(starter_model, 4096, machine, settings)
        running = predictions.ledger.started(loaded, plan)
        for _ in range(3 if runs else 0):
            predictions.ledger.answered(running, answer(runs), calm())
        found = predictions.ledger.predict(running, 68)
        kept = predictions.runs.runs(predictions.speed.key)[0]
        assert kept.devices == (loaded.devices[1].description if loaded.gpu_layers else "")
        predictions.close()
        assert found is not None
        return found

    fast, other = (msgspec.structs.replace(MACHINE, gpus=(card,)) for card in (CARD, OTHER))
    before = predicted(MACHINE, loaded_as(starter_model), LoadSettings(4096))
    elsewhere = predicted(other, on_card(starter_model, 31, OTHER.name), asked)
    taught = predicted(fast, on_card(starter_model, 31, CARD.name), asked, runs=999.0)
    assert taught.shown.method == "measured" and taught.shown.decode.expected == pytest.approx(999.0, rel=0.1)
    assert taught.shown.decode.expected > before.shown.decode.expected
    assert predicted(MACHINE, loaded_as(starter_model), LoadSettings(4096)) == before
    assert predicted(other, on_card(starter_model, 31, OTHER.name), asked) == elsewhere
    assert elsewhere.shown.decode.expected != before.shown.decode.expected


def test_layers_that_stayed_on_the_processor_are_predicted_and_kept_as_its_own(
    starter_model: Path, paths: Paths
) -> None:
    machine = msgspec.structs.replace(MACHINE, gpus=(CARD,))
    predictions = Predictions(paths, machine)
    plan = planned(starter_model, 4096, machine, LoadSettings(4096, gpu_layers=31))
    running = predictions.ledger.started(loaded_as(starter_model), plan)
    found = predictions.ledger.predict(running, 68)
    kept = predictions.runs.runs(predictions.speed.key)[0]
    assert (kept.devices, kept.gpu_layers, kept.figures.predicted_memory) == ("", 0, {})
    on_cpu = predictions.ledger.started(loaded_as(starter_model), planned(starter_model))
    assert found == predictions.ledger.predict(on_cpu, 68)
    predictions.close()


def test_a_variant_that_was_run_here_shows_what_was_measured_everywhere(starter_model: Path, paths: Paths) -> None:
    """The picker, ``fit`` and the library ask for speeds of a file by its fingerprint, on the Hub as here."""
    predictions = open_predictions(paths)
    model = read_local(starter_model)
    assert model is not None
    plan = planned(starter_model)
    assert plan.fit is not None
    about = (model.shape, model.weights, model.quantization)

    def speeds(fit: Fit, fingerprint: str = model.fingerprint) -> Speeds:
        found = predictions.speed.on(MACHINE).speeds(*about, fit, fingerprint)
        assert found is not None
        return found

    guess = speeds(plan.fit)
    assert (guess.method, guess.runs) == ("table", 0) and "measured" not in speed(guess)
    running = predictions.ledger.started(loaded_as(starter_model), plan)
    used = predictions.ledger.predict(running, 68)
    assert used is not None
    measured = used.uncorrected.decode.expected / 4
    predictions.ledger.answered(running, answer(measured), calm())
    found = speeds(plan.fit)
    assert (found.method, found.runs) == ("measured", 1)
    assert found.empty.expected == pytest.approx(guess.empty.expected / 4)
    assert speed(found).endswith("tok/s measured")
    assert "\nmeasured here in 1 run\n" in speed_details(found)
    q8 = planned(starter_model, settings=LoadSettings(4096, "q8_0", "q8_0")).fit
    assert q8 is not None
    assert speeds(q8).method == "table"  # another cache is another speed
    assert speeds(plan.fit, "another").method == "table"
    predictions.close()


@pytest.mark.parametrize(
    "other",
    [
        {"flash_attention": "off"},
        {"cache_type_k": "q8_0"},
        {"gpu_layers": 5},
        {"gpu_layers": 5, "cpu_expert_layers": 3},
    ],
    ids=["without flash attention", "another cache", "on the GPU", "experts in main memory"],
)
def test_what_was_measured_is_shown_for_the_same_way_of_computing_only(
    starter_model: Path, paths: Paths, other: dict[str, Any]
) -> None:
    """Whichever way came first: what a run gave says what it gives again, and nothing of a load of another kind."""
    for first, then in (({}, other), (other, {})):
        predictions = Predictions(Paths(paths.data / str(len(first)), paths.cache), profile("rtx-4060-8gb"))
        ran, asked = (msgspec.structs.replace(loaded_as(starter_model), **way) for way in (first, then))
        ledger, plan = predictions.ledger, planned(starter_model)
        running = ledger.started(ran, _as_loaded(plan, ran))
        guessed = ledger.predict(running, 68)
        assert guessed is not None
        ledger.answered(running, answer(guessed.shown.decode.expected / 4), calm())
        again, unlike = (ledger.predict(ledger.started(one, _as_loaded(plan, one)), 68) for one in (ran, asked))
        assert again is not None and (again.shown.method, again.correction.runs) == ("measured", 1)
        assert unlike is not None and unlike.shown.method == "table" and not unlike.correction.same_model
        predictions.close()


def test_a_load_that_found_less_room_is_predicted_as_it_is_computed(starter_model: Path, paths: Paths) -> None:
    predictions = open_predictions(paths)
    guessed = predictions.calibration.speeds(MACHINE)["cpu"]
    slow, quick = ({"f16": AttentionSpeed(seconds, seconds)} for seconds in (4e-10, 1e-10))
    cpu = msgspec.structs.replace(guessed, method="calibrated", attention=slow, unfused=quick)
    key = predictions.calibration.key(MACHINE)
    predictions.calibration._keep(Calibration(key, "2026-01-01T00:00:00+00:00", 2, {"cpu": cpu}))
    plan = planned(starter_model)
    assert plan.fit is not None
    full = {}
    for flash in ("auto", "off"):
        loaded = msgspec.structs.replace(loaded_as(starter_model), flash_attention=flash)
        more = dataclasses.replace(plan, fit=dataclasses.replace(plan.fit, gpu_layers=5))
        found = predictions.ledger.speeds(predictions.ledger.started(loaded, more))
        assert found is not None
        full[flash] = found.full.expected
    assert full["off"] > 1.2 * full["auto"]
    predictions.close()


def _as_loaded(plan: LoadPlan, loaded: Loaded) -> LoadPlan:
    """The plan of a load that became this one."""
    assert plan.fit is not None
    fit = dataclasses.replace(plan.fit, kv_types=(loaded.cache_type_k, loaded.cache_type_v))
    if loaded.gpu_layers:
        fit = dataclasses.replace(fit, pools=(*fit.pools, Pool(1, "gpu", 8_000_000_000, 0)))
    asked = LoadSettings(4096, loaded.cache_type_k, loaded.cache_type_v, loaded.flash_attention)
    return dataclasses.replace(plan, fit=fit, asked=asked)


def test_an_answer_on_a_busy_machine_teaches_nothing(starter_model: Path, paths: Paths) -> None:
    predictions = open_predictions(paths)
    running = predictions.ledger.started(loaded_as(starter_model), planned(starter_model))
    for _ in range(3):
        predictions.ledger.answered(running, answer(3.0), stormy())
        predictions.ledger.answered(running, msgspec.structs.replace(answer(3.0), given_up_threads=1), calm())
    after = predictions.ledger.predict(running, 68)
    assert after is not None and after.correction.runs == 0
    trust = predictions.ledger.trust()
    assert trust.speed == ()
    assert trust.speed_words == (
        "No answer says yet how good Heft's speed predictions are: ask a loaded model something. "
        "6 answers are left out here: other programs had the processor meanwhile."
    )
    predictions.close()


def test_a_few_tokens_are_no_measurement(starter_model: Path, paths: Paths) -> None:
    predictions = open_predictions(paths)
    running = predictions.ledger.started(loaded_as(starter_model), planned(starter_model))
    predictions.ledger.answered(running, answer(3.0, generated=4), calm())
    assert predictions.ledger.trust().speed == ()
    predictions.close()


def test_other_threads_are_another_story(starter_model: Path, paths: Paths) -> None:
    predictions = open_predictions(paths)
    predictions.ledger.answered(
        predictions.ledger.started(loaded_as(starter_model, 1), planned(starter_model)), answer(10.0), calm()
    )
    running = predictions.ledger.started(loaded_as(starter_model, 2), planned(starter_model))
    found = predictions.ledger.predict(running, 68)
    assert found is not None and found.correction.runs == 0
    predictions.close()


def test_other_batches_teach_nothing_about_reading(starter_model: Path, paths: Paths) -> None:
    predictions, found = open_predictions(paths), Benchmarked(0, (500.0,), (20.0,), 2)
    for batch in (2048, 512):
        loaded = msgspec.structs.replace(loaded_as(starter_model), batch=batch)
        predictions.ledger.benched(predictions.ledger.started(loaded, planned(starter_model)), found, 512, 64, calm())
    runs = [run.figures for run in predictions.runs.runs(predictions.speed.key) if run.what == "bench"]
    assert [(one.measured_prompt, one.measured_decode) for one in runs] == [(500.0, 20.0), (0.0, 20.0)]
    predictions.close()


def test_trust_is_told_in_words(starter_model: Path, paths: Paths) -> None:
    predictions = open_predictions(paths)
    assert predictions.ledger.trust().speed_words == ""
    running = predictions.ledger.started(loaded_as(starter_model), planned(starter_model))
    trust = predictions.ledger.trust()
    assert trust.memory_words == "Heft's memory prediction on this computer was within 1% in its only run."
    assert trust.speed_words.startswith("No answer says yet") and trust.reading_words == ""
    for _ in range(10):
        found = predictions.ledger.predict(running, 68)
        assert found is not None
        predictions.ledger.answered(running, answer(found.shown.decode.expected * 1.04), calm())
    trust = predictions.ledger.trust()
    assert len(trust.speed) == 10 and trust.speed[0].title == "Starter Q4_1"
    assert trust.speed_words == "Heft's speed predictions on this computer were within 4% in all 10 runs."
    assert trust.reading_words == ""  # the questions were too short to measure how fast they are read
    asked = msgspec.structs.replace(answer(found.shown.decode.expected), prompt_tokens=200, drafted_tokens=9)
    predictions.ledger.answered(running, asked, calm())
    assert predictions.ledger.trust().speed_words.endswith(
        "1 answer is left out here: tokens were guessed ahead (speculation)."
    )
    quick = found.shown.prompt.expected * 2
    asked = msgspec.structs.replace(asked, drafted_tokens=0, prompt_tokens_per_second=quick)
    predictions.ledger.answered(running, asked, calm())
    assert predictions.ledger.trust().reading_words.startswith("Heft's reading speed prediction on this computer was")
    predictions.close()


@pytest.mark.errors_logged
def test_a_ledger_that_cannot_be_written_hurts_no_answer(
    starter_model: Path, paths: Paths, caplog: pytest.LogCaptureFixture
) -> None:
    paths.data.parent.mkdir(parents=True, exist_ok=True)
    paths.data.write_text("a file where the folder should be")
    predictions = open_predictions(paths)
    running = predictions.ledger.started(loaded_as(starter_model), planned(starter_model))
    predictions.ledger.answered(running, answer(50.0), calm())
    assert predictions.ledger.predict(running, 68) is not None
    assert "was not written down" in caplog.text
    predictions.close()


def test_a_calibration_is_used_for_its_machine_only(paths: Paths) -> None:
    service = CalibrationService(paths)
    speed = DeviceSpeed(
        "calibrated", {"Q4_K": TypeSpeed((SpeedSample(1e8, 1e-12),), 1e-12, 0.08)}, {"f16": AttentionSpeed(1e-12)}
    )
    kept = Calibration(service.key(MACHINE), "2025-01-01T00:00:00+00:00", 2, {"cpu": speed})
    service._keep(kept)
    assert CalibrationService(paths).known(MACHINE) == kept
    found = service.speeds(MACHINE)["cpu"]
    assert found.method == "calibrated" and found.types["Q4_K"] == speed.types["Q4_K"]
    assert "Q8_0" in found.types
    assert service.missing(MACHINE, ("Q4_K", "Q6_K", "F32")) == ("Q6_K",)
    other = msgspec.structs.replace(MACHINE, cpu=Cpu("Another CPU"))
    assert service.known(other) is None and service.speeds(other)["cpu"].method == "table"


def test_a_damaged_calibration_is_none(paths: Paths) -> None:
    paths.calibrations.parent.mkdir(parents=True)
    paths.calibrations.write_text("{")
    assert CalibrationService(paths).known(MACHINE) is None


@pytest.mark.engine
def test_a_real_load_is_written_with_its_memory(starter_model: Path, paths: Paths, tmp_path: Path) -> None:
    predictions = Predictions(paths, describe_cpu(paths))
    with driven_engine(tmp_path) as engine:
        loaded = engine.load(starter_model, 2048)
        predictions.recorder.loaded(loaded, planned(starter_model, 2048, describe_cpu(paths)))
        predictions.recorder.began(engine.pid)
        _, finished = engine.ask("Hello", max_tokens=16)
        predictions.recorder.answered(msgspec.structs.asdict(finished.statistics))
    (point,) = predictions.ledger.trust().memory
    assert point.predicted == pytest.approx(point.measured, rel=0.02)
    answers = [run for run in predictions.runs.runs(predictions.speed.key) if run.what == "answer"]
    assert answers[0].figures.measured_decode == pytest.approx(finished.statistics.tokens_per_second)
    predictions.close()
