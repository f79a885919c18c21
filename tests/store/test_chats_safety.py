"""What must never happen to chats: lost by a kill, by a newer Heft, or by a damaged file."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from desktop.core.errors import StoreError
from desktop.store.chats import ChatStore
from desktop.store.chats_schema import SCHEMA
from desktop.store.database import Schema

KILLS = 10
PIECE = "piece {number:05d} of a streamed answer 🌊\n"

# Streams for ever: every piece is committed, then told to the parent.
WRITER = f"""
import sys
from pathlib import Path
from desktop.store.chats import ChatStore

store = ChatStore(Path(sys.argv[1]))
store.recover()
chat = store.create("killed")
asked = store.add(chat.id, None, "user", "go on for ever")
number = 0
while True:
    answer = store.add(chat.id, asked.id, "assistant", "", state="streaming")
    for _ in range(40):
        store.append_text(answer.id, {PIECE!r}.format(number=number))
        print(answer.id, number, flush=True)
        number += 1
    store.finish(answer.id, "complete", {{"tokens_per_second": 1.0}})
"""


def committed(lines: list[str]) -> dict[int, list[int]]:
    """Message id -> numbers of the pieces the writer said were written."""
    told: dict[int, list[int]] = {}
    for line in lines:
        message_id, number = map(int, line.split())
        told.setdefault(message_id, []).append(number)
    return told


def test_kill_9_at_any_moment_loses_nothing_that_was_committed(tmp_path: Path) -> None:
    path = tmp_path / "chats.sqlite3"
    chance = random.Random(20261122)
    total = 0
    for _ in range(KILLS):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(chance.randint(1, 150))]
        writer.send_signal(signal.SIGKILL)
        lines += writer.stdout.readlines()
        writer.stdout.close()
        assert writer.wait() == -signal.SIGKILL

        store = ChatStore(path)
        assert store.set_aside is None
        assert store._db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        # a piece may be committed that the parent was not told of, never the other way round
        for message_id, numbers in committed([line for line in lines if line.endswith("\n")]).items():
            text = store.message(message_id).content
            assert text.startswith("".join(PIECE.format(number=number) for number in numbers))
            total += len(numbers)
        assert store.recover() <= 1
        store._db.execute("INSERT INTO message_index (message_index, rank) VALUES ('integrity-check', 1)")
        store.close()
    assert total > KILLS


def test_a_database_of_a_newer_heft_is_refused_and_left_untouched(tmp_path: Path) -> None:
    path = tmp_path / "chats.sqlite3"
    store = ChatStore(path)
    store.create("precious")
    store._db.execute(f"PRAGMA user_version = {len(SCHEMA.migrations) + 1}")
    store.close()
    before = path.read_bytes()

    with pytest.raises(StoreError, match="newer version") as refused:
        ChatStore(path)

    assert refused.value.kind == "newer-database" and refused.value.hint
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["chats.sqlite3"]


@pytest.mark.parametrize("damage", ["not a database", "overwritten schema"])
def test_a_damaged_database_is_set_aside_and_said_so(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "chats.sqlite3"
    if damage == "not a database":
        path.write_bytes(b"this was never SQLite " * 400)
    else:
        store = ChatStore(path)
        store.create("lost")
        store.close()
        raw = bytearray(path.read_bytes())
        raw[100:4096] = b"\xff" * 3996  # the first page holds the schema
        path.write_bytes(raw)
    before = path.read_bytes()

    store = ChatStore(path)

    assert store.set_aside is not None and store.set_aside.read_bytes() == before
    assert store.chats() == []
    store.create("a new start")
    store.close()


def test_damage_met_later_is_an_error_with_the_file_named(tmp_path: Path) -> None:
    path = tmp_path / "chats.sqlite3"
    store = ChatStore(path)
    chat = store.create("long")
    parent: int | None = None
    for _ in range(60):
        parent = store.add(chat.id, parent, "user", "text " * 400).id
    store.close()
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2 :] = b"\xff" * (len(raw) - len(raw) // 2)
    path.write_bytes(raw)

    store = ChatStore(path)
    with pytest.raises(StoreError, match="damaged") as met:
        store.messages(chat.id)
        store.search("text")
        store.add(chat.id, parent, "user", "more " * 4000)
    assert str(path) in met.value.hint
    store.close()


def test_a_folder_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="could not open your chats"):
        ChatStore(tmp_path / "file" / "chats.sqlite3")


def test_every_migration_of_an_empty_file_ends_at_the_newest_schema(tmp_path: Path) -> None:
    ChatStore(tmp_path / "c.sqlite3").close()
    db = sqlite3.connect(tmp_path / "c.sqlite3")
    assert db.execute("PRAGMA user_version").fetchone() == (len(SCHEMA.migrations),)
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    db.close()


def test_a_migration_that_fails_leaves_the_old_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.sqlite3"
    store = ChatStore(path)
    chat = store.create("from the first release")
    store.add(chat.id, None, "user", "still here")
    store.close()

    def with_migration(sql: str) -> Schema:
        return replace(SCHEMA, migrations=(*SCHEMA.migrations, sql))

    broken = with_migration("ALTER TABLE chats ADD COLUMN half TEXT; ALTER TABLE nowhere ADD COLUMN x TEXT;")
    monkeypatch.setattr("desktop.store.chats.SCHEMA", broken)
    with pytest.raises(StoreError):
        ChatStore(path)

    monkeypatch.setattr("desktop.store.chats.SCHEMA", with_migration("ALTER TABLE chats ADD COLUMN pin INTEGER;"))
    store = ChatStore(path)
    assert [message.content for message in store.messages(chat.id)] == ["still here"]
    columns = [row[1] for row in store._db.execute("PRAGMA table_info(chats)")]
    assert "pin" in columns and "half" not in columns
    store.close()
