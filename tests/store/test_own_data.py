"""Everything Heft keeps as one file, and what of it may be thrown away."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from desktop.core.errors import StoreError
from desktop.core.progress import unheard
from desktop.store import options
from desktop.store.chats import ChatStore
from desktop.store.own_data import clear_caches, export_everything, own_places, size_of
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore


def _chat(store: ChatStore, title: str, text: str) -> None:
    store.add(store.create(title).id, None, "user", text)


def test_the_export_holds_chats_also_while_they_are_written(paths: Paths, tmp_path: Path) -> None:
    SettingsStore(paths.settings).update(theme="dark", proxy="http://me:secret@proxy.example:3128")
    (paths.data / "library.json").write_text("{}")
    steps: list[float] = []
    with closing(ChatStore(paths.chats)) as store:  # open, with its newest pages still in the journal
        _chat(store, "First / question: what?", "hello")
        _chat(store, "", "again")
        size = export_everything(paths, tmp_path / "all.zip", lambda step: steps.append(step.fraction))
    assert size == (tmp_path / "all.zip").stat().st_size and steps == [0.5, 1.0]
    with zipfile.ZipFile(tmp_path / "all.zip") as found:
        names = found.namelist()
        assert {"settings.json", "library.json", "chats.sqlite3"} <= set(names)
        readable = [name for name in names if name.startswith("chats/")]
        assert any("First question what" in " ".join(name.split()) for name in readable) and len(readable) == 2
        assert "hello" in "".join(found.read(name).decode() for name in readable)
        assert b"secret" not in b"".join(found.read(name) for name in names)
        assert json.loads(found.read("settings.json"))["theme"] == "dark"
        (tmp_path / "copy.sqlite3").write_bytes(found.read("chats.sqlite3"))
    with closing(sqlite3.connect(tmp_path / "copy.sqlite3")) as copy:
        assert copy.execute("SELECT count(*) FROM chats").fetchone() == (2,)
    assert not list(tmp_path.glob(".heft-*"))


def test_an_export_that_fails_leaves_nothing(paths: Paths, tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        export_everything(paths, tmp_path / "no such folder" / "all.zip", unheard)
    assert caught.value.hint and list(tmp_path.iterdir()) == [paths.data]


def test_sizes_count_a_file_once(paths: Paths, tmp_path: Path) -> None:
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    (downloads / "blob").write_bytes(b"x" * 1000)
    (downloads / "same").hardlink_to(downloads / "blob")
    (downloads / "link").symlink_to(downloads / "blob")
    place = next(place for place in own_places(paths, downloads) if place.name == "downloads")
    assert 1000 <= size_of(place) < 2000
    assert size_of(place, lambda: True) == 0


def test_clearing_leaves_logs_models_and_what_an_engine_works_in(paths: Paths) -> None:
    for folder in (paths.logs, paths.scratch, paths.models, paths.cache / "hub", paths.remote_headers):
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(b"x" * 100)
    (paths.cache / "headers.json").write_bytes(b"x" * 50)
    SettingsStore(paths.settings).set(options.THEME, "dark")
    assert clear_caches(paths) == 250
    assert sorted(path.name for path in paths.cache.iterdir()) == ["engine", "logs"]
    assert (paths.models / "file").exists() and paths.settings.exists()
    assert clear_caches(paths) == 0
