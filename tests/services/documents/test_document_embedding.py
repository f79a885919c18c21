"""Vectors of passages: made once, in halves where a passage is too long, with the words that a model was trained on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.lending import OneAddress, OpenLease, served
from support.scripted_server import ScriptedServer, document, scripted_server

from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.errors import EngineError, HeftError
from desktop.core.model_kind import ModelKind
from desktop.core.progress import Progress, unheard
from desktop.services.documents.embedding import Embedder
from desktop.services.serve.api import ServedModel
from desktop.store.vectors import VectorStore

MODEL = served("minilm", ModelKind.EMBEDDING, size_bytes=10)
LONGEST = 100  # characters of a text that the scripted model takes


@dataclass
class Lender(OneAddress):
    """Lends an embedding model beside what is loaded; counts."""

    beside: list[ServedModel] = field(default_factory=list)

    def acquire_beside(self, model: ServedModel, cancelled: Cancelled) -> OpenLease:
        self.beside.append(model)
        return self.acquire(model, "embedding", cancelled)


class Embeddings:
    """A server that makes the vector (number of a's, number of b's) of a text, and refuses long ones."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.nonsense = False

    def __call__(self, body: Any) -> bytes:
        if self.nonsense:
            return document({"object": "list"})
        inputs = body["input"]
        if any(len(text) > LONGEST for text in inputs):
            refusal = {"error": {"code": 500, "message": "input is too large to process", "type": "server_error"}}
            return document(refusal, "500 Internal Server Error")
        self.texts += inputs
        made = [{"index": at, "embedding": [text.count("a"), text.count("b")]} for at, text in enumerate(inputs)]
        return document({"data": made[::-1]})


class Bench:
    """An embedder, what it asks, and what it is asked through."""

    def __init__(self, server: ScriptedServer, folder: Path) -> None:
        self.made = Embeddings()
        server.choose = lambda _path: (self.made(server.requests[-1][2]),)
        self.lender = Lender(
            server.address, (served("chat"), MODEL, served("large", ModelKind.EMBEDDING, size_bytes=99))
        )
        self.store = VectorStore(folder / "vectors.sqlite3")
        self.embedder = Embedder(lambda: self.lender, self.store)

    def vectors(self, *passages: str, question: str = "a", model: ServedModel = MODEL) -> list[tuple[float, ...]]:
        found, asked = self.embedder.vectors(model, passages, question, never, unheard)
        return [*found, asked]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with scripted_server(tmp_path) as server:
        made = Bench(server, tmp_path)
        yield made
        made.store.close()


def test_the_smallest_embedding_model_is_taken_and_none_where_there_is_none(bench: Bench) -> None:
    assert bench.embedder.model() is MODEL
    bench.lender.served = (served("chat"),)
    assert bench.embedder.model() is None


def test_passages_and_question_become_vectors_of_length_one_in_their_order(bench: Bench) -> None:
    passages = ["a" * number + "b" for number in range(40)]
    found = bench.vectors(*passages, question="aaaabbb")
    assert found[-1] == pytest.approx((0.8, 0.6)) and found[0] == pytest.approx((0.0, 1.0))
    assert [one[0] for one in found[:-1]] == sorted(one[0] for one in found[:-1])
    assert bench.lender.released.get(timeout=30).released == 1


def test_what_was_read_once_is_not_read_again(bench: Bench) -> None:
    first = bench.vectors("aab", "b", question="a")
    bench.made.texts.clear()
    again = bench.vectors("aab", "b", question="a")
    assert all(one == pytest.approx(before) for one, before in zip(again, first, strict=True))
    assert bench.made.texts == [] and len(bench.lender.beside) == 1
    bench.vectors("aab", "ba", question="a")
    assert bench.made.texts == ["ba"]


def test_another_model_reads_for_itself(bench: Bench) -> None:
    bench.vectors("ab")
    bench.vectors("ab", model=served("minilm", ModelKind.EMBEDDING, size_bytes=11))
    assert bench.made.texts.count("ab") == 2


def test_one_that_is_too_long_is_the_middle_of_its_halves_and_the_others_are_whole(bench: Bench) -> None:
    found = bench.vectors("a" * 90 + "b" * 90, "b")
    assert found[0] == pytest.approx((0.7071, 0.7071), abs=1e-4) and found[1] == pytest.approx((0.0, 1.0))


def test_a_model_that_wants_words_before_a_text_gets_them(bench: Bench) -> None:
    nomic = served("nomic", ModelKind.EMBEDDING, architecture="nomic-bert")
    bench.vectors("passage", question="question", model=nomic)
    assert bench.made.texts == ["search_document: passage", "search_query: question"]


def test_without_room_it_says_so(bench: Bench) -> None:
    bench.lender.refusal = EngineError("no room", "close")
    with pytest.raises(HeftError, match="no room"):
        bench.vectors("ab")


def test_it_is_given_up_between_requests_and_the_model_given_back(bench: Bench) -> None:
    with pytest.raises(CancelledError):
        bench.embedder.vectors(
            MODEL, ["a" * number for number in range(40)], "b", lambda: bool(bench.made.texts), unheard
        )
    assert bench.lender.released.get(timeout=30).released == 1


def test_it_tells_how_far_it_is(bench: Bench) -> None:
    steps: list[Progress] = []
    bench.embedder.vectors(MODEL, [f"a{number}" for number in range(31)], "b", never, steps.append)
    assert [(step.done, step.total) for step in steps] == [(16, 32), (32, 32)]


def test_a_server_that_answers_nonsense_is_said_so(bench: Bench) -> None:
    bench.made.nonsense = True
    with pytest.raises(HeftError, match="no vectors"):
        bench.vectors("ab")
