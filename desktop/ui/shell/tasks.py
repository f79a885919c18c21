"""The one way off the GUI thread and back.

``Tasks.run`` calls a function on a worker thread and brings result, failure and progress back as calls on the GUI
thread. Each call names its lane (:class:`Lane`), and no lane waits for another. Work on one value names a queue, too:
then the value asked for last stays. The workers are daemon threads of our own: work that hangs can then never keep the
program from ending, as it would with QThreadPool or concurrent.futures, which both wait for it without limit.
"""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

import shiboken6
from PySide6.QtCore import QObject, Qt, Signal, Slot

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.words import tr

T = TypeVar("T")

SHUTDOWN_SECONDS = 2.0

_log = logging.getLogger(__name__)


class Lane(Enum):
    """Which queue work waits in. What a person waits for never stands behind what the computer does meanwhile."""

    COMMAND = "command"  # what was just asked for: send, stop, pause, load, change a setting; to wait for a job
    JOB = "job"  # what takes the disk or the processor: scan, hash, read files, describe the machine
    NETWORK = "network"  # what waits for the Hub or a file on it


@dataclass(frozen=True)
class Width:
    """Threads of a lane: at most ``most``, of which ``kept`` stay when there is nothing to do."""

    most: int
    kept: int


# A command never waits for another one: where all threads are busy (a disk that is full or asleep), one more begins.
WIDTHS = {Lane.COMMAND: Width(16, 2), Lane.JOB: Width(4, 4), Lane.NETWORK: Width(4, 4)}


def as_heft_error(error: BaseException) -> HeftError:
    """The error itself, or an unexpected exception in the user's words with its traceback as detail."""
    if isinstance(error, HeftError):
        return error
    return HeftError(
        tr("Something went wrong inside Heft: {error}", error=str(error) or type(error).__name__),
        tr("Try it once more; if it happens again, copy the details into a report."),
        detail="".join(traceback.format_exception(error)),
        kind=FailureKind.INTERNAL,
    )


class Task:
    """A job in flight. After :meth:`cancel` none of its callbacks is called any more. GUI thread only."""

    def __init__(
        self,
        work: Callable[[TaskContext], Any],
        done: Callable[[Any], None] | None,
        failed: Callable[[HeftError], None] | None,
        progress: Callable[[Any], None] | None,
        owner: QObject | None,
        queue: str = "",
    ) -> None:
        self._work = work
        self._done = done
        self._failed = failed
        self._progress = progress
        self._owner = owner
        self._queue = queue
        self._cancelled = threading.Event()
        self._finished = False

    def cancel(self) -> None:
        """Ask the work to end and forget about it."""
        self._cancelled.set()

    @property
    def running(self) -> bool:
        """Whether a callback can still come."""
        return not self._finished and not self._cancelled.is_set()

    def _wanted(self) -> bool:
        if self._owner is not None and not shiboken6.isValid(self._owner):
            self._cancelled.set()
        return not self._cancelled.is_set()

    def _forget(self) -> None:
        self._finished = True
        self._owner = self._done = self._failed = self._progress = None


class TaskContext:
    """What the work sees of its task, on the worker thread."""

    def __init__(self, task: Task, post: Callable[[], None]) -> None:
        self._task = task
        self._post = post
        self._lock = threading.Lock()
        self._latest: list[Any] = []

    @property
    def cancelled(self) -> bool:
        """True when nobody wants the result any more; long work asks often and returns early."""
        return self._task._cancelled.is_set()

    def progress(self, value: Any) -> None:
        """Report progress. The newest value replaces one not yet taken by the GUI thread: send totals."""
        with self._lock:
            waiting = bool(self._latest)
            self._latest = [value]
        if not waiting:
            self._post()

    def _take(self) -> list[Any]:
        with self._lock:
            values, self._latest = self._latest, []
        return values


