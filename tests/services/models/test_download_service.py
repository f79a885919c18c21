"""Downloads from the local Hub: through faults, restarts and kill -9, with bytes counted on the server's side."""

import errno
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from support.downloading import WAIT, heard_until
from support.hub_server import BytesContent, HubServer, Repo

from desktop.hub import transfer
from desktop.hub.client import HubClient
from desktop.hub.search import HubSearch
from desktop.services.models.downloads import DownloadService, DownloadState
from desktop.store.paths import Paths

MODEL = random.Random(1).randbytes(3_000_000)
OTHER = random.Random(2).randbytes(3_000_000)
COMMIT, NEXT_COMMIT = "a" * 40, "b" * 40


@pytest.fixture
def repo(hub: HubServer) -> Repo:
    files = {"m-Q4_K_M.gguf": BytesContent(MODEL), "m-Q8_0.gguf": BytesContent(OTHER), "README.md": BytesContent(b"hi")}
    return hub.add(Repo("owner/model", dict(files), commit=COMMIT))


def halfway(state: DownloadState) -> bool:
    return state.phase == "downloading" and state.done_bytes > 0


def test_into_the_cache_as_other_tools_find_it(
    hub: HubServer, repo: Repo, service: DownloadService, cache: Path
) -> None:
    from huggingface_hub import scan_cache_dir, try_to_load_from_cache

    state = service.wait(service.start("owner/model", ["m-Q4_K_M.gguf", "README.md"], name="Q4_K_M"), WAIT)
    assert (state.phase, state.message) == ("finished", "")
    model, readme = state.files
    assert model.local is not None and model.local.read_bytes() == MODEL
    assert (model.verified, model.sha256) == (True, hashlib.sha256(MODEL).hexdigest())
    assert readme.local is not None and readme.local.read_bytes() == b"hi" and readme.verified
    assert try_to_load_from_cache("owner/model", "m-Q4_K_M.gguf", cache_dir=cache) == str(model.local)
    (known,) = scan_cache_dir(cache).repos
    assert known.repo_id == "owner/model" and known.nb_files == 2
    assert hub.sent_bytes("/cdn/") == len(MODEL)
    assert (state.done_bytes, state.total_bytes, state.resumed_bytes) == (3_000_002, 3_000_002, 0)


def test_what_is_there_is_not_fetched_again(hub: HubServer, repo: Repo, make: Callable[..., DownloadService]) -> None:
    first, second = make(), make()
    first.wait(first.start("owner/model", ["m-Q4_K_M.gguf"], name="x"), WAIT)
    hub.exchanges.clear()
    state = second.wait(second.start("owner/model", ["m-Q4_K_M.gguf"], name="x"), WAIT)
    assert state.phase == "finished" and hub.requests("/resolve/") == []
    assert state.resumed_bytes == len(MODEL)


def test_into_a_folder(repo: Repo, service: DownloadService, tmp_path: Path) -> None:
    state = service.wait(service.start("owner/model", ["m-Q4_K_M.gguf"], name="x", folder=tmp_path / "to"), WAIT)
    assert state.files[0].local == tmp_path / "to" / "m-Q4_K_M.gguf"
    assert [path.name for path in (tmp_path / "to").iterdir()] == ["m-Q4_K_M.gguf"]
    assert (tmp_path / "to" / "m-Q4_K_M.gguf").read_bytes() == MODEL


def test_another_file_of_that_name_is_left_alone(repo: Repo, service: DownloadService, tmp_path: Path) -> None:
    (tmp_path / "m-Q4_K_M.gguf").write_bytes(b"mine")
    state = service.wait(service.start("owner/model", ["m-Q4_K_M.gguf"], name="x", folder=tmp_path), WAIT)
    assert (state.phase, state.kind) == ("failed", "file-exists")
    assert (tmp_path / "m-Q4_K_M.gguf").read_bytes() == b"mine"


