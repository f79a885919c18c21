"""Downloads as a service: a queue with several at once, pause, resume and cancel; it survives restarts."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import msgspec

from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError, NotFoundError, UsageError
from desktop.core.failures import FailureKind
from desktop.hub.client import HubClient
from desktop.hub.errors import HubError
from desktop.hub.placement import default_cache
from desktop.hub.search import HubSearch
from desktop.services.listeners import Listeners
from desktop.services.models.downloads_job import Job
from desktop.services.models.downloads_records import DownloadedFile, DownloadState, Order, OrderStore, Phase
from desktop.store.paths import Paths

__all__ = ["DownloadService", "DownloadState", "DownloadedFile", "Phase"]

_PAUSING = frozenset(
    {FailureKind.DISK_FULL, FailureKind.BUSY, FailureKind.NO_NETWORK, FailureKind.OFFLINE_MODE}
)  # a person mends the cause, then resumes
_CLOSE_SECONDS = 2.0
_log = logging.getLogger(__name__)


@dataclass
class _Entry:
    order: Order
    state: DownloadState
    intent: Literal["run", "pause", "cancel", "close"] = "run"
    job: Job | None = None
    thread: threading.Thread | None = None


class DownloadService:
    """Thread-safe. Listeners are called on any thread, never with a lock held, with each change of a download.

    What starts, pauses or removes writes a small file: call it off the GUI thread.
    """

    def __init__(
        self,
        paths: Paths,
        client: HubClient,
        search: HubSearch,
        *,
        parallel: int = 3,
        cache: Path | None = None,
        first_wait: float = 1.0,
    ) -> None:
        """``parallel`` downloads run at once; ``cache`` is the Hugging Face cache of this user by default.

        ``first_wait`` seconds pass after a broken connection before the next try, twice as many each time after.
        """
        self._client = client
        self._search = search
        self._parallel = parallel
        self._cache = cache
        self._first_wait = first_wait
        self._store = OrderStore(paths.data / "downloads")
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._entries: dict[str, _Entry] = {}
        self._listeners = Listeners[DownloadState]()

    # -- asking ------------------------------------------------------------------------------------

    def states(self) -> tuple[DownloadState, ...]:
        """All downloads of this session and those left over from the last, in their order."""
        with self._lock:
            return tuple(entry.state for entry in self._entries.values())

    def state(self, download: str) -> DownloadState:
        """One download. Raises NotFoundError."""
        return self._entry(download).state

    def subscribe(self, listener: Callable[[DownloadState], None]) -> Callable[[], None]:
        """Hear every change of every download; returns the way to stop hearing."""
        return self._listeners.add(listener)

    def wait(self, download: str, timeout: float | None = None) -> DownloadState:
        """Block until a download does not go on by itself any more; its state then (or at the timeout)."""
        entry = self._entry(download)
        with self._changed:
            self._changed.wait_for(lambda: not entry.state.active and entry.thread is None, timeout)
            return entry.state

    # -- doing -------------------------------------------------------------------------------------

    def restore(self) -> None:
        """Take up the downloads of earlier sessions: those that ran go on, the paused ones wait."""
        for order in self._store.load():
            with self._lock:
                if order.id in self._entries:
                    continue
                phase: Phase = "paused" if order.paused else "queued"
                self._entries[order.id] = _Entry(order, _state(order, phase), "pause" if order.paused else "run")
            self._announce(self._entries[order.id].state)
        self._pump()

    def start(
        self, repo: str, files: Sequence[str], *, name: str, revision: str = "main", folder: Path | None = None
    ) -> str:
        """Download files of a repo, into the Hugging Face cache or a folder; the download's id.

        ``name`` is what the list calls it. The same order given again continues the one that is there.
        """
        if not files:
            raise UsageError("There is nothing to download.", "Name a variant or a file.")
        order = Order(
            repo=repo, name=name, paths=tuple(files), revision=revision,
            folder=str(folder.expanduser().absolute()) if folder else "",
        )  # fmt: skip
        kept = next((known for known in self._store.load() if known.id == order.id), order)
        with self._lock:
            known_entry = self._entries.get(order.id)
            over = known_entry is not None and known_entry.thread is None and known_entry.state.phase == "finished"
            if known_entry is None or over:
                self._entries[order.id] = _Entry(kept, _state(kept, "queued"))
        self.resume(order.id)
        return order.id

    def pause(self, download: str) -> None:
        """Stop for now; what has come is kept, also over a restart."""
        self._intend(download, "pause", "paused")

    def resume(self, download: str) -> None:
        """Go on with a paused or failed download."""
        entry = self._entry(download)
        with self._lock:
            entry.intent = "run"
            entry.order = msgspec.structs.replace(entry.order, paused=False)
            if not entry.state.active:
                entry.state = replace(entry.state, phase="queued", kind="", message="", hint="")
        self._store.save(entry.order)
        self._announce(entry.state)
        self._pump()

    def cancel(self, download: str) -> None:
        """Stop for good and remove what has come of files that are not whole."""
        self._intend(download, "cancel", "cancelled")

    def remove(self, download: str) -> None:
        """Take a finished, failed or paused download out of the list; parts of files stay for another time."""
        entry = self._entry(download)
        with self._lock:
            if entry.state.active:
                raise UsageError("This download is still running.", "Pause or cancel it first.")
            del self._entries[download]
        self._store.forget(download)

    def close(self) -> None:
        """Stop all; those that ran go on at the next start."""
        with self._lock:
            entries = list(self._entries.values())
            for entry in entries:
                if entry.intent == "run":
                    entry.intent = "close"
                if entry.job is not None:
                    entry.job.stop()
        for entry in entries:
            thread = entry.thread
            if thread is not None:
                thread.join(_CLOSE_SECONDS)

    # -- inside ------------------------------------------------------------------------------------

    def _entry(self, download: str) -> _Entry:
        with self._lock:
            if download not in self._entries:
                raise NotFoundError("There is no such download.", "Look at the list of downloads.")
            return self._entries[download]

    def _intend(self, download: str, intent: Literal["pause", "cancel"], phase: Phase) -> None:
        entry = self._entry(download)
        with self._lock:
            entry.intent = intent
            entry.order = msgspec.structs.replace(entry.order, paused=True, done_bytes=entry.state.done_bytes)
            entry.state = replace(
                entry.state, phase=phase, bytes_per_second=0.0, seconds_left=None, kind="", message="", hint=""
            )
            # Written before the work is stopped: what is over tidies up after itself, in its own thread.
            self._store.save(entry.order)
            running = entry.thread is not None
            if entry.job is not None:
                entry.job.stop()
        self._announce(entry.state)
        if not running:
            self._settle(entry)
        self._pump()

    def _pump(self) -> None:
        """Start what may run now."""
        with self._lock:
            running = sum(entry.thread is not None for entry in self._entries.values())
            for entry in self._entries.values():
                if running >= self._parallel:
                    return
                if entry.thread is None and entry.intent == "run" and entry.state.phase == "queued":
                    entry.thread = threading.Thread(
                        target=self._work, args=(entry,), name=f"download {entry.order.repo}", daemon=True
                    )
                    entry.thread.start()
                    running += 1

    def _work(self, entry: _Entry) -> None:
        try:
            self._run(entry)
        except CancelledError:
            pass
        except HeftError as error:
            phase: Phase = "paused" if error.kind in _PAUSING else "failed"
            self._end(entry, phase, error)
        except Exception as error:  # noqa: BLE001 - a fault of Heft's own is told like any other
            _log.exception("download of %s", entry.order.repo)
            self._end(
                entry,
                "failed",
                HubError("The download failed.", "Resume it.", kind=FailureKind.INTERNAL, detail=str(error)),
            )
        self._settle(entry)
        with self._changed:
            entry.thread = entry.job = None
            if entry.intent == "run" and entry.state.active:
                entry.state = replace(entry.state, phase="queued")  # resumed while the old work was still ending
            self._changed.notify_all()
        self._pump()

    def _run(self, entry: _Entry) -> None:
        from filelock import FileLock, Timeout

        def save(order: Order) -> None:
            with self._lock:  # a pause meanwhile is not to be overwritten
                entry.order = msgspec.structs.replace(order, paused=entry.order.paused)
                self._store.save(entry.order)

        with self._lock:
            entry.job = job = Job(
                entry.order, self._client, self._search, self._cache or default_cache(),
                self._store.folder, lambda state: self._heard(entry, state), save, first_wait=self._first_wait,
            )  # fmt: skip
            if entry.intent != "run":
                raise CancelledError
        lock = self._store.lock_file(entry.order.id)
        lock.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(lock, timeout=0):
                job.run()
        except Timeout:
            raise HubError(
                "Another Heft is working on this download.", "Wait until it is done.", kind=FailureKind.BUSY
            ) from None

    def _heard(self, entry: _Entry, state: DownloadState) -> None:
        with self._changed:
            if entry.intent != "run":
                return
            entry.state = state
        self._announce(state)

    def _end(self, entry: _Entry, phase: Phase, error: HeftError) -> None:
        with self._lock:
            if entry.intent != "run":
                return
            entry.intent = "pause"
            entry.state = replace(
                entry.state, phase=phase, kind=error.kind, message=error.message, hint=error.hint,
                bytes_per_second=0.0, seconds_left=None,
            )  # fmt: skip
            entry.order = msgspec.structs.replace(entry.order, paused=True, done_bytes=entry.state.done_bytes)
        self._store.save(entry.order)
        self._announce(entry.state)

    def _settle(self, entry: _Entry) -> None:
        """Tidy up after a download that is over."""
        if entry.intent == "cancel":
            Job(
                entry.order, self._client, self._search, self._cache or default_cache(),
                self._store.folder, lambda _: None, lambda _: None,
            ).discard()  # fmt: skip
            with self._lock:
                self._entries.pop(entry.order.id, None)
            self._store.forget(entry.order.id)
        elif entry.state.phase == "finished":
            self._store.forget(entry.order.id)

    def _announce(self, state: DownloadState) -> None:
        with self._changed:
            self._changed.notify_all()
        self._listeners.tell(state)


def _state(order: Order, phase: Phase) -> DownloadState:
    return DownloadState(
        order.id, order.repo, order.name, phase, done_bytes=order.done_bytes, total_bytes=order.total_bytes,
        folder=Path(order.folder) if order.folder else None,
    )  # fmt: skip
