"""``heft backends``: the real command with libraries that are made here, each tried by the real trial."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.planted_backends import COMPUTES_WRONGLY, plant

from desktop.cli import main
from desktop.engine.builder.vulkan import VulkanBuilder
from desktop.engine.further_backends import FOLDER_VARIABLE, TRIAL_MODEL_VARIABLE
from desktop.engine.server.program import engine_version
from desktop.services.engine import backend_building
from desktop.store.paths import Paths

Capture = pytest.CaptureFixture[str]
pytestmark = pytest.mark.engine
CARD = "NVIDIA GeForce RTX 4070"


@pytest.fixture(autouse=True)
def folder(heft_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Heft's own, and trials without the starter, which take less."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(heft_home / "backends"))
    monkeypatch.delenv(TRIAL_MODEL_VARIABLE, raising=False)
    return heft_home / "backends"


def heft(capsys: Capture, *arguments: str, code: int = 0) -> Any:
    """The document of a command with ``--json``."""
    capsys.readouterr()
    assert main([*arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def serving(document: Any) -> dict[str, str]:
    """By which backend each device is served."""
    return {device["name"]: device["served_by"] for row in document["backends"] for device in row["devices"]}


def test_a_backend_is_added_and_serves_and_is_gone_back_from(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    vulkan = plant(tmp_path, "vulkan", called="Vulkan", card=f"{CARD} (NVK)", device_id="0000:01:00.0")
    cuda = plant(tmp_path, "cuda", called="CUDA", card=CARD, device_id="0000:01:00.0")
    assert main(["backends", "add", str(vulkan)]) == 0
    out, told = capsys.readouterr()
    assert "heft: Vulkan computed the known answer on " in told and f"serves {CARD} (NVK) since " in told
    assert f"Vulkan  serves {CARD} (NVK) since " in out and "    libggml-vulkan.so, added by you, 16" in out
    assert "CPU  serves " in out and "A backend lets the engine compute on a graphics card" in out
    found = heft(capsys, "backends", "add", str(cuda))
    assert serving(found) | {"CPU": ""} == {"CUDA0": "CUDA", "Vulkan0": "CUDA", "CPU": ""}
    assert found["can_go_back"] and [row["name"] for row in found["backends"][:2]] == ["CUDA", "Vulkan"]
    assert serving(heft(capsys, "backends", "use", "vulkan"))["CUDA0"] == "Vulkan"
    assert serving(heft(capsys, "backends", "back"))["Vulkan0"] == "CUDA"
    assert serving(heft(capsys, "backends", "remove", "CUDA"))["Vulkan0"] == "Vulkan"
    assert sorted(file.name for file in folder.glob("*.so")) == ["libggml-vulkan.so"]


def test_a_wrong_answer_is_refused_and_leaves_nothing(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    wrong = plant(tmp_path, "wrong", computes=COMPUTES_WRONGLY)
    error = heft(capsys, "backends", "add", str(wrong), code=1)["error"]
    assert error["kind"] == "refused-backend" and error["hint"]
    assert error["message"].startswith(
        "libggml-wrong.so was not added: wrong0 (A planted card) computes a wrong answer"
    )
    assert not list(folder.rglob("*wrong*"))


def test_one_that_fails_its_second_trial_is_told_and_left_out(tmp_path: Path, capsys: Capture) -> None:
    updated = tmp_path / "updated"
    library = plant(tmp_path, "later", start=f'if (access("{updated}", F_OK) == 0) abort()')
    heft(capsys, "backends", "add", str(library))
    updated.touch()
    error = heft(capsys, "backends", "try", "later", code=1)["error"]
    assert error["message"] == "libggml-later.so failed its trial: it crashes the engine."
    (row,) = [row for row in heft(capsys, "backends")["backends"] if row["file"] == "libggml-later.so"]
    assert (row["used"], row["state"], row["message"]) == (False, "refused", "left out: it crashes the engine")


def test_a_card_that_two_backends_reach_counts_once_even_where_they_do_not_say_that_it_is_one(
    tmp_path: Path, capsys: Capture, starter_model: Path
) -> None:
    for name in ("Vulkan", "CUDA"):
        heft(capsys, "backends", "add", str(plant(tmp_path, name.lower(), called=name, card=CARD)))
    machine = heft(capsys, "machine")
    assert [(gpu["name"], gpu["engine_devices"]) for gpu in machine["gpus"]] == [(CARD, ["CUDA0", "Vulkan0"])]
    fit = heft(capsys, "fit", str(starter_model), "--context", "512")
    assert fit["method"] == "engine" and fit["placement"] == "gpu"
    assert [device["device"] for device in fit["memory"]["devices"]] == [0, 1]
    assert fit["free_bytes"] < 9e9  # of one card of 8.6 GB, not of two
    ran = heft(capsys, "run", str(starter_model), "--prompt", "Hi", "--max-tokens", "2", "--context", "512")
    assert [device["name"] for device in ran["devices"]][1:] == [CARD]


def test_what_was_built_is_tried_and_taken_in(paths: Paths, folder: Path, capsys: Capture) -> None:
    built = VulkanBuilder(paths.cache, engine_version()).target
    plant(built, "vulkan", called="Vulkan", card=CARD)  # as an earlier build left it
    assert main(["backends", "build", "vulkan"]) == 0
    out, told = capsys.readouterr()
    assert "heft: Building llama.cpp's Vulkan backend. It takes about " in told and f"Vulkan  serves {CARD}" in out
    assert (folder / "libggml-vulkan.so").is_file()


def test_without_a_toolkit_and_wheels_there_is_no_build_of_cuda(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(backend_building, "installed", lambda: None)
    monkeypatch.setattr(backend_building, "can_fetch", lambda: False)
    error = heft(capsys, "backends", "build", "cuda", code=1)["error"]
    assert error["kind"] == "no-compiler" and "heft backends add FILE" in error["hint"]
    assert heft(capsys, "backends", "build", "metal", code=2)["error"]["hint"] == "It builds vulkan and cuda."


@pytest.mark.parametrize("words", [["add"], ["use"], ["back", "twice"], ["remove", "nothing-like-it"]])
def test_what_cannot_be_done_says_how_it_is_said(words: list[str], capsys: Capture) -> None:
    error = heft(capsys, "backends", *words, code=1 if words[0] == "remove" else 2)["error"]
    assert error["kind"] in ("usage", "not-found") and "heft backends" in error["hint"]
