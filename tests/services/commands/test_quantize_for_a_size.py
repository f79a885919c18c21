"""``heft quantize --target-size`` and ``--fit`` by the real command: how types are chosen, and what is made."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.forge import TINY, forge

from desktop.cli import main
from desktop.core.gguf import read_header
from desktop.store.gguf_files import FileSource

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


FEW = ("--text", "code", "--chunks", "2")


def test_a_mix_for_a_size_is_made_and_says_how_it_was_chosen(
    answer: Answer, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = answer("quantize", str(tiny), "--target-size", "9 MB", *FEW, "--dry-run")
    assert not before["made"] and before["parts"] == 15 and before["least_bytes"] < 9e6 < before["most_bytes"]
    made = answer("quantize", str(tiny), "--target-size", "9 MB", *FEW)
    path = Path(made["path"])
    assert path.name == "tiny-mix-9.0MB.gguf" and path.stat().st_size == made["predicted_size_bytes"] <= 9_000_000
    mix = made["mix"]
    assert mix["target_bytes"] == 9_000_000 and mix["tokens"] == 254 and mix["expected_kld"] > 0
    groups = {one["group"]: one for one in mix["groups"]}
    assert groups["attn_v first"]["types"].keys() == {"Q8_0"}  # small, and costs most a byte
    assert groups["token_embd"]["types"].keys() != {"Q8_0"} and groups["token_embd"]["kld"] > 0
    assert not made["mainly"] and made["quality"]["kld_low"] is None
    with FileSource(path) as stream:
        header = read_header(stream)
    types = {tensor.name: tensor.type for tensor in header.tensors}
    assert {types["blk.0.attn_v.weight"]} == groups["attn_v first"]["types"].keys()
    assert header.string("heft.recipe.tensor_types.0")
    # what was measured counts for another size: it is chosen before anything is made
    later = answer("quantize", str(tiny), "--target-size", "12 MB", *FEW, "--dry-run")
    assert later["mix"]["expected_kld"] < mix["expected_kld"] and later["predicted_size_bytes"] <= 12_000_000
    again = {one["group"]: one["kld"] for one in later["mix"]["groups"]}
    assert again == {group: one["kld"] for group, one in groups.items()}
    assert main(["quantize", str(tiny), "--target-size", "12 MB", *FEW, "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "attn_v first" in shown and "expected of all together" in shown


def test_the_largest_that_fits_is_a_size_too(answer: Answer, tiny: Path) -> None:
    said = answer("quantize", str(tiny), "--fit", "--context", "2048", *FEW, "--dry-run")
    assert said["target_bytes"] > said["most_bytes"]  # so small a model fits in Q8_0 anywhere


def test_sizes_that_cannot_be_are_refused_before_anything_is_measured(answer: Answer, tiny: Path) -> None:
    refused = answer("quantize", str(tiny), "--target-size", "2 MB", *FEW, code=2)["error"]
    assert refused["kind"] == "usage" and "cannot be made as small as" in refused["message"]
    assert "Ask for" in refused["hint"]
    assert answer("quantize", str(tiny), code=2)["error"]["hint"].startswith("Name one")
    both = answer("quantize", str(tiny), "Q4_K_M", "--target-size", "9 MB", code=2)["error"]
    assert "chooses the types by itself" in both["message"]
    assert answer("quantize", str(tiny), "--fit", "--target-size", "9 MB", code=2)["error"]["kind"] == "usage"


def test_a_mix_loses_less_than_the_plain_type_of_its_size(answer: Answer, tiny: Path, tmp_path: Path) -> None:
    """What it is of the starter, which takes minutes, stands in docs/reference/lab.md."""
    plain, mixed = tmp_path / "plain.gguf", tmp_path / "mixed.gguf"
    size = answer("quantize", str(tiny), "Q3_K_M", "--to", str(plain))["size_bytes"]
    made = answer("quantize", str(tiny), "--target-size", str(size), *FEW, "--to", str(mixed))
    assert mixed.stat().st_size == made["size_bytes"] <= size
    few = ("--against", str(tiny), "--text", "prose", "--context", "64", "--chunks", "4")  # another text
    losses = [answer("measure", str(path), *few)["kld"] for path in (plain, mixed)]
    assert losses[1]["mean"] + 2 * losses[1]["error"] < losses[0]["mean"] - 2 * losses[0]["error"]
