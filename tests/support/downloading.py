"""Waiting for downloads."""

from __future__ import annotations

import threading
from collections.abc import Callable

from desktop.services.downloads import DownloadService, DownloadState

WAIT = 20.0  # seconds; a download of some megabytes from the local Hub takes far less


def heard_until(service: DownloadService, condition: Callable[[DownloadState], bool]) -> threading.Event:
    """Set at the first state that fulfils the condition."""
    met = threading.Event()
    service.subscribe(lambda state: met.set() if condition(state) else None)
    return met
