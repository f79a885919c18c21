"""Reasoning in an answer's text: taken apart wherever the text is cut, and no character of it lost."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.engine.endpoint.reasoning import _OPENINGS, ReasoningSplitter

THOUGHT, ANSWER = "\nThe user greets, so `1 < 2`.\n", "\n\nHello [you]!\n```\n<think>\n```\n"
TAGS = sorted({*_OPENINGS, *(tag for opening in _OPENINGS.values() for tag in opening.closings)})
HARMONY = "<|start|>assistant<|channel|>"


def split(pieces: list[str], *, opened: bool | None = None) -> tuple[str, str]:
    """Reasoning and text as a listener holds them in the end."""
    splitter = ReasoningSplitter(opened=opened)
    reasoning, text = "", ""
    for part in [*map(splitter.feed, pieces), splitter.finish()]:
        if part.turned:
            reasoning, text = reasoning + text, ""
        reasoning, text = reasoning + part.reasoning, text + part.text
    return reasoning, text


def cut(text: str, cuts: list[int]) -> list[str]:
    places = sorted({0, len(text), *(place % (len(text) + 1) for place in cuts)})
    return [text[a:b] for a, b in itertools.pairwise(places)]


def anyhow(text: str, *, opened: bool | None = None) -> tuple[str, str]:
    """The result, which is the same in one piece and letter by letter."""
    whole = split([text], opened=opened)
    assert split(list(text), opened=opened) == whole
    return whole


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("<think>", "</think>"),
        ("<thinking>", "</thinking>"),
        ("<think>", "</thinking>"),
        ("<thought>", "</thought>"),
        ("[THINK]", "[/THINK]"),
        ("<seed:think>", "</seed:think>"),
        ("<mm:think>", "</mm:think>"),
        ("◁think▷", "◁/think▷"),
        ("<|START_THINKING|>", "<|END_THINKING|>"),
        ("<|START_THINKING|>", "<|END_THINKING|><|START_RESPONSE|>"),
        ("<|channel>thought", "<channel|>"),
        ("<|channel|>analysis<|message|>", f"<|end|>{HARMONY}final<|message|>"),
        (f"{HARMONY}analysis<|message|>", f"<|end|>{HARMONY}final<|message|>"),
        ("<|channel|>analysis<|message|>", f"{HARMONY}final<|message|>"),
        ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),
        ("<|think|>", "<|end|><|begin|>assistant<|content|>"),
        ("<|open|>think<|sep|>", "<|close|>think<|sep|><|open|>response<|sep|>"),
        (" to=self<|message|>", "<|eom|><|start|>assistant to=user<|message|>"),
        ("<|begin_of_thought|>", "<|end_of_thought|>\n\n<|begin_of_solution|>"),
    ],
)
def test_the_tags_of_all_families(opening: str, closing: str) -> None:
    reasoning, text = anyhow(f"\n{opening}{THOUGHT}{closing}{ANSWER}")
    assert (reasoning.strip(), text.strip()) == (THOUGHT.strip(), ANSWER.strip())
    assert reasoning.endswith(THOUGHT) and text.endswith(ANSWER)
    stopped, nothing = anyhow(f"{opening}{THOUGHT}")
    assert (stopped.strip(), nothing.strip()) == (THOUGHT.strip(), "")


@pytest.mark.parametrize("closing", ["</think>", "[/THINK]", "</seed:think>", "<channel|>", "<|END_THINKING|>"])
def test_a_passage_that_the_prompt_opened(closing: str) -> None:
    assert anyhow(f"{THOUGHT}{closing}{ANSWER}", opened=True) == (THOUGHT, ANSWER)
    assert anyhow(THOUGHT, opened=True) == (THOUGHT, "")
    assert anyhow(f"{closing}{ANSWER}", opened=True) == ("", ANSWER)


def test_a_model_that_opens_what_the_prompt_opened_already() -> None:
    assert anyhow(f"<think>{THOUGHT}</think>{ANSWER}", opened=True) == (THOUGHT, ANSWER)


def test_a_closing_tag_that_nothing_opened_turns_what_was_before_it() -> None:
    splitter = ReasoningSplitter()
    first = splitter.feed("so I think\n\nand\n")
    assert (first.text, first.turned) == ("so I think\n\nand\n", False)
    second = splitter.feed("</think>\nYes.")
    assert (second.reasoning, second.text, second.turned) == ("", "\nYes.", True)
    assert anyhow("so I think\n\nand\n</think>\nYes.") == ("so I think\n\nand\n", "\nYes.")
    assert anyhow("so I think\n[BEGIN FINAL RESPONSE]\nYes.") == ("so I think\n", "\nYes.")


@pytest.mark.parametrize(
    "text",
    [
        "Use the `<think>` tag",
        "Yes.\n<think>\nno\n</thi",
        "```\n<think>\n```",
        "```\n</think>\n```",
        "~~~ html\n```\n</think>\n~~~",
        "a </think> b",
        "[THINKING] about it",
        "<thinker>",
        "today",
        "to=",
        "<",
        "  \n ",
        "Here are my reasoning steps:\n1. none",
    ],
)
def test_a_tag_that_is_only_mentioned_is_text(text: str) -> None:
    assert anyhow(text) == ("", text)


def test_where_the_prompt_opened_nothing_a_closing_tag_is_text() -> None:
    assert anyhow("so\n</think>\nYes.", opened=False) == ("", "so\n</think>\nYes.")


def test_after_the_answer_has_begun_tags_are_text() -> None:
    assert anyhow("<think>a</think>Yes.\n</think>\n<think>b</think>") == ("a", "Yes.\n</think>\n<think>b</think>")


def test_several_passages_before_the_answer_are_one() -> None:
    assert anyhow("<think>a</think>\n<think>b</think>Yes.") == ("a\nb", "Yes.")
    twice = f"<|channel|>analysis<|message|>Greets.<|end|>{HARMONY}analysis<|message|>Short.<|end|>"
    assert anyhow(f"{twice}{HARMONY}final<|message|>Hi!<|return|>") == ("Greets.\n\nShort.", "Hi!")


def test_an_announcement_of_gpt_oss_belongs_to_the_answer() -> None:
    looks = "<|channel|>commentary<|message|>I look. <|end|>"
    assert anyhow(f"{looks}{HARMONY}analysis<|message|>Hm<|end|>{HARMONY}final<|message|>Hi") == ("Hm", "I look. Hi")


def test_reasoning_is_given_as_it_comes() -> None:
    splitter = ReasoningSplitter()
    assert [splitter.feed(piece)[:2] for piece in ("<thi", "nk>one ", "two <", "3", "</think", ">", "Yes")] == [
        ("", ""), ("one ", ""), ("two ", ""), ("<3", ""), ("", ""), ("", ""), ("", "Yes"),
    ]  # fmt: skip


WORDS = st.lists(
    st.one_of(
        st.sampled_from((*TAGS, *(tag[:-2] for tag in TAGS))), st.sampled_from(("a", "\n", " ", "```\n", "<", "é"))
    ),
    max_size=16,
).map("".join)


@settings(max_examples=600, deadline=None)
@given(WORDS, st.lists(st.integers(0, 1000), max_size=12), st.sampled_from((None, True, False)))
def test_what_comes_out_does_not_depend_on_the_cuts_and_is_all_there_was(
    text: str, cuts: list[int], opened: bool | None
) -> None:
    reasoning, out = split([text], opened=opened)
    assert split(cut(text, cuts), opened=opened) == (reasoning, out)
    # what is missing are whole tags: what is left can be had from the text by taking some of its tags out
    kept = sorted(re.sub(r"\s", "", reasoning + out))
    tags = re.findall("|".join(re.escape(tag) for tag in sorted(TAGS, key=len, reverse=True)), text)
    lost = sorted(re.sub(r"\s", "", text))
    for letter in kept:
        lost.remove(letter)
    assert len(lost) <= sum(map(len, tags))
    if not tags:
        assert (out, reasoning) in ((text, ""), ("", text))
