"""Settings survive: round trips, migrations, damaged and newer files, interrupted writes, several threads."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import cast

import pytest

from desktop.core.errors import StoreError, UsageError
from desktop.store import options
from desktop.store.options import Option, Preset, WindowGeometry
from desktop.store.settings import ANOTHER_PROGRAM, SCHEMA_VERSION, SettingsData, SettingsStore


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
    assert wanted.get(options.LIBRARY_FOLDERS) == ("/a", "/b c")
    assert wanted.get(options.WINDOW) == WindowGeometry(10, -20, 1280, 800, maximized=True)
    assert wanted.get(options.PRESETS)[0].sampling == {"temperature": 0.0, "top_k": 1, "seed": None}


def test_update_changes_only_what_it_names(path: Path) -> None:
    store = SettingsStore(path)
    store.update(theme="light", last_model="x.gguf")
    assert store.update(theme="dark").get(options.LAST_MODEL) == "x.gguf"


def test_file_carries_the_schema_version_and_can_be_read_by_people(path: Path) -> None:
    SettingsStore(path).update(theme="dark")
    text = path.read_text(encoding="utf-8")
    assert json.loads(text)["schema_version"] == SCHEMA_VERSION
    assert len(text.splitlines()) > 3


def test_file_without_a_version_is_migrated(path: Path) -> None:
    path.parent.mkdir()
    path.write_text('{"theme": "dark", "unknown": 1}', encoding="utf-8")
    assert SettingsStore(path).load() == SettingsData({"theme": "dark"})


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
    assert store.update(theme="dark").get(options.THEME) == "dark"


def test_file_of_a_newer_heft_is_read_and_a_copy_kept(path: Path) -> None:
    path.parent.mkdir()
    newer = json.dumps({"schema_version": SCHEMA_VERSION + 1, "theme": "dark", "from_the_future": True})
    path.write_text(newer, encoding="utf-8")
    store = SettingsStore(path)
    assert store.get(options.THEME) == "dark"
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
            store.update(**{name: f"/{name}-{number}"})

    threads = [threading.Thread(target=add, args=(name,)) for name in ("last_model", "download_folder")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.load() == SettingsData({"last_model": "/last_model-9", "download_folder": "/download_folder-9"})


def test_only_what_differs_from_the_defaults_is_written(path: Path) -> None:
    store = SettingsStore(path)
    store.set(options.THEME, "dark")
    store.set(options.THREADS, 4)
    store.reset(options.THEME)
    assert json.loads(path.read_bytes()) == {"schema_version": SCHEMA_VERSION, "threads": 4}
    assert store.load().is_default(options.THEME) and not store.load().is_default(options.THREADS)


def test_keys_of_a_newer_heft_survive_also_values_that_only_it_takes(path: Path) -> None:
    path.parent.mkdir()
    newer = {"schema_version": SCHEMA_VERSION + 1, "theme": "sepia", "from_the_future": {"a": [1]}, "threads": 3}
    path.write_text(json.dumps(newer), encoding="utf-8")
    store = SettingsStore(path)
    assert (store.get(options.THEME), store.get(options.THREADS)) == ("system", 3)
    store.set(options.THREADS, 5)
    kept = json.loads(path.read_bytes())
    assert (kept["from_the_future"], kept["theme"], kept["threads"]) == ({"a": [1]}, "sepia", 5)
    store.set(options.THEME, "dark")
    assert json.loads(path.read_bytes())["theme"] == "dark"


def test_what_the_first_schema_remembered_in_vain_is_dropped(path: Path) -> None:
    path.parent.mkdir()
    path.write_text('{"schema_version": 1, "last_page": "chat", "theme": "dark", "window": null}', encoding="utf-8")
    store = SettingsStore(path)
    store.set(options.THREADS, 2)
    kept = {"schema_version": SCHEMA_VERSION, "theme": "dark", "threads": 2}
    assert json.loads(path.read_bytes()) == kept


def test_changes_are_told_with_who_made_them(path: Path) -> None:
    store, told = SettingsStore(path), list[tuple[str, object, object, object]]()
    stop = store.subscribe(lambda change: told.append((change.option.key, change.old, change.new, change.by)))
    store.set(options.THEME, "dark", by="a page")
    store.set(options.THEME, "dark", by="a page")  # nothing changes
    assert told == [("theme", "system", "dark", "a page")]
    SettingsStore(path).set(options.THEME, "light")  # as another process does
    assert len(told) == 1
    assert store.get(options.LOAD_AT_START) is True  # any question reads what it wrote
    assert told[1:] == [("theme", "dark", "light", ANOTHER_PROGRAM)]
    stop()
    store.reset(options.THEME)
    assert len(told) == 2


def test_each_value_that_an_option_does_not_take_is_refused_with_what_it_takes(path: Path) -> None:
    store = SettingsStore(path)
    for option, value in ((options.THREADS, -1), (options.THREADS, True), (options.RAM_RESERVE, 1.5),
                          (options.DOWNLOAD_FOLDER, "relative"), (options.HUB_ENDPOINT, "hub.example"),
                          (options.PROXY, "http://host"), (options.LOAD_AT_START, 1)):  # fmt: skip
        with pytest.raises(UsageError) as caught:
            store.set(cast(Option[object], option), value)
        assert caught.value.hint == f"It takes {option.kind.accepts}."
    assert not path.exists()
