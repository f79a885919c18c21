"""Windows anywhere in a file on the Hub: few bytes, remembered, and honest with servers that ignore ranges."""

from __future__ import annotations

import random

import pytest
from support.hub_server import BytesContent, HubServer, Repo, SparseContent

from desktop.core.cancelled import CancelledError
from desktop.core.errors import FileFormatError
from desktop.hub.client import HubClient
from desktop.hub.errors import HubError
from desktop.hub.random_access_source import WINDOW, RandomAccessSource

DATA = random.Random(3).randbytes(3_000_000)


@pytest.fixture
def repo(hub: HubServer) -> Repo:
    return hub.add(Repo("a/b", {"m.bin": BytesContent(DATA), "tiny.bin": BytesContent(b"abc")}))


def test_the_beginning_the_end_and_the_middle(client: HubClient, repo: Repo) -> None:
    source = RandomAccessSource(client, "a/b", "m.bin")
    assert source.size == len(DATA)
    for offset, count in ((0, 10), (len(DATA) - 22, 22), (1_500_000, 200_000), (len(DATA) - 5, 100)):
        assert bytes(source.window(offset, count)[:count]) == DATA[offset : offset + count]
    assert bytes(source.window(len(DATA), 5)) == b""
    assert source.transferred_bytes < 5 * WINDOW + 200_000


def test_a_window_is_fetched_once(client: HubClient, repo: Repo, hub: HubServer) -> None:
    source = RandomAccessSource(client, "a/b", "m.bin")
    source.window(len(DATA) - 50_000, 22)
    before = len(hub.exchanges)
    assert source.requests == before
    assert bytes(source.window(len(DATA) - 40_000, 22)[:22]) == DATA[-40_000:-39_978]
    assert len(hub.exchanges) == before


def test_a_file_smaller_than_a_window(client: HubClient, repo: Repo) -> None:
    assert bytes(RandomAccessSource(client, "a/b", "tiny.bin").window(1, 10)) == b"bc"


def test_a_server_that_ignores_ranges(client: HubClient, repo: Repo, hub: HubServer) -> None:
    hub.fail("ignore-range", "m.bin", times=10)
    source = RandomAccessSource(client, "a/b", "m.bin")
    assert bytes(source.window(2_000_000, 10)[:10]) == DATA[2_000_000:2_000_010]


def test_no_more_than_a_look_may_cost(client: HubClient, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desktop.hub.random_access_source._MAX_BYTES", 1 << 20)
    with pytest.raises(FileFormatError, match="fetched"):
        RandomAccessSource(client, "a/b", "m.bin").window(0, 2 << 20)


def test_reading_in_order_takes_few_requests(client: HubClient, hub: HubServer) -> None:
    hub.add(Repo("a/b", {"m.bin": SparseContent(b"", 20_000_000)}))
    source = RandomAccessSource(client, "a/b", "m.bin")
    for offset in range(0, 20_000_000, 50_000):
        source.window(offset, 50_000)
    assert len(hub.exchanges) < 20 and source.transferred_bytes < 21_000_000


def test_a_file_that_leads_to_and_fro(client: HubClient, hub: HubServer) -> None:
    hub.add(Repo("a/b", {"m.bin": SparseContent(b"", 900_000_000)}))
    source = RandomAccessSource(client, "a/b", "m.bin")
    with pytest.raises(FileFormatError, match="parts of it"):
        for number in range(5000):
            source.window(number * 7_654_321 % 890_000_000, 8)
    assert len(hub.exchanges) < 100 and source.transferred_bytes < 5_000_000


def test_an_answer_of_another_file(client: HubClient, repo: Repo, hub: HubServer) -> None:
    source = RandomAccessSource(client, "a/b", "m.bin")
    hub.fail("wrong-length", "m.bin")
    with pytest.raises(HubError):
        source.window(1_000_000, 10)


def test_cut_answers_and_cancelling(client: HubClient, repo: Repo, hub: HubServer) -> None:
    source = RandomAccessSource(client, "a/b", "m.bin")
    hub.fail("cut", "m.bin", after=100, times=5)
    with pytest.raises(HubError):
        source.window(1_000_000, 1000)
    with pytest.raises(CancelledError):
        RandomAccessSource(client, "a/b", "m.bin", cancelled=lambda: True)
