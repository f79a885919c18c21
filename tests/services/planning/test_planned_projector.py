"""A projector beside a model is planned with it, held against the load, and left out where only that fits."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace
from support.forge_vision import forge_projector
from support.planning import PLAIN, Fixed

from desktop.core.hardware import RAM
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import local_ref
from desktop.engine.api import Load
from desktop.services.container import Container
from desktop.services.planning.projectors import NO_ROOM
from desktop.services.planning.service import PlanningService
from desktop.store.paths import Paths

WIDTH = 576


@pytest.fixture
def model(starter_model: Path, tmp_path: Path) -> Path:
    """The starter beside a projector; its folder has nothing else."""
    folder = tmp_path / "seer"
    folder.mkdir()
    (folder / "Seer-135M-Q4_1.gguf").symlink_to(starter_model)
    forge_projector(folder / "mmproj-Seer-135M-F32.gguf", WIDTH)
    return folder / "Seer-135M-Q4_1.gguf"


def planned(container: Container, model: Path, *, free: int | None = None, method: str = "estimate") -> LoadPlan:
    machine = PLAIN if free is None else replace(PLAIN, memory=replace(PLAIN.memory, available_bytes=free))
    service = PlanningService(
        lambda: container.inspection, lambda: container.dry_run, Fixed(machine), lambda: container.speed,
        container.load_settings, projectors=lambda path: container.library.resolve(str(path)).mmproj,
    )  # fmt: skip
    return service.for_load(local_ref(model), LoadSettings(2048), method=method)  # type: ignore[arg-type]


def test_a_projector_beside_a_model_is_part_of_its_plan(paths: Paths, model: Path) -> None:
    with Container(paths) as container:
        plan = planned(container, model)
        assert plan.projector is not None and plan.fit is not None
        assert plan.projector.path.name == "mmproj-Seer-135M-F32.gguf" and plan.projector.media == ("image",)
        main = plan.fit.memory.devices[RAM]
        assert (main.projector_bytes, main.picture_bytes) == (
            plan.projector.weights_bytes, plan.projector.picture_bytes,
        )  # fmt: skip
        assert Load.of(plan).projector == str(plan.projector.path)
        (model.parent / plan.projector.path.name).unlink()
        bare = planned(container, model)
    assert bare.projector is None and bare.fit is not None and Load.of(bare).projector == ""
    taken = plan.fit.memory.total_bytes - bare.fit.memory.total_bytes
    assert taken == plan.projector.total_bytes


def test_where_only_the_model_fits_it_is_loaded_without_and_that_is_said(paths: Paths, model: Path) -> None:
    with Container(paths) as container:
        plan = planned(container, model)
        assert plan.fit is not None and plan.projector is not None
        least = plan.fit.memory.total_bytes + PLAIN.reserves.ram_bytes
        tight = planned(container, model, free=least - plan.projector.total_bytes // 2)
    assert tight.projector is None and tight.fits and NO_ROOM in tight.note


def test_a_file_that_is_no_projector_is_left_alone(paths: Paths, model: Path) -> None:
    next(model.parent.glob("mmproj*")).write_bytes(b"GGUF" + bytes(40))
    with Container(paths) as container:
        assert planned(container, model).projector is None
