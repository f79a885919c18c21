"""``heft convert`` through the real command: what it says before, what it makes, what is left when it is killed.

A stand-in does the converter's part, in milliseconds; the real one, with torch, is too large to be fetched by tests.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from support import gguf_bytes as g
from support.forge import TINY, forge
from support.hub_server import BytesContent, Content, HubServer, Repo, online
from support.program import poll
from support.safetensors_folder import small_folder
from support.stand_in_converter import MOOD, RESULT, put_converter, put_wheels, told

from desktop.cli import main
from desktop.core.failures import FailureKind
from desktop.engine.converter import environment
from desktop.services.container import Container
from desktop.services.job_kinds import Job
from desktop.services.job_work import Work
from desktop.services.jobs_left import any_left, take_up
from desktop.services.lab import made_files
from desktop.services.lab.converting import ConvertOrder
from desktop.store import options
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore

Answer = Callable[..., Any]


@pytest.fixture
def answer(heft_home: Path, capsys: pytest.CaptureFixture[str]) -> Answer:
    def call(*arguments: str, code: int = 0) -> Any:
        capsys.readouterr()
        assert main(["convert", *arguments, "--json"]) == code
        return json.loads(capsys.readouterr().out)

    return call


@pytest.fixture
def folder(tmp_path: Path, paths: Paths, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, the stand-in ready to convert it, and no engine: the trial of the result is told."""
    put_converter(paths)
    made = small_folder(tmp_path / "Novelty-1B")
    g.model(layers=1).write(made / RESULT)
    monkeypatch.setattr(made_files, "try_file", lambda *_, compute: compute)
    return made


def test_a_folder_becomes_a_file_that_was_tried(answer: Answer, folder: Path, paths: Paths) -> None:
    said = answer(str(folder), "--dry-run")
    assert not said["made"] and said["type"] == "F16" and said["converter"]["ready"] and said["expected_seconds"] > 0
    made = answer(str(folder))
    path = paths.models / "Novelty-1B-F16.gguf"
    assert made["path"] == str(path) == said["path"] and made["size_bytes"] == path.stat().st_size
    assert made["sha256"] == hashlib.sha256((folder / RESULT).read_bytes()).hexdigest()
    arguments = told(folder)["arguments"]
    assert isinstance(arguments, list) and arguments[-2:] == ["--outtype", "f16"]
    assert sorted(file.name for file in paths.models.iterdir()) == [path.name]
    refused = answer(str(folder), code=1)
    assert refused["error"]["kind"] == FailureKind.FILE_EXISTS and "--out" in refused["error"]["hint"]
    other = answer(str(folder / "model.safetensors"), "--type", "q8_0", "--out", str(paths.models / "other.gguf"))
    assert other["type"] == "Q8_0" and other["path"].endswith("other.gguf")


def test_the_converter_asks_nobody_and_gets_no_token(
    answer: Answer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    answer(str(folder))
    assert told(folder)["offline"] == "1" and told(folder)["token"] is None


def test_code_of_the_models_own_folder_is_not_run(answer: Answer, folder: Path, tmp_path: Path) -> None:
    (folder / MOOD).write_text("strange")
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    refused = answer(str(folder), code=1)["error"]
    assert refused["kind"] == FailureKind.STRANGE_CODE and not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("mood", "kind"),
    [
        ("says ERROR:hf-to-gguf:Model NoveltyForCausalLM is not supported", FailureKind.UNKNOWN_ARCHITECTURE),
        ("half", FailureKind.BAD_FILE),
    ],
)
def test_what_does_not_come_out_whole_leaves_nothing(
    answer: Answer, folder: Path, paths: Paths, mood: str, kind: FailureKind
) -> None:
    (folder / MOOD).write_text(mood)
    assert answer(str(folder), code=1)["error"]["kind"] == kind
    assert not list(paths.models.iterdir())


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (lambda folder: (folder / "config.json").unlink(), FailureKind.BAD_FILE),
        (lambda folder: (folder / "config.json").write_text("{"), FailureKind.BAD_FILE),
        (lambda folder: (folder / "model.safetensors").rename(folder / "other.bin"), FailureKind.BAD_FILE),
        (lambda folder: (folder / "model.safetensors").rename(folder / "x.safetensors"), FailureKind.BAD_FILE),
        (lambda folder: (folder / "adapter_config.json").write_text("{}"), FailureKind.BAD_FILE),
        (lambda folder: small_folder(folder, config={"quantization_config": {"quant_method": "awq", "bits": 4}}),
         FailureKind.OTHER_PROGRAM),
        (lambda folder: (folder / "model.safetensors.index.json").write_text(
            '{"weight_map": {"a": "model-00002-of-00002.safetensors"}}'), FailureKind.MISSING_SHARD),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}" + b"rest"),
         FailureKind.BAD_FILE),
    ],
)  # fmt: skip
def test_what_cannot_be_converted_is_said_before_anything_begins(
    answer: Answer, folder: Path, spoil: Callable[[Path], object], kind: FailureKind
) -> None:
    spoil(folder)
    refused = answer(str(folder), code=1)["error"]
    assert refused["kind"] == kind and refused["hint"] and not (folder / "told.json").exists()


