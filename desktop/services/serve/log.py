"""The newest lines of the server's own log, which ``heft.log`` has, too. Never what was asked or answered."""

from __future__ import annotations

import logging
from collections import deque

from desktop.system.logs import CarefulFormatter

BRANCH = "desktop.services.serve"
_KEPT = 500  # lines


class ServeLog(logging.Handler):
    """Keeps lines from its making to :meth:`close`. Thread-safe."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._lines: deque[str] = deque(maxlen=_KEPT)
        self.setFormatter(CarefulFormatter("%(asctime)s  %(message)s", "%H:%M:%S"))
        logging.getLogger(BRANCH).addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Called by logging, with this handler's lock held."""
        self._lines.append(self.format(record))

    def lines(self) -> tuple[str, ...]:
        """The oldest first."""
        self.acquire()
        try:
            return tuple(self._lines)
        finally:
            self.release()

    def close(self) -> None:
        """Hear no more."""
        logging.getLogger(BRANCH).removeHandler(self)
        super().close()
