"""Long work in one list: queued, running, paused, done or failed; with progress, pause, resume and cancel.

A kind of work is declared once (:class:`JobKind`) and registered. A job is an entry of the list; its runs come and go.
A run that is told to stop ends in its own time and changes nothing any more, so that a job can be resumed, or begun
anew after a cancel, at once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError, NotFoundError, UsageError
from desktop.core.failures import FailureKind
from desktop.core.progress import Progress
from desktop.core.words import tr
from desktop.services.job_kinds import Job, JobKind, Phase, Run
from desktop.system.listeners import Listeners

CLOSE_SECONDS = 2.0
MOST_ENDED = 20  # jobs of one kind that stay in the list after they are done
_log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Entry:
    """A job of the list, and what works on it. ``run`` is the one that is heard; ``ending`` were stopped."""

    order: Any
    job: Job
    kind: JobKind
    run: Run | None = None
    ending: set[Run] = field(default_factory=set)


class JobService:
    """Thread-safe. Listeners are called on any thread, never with a lock held, with each change of a job.

    What changes a job acts at once and then writes a small file where its kind keeps one: call it off the GUI thread.
    Pausing, resuming, cancelling or clearing a job that is not in the list any more does nothing.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._saving = threading.Lock()  # files are written in the order of the changes, and hold up no change
        self._kinds: dict[str, JobKind] = {}
        self._entries: dict[str, _Entry] = {}
        self._left: set[_Entry] = set()  # out of the list, but something of them still ends
        self._threads: set[threading.Thread] = set()
        self._listeners = Listeners[Job]()
        self._held = False
        self._restored = False
        self._closed = False

    def register(self, kind: JobKind) -> None:
        """Take on a kind of work; naming it again does nothing."""
        with self._lock:
            self._kinds.setdefault(kind.name, kind)

    # -- asking ------------------------------------------------------------------------------------

    def jobs(self, kind: str = "") -> tuple[Job, ...]:
        """All jobs, or those of one kind, in their order."""
        with self._lock:
            return tuple(entry.job for entry in self._entries.values() if kind in ("", entry.job.kind))

    def job(self, job_id: str) -> Job:
        """One job. Raises NotFoundError."""
        return self._entry(job_id).job

    def order(self, job_id: str) -> Any:
        """What a job is to do, a value of its kind's. Raises NotFoundError."""
        return self._entry(job_id).order

    @property
    def closed(self) -> bool:
        """Whether all was stopped because the program ends."""
        return self._closed

    def subscribe(self, listener: Callable[[Job], None]) -> Callable[[], None]:
        """Hear every change of every job; returns the way to stop hearing."""
        return self._listeners.add(listener)

    def wait(self, job_id: str, timeout: float | None = None) -> Job:
        """Block until a job does not go on by itself any more and nothing works on it; its state then, or at the
        timeout (s). Raises NotFoundError."""
        entry = self._entry(job_id)
        with self._changed:
            self._changed.wait_for(lambda: not (entry.job.active or entry.run or entry.ending), timeout)
            return entry.job

    # -- doing -------------------------------------------------------------------------------------

    def restore(self) -> None:
        """Take up the jobs of earlier sessions: those that ran go on, the paused ones wait.

        A program that does this is one that leaves jobs to a later one, too.
        """
        with self._lock:
            self._restored = True
            begun = [entry for entry in self._entries.values() if not entry.kind.outlives_commands]
        for entry in begun:
            self._save(entry)
        for kind in list(self._kinds.values()):
            for order, job in kind.load():
                entry = _Entry(order, job, kind)
                with self._lock:
                    if job.id in self._entries:
                        continue
                    if job.phase == "cancelled":
                        self._left.add(entry)
                    else:
                        self._entries[job.id] = entry
                if job.phase == "cancelled":  # killed before it was tidied up
                    self._start(self._tidy, entry)
                else:
                    self._announce(job)
        self._pump()

    def hold(self) -> None:
        """Let nothing begin: for a process that only changes what is kept, and leaves the work to another."""
        self._held = True

    def add(self, order: Any, job: Job) -> str:
        """Put a job into the list and begin when its turn comes; its id.

        One with the same id that is there goes on; one that is done, or has failed and cannot go on, is begun anew.
        """
        with self._lock:
            kind = self._kinds[job.kind]
            known = self._entries.get(job.id)
            if known is None or known.job.phase == "done" or (known.job.phase == "failed" and not kind.resumable):
                self._entries.pop(job.id, None)
                self._entries[job.id] = _Entry(order, replace(job, resumable=kind.resumable), kind)
        self.resume(job.id)
        return job.id

    def pause(self, job_id: str) -> None:
        """Stop for now; what was done is kept, also over a restart. UsageError for a kind that cannot be paused."""
        entry = self._known(job_id)
        if entry is None:
            return
        if not entry.kind.resumable:
            raise UsageError(tr("{name} cannot be paused.", name=entry.job.name), tr("Let it end, or cancel it."))
        self._stop(entry, "paused")

    def resume(self, job_id: str) -> None:
        """Go on with a paused or failed job."""
        with self._lock:
            entry = self._entries.get(job_id)
            if entry is None or entry.job.phase == "done":
                return
            if not entry.job.active:
                if not entry.kind.resumable:
                    return
                entry.job = replace(entry.job, phase="queued", error=None)
            job = entry.job
        self._announce(job)
        self._pump()
        self._save(entry)

    def cancel(self, job_id: str) -> None:
        """Stop for good, take it out of the list and remove what it has left. One that has ended is only cleared."""
        entry = self._known(job_id)
        if entry is None:
            return
        if entry.job.phase == "done":
            self.clear(job_id)
        else:
            self._stop(entry, "cancelled")

    def clear(self, job_id: str) -> None:
        """Take a job that does not run out of the list; what it made, or has made so far, stays. UsageError."""
        with self._lock:
            entry = self._entries.get(job_id)
            if entry is None:
                return
            if entry.job.active:
                raise UsageError(tr("{name} is still running.", name=entry.job.name), tr("Pause or cancel it first."))
            del self._entries[job_id]
            job = entry.job = replace(entry.job, gone=True)
        self._announce(job)
        self._forget(entry)

    def steer(self, action: str, job_id: str) -> None:
        """Do what a button or ``heft jobs`` names: "pause", "resume", "cancel" or "clear". UsageError for others."""
        known = {"pause": self.pause, "resume": self.resume, "cancel": self.cancel, "clear": self.clear}
        if action not in known:
            raise UsageError(
                tr("A job cannot be told to '{action}'.", action=action),
                tr("It knows {known}.", known=", ".join(known)),
            )
        known[action](job_id)

    def close(self) -> None:
        """Stop all; jobs of a kind that outlives the program go on at the next start."""
        with self._lock:
            self._closed = True
            entries = {*self._entries.values(), *self._left}
            runs = [run for entry in entries for run in (*entry.ending, *([entry.run] if entry.run else []))]
            threads = list(self._threads)
        for run in runs:
            run.stop()
        for thread in threads:
            thread.join(CLOSE_SECONDS)

    # -- inside ------------------------------------------------------------------------------------

    def _known(self, job_id: str) -> _Entry | None:
        with self._lock:
            return self._entries.get(job_id)

    def _entry(self, job_id: str) -> _Entry:
        entry = self._known(job_id)
        if entry is None:
            raise NotFoundError(tr("There is no such job."), tr("See what there is: heft jobs"))
        return entry

    def _stop(self, entry: _Entry, phase: Phase) -> None:
        with self._lock:
            if self._entries.get(entry.job.id) is not entry or entry.job.phase == "done":
                return  # another thread was quicker
            gone = phase == "cancelled"
            progress = replace(entry.job.progress, speed=None, seconds_left=None)
            job = entry.job = replace(entry.job, phase=phase, progress=progress, error=None, gone=gone)
            _log.info("%s %s: %s", job.kind, job.id, phase)
            run, entry.run = entry.run, None
            if run is not None:
                entry.ending.add(run)
            if gone:
                del self._entries[job.id]
                self._left.add(entry)
            working = bool(entry.ending)
        if run is not None:
            run.stop()
        self._announce(job)
        self._pump()
        self._save(entry)
        if gone and not working:
            self._start(self._tidy, entry)

    def _pump(self) -> None:
        """Start what may run now."""
        with self._lock:
            if self._held or self._closed:
                return
            free = {name: kind.at_once for name, kind in self._kinds.items()}
            for entry in self._entries.values():
                free[entry.job.kind] -= entry.run is not None
            for entry in self._entries.values():
                if entry.run is None and entry.job.phase == "queued" and free[entry.job.kind] > 0:
                    free[entry.job.kind] -= 1
                    entry.run = self._run_of(entry)
                    entry.job = replace(entry.job, phase="running")
                    self._start(self._work, entry, entry.run)

    def _run_of(self, entry: _Entry) -> Run:
        def tell(**fields: Any) -> None:
            with self._lock:
                if entry.run is not run:
                    return
                job = entry.job = replace(entry.job, **fields)
            self._announce(job)

        def keep(order: Any) -> None:
            with self._lock:
                if entry.run is not run:
                    raise CancelledError
                entry.order = order
            self._save(entry)

        run = Run(entry.order, tell, keep)
        return run

    def _start(self, target: Callable[..., None], entry: _Entry, *rest: Any) -> None:
        def call() -> None:
            try:
                target(entry, *rest)
            finally:
                with self._lock:
                    self._threads.discard(threading.current_thread())

        thread = threading.Thread(target=call, name=f"job {entry.job.kind}", daemon=True)
        with self._lock:
            self._threads.add(thread)
            thread.start()

    def _work(self, entry: _Entry, run: Run) -> None:
        _log.info("%s %s: running", entry.job.kind, entry.job.id)
        self._announce(entry.job)
        fields: Mapping[str, Any] = {}
        error: HeftError | None = None
        try:
            if run.stopped:
                raise CancelledError
            fields = entry.kind.run(run)
        except HeftError as refused:
            error = refused
        except Exception as unexpected:  # noqa: BLE001 - a fault of Heft's own is told like any other
            _log.exception("job %s", entry.job.kind)
            error = HeftError(
                f"{entry.job.name} failed.", tr("Try it again."), detail=str(unexpected), kind=FailureKind.INTERNAL
            )
        self._ended(entry, run, fields, error)

    def _ended(self, entry: _Entry, run: Run, fields: Mapping[str, Any], error: HeftError | None) -> None:
        with self._lock:
            heard = entry.run is run and not self._closed
            if entry.run is run:
                entry.run = None
                entry.ending.add(run)
            if heard:
                entry.job = self._after(entry, fields, error)
                if entry.job.gone:
                    del self._entries[entry.job.id]
                    self._left.add(entry)
            job = entry.job
        if heard:
            _log.info("%s %s: %s%s", job.kind, job.id, job.phase, f", {job.error.kind}" if job.error else "")
            if job.phase == "done":
                self._forget(entry)
            else:
                self._save(entry)
            self._announce(job)
        with self._changed:
            entry.ending.discard(run)
            tidy = entry in self._left and not entry.ending
            self._changed.notify_all()
        if tidy:
            self._tidy(entry)
        self._trim(entry.kind.name)
        self._pump()

    @staticmethod
    def _after(entry: _Entry, fields: Mapping[str, Any], error: HeftError | None) -> Job:
        """A job after its run has ended by itself."""
        job = entry.job
        progress = replace(job.progress, speed=None, seconds_left=None)
        if error is None:
            done = replace(progress, done=progress.total) if progress.known else Progress.of(1.0)
            return replace(job, **{"phase": "done", "progress": done, "error": None, **fields})
        if isinstance(error, CancelledError):
            return replace(job, phase="cancelled", progress=progress, gone=True)
        phase: Phase = "paused" if entry.kind.pauses(error) else "failed"
        return replace(job, phase=phase, progress=progress, error=error)

    def _tidy(self, entry: _Entry) -> None:
        """Remove what a cancelled job has left."""
        self._save(entry)  # the thread that cancelled it may not have come to that yet
        try:
            entry.kind.discard(entry.order)
        except (HeftError, OSError) as error:
            _log.warning("what a cancelled job has left stays: %s", error)
        with self._changed:
            self._left.discard(entry)
            self._changed.notify_all()
        self._forget(entry)

    def _trim(self, kind: str) -> None:
        with self._lock:
            done = [entry for entry in self._entries.values() if (entry.job.kind, entry.job.phase) == (kind, "done")]
        for entry in done[:-MOST_ENDED]:
            self.clear(entry.job.id)

    def _save(self, entry: _Entry) -> None:
        with self._saving:
            with self._lock:
                listed = self._entries.get(entry.job.id)
                order, job = entry.order, entry.job
                kept = (listed is entry and job.phase != "done") or (listed is None and entry in self._left)
                kept = kept and (self._restored or entry.kind.outlives_commands)
            if kept:
                entry.kind.save(order, job)

    def _forget(self, entry: _Entry) -> None:
        with self._saving:
            with self._lock:
                listed = self._entries.get(entry.job.id)
            if listed is None or (listed is entry and entry.job.phase == "done"):
                entry.kind.forget(entry.job.id)

    def _announce(self, job: Job) -> None:
        with self._changed:
            self._changed.notify_all()
        self._listeners.tell(job)
