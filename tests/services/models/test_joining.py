"""Pieces of a file that lie beside each other become one, also after a stop in between."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from support import gguf_bytes as g

from desktop.cli import main
from desktop.core.errors import HeftError
from desktop.core.progress import Progress
from desktop.services.jobs import JobService
from desktop.services.models.joining import JoiningService
from desktop.store.library import Library, LibraryModel


def cut(folder: Path, *names: str) -> tuple[LibraryModel, bytes]:
    """A model in pieces, as the library lists it, and the bytes of the whole."""
    whole = g.model().write(folder / "whole")
    data = whole.read_bytes()
    whole.unlink()
    step = -(-len(data) // len(names))
    for at, name in enumerate(names):
        (folder / name).write_bytes(data[at * step : (at + 1) * step])
    return Library(folder / "cache.json").describe(folder / names[0]), data


@pytest.mark.parametrize(
    "names", [("m.gguf.part1of2", "m.gguf.part2of2"), ("m.gguf-split-a", "m.gguf-split-b", "m.gguf-split-c")]
)
def test_the_command_joins(
    heft_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], names: tuple[str, ...]
) -> None:
    model, data = cut(tmp_path, *names)
    assert main(["library", "--join", str(model.path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == {"joined": {"path": str(tmp_path / "m.gguf"), "size_bytes": len(data)}}
    assert (tmp_path / "m.gguf").read_bytes() == data and all((tmp_path / name).exists() for name in names)
    assert main(["library", "--join", str(model.path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "file-exists"


def test_it_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    model, data = cut(tmp_path, "m.gguf.part1of2", "m.gguf.part2of2")
    (tmp_path / ".heft-m.gguf").write_bytes(data[:700])
    jobs = JobService()
    try:
        told: list[Progress] = []
        joined = JoiningService(jobs, tmp_path / "jobs").join(model, progress=told.append)
        assert joined.read_bytes() == data and not (tmp_path / ".heft-m.gguf").exists()
    finally:
        jobs.close()


def test_what_is_not_all_there_and_a_full_disk_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, _ = cut(tmp_path, "m.gguf.part1of2", "m.gguf.part2of2")
    jobs = JobService()
    service = JoiningService(jobs, tmp_path / "jobs")
    try:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10))
        with pytest.raises(HeftError) as caught:
            service.join(model)
        assert caught.value.kind == "disk-full" and not (tmp_path / "m.gguf").exists()
        (tmp_path / "m.gguf.part2of2").unlink()
        with pytest.raises(HeftError) as caught:
            service.join(Library(tmp_path / "cache.json").describe(model.path))
        assert "no pieces to join" in caught.value.message
    finally:
        jobs.close()
