"""``heft quantize`` through the real command: what it says, what it makes, what is left when it is killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.forge import TINY, forge
from support.program import poll

from desktop.cli import main
from desktop.core.gguf import read_header
from desktop.services.container import Container
from desktop.services.jobs_left import any_left, take_up
from desktop.store.gguf_files import FileSource
from desktop.store.paths import Paths

pytestmark = pytest.mark.engine
Answer = Callable[..., Any]


@pytest.fixture
def answer(heft_home: Path, capsys: pytest.CaptureFixture[str]) -> Answer:
    def call(*arguments: str, code: int = 0) -> Any:
        capsys.readouterr()
        assert main(["quantize", *arguments, "--json"]) == code
        return json.loads(capsys.readouterr().out)

    return call


@pytest.fixture
def tiny(tmp_path: Path, vocab_dir: Path) -> Path:
    return forge(tmp_path / "tiny-F16.gguf", TINY, "F16", vocab_dir / "ggml-vocab-gpt-2.gguf")


def test_a_variant_is_made_as_it_was_said_and_stands_in_the_library(
    answer: Answer, tiny: Path, paths: Paths, capsys: pytest.CaptureFixture[str]
) -> None:
    said = answer(str(tiny), "q4_k_m", "--dry-run")
    assert not said["made"] and said["size_bytes"] is None and not list(paths.models.glob("*"))
    assert said["quality"]["kld_high"] > 0 and said["memory"]["weights_bytes"] > 0 and said["method"] == "engine"
    made = answer(str(tiny), "q4_k_m")
    path = paths.models / "tiny-Q4_K_M.gguf"
    assert made["path"] == str(path) and path.stat().st_size == made["size_bytes"] == said["predicted_size_bytes"]
    assert made["size_bytes"] == made["predicted_size_bytes"] and made["computed"]
    import hashlib

    assert made["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    source = hashlib.sha256(tiny.read_bytes()).hexdigest()
    assert made["recipe"]["type"] == "Q4_K_M" and made["recipe"]["source_sha256"] == source
    with FileSource(path) as stream:
        header = read_header(stream)
    assert header.string("heft.recipe.source.sha256") == source and header.quantization == "Q4_K_M"
    assert main(["library", "--json"]) == 0
    assert "tiny-Q4_K_M" in [model["name"] for model in json.loads(capsys.readouterr().out)["models"]]
    refused = answer(str(tiny), "Q4_K_M", code=1)["error"]
    assert refused["kind"] == "file-exists" and "--to" in refused["hint"]


def test_a_quantized_file_is_taken_only_when_that_is_allowed(
    answer: Answer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "starter-F16.gguf"
    refused = answer("starter", "F16", "--to", str(target), code=2)["error"]
    assert refused["kind"] == "usage" and "Q4_1" in refused["message"] and "--allow-requantize" in refused["hint"]
    assert not target.exists()
    made = answer("starter", "F16", "--to", str(target), "--allow-requantize")
    assert made["size_bytes"] == made["predicted_size_bytes"] == target.stat().st_size
    assert "Q4_1" in made["requantized"] and made["types"].keys() == {"F16", "F32"}


def test_what_cannot_be_made_is_said_before(answer: Answer, tiny: Path, tmp_path: Path) -> None:
    assert "importance matrix" in answer(str(tiny), "IQ2_XXS", code=2)["error"]["message"]
    assert answer(str(tiny), "Q9", code=2)["error"]["kind"] == "usage"
    assert answer(str(tiny), "Q4_K_M", "--imatrix", str(tmp_path / "no"), code=1)["error"]["kind"] == "not-found"
    assert answer(str(tiny), "Q4_K_M", "--imatrix", str(tiny), code=1)["error"]["kind"] == "bad-file"
    assert answer(str(tiny), "Q4_K_M", "--keep-split", code=2)["error"]["kind"] == "usage"
    assert answer(str(tmp_path / "no.gguf"), "Q4_K_M", code=1)["error"]["kind"] == "not-found"


def test_shards_stay_shards_of_the_size_that_was_said(
    answer: Answer, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["split", str(tiny), "--max-size", "10 MB", "--json"]) == 0
    parts = json.loads(capsys.readouterr().out)["files"]
    made = answer(parts[0], "Q4_0", "--keep-split", "--to", str(tmp_path / "out.gguf"))
    assert len(made["files"]) == len(parts) > 1 and made["path"].endswith(f"out-00001-of-{len(parts):05d}.gguf")
    sizes = [Path(path).stat().st_size for path in made["files"]]
    assert sum(sizes) == made["size_bytes"] == made["predicted_size_bytes"]
    whole = answer(parts[0], "Q4_0", "--to", str(tmp_path / "whole.gguf"))
    assert whole["types"] == made["types"] and len(whole["files"]) == 1
    merged = tmp_path / "merged.gguf"
    assert main(["merge", made["path"], "--to", str(merged), "--json"]) == 0
    tensors = json.loads(capsys.readouterr().out)["tensors_sha256"]
    assert main(["edit", whole["path"], "a=b", "--to", f"{merged}.copy.gguf", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tensors_sha256"] == tensors


def test_a_full_disk_is_seen_before_anything_is_written(
    answer: Answer, tiny: Path, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1 << 20))
    assert answer(str(tiny), "Q8_0", code=1)["error"]["kind"] == "disk-full"
    assert not list(paths.models.glob("*")) and not list(paths.models.glob(".*"))


def test_killed_half_way_it_leaves_nothing_under_its_name_and_goes_on_at_the_next_start(
    heft_home: Path, paths: Paths, tmp_path: Path
) -> None:
    target = tmp_path / "starter-Q8_0.gguf"
    command = [sys.executable, "-m", "desktop", "quantize", "starter", "F32", "--to", str(target), "--allow-requantize"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ))
    unfinished = tmp_path / f".heft-{target.name}"
    try:
        poll(lambda: unfinished.exists() and unfinished.stat().st_size > 50 << 20, 120, "the file to grow")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(20)
    assert not target.exists()
    # the window leaves jobs to its next start; a command's are whoever's waited for it
    assert main(["quantize", "starter", "F32", "--to", str(target), "--allow-requantize", "--json"]) == 0
    assert target.exists() and not unfinished.exists() and not any_left(paths)


def test_a_job_of_the_window_begins_again_after_a_kill(paths: Paths, tiny: Path, tmp_path: Path) -> None:
    """What the window writes down of a job that runs is taken up by the next one."""
    from desktop.core.quantize_recipe import Recipe
    from desktop.services.job_kinds import Job
    from desktop.services.job_work import Work
    from desktop.services.lab.quantizing import QuantizeOrder

    target = tmp_path / "later-Q8_0.gguf"
    (tmp_path / f".heft-{target.name}").write_bytes(b"half")
    with Container(paths) as first:
        kind = first.quantizing._kind
        order = QuantizeOrder(str(tiny), str(target), Recipe("Q8_0"), 1)
        kind.save(Work(order), Job(kind.id_of(order), kind.name, "Q8_0 of tiny", "running"))
    with Container(paths) as later:
        take_up(later)
        (job,) = later.jobs.jobs()
        assert later.jobs.wait(job.id, 120).phase == "done"
    assert target.exists() and not (tmp_path / f".heft-{target.name}").exists() and not any_left(paths)
