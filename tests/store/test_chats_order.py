"""Folders, pins, tags, the archive and the trash: kept over a restart, and what search finds of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from desktop.core.errors import NotFoundError
from desktop.store.chats import ChatStore, SearchHit
from desktop.store.chats_order import Folder
from desktop.store.chats_schema import SCHEMA
from desktop.store.database import open_database


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChatStore]:
    with closing(ChatStore(tmp_path / "c.sqlite3")) as made:
        yield made


def chat_with(store: ChatStore, title: str, text: str) -> int:
    chat = store.create(title)
    store.add(chat.id, None, "user", text)
    return chat.id


def found(hits: list[SearchHit]) -> list[tuple[str, str]]:
    return [(hit.title, hit.place) for hit in hits]


def test_chats_of_the_version_before_are_as_they_were_and_in_no_order(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite3"
    database, _ = open_database(path, replace(SCHEMA, migrations=SCHEMA.migrations[:4], tables=()))
    with closing(database):
        for number, deleted in ((1, None), (2, 5.0)):
            database.execute(
                """INSERT INTO chats (id, title, model, model_path, system_prompt, sampling, max_tokens, context_length,
                   created, updated, deleted) VALUES (?, 'Old', 'm', '/m.gguf', 'Be brief.', '{"top_k": 3}', 7, 512,
                   1.0, 2.0, ?)""",
                (number, deleted),
            )
        database.execute(
            """INSERT INTO messages (chat_id, role, content, state, model, created, statistics, note)
               VALUES (1, 'user', 'a needle', 'complete', '', 1.0, '{}', '')"""
        )
    with closing(ChatStore(path)) as store:
        (chat,) = store.order.listed()
        assert (chat.title, chat.model_path, chat.sampling, chat.updated) == ("Old", "/m.gguf", {"top_k": 3}, 2.0)
        assert (chat.folder, chat.pinned, chat.archived, chat.deleted, chat.tags) == ("", False, False, None, ())
        assert [hit.chat_id for hit in store.search("needle")] == [1]
        assert [kept.deleted for kept in store.order.listed("trash")] == [5.0]
        assert store.order.folders() == []
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA user_version").fetchone() == (len(SCHEMA.migrations),)


def test_order_is_kept_over_a_restart_and_moves_no_chat_up(tmp_path: Path) -> None:
    with closing(ChatStore(tmp_path / "c.sqlite3")) as store:
        first, second = store.create("first").id, store.create("second").id
        store.order.move(first, "  Sea   and tides ")
        store.order.pin(first, True)
        store.order.tag(first, ["#Work", "work", "to do", " ", "äpfel"])
        store.order.archive(second, True)
        store.order.fold("Sea and tides", True)
    with closing(ChatStore(tmp_path / "c.sqlite3")) as store:
        chat = store.chat(first)
        assert (chat.folder, chat.pinned, chat.tags) == ("Sea and tides", True, ("to-do", "Work", "äpfel"))
        assert [kept.title for kept in store.order.listed("archive")] == ["second"]
        assert [kept.title for kept in store.order.listed()] == ["first"]
        assert [kept.title for kept in store.chats()] == ["second", "first"]
        assert store.order.folders() == [Folder("Sea and tides", folded=True)]
        assert store.order.tags() == ["to-do", "Work", "äpfel"]
        store.update(first, title="renamed")
        assert store.chat(first).tags == chat.tags


def test_folders_are_renamed_joined_and_taken_away_with_their_chats_kept(store: ChatStore) -> None:
    chat = store.create("Tides").id
    store.order.move(chat, "Sea")
    assert store.order.make_folder("SEA") == "Sea"  # there is one already
    assert store.order.rename_folder("Sea", "sea") == "sea"
    assert store.chat(chat).folder == "sea"
    store.order.make_folder("Work")
    assert store.order.rename_folder("sea", "work") == "Work"
    assert (store.chat(chat).folder, store.order.folders()) == ("Work", [Folder("Work")])
    assert store.order.rename_folder("Work", "   ") == "Work"
    store.order.delete_folder("Work")
    assert (store.chat(chat).folder, store.order.folders()) == ("", [])
    store.order.move(chat, "")
    assert store.order.folders() == []


def test_search_leaves_archive_and_trash_out_unless_asked(store: ChatStore) -> None:
    for compared in ("needle", "潮汐"):  # by the index, and by comparing
        chats = [chat_with(store, f"{place} {compared}", f"a {compared} here") for place in ("list", "old", "gone")]
        store.order.archive(chats[1], True)
        store.delete(chats[2])
        assert {place for _, place in found(store.search(compared))} == {"chats"}
        everywhere = found(store.search(compared, everywhere=True))
        assert sorted(everywhere) == sorted(
            (f"{name} {compared}", place)
            for name, place in (("list", "chats"), ("old", "archive"), ("gone", "trash"))
            for _ in range(2)  # its title and its message
        )


def test_a_chat_is_found_by_its_tags(store: ChatStore) -> None:
    tides, moon = chat_with(store, "Tides", "nothing"), chat_with(store, "Moon", "about #include and work")
    store.order.tag(tides, ["Work", "sea"])
    assert [(hit.chat_id, hit.message_id, hit.tags) for hit in store.search("#wor")] == [(tides, None, ("Work",))] + [
        (moon, hit.message_id, ()) for hit in store.search("#wor")[1:]
    ]
    assert store.search("work")[0].tags == ("Work",)
    assert store.search("#sea work")[0].tags == ("Work", "sea")
    assert [hit.chat_id for hit in store.search("#include")] == [moon]  # a text is found as ever
    assert [hit.tags for hit in store.search("#")] == [()]
    store.order.archive(tides, True)
    assert [hit.chat_id for hit in store.search("work")] == [moon]
    assert [hit.chat_id for hit in store.search("sea", everywhere=True)] == [tides]


def test_a_copy_lies_where_the_chat_lies(store: ChatStore) -> None:
    chat = chat_with(store, "Tides", "why")
    store.order.move(chat, "Sea")
    store.order.tag(chat, ["work"])
    store.order.pin(chat, True)
    copied = store.copy(chat)
    assert (copied.folder, copied.tags, copied.pinned) == ("Sea", ("work",), False)


def test_the_trash_is_listed_by_when_and_emptied_for_good(store: ChatStore) -> None:
    chats = [chat_with(store, title, f"needle {title}") for title in ("a", "b", "c")]
    store.append_text(store.messages(chats[0])[0].id, "!")
    for chat in (chats[2], chats[0]):
        store.delete(chat)
    assert [kept.title for kept in store.order.listed("trash")] == ["a", "c"]
    store.order.delete_for_good(chats[0])
    assert [kept.title for kept in store.order.listed("trash")] == ["c"]
    assert store.messages(chats[0]) == [] and store.search("needle a", everywhere=True) == []
    with pytest.raises(NotFoundError):
        store.order.delete_for_good(chats[1])  # not in the trash
    assert store.order.empty_trash() == 1
    assert store.order.listed("trash") == [] and [kept.title for kept in store.chats()] == ["b"]


def test_a_chat_that_is_not_there_is_said_so(store: ChatStore) -> None:
    for call in (
        lambda: store.order.pin(9, True),
        lambda: store.order.archive(9, True),
        lambda: store.order.tag(9, ["a"]),
        lambda: store.order.move(9, ""),
        lambda: store.order.delete_for_good(9),
    ):
        with pytest.raises(NotFoundError):
            call()
