"""A text that goes round in circles is noticed; a table, code, a list and a song that repeat with reason are not."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.core.repetition import CHECKED, RepetitionWatch

BEGINNING = "Rivers carry dissolved minerals from the rocks into the sea, where the water evaporates and they stay.\n\n"
SENTENCE = "The sea is salty because it is salty. "
PARAGRAPH = (
    "The salt comes from rocks. " + "It is carried by rivers over a very long time. " * 2 + "That is all there is.\n\n"
)

CIRCLES = {
    "a sentence": SENTENCE * 8,
    "a line": "I hope this helps you with your question!\n" * 8,
    "a paragraph": PARAGRAPH * 6,
    "a long paragraph": "".join(f"Sentence number {n} says what no other one of them does. " for n in range(9)) * 4,
    "two lines by turns": "Yes, that is what I said before.\nNo, that is not what I meant.\n" * 7,
    "words": "very " * 50,
    "one letter": "G" * 220,
    "one sign": "!" * 220,
    "Chinese": "海水是咸的，因为它是咸的。" * 30,
    "numbered items that say the same": "".join(f"{n}. The sea is salty because of salt.\n" for n in range(1, 16)),
    "the same item": "- The model is good at writing.\n" * 14,
    "blank lines between": "Thank you for asking me this.\n\n\n" * 9,
    "after a table": "| a | b |\n|---|---|\n| 1 | 2 |\n\n" + SENTENCE * 8,
    "after code": "```python\nprint(1)\n```\n" + SENTENCE * 8,
}

FINE = {
    "a table": "| day | task |\n|---|---|\n" + "| any | Water the plants in the garden |\n" * 40,
    "a table without edges": "day | task\n--- | ---\n" + "any | Water the plants in the garden\n" * 40,
    "code": "```c\n" + 'printf("hello, hello, hello");\n' * 40 + "```\n",
    "code that is not closed yet": "~~~\n" + "call the function again and again\n" * 40,
    "indented code": "    call_the_function_again()\n" * 40,
    "code without marks": "counter.increment_by_one();\n" * 40,
    "values separated by tabs": "name\tvalue\tunit\n" * 40,
    "a multiplication table": "".join(f"7 times {n} is {7 * n}\n" for n in range(1, 60)),
    "days": "".join(f"- Day {n}: walk for thirty minutes in the park\n" for n in range(1, 60)),
    "equal short items": "1. Rest\n" * 20,
    "equal items of a plan": "- 3 sets of 10 push-ups\n" * 10,
    "a plan by weeks": "".join(
        f"Week {n}\n- Monday: pull\n- Tuesday: push\n- Wednesday: legs\n- Thursday: rest\n" for n in range(1, 13)
    ),
    "a song": ("Row, row, row your boat, gently down the stream,\nMerrily, merrily, life is but a dream.\n") * 4,
    "laughter": "ha" * 40,
    "lines": ("-" * 400 + "\n") * 3,
    "zeros": "0.000 " * 100,
    "stars": "* " * 300,
    "a refrain": "".join(
        f"Verse {n} tells something new of the sailor's way.\nAnd the wind blows on.\n" for n in range(20)
    ),
    "many words of few kinds": "".join(f"{a} {b} {c}. " for a in "abcd" for b in "efgh" for c in "ijklmnop"),
}


def pieces(text: str, size: int = 5) -> Iterator[str]:
    """As tokens come."""
    return (text[start : start + size] for start in range(0, len(text), size))


def notices(text: str) -> bool:
    watch = RepetitionWatch()
    return any(watch.feed(piece) for piece in pieces(BEGINNING + text))


@pytest.mark.parametrize("text", CIRCLES.values(), ids=CIRCLES)
def test_circles_are_noticed_however_they_begin_and_come(text: str) -> None:
    assert notices(text)
    assert RepetitionWatch().feed(BEGINNING + text)  # at once


@pytest.mark.parametrize("text", FINE.values(), ids=FINE)
def test_what_repeats_with_reason_is_left_alone(text: str) -> None:
    assert not notices(text)
    assert not RepetitionWatch().feed(BEGINNING + text)


def test_the_documentation_of_heft_has_no_circles() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (Path(__file__).parents[2] / "docs").rglob("*.md")]
    assert len(texts) > 3
    assert not [text[:40] for text in texts if notices(text)]


def test_it_stays_noticed_from_turn_to_turn_and_ends_with_something_new() -> None:
    watch = RepetitionWatch()
    items = "".join(f"{n}. The sea is salty because of salt.\n" for n in range(1, 90))
    told = [watch.feed(piece) for piece in pieces(items)]
    assert told[told.index(True) :] == [True] * (len(told) - told.index(True))
    ended = [watch.feed(piece) for piece in pieces("".join(f"But {n} more things are new. " for n in range(50)))]
    assert ended[0] and not ended[-1]


def test_a_look_is_taken_once_for_so_many_characters_and_costs_next_to_nothing() -> None:
    watch, text = RepetitionWatch(), re.sub(r"\d", "x", "".join(f"word{n} " for n in range(20_000)))
    looks = []
    watch._look = lambda: looks.append(1)  # type: ignore[method-assign]
    for piece in pieces(text, 4):
        watch.feed(piece)
    assert len(looks) <= len(text) / CHECKED
    watch, before = RepetitionWatch(), time.process_time()
    for piece in pieces(text, 4):
        watch.feed(piece)
    each = (time.process_time() - before) / (len(text) / 4)
    assert each < 100e-6  # seconds a token; 2e-6 on an idle computer, where a token takes 10,000e-6
