"""A new user's way through the Lab in the real window: made, measured, compared blind, and quoted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.program import lead, screen

from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore

pytestmark = [pytest.mark.xvfb, pytest.mark.engine]
DRIVER = Path(__file__).with_name("lab_window.py")
SECONDS = 280.0
TYPES = ("Q8_0", "Q5_K_M", "Q4_K_M")


def test_variants_are_made_measured_and_compared_by_mouse_and_keyboard(paths: Paths, tmp_path: Path) -> None:
    SettingsStore(paths.settings).update(load_at_start=False)
    with screen(tmp_path) as display:
        seen = json.loads(lead(DRIVER, display=display, folder=tmp_path, seconds=SECONDS))
    files = {path.name for path in paths.models.glob("*.gguf")}
    assert {name.rpartition("-")[2] for name in files} == {f"{kind}.gguf" for kind in ("F16", *TYPES)}
    assert not list(paths.models.glob(".heft-*"))
    assert "was made" in seen["whole"] and [kind in told for kind, told in zip(TYPES, seen["made"], strict=True)]
    assert "each figure will be sure to about" in seen["expected"]
    measured = {row[0].rpartition("-")[2]: row for row in seen["measured"]}
    assert measured.keys() == set(TYPES) and all(row[7].endswith("-F16") for row in measured.values())
    losses = [float(measured[kind][3].split()[0]) for kind in TYPES]
    assert 0 < losses[0] < min(losses[1:])  # what Q8_0 loses is hardly anything
    assert all(kind in seen["recommended"] for kind in TYPES) and "is recommended" in seen["recommended"]
    assert all(kind in seen["chart"] for kind in TYPES)
    assert seen["hidden"] == ["Left", "Right"]
    assert {name.rpartition("-")[2] for name in seen["named"]} == {"Q4_K_M", "F16"}
    assert "1 to 0" in seen["tally"]
