"""The report for an issue: what has to be in it, and that nothing of who somebody is or what was said is."""

from __future__ import annotations

import json
import socket
import zipfile
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from support.published import profile

from desktop.core.errors import EngineError, StoreError
from desktop.core.failures import FailureKind
from desktop.core.hardware import Machine
from desktop.engine.api import Hello
from desktop.services.report import write_report
from desktop.store import options
from desktop.store.chats import ChatStore
from desktop.store.options import Preset
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore

NAME, HOST, TOKEN, KEYRING = "annabel", "annas-laptop", "hf_plantedInTheLog0123", "a-mirror's-own-token-0123456789"
CHAT = "zanzibarmark"
OTHERS = (
    "/home/bertram/models/x.gguf", "/Users/carlotta/x.gguf", r"C:\Users\dagobert\x.gguf", "/media/emilia/disk/x.gguf",
)  # fmt: skip


@pytest.fixture
def planted(tmp_path: Path, paths: Paths, monkeypatch: pytest.MonkeyPatch) -> Paths:
    """A user with a name, in whose folders everything lies that must not be told."""
    home = tmp_path / NAME
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USER", NAME)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(socket, "gethostname", lambda: f"{HOST}.example")
    settings = SettingsStore(paths.settings)
    settings.set(options.LIBRARY_FOLDERS, (str(home / "models"), "/srv/secret-project"))
    settings.set(options.PROXY, f"http://{NAME}:wordthatpasses@proxy.example:3128")
    settings.set(options.LAST_MODEL, str(home / "secret-project.gguf"))
    settings.set(options.PRESETS, (Preset("Mine", system_prompt=CHAT),))
    settings.set(options.THREADS, 7)
    with closing(ChatStore(paths.chats)) as chats:
        chats.create(title=CHAT, system_prompt=CHAT)
    paths.logs.mkdir(parents=True)
    lines = [f"INFO desktop.x: {home}/models/a.gguf of {NAME.title()} on {HOST}", f"Bearer {TOKEN}", KEYRING, *OTHERS]
    for name in ("heft.log", "heft.log.1", "engine.log", "planner.log", "crash-window-1-20260101-000000.txt"):
        (paths.logs / name).write_text("\n".join(lines))
    return paths


def _read(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def _hello() -> Hello:
    known = {"pid": 1, "version": "llama.cpp 1", "backends": ["cpu"], "features": [], "devices": []}
    return msgspec.convert({**known, "architectures": []}, Hello)


def _machine() -> Machine:
    return msgspec.structs.replace(profile("rtx-4060-8gb"), notes=(f"{Path.home()}/x on {HOST}",))


def test_nothing_says_who_it_was_or_what_was_said(planted: Paths, tmp_path: Path) -> None:
    found = _read(write_report(planted, tmp_path / "out", _machine, _hello, KEYRING))
    whole = "\n".join(found.values()).lower()
    for word in (NAME, HOST, TOKEN, KEYRING, CHAT, "bertram", "carlotta", "dagobert", "emilia", "secret-project",
                 "wordthatpasses", "proxy.example"):  # fmt: skip
        assert word.lower() not in whole, word
    assert "~/models/a.gguf of user on host" in whole and "/home/user/models/x.gguf" in whole


def test_what_a_developer_asks_for_is_in_it(planted: Paths, tmp_path: Path) -> None:
    path = write_report(planted, tmp_path / "out", _machine, _hello, None)
    found = _read(path)
    assert {"logs/heft.log", "logs/heft.log.1", "logs/engine.log", "logs/planner.log",
            "crashes/crash-window-1-20260101-000000.txt"} < set(found)  # fmt: skip
    versions = json.loads(found["versions.json"])
    assert versions["engine"]["version"] == "llama.cpp 1" and versions["python"].startswith("3.")
    assert json.loads(found["machine.json"])["gpus"]
    settings = json.loads(found["settings.json"])
    assert settings["threads"] == 7 and settings["library_folders"] == settings["proxy"] == "[removed]"
    assert write_report(planted, tmp_path / "out", _machine, _hello, None) != path


def test_an_engine_that_does_not_start_is_told_of(paths: Paths, tmp_path: Path) -> None:
    def fails() -> Hello:
        raise EngineError("The engine did not answer.", "Start Heft again.", kind=FailureKind.NO_ANSWER)

    found = _read(write_report(paths, tmp_path, lambda: profile("rtx-4060-8gb"), fails, None))
    assert json.loads(found["versions.json"])["engine"]["error"]["kind"] == "no-answer"


def test_a_folder_that_takes_nothing_is_said(paths: Paths, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="could not be written"):
        write_report(paths, tmp_path / "file", _machine, _hello, None)
