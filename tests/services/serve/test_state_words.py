"""What is said of models and requests: words beside each sign, figures whole."""

from __future__ import annotations

import pytest
from support.serving import asked, planned, served

from desktop.core.model_kind import ModelKind
from desktop.services.serve.api import ModelState, RequestRecord
from desktop.services.serve.room import PROCESS_BYTES
from desktop.services.serve.state_words import (
    asked_words,
    context_words,
    kept_words,
    model_mark,
    model_state_words,
    model_words,
    request_state_words,
    serving_words,
    where_words,
)
from desktop.services.serve.status import clients, off_document, status_document


@pytest.mark.parametrize(
    ("state", "mark", "words"),
    [
        (ModelState(served("a")), "○", "loaded when asked for"),
        (ModelState(served("a"), "loading"), "◐", "loading"),
        (ModelState(served("a"), "ready"), "●", "ready"),
        (ModelState(served("a"), "answering", leases=1), "●", "answering"),
        (ModelState(served("a"), "answering", leases=2), "●", "answering 2"),
        (ModelState(served("a"), would_go=("b",)), "○", "fits when b rests"),
        (ModelState(served("a"), would_go=("b", "c")), "○", "fits when b and c rest"),
        (ModelState(served("a"), too_large="It needs 41 GB."), "✕", "too large"),
    ],
)
def test_a_model_says_what_it_does(state: ModelState, mark: str, words: str) -> None:
    assert (model_mark(state), model_state_words(state)) == (mark, words)


def test_a_model_says_what_it_is_and_where() -> None:
    chat = ModelState(served("qwen3-8b", quantization="Q5_K_M"), in_chat=True)
    vectors = ModelState(served("nomic-embed", ModelKind.EMBEDDING, quantization="F16"))
    assert model_words(chat) == "Q5_K_M · also in Chat"
    assert model_words(vectors) == "F16 · embedding model"
    assert where_words(chat) == "–"
    for layers, words in ((36, "RTX 4070"), (20, "RTX 4070 + RAM"), (0, "CPU")):
        assert where_words(ModelState(served("a"), plan=planned("a", gpu_layers=layers))) == words


def test_figures() -> None:
    assert [context_words(n) for n in (0, 512, 2048, 16384, 131072, 100_000)] == [
        "–",
        "512",
        "2k",
        "16k",
        "128k",
        "100,000",
    ]
    assert kept_words(asked(1, prompt_tokens=11_204, cached_tokens=10_980)) == "98 % kept"
    assert kept_words(asked(1, prompt_tokens=96)) == ""
    record = asked(1)
    passed = [asked_words(record, record.asked_at + seconds) for seconds in (0, 9, 40, 120)]
    assert passed == ["now", "now", "40 s", "2 min"]
    assert [serving_words(n) for n in (0, 1, 2)] == ["Serving", "Serving · 1 client", "Serving · 2 clients"]


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (asked(1, "waiting"), "waiting for the model"),
        (asked(1, "reading"), "reading"),
        (asked(1, "answering"), "answering"),
        (asked(1, "done"), "done"),
        (asked(1, "stopped"), "stopped by the client"),
        (asked(1, "refused", status=404, error="no such model"), "404 no such model"),
        (asked(1, "refused"), "refused"),
    ],
)
def test_a_request_says_what_became_of_it(record: RequestRecord, words: str) -> None:
    assert request_state_words(record) == words


def test_clients_are_programs_that_ask_now_or_did_in_the_last_minute() -> None:
    now = 1_000_100.0
    records = (
        asked(1, "answering", asked_at=now - 500),
        asked(2, "answering", asked_at=now - 5),
        asked(3, client="curl", asked_at=now - 10),
        asked(4, client="opencode", asked_at=now - 300),
        asked(5, "refused", client="a scanner", asked_at=now),
    )
    assert clients(records, now) == 2


def test_the_document_is_the_same_whether_something_is_served_or_not() -> None:
    from desktop.services.serve.service import ServeState

    state = ServeState("on", "http://127.0.0.1:8321")
    told = status_document(state, "command", 7, [ModelState(served("a"), plan=planned("a"))], [asked(1)])
    assert told.keys() == off_document().keys() and told["requests"].keys() == off_document()["requests"].keys()
    assert (told["models"][0]["memory_bytes"], told["models"][0]["context"]) == (7_400_000_000 + PROCESS_BYTES, 16384)
    assert off_document()["address"] is None and off_document()["requests"]["latest"] == []
