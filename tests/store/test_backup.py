"""A full backup and its restore: whole or nothing, nothing of here lost, and what is damaged or newer is refused."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from desktop.core.answer_settings import AnswerSettings
from desktop.core.attachments import Enclosed
from desktop.core.errors import StoreError
from desktop.core.failures import FailureKind
from desktop.core.load_settings import LoadSettings
from desktop.store import options, restore
from desktop.store.backup import MANIFEST, write_backup
from desktop.store.chats import ChatStore, ModelView
from desktop.store.chats_schema import SCHEMA
from desktop.store.database import open_database
from desktop.store.ledger import KEPT_RUNS, Figures, Ledger, Run
from desktop.store.load_settings import LoadSettingsStore
from desktop.store.paths import Paths
from desktop.store.restore import look_at_backup, restore_backup
from desktop.store.settings import SettingsStore
from desktop.system.atomic import write_atomically

SECRET = "hunter2"


def paths_of(folder: Path) -> Paths:
    folder.mkdir(exist_ok=True)
    return Paths(data=folder, cache=folder / "cache")


def run(at: float) -> Run:
    return Run(at, "m", "e", "answer", "model", "/m.gguf", "f", "Q4_0", 512, "F16", 0, 2, Figures(measured_decode=at))


def chat_with(store: ChatStore, title: str, *texts: str) -> int:
    chat, above = store.create(title, "SmolLM2").id, None
    for number, text in enumerate(texts):
        above = store.add(chat, above, "assistant" if number % 2 else "user", text).id
    return chat


@pytest.fixture
def home(tmp_path: Path) -> Paths:
    """Data with something of everything."""
    paths = paths_of(tmp_path / "home")
    with closing(ChatStore(paths.chats)) as store:
        tides = chat_with(store, "Tides", "Why?", "The moon.")
        question = store.messages(tides)[0]
        store.add(tides, question.id, "assistant", "Another answer")
        store.select(store.siblings(store.messages(tides)[1].id)[0])
        store.update(tides, model_view=ModelView(hidden_to=question.id))
        store.order.move(tides, "Sea")
        store.order.tag(tides, ["work"])
        store.delete(chat_with(store, "Gone", "needle"))
    SettingsStore(paths.settings).change(
        {
            options.THEME: "dark",
            options.PROXY: f"http://me:{SECRET}@proxy.example:3128",
            options.PRESETS: (options.Preset("Mine", "Be brief."),),
        }
    )
    kept = LoadSettingsStore(paths.load_settings)
    kept.set("hf:a/b/c.gguf", LoadSettings(context=4096))
    kept.set_answers("hf:a/b/c.gguf", AnswerSettings(template="own"))
    with closing(Ledger(paths.ledger)) as ledger:
        for at in (1.0, 2.0, 3.0):
            ledger.add(run(at))
    return paths


@pytest.fixture
def backup(home: Paths, tmp_path: Path) -> Path:
    target = tmp_path / "backup.zip"
    write_backup(home, target)
    return target


def everything(paths: Paths) -> Any:
    """All that is kept, as a user would see it."""
    found: list[Any] = []
    if paths.chats.is_file():
        with closing(ChatStore(paths.chats)) as store:
            for chat in (*store.order.listed(), *store.order.listed("archive"), *store.order.listed("trash")):
                texts = [(message.role, message.content, message.sibling_count) for message in store.messages(chat.id)]
                found.append((replace(chat, id=0, model_view=ModelView()), texts))
            found.append(store.order.folders())
    found.append(SettingsStore(paths.settings).load().changed())
    found.append(paths.load_settings.read_bytes() if paths.load_settings.is_file() else b"")
    with closing(Ledger(paths.ledger)) as ledger:
        found.append(ledger.runs("m"))
    return found


def test_an_empty_computer_gets_everything_but_the_secrets(home: Paths, backup: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(backup) as archive:
        assert all(SECRET.encode() not in archive.read(name) for name in archive.namelist())
    new = paths_of(tmp_path / "new")
    seen = look_at_backup(new, backup)
    assert not any(new.data.iterdir())  # a look leaves nothing behind
    done = restore_backup(new, backup)
    assert done == seen
    assert (done.chats_added, done.chats_kept, done.settings_changed) == (2, 0, 3)
    assert (done.models_added, done.models_replaced, done.runs_added) == (1, 0, 3)
    SettingsStore(home.settings).set(options.PROXY, "http://me@proxy.example:3128")
    assert everything(new) == everything(home)
    with closing(ChatStore(new.chats)) as store:
        (tides,) = store.chats()
        branch = store.messages(tides.id)
        assert [message.content for message in branch] == ["Why?", "The moon."]  # the branch on show is the same
        assert tides.model_view.unseen(branch) == 1
        assert [hit.title for hit in store.search("moon")] == ["Tides"]  # and search knows it


def test_what_is_here_stays_and_what_is_missing_comes(home: Paths, backup: Path) -> None:
    with closing(ChatStore(home.chats)) as store:
        (tides,) = store.chats()
        store.add(tides.id, store.messages(tides.id)[-1].id, "user", "written after the backup")
        store.update(tides.id, title="Renamed")
        store.order.empty_trash()
        new = chat_with(store, "New", "only here")
    settings = SettingsStore(home.settings)
    settings.set(options.THEME, "light")
    kept = LoadSettingsStore(home.load_settings)
    kept.set("hf:a/b/c.gguf", LoadSettings(context=1024))
    kept.set("hf:only/here/x.gguf", LoadSettings(context=2048))
    with closing(Ledger(home.ledger)) as ledger:
        ledger.add(run(9.0))

    done = restore_backup(home, backup)

    assert (done.chats_added, done.chats_kept) == (1, 1)
    assert (done.settings_changed, done.models_added, done.models_replaced, done.runs_added) == (1, 0, 1, 0)
    with closing(ChatStore(home.chats)) as store:
        assert [chat.title for chat in store.chats()] == ["New", "Renamed"]
        assert [chat.title for chat in store.order.listed("trash")] == ["Gone"]
        assert store.messages(new)[0].content == "only here"
        assert store.messages(tides.id)[-1].content == "written after the backup"
    assert settings.get(options.THEME) == "dark"
    assert settings.get(options.PROXY) == f"http://me:{SECRET}@proxy.example:3128"  # the password stays here
    assert kept.get("hf:a/b/c.gguf").context == 4096 and kept.get("hf:only/here/x.gguf").context == 2048
    again = restore_backup(home, backup)
    assert (again.chats_added, again.settings_changed, again.models_replaced, again.runs_added) == (0, 0, 0, 0)


def test_attached_files_come_with_their_chats(tmp_path: Path) -> None:
    old, new, target = paths_of(tmp_path / "old"), paths_of(tmp_path / "new"), tmp_path / "backup.zip"
    picture = Enclosed.of("image", "tide.png", "image/png", b"bytes of a picture")
    with closing(ChatStore(old.chats)) as store:
        for title in ("Tides", "Moon"):
            store.add(store.create(title, "m").id, None, "user", "Look", attachments=(picture,))
    write_backup(old, target)
    ChatStore(new.chats).close()
    assert restore_backup(new, target).chats_added == 2
    with closing(ChatStore(new.chats)) as store:
        for chat in store.chats():
            (attached,) = store.messages(chat.id)[0].attachments
            assert (attached.name, store.attachment_data(attached)) == ("tide.png", b"bytes of a picture")


def test_a_chat_that_was_deleted_here_comes_back(home: Paths, backup: Path) -> None:
    with closing(ChatStore(home.chats)) as store:
        store.delete(store.chats()[0].id)
    assert restore_backup(home, backup).chats_added == 1
    with closing(ChatStore(home.chats)) as store:
        assert [chat.title for chat in store.chats()] == ["Tides"]


def test_the_newest_runs_are_kept_in_the_order_of_time(home: Paths, backup: Path) -> None:
    with closing(Ledger(home.ledger)) as ledger:
        for number in range(KEPT_RUNS):
            ledger.add(run(10.0 + number))  # the three of the backup fell out
        assert restore_backup(home, backup).runs_added == 0
        runs = ledger.runs("m")
    assert len(runs) == KEPT_RUNS and runs[0].at == 9.0 + KEPT_RUNS and runs[-1].at == 10.0


def test_a_backup_of_the_version_before_is_taken(home: Paths, tmp_path: Path) -> None:
    old = paths_of(tmp_path / "old")
    database, _ = open_database(old.chats, replace(SCHEMA, migrations=SCHEMA.migrations[:-1], tables=()))
    with closing(database):
        database.execute(
            """INSERT INTO chats (title, model, model_path, system_prompt, sampling, max_tokens, context_length,
               created, updated) VALUES ('Old', 'm', '', '', '{}', 0, 0, 1.0, 1.0)"""
        )
    target = tmp_path / "old.zip"
    write_backup(old, target)
    assert restore_backup(home, target).chats_added == 1
    with closing(ChatStore(home.chats)) as store:
        assert [chat.title for chat in store.chats()] == ["Tides", "Old"]


def forged(backup: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The backup with other content in its parts."""
    with zipfile.ZipFile(backup) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    target = backup.with_name("forged.zip")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in parts.items():
            out.writestr(name, content)
    return target


