"""``heft compare`` through the real command and the real engine."""

from __future__ import annotations

import io
import json
import random
import sys
from pathlib import Path

import pytest
from support.forge import TINY, forge

from desktop.cli import main


@pytest.mark.engine
def test_two_models_answer_the_same_prompts(
    heft_home: Path, tmp_path: Path, vocab_dir: Path, starter_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = "{% for m in messages %}{{ m.content }}{% endfor %}"
    other = forge(tmp_path / "other.gguf", TINY, "Q8_0", vocab_dir / "ggml-vocab-gpt-2.gguf", template)
    asked = [
        "--prompt",
        "Why is the sea salty?",
        "--prompt",
        "Count to three.",
        "--max-tokens",
        "8",
        "--context",
        "512",
    ]
    assert main(["compare", "starter", str(other), *asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [answer["prompt"] for answer in found["answers"]] == ["Why is the sea salty?", "Count to three."]
    first, second = found["sides"]
    assert first["path"] == str(starter_model) and second["path"] == str(other)
    assert first["generated_tokens"] == 8 and first["finish_reason"] == "length" and first["tokens_per_second"] > 0
    assert found["in_parallel"] is True
    own = found["thoughts"][0]  # the starter's: the other one's weights are chance, and all its tokens about as likely
    likeliest = own["tokens"][0]
    assert own["own"] == likeliest["text"] and own["own_probability"] == likeliest["probability"]  # temperature 0
    assert own["own"] != own["other"] and 0.1 < likeliest["probability"] <= 1
    for one in found["thoughts"]:
        assert len(one["tokens"]) == 8 and sum(token["probability"] for token in one["tokens"]) <= 1.0001
    at = found["first_difference"]["at"]
    assert first["text"][:at] == second["text"][:at] and first["text"][at:] != second["text"][at:]
    again = ["compare", "starter", str(starter_model), *asked[:2], "--max-tokens", "8", "--in-turn", "--json"]
    assert main(again) == 0
    same = json.loads(capsys.readouterr().out)
    assert same["first_difference"] is None and same["sides"][0]["text"] == first["text"]
    assert same["thoughts"] is None and same["in_parallel"] is False
    assert main(["compare", "starter", str(other), "--json"]) == 2


@pytest.mark.engine
def test_a_blind_vote_is_counted_for_the_right_side(
    heft_home: Path, tmp_path: Path, vocab_dir: Path, starter_model: Path,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    template = "{% for m in messages %}{{ m.content }}{% endfor %}"
    other = forge(tmp_path / "other.gguf", TINY, "Q8_0", vocab_dir / "ggml-vocab-gpt-2.gguf", template)
    models = ["starter", str(other)]
    asked = ["--prompt", "Why?", "--prompt", "Count.", "--max-tokens", "4", "--context", "512", "--blind"]
    monkeypatch.setattr(random, "random", iter((0.9, 0.1)).__next__)  # as named, then turned
    monkeypatch.setattr(sys, "stdin", io.StringIO("1\n2\n"))  # the starter, twice
    assert main(["compare", *models, *asked]) == 0
    said = capsys.readouterr().out
    first = said.split("Which is better?")[0]
    assert "--- 1" in first and starter_model.stem not in first and "other" not in first.replace("another", "")
    assert "2 to 0" in said and "That may be chance" in said
    assert main(["compare", *models, "--tally", "--json"]) == 0
    tally = json.loads(capsys.readouterr().out)["tally"]
    assert (tally["first"], tally["second"], tally["neither"]) == (2, 0, 0) and tally["chance"] == 0.5
    assert main(["compare", *reversed(models), "--tally", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tally"]["second"] == 2
    assert main(["compare", *models, *asked, "--json"]) == 2
