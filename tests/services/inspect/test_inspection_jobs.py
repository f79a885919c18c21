"""A check of a whole file is a job: in the list it says how far it is, is paused, goes on, is cancelled; after a quit
it comes back."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.program import poll

from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError
from desktop.core.findings import Finding
from desktop.core.progress import Progress
from desktop.hub.client import HubClient
from desktop.services.inspect.inspection import InspectionService
from desktop.services.jobs import JobService
from desktop.services.models.library import LibraryService
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore

WAIT = 20.0


class Checking:
    """A check that somebody waits for, held at one of its steps in the file until the test lets it go on."""

    def __init__(self, service: InspectionService, path: Path, hold_at: float = 0.0) -> None:
        self.held, self._go_on = threading.Event(), threading.Event()
        self.steps: list[float] = []
        self.ended: list[tuple[Finding, ...] | HeftError] = []
        self._service, self._path, self._hold_at = service, path, hold_at
        self._thread = threading.Thread(target=self._check)
        self._thread.start()
        assert self.held.wait(WAIT)

    def _step(self, step: Progress) -> None:
        if step.unit != "bytes" or step.note in ("paused", "waiting for its turn"):
            return
        self.steps.append(step.done)
        if step.done > self._hold_at and not self.held.is_set():
            self.held.set()
            assert self._go_on.wait(WAIT)

    def _check(self) -> None:
        with closing(self._service.open(str(self._path))) as inspected:
            try:
                self.ended.append(self._service.check(inspected, progress=self._step))
            except HeftError as error:
                self.ended.append(error)

    def go_on(self) -> None:
        self._go_on.set()

    def go_on_when(self, check: Callable[[], bool]) -> None:
        """Let it go on from another thread, as soon as something holds."""

        def wait() -> None:
            poll(check, WAIT, "the check may go on")
            self._go_on.set()

        threading.Thread(target=wait).start()

    def result(self) -> tuple[Finding, ...] | HeftError:
        self._thread.join(WAIT)
        return self.ended[0]


@pytest.fixture
def start(paths: Paths, tmp_path: Path) -> Iterator[Callable[[], tuple[JobService, InspectionService]]]:
    """Starts the program anew, which takes up the jobs of the time before."""
    made: list[JobService] = []

    def begin() -> tuple[JobService, InspectionService]:
        jobs = JobService()
        made.append(jobs)
        library = LibraryService(paths, SettingsStore(paths.settings), environ={}, home=tmp_path / "home")
        service = InspectionService(paths, library, HubClient(), jobs=jobs)
        jobs.restore()
        return jobs, service

    yield begin
    for jobs in made:
        jobs.close()


@pytest.fixture
def cached(tmp_path: Path, vocab_dir: Path) -> Path:
    """A file of 16 MB as the cache of the Hub has it, whose name there is its checksum."""
    content = (vocab_dir / "ggml-vocab-gemma-4.gguf").read_bytes()
    blob = tmp_path / "blobs" / hashlib.sha256(content).hexdigest()
    link = tmp_path / "snapshots" / "main" / "m.gguf"
    blob.parent.mkdir()
    link.parent.mkdir(parents=True)
    blob.write_bytes(content)
    link.symlink_to(blob)
    return link


def test_a_check_is_listed_and_cancelled_in_the_list(
    start: Callable[[], tuple[JobService, InspectionService]], starter_model: Path
) -> None:
    jobs, service = start()
    checking = Checking(service, starter_model)
    (job,) = jobs.jobs()
    assert (job.kind, job.phase, job.resumable) == ("check", "running", True)
    assert job.name.startswith("Check of ")
    jobs.cancel(job.id)
    assert jobs.jobs() == ()
    checking.go_on()
    assert isinstance(checking.result(), CancelledError)


def test_a_check_that_ends_is_done(
    start: Callable[[], tuple[JobService, InspectionService]], starter_model: Path
) -> None:
    jobs, service = start()
    with closing(service.open(str(starter_model))) as inspected:
        assert service.check(inspected) == ()
    assert [(job.phase, job.progress.fraction, job.outcome) for job in jobs.jobs()] == [
        ("done", 1.0, "no problems found")
    ]


@pytest.mark.parametrize("changed", [False, True])
def test_a_paused_check_goes_on_where_it_was_unless_the_file_has_changed(
    start: Callable[[], tuple[JobService, InspectionService]], cached: Path, changed: bool
) -> None:
    jobs, service = start()
    checking = Checking(service, cached, hold_at=8e6)
    reached = checking.steps[-1]
    (job,) = jobs.jobs()
    jobs.pause(job.id)
    checking.go_on()
    assert jobs.wait(job.id, WAIT).phase == "paused" and checking.ended == []
    before = len(checking.steps)
    if changed:
        os.utime(cached, (1, 1))
    jobs.resume(job.id)
    assert checking.result() == ()
    assert checking.steps[before] == reached  # told as soon as it runs again
    assert (checking.steps[before + 1] > reached) is not changed


def test_a_check_that_a_quit_interrupted_comes_back_and_tells_what_it_found(
    start: Callable[[], tuple[JobService, InspectionService]], cached: Path, tmp_path: Path
) -> None:
    blob = cached.resolve()
    with blob.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"?")
    jobs, service = start()
    checking = Checking(service, cached, hold_at=8e6)
    (job,) = jobs.jobs()
    checking.go_on_when(lambda: jobs.closed)
    jobs.close()
    assert isinstance(checking.result(), CancelledError)
    later, _service = start()
    assert [found.id for found in later.jobs()] == [job.id]
    done = later.wait(job.id, WAIT)
    assert done.phase == "done"
    assert done.outcome.startswith("1 error") and "SHA-256 differs" in done.outcome
    again, _service = start()
    assert again.jobs() == ()


def test_a_check_whose_file_is_gone_says_so_at_the_next_start(
    start: Callable[[], tuple[JobService, InspectionService]], cached: Path
) -> None:
    jobs, service = start()
    checking = Checking(service, cached, hold_at=8e6)
    (job,) = jobs.jobs()
    jobs.pause(job.id)
    checking.go_on()
    jobs.wait(job.id, WAIT)
    jobs.close()
    shutil.rmtree(cached.parent)
    later, _service = start()
    later.resume(job.id)
    done = later.wait(job.id, WAIT)
    assert done.phase == "failed" and done.error is not None and done.error.kind == "not-found"
