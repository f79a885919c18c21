"""``heft split``, ``merge`` and ``edit``: other files with the same tensors, which is shown and not only said."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from support import gguf_bytes as g
from support.forge import TINY, forge

from desktop.cli import main
from desktop.core.gguf import Header, read_header
from desktop.services.container import Container
from desktop.services.jobs_left import any_left, take_up
from desktop.store.gguf_files import FileSource
from desktop.store.paths import Paths

Answer = Callable[..., Any]


@pytest.fixture
def answer(heft_home: Path, capsys: pytest.CaptureFixture[str]) -> Answer:
    def call(*arguments: str, code: int = 0) -> Any:
        capsys.readouterr()
        assert main([*arguments, "--json"]) == code
        return json.loads(capsys.readouterr().out)

    return call


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A small model whose weights are all different, so that a mistaken place is seen."""
    path = g.model(layers=3, tokenizer__chat_template="{{ messages }}").write(tmp_path / "small.gguf")
    start = header_of(path).data_offset
    data = bytearray(path.read_bytes())
    data[start:] = np.random.default_rng(2).integers(0, 256, len(data) - start, np.uint8).tobytes()
    path.write_bytes(data)
    return path


def header_of(path: Path) -> Header:
    with FileSource(path) as source:
        return read_header(source)


def tensors_of(*paths: Path) -> dict[str, bytes]:
    """Each tensor's own bytes, by another way than the program's."""
    found = {}
    for path in paths:
        header, data = header_of(path), path.read_bytes()
        for tensor in header.tensors:
            start = header.position(tensor)
            found[tensor.name] = data[start : start + (tensor.size_bytes or 0)]
    return found


def test_split_and_merged_again_it_is_the_same_model(answer: Answer, model: Path, tmp_path: Path) -> None:
    made = answer("split", str(model), "--max-size", "300 kB", "--to", str(tmp_path / "parts" / "small.gguf"), code=1)
    assert made["error"]["kind"] == "not-writable"  # a folder that was mistyped is not made
    made = answer("split", str(model), "--max-size", "300 kB")
    parts = [Path(path) for path in made["files"]]
    count = len(parts)
    assert count > 2 and parts[0].name == f"small-00001-of-{count:05d}.gguf"
    assert tensors_of(*parts) == tensors_of(model)
    for number, part in enumerate(parts):
        header = header_of(part)
        assert header.split == (number, count) and header.integer("split.tensors.count") == 10
        assert hashlib.sha256(part.read_bytes()).hexdigest() == made["files_sha256"][number]
        assert not [problem for problem in header.problems if problem.severity == "error"]
    assert sum(part.stat().st_size for part in parts) == made["size_bytes"]
    whole = answer("merge", str(parts[1]), "--to", str(tmp_path / "whole.gguf"))
    assert whole["tensors_sha256"] == made["tensors_sha256"]
    assert (tmp_path / "whole.gguf").read_bytes() == model.read_bytes()
    assert (
        answer("merge", str(parts[0]), "--to", str(tmp_path / "whole.gguf"), code=1)["error"]["kind"] == "file-exists"
    )
    assert answer("merge", str(model), code=2)["error"]["kind"] == "usage"
    assert answer("split", str(model), "--max-size", "1 GB", code=2)["error"]["kind"] == "usage"


def test_metadata_is_changed_and_the_tensors_are_not(answer: Answer, model: Path, tmp_path: Path) -> None:
    template, target = tmp_path / "t.jinja", tmp_path / "copy.gguf"
    template.write_text("{% for m in messages %}{{ m.content }}{% endfor %}")
    made = answer(
        "edit", str(model), "general.name=Ours é", f"tokenizer.chat_template=@{template}", "general.sampling.temp=1",
        "llama.context_length=8192", "my.flag:bool=true", "--remove", "general.file_type", "--to", str(target),
    )  # fmt: skip
    header = header_of(target)
    assert header.name == "Ours é" and header.string("tokenizer.chat_template") == template.read_text()
    values = {key: (value.type.name, value.data) for key, value in header.metadata.items()}
    assert values["general.sampling.temp"] == ("FLOAT32", 1.0) and values["my.flag"] == ("BOOL", True)
    assert values["llama.context_length"] == ("UINT32", 8192) and "general.file_type" not in values
    assert list(values)[:2] == ["general.architecture", "general.name"]
    assert tensors_of(target) == tensors_of(model)
    assert made["sha256"] == hashlib.sha256(target.read_bytes()).hexdigest()
    assert made["tensors_sha256"] == answer("edit", str(target), "a=b", "--to", f"{target}2.gguf")["tensors_sha256"]


@pytest.mark.parametrize(
    "change", ["general.alignment=64", "llama.block_count=many", "no value", "=x", "a b=c", "llama.block_count=-1"]
)
def test_what_cannot_be_changed_is_refused_and_nothing_is_written(
    answer: Answer, model: Path, tmp_path: Path, change: str
) -> None:
    refused = answer("edit", str(model), change, "--to", str(tmp_path / "copy.gguf"), code=2)
    assert refused["error"]["kind"] == "usage" and not (tmp_path / "copy.gguf").exists()
    assert answer("edit", str(model), "--to", str(tmp_path / "copy.gguf"), code=2)["error"]["kind"] == "usage"


def test_a_full_disk_and_a_file_that_is_cut_short(
    answer: Answer, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = tmp_path / "short.gguf"
    short.write_bytes(model.read_bytes()[:-5000])
    target = tmp_path / "copy.gguf"
    assert answer("edit", str(short), "a=b", "--to", str(target), code=1)["error"]["kind"] == "bad-file"
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10))
    assert answer("edit", str(model), "a=b", "--to", str(target), code=1)["error"]["kind"] == "disk-full"
    assert sorted(path.name for path in tmp_path.iterdir() if "copy" in path.name) == []


def test_a_copy_that_a_kill_cut_short_is_written_anew_at_the_next_start(
    paths: Paths, model: Path, tmp_path: Path
) -> None:
    from desktop.services.job_kinds import Job
    from desktop.services.job_work import Work
    from desktop.services.lab.rewriting import RewriteOrder

    target = tmp_path / "copy.gguf"
    (tmp_path / ".heft-copy.gguf").write_bytes(model.read_bytes()[:700])
    with Container(paths) as first:
        kind = first.rewriting._kind
        order = RewriteOrder("edit", (str(model),), str(target), changes=(("general.name", "New"),))
        kind.save(Work(order), Job(kind.id_of(order), kind.name, "a copy", "running"))
    with Container(paths) as later:
        take_up(later)
        (job,) = later.jobs.jobs()
        assert later.jobs.wait(job.id, 60).phase == "done"
    assert header_of(target).name == "New" and tensors_of(target) == tensors_of(model)
    assert not (tmp_path / ".heft-copy.gguf").exists() and not any_left(paths)


@pytest.mark.engine
def test_the_engine_plans_what_was_split_as_it_plans_the_whole(answer: Answer, tmp_path: Path, vocab_dir: Path) -> None:
    whole = forge(tmp_path / "tiny.gguf", TINY, "Q4_K", vocab_dir / "ggml-vocab-gpt-2.gguf")
    made = answer("split", str(whole), "--max-size", "1 MB")
    fits = [answer("fit", path, "--context", "512")["memory"]["total_bytes"] for path in (str(whole), made["path"])]
    assert fits[0] == fits[1]
