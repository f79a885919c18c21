"""A change of the backends counts at once for whoever asks next, in one running Heft; with the real engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.planted_backends import plant

from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import local_ref
from desktop.engine.further_backends import FOLDER_VARIABLE, TRIAL_MODEL_VARIABLE
from desktop.services.container import Container
from desktop.store.paths import Paths

pytestmark = pytest.mark.engine


def test_machine_engine_and_plans_know_a_backend_as_soon_as_it_is_there_and_gone(
    paths: Paths, tmp_path: Path, starter_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(paths.backends))
    monkeypatch.delenv(TRIAL_MODEL_VARIABLE, raising=False)
    with Container(paths) as made:

        def seen() -> tuple[list[str], list[str], int]:
            """Cards of the machine, devices of the engine, layers that are planned onto a card."""
            fit = made.planning.for_load(local_ref(starter_model), LoadSettings(512)).fit
            assert fit is not None
            devices = [device.name for device in made.engine.hello().devices if device.kind == "gpu"]
            return [gpu.name for gpu in made.this_machine().gpus], devices, fit.gpu_layers

        assert seen() == ([], [], 0)
        made.backends.add(plant(tmp_path, "works", called="Works"))
        assert seen() == (["A planted card"], ["Works0"], 31)
        made.backends.remove("works")
        assert seen() == ([], [], 0)
        made.backends.back()
        assert seen() == (["A planted card"], ["Works0"], 31)
