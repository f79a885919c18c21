"""``heft imatrix`` through the real command: made, looked at, used by ``heft quantize``, going on after a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.forge import TINY, forge
from support.program import poll

from desktop.cli import main
from desktop.store.paths import Paths

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


FEW = ("--context", "64", "--chunks", "4")


def test_a_matrix_is_made_beside_the_model_and_makes_small_types_possible(
    answer: Answer, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = answer("imatrix", str(tiny), *FEW, "--dry-run")
    assert not said["made"] and said["chunks"] == 4 and said["text"] == "mixed" and said["text_chunks"] > 100
    made = answer("imatrix", str(tiny), *FEW)
    path = tmp_path / "tiny.imatrix.gguf"
    assert made["path"] == str(path) and made["entries"] == len(made["tensors"]) == 2 * 7
    tensors = {one["name"]: one for one in made["tensors"]}
    down = tensors["blk.1.ffn_down.weight"]
    assert (down["layer"], down["role"], down["rows"]) == (1, "ffn_down", 4 * 64) and down["mean"] > 0
    assert 0.01 < down["top_share"] < 1
    assert main(["imatrix", str(tiny), "--show"]) == 0
    shown = capsys.readouterr().out
    assert "4 pieces of mixed" in shown and "ffn_down" in shown and f"{down['mean']:.3g}" in shown
    small = answer("quantize", str(tiny), "IQ2_XXS", "--imatrix", str(path), "--to", str(tmp_path / "small.gguf"))
    assert small["made"] and small["recipe"]["imatrix_sha256"] == made["sha256"]
    assert answer("imatrix", str(tiny), *FEW, code=1)["error"]["kind"] == "file-exists"
    assert answer("imatrix", str(tiny), "--show", "--to", "x")["chunks"] == 4
    assert answer("imatrix", str(tiny), "--text", str(tmp_path / "no"), code=1)["error"]["kind"] == "not-found"


def test_killed_half_way_nothing_is_left_and_it_goes_on(
    answer: Answer, starter_model: Path, tmp_path: Path, paths: Paths
) -> None:
    target = tmp_path / "starter.imatrix.gguf"
    few = ("--context", "32", "--chunks", "400", "--text", "code", "--to", str(target))
    slow = "from desktop.services.lab import importance; importance._KEEP_SECONDS = 0.0; from desktop.cli import main; "
    command = [sys.executable, "-c", f"{slow} main({['imatrix', 'starter', *few]!r})"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ))
    kept = paths.data / "lab"
    try:
        poll(lambda: any(kept.glob("imatrix-*.gguf")), 120, "the first chunk to be kept")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(20)
    assert not target.exists()
    (state,) = kept.glob("imatrix-*.gguf")
    from desktop.engine.tools.imatrix_file import read_collected

    done = read_collected(state).chunks
    assert 0 < done < 400
    order = [*few[:3], str(done + 1), *few[4:]]  # a shorter order is another one: it begins anew and ends soon
    made = answer("imatrix", "starter", *order)
    assert made["chunks"] == done + 1 and target.exists() and not list(tmp_path.glob(".heft-*"))
