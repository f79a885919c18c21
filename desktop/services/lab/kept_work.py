"""Jobs of the Lab that keep what they have reached in a file, to go on after a pause, a quit or a kill."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from desktop.services.job_work import Order, Result, Work, WorkKind


class KeptWork(WorkKind[Order, Result]):
    """What an order has reached goes with it when it is cancelled. ``state_file`` is set before the first order."""

    state_file: Callable[[Order], Path]

    def discard(self, order: Work[Order, Result]) -> None:
        """Remove it."""
        with contextlib.suppress(OSError):
            self.state_file(order.order).unlink(missing_ok=True)
