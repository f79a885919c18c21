"""Which pieces of documents match a question: words of any script, vectors, both together, as far as tokens go."""

from __future__ import annotations

import pytest

from desktop.core.documents.choosing import chosen, closeness, fused, unit
from desktop.core.documents.pieces import Piece
from desktop.core.documents.word_search import terms_of, word_scores

TEXTS = [
    "The lease begins on the first of May and ends after three years.",
    "Termination: either party may end the lease with three months' notice in writing.",
    "The kitchen was painted in 2019. The garden belongs to the ground floor.",
    "Pets are allowed as long as no neighbour complains about them.",
]


def best(question: str, texts: list[str] = TEXTS) -> int:
    scores = word_scores(texts, question)
    return max(range(len(texts)), key=scores.__getitem__)


@pytest.mark.parametrize(
    ("question", "piece"), [("How many months of notice, and in writing?", 1), ("are PETS allowed", 3), ("garden?", 2)]
)
def test_the_piece_with_the_rare_words_of_the_question_comes_first(question: str, piece: int) -> None:
    assert best(question) == piece


def test_case_and_accents_do_not_matter() -> None:
    assert terms_of("Übergröße, CAFÉ") == terms_of("ubergrosse cafe")


def test_a_script_without_spaces_is_searched_by_pairs_of_signs() -> None:
    texts = ["合同的终止需要提前三个月书面通知。", "厨房在二零一九年粉刷过。", "允许养宠物。"]
    assert best("如何终止合同？", texts) == 0 and best("宠物", texts) == 2
    assert terms_of("机") == ["机"] and terms_of("GPU机器") == ["gpu", "机器"]


def test_what_has_none_of_the_words_scores_nothing() -> None:
    assert word_scores(TEXTS, "quantum chromodynamics") == [0.0] * 4
    assert word_scores([], "lease") == [] and word_scores(["", " "], "lease") == [0.0, 0.0]


def test_two_rankings_together_prefer_what_both_have() -> None:
    assert fused([3.0, 2.0, 0.0], [0.0, 5.0, 4.0])[0] == 1
    assert fused([0.0, 0.0]) == []
    assert sorted(fused([1.0, 0.0], [0.0, 1.0])) == [0, 1]


def test_closeness_is_the_cosine() -> None:
    vectors = [unit((3.0, 4.0)), unit((-4.0, 3.0)), unit((-3.0, -4.0)), unit((0.0, 0.0))]
    assert closeness(vectors, unit((6.0, 8.0))) == pytest.approx([1.0, 0.0, -1.0, 0.0])


def test_pieces_are_taken_as_far_as_tokens_go_and_told_in_their_order() -> None:
    pieces = [Piece(0, 1, 40), Piece(1, 2, 50), Piece(2, 3, 30), Piece(3, 4, 10)]
    assert chosen(pieces, [2, 1, 0, 3], 85) == [1, 2]
    assert chosen(pieces, [1, 0, 3], 65) == [1, 3]
    assert chosen(pieces, [0], 5) == []
