"""The build of the engine as a job: what is checked before, what came of it, and how each failure is told."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from filelock import FileLock
from support.building import STEPS, FakePip, without_server

from desktop.core.cancelled import CancelledError
from desktop.core.errors import EngineError
from desktop.core.progress import Progress
from desktop.engine.server.program import find_server, server_program
from desktop.services.engine import building
from desktop.services.engine.building import EngineBuildService
from desktop.services.jobs import JobService
from desktop.store.paths import Paths


class Usage(NamedTuple):
    """Of a disk."""

    free: int


@pytest.fixture
def pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakePip:
    without_server(tmp_path, monkeypatch)
    return FakePip(tmp_path / "pip", monkeypatch)


@pytest.fixture
def jobs() -> Iterator[JobService]:
    service = JobService()
    yield service
    service.close()


@pytest.fixture
def service(paths: Paths, jobs: JobService, pip: FakePip) -> EngineBuildService:
    return EngineBuildService(paths, jobs)


def test_a_built_server_is_used_where_none_was_installed(
    service: EngineBuildService, paths: Paths, tmp_path: Path
) -> None:
    with pytest.raises(EngineError) as failed:
        server_program()
    assert failed.value.kind == "no-server" and "heft engine build" in failed.value.hint
    steps: list[Progress] = []
    built = service.build(progress=steps.append)
    assert built == server_program() and built.is_relative_to(paths.cache)
    found = service.server()
    assert found is not None and found.source == "built"
    notes = list(dict.fromkeys(step.note for step in steps))
    told = ["fetching the sources", "preparing the compiler", "compiling", "unpacking"]
    assert [note for note in notes if note in told] == told
    assert max(step.fraction for step in steps) == 1.0 and max(step.total for step in steps) == STEPS


def test_an_installed_server_goes_before_a_built_one(service: EngineBuildService, tmp_path: Path) -> None:
    built = service.build()
    installed = tmp_path / "llama_cpp" / "lib" / built.name
    installed.parent.mkdir()
    installed.touch()
    assert server_program() == installed


def test_the_time_is_said_before(service: EngineBuildService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "expected_time", lambda: "6 minutes")
    assert service.forewarning() == "It takes about 6 minutes on this computer, and fetches 75.0 MB of sources."


def refused(service: EngineBuildService) -> EngineError:
    with pytest.raises(EngineError) as failed:
        service.build()
    return failed.value


def test_without_a_compiler_nothing_is_begun(
    service: EngineBuildService, pip: FakePip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonesuch")
    error = refused(service)
    assert error.kind == "no-compiler" and "g++" in error.hint
    assert pip.asked == []


def test_a_compiler_that_the_user_names_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert building.has_compiler()
    monkeypatch.setenv("CXX", str(tmp_path / "nonesuch-c++ -pipe"))
    assert not building.has_compiler()


def test_without_room_nothing_is_begun(
    service: EngineBuildService, pip: FakePip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1_000_000))
    error = refused(service)
    assert error.kind == "disk-full" and "1.0 MB are free" in error.message
    assert pip.asked == []


def test_sources_that_do_not_come_are_told_with_the_log(service: EngineBuildService, pip: FakePip) -> None:
    pip.mood("no network")
    error = refused(service)
    assert error.kind == "no-sources" and "download.log" in error.hint
    assert "Could not find a version" in error.detail


def test_a_compiler_that_fails_is_told_with_the_log_and_may_be_tried_again(
    service: EngineBuildService, pip: FakePip, paths: Paths
) -> None:
    pip.mood("bad compiler")
    error = refused(service)
    assert error.kind == "build-failed" and str(paths.cache / "wheels" / "build.log") in error.hint
    assert "nonesuch.h" in error.detail
    pip.mood()
    assert service.build().exists()


def test_a_cancelled_build_ends_and_leaves_nothing(
    service: EngineBuildService, jobs: JobService, pip: FakePip, paths: Paths
) -> None:
    pip.mood("no end")
    compiling = threading.Event()

    def stop_at_a_step(step: Progress) -> None:
        if step.known:
            compiling.set()

    with pytest.raises(CancelledError):
        service.build(progress=stop_at_a_step, cancelled=compiling.is_set)
    jobs.close()  # until the cancelled run has ended
    assert find_server() is None
    assert not list((paths.cache / "wheels").glob("building-*"))


def test_a_second_heft_that_builds_is_not_disturbed(service: EngineBuildService, paths: Paths) -> None:
    paths.cache.mkdir(parents=True, exist_ok=True)
    with FileLock(paths.cache / "build.lock"):
        assert refused(service).kind == "busy"


def test_a_build_is_no_work_that_outlives_the_program(service: EngineBuildService, jobs: JobService) -> None:
    job_id = service.start()
    assert jobs.wait(job_id, 30).phase == "done"
    assert jobs.job(job_id).outcome == "the engine is ready" and not jobs.job(job_id).resumable
