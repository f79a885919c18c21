"""Files of messages: kept once, copied and removed with the messages, found by their names."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.core.attachments import Attachment, Enclosed
from desktop.core.errors import NotFoundError
from desktop.services.chat.chat_imports import read_chats
from desktop.store.chats import MARK_END, MARK_START, ChatStore
from desktop.store.chats_schema import SCHEMA

PICTURE = Enclosed.of("image", "Ferien/Hafen am Abend.png", "image/png", b"\x89PNG picture", width=640, height=480)
SOUND = Enclosed.of("sound", "海の音.wav", "audio/wav", b"RIFF sound", seconds=1.5)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChatStore]:
    made = ChatStore(tmp_path / "c.sqlite3")
    yield made
    made.close()


def kept(tmp_path: Path) -> int:
    """How many files' bytes the database holds."""
    with sqlite3.connect(tmp_path / "c.sqlite3") as db:
        (count,) = db.execute("SELECT count(*) FROM attachment_data").fetchone()
    return int(count)


def ask(store: ChatStore, *files: Enclosed, text: str = "What is this?") -> tuple[int, int]:
    """A chat with one question; its id and the question's."""
    chat = store.create("Harbour")
    return chat.id, store.add(chat.id, None, "user", text, attachments=files).id


def test_what_is_attached_comes_back_with_the_message_after_a_restart(store: ChatStore, tmp_path: Path) -> None:
    chat, question = ask(store, PICTURE, SOUND)
    store.add(chat, question, "assistant", "A harbour")
    store.close()
    again = ChatStore(tmp_path / "c.sqlite3")
    first, second = again.messages(chat)
    assert first.attachments == (PICTURE.attachment, SOUND.attachment) == again.message(question).attachments
    assert first.attachments[0].name == "Hafen am Abend.png" and second.attachments == ()
    assert [again.attachment_data(one) for one in first.attachments] == [PICTURE.data, SOUND.data]
    again.close()


def test_bytes_are_kept_once_and_go_with_the_last_chat_that_has_them(store: ChatStore, tmp_path: Path) -> None:
    first, question = ask(store, PICTURE)
    second, _ = ask(store, PICTURE)
    copy = store.copy(first)
    assert kept(tmp_path) == 1 and store.messages(copy.id)[0].attachments == (PICTURE.attachment,)
    for chat in (first, second):
        store.delete(chat)
    store.undelete(second)
    store.purge()
    store.delete(second)
    store.purge()
    assert store.attachment_data(store.messages(copy.id)[0].attachments[0]) == PICTURE.data
    store.delete(copy.id)
    store.purge()
    assert kept(tmp_path) == 0
    with pytest.raises(NotFoundError, match=r"Hafen am Abend\.png is not kept any more"):
        store.attachment_data(PICTURE.attachment)
    with pytest.raises(NotFoundError):
        store.message(question)


def test_a_fork_keeps_them_and_another_version_takes_them_without_their_bytes(store: ChatStore) -> None:
    chat, question = ask(store, PICTURE)
    fork = store.copy(chat, to_message=question)
    edited = store.add(fork.id, None, "user", "And this?", attachments=[Enclosed(PICTURE.attachment)])
    store.delete(chat)
    store.purge()
    assert store.attachment_data(edited.attachments[0]) == PICTURE.data


def test_an_attachment_that_nobody_kept_is_refused_and_nothing_is_written(store: ChatStore) -> None:
    chat = store.create("Empty")
    with pytest.raises(NotFoundError, match="is not kept any more") as refused:
        store.add(chat.id, None, "user", "What?", attachments=[Enclosed(SOUND.attachment)])
    assert refused.value.hint == "Attach the file again."
    assert store.messages(chat.id) == []


def test_a_message_taken_out_comes_back_with_its_files(store: ChatStore, tmp_path: Path) -> None:
    chat, question = ask(store, PICTURE)
    answer = store.add(chat, question, "assistant", "A harbour")
    taken = store.take_out(question)
    assert kept(tmp_path) == 0 and [message.id for message in store.messages(chat)] == [answer.id]
    store.put_back(taken)
    assert store.messages(chat)[0].attachments == (PICTURE.attachment,)
    assert store.attachment_data(PICTURE.attachment) == PICTURE.data
    assert [hit.message_id for hit in store.search("hafen")] == [question]


@pytest.mark.parametrize(("typed", "found"), [("hafen abe", "Hafen am Abend.png"), ("海の", "海の音.wav")])
def test_chats_are_found_by_the_names_of_their_files(store: ChatStore, typed: str, found: str) -> None:
    chat, question = ask(store, PICTURE, SOUND, text="Look")
    ask(store, text="Something else")
    (hit,) = store.search(typed)
    assert (hit.chat_id, hit.message_id, hit.in_attachment) == (chat, question, True)
    assert MARK_START in hit.snippet and hit.snippet.replace(MARK_START, "").replace(MARK_END, "") == found
    store.delete(chat)
    assert store.search(typed) == []


def test_an_exported_chat_comes_back_with_its_files(store: ChatStore, tmp_path: Path) -> None:
    chat, question = ask(store, PICTURE, text="")
    store.add(chat, question, "assistant", "A harbour")
    (tmp_path / "chat.json").write_text(store.export_json(chat), encoding="utf-8")
    (made,) = store.bring_in(read_chats(tmp_path / "chat.json"))
    first, second = store.messages(made.id)
    assert first.attachments == (PICTURE.attachment,) and (first.content, second.content) == ("", "A harbour")
    assert "Attached: Hafen am Abend.png" in store.export_markdown(chat)


@pytest.mark.parametrize(
    "change",
    [
        {"files": {PICTURE.attachment.sha256: "bm90IHRoZSBwaWN0dXJl"}},  # other bytes under its name
        {"files": {PICTURE.attachment.sha256: "!"}},
        {"files": []},
    ],
)
def test_an_import_takes_no_bytes_under_a_name_that_is_not_theirs(
    store: ChatStore, tmp_path: Path, change: dict[str, object]
) -> None:
    chat, _ = ask(store, PICTURE)
    document = json.loads(store.export_json(chat)) | change
    (tmp_path / "chat.json").write_text(json.dumps(document), encoding="utf-8")
    (made,) = store.bring_in(read_chats(tmp_path / "chat.json"))
    assert store.messages(made.id)[0].attachments == ()


def test_chats_of_an_older_version_are_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite3"
    with sqlite3.connect(path) as db:
        for migration in SCHEMA.migrations[:4]:
            db.executescript(migration)
        db.execute("PRAGMA user_version = 4")
        chat = "1, 'Old', '', '', '', '{}', 0, 0, 1, 1, 1"
        db.execute(
            f"""INSERT INTO chats (id, title, model, model_path, system_prompt, sampling, max_tokens, context_length,
                created, updated, leaf) VALUES ({chat})"""
        )
        message = "1, 1, 'user', 'Hello', 'complete', '', 1, '{}', ''"
        names = "id, chat_id, role, content, state, model, created, statistics, note"
        db.execute(f"INSERT INTO messages ({names}) VALUES ({message})")
    store = ChatStore(path)
    (known,) = store.messages(1)
    assert (known.content, known.attachments) == ("Hello", ())
    store.add(1, 1, "user", "See", attachments=[PICTURE])
    assert isinstance(store.messages(1)[1].attachments[0], Attachment)
    store.close()
