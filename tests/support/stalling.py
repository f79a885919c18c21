"""Lanes whose workers all hang, as with a disk that is asleep and a Hub that does not answer."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from desktop.ui.shell.tasks import WIDTHS, Lane, TaskContext, Tasks

BEGIN_SECONDS = 60.0


@contextlib.contextmanager
def stalled(tasks: Tasks, *lanes: Lane) -> Iterator[None]:
    """Every worker of these lanes hangs, and more work waits behind it, until the block ends.

    Without ``lanes`` those of jobs and network.
    """
    release, begun = threading.Event(), threading.Semaphore(0)

    def hang(context: TaskContext) -> None:
        begun.release()
        release.wait()

    wanted = lanes or (Lane.JOB, Lane.NETWORK)
    workers = sum(WIDTHS[lane].most for lane in wanted)
    for lane in wanted:
        for _ in range(WIDTHS[lane].most + 2):
            tasks.run(hang, lane=lane)
    try:
        for _ in range(workers):
            assert begun.acquire(timeout=BEGIN_SECONDS), "a worker did not begin"
        yield
    finally:
        release.set()
