"""What the families say, said by models over their real templates, their tags as control tokens and as letters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.desk import Desk
from support.families import CONTEXT, Family, family, said
from support.speaker import control_names, parts, speaker

from desktop.engine.api import ChatMessage
from desktop.engine.tools.template_records import CHATML
from desktop.store.paths import Paths

pytestmark = pytest.mark.engine

THOUGHT, ANSWER = "User greets. Keep it short.", "Hello there, sailor!"
HARMONY = "<|channel|>analysis<|message|>{}<|end|><|start|>assistant<|channel|>final<|message|>{}"
THINK = "<think>\n{}\n</think>\n\n{}"
# Template, what its model writes (thought and answer in the braces), tags of it that are control tokens
FORMS = [
    ("openai-gpt-oss-120b", HARMONY, "<|channel|> <|message|> <|end|> <|start|>"),
    ("google-gemma-4-31B-it", "<|channel>thought\n{}<channel|>{}", "<|channel> <channel|>"),
    ("mistralai-Ministral-3-14B-Reasoning-2512", "[THINK]{}[/THINK]{}", "[THINK] [/THINK]"),
    ("Mistral-Small-3.2-24B-Instruct-2506", "[THINK]{}[/THINK]{}", "[THINK] [/THINK]"),  # mentions no tags
    ("llama-cpp-deepseek-r1", "{}\n</think>\n\n{}", "<think> </think>"),  # the prompt opens it
    ("deepseek-ai-DeepSeek-V3.1", "{}</think>{}", "<think> </think>"),
    ("ByteDance-Seed-OSS", "<seed:think>{}</seed:think>{}", "<seed:think> </seed:think>"),
    ("Kimi-K2-Instruct", "◁think▷{}◁/think▷{}", "◁think▷ ◁/think▷"),
    ("Kimi-K2-Thinking", "<think>{}</think>{}", "<think> </think>"),
    ("Qwen-Qwen3-0.6B", THINK, "<think> </think>"),
    ("Qwen3.5-4B", "{}\n</think>\n\n{}", "<think> </think>"),
    ("GLM-4.6", "<think>{}</think>\n{}", "<think> </think>"),
    ("ibm-granite-granite-3.3-2B-Instruct", "<think>{}</think><response>{}</response>", ""),
    (
        "CohereForAI-c4ai-command-r7b-12-2024-tool_use",
        "<|START_THINKING|>{}<|END_THINKING|><|START_RESPONSE|>{}<|END_RESPONSE|>",
        "<|START_THINKING|> <|END_THINKING|> <|START_RESPONSE|> <|END_RESPONSE|>",
    ),
    ("tencent-Hy3", "<think:opensource>{}</think:opensource>{}", ""),  # with them its prompt ends
    ("", THINK, "<think> </think>"),  # ChatML
]  # fmt: skip


def template_of(name: str, vocab_dir: Path) -> str:
    return (vocab_dir / "templates" / f"{name}.jinja").read_text(encoding="utf-8") if name else CHATML


def make(path: Path, template: str, text: str, controls: list[str], tags: list[str]) -> None:
    """A model that says the text; ``tags`` are all tags of it, ``controls`` those of them that are control tokens."""
    others = [name for name in control_names(template) if name not in tags]
    speaker(path, parts(text, controls), template=template, controls=[*others, *controls], spelled=others)


@pytest.fixture(params=FORMS, ids=lambda form: form[0] or "chatml")
def form(request: pytest.FixtureRequest) -> tuple[str, str, list[str]]:
    name, written, tags = request.param
    return name, written.format(THOUGHT, ANSWER), tags.split()


@pytest.fixture(params=["control tokens", "letters"])
def spoken(
    request: pytest.FixtureRequest, form: tuple[str, str, list[str]], vocab_dir: Path, tmp_path: Path
) -> Iterator[Family]:
    name, text, tags = form
    make(tmp_path / "m.gguf", template_of(name, vocab_dir), text, tags if request.param != "letters" else [], tags)
    with family(tmp_path / "m.gguf", tmp_path) as held:
        yield held


def test_reasoning_stands_apart_and_the_answer_is_clean(spoken: Family) -> None:
    talk = said(("user", "Ahoy!"))
    heard = spoken.ask(talk)
    assert (heard.reasoning.strip(), heard.text) == (THOUGHT, ANSWER)
    assert heard.finished.notes == () and heard.finished.reason == "stop"
    again = spoken.ask((*talk, ChatMessage("assistant", heard.text, heard.reasoning), ChatMessage("user", "Again!")))
    assert (again.reasoning.strip(), again.text) == (THOUGHT, ANSWER)


@pytest.mark.parametrize(
    "call",
    [
        '<|channel|>commentary to=functions.tide <|constrain|>json<|message|>{"pier": 12}',
        'to=functions.tide<|channel|>commentary json<|message|>{"pier": 12}',
    ],
)
def test_a_call_of_gpt_oss_that_nobody_asked_for_is_text(call: str, vocab_dir: Path, tmp_path: Path) -> None:
    tags = ["<|channel|>", "<|message|>", "<|end|>", "<|start|>", "<|constrain|>"]
    before = f"<|channel|>analysis<|message|>{THOUGHT}<|end|>"
    if call.startswith("<"):
        call = f"{before}<|start|>assistant{call}"
    make(tmp_path / "m.gguf", template_of("openai-gpt-oss-120b", vocab_dir), call, tags, tags)
    with family(tmp_path / "m.gguf", tmp_path) as held:
        heard = held.ask(said(("user", "When is high tide?")))
    assert "functions.tide" in heard.text and '{"pier": 12}' in heard.text
    assert "<|" not in heard.text
    assert heard.reasoning == (THOUGHT if before in call else "")


@pytest.mark.parametrize("form", [FORMS[0], FORMS[3], FORMS[10]], ids=lambda form: form[0])
def test_a_chat_shows_reasoning_and_answer_apart(
    form: tuple[str, str, str], vocab_dir: Path, paths: Paths, tmp_path: Path
) -> None:
    name, written, tags = form
    text = written.format(THOUGHT, ANSWER)
    make(tmp_path / "m.gguf", template_of(name, vocab_dir), text, tags.split(), tags.split())
    desk = Desk(paths)
    try:
        assert desk.load(tmp_path / "m.gguf", CONTEXT).phase == "ready"
        chat = desk.new_chat(max_tokens=0)
        for question in ("Ahoy!", "And again!"):
            desk.chat.send(chat, question)
            answer = desk.answered()
            assert (answer.reasoning.strip(), answer.content, answer.state) == (THOUGHT, ANSWER, "complete")
            assert answer.note == ""
        desk.store.update(chat, max_tokens=4)
        desk.chat.send(chat, "Slowly!")
        cut = desk.answered()
        assert cut.state == "length" and cut.reasoning.strip() and THOUGHT.startswith(cut.reasoning.strip())
        desk.store.update(chat, max_tokens=0)
        desk.chat.continue_(cut.id)
        whole = desk.answered()
        assert (whole.reasoning.strip(), whole.content) == (THOUGHT, ANSWER)
    finally:
        desk.close()
