"""Importance matrices as a job, with a helper that does at once what the engine's does: what is left, what goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.gate import WAIT, Gate
from support.program import poll
from support.scripted_lab import ALL, ScriptedCollector

from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError
from desktop.services.jobs import JobService
from desktop.services.lab import importance
from desktop.services.lab.hashes import FileHashes
from desktop.services.lab.importance import ImportanceMade, ImportanceService
from desktop.services.models.library import LibraryService
from desktop.store.paths import Paths

Begin = Callable[[], tuple[JobService, ImportanceService]]


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch, gate: Gate) -> type[ScriptedCollector]:
    class Made(ScriptedCollector):
        collected: list[int] = []  # noqa: RUF012 - of one test

    Made.gate = gate
    monkeypatch.setattr(importance, "Tool", Made)
    monkeypatch.setattr(importance, "_KEEP_SECONDS", 0.0)
    return Made


@pytest.fixture
def begin(
    tool: type[ScriptedCollector], paths: Paths, library: LibraryService, programs: Callable[[], JobService]
) -> Begin:
    plan = SimpleNamespace(speeds=None, fits=True, threads=2, gpu_layers=0, cpu_expert_layers=0, devices="")
    planned = SimpleNamespace(for_load=lambda *_: plan)

    def start() -> tuple[JobService, ImportanceService]:
        jobs = programs()
        planning: Any = lambda: planned  # noqa: E731
        return jobs, ImportanceService(paths, jobs, library, planning, FileHashes(paths.cache / "hashes.json"))

    return start


def begun(service: ImportanceService, source: Path) -> tuple[threading.Thread, list[ImportanceMade | HeftError]]:
    ended: list[ImportanceMade | HeftError] = []

    def make() -> None:
        try:
            ended.append(service.make(service.prospect(str(source), "prose")))
        except HeftError as error:
            ended.append(error)

    thread = threading.Thread(target=make)
    thread.start()
    return thread, ended


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if "gguf" in path.name}


def test_it_is_kept_beside_the_model_and_found_there(begin: Begin, source: Path, tmp_path: Path) -> None:
    jobs, service = begin()
    assert service.beside(str(source)) is None
    prospect = service.prospect(str(source), "prose", chunks=3)
    assert (prospect.chunks, prospect.text_chunks, prospect.taken) == (3, ALL, False)
    made = service.make(prospect)
    target = tmp_path / "tiny.imatrix.gguf"
    assert made.path == str(target) and made.chunks == 3 and service.beside(str(source)) == target
    assert names(tmp_path) == {source.name, target.name}
    (job,) = jobs.jobs()
    assert (job.kind, job.phase, job.outcome) == ("imatrix", "done", "made tiny.imatrix.gguf from 3 pieces")
    with pytest.raises(HeftError) as caught:
        service.make(service.prospect(str(source), "prose", chunks=3))
    assert caught.value.kind == "file-exists"
    with pytest.raises(HeftError):
        service.prospect(str(source), "prose", chunks=ALL + 1)
    another = service.free_target(str(source))
    assert another.name == "tiny-2.imatrix.gguf"
    service.make(service.prospect(str(source), "code", another, chunks=2))
    assert service.beside(str(source)) == another  # the newest
    (tmp_path / "tiny-instruct.imatrix.gguf").touch()  # of another model
    assert service.beside(str(source)) == another


def test_a_quit_in_the_middle_costs_no_chunk(
    begin: Begin, tool: type[ScriptedCollector], gate: Gate, source: Path, tmp_path: Path
) -> None:
    jobs, service = begin()
    jobs.restore()  # as the window does
    tool.hold = 7
    gate.close()
    thread, ended = begun(service, source)
    gate.wait_until_held()
    jobs.close()
    thread.join(WAIT)
    assert isinstance(ended[0], CancelledError) and names(tmp_path) == {source.name}
    gate.go_on.set()
    later, _ = begin()
    later.restore()
    (job,) = later.jobs()
    assert later.wait(job.id, WAIT).phase == "done"
    assert tool.collected == list(range(ALL)) and names(tmp_path) == {source.name, "tiny.imatrix.gguf"}


def test_a_cancel_leaves_nothing(
    begin: Begin, tool: type[ScriptedCollector], gate: Gate, source: Path, paths: Paths, tmp_path: Path
) -> None:
    jobs, service = begin()
    tool.hold = 4
    gate.close()
    thread, ended = begun(service, source)
    gate.wait_until_held()
    (job,) = jobs.jobs()
    jobs.pause(job.id)
    assert jobs.wait(job.id, WAIT).phase == "paused" and list((paths.data / "lab").glob("imatrix-*"))
    jobs.cancel(job.id)
    thread.join(WAIT)
    assert isinstance(ended[0], CancelledError)
    poll(lambda: not list((paths.data / "lab").glob("imatrix-*")), WAIT, "what it had reached to be removed")
    assert names(tmp_path) == {source.name}
