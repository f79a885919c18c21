"""What passages are searched by: their statements one by one, and the words that tell them apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from support.scripted_documents import TOPICS, ScriptedEmbedder, document_service

from desktop.core.cancelled import Cancelled
from desktop.core.documents.choosing import best_of
from desktop.core.documents.pieces import Piece, statements_of
from desktop.core.documents.text import DocumentText, Paging
from desktop.core.documents.way import Way
from desktop.core.documents.word_search import word_scores
from desktop.core.progress import Report
from desktop.services.documents.retrieval import Source
from desktop.services.documents.service import Wish
from desktop.services.serve.api import ServedModel
from desktop.store.vectors import Vector

MODEL = Path("model.gguf")


def document(pages: Sequence[str]) -> Source:
    starts = tuple(sum(map(len, pages[:number])) for number in range(len(pages)))
    return Source("a.pdf", "ab" * 32, DocumentText("PDF", "".join(pages), starts, Paging.PAGES))


class Hearing(ScriptedEmbedder):
    """Keeps what it was given."""

    def vectors(
        self, model: ServedModel, passages: Sequence[str], question: str, cancelled: Cancelled, report: Report
    ) -> tuple[list[Vector], Vector]:
        self.heard = list(passages)
        return super().vectors(model, passages, question, cancelled, report)


def test_a_sentence_among_others_is_found_though_its_passage_is_of_something_else() -> None:
    others = ". ".join(f"Much is said of the {topic}" for topic in TOPICS if topic != "pets")
    pages = [f"{'word ' * 300}animals of the {topic}, {others}.\n" for topic in TOPICS if topic != "pets"]
    pages[4:4] = [f"{'word ' * 280}. {others}. {'more ' * 60}. What the pets may do is this.\n"]
    embedder = Hearing()
    found = document_service(embedder).enclose([Wish(document(pages), Way.PASSAGES)], "pets?", 700, MODEL)
    assert found.citations[0].first.page == 5
    assert "What the pets may do is this." in embedder.heard


def test_words_that_are_everywhere_do_not_outweigh_the_meaning() -> None:
    pages = [f"About {topic}. When will it be? {'when will be ' * 20}{'filler ' * 300}\n" for topic in TOPICS]
    wanted = TOPICS.index("pets")
    pages[wanted] = f"About pets and heating. When will it be? {'filler ' * 360}\n"
    asked = "When will animals be warm?"
    found = document_service(ScriptedEmbedder()).enclose([Wish(document(pages), Way.PASSAGES)], asked, 600, MODEL)
    assert [one.first.page for one in found.citations] == [wanted + 1]


def test_statements_are_sentences_together_as_long_as_they_are_short() -> None:
    text = "One. Two is longer. Three.\nA line of its own.\n\nLast one here."
    spans = statements_of(text, Piece(0, len(text), 20), most=20)
    found = [text[start:end] for start, end in spans]
    assert found == ["One. Two is longer.", "Three.", "A line of its own.", "Last one here."]
    assert len(statements_of("x" * 900, Piece(0, 900, 300))) == 1
    assert best_of([0.1, 0.9, 0.3], [2, 0, 1]) == [0.9, 0.0, 0.3]


def test_words_that_tell_are_those_that_few_texts_have() -> None:
    texts = ["when will it be", "when it rains", "when the garden is dry", "when not"]
    assert word_scores(texts, "when garden", telling=True)[:2] == [0.0, 0.0]
    assert word_scores(texts, "when garden", telling=True)[2] > 0
    assert all(score > 0 for score in word_scores(texts, "when garden"))
