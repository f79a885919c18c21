"""Copies of chats, forks at a message, and single messages that are taken out and put back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.core.errors import NotFoundError
from desktop.store.chats import Chat, ChatStore, ModelView


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChatStore]:
    made = ChatStore(tmp_path / "c.sqlite3")
    yield made
    made.close()


def talk(store: ChatStore) -> tuple[Chat, list[int]]:
    """A chat of two questions, the first answer in two versions."""
    chat = store.create("Tides", "Qwen3", "Be brief.", {"top_k": 3})
    one = store.add(chat.id, None, "user", "Why?")
    old = store.add(chat.id, one.id, "assistant", "Because")
    new = store.add(chat.id, one.id, "assistant", "The Moon", reasoning="hm", model="Qwen3")
    two = store.add(chat.id, new.id, "user", "And the Sun?")
    end = store.add(chat.id, two.id, "assistant", "Less so")
    return chat, [one.id, old.id, new.id, two.id, end.id]


def texts(store: ChatStore, chat_id: int) -> list[str]:
    return [message.content for message in store.messages(chat_id)]


def test_a_copy_has_everything_and_is_one_of_its_own(store: ChatStore) -> None:
    chat, ids = talk(store)
    copy = store.copy(chat.id)
    assert (copy.title, copy.model, copy.system_prompt, copy.sampling) == (
        "Tides (copy)",
        "Qwen3",
        "Be brief.",
        {"top_k": 3},
    )
    assert texts(store, copy.id) == texts(store, chat.id) == ["Why?", "The Moon", "And the Sun?", "Less so"]
    branch = store.messages(copy.id)
    assert branch[1].sibling_count == 2 and branch[1].reasoning == "hm"
    assert not {message.id for message in branch} & set(ids)
    store.set_text(branch[0].id, "changed")
    store.delete(copy.id)
    assert texts(store, chat.id)[0] == "Why?"
    assert [found.id for found in store.chats()] == [chat.id]


def test_a_fork_ends_at_its_message(store: ChatStore) -> None:
    chat, (_, old, *_) = talk(store)
    fork = store.copy(chat.id, to_message=old)
    assert fork.title == "Tides (fork)" and texts(store, fork.id) == ["Why?", "Because"]
    assert all(message.sibling_count == 1 for message in store.messages(fork.id))
    assert texts(store, chat.id)[-1] == "Less so"
    assert {hit.chat_id for hit in store.search("moon")} == {chat.id}


def test_what_the_model_sees_of_a_copy_is_all_of_it(store: ChatStore) -> None:
    chat, (one, *_) = talk(store)
    store.update(chat.id, model_view=ModelView(hidden_to=one))
    assert store.copy(chat.id).model_view == ModelView()


def test_a_copy_uses_the_same_tools(store: ChatStore) -> None:
    chat, plain = store.create("A").id, store.create("B").id
    store.update(chat, model_view=ModelView(rolling=True, tools_out=(("files", "add"), ("web", ""))))
    assert store.copy(chat).model_view == ModelView(tools_out=(("files", "add"), ("web", "")))
    assert store.copy(plain).model_view == ModelView()


def test_an_answer_that_is_being_written_is_copied_as_interrupted(store: ChatStore) -> None:
    chat, (*_, end) = talk(store)
    live = store.add(chat.id, end, "assistant", "half", state="streaming")
    store.append_text(live.id, " more")
    assert store.messages(store.copy(chat.id).id)[-1].state == "interrupted"
    assert store.message(live.id).state == "streaming"


@pytest.mark.parametrize(
    ("place", "left"),
    [
        (0, ["The Moon", "And the Sun?", "Less so"]),
        (2, ["Why?", "And the Sun?", "Less so"]),
        (3, ["Why?", "The Moon", "Less so"]),
        (4, ["Why?", "The Moon", "And the Sun?"]),
    ],
)
def test_one_message_goes_and_comes_back(store: ChatStore, place: int, left: list[str]) -> None:
    chat, ids = talk(store)
    before = store.messages(chat.id)
    taken = store.take_out(ids[place])
    assert texts(store, chat.id) == left
    assert all(hit.message_id != ids[place] for hit in store.search("moon"))
    store.put_back(taken)
    assert store.messages(chat.id) == before


def test_the_only_message_can_go(store: ChatStore) -> None:
    chat = store.create("One")
    only = store.add(chat.id, None, "user", "Why?")
    taken = store.take_out(only.id)
    assert store.messages(chat.id) == []
    store.put_back(taken)
    assert texts(store, chat.id) == ["Why?"]


def test_what_is_not_there_is_said(store: ChatStore) -> None:
    with pytest.raises(NotFoundError):
        store.copy(99)
    with pytest.raises(NotFoundError):
        store.take_out(99)
