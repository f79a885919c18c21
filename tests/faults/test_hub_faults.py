"""The Hub misbehaves: a file is right or is not there, and the message names the cause."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.downloading import make_service
from support.hub_server import BytesContent, HubServer, Repo

from desktop.hub.client import HubClient
from desktop.hub.errors import HubError
from desktop.services.models.downloads import DownloadService, DownloadState
from desktop.store.paths import Paths

FILE = "m-Q4_K_M.gguf"
MODEL, OTHER = random.Random(5).randbytes(4_000_000), random.Random(6).randbytes(4_000_000)
WAIT = 30.0


@pytest.fixture
def repo(hub: HubServer) -> Repo:
    return hub.add(Repo("owner/model", {FILE: BytesContent(MODEL)}))


@pytest.fixture
def service(hub: HubServer, paths: Paths, tmp_path: Path) -> Iterator[DownloadService]:
    made = make_service(hub, paths, tmp_path / "cache")
    yield made
    made.close()


def right_or_absent(tmp_path: Path) -> list[Path]:
    """The files under their own name; each is the Hub's, to the byte."""
    found = [path for path in tmp_path.rglob(FILE) if path.is_file()]
    assert all(path.read_bytes() in (MODEL, OTHER) for path in found)
    return found


def change(hub: HubServer) -> None:
    repo = hub.repos["owner/model"]
    repo.files, repo.commit = {FILE: BytesContent(OTHER)}, "b" * 40


CUT: dict[str, Any] = {"kind": "cut", "path": "/cdn/", "after": 500_000}
# what goes wrong; what is said of it ("" when nobody needs to know); whether it ends well
FAULTS: dict[str, tuple[list[dict[str, Any]], str, bool]] = {
    "cut": ([CUT | {"times": 3}], "broke", True),
    "cut twenty times": ([CUT | {"times": 20, "after": 150_000}], "broke", True),
    "cut for ever": ([CUT | {"times": 99, "after": 5}], "broke", False),
    "stall": ([{"kind": "stall", "path": "/cdn/", "after": 500_000}], "in time", True),
    "429": ([{"kind": "status", "path": "/cdn/", "status": 429, "headers": {"Retry-After": "0"}}], "too many", True),
    "429 for ever": (
        [{"kind": "status", "path": "/resolve/", "status": 429, "times": 99}], "too many requests", False
    ),
    "500": ([{"kind": "status", "path": "/resolve/", "status": 500}], "problem of its own", True),
    "503 for ever": ([{"kind": "status", "path": "/resolve/", "status": 503, "times": 99}], "error 503", False),
    "listing down": ([{"kind": "status", "path": "/api/", "status": 502, "times": 99}], "error 502", False),
    "wrong length": ([{"kind": "wrong-length", "path": "/cdn/"}], "", True),
    "wrong bytes": ([{"kind": "wrong-bytes", "path": "/cdn/"}], "checksum", False),
    "range ignored": ([CUT, {"kind": "ignore-range", "path": "/cdn/", "times": 99}], "", True),
    "redirect loop": ([{"kind": "redirect-loop", "path": "/resolve/", "times": 99}], "circle", False),
    "bad JSON": ([{"kind": "bad-json", "path": "/api/", "times": 99}], "cannot read", False),
    "gone": ([{"kind": "status", "path": "/resolve/", "status": 404, "times": 99}], "not on the Hub", False),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_faults(name: str, hub: HubServer, repo: Repo, service: DownloadService, tmp_path: Path) -> None:
    faults, words, ends_well = FAULTS[name]
    for fault in faults:
        hub.fail(**fault)
    told: list[DownloadState] = []
    service.subscribe(told.append)
    download = service.start("owner/model", [FILE], name="x")
    state = service.wait(download, WAIT)
    assert state.phase == ("finished" if ends_well else "failed"), state
    assert len(right_or_absent(tmp_path)) == ends_well
    said = [heard.message for heard in told if heard.message]
    assert any(words in sentence for sentence in said) if words else True, said
    assert all(heard.hint for heard in told if heard.message)
    hub.heal()
    service.resume(download)
    assert service.wait(download, WAIT).phase == "finished"
    assert len(right_or_absent(tmp_path)) == 1


def test_a_changed_file_is_one_version(hub: HubServer, repo: Repo, service: DownloadService, tmp_path: Path) -> None:
    hub.fail(**CUT)
    service.subscribe(lambda state: change(hub) if state.phase == "waiting" else None)
    state = service.wait(service.start("owner/model", [FILE], name="x"), WAIT)
    assert state.phase == "finished" and "changed on the Hub" in state.notice
    (path,) = right_or_absent(tmp_path)
    assert path.read_bytes() == OTHER


@pytest.mark.parametrize("fault", [{"kind": "bad-json"}, {"kind": "redirect-loop"}, {"kind": "status", "status": 500}])
def test_a_search_says_what_is_wrong(fault: dict[str, Any], hub: HubServer, repo: Repo) -> None:
    hub.fail(path="/api/", times=99, **fault)
    client = HubClient(endpoint=hub.endpoint, token=lambda: None)
    with pytest.raises(HubError) as refused:
        client.json("/api/models")
    assert refused.value.message and refused.value.hint


def test_the_command_through_many_cuts(
    hub: HubServer, repo: Repo, heft_home: Path, tmp_path: Path, rounds: Callable[[int, int], int]
) -> None:
    """The real program; each cut comes after 2 to 7% of the file."""
    cuts = rounds(4, 20)
    chance = random.Random(7)
    for _ in range(cuts):
        hub.fail("cut", "/cdn/", after=chance.randrange(80_000, 190_000))
    around = {**os.environ, "HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "0"}
    command = [sys.executable, "-P", "-m", "desktop", "download", "owner/model", FILE, "--json"]
    done = subprocess.run(command, env=around, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    json.loads(done.stdout)
    (path,) = right_or_absent(tmp_path)
    assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(MODEL).digest()
    assert len(hub.requests("/cdn/")) == cuts + 1
    assert hub.sent_bytes("/cdn/") < 1.05 * len(MODEL)
