"""A local Hub for the tests of this folder."""

from collections.abc import Iterator

import pytest
from support.hub_server import HubServer, online

from desktop.hub.client import HubClient


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """An empty local Hub; huggingface_hub is online."""
    with HubServer() as server, online(monkeypatch):
        yield server


@pytest.fixture
def client(hub: HubServer) -> HubClient:
    """A client of the local Hub, without a token and with short patience."""
    return HubClient(endpoint=hub.endpoint, token=lambda: None, connect_seconds=2.0, read_seconds=0.5)
