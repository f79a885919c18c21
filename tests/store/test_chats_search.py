"""Search: whatever is typed is a search, never a syntax error; matches are found and shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop.store.chats import ChatStore
from desktop.store.chats_search import MARK_END, MARK_START


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChatStore]:
    made = ChatStore(tmp_path / "c.sqlite3")
    tides = made.create("Tides, simply", "Qwen3")
    asked = made.add(tides.id, None, "user", "Why are there two tides a day and not one?")
    made.add(tides.id, asked.id, "assistant", "The Moon pulls on the near side. Ebbe über Überflut.", model="Qwen3")
    regex = made.create("Regex for ISO dates")
    made.add(regex.id, None, "user", r"Explain ^\d{4}-\d{2}$ in C++: a 100% match_of \ this")
    tokyo = made.create("東京の天気")
    made.add(tokyo.id, None, "user", "明日の東京は雨ですか。傘を持って行きます。")
    yield made
    made.close()


def titles(store: ChatStore, query: str) -> list[str]:
    return [hit.title for hit in store.search(query)]


def test_words_prefixes_and_accents_are_found(store: ChatStore) -> None:
    assert "Tides, simply" in titles(store, "moon pul")
    assert "Tides, simply" in titles(store, "uberfl")
    assert titles(store, "moon regex") == []


def test_the_match_is_marked_in_its_snippet(store: ChatStore) -> None:
    (hit,) = store.search("moon")
    assert f"{MARK_START}Moon{MARK_END}" in hit.snippet
    assert hit.message_id is not None and store.message(hit.message_id).role == "assistant"


def test_a_title_is_found_before_messages(store: ChatStore) -> None:
    hits = store.search("tides")
    assert [hit.message_id is None for hit in hits] == [True, False]
    assert store.search("tides", limit=1) == hits[:1]


def test_a_renamed_chat_is_found_by_its_new_title_only(store: ChatStore) -> None:
    chat_id = store.search("regex")[0].chat_id
    store.update(chat_id, title="Calendar")
    assert titles(store, "calendar") == ["Calendar"]
    assert titles(store, "regex") == []


@pytest.mark.parametrize(
    "query",
    [
        '"',
        "'",
        "AND",
        "OR NOT",
        "NEAR(",
        "a*b",
        "content:x",
        "-x",
        "^",
        "(((",
        "{a b}:",
        "\x00",
        "tides\x00",
        "*",
        "+",
        "",
        " ",
    ],
)
def test_operators_are_ordinary_text(store: ChatStore, query: str) -> None:
    store.search(query)


def test_punctuation_around_a_word_does_not_hide_it(store: ChatStore) -> None:
    assert titles(store, 'two "tides" (day)') == ["Tides, simply"]
    assert titles(store, "C++:") == ["Regex for ISO dates"]


def test_scripts_without_spaces_are_found_inside_a_sentence(store: ChatStore) -> None:
    hits = store.search("東京")
    assert [hit.message_id is None for hit in hits] == [True, False]
    assert f"明日の{MARK_START}東京{MARK_END}は雨" in hits[1].snippet
    assert store.search("東京_") == store.search("東京%") == []


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=40))
def test_no_text_is_a_syntax_error(store: ChatStore, query: str) -> None:
    for hit in store.search(query):
        assert hit.title


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet=st.characters(codec="utf-8", categories=("L", "N", "P", "Z")), min_size=1, max_size=30))
def test_what_was_written_is_found_by_its_own_first_word(store: ChatStore, text: str) -> None:
    chat = store.create()
    message = store.add(chat.id, None, "user", text)
    word = next((w for w in text.split() if w.isascii() and w.isalnum()), None)
    if word is not None:
        assert message.id in {hit.message_id for hit in store.search(word, limit=10_000)}


def test_markdown_export_reads_like_the_chat(store: ChatStore) -> None:
    chat = store.create("Tides & co", "Qwen3-8B", "Be brief.")
    asked = store.add(chat.id, None, "user", "Why?")
    store.add(chat.id, asked.id, "assistant", "old answer")
    cut = store.add(chat.id, asked.id, "assistant", "Because **so**", model="Qwen3-8B")
    store.finish(cut.id, "stopped", {}, "Note.")

    text = store.export_markdown(chat.id)

    assert text.startswith("# Tides & co\n\n*Model: Qwen3-8B · 20")
    assert "## System prompt\n\nBe brief.\n\n## You\n\nWhy?\n\n## Qwen3-8B\n\nBecause **so**" in text
    assert text.endswith("*(stopped by the user; Note.)*\n")
    assert "old answer" not in text


def test_json_export_holds_all_branches(store: ChatStore) -> None:
    chat = store.create("Branches", sampling={"seed": None, "temperature": 0.5})
    asked = store.add(chat.id, None, "user", "q")
    one = store.add(chat.id, asked.id, "assistant", "a1")
    two = store.add(chat.id, asked.id, "assistant", "", state="streaming")
    store.append_text(two.id, "a2 is 🌊")

    document = json.loads(store.export_json(chat.id))

    assert (document["format"], document["version"]) == ("heft-chat", 1)
    assert document["chat"]["sampling"] == {"seed": None, "temperature": 0.5}
    assert document["active"] == [asked.id, two.id]
    assert [(m["id"], m["parent_id"], m["content"]) for m in document["messages"]] == [
        (asked.id, None, "q"),
        (one.id, asked.id, "a1"),
        (two.id, asked.id, "a2 is 🌊"),
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("👍", ["Signs"]),
        ("👍🏽", []),
        ("❤", ["Signs"]),
        ("❤️", ["Signs"]),
        ("→", ["Signs"]),
        ("€ 👍", ["Signs"]),
        ("->", ["Signs"]),
        ("猫", ["Animals"]),
        ("々", ["Animals"]),
        ("ｱ", ["Animals"]),
        ("값", ["Animals"]),
    ],
)
def test_one_sign_or_letter_is_found(store: ChatStore, query: str, found: list[str]) -> None:
    signs = store.create("Signs")
    store.add(signs.id, None, "user", "Great 👍 and ❤️ for a -> b → c at 3 €")
    animals = store.create("Animals")
    store.add(animals.id, None, "user", "ここに猫がいます。時々ｱﾒﾘｶ、값이")
    hits = store.search(query)
    assert [hit.title for hit in hits] == found
    assert all(MARK_START in hit.snippet for hit in hits)


def test_a_sign_beside_a_word_is_looked_for_only_where_no_keyboard_has_it_by_chance(store: ChatStore) -> None:
    assert "Tides, simply" in titles(store, "moon - pulls")
    assert titles(store, "moon 👍") == []
