"""Work somebody waits for: its result, pause, cancel, failures, one job for one order, and what comes after a quit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from support.program import poll

from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.progress import Progress
from desktop.services.job_kinds import Job, Run
from desktop.services.job_work import Work, WorkKind, perform
from desktop.services.jobs import JobService

WAIT = 10.0


class Count(msgspec.Struct, frozen=True):
    """Counts up to ``to``; ``done`` is written down, ``at_hand`` remembers in how many runs."""

    to: int
    done: int = 0


class Counting:
    """A kind that takes one step whenever the test allows it."""

    def __init__(self, folder: Path) -> None:
        self.allowed = threading.Semaphore(0)
        self.failure: Exception | None = None
        self.slow_to_end = threading.Event()
        self.slow_to_end.set()
        self.runs: list[int] = []  # at which step each began
        self.kind: WorkKind[Count, str] = WorkKind("count", Count, self._do, folder, lambda result: f"it is {result}")

    def _do(self, work: Work[Count, str], run: Run) -> str:
        self.runs.append(work.order.done)
        for step in range(work.order.done, work.order.to):
            while not (taken := self.allowed.acquire(timeout=0.01)) and not run.stopped:
                pass
            if run.stopped:
                if taken:  # it is the next run's
                    self.allowed.release()
                self.slow_to_end.wait(WAIT)
                raise CancelledError
            if self.failure is not None:
                raise self.failure
            run.report(Progress(step + 1, work.order.to, "steps", f"step {step + 1}"))
            work.keep(run, msgspec.structs.replace(work.order, done=step + 1))
        return f"counted in {len(self.runs)}"


class Waiting:
    """Somebody on a thread who waits for the work."""

    def __init__(self, jobs: JobService, kind: WorkKind[Count, str], to: int = 4) -> None:
        self.steps: list[Progress] = []
        self.given_up = threading.Event()
        self.ended: list[str | HeftError] = []
        self._jobs, self._kind, self._to = jobs, kind, to
        self._thread = threading.Thread(target=self._wait)
        self._thread.start()

    def _wait(self) -> None:
        try:
            found = perform(
                self._jobs,
                self._kind,
                f"Count to {self._to}",
                Count(self._to),
                progress=self.steps.append,
                cancelled=self.given_up.is_set,
            )
            self.ended.append(found)
        except HeftError as error:
            self.ended.append(error)

    def result(self) -> str | HeftError:
        self._thread.join(WAIT)
        return self.ended[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "jobs"


@pytest.fixture
def counting(folder: Path) -> Counting:
    return Counting(folder)


@pytest.fixture
def start(counting: Counting) -> Iterator[Callable[..., JobService]]:
    """Starts the program anew: a list that takes up what the one before left."""
    made: list[JobService] = []

    def begin(restored: bool = True) -> JobService:
        for earlier in made:
            earlier.close()
        jobs = JobService()
        jobs.register(counting.kind)
        made.append(jobs)
        if restored:
            jobs.restore()
        return jobs

    yield begin
    counting.slow_to_end.set()
    for jobs in made:
        jobs.close()


@pytest.fixture
def jobs(start: Callable[..., JobService]) -> JobService:
    return start()


def only(jobs: JobService) -> Job:
    """The one job of the list, as soon as it is there."""
    (job,) = poll(jobs.jobs, WAIT, "a job in the list")
    return job


def reaches(jobs: JobService, done: int) -> Job:
    """The one job, once it runs and has done so many steps."""

    def there() -> Job | None:
        job = only(jobs)
        return job if job.phase == "running" and job.progress.done == done else None

    return poll(there, WAIT, f"{done} steps")


def test_its_result_comes_back_and_is_told_in_the_list(jobs: JobService, counting: Counting, folder: Path) -> None:
    counting.allowed.release(4)
    waiting = Waiting(jobs, counting.kind)
    assert waiting.result() == "counted in 1"
    job = only(jobs)
    assert (job.name, job.phase, job.outcome, job.resumable) == ("Count to 4", "done", "it is counted in 1", True)
    assert "step 3" in [step.note for step in waiting.steps]
    assert list(folder.iterdir()) == []


def test_paused_it_is_waited_for_and_goes_on_where_it_was(jobs: JobService, counting: Counting) -> None:
    waiting = Waiting(jobs, counting.kind)
    counting.allowed.release(3)
    job = reaches(jobs, 3)
    jobs.pause(job.id)
    assert jobs.wait(job.id, WAIT).phase == "paused" and jobs.job(job.id).progress.done == 3
    assert waiting.ended == [] and (waiting.steps[-1].note, waiting.steps[-1].done) == ("paused", 3)
    counting.allowed.release(1)
    jobs.resume(job.id)
    assert waiting.result() == "counted in 2" and counting.runs == [0, 3]


def test_the_next_run_waits_for_the_end_of_the_one_before(jobs: JobService, counting: Counting) -> None:
    counting.slow_to_end.clear()
    waiting = Waiting(jobs, counting.kind)
    job = reaches(jobs, 0)
    poll(lambda: counting.runs == [0], WAIT, "the first run has begun")
    jobs.pause(job.id)
    jobs.resume(job.id)
    counting.allowed.release(4)
    assert counting.runs == [0]  # both would change what is at hand
    counting.slow_to_end.set()
    assert waiting.result() == "counted in 2"


def test_the_same_order_is_one_job(jobs: JobService, counting: Counting) -> None:
    both = [Waiting(jobs, counting.kind), Waiting(jobs, counting.kind)]
    reaches(jobs, 0)
    poll(lambda: all(one.steps for one in both), WAIT, "both wait")
    counting.allowed.release(4)
    assert [one.result() for one in both] == ["counted in 1"] * 2
    assert only(jobs).phase == "done"


def test_its_failure_reaches_the_one_who_waits_and_it_can_be_tried_again(
    jobs: JobService, counting: Counting, folder: Path
) -> None:
    counting.failure = HeftError("No.", "Try another.", kind=FailureKind.of("no"))
    counting.allowed.release(1)
    assert Waiting(jobs, counting.kind).result() is counting.failure
    job = only(jobs)
    assert job.phase == "failed" and list(folder.iterdir()) == []
    counting.failure = None
    counting.allowed.release(4)
    jobs.resume(job.id)
    assert (jobs.wait(job.id, WAIT).phase, jobs.job(job.id).outcome) == ("done", "it is counted in 2")


@pytest.mark.parametrize("where", ["list", "paused in the list", "cleared", "waiting"])
def test_it_is_cancelled(jobs: JobService, counting: Counting, folder: Path, where: str) -> None:
    waiting = Waiting(jobs, counting.kind)
    job = reaches(jobs, 0)
    if where in ("paused in the list", "cleared"):
        jobs.pause(job.id)
    if where == "waiting":
        waiting.given_up.set()
    elif where == "cleared":
        jobs.clear(job.id)
    else:
        jobs.cancel(job.id)
    assert isinstance(waiting.result(), CancelledError) and jobs.jobs() == ()
    poll(lambda: not list(folder.glob("*")), WAIT, "nothing is kept")  # it may have gone before there was a folder


@pytest.mark.errors_logged
def test_a_fault_of_hefts_own_is_told(jobs: JobService, counting: Counting) -> None:
    counting.failure = ZeroDivisionError("by nought")
    counting.allowed.release(1)
    told = Waiting(jobs, counting.kind).result()
    assert isinstance(told, HeftError) and told.kind == "internal" and "by nought" in told.detail


def test_interrupted_by_a_quit_it_goes_on_at_the_next_start(
    start: Callable[..., JobService], jobs: JobService, counting: Counting
) -> None:
    waiting = Waiting(jobs, counting.kind)
    counting.allowed.release(2)
    job = reaches(jobs, 2)
    jobs.close()
    assert isinstance(waiting.result(), CancelledError)
    later = start()
    assert (later.job(job.id).name, later.job(job.id).resumable) == ("Count to 4", True)
    counting.allowed.release(2)
    assert later.wait(job.id, WAIT).phase == "done" and counting.runs == [0, 2]
    assert start().jobs() == ()


def test_paused_it_is_paused_at_the_next_start(
    start: Callable[..., JobService], jobs: JobService, counting: Counting
) -> None:
    Waiting(jobs, counting.kind)
    job = reaches(jobs, 0)
    jobs.pause(job.id)
    later = start()
    assert only(later).phase == "paused"
    later.resume(job.id)
    counting.allowed.release(4)
    assert later.wait(job.id, WAIT).phase == "done"


def test_a_command_leaves_nothing_to_the_window(
    start: Callable[..., JobService], counting: Counting, folder: Path
) -> None:
    command = start(restored=False)
    Waiting(command, counting.kind)
    reaches(command, 0)
    assert not folder.exists()
    assert start().jobs() == ()


def test_what_was_begun_before_the_earlier_jobs_were_taken_up_is_kept_too(
    start: Callable[..., JobService], counting: Counting
) -> None:
    jobs = start(restored=False)
    Waiting(jobs, counting.kind)
    job = reaches(jobs, 0)
    jobs.restore()
    assert only(start()).id == job.id


def test_a_damaged_file_is_left_out(start: Callable[..., JobService], folder: Path) -> None:
    folder.mkdir()
    (folder / "count-1.json").write_text("{")
    (folder / "count-2.json").write_text('{"name":"x","order":{"to":"many"}}')
    assert start().jobs() == ()
