"""The chat store's own promises: tree, streaming, settings, deletion, speed."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.calls import counted_calls

from desktop.core.errors import NotFoundError
from desktop.store.chats import ChatStore
from desktop.store.chats_schema import SCHEMA


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChatStore]:
    made = ChatStore(tmp_path / "data" / "chats.sqlite3")
    yield made
    made.close()


def texts(store: ChatStore, chat_id: int) -> list[str]:
    return [message.content for message in store.messages(chat_id)]


def test_a_chat_keeps_its_settings(store: ChatStore) -> None:
    chat = store.create("Tides", "SmolLM2", "Be brief.", {"temperature": 0.2, "seed": None}, max_tokens=64)
    store.update(chat.id, model_path="/m/a.gguf", context_length=8192, sampling={"top_k": 10, "seed": 7})

    kept = store.chat(chat.id)

    assert (kept.title, kept.model, kept.system_prompt, kept.max_tokens) == ("Tides", "SmolLM2", "Be brief.", 64)
    assert kept.sampling == {"top_k": 10, "seed": 7}
    assert (kept.model_path, kept.context_length) == ("/m/a.gguf", 8192)


def test_an_update_changes_nothing_that_was_not_named(store: ChatStore) -> None:
    chat = store.create("One", sampling={"top_k": 3})
    assert store.update(chat.id, title="Two").sampling == {"top_k": 3}
    assert store.update(chat.id) == store.chat(chat.id)


def test_chats_come_newest_first_and_settings_do_not_move_them(store: ChatStore) -> None:
    old, new = store.create("old"), store.create("new")
    assert [chat.id for chat in store.chats()] == [new.id, old.id]
    store.update(old.id, title="renamed")
    assert [chat.id for chat in store.chats()] == [new.id, old.id]
    store.add(old.id, None, "user", "hello")
    assert [chat.id for chat in store.chats()] == [old.id, new.id]
    assert [chat.id for chat in store.chats(limit=1)] == [old.id]


def test_editing_a_question_makes_a_branch_and_keeps_the_old_one(store: ChatStore) -> None:
    chat = store.create()
    first = store.add(chat.id, None, "user", "Why two tides?")
    answer = store.add(chat.id, first.id, "assistant", "The Moon.")
    more = store.add(chat.id, answer.id, "user", "And the Sun?")
    edited = store.add(chat.id, None, "user", "Why one tide?")

    assert texts(store, chat.id) == ["Why one tide?"]
    assert store.siblings(edited.id) == store.siblings(first.id) == [first.id, edited.id]
    assert (edited.sibling_index, edited.sibling_count) == (1, 2)

    store.select(first.id)
    assert [m.id for m in store.messages(chat.id)] == [first.id, answer.id, more.id]
    assert store.messages(chat.id)[0].sibling_count == 2


def test_regenerating_adds_a_sibling_answer_and_select_goes_to_the_newest_leaf(store: ChatStore) -> None:
    chat = store.create()
    asked = store.add(chat.id, None, "user", "q")
    one = store.add(chat.id, asked.id, "assistant", "a1")
    below_one = store.add(chat.id, one.id, "user", "q2 below a1")
    two = store.add(chat.id, asked.id, "assistant", "a2")

    assert texts(store, chat.id) == ["q", "a2"]
    store.select(one.id)
    assert texts(store, chat.id) == ["q", "a1", "q2 below a1"]
    store.select(asked.id)
    assert [m.id for m in store.messages(chat.id)][-1] == two.id > below_one.id


def test_branches_of_one_chat_never_reach_into_another(store: ChatStore) -> None:
    one, two = store.create(), store.create()
    root = store.add(one.id, None, "user", "in one")
    other = store.add(two.id, None, "user", "in two")
    assert store.siblings(root.id) == [root.id]
    assert (other.sibling_index, other.sibling_count) == (0, 1)
    with pytest.raises(NotFoundError):
        store.add(two.id, root.id, "assistant", "stray")
    assert texts(store, two.id) == ["in two"]


def test_streamed_text_is_there_before_and_after_it_is_joined(store: ChatStore) -> None:
    chat = store.create()
    asked = store.add(chat.id, None, "user", "q")
    answer = store.add(chat.id, asked.id, "assistant", "", state="streaming", model="SmolLM2")
    for piece in ("Zwei ", "Fluten", " 🌊"):
        store.append_text(answer.id, piece)

    assert store.message(answer.id).content == texts(store, chat.id)[-1] == "Zwei Fluten 🌊"
    done = store.finish(answer.id, "length", {"tokens_per_second": 61.5}, "Ended.")
    assert (done.content, done.state, done.note) == ("Zwei Fluten 🌊", "length", "Ended.")
    assert done.statistics == {"tokens_per_second": 61.5}

    store.append_text(answer.id, " again")  # an answer that is continued
    assert store.finish(answer.id, "complete").content == "Zwei Fluten 🌊 again"
    store.set_text(answer.id, "short")
    assert store.message(answer.id).content == "short"


def test_recover_names_what_a_killed_process_left(tmp_path: Path) -> None:
    first = ChatStore(tmp_path / "c.sqlite3")
    chat = first.create()
    asked = first.add(chat.id, None, "user", "q")
    done = first.add(chat.id, asked.id, "assistant", "whole")
    left = first.add(chat.id, asked.id, "assistant", "", state="streaming")
    first.append_text(left.id, "half an")
    continued = first.add(chat.id, asked.id, "assistant", "cut", state="stopped")
    first.append_text(continued.id, " and continued")
    first.close()

    store = ChatStore(tmp_path / "c.sqlite3")
    assert store.recover() == 2
    assert store.message(left.id).state == store.message(continued.id).state == "interrupted"
    assert store.message(left.id).content == "half an"
    assert store.message(continued.id).content == "cut and continued"
    assert store.message(done.id).state == "complete"
    assert store.recover() == 0
    assert [hit.message_id for hit in store.search("half")] == [left.id]
    store.close()


def test_delete_can_be_undone_until_it_is_purged(store: ChatStore) -> None:
    kept, gone = store.create("kept"), store.create("gone")
    parent: int | None = None
    for number in range(1500):  # deeper than SQLite's limit of nested triggers (1,000)
        parent = store.add(gone.id, parent, "user", f"needle {number}").id
    store.append_text(parent or 0, "!")
    store.delete(gone.id)
    assert [chat.id for chat in store.chats()] == [kept.id]
    with pytest.raises(NotFoundError):
        store.chat(gone.id)
    assert store.search("needle") == []

    assert store.purge(older_than_seconds=60) == 0
    assert store.undelete(gone.id).title == "gone"
    assert len(store.messages(gone.id)) == 1500

    store.delete(gone.id)
    assert store.purge() == 1
    with pytest.raises(NotFoundError):
        store.undelete(gone.id)
    assert store.messages(gone.id) == []


def test_ids_that_are_not_there_are_said_so(store: ChatStore) -> None:
    chat = store.create()
    for call in (
        lambda: store.chat(999),
        lambda: store.message(999),
        lambda: store.siblings(999),
        lambda: store.select(999),
        lambda: store.append_text(999, "x"),
        lambda: store.add(999, None, "user", "x"),
        lambda: store.add(chat.id, 999, "user", "x"),
        lambda: store.finish(999, "complete"),
    ):
        with pytest.raises(NotFoundError):
            call()


def test_half_a_character_never_breaks_a_write(store: ChatStore) -> None:
    chat = store.create("title \ud83d")
    message = store.add(chat.id, None, "user", "broken \udc00 pair and \x00 zero")
    store.append_text(message.id, " \ud83d")
    assert store.message(message.id).content == "broken � pair and \x00 zero �"
    assert store.chat(chat.id).title == "title �"


def test_a_long_chat_is_read_in_order_and_at_little_cost(store: ChatStore) -> None:
    chat = store.create()
    with store._write():  # one transaction, as an import would
        parent: int | None = None
        for number in range(5000):
            role = "user" if number % 2 == 0 else "assistant"
            row = store._db.execute(
                "INSERT INTO messages (chat_id, parent_id, role, content, state, model, created, statistics, note)"
                " VALUES (?, ?, ?, ?, 'complete', 'm', 0, '{\"tokens_per_second\": 60.0}', '') RETURNING id",
                (chat.id, parent, role, f"message {number} " + "lorem ipsum " * 40),
            ).fetchone()
            parent = row[0]
        store._db.execute("UPDATE chats SET leaf = ? WHERE id = ?", (parent, chat.id))
    with counted_calls() as calls:
        branch = store.messages(chat.id)
    assert [message.content.split()[1] for message in branch] == [str(n) for n in range(5000)]
    assert calls.count < 10 * 5000


def test_writing_stays_cheap_at_the_end_of_a_long_answer(store: ChatStore) -> None:
    chat = store.create()
    answer = store.add(chat.id, None, "assistant", "", state="streaming")
    pages_before = store._db.execute("PRAGMA page_count").fetchone()[0]
    changed: list[int] = []
    for _ in range(200):
        before = store._db.total_changes
        store.append_text(answer.id, "x" * 500)
        changed.append(store._db.total_changes - before)
    assert set(changed) == {1}  # one new row, whatever the length so far
    assert store._db.execute("PRAGMA page_count").fetchone()[0] - pages_before < 100
    assert len(store.message(answer.id).content) == 100_000


def test_many_threads_write_at_once(store: ChatStore) -> None:
    chat = store.create()
    answers = [store.add(chat.id, None, "assistant", "", state="streaming") for _ in range(4)]

    def write(message_id: int) -> None:
        for number in range(25):
            store.append_text(message_id, f"{number},")

    threads = [threading.Thread(target=write, args=(answer.id,)) for answer in answers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = "".join(f"{number}," for number in range(25))
    assert [store.message(answer.id).content for answer in answers] == [expected] * 4


def test_two_programs_share_the_file(tmp_path: Path) -> None:
    window, command = ChatStore(tmp_path / "c.sqlite3"), ChatStore(tmp_path / "c.sqlite3")
    chat = window.create("from the window")
    command.add(chat.id, None, "user", "from the command line")
    assert texts(window, chat.id) == ["from the command line"]
    window.close()
    command.close()
    command.close()  # closing twice is nothing


def test_what_an_older_chat_never_changed_is_not_set_any_more(tmp_path: Path) -> None:
    path = tmp_path / "chats.sqlite"
    made = sqlite3.connect(path)
    made.executescript(SCHEMA.migrations[0])
    untouched = {"temperature": 0.7, "top_k": 40, "top_p": 0.95, "min_p": 0.05, "repeat_penalty": 1.0, "seed": None}
    kept = [untouched, {**untouched, "temperature": 0.35, "seed": 7}, "not an object"]
    for sampling in (*map(json.dumps, kept), "damaged {"):
        made.execute(
            "INSERT INTO chats (title, model, model_path, system_prompt, sampling, max_tokens, context_length, created,"
            " updated) VALUES ('', '', '', '', ?, 0, 0, 1, 1)",
            (sampling,),
        )
    made.execute("PRAGMA user_version = 1")
    made.commit()
    made.close()
    store = ChatStore(path)
    try:
        assert store.chat(1).sampling == {}
        assert store.chat(2).sampling == {"temperature": 0.35, "seed": 7}
    finally:
        store.close()
