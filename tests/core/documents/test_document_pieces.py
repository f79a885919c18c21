"""Documents cut into pieces that end at paragraphs, of which each knows its page and line."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from desktop.core.documents.pieces import Piece, pieces_of
from desktop.core.documents.text import DocumentText, Paging, TextPlace


def words(texts: Sequence[str]) -> list[int]:
    """A tokenizer for which each word is a token."""
    return [len(text.split()) for text in texts]


def cut(text: str, starts: tuple[int, ...] = (), *, least: int = 30, most: int = 50) -> list[str]:
    document = DocumentText("text", text, starts, Paging.PAGES if starts else Paging.NONE)
    return [text[piece.start : piece.end] for piece in pieces_of(document, words, least=least, most=most)]


def test_pieces_end_where_paragraphs_do() -> None:
    paragraphs = [" ".join(f"p{number}w{word}" for word in range(20)) for number in range(6)]
    pieces = cut("\n\n".join(paragraphs))
    assert pieces == ["\n\n".join(paragraphs[at : at + 2]) for at in (0, 2, 4)]


def test_no_word_is_lost_and_none_is_twice() -> None:
    text = "One line\nand the next.\n\n \n" + "A sentence here. " * 40 + "\n\n" + "word " * 200 + "\nlast"
    assert " ".join(cut(text)).split() == text.split()


def test_a_long_paragraph_is_cut_at_sentences_then_at_words_then_anywhere() -> None:
    sentences = "Each of these has five words. " * 30
    assert all(piece.endswith(".") for piece in cut(sentences))
    assert all(0 < len(piece.split()) <= 50 for piece in cut("word " * 400))
    document = DocumentText("text", "x" * 10_000)

    def by_letters(texts: Sequence[str]) -> list[int]:
        return [len(text) // 4 for text in texts]

    pieces = pieces_of(document, by_letters)
    assert "".join(document.text[piece.start : piece.end] for piece in pieces) == document.text
    assert all(piece.tokens <= 500 for piece in pieces)


def test_chinese_sentences_end_without_a_space() -> None:
    def by_letters(texts: Sequence[str]) -> list[int]:
        return [len(text) for text in texts]

    document = DocumentText("text", "这是第一句话。" * 30)
    texts = [document.text[piece.start : piece.end] for piece in pieces_of(document, by_letters, least=30, most=50)]
    assert all(text.endswith("。") for text in texts) and "".join(texts) == document.text


def test_a_page_ends_a_piece_that_is_long_enough_and_no_shorter_one() -> None:
    short, long = "a few words\n", "word " * 35 + "\n"
    text = short + long + "the third page\n"
    pieces = cut(text, (0, len(short), len(short) + len(long)), least=30, most=50)
    assert pieces == [(short + long).strip(), "the third page"]


def test_an_empty_document_has_no_pieces() -> None:
    assert cut("") == [] and cut("\n \n\n") == []


@pytest.mark.parametrize("place", [TextPlace(1, 1), TextPlace(1, 2), TextPlace(2, 1), TextPlace(3, 2)])
def test_a_place_is_found_where_it_says(place: TextPlace) -> None:
    document = DocumentText("PDF", "a\nb\nc\nd\ne\nf\n", (0, 4, 6), Paging.PAGES)
    assert document.place(document.offset(place)) == place


def test_places_without_pages_are_lines_of_the_whole() -> None:
    document = DocumentText("text", "a\nbb\nccc")
    assert document.place(document.text.index("ccc") + 2) == TextPlace(0, 3)
    assert document.offset(TextPlace(0, 3)) == document.text.index("ccc")
    assert document.offset(TextPlace(0, 99)) == document.text.index("ccc")
    assert document.offset(TextPlace(7, 1)) == len(document.text)


def test_pieces_say_what_they_cost() -> None:
    document = DocumentText("text", "one two three\n\nfour five")
    assert pieces_of(document, words) == (Piece(0, len(document.text), 5),)
