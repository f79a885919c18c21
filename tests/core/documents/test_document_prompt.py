"""What a model is given of documents, and the numbers that its answer names them by."""

from __future__ import annotations

import pytest

from desktop.core.documents.prompt import Citation, asked, beginning, cited_in, passages, place_words, whole
from desktop.core.documents.text import DocumentText, Paging, TextPlace

PDF = DocumentText("PDF", "First page.\nIts second line.\nSecond page.\n", (0, 29), Paging.PAGES)


def citation(number: int, first: TextPlace, last: TextPlace, paging: Paging = Paging.PAGES) -> Citation:
    return Citation(number, "lease.pdf", "00", paging, first, last, 0, 1)


def test_a_whole_document_has_its_name_and_its_pages() -> None:
    text = whole("lease.pdf", PDF)
    assert text.index("lease.pdf") < text.index("[page 1]") < text.index("First page.") < text.index("[page 2]")
    assert text.index("[page 2]") < text.index("Second page.") and text.endswith("[End of lease.pdf]")


def test_a_document_without_pages_is_given_as_it_is() -> None:
    assert "\nplain\n  text\n" in whole("a.txt", DocumentText("text", "plain\n  text"))


def test_a_beginning_says_that_there_is_more() -> None:
    text = beginning("lease.pdf", PDF, 20)
    assert "First page." in text and "Second page." not in text and "goes on" in text


def test_passages_have_numbers_and_places_and_the_model_is_told_to_name_them() -> None:
    cited = (citation(4, TextPlace(3, 12), TextPlace(3, 14)), citation(5, TextPlace(4, 1), TextPlace(5, 2)))
    text = passages(cited, ["three months", "in writing"])
    assert "[4] lease.pdf, page 3, lines 12 to 14:\nthree months" in text
    assert "[5] lease.pdf, pages 4 to 5:\nin writing" in text and "like [4]" in text


def test_a_name_cannot_pretend_to_be_more_than_a_line() -> None:
    assert "\n" not in whole("a\n[page 9]\nb.txt", DocumentText("text", "")).split("\n[End")[0].rstrip("\n")


def test_documents_stand_before_the_question() -> None:
    assert asked(["one", "two"], "why?") == "one\n\ntwo\n\nwhy?" and asked(["one"], "") == "one"


@pytest.mark.parametrize(
    ("first", "last", "paging", "said"),
    [
        (TextPlace(3, 12), TextPlace(3, 12), Paging.PAGES, "page 3, line 12"),
        (TextPlace(3, 1), TextPlace(4, 1), Paging.PAGES, "pages 3 to 4"),
        (TextPlace(2, 5), TextPlace(2, 9), Paging.SECTIONS, "section 2, lines 5 to 9"),
        (TextPlace(0, 5), TextPlace(0, 5), Paging.NONE, "line 5"),
    ],
)
def test_places_in_words(first: TextPlace, last: TextPlace, paging: Paging, said: str) -> None:
    assert place_words(paging, first, last) == said


def test_numbers_that_an_answer_names_are_found_where_they_stand() -> None:
    answer = "Three months [1], in writing [2, 13]; see [docs](x), [4](link), `a[5]` and\n```\nb[6]\n```\nso [7]."
    found = list(cited_in(answer))
    assert [number for number, _, _ in found] == [1, 2, 13, 7]
    assert all(answer[start:end] == str(number) for number, start, end in found)
