"""A download service with short time limits, and waiting for what it does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from desktop.hub.client import HubClient
from desktop.hub.search import HubSearch
from desktop.services.models.downloads import DownloadService, DownloadState
from desktop.store.paths import Paths

from .hub_server import HubServer

WAIT = 60.0  # seconds; a download of some megabytes from the local Hub takes far less


def make_service(hub: HubServer, paths: Paths, cache: Path, **options: Any) -> DownloadService:
    """Downloads from the local Hub into an empty cache, without a token; the caller closes it."""
    client = HubClient(endpoint=hub.endpoint, token=lambda: None, connect_seconds=30.0, read_seconds=5.0)
    search = HubSearch(client, paths.cache / "hub")
    return DownloadService(paths, client, search, cache=cache, first_wait=0.01, **options)


def heard_until(service: DownloadService, condition: Callable[[DownloadState], bool]) -> threading.Event:
    """Set at the first state that fulfils the condition."""
    met = threading.Event()
    service.subscribe(lambda state: met.set() if condition(state) else None)
    return met
