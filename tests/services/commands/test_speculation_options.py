"""``heft run`` with guesses: what is told of them; and what cannot guess, refused before anything starts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from desktop.cli.main import main

CODE = "def add(a, b):\n    return a + b\n\ndef sub(a, b):\n    return a - b\n" * 3
ASKED = ("--prompt", f"Repeat this code exactly, three times:\n```python\n{CODE}```", "--temperature", "0")


@pytest.mark.engine
def test_an_answer_tells_of_its_guesses(heft_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = ("run", "starter", *ASKED, "--context", "1k", "--max-tokens", "90", "--speculation", "ngram")
    assert main([*run, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["settings"]["speculation"], told["settings"]["draft"]) == ("ngram", None)
    assert told["drafted_tokens"] >= told["accepted_tokens"] > 0
    assert told["gain"] == pytest.approx(told["tokens_per_second"] / told["plain_tokens_per_second"] - 1)
    assert told["predicted"]["memory"]["draft_bytes"] > 0
    assert main([*run]) == 0
    said = capsys.readouterr().err
    assert "guesses accepted · " in said and "than without" in said


@pytest.mark.engine
def test_settings_remember_it_and_an_answer_without_guesses_tells_nothing(
    heft_home: Path, capsys: pytest.CaptureFixture[str], starter_model: Path
) -> None:
    assert main(["settings", "starter", f"draft={starter_model}", "context=512", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["settings"]["draft"] == told["plan"]["draft"] == str(starter_model)
    assert (told["settings"]["speculation"], told["plan"]["speculation"]) == (None, "draft")
    assert told["plan"]["memory"]["draft_bytes"] > 90_000_000
    assert main(["run", "starter", "--prompt", "Hi", "--max-tokens", "4", "--speculation", "off", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["drafted_tokens"], told["gain"], told["plain_tokens_per_second"]) == (0, None, None)
    assert told["settings"]["draft"] is None


def test_a_model_without_such_layers_is_refused(heft_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "starter", "--prompt", "Hi", "--speculation", "mtp", "--json"]) == 2
    refused = json.loads(capsys.readouterr().out)["error"]
    assert refused["kind"] == "usage" and "multi-token prediction" in refused["message"]
