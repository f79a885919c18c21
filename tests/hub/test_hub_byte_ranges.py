"""Stretches of a file on the Hub: exactly those bytes, of the version that was looked at."""

from __future__ import annotations

import random

import pytest
from support.hub_server import BytesContent, HubServer, Repo

from desktop.core.cancelled import CancelledError
from desktop.hub.byte_ranges import ByteRange, fetch_ranges
from desktop.hub.client import HubClient, RemoteFile
from desktop.hub.errors import HubError
from desktop.hub.random_access_source import RandomAccessSource

DATA = random.Random(5).randbytes(2_000_000)
RANGES = [ByteRange(100, 50_000), ByteRange(900_000, 1), ByteRange(1_500_000, 500_000)]


@pytest.fixture
def file(hub: HubServer, client: HubClient) -> RemoteFile:
    hub.add(Repo("a/b", {"m.bin": BytesContent(DATA)}))
    return RandomAccessSource(client, "a/b", "m.bin").remote


def fetched(client: HubClient, file: RemoteFile) -> bytes:
    data = bytearray()
    heard: list[int] = []
    fetch_ranges(client, file, RANGES, data.extend, progress=heard.append)
    assert heard == sorted(heard) and heard[-1] == len(data)
    return bytes(data)


def test_the_bytes_of_all_ranges(hub: HubServer, client: HubClient, file: RemoteFile) -> None:
    expected = b"".join(DATA[wanted.offset : wanted.offset + wanted.size] for wanted in RANGES)
    hub.exchanges.clear()
    assert fetched(client, file) == expected
    assert len(hub.exchanges) == len(RANGES) + 1  # the Hub redirects once
    hub.fail("ignore-range", "m.bin", times=9)
    assert fetched(client, file) == expected


def test_a_file_that_changed(hub: HubServer, client: HubClient, file: RemoteFile) -> None:
    hub.repos["a/b"].files["m.bin"] = BytesContent(DATA[::-1])
    with pytest.raises(HubError) as caught:
        fetched(client, file)
    assert caught.value.kind == "file-changed"


def test_cut_answers_and_cancelling(hub: HubServer, client: HubClient, file: RemoteFile) -> None:
    hub.fail("cut", "/cdn/", after=1000)
    with pytest.raises(HubError):
        fetched(client, file)
    stops = iter((False, False, True, True))
    with pytest.raises(CancelledError):
        fetch_ranges(client, file, RANGES, lambda _: None, cancelled=lambda: next(stops))
