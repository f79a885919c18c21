"""The list of long work: turns, progress, pause, resume, cancel, failures and restarts."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest

from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError, NotFoundError
from desktop.core.failures import FailureKind
from desktop.core.progress import Progress
from desktop.services.job_kinds import Job, JobKind, Run
from desktop.services.jobs import MOST_ENDED, JobService

WAIT = 10.0


class Steps(JobKind):
    """Counts to ten, one step whenever the test allows it; goes on where it was."""

    name, resumable = "steps", True

    def __init__(self, at_once: int = 1) -> None:
        self.at_once = at_once
        self.allowed = threading.Semaphore(0)
        self.failure: HeftError | None = None
        self.kept: dict[str, tuple[int, str]] = {}
        self.discarded: list[int] = []
        self.slow_to_end = threading.Event()
        self.slow_to_end.set()

    def run(self, run: Run) -> Mapping[str, Any]:
        woken = threading.Event()
        run.on_stop(woken.set)
        for step in range(run.order, 10):
            while not (taken := self.allowed.acquire(timeout=0.01)) and not run.stopped:
                pass
            if run.stopped:
                if taken:  # it is the next run's
                    self.allowed.release()
                self.slow_to_end.wait(WAIT)
                raise CancelledError
            if self.failure is not None:
                raise self.failure
            run.report(Progress(step + 1, 10, "steps"))
            run.keep(step + 1)
        return {"detail": "counted"}

    def pauses(self, error: HeftError) -> bool:
        return error.kind == "no-network"

    def save(self, order: int, job: Job) -> None:
        self.kept[job.id] = (order, job.phase)

    def forget(self, job_id: str) -> None:
        self.kept.pop(job_id, None)

    def load(self) -> Iterable[tuple[int, Job]]:
        for job_id, (order, phase) in self.kept.items():
            known = phase if phase in ("paused", "cancelled") else "paused" if phase == "failed" else "queued"
            yield order, Job(job_id, self.name, job_id, known, resumable=True)  # type: ignore[arg-type]

    def discard(self, order: int) -> None:
        self.discarded.append(order)


@pytest.fixture
def kind() -> Steps:
    return Steps()


@pytest.fixture
def jobs(kind: Steps) -> Iterator[JobService]:
    made = JobService()
    made.register(kind)
    yield made
    made.close()


def until(jobs: JobService, check: Any) -> None:
    """Look on this thread after each change: a job's own thread may tell of one when the test is further already."""
    changed = threading.Event()
    stop = jobs.subscribe(lambda job: changed.set())
    try:
        while not check():
            assert changed.wait(WAIT)
            changed.clear()
    finally:
        stop()


def test_it_counts_waits_its_turn_and_ends(jobs: JobService, kind: Steps) -> None:
    jobs.add(0, Job("a", "steps", "A"))
    jobs.add(0, Job("b", "steps", "B"))
    assert [job.phase for job in jobs.jobs()] == ["running", "queued"]
    kind.allowed.release(5)
    until(jobs, lambda: jobs.job("a").progress.done == 5)
    assert jobs.job("a").progress.fraction == 0.5 and jobs.job("b").phase == "queued"
    kind.allowed.release(15)
    assert [jobs.wait(name, WAIT).phase for name in "ab"] == ["done", "done"]
    assert jobs.job("a").detail == "counted" and kind.kept == {}


def test_paused_it_gives_its_turn_away_and_goes_on_where_it_was(jobs: JobService, kind: Steps) -> None:
    jobs.add(0, Job("a", "steps", "A"))
    jobs.add(0, Job("b", "steps", "B"))
    kind.allowed.release(4)
    until(jobs, lambda: kind.kept["a"][0] == 4)
    jobs.pause("a")
    assert [job.phase for job in jobs.jobs()] == ["paused", "running"]
    assert jobs.wait("a", WAIT).phase == "paused" and kind.kept["a"] == (4, "paused")
    jobs.resume("a")
    assert jobs.job("a").phase == "queued"
    kind.allowed.release(16)
    assert [jobs.wait(name, WAIT).phase for name in "ab"] == ["done", "done"]


