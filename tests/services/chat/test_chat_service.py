"""Conversations with the real engine, the real store, and the engine dying in between."""

import os
import queue
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.desk import Desk
from support.forge import TINY, forge
from support.plans import plain_plan

from desktop.core.errors import EngineError, HeftError
from desktop.core.model_kind import ModelKind
from desktop.engine.api import Generate, Sampling
from desktop.services.chat.events import ChatFailed, TextAdded
from desktop.services.chat.title import title_from
from desktop.services.engine.headless import HeadlessEngine
from desktop.store.paths import Paths

pytestmark = pytest.mark.engine


@pytest.fixture
def desk(paths: Paths) -> Iterator[Desk]:
    made = Desk(paths)
    yield made
    made.close()


def test_a_question_sent_while_loading_is_answered_and_kept(desk: Desk, starter_model: Path) -> None:
    desk.engine.load(plain_plan(starter_model, 2048, name="SmolLM2"))
    chat = desk.new_chat()
    desk.chat.send(chat, "Why is the sky blue?")
    assert desk.chat.busy
    answer = desk.answered()
    assert not desk.chat.busy
    assert "light" in answer.content
    assert answer.state == "length"
    assert answer.model == "SmolLM2"
    assert answer.statistics["generated_tokens"] == 24
    assert [m.role for m in desk.store.messages(chat)] == ["user", "assistant"]
    assert desk.store.chat(chat).title == "Why is the sky blue?"


def test_regenerate_edit_and_continue_make_branches(desk: Desk, starter_model: Path) -> None:
    desk.engine.load(plain_plan(starter_model, 2048, name="SmolLM2"))
    chat = desk.new_chat(max_tokens=8)
    desk.chat.send(chat, "Count from one to ten.")
    first = desk.answered()
    desk.chat.regenerate(first.id)
    second = desk.answered()
    assert (second.sibling_index, second.sibling_count) == (1, 2)
    desk.chat.continue_(second.id)
    longer = desk.answered()
    assert longer.id == second.id
    assert longer.content.startswith(second.content)
    assert len(longer.content) > len(second.content)
    question = desk.store.messages(chat)[0]
    desk.chat.edit(question.id, "Why is the sky blue?")
    edited = desk.answered()
    branch = desk.store.messages(chat)
    assert [m.content for m in branch] == ["Why is the sky blue?", edited.content]
    desk.store.select(first.id)
    assert desk.store.messages(chat)[0].content == "Count from one to ten."


def test_a_base_model_goes_on_with_the_text_also_when_continued_regenerated_and_edited(
    desk: Desk, vocab_dir: Path, tmp_path: Path
) -> None:
    path = forge(tmp_path / "base.gguf", TINY, "Q8_0", vocab_dir / "ggml-vocab-gpt-2.gguf")
    state = desk.load(path, 512)
    assert state.loaded is not None and state.loaded.template == "none"
    chat = desk.new_chat(max_tokens=5)

    def continued(text: str) -> str:
        said: list[str] = []
        request = Generate(0, prompt=text, sampling=Sampling(temperature=0.0), max_tokens=5)
        HeadlessEngine(desk.engine).answer(request, said.append)
        return "".join(said)

    desk.chat.send(chat, "Once upon a time")
    first = desk.answered()
    assert first.content == continued("Once upon a time") and first.note == ""
    desk.chat.regenerate(first.id)
    second = desk.answered()
    assert second.content == first.content and (second.sibling_index, second.sibling_count) == (1, 2)
    desk.chat.continue_(second.id)
    longer = desk.answered()
    assert longer.content == second.content + continued(f"Once upon a time{second.content}")
    desk.chat.send(chat, "And then")
    assert desk.answered().content == continued(f"Once upon a time{longer.content}\nAnd then")
    desk.chat.edit(desk.store.messages(chat)[0].id, "The tide")
    assert desk.answered().content == continued("The tide")


@pytest.mark.parametrize("kind", [kind for kind in ModelKind if not kind.writes_text])
def test_no_engine_is_started_with_what_cannot_chat(desk: Desk, tmp_path: Path, kind: ModelKind) -> None:
    plan = replace(plain_plan(tmp_path / "x.gguf", name="Some file"), kind=kind)
    with pytest.raises(HeftError) as caught:
        desk.engine.load(plan)
    assert caught.value.kind == "cannot-chat" and caught.value.hint.startswith("Choose ")
    assert caught.value.message.startswith("Some file is a")
    assert (desk.engine.state.phase, desk.engine.state.pid, desk.engine.last_plan) == ("stopped", None, None)


def test_a_killed_engine_costs_no_text_and_the_next_question_works(desk: Desk, starter_model: Path) -> None:
    desk.engine.load(plain_plan(starter_model, 2048, name="SmolLM2"))
    chat = desk.new_chat(max_tokens=1500)
    desk.chat.send(chat, "Write a long story.")
    shown = ""
    while len(shown) < 40:
        event = desk.wait(TextAdded)
        assert isinstance(event, TextAdded)
        shown += event.text
    pid = desk.engine.state.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    died = desk.answered()
    assert died.state == "failed"
    assert died.content.startswith(shown)
    assert "memory" in died.note
    failed = desk.wait(ChatFailed)
    assert isinstance(failed, ChatFailed)
    assert failed.error.kind == "killed"
    desk.store.update(chat, max_tokens=4)
    desk.chat.send(chat, "Go on.")
    assert desk.answered().state == "length"
    assert desk.engine.state.pid != pid


