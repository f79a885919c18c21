"""Where answers end: in the middle of a character, by a string, by a token nobody knows, or never."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.families import Family, Heard, family, said
from support.speaker import BOS, speaker

from desktop.engine.api import ChatMessage, Sampling
from desktop.engine.tools.template_records import CHATML
from desktop.services.chat.answer_parts import Part

pytestmark = pytest.mark.engine
TALK = said(("user", "Ahoy!"))
WAVE = "👋€"  # seven bytes, no one twice: of a byte only the next one is known
GREETING = f"Ahoy {WAVE} sailor!"


def goes_on(held: Family, first: Heard) -> Heard:
    begun = ChatMessage("assistant", first.text, first.reasoning)
    return held.ask((*TALK, begun), begun=Part(first.reasoning, first.text))


@pytest.mark.parametrize("tokens", range(1, 9))
def test_an_answer_that_is_cut_inside_an_emoji_goes_on_whole(tokens: int, tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    speaker(path, ["Ahoy ", WAVE.encode(), " sailor!"], template=CHATML)
    with family(path, tmp_path, context_length=512) as held:
        first = held.ask(TALK, max_tokens=tokens)
        rest = goes_on(held, first)
    assert "Ahoy ".startswith(first.text[:5]) and "\ufffd" not in first.text
    assert first.finished.reason == "length"
    assert first.text + rest.text == GREETING


@pytest.mark.parametrize("tokens", range(2, 9))
def test_thinking_that_is_cut_inside_an_emoji_goes_on_whole(tokens: int, tmp_path: Path) -> None:
    path, tags = tmp_path / "m.gguf", ["<think>", "</think>"]
    speaker(path, [tags[0], "Hm ", WAVE.encode(), " so.", tags[1], "Ahoy!"], template=CHATML, controls=tags)
    with family(path, tmp_path, context_length=512) as held:
        first = held.ask(TALK, max_tokens=tokens)
        rest = goes_on(held, first)
    assert first.reasoning and "\ufffd" not in first.reasoning and not first.text
    assert (first.reasoning + rest.reasoning, rest.text) == (f"Hm {WAVE} so.", "Ahoy!")


@pytest.mark.parametrize(
    ("stop", "text"),
    [("sail", "Ahoy there, "), ("there", "Ahoy "), ("nothing of it", "Ahoy there, sailor!"), ("A", "")],
)
def test_a_stop_string_ends_an_answer_and_is_no_part_of_it(stop: str, text: str, tmp_path: Path) -> None:
    speaker(tmp_path / "m.gguf", ["Ahoy there, sailor!"], template=CHATML)
    with family(tmp_path / "m.gguf", tmp_path, context_length=512) as held:
        heard = held.ask(TALK, Sampling(temperature=0.0, stop=(stop,)))
    assert (heard.text, heard.finished.reason) == (text, "stop")


ODD = "<|odd_end|>"


def test_an_end_token_that_nobody_knows_is_never_shown_and_ends_where_it_is_told_to(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    speaker(path, ["Ahoy there, sailor!"], template=CHATML, controls=[ODD], ends=ODD)
    with family(path, tmp_path, context_length=256) as held:
        heard = held.ask(TALK)
        assert heard.finished.reason == "context-full"
        assert set(heard.text.replace("Ahoy there, sailor!", "")) <= set("Ahoy there, sailor!")
        assert ODD not in heard.text
        told = held.ask(TALK, Sampling(temperature=0.0, stop=(ODD,)))
        assert (told.text, told.finished.reason) == ("Ahoy there, sailor!", "stop")


def test_a_control_token_that_ends_an_answer_is_no_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    speaker(path, ["Ahoy there!"], template=CHATML, controls=["<|end|>"], ends="<|end|>")  # one that Heft has printed
    with family(path, tmp_path, context_length=256) as held:
        heard = held.ask(TALK)
    assert (heard.text, heard.finished.reason) == ("Ahoy there!", "stop")


@pytest.mark.parametrize("begins", ["", "<think>"])
def test_an_answer_without_end_fills_the_context_and_is_kept(begins: str, tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    speaker(path, [begins, "Ebb and flow and "][not begins :], template=CHATML, controls=["<think>"], ends=False)
    with family(path, tmp_path, context_length=256) as held:
        heard = held.ask(TALK)
    figures = heard.finished.statistics
    assert heard.finished.reason == "context-full"
    assert figures.context_used >= 255
    assert (heard.reasoning + heard.text).count("Ebb") > 30
    assert bool(heard.reasoning) == bool(begins)
    assert BOS not in heard.text


def test_a_number_of_tokens_ends_an_answer(tmp_path: Path) -> None:
    speaker(tmp_path / "m.gguf", ["Ebb and flow and "], template=CHATML, ends=False)
    with family(tmp_path / "m.gguf", tmp_path, context_length=512) as held:
        heard = held.ask(TALK, max_tokens=6)
    assert (heard.finished.reason, heard.finished.statistics.generated_tokens) == ("length", 6)