def test_a_new_run_does_not_wait_for_the_end_of_the_old_one(jobs: JobService, kind: Steps) -> None:
    kind.slow_to_end.clear()
    jobs.add(0, Job("a", "steps", "A"))
    until(jobs, lambda: jobs.job("a").phase == "running")
    jobs.cancel("a")
    assert jobs.jobs() == ()
    jobs.add(0, Job("a", "steps", "A"))
    assert jobs.job("a").phase == "running"
    kind.allowed.release(10)
    until(jobs, lambda: jobs.job("a").phase == "done")
    kind.slow_to_end.set()
    assert jobs.wait("a", WAIT).phase == "done"


def test_cancelled_it_is_gone_and_tidied_up(jobs: JobService, kind: Steps) -> None:
    told: list[tuple[str, bool]] = []
    jobs.subscribe(lambda job: told.append((job.phase, job.gone)))
    jobs.add(0, Job("a", "steps", "A"))
    kind.allowed.release(3)
    until(jobs, lambda: kind.kept["a"][0] == 3)
    jobs.cancel("a")
    assert told[-1] == ("cancelled", True) and jobs.jobs() == ()
    jobs.close()
    assert kind.discarded == [3] and kind.kept == {}


def test_what_is_not_there_any_more_can_be_asked_for(jobs: JobService) -> None:
    for call in (jobs.pause, jobs.resume, jobs.cancel, jobs.clear):
        call("nothing")
    with pytest.raises(NotFoundError):
        jobs.job("nothing")


@pytest.mark.parametrize(("error", "phase"), [("no-network", "paused"), ("checksum", "failed")])
def test_a_failure_is_told_and_can_be_resumed(jobs: JobService, kind: Steps, error: str, phase: str) -> None:
    kind.failure = HeftError("It broke.", "Mend it.", kind=FailureKind.of(error))
    jobs.add(0, Job("a", "steps", "A"))
    kind.allowed.release()
    job = jobs.wait("a", WAIT)
    assert (job.phase, job.error) == (phase, kind.failure)
    kind.failure = None
    jobs.resume("a")
    assert jobs.job("a").error is None
    kind.allowed.release(10)
    assert jobs.wait("a", WAIT).phase == "done"


def test_over_a_restart(jobs: JobService, kind: Steps) -> None:
    for name, order in (("runs", 2), ("waits", 3), ("left", 4)):
        kind.kept[name] = (order, {"runs": "running", "waits": "paused", "left": "cancelled"}[name])
    jobs.restore()
    assert {job.id: job.phase for job in jobs.jobs()} == {"runs": "running", "waits": "paused"}
    kind.allowed.release(8)
    assert jobs.wait("runs", WAIT).phase == "done"
    jobs.close()
    assert kind.discarded == [4] and set(kind.kept) == {"waits"}


def test_held_it_only_changes_what_is_kept(jobs: JobService, kind: Steps) -> None:
    kind.kept = {"a": (2, "running"), "b": (3, "paused"), "c": (4, "running")}
    jobs.hold()
    jobs.restore()
    jobs.pause("a")
    jobs.resume("b")
    jobs.cancel("c")
    jobs.close()
    assert kind.kept == {"a": (2, "paused"), "b": (3, "queued")} and kind.discarded == [4]


def test_close_leaves_what_ran_to_the_next_start(jobs: JobService, kind: Steps) -> None:
    jobs.add(0, Job("a", "steps", "A"))
    kind.allowed.release(6)
    until(jobs, lambda: kind.kept["a"][0] == 6)
    jobs.close()
    assert kind.kept["a"] == (6, "running") and kind.discarded == []


def test_old_results_leave_the_list(jobs: JobService, kind: Steps) -> None:
    for number in range(MOST_ENDED + 3):
        jobs.add(10, Job(str(number), "steps", f"Steps {number}"))
        jobs.wait(str(number), WAIT)
    until(jobs, lambda: len(jobs.jobs()) == MOST_ENDED)
    assert jobs.jobs()[-1].name == f"Steps {MOST_ENDED + 2}"
