"""Settings survive: round trips, migrations, damaged and newer files, interrupted writes, several threads."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from desktop.core.errors import StoreError
from desktop.store.settings import SCHEMA_VERSION, Preset, SettingsData, SettingsStore, WindowGeometry


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "below" / "settings.json"


def test_defaults_without_a_file_and_nothing_is_written(path: Path) -> None:
    assert SettingsStore(path).load() == SettingsData()
    assert not path.parent.exists()


def test_round_trip_through_another_store(path: Path) -> None:
    wanted = SettingsStore(path).update(
        theme="dark",
        window=WindowGeometry(10, -20, 1280, 800, maximized=True),
        last_model="/models/ü ö.gguf",
        library_folders=("/a", "/b c"),
        presets=(Preset("Strict", "Be brief.", {"temperature": 0.0, "top_k": 1, "seed": None}, 64),),
    )
    assert SettingsStore(path).load() == wanted
    assert wanted.library_folders == ("/a", "/b c")
    assert wanted.presets[0].sampling == {"temperature": 0.0, "top_k": 1, "seed": None}


def test_update_changes_only_what_it_names(path: Path) -> None:
    store = SettingsStore(path)
    store.update(theme="light", last_model="x.gguf")
    assert store.update(theme="dark").last_model == "x.gguf"


def test_file_carries_the_schema_version_and_can_be_read_by_people(path: Path) -> None:
    SettingsStore(path).update(theme="dark")
    text = path.read_text(encoding="utf-8")
    assert json.loads(text)["schema_version"] == SCHEMA_VERSION
    assert len(text.splitlines()) > 3


def test_file_without_a_version_is_migrated(path: Path) -> None:
    path.parent.mkdir()
    path.write_text('{"theme": "dark", "unknown": 1}', encoding="utf-8")
    assert SettingsStore(path).load() == SettingsData(theme="dark")


@pytest.mark.parametrize(
    "damaged",
    [b"", b"{", b"[]", b"\xff\xfe", b'{"theme": "purple"}', b'{"schema_version": "one"}', b'{"window": {"x": 1}}'],
)
def test_damaged_file_is_kept_aside_and_defaults_are_used(path: Path, damaged: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(damaged)
    store = SettingsStore(path)
    assert store.load() == SettingsData()
    assert path.with_name("settings.json.broken").read_bytes() == damaged
    assert not path.exists()
    assert store.update(theme="dark").theme == "dark"


def test_file_of_a_newer_heft_is_read_and_a_copy_kept(path: Path) -> None:
    path.parent.mkdir()
    newer = json.dumps({"schema_version": SCHEMA_VERSION + 1, "theme": "dark", "from_the_future": True})
    path.write_text(newer, encoding="utf-8")
    store = SettingsStore(path)
    assert store.load().theme == "dark"
    store.update(theme="light")
    assert path.with_name("settings.json.newer").read_text(encoding="utf-8") == newer


def test_unknown_field_and_wrong_value_are_refused_and_nothing_is_written(path: Path) -> None:
    store = SettingsStore(path)
    before = store.update(theme="dark")
    with pytest.raises(TypeError):
        store.update(colour="red")
    with pytest.raises(TypeError):
        store.update(theme="purple")
    assert store.load() == before


def test_interrupted_write_leaves_the_old_file_and_no_litter(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SettingsStore(path)
    before = store.update(theme="dark")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        store.update(theme="light")
    assert store.load() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["settings.json"]


def test_unreadable_file_is_an_error_in_words(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(StoreError) as caught:
        SettingsStore(path).load()
    assert caught.value.hint
    assert str(path) in caught.value.detail


def test_updates_from_several_threads_do_not_lose_one_another(path: Path) -> None:
    store = SettingsStore(path)

    def add(name: str) -> None:
        for number in range(10):
            with_lock = store.load  # a reader in between must always see a whole file
            with_lock()
            store.update(**{name: f"{name}-{number}"})

    threads = [threading.Thread(target=add, args=(name,)) for name in ("last_model", "last_page")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.load() == SettingsData(last_model="last_model-9", last_page="last_page-9")
