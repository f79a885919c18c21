"""What tests of downloads share: a local Hub, an empty cache, and services of one user, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.hub_server import HubServer, online

from desktop.hub.client import HubClient
from desktop.hub.search import HubSearch
from desktop.services.downloads import DownloadService
from desktop.store.paths import Paths


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    with HubServer() as server, online(monkeypatch):
        yield server


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def make(hub: HubServer, paths: Paths, cache: Path) -> Iterator[Callable[..., DownloadService]]:
    """Services of one user, one after the other as after restarts."""
    made: list[DownloadService] = []

    def service(**options: Any) -> DownloadService:
        client = HubClient(endpoint=hub.endpoint, token=lambda: None, connect_seconds=1.0, read_seconds=0.4)
        search = HubSearch(client, paths.cache / "hub")
        made.append(DownloadService(paths, client, search, cache=cache, first_wait=0.01, **options))
        return made[-1]

    yield service
    hub.bytes_per_second = None
    for each in made:
        each.close()


@pytest.fixture
def service(make: Callable[..., DownloadService]) -> DownloadService:
    return make()
