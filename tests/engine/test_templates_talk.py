"""Every chat template that llama.cpp publishes talks: through the limited helper, nothing that was said is lost."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.chat_templates import REASONING_SENT, SYSTEM_MOVED, places, template_files

from desktop.engine.api import ChatMessage, Role
from desktop.engine.tools.renderer import Renderer
from desktop.engine.tools.template_records import RenderRequest
from desktop.engine.tools.typed_text import marked

SYSTEM = "Answer in the manner of a lighthouse keeper."
FIRST, ANSWER, SECOND = (
    "Why do two tides come a day?",
    "The ocean bulges on both sides.",
    "And <b>what</b> of 'neap' tides?",
)
EDITED = "Why do four winds blow?"
HEADER = re.compile(r"(?i:assistant)(?:_start|:opensource)?|\bmodel\b|CHATBOT_TOKEN|/INST\]|\|Bot\||\bai\b")
# what may stand between an answer's header and its first word: markup, and words that open or close reasoning
OPENING = re.compile(
    r"(?:<[^<>]*>|[|｜\s:>\]]|_TOKEN|thought|think|\"|Here are my reasoning steps:)*"
)  # DeepSeek writes it

# Templates whose prompt is not in the order of the conversation; looked at one by one.
SYSTEM_LATE = {
    "mistralai-Mistral-Nemo-Instruct-2407": "writes the system prompt into the last user turn, as Mistral trained it",
}


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    made = Renderer()
    made.start()
    yield made
    made.close()


@pytest.fixture(params=template_files(), ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    assert isinstance(request.param, Path)
    return request.param


@pytest.fixture
def name(path: Path) -> str:
    return path.stem


def said(*turns: tuple[Role, str]) -> tuple[ChatMessage, ...]:
    return tuple(ChatMessage(role, text) for role, text in turns)


TALK = said(("system", SYSTEM), ("user", FIRST), ("assistant", ANSWER), ("user", SECOND))


class Talker:
    """One template, asked through the helper."""

    def __init__(self, renderer: Renderer, template: str) -> None:
        self._renderer, self._template = renderer, template
        self.notes: tuple[str, ...] = ()

    def prompt(self, messages: tuple[ChatMessage, ...], *, continues: bool = False) -> str:
        result = self._renderer.render(RenderRequest(self._template, messages, "<s>", "</s>", continues=continues))
        assert not result.error
        self.notes = result.notes
        return result.text


@pytest.fixture
def talker(renderer: Renderer, path: Path) -> Talker:
    return Talker(renderer, path.read_text(encoding="utf-8"))


def assert_answer_begins(prompt: str, last: str) -> None:
    """Behind ``last`` comes the header of the assistant and nothing else that anybody would say."""
    tail = prompt.rpartition(last)[2]
    headers = list(HEADER.finditer(tail))
    assert headers, tail
    assert OPENING.fullmatch(tail, headers[-1].end()), tail


def test_all_of_them_are_asked(vocab_dir: Path) -> None:
    there = {path.stem for path in template_files()}
    assert len(there) > 60, vocab_dir
    assert set(SYSTEM_LATE) | set(SYSTEM_MOVED) | REASONING_SENT <= there


def test_two_turns_with_a_system_prompt(talker: Talker, name: str) -> None:
    prompt = talker.prompt(TALK)
    order = [FIRST, ANSWER, SYSTEM, SECOND] if name in SYSTEM_LATE else [SYSTEM, FIRST, ANSWER, SECOND]
    assert places(prompt, *order) == sorted(places(prompt, *order))
    assert_answer_begins(prompt, SECOND)
    assert bool(talker.notes) == (name in SYSTEM_MOVED)
    if name in SYSTEM_MOVED:
        assert f"{SYSTEM}\n\n{FIRST}" in prompt


def test_one_question_with_and_without_a_system_prompt(talker: Talker) -> None:
    prompt = talker.prompt(said(("user", FIRST)))
    places(prompt, FIRST)
    assert_answer_begins(prompt, FIRST)
    prompt = talker.prompt(said(("system", SYSTEM), ("user", FIRST)))
    assert places(prompt, SYSTEM, FIRST) == sorted(places(prompt, SYSTEM, FIRST))
    assert_answer_begins(prompt, FIRST)


@pytest.mark.parametrize("empty", ["", " \n"])
def test_a_question_after_an_answer_that_was_stopped_empty(talker: Talker, empty: str) -> None:
    stopped = said(("user", FIRST), ("assistant", empty), ("user", SECOND))
    prompt = talker.prompt(stopped)
    assert places(prompt, FIRST, SECOND) == sorted(places(prompt, FIRST, SECOND))
    assert_answer_begins(prompt, SECOND)
    # the next turn and a second empty answer
    later = (*stopped, *said(("assistant", ANSWER), ("user", EDITED), ("assistant", empty), ("user", "Well?")))
    prompt = talker.prompt((ChatMessage("system", SYSTEM), *later))
    assert places(prompt, FIRST, SECOND, ANSWER, EDITED, "Well?") == sorted(
        places(prompt, FIRST, SECOND, ANSWER, EDITED, "Well?")
    )
    places(prompt, SYSTEM)
    assert_answer_begins(prompt, "Well?")


def test_an_answer_is_continued(talker: Talker) -> None:
    begun = "  The neap tide comes when\n"
    asked = talker.prompt(TALK)
    prompt = talker.prompt((*TALK, ChatMessage("assistant", begun)), continues=True)
    assert prompt.endswith(begun)  # so nothing, the end of a turn least of all, is between it and what comes
    places(prompt, begun, ANSWER)
    between = prompt.rpartition(SECOND)[2].removesuffix(begun)
    assert prompt.rpartition(SECOND)[0] == asked.rpartition(SECOND)[0]
    headers, before = HEADER.findall(between), HEADER.findall(asked.rpartition(SECOND)[2])
    assert headers == before


def test_reasoning_is_continued_where_the_model_wrote_it(talker: Talker) -> None:
    asked = talker.prompt(TALK)
    begun = "<think>\nThe moon is"
    prompt = talker.prompt((*TALK, ChatMessage("assistant", begun)), continues=True)
    written = begun.removeprefix("<think>\n") if asked.rstrip().endswith("<think>") else begun
    assert prompt == asked + written


def test_a_switch_that_a_template_takes_out_is_no_lost_word(talker: Talker, name: str) -> None:
    prompt = talker.prompt(said(("system", f"{SYSTEM} /no_think"), ("user", f"{FIRST} /no_think")))
    assert places(prompt, SYSTEM, FIRST) == sorted(places(prompt, SYSTEM, FIRST))
    assert bool(talker.notes) == (name in SYSTEM_MOVED)


def test_reasoning_of_earlier_answers_is_not_sent_back_unasked(talker: Talker, name: str) -> None:
    thought = "Moon and sun both pull."
    talk = said(
        ("user", FIRST), ("assistant", f"<think>\n{thought}\n</think>\n\n{ANSWER}"), ("user", SECOND),
        ("assistant", "<think>\nStopped amid a thought"), ("user", EDITED),
    )  # fmt: skip
    prompt = talker.prompt(talk)
    assert places(prompt, FIRST, ANSWER, SECOND, EDITED) == sorted(places(prompt, FIRST, ANSWER, SECOND, EDITED))
    assert (thought in prompt) == (name in REASONING_SENT)
    assert "amid a thought" not in prompt
    assert_answer_begins(prompt, EDITED)


def test_the_first_turn_is_edited(talker: Talker) -> None:
    talker.prompt(TALK)
    prompt = talker.prompt(said(("system", SYSTEM), ("user", EDITED)))
    assert FIRST not in prompt and ANSWER not in prompt and SECOND not in prompt
    places(prompt, SYSTEM, EDITED)
    assert_answer_begins(prompt, EDITED)


def test_what_stands_for_a_typed_control_token_arrives(talker: Talker) -> None:
    question = said(("system", "<|im_end|> is a word."), ("user", "</s>What is <|im_end|>?"))
    marks = [message.content for message in marked(question, "key")]
    prompt = talker.prompt(marked(question, "key"))
    assert all(mark in prompt for mark in marks)
