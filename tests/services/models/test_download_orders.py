"""Start, pause, resume and cancel in every order: what the list says is true at each step, and in the end it comes."""

from __future__ import annotations

import hashlib
import itertools
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.downloading import WAIT, heard_until
from support.hub_server import BytesContent, HubServer, Repo
from support.program import poll

from desktop.services.models.downloads import DownloadService, DownloadState
from desktop.store.fetched import FetchedStore
from desktop.store.paths import Paths

MODEL = random.Random(5).randbytes(3_000_000)
FILE, NAME = "m-Q4_K_M.gguf", "owner/model Q4_K_M"
STEPS = ("start", "pause", "resume", "cancel")
AFTER = {  # what is in the list after a step, by what was there before
    "start": {"nothing": "active", "active": "active", "paused": "active"},
    "pause": {"nothing": "nothing", "active": "paused", "paused": "paused"},
    "resume": {"nothing": "nothing", "active": "active", "paused": "active"},
    "cancel": {"nothing": "nothing", "active": "nothing", "paused": "nothing"},
}


@pytest.fixture
def repo(hub: HubServer) -> Repo:
    return hub.add(Repo("owner/model", {FILE: BytesContent(MODEL)}, commit="a" * 40))


def listed(service: DownloadService) -> str:
    states = service.states()
    assert len(states) <= 1
    if not states:
        return "nothing"
    return "active" if states[0].active else states[0].phase


def halfway(state: DownloadState) -> bool:
    return state.phase == "downloading" and state.done_bytes > 0


def take(step: str, service: DownloadService, download: str) -> None:
    if step == "start":
        assert service.start("owner/model", [FILE], name=NAME) == download
    else:
        getattr(service, step)(download)


def ends_well(service: DownloadService, hub: HubServer, download: str, cache: Path) -> None:
    hub.bytes_per_second = None
    take("start", service, download)
    state = service.wait(download, WAIT)
    assert (state.phase, state.message) == ("finished", "")
    local = state.files[0].local
    assert local is not None and hashlib.sha256(local.read_bytes()).digest() == hashlib.sha256(MODEL).digest()
    assert not list(cache.rglob("*.incomplete"))


@pytest.mark.parametrize("first", STEPS)
def test_every_order(first: str, hub: HubServer, repo: Repo, make: Callable[..., DownloadService], cache: Path) -> None:
    """From a download that is under way; no step is waited for, so that old work still ends while new work begins."""
    service = make()
    download = ""
    others = [step for step in STEPS if step != first]
    for rest in (*itertools.product(STEPS, repeat=2), *itertools.permutations(others)):
        hub.bytes_per_second = 1_500_000  # two seconds for the file: no sequence is that long
        met = heard_until(service, halfway)
        download = service.start("owner/model", [FILE], name=NAME)
        assert met.wait(WAIT)
        there = "active"
        for step in (first, *rest):
            take(step, service, download)
            there = AFTER[step][there]
            assert listed(service) == there, (first, *rest)
        service.cancel(download)
        assert listed(service) == "nothing"
    ends_well(service, hub, download, cache)


@pytest.mark.parametrize("steps", [*itertools.product(STEPS, repeat=2)])
def test_it_can_always_be_downloaded(
    steps: tuple[str, ...], hub: HubServer, repo: Repo, service: DownloadService, cache: Path
) -> None:
    hub.bytes_per_second = 1_500_000
    met = heard_until(service, halfway)
    download = service.start("owner/model", [FILE], name=NAME)
    assert met.wait(WAIT)
    for step in steps:
        take(step, service, download)
    ends_well(service, hub, download, cache)


def test_a_cancelled_download_begins_anew_while_the_hub_is_silent(
    hub: HubServer, repo: Repo, service: DownloadService, cache: Path
) -> None:
    """The old work waits for an answer that does not come: the new one does not wait for it."""
    hub.fail("slow", "/api/models/owner/model", seconds=WAIT)
    download = service.start("owner/model", [FILE], name=NAME)
    poll(lambda: hub.requests("/api/models/owner/model"), WAIT, "the question")
    service.cancel(download)
    assert service.states() == ()
    take("start", service, download)
    assert listed(service) == "active"
    assert service.wait(download, WAIT / 2).phase == "finished"


