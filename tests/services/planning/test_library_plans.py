"""The library's plans: those of a load, for many models at once, and what was read of the files is kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.forge_shapes import llama_8b
from support.planning import Fixed, planning_on
from support.published import profile

from desktop.cli import main
from desktop.core.errors import EngineError
from desktop.core.hardware import Cpu, Machine, Memory
from desktop.core.model_ref import local_ref
from desktop.services.machine.calibration import CalibrationService
from desktop.services.models.library import LibraryModel, LibraryService
from desktop.services.planning import local_files
from desktop.services.planning.library_plans import LibraryPlans
from desktop.services.planning.local_files import LocalFiles
from desktop.services.planning.service import PlanningService
from desktop.services.planning.speed import SpeedService
from desktop.store.load_settings import LoadSettingsStore
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore

MACHINE = Machine(
    Cpu("here", physical_cores=2, usable_cores=2), Memory(16 * 10**9, 12 * 10**9, bandwidth_bytes_per_second=40e9)
)


def service(paths: Paths, machine: Machine = MACHINE) -> PlanningService:
    """As the program makes it at its start; there is no engine to be asked."""
    calibration = CalibrationService(paths)
    return PlanningService(
        lambda: None, lambda: None, Fixed(machine), lambda: SpeedService(calibration, lambda: machine),  # type: ignore[arg-type,return-value]
        LoadSettingsStore(paths.load_settings), files=LocalFiles(paths.cache / "models.msgpack"),
    )  # fmt: skip


@pytest.fixture
def models(paths: Paths, tmp_path: Path) -> Sequence[LibraryModel]:
    for number in range(3):
        paths.models.mkdir(parents=True, exist_ok=True)
        llama_8b().write(paths.models / f"model-{number}.gguf")
    (paths.models / "broken.gguf").write_bytes(b"GGUF" + bytes(100))
    library = LibraryService(paths, SettingsStore(paths.settings), environ={}, home=tmp_path)
    return [model for model in library.scan() if model.source == "heft"]


def test_a_row_is_the_plan_of_a_load(paths: Paths, models: Sequence[LibraryModel]) -> None:
    planning = service(paths)
    found = LibraryPlans(lambda: planning).all(models)
    assert sorted(Path(id_).stem for id_ in found) == ["model-0", "model-1", "model-2"]
    for model in models:
        if not model.problem:
            plan = planning.for_load(model.ref)
            assert found[model.id] == plan and plan.speeds is not None


def test_many_models_are_planned_without_the_engine_where_there_is_a_graphics_card(
    paths: Paths, models: Sequence[LibraryModel]
) -> None:
    planning = service(paths, profile("rtx-4060-8gb"))
    found = LibraryPlans(lambda: planning).all(models)
    fits = [plan.fit for plan in found.values()]
    assert [(fit.method, fit.placement) for fit in fits if fit] == [("estimate", "gpu")] * 3
    assert all(plan.speeds is not None for plan in found.values())


def test_what_was_read_is_known_at_the_next_start(
    paths: Paths, models: Sequence[LibraryModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = service(paths)
    before = LibraryPlans(lambda: first).all(models)
    first._files.save()
    read: list[str] = []
    true_read = local_files.read_file

    def noted(path: Path) -> local_files.LocalFile:
        read.append(path.stem)
        return true_read(path)

    monkeypatch.setattr(local_files, "read_file", noted)
    later = service(paths)
    assert LibraryPlans(lambda: later).all(models) == before and read == []
    changed = paths.models / "model-1.gguf"
    changed.write_bytes(changed.read_bytes() + b"more")
    LibraryPlans(lambda: later).all(models)
    assert read == ["model-1"]


@pytest.mark.parametrize(
    "content", [b"", b"\xc1", b"\x82\xa6format\xa1x\xa7entries\x80"], ids=["empty", "damaged", "old"]
)
def test_what_was_kept_and_cannot_be_read_is_read_anew(
    paths: Paths, models: Sequence[LibraryModel], content: bytes
) -> None:
    planning = service(paths)
    wanted = LibraryPlans(lambda: planning).all(models)
    paths.cache.mkdir(parents=True, exist_ok=True)
    (paths.cache / "models.msgpack").write_bytes(content)
    later = service(paths)
    assert LibraryPlans(lambda: later).all(models) == wanted


def test_a_model_is_planned_once_until_it_is_another_or_all_is_forgotten(
    paths: Paths, models: Sequence[LibraryModel]
) -> None:
    planning = planning_on(paths)
    plans = LibraryPlans(lambda: planning)
    assert len(plans.all(models)) == 3 and plans.all(models) == {}
    plans.forget()
    assert len(plans.wanted(models)) == 3


def test_without_an_engine_the_library_is_listed_all_the_same(
    heft_home: Path, starter_model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def none(_self: PlanningService) -> None:
        raise EngineError("There is no engine here.", "")

    monkeypatch.setattr(PlanningService, "here", none)
    assert main(["library", "--json"]) == 0
    (model,) = json.loads(capsys.readouterr().out)["models"]
    assert model["title"] == starter_model.stem
    assert model["placement"] is None and model["tokens_per_second_full"] is None and model["settings"] is None
    assert main(["library"]) == 0 and " – " in capsys.readouterr().out


def test_the_table_says_where_a_model_runs_and_how_fast(
    heft_home: Path, starter_model: Path, paths: Paths, capsys: pytest.CaptureFixture[str]
) -> None:
    (paths.models).mkdir(parents=True, exist_ok=True)
    (paths.models / "broken.gguf").write_bytes(b"GGUF" + bytes(100))
    assert local_ref(starter_model).path is not None and main(["library"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert "RUNS HERE" in header and "SPEED (TOK/S)" in header
    line = next(row for row in rows if row.startswith(starter_model.stem))
    assert "CPU only" in line or "on GPU" in line
    assert "→" in line and any("load" in row for row in rows if row.startswith("broken"))
