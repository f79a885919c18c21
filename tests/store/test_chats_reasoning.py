"""Reasoning is kept beside the answer: while it streams, after a kill, out of old databases, in search and export."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from desktop.store.chats import MARK_END, MARK_START, ChatStore
from desktop.store.chats_schema import SCHEMA
from desktop.store.database import open_database


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChatStore]:
    made = ChatStore(tmp_path / "c.sqlite3")
    yield made
    made.close()


def test_reasoning_streams_beside_the_text_and_is_joined_with_it(store: ChatStore) -> None:
    chat = store.create()
    answer = store.add(chat.id, None, "assistant", "", state="streaming")
    store.append_text(answer.id, "", reasoning="The user ", reasoning_seconds=1.0)
    store.append_text(answer.id, "Hello", reasoning="greets.", reasoning_seconds=2.5)
    store.append_text(answer.id, " you")
    for message in (store.message(answer.id), store.messages(chat.id)[0], store.finish(answer.id, "complete")):
        assert (message.reasoning, message.content) == ("The user greets.", "Hello you")
        assert message.reasoning_seconds == 2.5


def test_a_killed_process_leaves_its_reasoning(tmp_path: Path) -> None:
    first = ChatStore(tmp_path / "c.sqlite3")
    left = first.add(first.create().id, None, "assistant", "", state="streaming")
    first.append_text(left.id, "", reasoning="half a thought", reasoning_seconds=3.0)
    first.close()  # nothing was finished

    with closing(ChatStore(tmp_path / "c.sqlite3")) as store:
        assert store.recover() == 1
        message = store.message(left.id)
        assert (message.reasoning, message.content, message.state) == ("half a thought", "", "interrupted")
        assert message.reasoning_seconds == 3.0


def test_text_that_turns_out_to_be_reasoning_is_moved(store: ChatStore) -> None:
    answer = store.add(store.create().id, None, "assistant", "", state="streaming")
    store.append_text(answer.id, "so I ")
    store.append_text(answer.id, "think")
    store.turn_into_reasoning(answer.id)
    store.append_text(answer.id, "Yes.")
    assert (store.message(answer.id).reasoning, store.message(answer.id).content) == ("so I think", "Yes.")


OLD = {  # text as it was kept by the first release: reasoning and answer as they are read now
    "<think>\nThe user greets.\n</think>\n\nHello": ("The user greets.", "Hello"),
    " \n<thinking>Hm\n\n    code</thinking>Yes": ("Hm\n\n    code", "Yes"),
    "<think>\nstopped amid": ("stopped amid", ""),
    "<think>\n\n</think>\n\nHello": ("", "Hello"),
    "so I think\n</think>\n\nYes.": ("so I think", "Yes."),
    "Use the <think> tag\n</think>\n": ("", "Use the <think> tag\n</think>\n"),
    "```\n</think>\n```": ("", "```\n</think>\n```"),
    "Plain 'quoted' answer": ("", "Plain 'quoted' answer"),
    "": ("", ""),
}


def test_old_chats_have_their_reasoning_moved_once(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite3"
    old, _ = open_database(path, replace(SCHEMA, migrations=SCHEMA.migrations[:1], tables=()))
    message = """INSERT INTO messages (chat_id, parent_id, role, content, state, model, created, statistics, note)
                 VALUES (1, NULL, ?, ?, ?, '', 1.0, '{}', '')"""
    with closing(old):
        old.execute(
            """INSERT INTO chats (title, model, model_path, system_prompt, sampling, max_tokens, context_length,
               created, updated) VALUES ('Old', '', '', '', '{}', 0, 0, 1.0, 1.0)"""
        )
        for text in OLD:
            old.execute(message, ("assistant", text, "complete"))
        old.execute(message, ("user", "<think>asked</think>", "complete"))
        old.execute(message, ("assistant", "", "streaming"))  # killed amid its thinking
        killed = len(OLD) + 2
        for piece in ("<thi", "nk>half", " a thought"):
            old.execute("INSERT INTO pieces (message_id, text) VALUES (?, ?)", (killed, piece))

    for _ in range(2):  # moved once, and never again
        with closing(ChatStore(path)) as store:
            store.recover()
            found = [store.message(number) for number in range(1, killed + 1)]
            assert [(m.reasoning, m.content) for m in found[: len(OLD)]] == list(OLD.values())
            assert (found[-2].reasoning, found[-2].content) == ("", "<think>asked</think>")
            assert (found[-1].reasoning, found[-1].content) == ("half a thought", "")
            assert found[-1].state == "interrupted"
            (hit,) = store.search("greets")
            assert hit.in_reasoning and hit.message_id == 1
            assert [hit.in_reasoning for hit in store.search("Hello")] == [False, False]
            store._db.execute("INSERT INTO message_index (message_index, rank) VALUES ('integrity-check', 1)")
            with pytest.raises(sqlite3.IntegrityError):
                store._db.execute("INSERT INTO pieces (message_id, text) VALUES (999, 'x')")


@pytest.mark.parametrize(("reasoning", "content", "query"), [
    ("The Moon pulls", "Twice a day", "moon"),
    ("東京は雨です", "傘を持って", "東京"),
])  # fmt: skip
def test_search_finds_reasoning_and_says_so(store: ChatStore, reasoning: str, content: str, query: str) -> None:
    chat = store.create("A chat")
    message = store.add(chat.id, None, "assistant", content, reasoning=reasoning)
    (hit,) = store.search(query)
    assert (hit.message_id, hit.in_reasoning) == (message.id, True)
    assert MARK_START in hit.snippet and MARK_END in hit.snippet
    (hit,) = store.search(content.split()[0])
    assert not hit.in_reasoning and MARK_START in hit.snippet


def test_an_answer_goes_before_what_was_thought_in_search(store: ChatStore) -> None:
    chat = store.create("A chat")
    said = store.add(chat.id, None, "assistant", "tides come and go", reasoning="something else here")
    store.add(chat.id, None, "assistant", "something else here", reasoning="tides come and go")
    hits = store.search("tides")
    assert [hit.in_reasoning for hit in hits] == [False, True] and hits[0].message_id == said.id
    both = store.add(chat.id, None, "assistant", "the ebb", reasoning="the ebb")
    (hit,) = store.search("ebb")
    assert (hit.message_id, hit.in_reasoning) == (both.id, False)


def test_markdown_leaves_reasoning_out_unless_it_is_wanted(store: ChatStore) -> None:
    chat = store.create("A chat")
    store.add(chat.id, None, "assistant", "Hello", reasoning="The user\n\ngreets.", reasoning_seconds=2.0)
    assert "greets" not in store.export_markdown(chat.id)
    assert "> The user\n>\n> greets.\n\nHello" in store.export_markdown(chat.id, reasoning=True)
    (message,) = json.loads(store.export_json(chat.id))["messages"]
    assert (message["reasoning"], message["reasoning_seconds"]) == ("The user\n\ngreets.", 2.0)