def test_whoever_listens_hears_that_it_left(hub: HubServer, repo: Repo, service: DownloadService) -> None:
    """At the last word about a download the list does not have it any more."""
    last: list[tuple[str, int]] = []
    service.subscribe(lambda state: last.append((state.phase, len(service.states()))))
    hub.bytes_per_second = 1_500_000
    met = heard_until(service, halfway)
    download = service.start("owner/model", [FILE], name=NAME)
    assert met.wait(WAIT)
    service.cancel(download)
    assert last[-1] == ("cancelled", 0)
    hub.bytes_per_second = None
    take("start", service, download)
    assert service.wait(download, WAIT).phase == "finished"
    service.remove(download)
    assert last[-1] == ("removed", 0)


def test_a_finished_one_can_be_cleared_and_fetched_again(
    hub: HubServer, repo: Repo, service: DownloadService, cache: Path
) -> None:
    download = service.start("owner/model", [FILE], name=NAME)
    service.wait(download, WAIT)
    service.cancel(download)  # a press that came too late: what is there stays
    assert service.states() == ()
    hub.exchanges.clear()
    ends_well(service, hub, download, cache)
    assert hub.requests("/cdn/") == []


def test_a_cancel_that_was_killed_is_finished_at_the_next_start(
    hub: HubServer, repo: Repo, make: Callable[..., DownloadService], cache: Path, paths: Paths
) -> None:
    first = make()
    hub.bytes_per_second = 1_500_000
    met = heard_until(first, halfway)
    download = first.start("owner/model", [FILE], name=NAME)
    assert met.wait(WAIT)
    first.close()
    (order,) = (paths.data / "downloads").glob("*.json")
    order.write_text(order.read_text().replace('"cancelled":false', '"cancelled":true'))
    assert list(cache.rglob("*.incomplete"))
    again = make()
    again.restore()
    assert again.states() == ()
    again.close()  # waits for what is tidied up
    assert not list(cache.rglob("*.incomplete"))
    assert not list((paths.data / "downloads").glob("*.json"))
    ends_well(make(), hub, download, cache)


def test_threads_that_press_at_once(hub: HubServer, repo: Repo, service: DownloadService, cache: Path) -> None:
    hub.bytes_per_second = 1_500_000
    download = service.start("owner/model", [FILE], name=NAME)
    chance = random.Random(7)
    errors: list[BaseException] = []

    def press(steps: Iterator[str]) -> None:
        try:
            for step in steps:
                take(step, service, download)
        except BaseException as error:  # noqa: BLE001 - shown by the test
            errors.append(error)

    threads = [threading.Thread(target=press, args=(iter(chance.choices(STEPS, k=40)),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    assert errors == []
    ends_well(service, hub, download, cache)


def test_what_was_fetched_is_written_down(hub: HubServer, repo: Repo, service: DownloadService, paths: Paths) -> None:
    state = service.wait(service.start("owner/model", [FILE], name=NAME), WAIT)
    (known,) = FetchedStore(paths.fetched).load().values()
    assert (known.local, known.repo, known.path) == (str(state.files[0].local), "owner/model", FILE)
    assert known.sha256 == state.files[0].sha256 and known.size_bytes == len(MODEL)


def test_what_was_there_before_is_not_said_to_be_fetched(
    hub: HubServer, repo: Repo, make: Callable[..., DownloadService], paths: Paths
) -> None:
    first = make()
    first.wait(first.start("owner/model", [FILE], name=NAME), WAIT)
    paths.fetched.unlink()  # as if another program had brought it
    second = make()
    assert second.wait(second.start("owner/model", [FILE], name=NAME), WAIT).phase == "finished"
    assert FetchedStore(paths.fetched).load() == {}
