"""The requests of now and lately, as the page shows them: counts and times, nothing of what was said."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from desktop.core.text import one_line
from desktop.services.serve.api import RequestRecord

_log = logging.getLogger(__name__)
KEPT = 200
_CLIENT, _PATH, _MODEL, _ERROR = 80, 120, 120, 300  # characters
_TELL_SECONDS = 0.5  # how often an answer's growing figures are told
ENDED = ("done", "stopped", "refused")


class Entry:
    """One request's record while it runs. Changed by the door's thread only; ``log`` None keeps it from the list."""

    def __init__(self, log: RequestLog | None, record: RequestRecord) -> None:
        self._log, self.record = log, record
        self._began, self._told = time.monotonic(), 0.0

    @property
    def seconds(self) -> float:
        """Since it was asked."""
        return time.monotonic() - self._began

    @property
    def ended(self) -> bool:
        """Whether it is over, whatever became of it."""
        return self.record.state in ENDED

    def update(self, **changes: Any) -> None:
        """What has changed, told at once."""
        for name, length in (("model", _MODEL), ("error", _ERROR)):
            if name in changes:
                changes[name] = one_line(changes[name], length)
        self.record = replace(self.record, **changes)
        self._told = time.monotonic()
        if self._log is not None:
            self._log.changed(self.record)

    def progress(self, **changes: Any) -> None:
        """Figures that change with every token: kept when it was long enough since they were told."""
        if time.monotonic() - self._told >= _TELL_SECONDS:
            self.update(**changes)


class RequestLog:
    """The newest 200. Listeners hear of each change on the door's thread."""

    def __init__(self, on_request: Callable[[RequestRecord], None] | None = None) -> None:
        self._records: OrderedDict[int, RequestRecord] = OrderedDict()
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._listeners: list[Callable[[RequestRecord], None]] = [on_request] if on_request is not None else []

    def begin(self, client: str, path: str, *, listed: bool = True) -> Entry:
        """A request has come."""
        number = next(self._numbers)
        record = RequestRecord(number, one_line(client, _CLIENT), one_line(path, _PATH), "", time.time(), "waiting")
        if not listed:
            return Entry(None, record)
        self.changed(record)
        return Entry(self, record)

    def changed(self, record: RequestRecord) -> None:
        """Keep it and tell of it."""
        with self._lock:
            known = record.number in self._records
            self._records[record.number] = record
            if not known and len(self._records) > KEPT:
                oldest = next(
                    (number for number, each in self._records.items() if each.state in ENDED), next(iter(self._records))
                )
                del self._records[oldest]
            listeners = tuple(self._listeners)
        for listener in listeners:
            try:
                listener(record)
            except Exception as error:  # noqa: BLE001  # no answer ends because a list could not show it
                _log.error("A listener failed: %s", type(error).__name__, exc_info=error)

    def requests(self) -> tuple[RequestRecord, ...]:
        """The newest first."""
        with self._lock:
            return tuple(reversed(self._records.values()))

    def subscribe(self, listener: Callable[[RequestRecord], None]) -> Callable[[], None]:
        """Hear of each change; returns the way to stop hearing."""
        with self._lock:
            self._listeners.append(listener)

        def stop() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return stop
