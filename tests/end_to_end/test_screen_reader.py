"""The real window through AT-SPI, as Orca meets it: the conversation's messages one by one, a live answer announced."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.program import ANSWER_SECONDS, START_SECONDS, poll, screen, window
from support.screen_reader import screen_reader

pytestmark = [pytest.mark.xvfb, pytest.mark.engine]


def test_each_message_is_an_object_with_its_sender_and_the_answer_is_announced(
    tmp_path: Path, heft_home: Path, starter_model: Path
) -> None:
    with (
        screen(tmp_path) as display,
        screen_reader(display, tmp_path) as reader,
        window(display, heft_home, environment=reader.environment) as program,
    ):
        program.focus()
        program.ask("What is the capital of France?")
        poll(program.text_length, ANSWER_SECONDS, "the answer's beginning")
        (answer,) = program.answers(1)
        conversation = poll(lambda: reader.program().find("Conversation"), START_SECONDS, "the conversation")
        assert conversation.role == "list"
        asked, answered = poll(
            lambda: found if len(found := conversation.children) == 2 else None, START_SECONDS, "two messages"
        )
        assert (asked.role, answered.role) == ("list item", "list item")
        assert asked.name.startswith("You, ") and "SmolLM2" in answered.name
        assert asked.description == "What is the capital of France?"
        first, *_ = poll(lambda: answered.children, START_SECONDS, "the answer's text")
        assert first.role == "paragraph" and answer.split()[0] in first.name
        told = poll(reader.announced, START_SECONDS, "what was announced")
        assert answer.split()[0] in told[0] and "capital of France?" not in told
