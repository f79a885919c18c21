"""A client of the local Hub for the tests of this folder."""

import pytest
from support.hub_server import HubServer

from desktop.hub.client import HubClient


@pytest.fixture
def client(hub: HubServer) -> HubClient:
    """A client of the local Hub, without a token; a busy computer may be slow."""
    return HubClient(endpoint=hub.endpoint, token=lambda: None, connect_seconds=30.0, read_seconds=30.0)