def manifest_with(change: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, bytes]], None]:
    def apply(parts: dict[str, bytes]) -> None:
        document = json.loads(parts[MANIFEST])
        change(document)
        parts[MANIFEST] = json.dumps(document).encode()

    return apply


def another_part(name: str, content: bytes) -> Callable[[dict[str, bytes]], None]:
    """A part whose checksum is right."""
    import hashlib

    def apply(parts: dict[str, bytes]) -> None:
        parts[name] = content
        part = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), "version": 1}
        manifest_with(lambda document: document["parts"].update({name: part}))(parts)

    return apply


DAMAGES: dict[str, Callable[[dict[str, bytes]], None]] = {
    "a byte": lambda parts: parts.update({"chats.sqlite3": parts["chats.sqlite3"][:-1] + b"\x01"}),
    "cut": lambda parts: parts.update({"chats.sqlite3": parts["chats.sqlite3"][:4096]}),
    "longer": lambda parts: parts.update({"settings.json": parts["settings.json"] + b" " * 100_000}),
    "a part is missing": lambda parts: parts.__delitem__("ledger.sqlite3"),
    "no manifest": lambda parts: parts.__delitem__(MANIFEST),
    "another format": manifest_with(lambda document: document.update(format="other")),
    "a manifest of other types": manifest_with(lambda document: document.update(parts=[1])),
    "no database": another_part("chats.sqlite3", b"not a database" * 1000),
    "settings of other types": another_part("settings.json", b'{"theme": 7}'),
    "settings that are no JSON": another_part("settings.json", b"{"),
    "models of other types": another_part("models.json", b'{"version": 1, "models": {"a": {"context": "x"}}}'),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_refused_and_nothing_changes(home: Paths, backup: Path, damage: str) -> None:
    before = everything(home)
    bad = forged(backup, DAMAGES[damage])
    for call in (look_at_backup, restore_backup):
        with pytest.raises(StoreError) as refused:
            call(home, bad)
        assert refused.value.kind == FailureKind.BAD_BACKUP and "Nothing was changed" in refused.value.hint
    assert everything(home) == before


def test_files_that_are_no_backup_are_refused(home: Paths, backup: Path, tmp_path: Path) -> None:
    raw = backup.read_bytes()
    for content in (b"", b"PK", raw[: len(raw) // 2], raw[:200] + bytes(200) + raw[400:]):
        bad = tmp_path / "bad.zip"
        bad.write_bytes(content)
        with pytest.raises(StoreError) as refused:
            restore_backup(home, bad)
        assert refused.value.kind == FailureKind.BAD_BACKUP
    with pytest.raises(StoreError) as missing:
        restore_backup(home, tmp_path / "nothing.zip")
    assert missing.value.kind == FailureKind.NOT_FOUND


@pytest.mark.parametrize(
    "newer",
    [
        lambda document: document.update(version=2, heft="9.0", parts="of another kind"),
        lambda document: document["parts"]["chats.sqlite3"].update(version=99),
        lambda document: document["parts"]["settings.json"].update(version=99),
    ],
)
def test_what_a_newer_heft_wrote_is_refused(home: Paths, backup: Path, newer: Callable[[Any], None]) -> None:
    before = everything(home)
    with pytest.raises(StoreError) as refused:
        restore_backup(home, forged(backup, manifest_with(newer)))
    assert refused.value.kind == FailureKind.NEWER_BACKUP and "newer" in refused.value.message
    assert everything(home) == before


@pytest.mark.parametrize("at", [1, 2])
def test_a_full_disk_in_the_middle_changes_nothing(
    home: Paths, backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    new = paths_of(tmp_path / "new")
    SettingsStore(new.settings).set(options.THEME, "light")
    with closing(ChatStore(new.chats)) as store:
        chat_with(store, "Here", "text")
    before = everything(new)
    calls = 0
    real = write_atomically

    def full(path: Path, content: bytes) -> None:
        nonlocal calls
        calls += 1
        if calls == at:
            raise OSError(28, "No space left on device")
        real(path, content)

    monkeypatch.setattr(restore, "write_atomically", full)
    with pytest.raises(StoreError, match="No space left"):
        restore_backup(new, backup)
    assert everything(new) == before


def test_chats_that_are_being_written_are_backed_up_whole(home: Paths, tmp_path: Path) -> None:
    with closing(ChatStore(home.chats)) as store:
        chat = chat_with(store, "Now", "Go on")
        answer = store.add(chat, store.messages(chat)[0].id, "assistant", "", state="streaming")
        store.append_text(answer.id, "half")
        written = write_backup(home, tmp_path / "now.zip")
        assert written.chats == 3 and written.models == 1 and written.runs == 3
        assert not store.changed_elsewhere()
        restore_backup(home, tmp_path / "now.zip")
        SettingsStore(home.settings).load()
        new = paths_of(tmp_path / "new")
        restore_backup(new, tmp_path / "now.zip")
    with closing(ChatStore(new.chats)) as store:
        assert store.messages(store.chats()[0].id)[-1].content == "half"


def test_a_file_that_is_there_is_replaced_only_on_demand(home: Paths, backup: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError) as refused:
        write_backup(home, backup)
    assert refused.value.kind == FailureKind.FILE_EXISTS
    assert write_backup(home, backup, replace=True).size_bytes == backup.stat().st_size
    with pytest.raises(StoreError, match="could not be written"):
        write_backup(home, tmp_path / "no" / "folder.zip")
    assert msgspec.json.decode(zipfile.ZipFile(backup).read(MANIFEST))["format"] == "heft-backup"


def test_a_store_knows_that_another_program_wrote(home: Paths) -> None:
    with closing(ChatStore(home.chats)) as store, closing(ChatStore(home.chats)) as other:
        store.create("own")
        assert not store.changed_elsewhere()
        other.create("theirs")
        assert store.changed_elsewhere() and not store.changed_elsewhere()
