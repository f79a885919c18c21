"""A fault in planning never keeps a model from running, and is never a traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.forge import TINY, forge

from desktop.cli.main import main
from desktop.services.planning import fitting
from desktop.services.planning import service as planning

pytestmark = pytest.mark.errors_logged


def _fails(*_arguments: object, **_settings: object) -> object:
    return next(iter(()))


@pytest.fixture
def model(tmp_path: Path, vocab_dir: Path) -> Path:
    return forge(tmp_path / "m.gguf", TINY, "Q8_0", vocab_dir / "ggml-vocab-gpt-2.gguf")


@pytest.mark.engine
@pytest.mark.parametrize("part", ["place", "plan_of"])
def test_a_model_runs_whatever_planning_does(
    part: str, model: Path, heft_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fitting if part == "place" else planning, part, _fails)
    asked = ("run", str(model), "--prompt", "hi", "--max-tokens", "2", "--context", "256", "--json")
    assert main(asked) == 0
    assert json.loads(capsys.readouterr().out)["generated_tokens"] > 0


@pytest.mark.parametrize("part", ["place", "shape_of", "weights_of", "plan_of"])
def test_fit_says_so_in_words(
    part: str, model: Path, heft_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fitting if part == "place" else planning, part, _fails)
    assert main(["fit", str(model), "--estimate", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"] == {
        "kind": "not-planned",
        "message": "Heft cannot work out how m.gguf is loaded.",
        "hint": "Load it to see, or look for another file of this model.",
    }


def test_a_speed_that_cannot_be_predicted_is_left_out(
    model: Path, heft_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("desktop.services.planning.speed.MachineRates.speeds", _fails)
    assert main(["fit", str(model), "--estimate", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["tokens_per_second"] is None and found["memory"]["total_bytes"] > 0