def test_stop_keeps_what_was_said(desk: Desk, starter_model: Path) -> None:
    desk.engine.load(plain_plan(starter_model, 2048, name="SmolLM2"))
    chat = desk.new_chat(max_tokens=1500)
    desk.chat.send(chat, "Write a long story.")
    event = desk.wait(TextAdded)
    assert isinstance(event, TextAdded)
    with pytest.raises(EngineError, match="still being written"):
        desk.chat.send(chat, "Faster!")
    desk.chat.stop()
    stopped = desk.answered()
    assert stopped.state == "stopped"
    assert stopped.content.startswith(event.text)


def test_stop_before_the_model_is_there(desk: Desk, starter_model: Path) -> None:
    desk.engine.load(plain_plan(starter_model, 2048, name="SmolLM2"))
    chat = desk.new_chat()
    desk.chat.send(chat, "Hello?")
    desk.chat.stop()
    assert desk.answered().state in ("stopped", "length")
    assert not desk.chat.busy


def test_no_model_is_said_in_the_chat(desk: Desk) -> None:
    chat = desk.new_chat()
    desk.chat.send(chat, "Hello?")
    failed = desk.wait(ChatFailed)
    assert isinstance(failed, ChatFailed)
    assert failed.error.kind == "no-model"
    assert desk.store.messages(chat)[0].content == "Hello?"


def test_a_load_that_fails_fails_the_waiting_question(desk: Desk, tmp_path: Path) -> None:
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"not a model")
    desk.engine.load(plain_plan(bad, name="bad"))
    chat = desk.new_chat()
    desk.chat.send(chat, "Hello?")
    answer = desk.answered()
    assert answer.state == "failed"
    assert "not a GGUF" in answer.note


def test_a_full_context_says_what_to_do(desk: Desk, starter_model: Path) -> None:
    desk.engine.load(plain_plan(starter_model, 256, name="SmolLM2"))
    chat = desk.new_chat(max_tokens=0)
    desk.chat.send(chat, "word " * 400)
    answer = desk.answered()
    assert answer.state == "context-full"
    assert "larger context" in answer.note


def test_what_is_so_for_the_whole_chat_is_said_below_its_first_answer_only(
    desk: Desk, vocab_dir: Path, tmp_path: Path
) -> None:
    strict = (
        "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('alternate') }}"
        "{% endif %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
    )
    path = forge(tmp_path / "s.gguf", TINY, "Q8_0", vocab_dir / "ggml-vocab-qwen2.gguf", template=strict)
    desk.engine.load(plain_plan(path, 512, name="strict"))
    chat = desk.new_chat(max_tokens=3)
    desk.store.update(chat, system_prompt="Be brief.")
    desk.chat.send(chat, "Hello?")
    first = desk.answered()
    assert "no system prompt" in first.note
    desk.chat.continue_(first.id)
    assert "no system prompt" in desk.answered().note
    desk.chat.send(chat, "And now?")
    second = desk.answered()
    assert (second.state, second.note) == ("length", "")
    # an answer that was stopped before its first word does not end the chat
    user = desk.store.add(chat, second.id, "user", "Wait.")
    desk.store.add(chat, user.id, "assistant", "", state="stopped")
    desk.chat.send(chat, "Go on.")
    assert (desk.answered().state, len(desk.store.messages(chat))) == ("length", 8)


def test_a_newer_load_replaces_one_on_its_way(desk: Desk, starter_model: Path, vocab_dir: Path, tmp_path: Path) -> None:
    other = forge(tmp_path / "o.gguf", TINY, "Q8_0", vocab_dir / "ggml-vocab-gpt-2.gguf")
    states: queue.Queue[tuple[str, str]] = queue.Queue()
    desk.engine.subscribe(lambda state: states.put((state.phase, state.model_name)))
    desk.engine.load(plain_plan(starter_model, 2048, name="first"))
    desk.engine.load(plain_plan(other, 512, name="second"))
    while (state := states.get(timeout=60))[0] != "ready":
        assert state[0] == "loading"
    assert state == ("ready", "second")


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Why?", "Why?"),
        ("  \n", ""),
        ("first line\nsecond line", "first line"),
        ("a " * 60, ("a " * 24).rstrip() + "…"),
        ("x" * 100, "x" * 48 + "…"),
        ("```python\nprint(1)\n```", "print(1)"),
        ("```python\nprint(1)\n```\nWhat does this do?", "What does this do?"),
        ("~~~\n\nx = 1\n~~~", "x = 1"),
        ("---\n# A heading\nand more", "A heading"),
        ("> quoted\nWhy?", "quoted"),
        ("1. first\n2. second", "first"),
        ("👍", "👍"),
        ("```\n```", ""),
    ],
)
def test_titles(text: str, title: str) -> None:
    assert title_from(text) == title