@pytest.mark.parametrize("fault", [{"kind": "cut", "after": 700_000}, {"kind": "stall", "after": 700_000}])
def test_broken_and_stalled_connections_go_on(
    hub: HubServer, repo: Repo, service: DownloadService, fault: dict[str, Any]
) -> None:
    hub.fail(path="/cdn/", times=3, **fault)
    waited = heard_until(service, lambda state: state.phase == "waiting" and bool(state.message and state.hint))
    state = service.wait(service.start("owner/model", ["m-Q4_K_M.gguf"], name="x"), WAIT)
    assert state.phase == "finished" and waited.is_set()
    assert state.transferred_bytes <= len(MODEL) * 1.01
    assert hub.sent_bytes("/cdn/") <= len(MODEL) * 1.01


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "status", "status": 503, "path": "/resolve/"}, ""),
        ({"kind": "status", "status": 429, "path": "/cdn/", "headers": {"Retry-After": "0"}}, ""),
        ({"kind": "wrong-length", "path": "/cdn/"}, ""),
        ({"kind": "status", "status": 404, "path": "/resolve/", "times": 9}, "repo-not-found"),
        ({"kind": "cut", "path": "/cdn/", "times": 99, "after": 5}, "interrupted"),
    ],
)
def test_tries_are_bounded(
    hub: HubServer, repo: Repo, service: DownloadService, fault: dict[str, Any], kind: str
) -> None:
    hub.fail(**fault)
    download = service.start("owner/model", ["m-Q4_K_M.gguf"], name="x")
    state = service.wait(download, WAIT)
    assert state.kind == kind
    assert state.phase == ("failed" if kind else "finished")
    hub.heal()
    service.resume(download)
    assert service.wait(download, WAIT).phase == "finished"


def test_the_wait_the_hub_asks_for_is_kept(hub: HubServer, repo: Repo, service: DownloadService) -> None:
    hub.fail("status", "/cdn/", status=429, headers={"Retry-After": "300"})
    hints: list[str] = []
    service.subscribe(lambda state: hints.append(state.hint) if state.phase == "waiting" else None)
    met = heard_until(service, lambda state: state.phase == "waiting")
    download = service.start("owner/model", ["m-Q4_K_M.gguf"], name="x")
    assert met.wait(WAIT)
    service.pause(download)
    assert service.wait(download, WAIT).phase == "paused"
    assert hints == ["Trying again in 300 s."]


