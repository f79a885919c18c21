"""``heft compare`` through the real command and the real engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.forge import TINY, forge

from desktop.cli import main
from desktop.services.lab.comparing import Difference, first_difference


def test_where_two_texts_part() -> None:
    assert first_difference("same", "same") is None
    assert first_difference("The sea is salt", "The sea is blue") == Difference(11, "The sea is ", ("salt", "blue"))
    assert first_difference("short", "shorter") == Difference(5, "short", ("", "er"))
    far = first_difference("x" * 100 + "a" * 100, "x" * 100 + "b")
    assert far is not None and far.at == 100 and far.alike == "x" * 40 and far.texts == ("a" * 60, "b")


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
    at = found["first_difference"]["at"]
    assert first["text"][:at] == second["text"][:at] and first["text"][at:] != second["text"][at:]
    assert main(["compare", "starter", str(starter_model), *asked[:2], "--max-tokens", "8", "--json"]) == 0
    same = json.loads(capsys.readouterr().out)
    assert same["first_difference"] is None and same["sides"][0]["text"] == first["text"]
    assert main(["compare", "starter", str(other), "--json"]) == 2
