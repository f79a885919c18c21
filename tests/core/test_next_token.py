"""Where two answers part, and what each model held for likely there."""

from __future__ import annotations

import pytest

from desktop.core.next_token import Difference, NextToken, first_difference, pieces_before, thought


def test_where_two_texts_part() -> None:
    assert first_difference("same", "same") is None
    assert first_difference("The sea is salt", "The sea is blue") == Difference(11, "The sea is ", ("salt", "blue"))
    assert first_difference("short", "shorter") == Difference(5, "short", ("", "er"))
    far = first_difference("x" * 100 + "a" * 100, "x" * 100 + "b")
    assert far is not None and far.at == 100 and far.alike == "x" * 40 and far.texts == ("a" * 60, "b")


@pytest.mark.parametrize(
    ("own", "other", "before"),
    [
        (["The", " sea"], "The sea", None),
        (["The", " sea", " is"], "The sun", 1),  # within a token
        (["The", " sea", " is"], "The sea was", 2),
        (["The", " sea"], "The sea is", 2),  # the own answer ended
        (["The", " sea", " is"], "The sea", 2),  # the other one ended
        ([], "The", 0),
    ],
)
def test_the_token_in_which_they_part(own: list[str], other: str, before: int | None) -> None:
    assert pieces_before(own, other) == before


def test_what_was_held_of_the_others_token() -> None:
    tokens = [NextToken(" sea", 0.6), NextToken(" s", 0.2), NextToken(" sun", 0.1), NextToken("", 0.05)]
    found = thought(["The", " sea", " is"], "The sun", 1, tokens)
    assert (found.own, found.own_probability, found.other, found.other_probability) == (" sea", 0.6, " sun", 0.1)
    assert found.begun == "The" and found.tokens[0].text == " sea"


def test_a_token_that_is_not_told_of_has_no_probability() -> None:
    found = thought(["The", " sea"], "The oak tree", 1, [NextToken(" sea", 0.9)])
    assert found.other == " oak tre" and found.other_probability is None


def test_an_end_is_a_token_too() -> None:
    tokens = [NextToken(" is", 0.7), NextToken("", 0.3)]
    mine = thought(["The", " sea", " is"], "The sea", 2, tokens)
    assert (mine.own, mine.other, mine.other_probability) == (" is", "", 0.3)
    its = thought(["The", " sea"], "The sea is", 2, tokens)
    assert (its.own, its.own_probability, its.other, its.other_probability) == ("", 0.3, " is", 0.7)
