"""What a job is, what a kind of job declares, and what its work sees while it runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.progress import Progress

Phase = Literal["queued", "running", "paused", "done", "failed", "cancelled"]
ACTIVE: tuple[Phase, ...] = ("queued", "running")
NOT_BEGUN = Progress()
_SURE_SECONDS = 3.0  # before that a time left says little


@dataclass(frozen=True)
class Job:
    """One piece of long work at one moment.

    ``error`` says why it has failed, or why it was paused by itself. ``resumable``: it can be paused, and goes on where
    it was. ``result`` is a file that came of it, ``outcome`` what came of it in words. ``detail`` is what its kind
    tells beyond that. ``gone`` is told once, when it leaves the list.
    """

    id: str
    kind: str
    name: str
    phase: Phase = "queued"
    progress: Progress = NOT_BEGUN
    error: HeftError | None = None
    resumable: bool = False
    result: Path | None = None
    outcome: str = ""
    detail: Any = None
    gone: bool = False

    @property
    def active(self) -> bool:
        """Whether it goes on by itself."""
        return self.phase in ACTIVE

    @property
    def anew(self) -> bool:
        """Whether nothing is kept of one that failed, so that it can only begin anew."""
        return self.phase == "failed" and nothing_kept(self.progress.done, self.error.kind if self.error else "")


def nothing_kept(done: float, kind: str) -> bool:
    """Whether of what was ``done`` nothing is of use after a failure of a ``kind``: what it was of has changed."""
    return done <= 0 or kind == FailureKind.FILE_CHANGED


def merge_jobs(older: Job, newer: Job) -> Job | None:
    """Of one job in one phase only the newest state counts; None where both have to be told."""
    same = (older.id, older.phase, older.gone) == (newer.id, newer.phase, newer.gone)
    return newer if same else None


class JobKind:
    """One kind of long work, declared once: how its jobs run, and what of them outlives the program.

    Subclasses implement :meth:`run`; the others do nothing by themselves. Orders are values of the kind's own.
    """

    name: str  # as ``heft jobs`` has it
    at_once = 1  # jobs of the kind that run at the same time
    resumable = False  # what a stopped run did is kept, and the next one goes on from there
    outlives_commands = True  # what a command began is kept as well, and not only what the window did

    def run(self, run: Run) -> Mapping[str, Any]:
        """Do the work, on a thread of its own; fields of the finished :class:`Job`.

        Raises HeftError. It ends soon after ``run.stopped``, by CancelledError.
        """
        raise NotImplementedError

    def pauses(self, error: HeftError) -> bool:
        """Whether a job that ended so is paused, because a person mends the cause and resumes it; else it failed."""
        return False

    def save(self, order: Any, job: Job) -> None:
        """Keep a job over a restart, with its phase: it may be paused, or cancelled and not tidied up yet."""

    def forget(self, job_id: str) -> None:
        """Keep it no longer."""

    def load(self) -> Iterable[tuple[Any, Job]]:
        """What earlier sessions kept, the oldest first."""
        return ()

    def discard(self, order: Any) -> None:
        """Remove what a cancelled job has left, on a thread of its own. Its id may have been given out again."""


class Run:
    """One try at a job, as its work sees it. The job may be resumed while a stopped run is still ending."""

    def __init__(self, order: Any, tell: Callable[..., None], keep: Callable[[Any], None]) -> None:
        self.order = order
        self._tell = tell
        self._keep = keep
        self._lock = threading.Lock()
        self._first: tuple[float, Progress] | None = None  # when (s) and what was first reported
        self._stopped = threading.Event()
        self._calls: list[Callable[[], None]] = []

    @property
    def stopped(self) -> bool:
        """Whether the work is to end."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """Let the work end."""
        with self._lock:
            self._stopped.set()
            calls, self._calls = self._calls, []
        for call in calls:
            call()

    def on_stop(self, call: Callable[[], None]) -> None:
        """Call this once when the work is to end, at once when it is already; from any thread."""
        with self._lock:
            if not self.stopped:
                self._calls.append(call)
                return
        call()

    def report(self, step: Progress) -> None:
        """Say how far it is. Time left, and the speed of what counts bytes, follow from this run's reports so far.

        One that was stopped is not heard any more.
        """
        now = time.monotonic()
        if self._first is None or step.total != self._first[1].total or step.done < self._first[1].done:
            self._first = now, step
        begun, first = self._first
        so_far, done = now - begun, step.done - first.done
        if so_far > _SURE_SECONDS and done > 0:
            rate = done / so_far
            if step.seconds_left is None:
                step = replace(step, seconds_left=max(0.0, step.total - step.done) / rate)
            if step.speed is None and step.unit == "bytes":
                step = replace(step, speed=rate)
        self._tell(progress=step)

    def tell(self, **fields: Any) -> None:
        """Change fields of the job in the list: ``progress``, ``detail``."""
        self._tell(**fields)

    def keep(self, order: Any) -> None:
        """The order is another now; kept over a restart. Raises CancelledError when the work is to end."""
        self._keep(order)
        if self.stopped:
            raise CancelledError
