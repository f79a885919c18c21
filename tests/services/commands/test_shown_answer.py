"""What a terminal and a pipe get of an answer that was thought about."""

from __future__ import annotations

import io
import sys

import pytest

from desktop.cli.output import ShownAnswer
from desktop.services.chat.answer_parts import Part

PARTS = (Part("The user "), Part("greets."), Part("", "Hello", False, 2.5), Part("", " you", False, 2.5))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(*parts: Part, silent: bool = False) -> ShownAnswer:
    answer = ShownAnswer(silent=silent)
    for part in parts:
        answer.add(part)
    answer.finish()
    return answer


def test_reasoning_goes_to_standard_error_and_the_answer_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    answer = shown(*PARTS)
    printed = capsys.readouterr()
    assert printed.out == "Hello you\n"
    assert printed.err == "The user greets.\n[thought for 2.5 s]\n\n"
    assert (answer.reasoning, answer.text, answer.reasoning_seconds) == ("The user greets.", "Hello you", 2.5)


def test_on_a_terminal_reasoning_is_dimmed_and_steers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(sys, "stdout", Terminal())
    shown(Part("a\x1b[2Jb"), Part("", "Hello"))
    assert sys.stderr.getvalue().startswith("\x1b[2ma")
    assert "[2Jb\x1b[22m" in sys.stderr.getvalue()
    assert "\x1b[2J" not in sys.stderr.getvalue()
    assert sys.stdout.getvalue() == "Hello\n"


def test_an_answer_without_reasoning_is_only_itself(capsys: pytest.CaptureFixture[str]) -> None:
    shown(Part("", "Hello"))
    assert capsys.readouterr() == ("Hello\n", "")


def test_reasoning_that_had_no_answer_is_closed(capsys: pytest.CaptureFixture[str]) -> None:
    shown(Part("Hm", reasoning_seconds=1.0))
    assert capsys.readouterr() == ("\n", "Hm\n[thought for 1.0 s]\n\n")


def test_text_that_turns_out_to_be_reasoning_is_said_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    answer = shown(Part("", "so I think"), Part("", "Yes.", True, 1.0))
    assert (answer.reasoning, answer.text) == ("so I think", "Yes.")
    assert "reasoning]" in capsys.readouterr().err


def test_silent_keeps_all_and_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    answer = shown(*PARTS, silent=True)
    assert capsys.readouterr() == ("", "") and answer.text == "Hello you"


def test_an_answer_that_goes_round_in_circles_has_a_note(capsys: pytest.CaptureFixture[str]) -> None:
    circling = shown(*[Part("", "The sea is salty because it is salty. ") for _ in range(10)])
    assert circling.notes == ("The answer repeats itself. Raise --repeat-penalty (1.1, say), or take a larger model.",)
    thinking = shown(*[Part("Wait, the user asks why the sea is salty. ") for _ in range(10)], silent=True)
    assert thinking.notes == circling.notes
    assert shown(*PARTS).notes == ()
    assert shown(Part("", "| any | Water the plants in the garden |\n" * 30)).notes == ()
