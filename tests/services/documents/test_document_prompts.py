"""Documents into a prompt: whole where they fit, else what a person chose, and never more than there is room for."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.scripted_documents import TOPICS, ScriptedEmbedder, document_service

from desktop.core.documents.text import DocumentNote, DocumentText, Paging, Remark, TextPlace
from desktop.core.documents.way import Way
from desktop.core.errors import EngineError, HeftError
from desktop.core.failures import FailureKind
from desktop.services.documents.counting import EstimatedCounter
from desktop.services.documents.retrieval import Search, Source
from desktop.services.documents.service import Wish, room_left
from desktop.services.documents.words import remark_words, search_words, size_words


def lease(name: str = "lease.pdf") -> Source:
    """Eight pages, one for each topic, of 330 words."""
    pages = [f"About {topic}.\n" + "filler words of no meaning " * 65 + "\n" for topic in TOPICS]
    starts = [sum(map(len, pages[:number])) for number in range(len(pages))]
    return Source(name, "ab" * 32, DocumentText("PDF", "".join(pages), tuple(starts), Paging.PAGES))


MODEL = Path("model.gguf")


def test_a_document_that_fits_goes_whole_and_costs_what_was_said() -> None:
    made = document_service()
    costs, exact = made.cost([lease()], MODEL)
    found = made.enclose([Wish(lease(), Way.WHOLE)], "Are pets allowed?", costs[0], MODEL)
    assert exact and found.tokens == costs[0] and not found.citations
    assert all(f"About {topic}." in found.text for topic in TOPICS)


def test_one_that_does_not_fit_is_refused_with_figures_and_what_can_be_chosen() -> None:
    made = document_service()
    (cost,), _ = made.cost([lease()], MODEL)
    with pytest.raises(HeftError) as refused:
        made.enclose([Wish(lease(), Way.WHOLE)], "Are pets allowed?", cost - 1, MODEL)
    assert refused.value.kind is FailureKind.CONTEXT_FULL
    assert f"{cost:,} tokens" in refused.value.message and f"{cost - 1:,} are left" in refused.value.message
    assert "parts that matter" in refused.value.hint and "beginning" in refused.value.hint


def test_its_beginning_ends_at_a_line_and_says_that_it_goes_on() -> None:
    found = document_service().enclose([Wish(lease(), Way.BEGINNING)], "What is this?", 400, MODEL)
    assert found.tokens <= 400 and "About rent." in found.text and "About heating." not in found.text
    assert "goes on" in found.text


def test_a_beginning_may_be_shorter_than_the_room() -> None:
    found = document_service().enclose([Wish(lease(), Way.BEGINNING, tokens=150)], "What is this?", 4000, MODEL)
    assert 50 < found.tokens <= 150


@pytest.mark.parametrize("question", ["animals?", "Are animals allowed, and does it get warm?"])
def test_passages_are_found_by_meaning_with_their_pages(question: str) -> None:
    found = document_service(ScriptedEmbedder()).enclose([Wish(lease(), Way.PASSAGES)], question, 1000, MODEL)
    assert found.passages is not None and found.passages.search is Search.MEANING
    assert TextPlace(2, 1) in [one.first for one in found.citations] and "About pets." in found.text
    assert found.tokens <= 1000 and "with minilm" in search_words(found.passages)


def test_without_an_embedding_model_they_are_found_by_words_and_it_is_said() -> None:
    found = document_service().enclose(
        [Wish(lease(), Way.PASSAGES)], "What about the garden?", 600, MODEL, first_number=5
    )
    assert found.passages is not None and found.passages.search is Search.WORDS
    assert [(one.number, one.first.page) for one in found.citations] == [(5, 3)]
    assert found.text.count("[5] lease.pdf, page 3") == 1
    said = search_words(found.passages)
    assert "by the words of the question" in said and "Download an embedding model" in said


def test_an_embedding_model_that_fails_is_told_and_words_are_searched() -> None:
    failure = EngineError("There is no room.", "Close other programs.", kind=FailureKind.OUT_OF_MEMORY)
    found = document_service(ScriptedEmbedder(failure)).enclose([Wish(lease(), Way.PASSAGES)], "garden", 600, MODEL)
    assert found.passages is not None and [one.first.page for one in found.citations] == [3]
    assert search_words(found.passages).endswith("There is no room. Close other programs.")


def test_a_question_without_any_of_its_words_gets_the_beginning_and_it_is_said() -> None:
    found = document_service().enclose([Wish(lease(), Way.PASSAGES)], "Zusammenfassung?", 600, MODEL)
    assert found.passages is not None and [one.first.page for one in found.citations] == [1]
    assert "None of the question's words" in search_words(found.passages)


def test_several_documents_share_the_room() -> None:
    wishes = [Wish(lease("a.pdf"), Way.PASSAGES), Wish(lease("b.pdf"), Way.PASSAGES)]
    found = document_service().enclose(wishes, "garden", 1200, MODEL)
    assert [(one.number, one.name, one.first.page) for one in found.citations] == [(1, "a.pdf", 3), (2, "b.pdf", 3)]
    assert found.tokens <= 1200


@pytest.mark.parametrize("way", [Way.BEGINNING, Way.PASSAGES])
def test_without_room_for_a_part_it_is_refused(way: Way) -> None:
    with pytest.raises(HeftError) as refused:
        document_service().enclose([Wish(lease(), way)], "why?", 40, MODEL)
    assert refused.value.kind is FailureKind.CONTEXT_FULL and "no room for lease.pdf" in refused.value.message


def test_room_is_what_the_context_leaves_beside_the_answer() -> None:
    assert room_left(8192, 1000) == 8192 - 1000 - 1024
    assert room_left(2048, 0) == 1536 and room_left(2048, 100, 300) == 1648 and room_left(512, 600) == 0
    assert room_left(0, 0) > 1 << 20  # another server, which does not tell its context


def test_of_another_servers_model_the_cost_is_about() -> None:
    (cost,), exact = document_service().cost([lease()], None)
    assert not exact and cost > 1000
    assert size_words(lease().document, cost, exact=exact) == f"PDF, 8 pages, about {cost:,} tokens"
    counter = EstimatedCounter()
    text = "Grüße " * 500
    assert counter.count([text[: counter.beginning(text, 100)]])[0] <= 100


@pytest.mark.parametrize("note", list(DocumentNote))
def test_each_remark_has_words(note: DocumentNote) -> None:
    assert remark_words(Remark(note, "PDF", 1)).endswith(".")
