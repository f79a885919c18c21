"""The tokens that an answer's could have been: asked for when switched on, and found by a place in its text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.scripted_chat import Talk

from desktop.engine.api import Text
from desktop.engine.token_choices import TokenChoice, token_choices
from desktop.services.chat import alternatives
from desktop.services.chat.alternatives import Alternatives, placed
from desktop.services.chat.requests import Requests


def token(text: str | bytes) -> TokenChoice:
    raw = text if isinstance(text, bytes) else text.encode()
    return TokenChoice(raw.decode(errors="replace"), 0.5, (("x", 0.3),), raw)


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Talk]:
    made = Talk(tmp_path / "c.sqlite3")
    yield made
    made.close()


def test_what_the_server_tells_is_read_and_other_forms_are_skipped() -> None:
    other = {"token": " Moon", "bytes": [32, 77, 111, 111, 110], "logprob": -2.302585}
    entry = {"token": " Sun", "bytes": [32, 83, 117, 110], "logprob": -0.105360516, "top_logprobs": [other, "odd"]}
    (choice,) = token_choices([entry])
    assert (choice.text, choice.raw) == (" Sun", b" Sun") and choice.probability == pytest.approx(0.9)
    assert choice.others == ((" Moon", pytest.approx(0.1)),)
    bare = token_choices([{"token": 5, "bytes": "no", "logprob": None}, {}, {"logprob": float("-inf"), "token": "a"}])
    assert [(c.text, c.probability) for c in bare] == [("", 0.0), ("", 0.0), ("a", 0.0)]


def test_a_place_of_the_text_is_found_behind_reasoning_and_tags() -> None:
    written = [token(text) for text in ("<think>", "The sea", "</think>", "\n\n", "The", " sea", " is salty", ".", "")]
    found = placed(written, "The sea is salty.")
    assert found is not None
    assert [choice.text for choice in found.tokens] == ["The", " sea", " is salty", "."]
    assert [found.at(place) for place in (0, 2, 3, 4, 7, 16, 99)] == [0, 0, 1, 1, 2, 3, 3]
    assert placed(written, "Edited text") is None and placed(written, "  ") is None


def test_a_character_of_several_tokens_counts_once() -> None:
    wave = "🌊".encode()
    found = placed([token("a "), token(wave[:2]), token(wave[2:]), token(" b")], "a 🌊 b")
    assert found is not None and found.starts == (0, 2, 2, 3)
    assert found.tokens[found.at(4)].text == " b"


def test_tokens_of_an_answer_are_kept_until_too_many_are(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Alternatives()
    monkeypatch.setattr(alternatives, "_MOST_TOKENS", 3)
    kept.add(1, [token("a"), token("b")])
    assert kept.of(1, "ab") is not None and kept.of(2, "ab") is None
    kept.add(2, [token("c"), token("d")])
    assert kept.of(1, "ab") is None and kept.of(2, "cd") is not None


def test_an_answer_keeps_what_came_with_it(talk: Talk) -> None:
    talk.ask()
    assert talk.engine._answer is not None
    talk.engine._answer(Text(1, "Hello", 1, 2, 10.0, tokens=(token("Hel"), token("lo"))))
    talk.engine.finish()
    found = talk.service.alternatives.of(talk.last.id, talk.last.content)
    assert found is not None and found.starts == (0, 3)


@pytest.mark.parametrize(("wanted", "asked"), [(False, 0), (True, alternatives.ASKED)])
def test_they_are_asked_for_only_when_switched_on(talk: Talk, wanted: bool, asked: int) -> None:
    talk.store.add(talk.chat, None, "user", "Hello?")
    requests: Requests = talk.service._requests
    made = Requests(requests.store, requests.engine, requests.defaults, requests.answers, lambda: wanted)
    assert made.answer(talk.store.chat(talk.chat), talk.last.id).alternatives == asked
