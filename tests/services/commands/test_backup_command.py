"""``heft backup`` and ``heft restore``, as a person types them."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from desktop.cli import main
from desktop.store import options
from desktop.store.chats import ChatStore
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore


def test_a_backup_is_written_looked_at_and_restored(
    paths: Paths, tmp_path: Path, heft_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(ChatStore(paths.chats)) as store:
        store.add(store.create("Tides").id, None, "user", "Why?")
    SettingsStore(paths.settings).set(options.THEME, "dark")
    target = tmp_path / "b.zip"
    assert main(["backup", str(target)]) == 0
    assert "1 chats" in (told := capsys.readouterr().out) and "Models, tokens and passwords are not." in told
    assert main(["backup", str(target), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "file-exists"
    assert main(["backup", str(target), "--force", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["chats"] == 1

    with closing(ChatStore(paths.chats)) as store:
        store.delete(store.chats()[0].id)
        store.purge()
    SettingsStore(paths.settings).set(options.THEME, "light")
    assert main(["restore", str(target), "--check"]) == 0
    told = capsys.readouterr().out
    assert "Adds 1 chat." in told and "Replaces 1 setting." in told and "Nothing was changed yet." in told
    with closing(ChatStore(paths.chats)) as store:
        assert store.chats() == []
    assert main(["restore", str(target), "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert (done["restored"], done["chats_added"], done["settings_changed"]) == (True, 1, 1)
    with closing(ChatStore(paths.chats)) as store:
        assert [chat.title for chat in store.chats()] == ["Tides"]
    assert SettingsStore(paths.settings).get(options.THEME) == "dark"
    assert main(["restore", str(target)]) == 0
    told = capsys.readouterr().out
    assert "1 chat is here already and stays as it is." in told and "The settings are the same." in told


def test_a_file_that_is_no_backup_is_said_so(
    tmp_path: Path, heft_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "b.zip").write_bytes(b"no zip")
    assert main(["restore", str(tmp_path / "b.zip"), "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["kind"] == "bad-backup" and "b.zip" in error["message"] and error["hint"]
