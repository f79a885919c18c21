"""Speed tests, tuning and mixes as jobs, over helpers that know their answers: what is kept, what is gone on with."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support import gguf_bytes as g
from support.gate import Gate
from support.scripted_lab import ScriptedQuantizer
from support.scripted_speed import ScriptedBencher, ScriptedSensitivity, speaking

from desktop.core.cancelled import Cancelled, never
from desktop.core.errors import EngineError, HeftError, StoreError, UsageError
from desktop.core.hardware import Cpu, Machine, Memory
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import ModelRef
from desktop.core.quantize_recipe import Recipe
from desktop.core.speculation import Speculating
from desktop.core.speed import Rate, Speeds
from desktop.services.discover.tables import DataTables
from desktop.services.jobs import JobService
from desktop.services.lab import benching, part_losses, quantizing, tuning
from desktop.services.lab.bench_files import read_results, write_results
from desktop.services.lab.benching import BenchingService, matrix
from desktop.services.lab.hashes import FileHashes
from desktop.services.lab.mixing import MixingService
from desktop.services.lab.quantizing import QuantizingService
from desktop.services.lab.tuning import TuningService
from desktop.services.models.library import LibraryModel, LibraryService
from desktop.services.planning.speculation import CannotSpeculateError
from desktop.store.measurements import MeasurementStore
from desktop.store.paths import Paths


class Planning:
    """Every model fits and is remembered; 800 tokens a second are read, 16 written, 8 with a full context."""

    def __init__(self) -> None:
        self.kept: dict[str, LoadSettings] = {}
        self.draft = "none"  # the one that guesses for every model
        self.read = Rate(700.0, 800.0, 900.0)
        self.wrote = Rate(15.0, 16.0, 17.0)

    def settings_of(self, ref: ModelRef) -> LoadSettings:
        return self.kept.get(ref.name, LoadSettings())

    def remember(self, ref: ModelRef, settings: LoadSettings) -> None:
        self.kept[ref.name] = settings

    def for_load(self, ref: ModelRef, asked: LoadSettings | None = None, cancelled: Cancelled = never) -> LoadPlan:
        asked = asked or LoadSettings()
        if asked.speculation == "mtp" or (asked.draft or self.draft) != self.draft:
            raise CannotSpeculateError("It cannot.", "Choose another kind.")
        speeds = Speeds(self.wrote, Rate(7.0, 8.0, 9.0), asked.context or 4096, "calibrated", self.read)
        fit: Any = SimpleNamespace(
            context=asked.context or 4096, kv_types=asked.kv_types, gpu_layers=0, cpu_expert_layers=0, devices="",
            placement="cpu", short_by_bytes=0, fits=True, gpu_shares=(),
        )  # fmt: skip
        return LoadPlan(
            ref, asked, asked.threads or 2, fit=fit, speeds=speeds, flash=asked.flash_attention or "auto",
            speculating=Speculating(asked.speculating),
        )  # fmt: skip


@pytest.fixture
def planning() -> Planning:
    return Planning()


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch, gate: Gate) -> None:
    free = Memory(total_bytes=16 << 30, available_bytes=8 << 30)
    ScriptedQuantizer.gate, ScriptedQuantizer.asked = gate, []
    ScriptedBencher.hold, ScriptedBencher.timed = -1, 0
    monkeypatch.setattr(quantizing, "Tool", ScriptedQuantizer)
    monkeypatch.setattr(part_losses, "Tool", ScriptedSensitivity)
    monkeypatch.setattr(part_losses, "read_memory", lambda: free)
    for module in (benching, tuning):
        monkeypatch.setattr(module, "Tool", ScriptedBencher)


@pytest.fixture
def speeds(
    scripted: None, planning: Planning, paths: Paths, library: LibraryService, programs: Callable[[], JobService]
) -> BenchingService:
    found: Any = lambda: planning  # noqa: E731
    machine = Machine(Cpu("A processor"), Memory(total_bytes=16 << 30, available_bytes=8 << 30))
    hashes = FileHashes(paths.cache / "hashes.json")
    return BenchingService(paths, programs(), library, found, hashes, lambda: machine)


def largest_first(models: Sequence[LibraryModel]) -> tuple[LibraryModel, ...]:
    return tuple(sorted(models, key=lambda one: -one.size_bytes))


@pytest.fixture
def tunes(
    scripted: None, planning: Planning, paths: Paths, library: LibraryService, programs: Callable[[], JobService]
) -> TuningService:
    found: Any = lambda: planning  # noqa: E731
    hashes = FileHashes(paths.cache / "hashes.json")
    return TuningService(paths, programs(), library, found, hashes, speaking, largest_first)


def test_a_matrix_goes_on_where_it_was(speeds: BenchingService, source: Path, paths: Paths) -> None:
    tests = matrix(prompts=(100,), generates=(10,), depths=(0, 50), kv_types=("f16", "q8_0"))
    prospect = speeds.prospect(str(source), tests, 2)
    assert len(tests) == 8 and prospect.seconds and prospect.predicted[0] == 800.0
    writing = next(rate for test, rate in zip(tests, prospect.predicted, strict=True) if test.generate)
    assert 8.0 < writing < 16.0
    ScriptedBencher.hold = 11
    with pytest.raises(EngineError):
        speeds.measure(prospect)
    (kept,) = (paths.data / "lab").glob("bench-*")
    found = speeds.measure(prospect)
    assert ScriptedBencher.timed == 2 * len(tests) and not kept.exists()
    first = found.cells[0]
    assert first.row.rates == (1000.0, 1000.0) and first.predicted == 800.0 and not first.disturbed
    assert (first.row.cpu_info, first.row.model_type, first.row.n_threads) == ("A processor", "tiny 1M F16", 2)
    assert {cell.row.type_k for cell in found.cells} == {"f16", "q8_0"}


def test_what_is_no_matrix_is_refused() -> None:
    for wrong in ({"prompts": (), "generates": (0,)}, {"kv_types": ("q9",)}, {"depths": range(300)}):
        with pytest.raises(UsageError):
            matrix(**wrong)
    assert len(matrix(batches=(64,), ubatches=(512, 64))) == 2  # what is alike counts once


def test_results_are_written_by_their_names_and_read_again(
    speeds: BenchingService, source: Path, tmp_path: Path
) -> None:
    rows = [cell.row for cell in speeds.measure(speeds.prospect(str(source), matrix(), 1)).cells]
    for ending in (".json", ".csv", ".md", ".svg"):
        write_results(tmp_path / f"out{ending}", rows, [("here", rows)], "Title")
    assert len(json.loads((tmp_path / "out.json").read_text())) == 2
    assert [row.test for row in read_results(tmp_path / "out.csv")] == ["pp512", "tg128"]
    assert "Title" in (tmp_path / "out.svg").read_text() and "| pp512 |" in (tmp_path / "out.md").read_text()
    for name in ("out.svg", "none"):
        with pytest.raises(HeftError):
            read_results(tmp_path / name)
    with pytest.raises(StoreError):
        write_results(tmp_path / "no" / "out.md", rows, [], "")


def test_the_winner_is_remembered_and_nothing_is_measured_twice(
    tunes: TuningService, planning: Planning, source: Path, paths: Paths
) -> None:
    prospect = tunes.prospect(str(source))
    assert prospect.seconds and prospect.options >= 3
    ScriptedBencher.hold = 8  # six for Heft's own choice
    with pytest.raises(EngineError):
        tunes.tune(prospect)
    assert list((paths.data / "lab").glob("tune-*")) and not planning.kept
    found = tunes.tune(prospect)
    assert [one.step for one in found.tried].count("as Heft would") == 1
    assert found.remembered == {"flash_attention": "off", "speculation": "ngram"}
    told = (0.512 + 3.2) / 1.2, 0.512 / 1.2 + 64 / 20, 0.512 / 1.2 + 64 / 30  # seconds of an answer, as each is timed
    assert found.gain == pytest.approx(1.2 * told[1] / told[2])
    assert planning.kept["tiny-F16"].flash_attention == "off" and not list((paths.data / "lab").glob("tune-*"))
    (won,) = [one for one in found.tried if one.won]
    assert (won.step, won.changed, won.generate) == ("speculation", {"speculation": "ngram"}, pytest.approx(30.0))
    batches = [one for one in found.tried if one.step == "tokens read at once"]
    assert [one.changed for one in batches] == [{}, {"batch": 128}, {"batch": 1024}, {"batch": 2048}]
    assert [one.prompt for one in batches] == pytest.approx([1200.0] * 4) and not any(one.won for one in batches)
    spoken = [(one.changed, one.generate) for one in found.tried if one.step == "speculation"]
    assert spoken == [({}, pytest.approx(20.0)), ({"speculation": "ngram"}, pytest.approx(30.0))]


def test_a_target_takes_the_largest_file_that_reaches_it(
    tunes: TuningService, planning: Planning, source: Path, tmp_path: Path, paths: Paths
) -> None:
    small = g.model(file_type=7, tokenizer__ggml__model="gpt2").write(paths.models / "tiny-Q8_0.gguf")
    large = g.model(layers=4, file_type=1, tokenizer__ggml__model="gpt2").write(paths.models / "tiny-F16.gguf")
    prospect = tunes.prospect(str(large), 23.0)
    assert [one.path for one in prospect.variants] == [large, small]
    found = tunes.tune(prospect)
    assert found.reached and found.path == str(large) and found.remembered == {"flash_attention": "off"}
    missed = tunes.tune(tunes.prospect(str(large), 31.0))
    assert not missed.reached and missed.generate == pytest.approx(30.0)
    with pytest.raises(UsageError, match="comes near 1000"):
        tunes.tune(tunes.prospect(str(large), 1000.0))
    with pytest.raises(UsageError):
        tunes.prospect(str(large), -1.0)


def test_a_target_takes_what_loses_least_though_it_is_smaller(
    scripted: None, planning: Planning, paths: Paths, library: LibraryService, programs: Callable[[], JobService]
) -> None:
    small = g.model(file_type=7, tokenizer__ggml__model="gpt2").write(paths.models / "tiny-Q8_0.gguf")
    large = g.model(layers=4, file_type=1, tokenizer__ggml__model="gpt2").write(paths.models / "tiny-F16.gguf")
    found: Any = lambda: planning  # noqa: E731
    hashes = FileHashes(paths.cache / "hashes.json")

    def best_first(models: Sequence[LibraryModel]) -> tuple[LibraryModel, ...]:
        return tuple(sorted(models, key=lambda one: one.path != small))

    tunes = TuningService(paths, programs(), library, found, hashes, speaking, best_first)
    prospect = tunes.prospect(str(large), 12.0)
    assert [one.path for one in prospect.variants] == [small, large]
    assert tunes.tune(prospect).path == str(small)


def test_parts_are_measured_once_for_all_sizes(
    scripted: None, planning: Planning, source: Path, paths: Paths, library: LibraryService,
    programs: Callable[[], JobService],
) -> None:  # fmt: skip
    jobs, hashes = programs(), FileHashes(paths.cache / "hashes.json")
    found: Any = lambda: planning  # noqa: E731
    kept = MeasurementStore(paths.measurements)
    make = QuantizingService(paths, jobs, library, found, lambda: DataTables().quality, hashes, kept)
    mixes = MixingService(paths, jobs, library, found, hashes, lambda: make)
    names = ("token_embd", "blk.0.ffn_up", "blk.1.ffn_up")
    ScriptedSensitivity.names = tuple(f"{name}.weight" for name in names)
    prospect = mixes.prospect(str(source), 150_000, text="prose")
    assert prospect.groups == 3 and prospect.seconds and not mixes.is_measured(prospect)
    mix = mixes.choose(prospect)
    assert mix.size_bytes <= 150_000 and mix.expected_kld > 0 and {one.group for one in mix.groups} == {
        "token_embd", "ffn_up first", "ffn_up last",
    }  # fmt: skip
    losses = {one.group: one.kld for one in mix.groups}
    assert losses["ffn_up first"] == pytest.approx(0.05) and losses["ffn_up last"] == pytest.approx(0.01)
    assert mixes.is_measured(prospect)
    larger = mixes.choose(mixes.prospect(str(source), 250_000, text="prose"))
    assert larger.expected_kld < mix.expected_kld and larger.size_bytes > mix.size_bytes
    made = make.prospect(str(source), mix.recipe, weigh=False)
    assert made.size_bytes == mix.size_bytes and isinstance(made.recipe, Recipe) and not made.mainly
    assert mixes.target(prospect).name == "tiny-mix-150.0kB.gguf"
    with pytest.raises(UsageError, match="cannot be made as small"):
        mixes.prospect(str(source), 1000)