def test_a_full_disk_is_told_before(answer: Answer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    refused = answer(str(folder), code=1)["error"]
    assert refused["kind"] == FailureKind.DISK_FULL and "--out" in refused["hint"]
    assert not (folder / "told.json").exists()


def test_its_environment_is_made_only_when_that_is_agreed_to(
    answer: Answer, tmp_path: Path, paths: Paths, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wheels = put_wheels(tmp_path / "index")
    for name, value in {"NO_INDEX": "1", "FIND_LINKS": str(wheels), "CONFIG_FILE": os.devnull}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    monkeypatch.setattr(environment, "_FIRST_PIP", (22, 2))
    monkeypatch.setattr(made_files, "try_file", lambda *_, compute: compute)
    put_converter(paths, ready=False)
    folder = small_folder(tmp_path / "Novelty-1B")
    g.model(layers=1).write(folder / RESULT)
    local = ("--torch-index", "none")
    refused = answer(str(folder), *local, code=2)["error"]
    assert "torch, transformers and sentencepiece" in refused["message"] and "once" in refused["message"]
    assert "to download" in refused["message"] and "--yes" in refused["hint"]
    assert not list((paths.data / "converter").glob("environment-*/*"))
    made = answer(str(folder), *local, "--yes")
    assert made["made"] and made["converter"]["download_bytes"] > 0 and len(made["converter"]["packages"]) == 5
    assert answer(str(folder), "--dry-run")["converter"]["ready"]


def test_each_field_of_its_answer_is_documented(answer: Answer, folder: Path) -> None:
    text = (Path(__file__).parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")
    section = text.partition("## heft convert\n")[2].partition("\n## ")[0]
    said = answer(str(folder), "--dry-run")
    for field in (*said, *said["converter"]):
        assert f"`{field}`" in section or f"`{field}[]`" in section, field


def test_killed_it_leaves_nothing_under_a_final_name_and_the_next_start_makes_it(
    folder: Path, paths: Paths, tmp_path: Path
) -> None:
    (folder / MOOD).write_text("no end")
    command = [sys.executable, "-m", "desktop", "convert", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ))
    try:
        poll((folder / "told.json").exists, 120, "the work to begin")
        poll(lambda: any(paths.models.glob(".heft-*")), 60, "the file to begin")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(20)
    converter = int(str(told(folder)["pid"]))
    poll(lambda: not psutil.pid_exists(converter), 60, "the converter to end with Heft")
    target = paths.models / "Novelty-1B-F16.gguf"
    assert not target.exists()
    (folder / MOOD).unlink()
    order = ConvertOrder(str(folder), str(target), "F16", 1000)
    with Container(paths) as first:
        kind = first.converting._kind
        kind.save(Work(order), Job(kind.id_of(order), kind.name, "a job", "running"))
    assert any_left(paths)
    with Container(paths) as later:
        take_up(later)
        (job,) = later.jobs.jobs()
        done = later.jobs.wait(job.id, 240)
    assert done.phase == "done" and done.outcome.startswith("made Novelty-1B-F16.gguf")
    assert [file.name for file in paths.models.iterdir()] == [target.name]


def test_a_model_of_the_hub_is_downloaded_first_and_stays(
    answer: Answer, folder: Path, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("config.json", "tokenizer.json", "model.safetensors")
    contents: dict[str, Content] = {name: BytesContent((folder / name).read_bytes()) for name in names}
    contents |= {"original/params.json": BytesContent(b"{}"), "pytorch_model.bin": BytesContent(b"pickled")}
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    with HubServer([Repo("org/Plain-1B", contents, {"tags": ["safetensors"]})]) as hub, online(monkeypatch):
        SettingsStore(paths.settings).set(options.HUB_ENDPOINT, hub.endpoint)
        refused = answer("hf:org/Plain-1B", "--type", "nothing", code=2)["error"]
        assert refused["kind"] == FailureKind.USAGE
        kept = paths.data / "originals" / "org" / "Plain-1B"
        assert sorted(file.name for file in kept.iterdir() if not file.name.startswith(".")) == sorted(names)
        (kept / RESULT).write_bytes((folder / RESULT).read_bytes())
        made = answer("hf:org/Plain-1B")
    assert made["path"] == str(paths.models / "Plain-1B-F16.gguf") and made["source"] == str(kept)


@pytest.mark.engine
def test_what_came_of_it_is_loaded_by_the_engine(answer: Answer, tmp_path: Path, paths: Paths, vocab_dir: Path) -> None:
    put_converter(paths)
    folder = small_folder(tmp_path / "Tiny")
    forge(folder / RESULT, TINY, "F16", vocab_dir / "ggml-vocab-gpt-2.gguf")
    assert answer(str(folder))["computed"]
    g.model(layers=1).write(folder / RESULT)  # a header that is whole, of a model that is none
    refused = answer(str(folder), "--out", str(paths.models / "other.gguf"), code=1)["error"]
    assert refused["message"] and not (paths.models / "other.gguf").exists()
