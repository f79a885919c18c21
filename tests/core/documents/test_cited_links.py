"""Numbers of passages in an answer become links, and copied they are numbers again."""

from __future__ import annotations

import pytest

from desktop.core.documents.cited_links import link_words, passage_number, with_links, without_links
from desktop.core.documents.prompt import Citation
from desktop.core.documents.text import Paging, TextPlace
from desktop.core.markdown import parse

CITED = [
    Citation(number, "my lease (2).pdf", "00", Paging.PAGES, TextPlace(number, 12), TextPlace(number, 12), 0, 1)
    for number in (1, 2)
]


def test_each_number_leads_to_its_passage_and_others_stay() -> None:
    answer = "Three months [1], see [1, 2] and [3]; `[1]` is code."
    linked = with_links(answer, CITED)
    assert linked.count("](passage:") == 3 and "[3]" in linked and "`[1]`" in linked
    assert without_links(linked) == answer


@pytest.mark.parametrize("answer", ["Yes [1].", "- a [2]\n- b [1, 2]", "| a |\n|---|\n| x [1] |"])
def test_markdown_reads_them_as_links(answer: str) -> None:
    linked = with_links(answer, CITED)
    assert "passage:1/my%20lease%20%282%29.pdf" in linked or "passage:2" in linked
    assert "passage:" in repr(list(parse(linked)))


def test_a_link_says_the_place_and_only_such_links_are_passages() -> None:
    address = with_links("[2]", CITED)[5:-2]
    assert passage_number(address) == 2 and link_words(address) == "my lease (2).pdf, page 2, line 12"
    assert passage_number("https://a.b/passage:1") is None and link_words("https://a.b") == "https://a.b"
    assert passage_number("passage:x") is None and passage_number("passage:3") == 3


def test_an_answer_without_passages_is_the_same() -> None:
    assert with_links("See [1].", []) == "See [1]."
