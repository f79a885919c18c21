"""Downloads as a service: several at once, pause, resume and cancel; they survive restarts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import msgspec

from desktop.core.errors import HeftError, UsageError
from desktop.core.failures import FailureKind
from desktop.core.model_kind import ModelKind
from desktop.core.progress import Progress
from desktop.core.sampling_fields import SamplingValues
from desktop.core.words import tr
from desktop.hub.cached_files import cached_file
from desktop.hub.client import HubClient
from desktop.hub.placement import default_cache, inside
from desktop.hub.records import RepoFiles
from desktop.hub.search import HubSearch
from desktop.services.job_kinds import Job, JobKind, Run
from desktop.services.job_kinds import Phase as JobPhase
from desktop.services.jobs import JobService
from desktop.services.models.downloads_job import DownloadWork
from desktop.services.models.downloads_locks import OrderLocks
from desktop.services.models.downloads_records import (
    DOWNLOAD,
    DownloadedFile,
    DownloadState,
    Order,
    OrderStore,
    Phase,
    first_state,
)
from desktop.services.models.generation_config import recommended_sampling
from desktop.store.fetched import FetchedFile, FetchedStore
from desktop.store.gguf_files import kind_of
from desktop.store.paths import Paths

__all__ = ["DOWNLOAD", "DownloadService", "DownloadState", "DownloadedFile", "Phase"]

# a person mends the cause, then resumes
_PAUSING = frozenset({FailureKind.DISK_FULL, FailureKind.BUSY, FailureKind.NO_NETWORK, FailureKind.OFFLINE_MODE})
_COMPANIONS = frozenset({ModelKind.PROJECTOR, ModelKind.DRAFT})
_PHASES: dict[JobPhase, Phase] = {
    "queued": "queued",
    "paused": "paused",
    "done": "finished",
    "failed": "failed",
    "cancelled": "cancelled",
}


class DownloadKind(JobKind):
    """Downloads as jobs: their orders are kept as small files, what has come as parts beside the files."""

    name = DOWNLOAD
    resumable = True

    def __init__(
        self,
        make: Callable[..., DownloadWork],
        store: OrderStore,
        fetched: FetchedStore,
        at_once: int,
        recommended: Callable[[RepoFiles], SamplingValues],
    ) -> None:
        """``make`` gives the work of an order; ``recommended`` how a repo says that its model is sampled."""
        self.at_once = at_once
        self._make = make
        self._recommended = recommended
        self._store = store
        self._fetched = fetched
        self._locks = OrderLocks(store)

    def run(self, run: Run) -> Mapping[str, Any]:
        """Fetch and verify all files of an order. Raises HubError."""
        order: Order = run.order
        alone: Callable[[], AbstractContextManager[None]]
        alone = partial(self._locks.held, order.id, lambda: run.stopped)

        def tell(state: DownloadState) -> None:
            if state.phase != "finished":  # told when it is written down too
                run.tell(**_fields(state))

        sampling: SamplingValues = {}
        work = self._make(
            order, tell, run.keep,
            listed=lambda listing: sampling.update(self._recommended(listing)),
            came=lambda file: self._note(order.repo, file, sampling),
            alone=alone,
        )  # fmt: skip
        run.on_stop(work.stop)
        work.run()
        return {**_fields(work.state), "result": _model_of(work.state)}

    def pauses(self, error: HeftError) -> bool:
        """A full disk, no network: what has come is good, and it goes on when that is mended."""
        return error.kind in _PAUSING

    def save(self, order: Order, job: Job) -> None:
        """Keep the order."""
        cancelled = job.phase == "cancelled"
        paused = job.phase in ("paused", "failed")
        done = int(job.progress.done)
        self._store.save(msgspec.structs.replace(order, paused=paused, cancelled=cancelled, done_bytes=done))

    def forget(self, job_id: str) -> None:
        """The order is done, or no longer wanted."""
        self._store.forget(job_id)

    def load(self) -> Iterable[tuple[Order, Job]]:
        """The orders that are not done. One that another program works on is told as running."""
        for order in self._store.load():
            phase: JobPhase = "cancelled" if order.cancelled else "paused" if order.paused else "queued"
            yield order, _job(order, phase)

    def discard(self, order: Order) -> None:
        """Remove what has come of files that are not whole, unless they are wanted again by now."""
        work = self._make(order, lambda _: None, lambda _: None)
        with self._locks.held(order.id, lambda: False):
            kept = self._store.read(order.id)
            if kept is None or kept.cancelled:
                work.discard()

    def elsewhere(self, download: str) -> bool:
        """Whether another program works on it."""
        return self._locks.elsewhere(download)

    def _note(self, repo: str, file: DownloadedFile, sampling: SamplingValues) -> None:
        """Write down what came: Heft may remove it later. Files that were there before belong to whom they did."""
        with suppress(OSError, UnicodeEncodeError):  # it is here and whole; that it is ours is not worth a failure
            self._fetched.add(
                FetchedFile(
                    local=str(file.local), repo=repo, path=file.path, sha256=file.sha256,
                    size_bytes=file.size_bytes, fetched=time.time(), sampling=dict(sampling),
                )
            )  # fmt: skip


class DownloadService:
    """Thread-safe. Listeners are called on any thread, never with a lock held, with each change of a download.

    What starts, pauses or removes acts at once and then writes a small file: call it off the GUI thread. A download
    that is not in the list any more cannot be paused or cancelled: asking for it does nothing.
    """

    def __init__(
        self,
        paths: Paths,
        client: HubClient,
        search: HubSearch,
        *,
        jobs: JobService | None = None,
        parallel: int = 3,
        cache: Path | None = None,
        folder: Callable[[], Path | None] = lambda: None,
        first_wait: float = 1.0,
    ) -> None:
        """``parallel`` downloads run at once; they are jobs of ``jobs``, or of a list of their own.

        ``cache`` is the Hugging Face cache of this user by default; ``folder`` says where downloads go instead, None
        for the cache. ``first_wait`` seconds pass after a broken connection before the next try, twice as many each
        time after.
        """
        self._own = jobs is None
        self._jobs = jobs or JobService()
        self._folder = folder
        self._store = OrderStore(paths.data / "downloads")

        def make(order: Order, tell: Any, keep: Any, **options: Any) -> DownloadWork:
            where = cache or default_cache()
            return DownloadWork(
                order, client, search, where, self._store.folder, tell, keep, first_wait=first_wait, **options
            )

        self._fetched = FetchedStore(paths.fetched)
        self._kind = DownloadKind(
            make, self._store, self._fetched, parallel, partial(recommended_sampling, client, search)
        )
        self._jobs.register(self._kind)

    # -- asking ------------------------------------------------------------------------------------

    def states(self) -> tuple[DownloadState, ...]:
        """All downloads of this session and those left over from the last, in their order."""
        return tuple(state_of(job) for job in self._jobs.jobs(DOWNLOAD))

    def jobs(self) -> tuple[Job, ...]:
        """The same as jobs of the list."""
        return self._jobs.jobs(DOWNLOAD)

    def state(self, download: str) -> DownloadState:
        """One download. Raises NotFoundError."""
        return state_of(self._jobs.job(download))

    def subscribe(self, listener: Callable[[DownloadState], None]) -> Callable[[], None]:
        """Hear every change of every download; returns the way to stop hearing."""
        return self._jobs.subscribe(lambda job: listener(state_of(job)) if job.kind == DOWNLOAD else None)

    def wait(self, download: str, timeout: float | None = None) -> DownloadState:
        """Block until a download does not go on by itself any more; its state then (or at the timeout)."""
        return state_of(self._jobs.wait(download, timeout))

    def elsewhere(self, download: str) -> bool:
        """Whether another program works on a download."""
        return self._kind.elsewhere(download)

    # -- doing -------------------------------------------------------------------------------------

    def restore(self) -> None:
        """Take up the downloads of earlier sessions: those that ran go on, the paused ones wait."""
        self._jobs.restore()

    def start(
        self,
        repo: str,
        files: Sequence[str],
        *,
        name: str,
        revision: str = "main",
        folder: Path | Literal["default"] | None = "default",
    ) -> str:
        """Download files of a repo; the download's id.

        ``name`` is what the list calls it. They go where the user's downloads go, or into ``folder``; None is the
        Hugging Face cache. The same order given again continues the one that is there.
        """
        if not files:
            raise UsageError(tr("There is nothing to download."), tr("Name a variant or a file."))
        where = self.folder_for(repo) if folder == "default" else folder
        order = Order(
            repo=repo, name=name, paths=tuple(files), revision=revision,
            folder=str(where.expanduser().absolute()) if where else "",
        )  # fmt: skip
        kept = self._store.read(order.id)
        if kept is not None and not kept.cancelled:
            order = kept
        return self._jobs.add(order, _job(order, "queued"))

    def folder_for(self, repo: str) -> Path | None:
        """Where files of a repo go unless another place is named: below the user's folder, or None for the cache.

        Repos have folders of their own, as in LM Studio: many have files of the same name.
        """
        chosen = self._folder()
        return None if chosen is None else chosen / inside(repo)

    def place_beside(self, local: Path | None, path: str) -> Path | Literal["default"] | None:
        """The ``folder`` of :meth:`start` for what goes with a file of a repo (``path``) that is here: where Heft put
        that file, or the cache that it lies in; where all downloads go for a file of others."""
        if local is None:
            return "default"
        if cached_file(local) is not None:
            return None
        known = self._fetched.load().get(str(local))
        ours = known is not None and known.path == path
        return local.parents[len(PurePosixPath(path).parts) - 1] if ours else "default"

    def pause(self, download: str) -> None:
        """Stop for now; what has come is kept, also over a restart."""
        self._jobs.pause(download)

    def resume(self, download: str) -> None:
        """Go on with a paused or failed download."""
        self._jobs.resume(download)

    def cancel(self, download: str) -> None:
        """Stop for good and remove what has come of files that are not whole."""
        self._jobs.cancel(download)

    def remove(self, download: str) -> None:
        """Take a finished, failed or paused download out of the list; parts of files stay for another time."""
        self._jobs.clear(download)

    def steer(self, action: str, download: str) -> None:
        """Pause, resume, cancel or clear one, as its button says."""
        self._jobs.steer(action, download)

    def forget_missing(self) -> None:
        """Take finished downloads out of the list whose files were removed."""
        for state in self.states():
            if state.phase == "finished" and not all(file.local and file.local.exists() for file in state.files):
                self.remove(state.id)

    def close(self) -> None:
        """Stop all, where the list of jobs is its own; those that ran go on at the next start."""
        if self._own:
            self._jobs.close()


def state_of(job: Job) -> DownloadState:
    """A download as its job tells it."""
    state: DownloadState = job.detail
    if job.gone and job.phase != "cancelled":
        return replace(state, phase="removed")
    if job.phase == "running":
        return state if state.active and state.phase != "queued" else replace(state, phase="checking")
    error = job.error
    return replace(
        state,
        phase=_PHASES[job.phase], bytes_per_second=0.0, seconds_left=None,
        kind=error.kind if error else "", message=error.message if error else "", hint=error.hint if error else "",
    )  # fmt: skip


def _model_of(state: DownloadState) -> Path | None:
    """The file to load of what has come; None of companions alone, which nobody runs by themselves."""
    first = next((file.local for file in state.files if file.local), None)
    return None if first is None or kind_of(first) in _COMPANIONS else first


def _job(order: Order, phase: JobPhase) -> Job:
    state = first_state(order)
    name = order.name if order.repo in order.name else f"{order.repo} {order.name}"
    return Job(order.id, DOWNLOAD, name, phase, resumable=True, **_fields(state))


def _fields(state: DownloadState) -> dict[str, Any]:
    """What of a job a download's state tells."""
    notes = {"checking": "checking", "waiting": f"{state.message} {state.hint}".strip()}
    progress = Progress(
        state.done_bytes, state.total_bytes, "bytes",
        note=notes.get(state.phase, ""), speed=state.bytes_per_second or None, seconds_left=state.seconds_left,
    )  # fmt: skip
    return {"detail": state, "progress": progress}
