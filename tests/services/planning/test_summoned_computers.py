"""A load that asks for another computer's devices lets it come first; no other load does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from support.forge_shapes import llama_8b
from support.planning import PLAIN, planning_on

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.hardware import EngineInfo
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import local_ref
from desktop.store.paths import Paths


def test_only_who_asks_for_it_lets_it_come(paths: Paths, tmp_path: Path) -> None:
    planning = planning_on(paths, msgspec.structs.replace(PLAIN, engine=EngineInfo("llama.cpp b1")))
    ref = local_ref(llama_8b().write(tmp_path / "m.gguf"))
    came: list[Sequence[str]] = []
    planning.summon = came.append
    planning.for_load(ref, LoadSettings(), method="estimate")
    planning.for_load(ref, LoadSettings(devices="none"), method="estimate")
    assert came == []
    with pytest.raises(HeftError) as gone:  # it came to nothing, which the plan says
        planning.for_load(ref, LoadSettings(devices="here,@studio"), method="estimate")
    assert gone.value.kind == FailureKind.DEVICE_GONE and came == [("studio",)]
    planning.remember(ref, LoadSettings(devices="@attic"))
    with pytest.raises(HeftError):
        planning.for_load(ref, method="estimate")
    assert came == [("studio",), ("attic",)]
