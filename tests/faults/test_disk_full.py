"""A full disk: a clear message, nothing corrupt, and it goes on when there is room.

On a small file system in memory, for which a test has to be root; elsewhere a limit on the size of files stands in.
"""

from __future__ import annotations

import contextlib
import random
import resource
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.desk import Desk
from support.hub_server import BytesContent, HubServer, Repo, online

from desktop.core.errors import HeftError, StoreError
from desktop.hub.client import HubClient
from desktop.hub.search import HubSearch
from desktop.services.chat.events import ChatFailed, TextAdded
from desktop.services.models import downloads_job
from desktop.services.models.downloads import DownloadService
from desktop.store.chats import ChatStore
from desktop.store.options import LAST_MODEL
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore

DISK_BYTES = 6_000_000
MODEL = random.Random(4).randbytes(5_000_000)
WAIT = 20.0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)], capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("only root may mount a small file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path, leave: int = 0) -> Path:
    """Take all room but ``leave`` bytes; the file that takes it."""
    ballast = disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("ab", buffering=0) as file:
        while True:
            file.write(bytes(65536))
    with ballast.open("r+b") as file:
        file.truncate(max(0, ballast.stat().st_size - leave))
    return ballast


def sound(database: Path) -> None:
    with contextlib.closing(sqlite3.connect(database)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_settings(disk: Path) -> None:
    settings = SettingsStore(disk / "settings.json")
    settings.update(last_model="before")
    ballast = fill(disk)
    with pytest.raises(StoreError) as refused:
        settings.update(last_model="x" * 20_000)
    assert "No space left" in refused.value.message and "space" in refused.value.hint
    assert settings.get(LAST_MODEL) == "before"
    assert [path.name for path in disk.iterdir()] != [] and not list(disk.glob(".settings-*"))
    ballast.unlink()
    assert settings.update(last_model="after").get(LAST_MODEL) == "after"


def test_chats(disk: Path) -> None:
    store = ChatStore(disk / "chats.sqlite3")
    chat = store.create(title="kept")
    first = store.add(chat.id, None, "user", "a question that was saved")
    ballast = fill(disk)
    with pytest.raises(StoreError) as refused:
        for _ in range(50):
            store.add(chat.id, first.id, "user", "x" * 50_000)
    assert "full" in refused.value.message and "free space" in refused.value.hint
    assert store.message(first.id).content == "a question that was saved"  # reading goes on
    ballast.unlink()
    later = store.add(chat.id, first.id, "user", "there is room again")
    store.close()
    sound(disk / "chats.sqlite3")
    again = ChatStore(disk / "chats.sqlite3")
    assert again.message(later.id).content == "there is room again"
    again.close()


@pytest.mark.engine
def test_an_answer_that_cannot_be_saved_says_so(disk: Path, small_model: Path) -> None:
    desk = Desk(Paths(disk, disk / "cache"))
    try:
        assert desk.load(small_model, context_length=512).phase == "ready"
        chat = desk.new_chat(max_tokens=0)
        desk.chat.send(chat, "Tell me of the sea.")
        ballast = fill(disk)
        received = ""
        while not isinstance(event := desk.events.get(timeout=WAIT), ChatFailed):
            received += event.text if isinstance(event, TextAdded) else ""
        assert "full" in event.error.message and event.error.hint
        with pytest.raises(StoreError):  # still no room: refused before anything is begun
            desk.chat.send(chat, "And now?")
        ballast.unlink()
        later = desk.new_chat(max_tokens=4)
        desk.chat.send(later, "And now?")
        assert desk.answered().content
        assert desk.store.messages(chat)[1].content == received  # nothing of the long answer is missing
    finally:
        desk.close()
    sound(disk / "chats.sqlite3")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    with HubServer([Repo("owner/model", {"m-Q4_K_M.gguf": BytesContent(MODEL)})]) as server, online(monkeypatch):
        yield server


@pytest.fixture
def service(hub: HubServer, paths: Paths, tmp_path: Path) -> Iterator[DownloadService]:
    client = HubClient(endpoint=hub.endpoint, token=lambda: None)
    made = DownloadService(
        paths, client, HubSearch(client, paths.cache / "hub"), cache=tmp_path / "hf", first_wait=0.01
    )
    yield made
    made.close()


def test_a_download(disk: Path, service: DownloadService, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk fills up after the check at the begin: what arrived stays and is continued."""
    monkeypatch.setattr(downloads_job, "RESERVE", 0)
    ballast = fill(disk, leave=3_000_000)
    seen = shutil.disk_usage(disk)
    download = service.start("owner/model", ["m-Q4_K_M.gguf"], name="x", folder=disk / "to")
    state = service.wait(download, WAIT)
    assert (state.phase, state.kind) == ("paused", "disk-full") and "free" in state.message and state.hint
    assert hub.sent_bytes("/cdn/") == 0, seen  # seen before anything was fetched

    monkeypatch.setattr(shutil, "disk_usage", lambda _: seen._replace(free=10**9))  # taken meanwhile
    service.resume(download)
    state = service.wait(download, WAIT)
    assert (state.phase, state.kind) == ("paused", "disk-full") and "full" in state.message
    (part,) = disk.rglob("*.incomplete")
    assert part.stat().st_size > 2_000_000

    ballast.unlink()
    service.resume(download)
    state = service.wait(download, WAIT)
    assert state.phase == "finished" and state.resumed_bytes > 2_000_000
    assert (disk / "to" / "m-Q4_K_M.gguf").read_bytes() == MODEL


@contextlib.contextmanager
def file_limit(size: int) -> Iterator[None]:
    """Files of this process may not grow beyond ``size`` bytes, as on FAT beyond 4 GB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_system_that_takes_no_larger_files(service: DownloadService, tmp_path: Path) -> None:
    download = service.start("owner/model", ["m-Q4_K_M.gguf"], name="x", folder=tmp_path / "to")
    service.pause(download)
    service.wait(download, WAIT)
    with file_limit(2_000_000):
        service.resume(download)
        state = service.wait(download, WAIT)
    assert state.phase in ("paused", "failed")
    assert "large" in state.message and state.hint
    assert not (tmp_path / "to" / "m-Q4_K_M.gguf").exists()
    service.resume(download)
    assert service.wait(download, WAIT).phase == "finished"


def test_chats_and_settings_beyond_a_limit_stay_whole(paths: Paths) -> None:
    settings, store = SettingsStore(paths.settings), ChatStore(paths.chats)
    settings.update(last_model="before")
    chat = store.create(title="kept")
    with file_limit(200_000):
        with pytest.raises(HeftError):
            for _ in range(50):
                store.add(chat.id, None, "user", "x" * 50_000)
        with pytest.raises(HeftError):
            settings.update(last_model="x" * 300_000)
    assert settings.get(LAST_MODEL) == "before"
    assert store.add(chat.id, None, "user", "after").content == "after"
    store.close()
    sound(paths.chats)


@pytest.mark.engine
def test_logs_that_cannot_be_written_stop_nothing(desk: Desk, paths: Paths, small_model: Path) -> None:
    paths.logs.mkdir(parents=True)
    (paths.logs / "engine.log").symlink_to("/dev/full")
    state = desk.load(small_model)
    assert state.phase == "ready", state
    desk.chat.send(desk.new_chat(max_tokens=4), "Hello")
    assert desk.answered().state == "length"