class _Workers:
    """The threads of one lane, each begun when all others are busy."""

    def __init__(self, lane: Lane, work: Callable[[Task], None]) -> None:
        self._lane = lane
        self._work = work
        self._width = WIDTHS[lane]
        self._changed = threading.Condition()
        self._queue: deque[Task] = deque()
        self._behind: dict[str, deque[Task]] = {}  # by the queues of which one is in work
        self._threads: set[threading.Thread] = set()
        self._idle = 0
        self._begun = 0
        self._closed = False

    def put(self, task: Task) -> None:
        """Work this off as soon as a thread is free."""
        with self._changed:
            if task._queue:
                if task._queue in self._behind:
                    self._behind[task._queue].append(task)
                    return
                self._behind[task._queue] = deque()
            self._queue.append(task)
            if self._idle < len(self._queue) and len(self._threads) < self._width.most:
                self._begun += 1
                name = f"heft-{self._lane.value}-{self._begun}"
                thread = threading.Thread(target=self._serve, name=name, daemon=True)
                self._threads.add(thread)
                thread.start()
            else:
                self._changed.notify()

    def close(self) -> list[threading.Thread]:
        """Let the threads end; those that are still there."""
        with self._changed:
            self._closed = True
            self._queue.clear()
            self._behind.clear()
            self._changed.notify_all()
            return list(self._threads)

    def _serve(self) -> None:
        while (task := self._next()) is not None:
            self._work(task)
            self._follow(task._queue)
            del task  # an idle worker must not keep the last result's receivers alive

    def _follow(self, queue: str) -> None:
        with self._changed:
            behind = self._behind.get(queue)
            if behind:
                self._queue.append(behind.popleft())  # this thread is free for it
            else:
                self._behind.pop(queue, None)

    def _next(self) -> Task | None:
        with self._changed:
            while not self._queue and not self._closed and self._idle < self._width.kept:
                self._idle += 1
                self._changed.wait()
                self._idle -= 1
            if self._queue and not self._closed:
                return self._queue.popleft()
            self._threads.discard(threading.current_thread())
            return None


class Tasks(QObject):
    """Runs work on worker threads; callbacks come on the GUI thread, none after the owner's end."""

    unhandled = Signal(object)  # HeftError of a task without a handler of its own
    _delivery = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lanes = {lane: _Workers(lane, self._work) for lane in Lane}
        self._live: set[Task] = set()
        self._closed = threading.Event()
        self._delivery.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def run(
        self,
        work: Callable[[TaskContext], T],
        *,
        lane: Lane,
        done: Callable[[T], None] | None = None,
        failed: Callable[[HeftError], None] | None = None,
        progress: Callable[[Any], None] | None = None,
        owner: QObject | None = None,
        queue: str = "",
    ) -> Task:
        """Call ``work`` on a thread of its ``lane``; its result goes to ``done``, an exception to ``failed``.

        Without ``failed`` an error goes to :attr:`unhandled`. ``owner``'s destruction cancels the task.
        Work of one ``queue`` of a lane is done one after the other, as it was asked for.
        """
        task = Task(work, done, failed, progress, owner, queue)
        if self._closed.is_set():
            task.cancel()
            return task
        if owner is not None:
            owner.destroyed.connect(task.cancel)
        self._live.add(task)
        self._lanes[lane].put(task)
        return task

    def shutdown(self) -> None:
        """Cancel everything and wait for the workers, at most SHUTDOWN_SECONDS in all. GUI thread only."""
        self._closed.set()
        for task in self._live:
            task.cancel()
            task._forget()
        self._live.clear()
        threads = [thread for workers in self._lanes.values() for thread in workers.close()]
        deadline = time.monotonic() + SHUTDOWN_SECONDS
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                _log.warning("a background job did not end in time (%s)", thread.name)

    def _work(self, task: Task) -> None:
        if task._cancelled.is_set():
            self._post(lambda: self._end(task))
            return
        context: TaskContext
        context = TaskContext(task, lambda: self._post(lambda: self._advance(task, context)))
        try:
            result = task._work(context)
        except Exception as error:  # noqa: BLE001 - whatever a job raises has to reach the user
            failure = as_heft_error(error)
            self._post(lambda: self._fail(task, failure))
        else:
            self._post(lambda: self._finish(task, result))

    def _post(self, call: Callable[[], None]) -> None:
        if not self._closed.is_set():
            self._delivery.emit(call)

    @Slot(object)
    def _deliver(self, call: Callable[[], None]) -> None:
        call()

    def _advance(self, task: Task, context: TaskContext) -> None:
        for value in context._take():
            if task._progress is not None and task._wanted():
                task._progress(value)

    def _end(self, task: Task) -> None:
        self._live.discard(task)
        task._forget()

    def _finish(self, task: Task, result: Any) -> None:
        done = task._done if task._wanted() else None
        self._end(task)
        if done is not None:
            done(result)

    def _fail(self, task: Task, failure: HeftError) -> None:
        failed, wanted = task._failed, task._wanted()
        self._end(task)
        if not wanted:
            return
        if failed is not None:
            failed(failure)
        else:
            self.unhandled.emit(failure)
