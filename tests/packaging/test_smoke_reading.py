"""What the smoke run reads from a screen: Tesseract's table, places to click, and how much of an answer is there."""

from __future__ import annotations

import pytest
from smoke_reading import enlarged, lines_of, place_of, share_read, stands_in, text_of, words_of

TABLE = """level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext
1\t1\t0\t0\t0\t0\t0\t0\t2560\t1600\t-1\t
5\t1\t1\t1\t1\t1\t100\t40\t40\t20\t96\tOpen
5\t1\t1\t1\t1\t2\t150\t40\t30\t20\t95\tthe
5\t1\t1\t1\t1\t3\t190\t40\t20\t20\t95\tlog
5\t1\t1\t1\t1\t4\t220\t40\t60\t20\t95\tfolder
5\t1\t2\t1\t1\t1\t100\t90\t50\t20\t12\t \n5\t1\t3\t1\t1\t1\t100\t120\t50\t20\t90\tAbout
5\t1\t3\t1\t1\t2\t160\t120\t40\t20\t90\tHeft
"""
ANSWER = "The capital of France is Paris. It lies on the Seine, and has two million inhabitants."


def test_a_table_becomes_lines_of_words_with_their_places() -> None:
    lines = lines_of(TABLE)
    assert text_of(lines) == "Open the log folder\nAbout Heft"
    assert (lines[1][1].x, lines[1][1].y) == (90, 65)


@pytest.mark.parametrize(
    ("phrase", "place"),
    [("Open the log folder", (60, 25)), ("log folder", (100, 25)), ("About Heft", (62, 65)), ("About folder", None)],
)
def test_a_phrase_is_clicked_on_its_first_word(phrase: str, place: tuple[int, int] | None) -> None:
    assert place_of(lines_of(TABLE), phrase) == place


def test_a_misread_letter_of_a_long_word_is_forgiven() -> None:
    lines = lines_of(TABLE.replace("folder", "tolder"))
    assert place_of(lines, "Open the log folder") == (60, 25)
    assert stands_in("log folder", text_of(lines)) and stands_in("About Heft", text_of(lines))


@pytest.mark.parametrize(("words", "seen"), [("ready", "read"), ("verified", "verify"), ("stopped working", "stopped")])
def test_other_words_are_not(words: str, seen: str) -> None:
    assert not stands_in(words, seen)


def test_an_answer_is_read_in_spite_of_misread_words_and_line_breaks() -> None:
    seen = "What is the capital\nThe capltal of France is\nParis. lt lies on the Seine, and has two mi||ion\npeople."
    assert share_read(ANSWER, seen) > 0.7


def test_another_page_is_no_answer() -> None:
    seen = "What is the capital of France\nThe engine crashed while loading the model\nSettings Context Memory"
    assert share_read(ANSWER, seen) < 0.4


def test_of_a_long_answer_the_end_is_looked_for() -> None:
    answer = "scrolled away " * 50 + "last words stand here " * 10
    assert share_read(answer, "last words stand here") == 1.0
    assert share_read(answer, "scrolled away") == 0.0


def test_an_answer_without_words_is_not_read() -> None:
    assert share_read("42 !", "42 !") == 0.0


def test_words_are_letters_of_any_language() -> None:
    assert words_of("Größe & Maß, 4,096 tok/s: a_b Ångström") == ["größe", "maß", "tok", "ångström"]


def test_each_pixel_becomes_four() -> None:
    picture = enlarged(2, 1, bytes((1, 2, 3, 4, 5, 6)))
    row = bytes((1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6))
    assert picture == b"P6 4 2 255\n" + row + row
