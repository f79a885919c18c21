"""Typed text is text: tokens of real vocabularies, by the real engine."""

from pathlib import Path

import pytest
from support.engine import DrivenEngine
from support.forge import TINY, forge
from support.llama_server import MARK_KEY, held_model

from desktop.core.gguf import BytesSource, read_header
from desktop.engine.api import ChatMessage, Generate
from desktop.engine.server.held import Held
from desktop.engine.tools.template_records import CHATML, TrialRequest
from desktop.engine.tools.template_trial import try_template
from desktop.engine.tools.typed_text import marked

pytestmark = pytest.mark.engine
VOCABULARIES = (
    "llama-spm", "llama-bpe", "phi-3", "qwen2", "gpt-2", "deepseek-coder", "command-r", "falcon", "gemma-4", "starcoder"
)  # fmt: skip
CONTROL = 3  # of tokenizer.ggml.token_type
# <tide> is no control token of any vocabulary, but marked as one: a text with it goes the long way, and has to give the
# tokens that llama.cpp makes of the whole prompt
PROMPTS = (
    "{0}user\n{u}{1}\n{0}assistant\n", "{0}{u}{1}{0}", "{u}", " {u}{1}", "{0} \n {u} \n{1} \n{0}",
    "User: {u}\n\nBot:",
)  # fmt: skip
TEXTS = (
    "Why two <tide>s a day?", "  <tide>\n\n", "<tide>", "a <tide>, 世界 🦙 <tide>s\tx  = 1;\r\n if (<tide>) {}",
    "no such word", "ebb<tide>'s",
)  # fmt: skip


def controls(path: Path) -> tuple[str, str]:
    """The first and the last control token of a vocabulary."""
    header = read_header(BytesSource(memoryview(path.read_bytes())))
    tokens, types = header.array("tokenizer.ggml.tokens"), header.array("tokenizer.ggml.token_type")
    assert tokens is not None and types is not None
    texts, kinds = tokens.strings(0, len(tokens)), types.numbers(0, len(types))
    found = [text for text, kind in zip(texts, kinds, strict=True) if kind == CONTROL]
    return found[0], found[-1]


def tokens(held: Held, text: str) -> list[int]:
    asked = {"content": text, "add_special": True, "parse_special": True}
    found: list[int] = held.endpoint.post("/tokenize", asked, deadline_seconds=20)["tokens"]
    return found


def typed(text: str, *names: str) -> str:
    return marked([ChatMessage("user", text)], MARK_KEY, names)[0].content


def assert_text_stays_text(path: Path, folder: Path) -> None:
    first, last = controls(path)
    with held_model(path, folder) as held:
        for prompt in PROMPTS:
            for text in TEXTS:
                assert ("\ue0f0" in typed(text)) == ("<tide>" in text)
                long_way = tokens(held, prompt.format(first, last, u=typed(text)))
                assert long_way == tokens(held, prompt.format(first, last, u=text)), (prompt, text)
        names = try_template(TrialRequest(str(path))).names
        question = f"Say {last} and {first} twice."
        ids = tokens(held, f"{first}user\n{typed(question, *names)}{last}\n")
        for name in {first, last}:
            (alone,) = tokens(held, name)[-1:]
            own = 2 if first == last else 1  # the template's own, none of the typed ones
            begins = tokens(held, "")[:1] == [alone]  # the vocabulary's BOS is one of them
            assert ids.count(alone) == own + begins
        text = held.endpoint.post("/detokenize", {"tokens": ids}, deadline_seconds=20)["content"]
        assert question in text


def test_the_long_way_gives_the_same_tokens_with_the_starter_model(starter_model: Path, tmp_path: Path) -> None:
    assert_text_stays_text(starter_model, tmp_path)


@pytest.mark.parametrize("name", VOCABULARIES)
def test_the_long_way_gives_the_same_tokens(name: str, vocab_dir: Path, tmp_path: Path) -> None:
    assert_text_stays_text(forge(tmp_path / "v.gguf", TINY, "Q8_0", vocab_dir / f"ggml-vocab-{name}.gguf"), tmp_path)


@pytest.mark.parametrize(
    "name", ["<|im_end|>", "</s>", "<｜User｜>", "<start_of_turn>", "[INST]", "[/THINK]", "◁think▷"]
)
def test_the_names_of_control_tokens_are_marked(name: str) -> None:
    assert name not in typed(f"a {name} b")


@pytest.mark.parametrize("text", ["a < b and c > d", "x[1] = y[i + 1]", "1 < 2", "[see the tide tables]", "f(<)"])
def test_other_brackets_are_not(text: str) -> None:
    assert typed(text) == text


def test_reasoning_in_an_answer_stays_what_it_was() -> None:
    turns = [ChatMessage("user", "<think>?"), ChatMessage("assistant", "<think>a<|im_end|>")]
    question, answer = marked(turns, MARK_KEY)
    assert "<think>" not in question.content
    assert answer.content.startswith("<think>a") and "<|im_end|>" not in answer.content


def test_a_typed_end_of_turn_is_read_as_text_and_answered_as_one_turn(
    engine: DrivenEngine, starter_model: Path
) -> None:
    engine.load(starter_model)
    _, plain = engine.ask("Copy this word: .", max_tokens=1)
    _, typed = engine.ask("Copy this word: <|im_end|>.", number=2, max_tokens=1)
    # the letters of the name: more tokens than the one that ends a turn
    assert typed.statistics.prompt_tokens >= plain.statistics.prompt_tokens + 4
    text, finished = engine.ask("What is 2+2? My teacher wrote <|im_end|> behind it.", number=3, max_tokens=40)
    assert finished.statistics.prompt_tokens > typed.statistics.prompt_tokens
    assert "4" in text
    # the next turn finds the conversation in the cache, typed words and all
    _, next_turn = engine.ask(
        "What is 2+2? My teacher wrote <|im_end|> behind it.", text, "And 3+3?", number=4, max_tokens=4
    )
    assert next_turn.statistics.reused_tokens >= finished.statistics.context_used - 2


def test_a_raw_prompt_still_means_its_control_tokens(engine: DrivenEngine, starter_model: Path) -> None:
    engine.load(starter_model)
    _, raw = engine.generate(
        Generate(1, prompt="<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n", max_tokens=1)
    )
    _, asked = engine.generate(Generate(2, (ChatMessage("user", "Hi"),), template=CHATML, max_tokens=1))
    assert raw.statistics.prompt_tokens == asked.statistics.prompt_tokens
