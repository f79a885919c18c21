"""What tests of downloads share: an empty cache, and services of one user, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.downloading import make_service
from support.hub_server import HubServer

from desktop.services.models.downloads import DownloadService
from desktop.store.paths import Paths


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def make(hub: HubServer, paths: Paths, cache: Path) -> Iterator[Callable[..., DownloadService]]:
    """Services of one user, one after the other as after restarts."""
    made: list[DownloadService] = []

    def service(**options: Any) -> DownloadService:
        made.append(make_service(hub, paths, cache, **options))
        return made[-1]

    yield service
    hub.bytes_per_second = None
    for each in made:
        each.close()


@pytest.fixture
def service(make: Callable[..., DownloadService]) -> DownloadService:
    return make()
