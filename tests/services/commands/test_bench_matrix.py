"""``heft bench --matrix`` and ``heft tune`` by the real commands: what is timed, exported, shown, remembered."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.forge import TINY, Shape, forge

from desktop.cli import main
from desktop.core.bench_rows import read_rows

pytestmark = pytest.mark.engine
Answer = Callable[..., Any]


@pytest.fixture
def answer(heft_home: Path, capsys: pytest.CaptureFixture[str]) -> Answer:
    def call(*arguments: str, code: int = 0) -> Any:
        capsys.readouterr()
        assert main([*arguments, "--json"]) == code
        return json.loads(capsys.readouterr().out)

    return call


@pytest.fixture
def tiny(tmp_path: Path, vocab_dir: Path) -> Path:
    return forge(tmp_path / "tiny-F16.gguf", TINY, "F16", vocab_dir / "ggml-vocab-gpt-2.gguf")


LISTS = ("--prompts", "32", "--generates", "8", "--depths", "0,64", "--kv-types", "f16,q8_0", "--repeat", "2")


def test_a_matrix_is_timed_exported_and_shown_beside_others(
    answer: Answer, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = answer("bench", str(tiny), "--matrix", *LISTS, "--dry-run")
    assert said["tests"] == 8 and said["repeat"] == 2 and "rows" not in said
    files = [tmp_path / f"out{ending}" for ending in (".json", ".csv", ".md", ".svg")]
    exports = [word for path in files for word in ("--export", str(path))]
    found = answer("bench", str(tiny), "--matrix", *LISTS, "--thread-counts", "1", *exports)
    rows = found["rows"]
    assert sorted({row["test"] for row in rows}) == ["pp32", "pp32 @ d64", "tg8", "tg8 @ d64"]
    assert {(row["type_k"], row["n_threads"], row["n_batch"]) for row in rows} == {("f16", 1, 2048), ("q8_0", 1, 2048)}
    for row in rows:
        assert len(row["samples_ns"]) == 2 and row["min_ts"] <= row["median_ts"] <= row["max_ts"]
        assert row["model_size"] > 0 and row["backends"] == "CPU" and row["test_time"].endswith("Z")
    assert json.loads(files[0].read_text()) == [
        {name: value for name, value in row.items() if name in json.loads(files[0].read_text())[0]} for row in rows
    ]
    assert len(read_rows(files[1].read_text())) == 8
    assert "| tg8 @ d64 |" in files[2].read_text() and files[3].read_text().startswith("<svg")
    few = ("--prompts", "32", "--generates", "0", "--repeat", "1")
    beside = answer("bench", str(tiny), "--matrix", *few, "--beside", str(files[0]))["beside"]
    assert len(beside[0]["rows"]) == 8
    assert main(["bench", str(tiny), "--matrix", *few, "--beside", str(files[1])]) == 0
    shown = capsys.readouterr().out
    assert "theirs" in shown and "ratio" in shown and "predicted" in shown


def test_what_cannot_be_timed_is_refused_before(answer: Answer, tiny: Path, tmp_path: Path) -> None:
    matrix = ("bench", str(tiny), "--matrix")
    assert answer(*matrix, "--prompts", "0", "--generates", "0", code=2)["error"]["kind"] == "usage"
    assert "q9" in answer(*matrix, "--kv-types", "q9", code=2)["error"]["message"]
    assert ".svg" in answer(*matrix, "--export", "a.png", code=2)["error"]["hint"]
    assert answer(*matrix, "--beside", str(tmp_path / "no"), code=1)["error"]["kind"] == "not-found"
    assert answer(*matrix, "--beside", str(tiny), code=1)["error"]["kind"] == "bad-file"
    many = ",".join(str(number) for number in range(1, 202))
    assert "200" in answer(*matrix, "--depths", many, "--generates", "0", code=2)["error"]["hint"]


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers of a few tokens, and nothing settled by predictions."""
    from desktop.services.lab import tune_trials, tuning

    for name, tokens in {"PROMPT": 32, "LONG_PROMPT": 48, "GENERATE": 8, "DEPTH": 32, "SPOKEN": 4}.items():
        monkeypatch.setattr(tune_trials, name, tokens)
    monkeypatch.setattr(tuning, "_SETTLED", 1e9)


def test_tuning_measures_remembers_and_shows_what_it_tried(answer: Answer, tiny: Path, short: None) -> None:
    said = answer("tune", str(tiny), "--dry-run")
    assert said["options"] >= 3 and said["target"] is None
    found = answer("tune", str(tiny))
    steps = [one["step"] for one in found["tried"]]
    assert steps[0] == "as Heft would" and "flash attention" in steps and found["gain"] >= 1.0
    (winner,) = [one for one in found["tried"] if one["won"]]
    assert winner["tokens_per_second"] == found["tokens_per_second"] > 0
    kept = answer("settings", str(tiny))["settings"]
    for key, value in found["remembered"].items():
        assert kept[key] == value
    reached = answer("tune", str(tiny), "--target", "0.5")
    assert reached["reached"] and [one["step"] for one in reached["tried"]] == ["as Heft would"]
    never = answer("tune", str(tiny), "--target", "1000000000", code=2)["error"]
    assert never["kind"] == "usage" and "comes near" in never["message"]
    assert answer("tune", str(tiny), "--target", "-1", code=2)["error"]["kind"] == "usage"


def test_a_small_model_at_hand_is_tried_as_a_draft(
    answer: Answer, tiny: Path, tmp_path: Path, vocab_dir: Path, short: None
) -> None:
    large = forge(
        tmp_path / "large-F32.gguf", Shape(layers=8, embedding=768, feed_forward=1536, heads=8, kv_heads=4), "F32",
        vocab_dir / "ggml-vocab-gpt-2.gguf",
    )  # fmt: skip
    other = forge(tmp_path / "other-Q4_K.gguf", TINY, "Q4_K", vocab_dir / "ggml-vocab-llama-bpe.gguf")
    answer("config", "library_folders", str(tmp_path))
    found = answer("tune", str(large))
    spoken = {json.dumps(one["settings"]): one for one in found["tried"] if one["step"] == "speculation"}
    drafts = [one["settings"]["draft"] for one in spoken.values() if one["settings"].get("speculation") == "draft"]
    assert drafts == [str(tiny)] and str(other) not in drafts and "{}" in spoken
    assert all(one["tokens_per_second"] > 0 for one in spoken.values())
    kept = answer("settings", str(large))["settings"]
    assert kept["speculation"] == found["remembered"].get("speculation")
