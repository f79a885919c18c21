"""Every chat template that llama.cpp publishes talks through the real server, and nothing that was said is lost.

One server per template, with a model that thinks and answers as its template says, or that answers in no form at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.chat_templates import REASONING_SENT, SYSTEM_MOVED, places, template_files
from support.families import Family, family, said
from support.speaker import BOS, EOS, control_names, parts, speaker

from desktop.engine.api import ChatMessage, Sampling
from desktop.engine.tools.prompt_text import render
from desktop.engine.tools.renderer import Renderer
from desktop.engine.tools.template_records import RenderRequest
from desktop.services.chat.answer_parts import Part

pytestmark = pytest.mark.engine

SYSTEM = "Answer in the manner of a lighthouse keeper."
FIRST, SECOND = "Why do two tides come a day?", "And what of 'neap' tides?"
EARLIER = "The ocean bulges on both sides."
EDITED = "Why do four winds blow?"
THOUGHT, ANSWER = "Moon pulls, sun helps it along.", "Water swells toward Luna and away from her."
PLAIN = "Ebbing never hurries anybody, skipper."
CALL = ("Let me look.", 'harbour{"pier": 12}')
VARIABLES: dict[str, bool | int | str] = {"enable_thinking": True}  # as the server gives it
# Tokens of its vocabulary that the template does not mention, but by which llama.cpp knows that <|end|> ends no answer.
UNMENTIONED = {"upstage-Solar-Open-100B": ("<|flush|>", "<|calls|>")}
ENDS = {"<|call|>", "<|calls|>", "<|tool_response>"}  # end tokens of llama.cpp's (src/llama-vocab.cpp)
TOOLS = re.compile("tool|func|call|action|invoke", re.IGNORECASE)
# Its template looks for the last answer and finds the first: what comes after that, it shows with its reasoning.
SENT_FROM_THE_SECOND = {"Kimi-K2-Thinking"}
# Its template knows a switch that llama.cpp does not see: the server leaves it off, Heft's own rendering turns it on.
OWN_DEFAULT = {"Apertus-8B-Instruct"}


@dataclass
class Told:
    """A family, and how its model is asked for an answer in no form, and for a call of a tool that nobody gave it."""

    name: str
    family: Family
    plain: Sampling
    call: Sampling
    template: str


def model(path: Path, template: str, unmentioned: tuple[str, ...]) -> tuple[Sampling, Sampling]:
    """A model that thinks and answers as the template says; how its other two answers are asked for."""
    question = (ChatMessage("user", FIRST),)
    found = render(RenderRequest(template, question, BOS, EOS, variables=VARIABLES))
    form = found.form
    controls = [
        *control_names(template),
        *unmentioned,
        *control_names(form.opens + form.closes + form.begins + form.ends),
    ]
    script = parts(("" if found.opened else form.opens.lstrip("\n")) + THOUGHT + form.closes + ANSWER, controls)
    tags = [name for name in dict.fromkeys(controls) if TOOLS.search(name) and name not in (*script, *ENDS)][:3]
    call = [CALL[0], *tags, CALL[1]]
    spelled = [*control_names(form.begins), *(name for name in controls if found.text.rstrip().endswith(name))]
    _, plain, called = speaker(path, script, [PLAIN], call, template=template, controls=controls, spelled=spelled)
    return plain, called


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    with closing(Renderer()) as made:
        made.start()
        yield made


@pytest.fixture(scope="module", params=template_files(), ids=lambda path: path.stem)
def told(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, renderer: Renderer
) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("family")
    path = folder / "model.gguf"
    template = request.param.read_text(encoding="utf-8")
    plain, call = model(path, template, UNMENTIONED.get(request.param.stem, ()))
    with ExitStack() as stack:
        yield Told(request.param.stem, stack.enter_context(family(path, folder, renderer)), plain, call, template)
    path.unlink()


def letters(text: str) -> str:
    return re.sub(r"\s+", "", text)


def test_two_turns_with_a_system_prompt(told: Told) -> None:
    assert told.family.held.loaded.template == "model"
    opened = (*said(("system", SYSTEM)), ChatMessage("user", FIRST))
    heard = told.family.ask(opened)
    assert (heard.reasoning.strip(), heard.text) == (THOUGHT, ANSWER)
    assert heard.finished.reason == "stop"
    talk = (*opened, ChatMessage("assistant", heard.text, heard.reasoning), ChatMessage("user", SECOND))
    question = told.family.question(talk)
    prompt = told.family.prompt_of(question)
    places(prompt, SYSTEM, FIRST, ANSWER, SECOND)
    assert bool(question.notes) == (told.name in SYSTEM_MOVED)
    own = render(RenderRequest(told.template, talk, BOS, EOS, variables=VARIABLES))
    assert (own.text == prompt) == (told.name not in OWN_DEFAULT)
    again = told.family.ask(talk)
    assert (again.reasoning.strip(), again.text) == (THOUGHT, ANSWER)
    assert again.finished.statistics.prompt_tokens == told.family.tokens(prompt)


def test_a_question_after_an_answer_that_was_stopped_empty(told: Told) -> None:
    stopped = said(("user", FIRST), ("assistant", ""), ("user", SECOND))
    prompt = told.family.prompt(stopped)
    assert places(prompt, FIRST, SECOND) == sorted(places(prompt, FIRST, SECOND))
    assert told.family.ask(stopped).text == ANSWER


def test_an_answer_is_continued(told: Told) -> None:
    half = ANSWER[: ANSWER.index(" and away")]
    talk = (*said(("system", SYSTEM), ("user", FIRST)), ChatMessage("assistant", half))
    prompt = told.family.prompt(talk)
    assert prompt.endswith(half)
    places(prompt, SYSTEM, FIRST, half)
    heard = told.family.ask(talk, begun=Part(text=half))
    assert (heard.reasoning, half + heard.text) == ("", ANSWER)


def test_an_answer_is_continued_with_its_reasoning_before_it(told: Told) -> None:
    half = ANSWER[: ANSWER.index(" and away")]
    talk = (ChatMessage("user", FIRST), ChatMessage("assistant", half, THOUGHT))
    prompt = told.family.prompt(talk)
    assert prompt.endswith(half)
    assert places(prompt, FIRST, THOUGHT, half) == sorted(places(prompt, FIRST, THOUGHT, half))
    heard = told.family.ask(talk, begun=Part(THOUGHT, half))
    assert (heard.reasoning, half + heard.text) == ("", ANSWER)


def test_thinking_that_was_cut_goes_on(told: Told) -> None:
    half = THOUGHT[: THOUGHT.index(" helps")]
    talk = (ChatMessage("user", FIRST), ChatMessage("assistant", "", half))
    prompt = told.family.prompt(talk)
    assert prompt.endswith(half)
    asked = told.family.prompt(talk[:1])
    assert prompt.startswith(asked.rstrip())
    heard = told.family.ask(talk, begun=Part(half))
    assert ((half + heard.reasoning).strip(), heard.text) == (THOUGHT, ANSWER)


def test_the_first_turn_is_edited(told: Told) -> None:
    told.family.prompt((*said(("user", FIRST), ("assistant", EARLIER), ("user", SECOND)),))
    prompt = told.family.prompt(said(("system", SYSTEM), ("user", EDITED)))
    assert FIRST not in prompt and EARLIER not in prompt
    places(prompt, SYSTEM, EDITED)
    assert told.family.ask(said(("system", SYSTEM), ("user", EDITED))).text == ANSWER


def test_an_answer_in_no_form_is_an_answer(told: Told) -> None:
    heard = told.family.ask((ChatMessage("user", FIRST),), told.plain)
    # where the prompt opens the reasoning, nothing says that this is none
    assert letters(heard.reasoning + heard.text).endswith(letters(PLAIN))
    assert letters(heard.text) in ("", letters(PLAIN))
    assert heard.finished.notes == ()


def test_a_call_of_a_tool_that_nobody_gave_loses_no_word(told: Told) -> None:
    heard = told.family.ask((ChatMessage("user", FIRST),), told.call)
    got = letters(heard.reasoning + heard.text)
    for word in CALL:
        assert letters(word) in got
    assert heard.finished.notes == ()


def test_reasoning_of_older_answers_is_never_sent_back(told: Told) -> None:
    talk = (
        ChatMessage("user", FIRST), ChatMessage("assistant", EARLIER, "An old thought."), ChatMessage("user", SECOND),
        ChatMessage("assistant", ANSWER, "The newest thought."), ChatMessage("user", EDITED),
    )  # fmt: skip
    prompt = told.family.prompt(talk)
    assert "An old thought." not in prompt
    assert ("The newest thought." in prompt) == (told.name in REASONING_SENT | SENT_FROM_THE_SECOND)


def test_the_switch_and_the_levels_of_thinking_reach_the_prompt(told: Told) -> None:
    loaded = told.family.held.loaded
    talk = said(("user", FIRST))  # some put it into a system prompt that nobody else has written
    plain = told.family.prompt(talk)
    if loaded.thinking:
        off, on = told.family.prompt(talk, thinking=False), told.family.prompt(talk, thinking=True)
        assert off != on
    else:
        assert told.family.prompt(talk, thinking=False) == plain
    levels = {told.family.prompt(talk, effort=level) for level in loaded.efforts}
    assert len(levels | {plain}) > 1 or not loaded.efforts
