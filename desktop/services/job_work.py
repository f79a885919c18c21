"""Work that somebody may wait for, as jobs: it can be paused, and comes back after a quit.

What is wanted is a value that can be written down (the order); what a run has reached so far stays at hand, so that
the next one goes on from there. A kind says only what its orders are and how they are done.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.errors import NotFoundError
from desktop.core.progress import Report, unheard
from desktop.services.job_kinds import Job, JobKind, Phase, Run
from desktop.services.job_words import progress_in_words
from desktop.services.jobs import JobService
from desktop.system.atomic import write_atomically

Order = TypeVar("Order", bound=msgspec.Struct)
Result = TypeVar("Result")

_ENDED: tuple[Phase, ...] = ("done", "failed", "cancelled")
_LOOK_SECONDS = 0.05  # between two looks whether one who waits is still to


class Work(Generic[Order, Result]):
    """One piece of work: ``order`` is written down, ``at_hand`` is for this session only, ``result`` has what came."""

    def __init__(self, order: Order, at_hand: Any = None) -> None:
        self.order = order
        self.at_hand = at_hand
        self.result: list[Result] = []

    def keep(self, run: Run, order: Order) -> None:
        """The order is another now, for it says what is done already. Raises CancelledError when the work is to end."""
        self.order = order
        run.keep(self)


class WorkKind(JobKind, Generic[Order, Result]):
    """A kind of such work; see :func:`perform`."""

    resumable = True
    outlives_commands = False  # nobody is there any more to whom its answer was to be printed

    def __init__(
        self,
        name: str,
        order: type[Order],
        do: Callable[[Work[Order, Result], Run], Result],
        folder: Path,
        told: Callable[[Result], str] = lambda _: "",
    ) -> None:
        """``do`` does an order, from its beginning or going on, and ends by CancelledError soon after ``run.stopped``.

        What is not done yet is kept as files of ``folder``. ``told`` says in words what came of it.
        """
        self.name = name
        self._do, self._folder, self._told = do, folder, told
        self._alone = threading.Lock()  # a run that was stopped may still be ending while the next one begins
        self._orders: msgspec.json.Decoder[Order] = msgspec.json.Decoder(order)

    def id_of(self, order: Order) -> str:
        """The same for the same order, so that asking twice waits for one job instead of doubling it."""
        return hashlib.sha256(self.name.encode() + b"\0" + msgspec.json.encode(order)).hexdigest()[:16]

    def run(self, run: Run) -> Mapping[str, Any]:
        """Do it, once the run before has ended."""
        work: Work[Order, Result] = run.order
        while not self._alone.acquire(timeout=_LOOK_SECONDS):
            if run.stopped:
                raise CancelledError
        try:
            if run.stopped:
                raise CancelledError
            result = self._do(work, run)
            work.result, work.at_hand = [result], None
        finally:
            self._alone.release()
        return {"outcome": self._told(result)}

    def save(self, order: Work[Order, Result], job: Job) -> None:
        """Keep what runs, waits or is paused; where the disk is full, the last state."""
        if not (job.active or job.phase == "paused"):
            self.forget(job.id)
            return
        kept = _Kept(job.name, msgspec.Raw(msgspec.json.encode(order.order)), job.phase == "paused")
        with contextlib.suppress(OSError):
            write_atomically(self._file(job.id), msgspec.json.encode(kept))

    def forget(self, job_id: str) -> None:
        """It is done, or no longer wanted."""
        with contextlib.suppress(OSError):
            self._file(job_id).unlink(missing_ok=True)

    def load(self) -> Iterable[tuple[Work[Order, Result], Job]]:
        """What a quit interrupted, the oldest first; damaged files are left out."""
        found: list[tuple[int, Work[Order, Result], Job]] = []
        for path in self._folder.glob(f"{self.name}-*.json"):
            with contextlib.suppress(OSError, msgspec.MsgspecError, UnicodeDecodeError):
                kept = msgspec.json.decode(path.read_bytes(), type=_Kept)
                phase: Phase = "paused" if kept.paused else "queued"
                job = Job(path.stem.removeprefix(f"{self.name}-"), self.name, kept.name, phase, resumable=True)
                found.append((path.stat().st_mtime_ns, Work(self._orders.decode(kept.order)), job))
        return [(work, job) for _, work, job in sorted(found, key=lambda entry: entry[0])]

    def _file(self, job_id: str) -> Path:
        return self._folder / f"{self.name}-{job_id}.json"


class _Kept(msgspec.Struct, frozen=True):
    name: str
    order: msgspec.Raw
    paused: bool = False


class PassingKind(WorkKind[Order, Result]):
    """Of work that is lost when it is stopped, as a compiler's: whoever still wants it asks again."""

    resumable = False

    def save(self, order: Work[Order, Result], job: Job) -> None:
        """Nothing is kept over a restart."""

    def load(self) -> Iterable[tuple[Work[Order, Result], Job]]:
        """Nothing was."""
        return ()


def perform(
    jobs: JobService,
    kind: WorkKind[Order, Result],
    name: str,
    order: Order,
    at_hand: Any = None,
    *,
    progress: Report = unheard,
    cancelled: Cancelled = never,
) -> Result:
    """Do some work as a job of the list, and wait for it, also while it is paused; its result.

    The same order that is in the list already is waited for. Raises what the work raises, and CancelledError when it
    was cancelled in the list, when ``cancelled`` says so, and when the program ends: then it goes on at the next start.
    """
    jobs.register(kind)
    job_id = kind.id_of(order)
    ended: list[Job] = []
    over = threading.Event()

    def hear(job: Job) -> None:
        if job.id == job_id:
            progress(progress_in_words(job))
            if job.gone or job.phase in _ENDED:
                ended.append(job)
                over.set()

    stop_hearing = jobs.subscribe(hear)
    try:
        jobs.add(Work[Order, Result](order, at_hand), Job(job_id, kind.name, name))
        work: Work[Order, Result] = jobs.order(job_id)
        while not over.wait(_LOOK_SECONDS):
            if jobs.closed:
                raise CancelledError
            if cancelled():
                jobs.cancel(job_id)
    except NotFoundError:  # cancelled in the list as soon as it was there
        raise CancelledError from None
    finally:
        stop_hearing()
    if ended[0].phase == "done":
        return work.result[0]
    raise ended[0].error or CancelledError()