def test_a_wrong_checksum_keeps_nothing(hub: HubServer, repo: Repo, service: DownloadService, cache: Path) -> None:
    hub.fail("wrong-bytes", "/cdn/")
    download = service.start("owner/model", ["m-Q4_K_M.gguf"], name="x")
    state = service.wait(download, WAIT)
    assert (state.phase, state.kind) == ("failed", "checksum")
    assert [path for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock"] == []
    service.resume(download)
    assert service.wait(download, WAIT).phase == "finished"


def test_pause_and_resume_without_a_byte_twice(
    hub: HubServer, repo: Repo, make: Callable[..., DownloadService]
) -> None:
    service = make()
    hub.bytes_per_second = 4_000_000
    met = heard_until(service, halfway)
    download = service.start("owner/model", ["m-Q4_K_M.gguf"], name="x")
    assert met.wait(WAIT)
    service.pause(download)
    assert service.state(download).phase == "paused"
    assert service.wait(download, WAIT).phase == "paused"
    service.close()
    again = make()
    again.restore()
    assert again.state(download).phase == "paused"  # a pause holds over a restart
    hub.bytes_per_second = None
    again.resume(download)
    state = again.wait(download, WAIT)
    assert state.phase == "finished"
    assert state.resumed_bytes > 0
    assert state.resumed_bytes + state.transferred_bytes == len(MODEL)


def test_resume_at_once_after_pause(hub: HubServer, repo: Repo, service: DownloadService) -> None:
    hub.bytes_per_second = 4_000_000
    met = heard_until(service, halfway)
    download = service.start("owner/model", ["m-Q4_K_M.gguf"], name="x")
    assert met.wait(WAIT)
    for _ in range(20):
        service.pause(download)
        service.resume(download)
    hub.bytes_per_second = None
    assert service.wait(download, WAIT).phase == "finished"


def test_pause_does_not_wait_for_a_silent_server(hub: HubServer, repo: Repo, paths: Paths, cache: Path) -> None:
    client = HubClient(endpoint=hub.endpoint, token=lambda: None, read_seconds=3600.0)
    service = DownloadService(paths, client, HubSearch(client, paths.cache / "hub"), cache=cache)
    hub.fail("stall", "/cdn/", after=700_000)
    download = service.start("owner/model", ["m-Q4_K_M.gguf"], name="x")
    stalled = hub.stalled.wait(WAIT)
    service.pause(download)
    assert stalled and service.wait(download, WAIT).phase == "paused"
    service.resume(download)
    state = service.wait(download, WAIT)
    assert state.phase == "finished" and state.resumed_bytes + state.transferred_bytes == len(MODEL)
    service.close()


def test_cancel_leaves_nothing(hub: HubServer, repo: Repo, service: DownloadService, cache: Path, paths: Paths) -> None:
    hub.bytes_per_second = 2_000_000
    met, gone = heard_until(service, halfway), heard_until(service, lambda state: state.phase == "cancelled")
    download = service.start("owner/model", ["m-Q4_K_M.gguf"], name="x")
    assert met.wait(WAIT)
    service.cancel(download)
    assert gone.is_set()
    service.close()
    assert service.states() == ()
    assert [path for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock"] == []
    assert list((paths.data / "downloads").glob("*.json")) == []


def test_cancel_leaves_alone_what_another_download_fetches(
    hub: HubServer, repo: Repo, service: DownloadService, cache: Path
) -> None:
    """Variants share a projector: cancelling one must not take it from under the other."""
    shared = BytesContent(MODEL)
    part = cache / "models--owner--model" / "blobs" / f"{shared.sha256}.heft.incomplete"
    lock = cache / ".locks" / "models--owner--model" / f"{shared.sha256}.lock"
    met = heard_until(service, halfway)
    hub.bytes_per_second = 2_000_000
    download = service.start("owner/model", ["m-Q4_K_M.gguf"], name="x")
    assert met.wait(WAIT)
    service.pause(download)
    service.wait(download, WAIT)
    with FileLock(lock, timeout=WAIT):
        service.cancel(download)
        assert part.exists()
    assert service.states() == ()


def test_a_file_changed_between_pause_and_resume_starts_again_and_says_why(
    hub: HubServer, repo: Repo, service: DownloadService, cache: Path
) -> None:
    hub.bytes_per_second = 4_000_000
    met = heard_until(service, halfway)
    download = service.start("owner/model", ["m-Q4_K_M.gguf"], name="x")
    assert met.wait(WAIT)
    service.pause(download)
    service.wait(download, WAIT)
    repo.files["m-Q4_K_M.gguf"], repo.commit = BytesContent(OTHER), NEXT_COMMIT
    hub.bytes_per_second = None
    service.resume(download)
    state = service.wait(download, WAIT)
    assert state.phase == "finished" and "changed on the Hub" in state.notice
    local = state.files[0].local
    assert local is not None and local.read_bytes() == OTHER and NEXT_COMMIT in local.parts
    assert list(cache.rglob("*.incomplete")) == []


def test_a_repo_that_changes_under_the_download_ends_as_one_version(
    hub: HubServer, repo: Repo, service: DownloadService
) -> None:
    hub.fail("cut", "/cdn/", after=1_000_000)

    def change(state: DownloadState) -> None:
        if state.phase == "waiting":
            repo.files["m-Q4_K_M.gguf"], repo.commit = BytesContent(OTHER[::-1]), NEXT_COMMIT

    service.subscribe(change)
    state = service.wait(service.start("owner/model", ["m-Q8_0.gguf", "m-Q4_K_M.gguf"], name="x"), WAIT)
    assert state.phase == "finished" and "changed on the Hub" in state.notice
    first, second = (file.local for file in state.files)
    assert first is not None and second is not None
    assert first.read_bytes() == OTHER and second.read_bytes() == OTHER[::-1]
    assert first.parent == second.parent and NEXT_COMMIT in first.parts


def test_a_server_that_ignores_ranges_still_ends_well(hub: HubServer, repo: Repo, service: DownloadService) -> None:
    hub.fail("cut", "/cdn/", after=1_000_000)
    hub.fail("ignore-range", "/cdn/", times=99)
    state = service.wait(service.start("owner/model", ["m-Q4_K_M.gguf"], name="x"), WAIT)
    assert state.phase == "finished"
    assert state.files[0].local is not None and state.files[0].local.read_bytes() == MODEL


def test_a_full_disk_is_seen_before(
    repo: Repo, service: DownloadService, monkeypatch: pytest.MonkeyPatch, hub: HubServer
) -> None:
    class Usage:
        free = 1_000_000

    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage)
    state = service.wait(service.start("owner/model", ["m-Q4_K_M.gguf"], name="x"), WAIT)
    assert (state.phase, state.kind) == ("paused", "disk-full")
    assert "1.0 MB free" in state.message and state.hint.startswith("Free ")
    assert hub.requests("/resolve/") == []


def test_a_disk_that_fills_up_pauses_and_goes_on_where_it_was(
    repo: Repo, service: DownloadService, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, written = transfer._write, 0

    def limited(part: Any, data: memoryview, digest: Any) -> None:
        nonlocal written
        written += len(data)
        if written > 1_000_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(part, data, digest)

    monkeypatch.setattr(transfer, "_write", limited)
    download = service.start("owner/model", ["m-Q4_K_M.gguf"], name="x")
    state = service.wait(download, WAIT)
    assert (state.phase, state.kind) == ("paused", "disk-full")
    assert "full" in state.message and "Free up to" in state.hint
    monkeypatch.setattr(transfer, "_write", write)
    service.resume(download)
    state = service.wait(download, WAIT)
    assert state.phase == "finished" and state.resumed_bytes > 900_000
    assert state.resumed_bytes + state.transferred_bytes == len(MODEL)


def test_several_run_at_once_and_the_rest_waits(
    hub: HubServer, repo: Repo, make: Callable[..., DownloadService]
) -> None:
    service = make(parallel=2)
    names = [f"part-{number}.gguf" for number in range(4)]
    repo.files |= {name: BytesContent(MODEL[number * 100_000 :]) for number, name in enumerate(names)}
    hub.bytes_per_second = 8_000_000  # long enough for several to be under way at once
    most, lock = 0, threading.Lock()

    def count(_state: DownloadState) -> None:
        nonlocal most
        with lock:
            most = max(most, sum(state.active and state.phase != "queued" for state in service.states()))

    service.subscribe(count)
    downloads = [service.start("owner/model", [name], name=name) for name in names]
    assert [service.wait(download, WAIT).phase for download in downloads] == ["finished"] * 4
    assert most == 2


def test_the_same_order_twice_is_one_download(hub: HubServer, repo: Repo, service: DownloadService) -> None:
    first = service.start("owner/model", ["m-Q4_K_M.gguf"], name="x")
    assert service.start("owner/model", ["m-Q4_K_M.gguf"], name="x") == first
    service.wait(first, WAIT)
    assert len(service.states()) == 1
    assert hub.sent_bytes("/cdn/") == len(MODEL)


def test_a_path_out_of_the_folder_is_refused(repo: Repo, service: DownloadService, tmp_path: Path) -> None:
    repo.files["../../escape.gguf"] = BytesContent(b"x")
    state = service.wait(service.start("owner/model", ["../../escape.gguf"], name="x", folder=tmp_path / "to"), WAIT)
    assert (state.phase, state.kind) == ("failed", "unsafe-path")
    assert not list(tmp_path.rglob("escape*"))


def test_a_gated_repo_says_what_is_missing(hub: HubServer, repo: Repo, service: DownloadService) -> None:
    repo.fields["gated"] = "manual"
    state = service.wait(service.start("owner/model", ["m-Q4_K_M.gguf"], name="x"), WAIT)
    assert (state.phase, state.kind) == ("failed", "gated-no-token")


def test_without_links_the_file_lies_in_the_snapshot(
    repo: Repo, service: DownloadService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("a required privilege is not held by the client")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    state = service.wait(service.start("owner/model", ["m-Q4_K_M.gguf"], name="x"), WAIT)
    local = state.files[0].local
    assert state.phase == "finished" and local is not None
    assert not local.is_symlink() and local.read_bytes() == MODEL


KILLED = """
import sys
from pathlib import Path
from desktop.hub.client import HubClient
from desktop.hub.search import HubSearch
from desktop.services.models.downloads import DownloadService
from desktop.store.paths import default_paths
paths = default_paths()
client = HubClient(endpoint=sys.argv[1], token=lambda: None)
service = DownloadService(paths, client, HubSearch(client, paths.cache / "hub"), cache=Path(sys.argv[2]))
service.subscribe(lambda state: print(state.phase, state.done_bytes, flush=True))
service.wait(service.start("owner/model", ["m-Q4_K_M.gguf"], name="x"))
"""


def test_kill_9_loses_nothing(hub: HubServer, repo: Repo, make: Callable[..., DownloadService], cache: Path) -> None:
    hub.bytes_per_second = 3_000_000
    environment = {**os.environ, "HF_HUB_OFFLINE": "0"}
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, hub.endpoint, str(cache)], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            phase, done = line.split()
            if phase == "downloading" and int(done) > 500_000:
                process.send_signal(signal.SIGKILL)
                break
        process.wait()
    (part,) = cache.rglob("*.incomplete")
    arrived = part.stat().st_size
    assert arrived > 500_000
    hub.bytes_per_second = None
    service = make()
    service.restore()
    (state,) = service.states()
    state = service.wait(state.id, WAIT)
    assert state.phase == "finished"
    assert (state.resumed_bytes, state.transferred_bytes) == (arrived, len(MODEL) - arrived)
    assert state.files[0].local is not None and state.files[0].local.read_bytes() == MODEL
