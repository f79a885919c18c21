"""Stretches of a file on the Hub: exactly those bytes, of the version that was looked at."""

from __future__ import annotations

import random

import pytest
from support.hub_server import BytesContent, HubServer, Repo

from desktop.core.cancelled import CancelledError
from desktop.hub.byte_ranges import Span, fetch_spans
from desktop.hub.byte_source import AnywhereSource
from desktop.hub.client import HubClient, RemoteFile
from desktop.hub.errors import HubError

DATA = random.Random(5).randbytes(2_000_000)
SPANS = [Span(100, 50_000), Span(900_000, 1), Span(1_500_000, 500_000)]


@pytest.fixture
def file(hub: HubServer, client: HubClient) -> RemoteFile:
    hub.add(Repo("a/b", {"m.bin": BytesContent(DATA)}))
    return AnywhereSource(client, "a/b", "m.bin").remote


def fetched(client: HubClient, file: RemoteFile) -> bytes:
    data = bytearray()
    heard: list[int] = []
    fetch_spans(client, file, SPANS, data.extend, progress=heard.append)
    assert heard == sorted(heard) and heard[-1] == len(data)
    return bytes(data)


def test_the_bytes_of_all_spans(hub: HubServer, client: HubClient, file: RemoteFile) -> None:
    expected = b"".join(DATA[span.first : span.first + span.count] for span in SPANS)
    hub.exchanges.clear()
    assert fetched(client, file) == expected
    assert len(hub.exchanges) == len(SPANS) + 1  # the Hub redirects once
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
        fetch_spans(client, file, SPANS, lambda _: None, cancelled=lambda: next(stops))
