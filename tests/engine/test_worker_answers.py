"""Answers of the real engine on the real starter model."""

import time
from pathlib import Path

import msgspec
import psutil
import pytest
from support.engine import GREEDY, DrivenEngine
from support.forge import TINY, Shape, Value, forge, metadata, tensors, vocabulary, write

from desktop.core.memory import packed
from desktop.core.model_kind import ModelKind
from desktop.engine.api import (
    Benchmark,
    Benchmarked,
    Cancel,
    ChatMessage,
    Failed,
    Finished,
    Generate,
    LoadProgress,
    PromptProgress,
    Sampling,
    Text,
    Unload,
    Unloaded,
)
from desktop.engine.tools.template_records import CHATML
from desktop.services.planning.local_files import read_local
from desktop.store.gguf_files import kind_of

pytestmark = pytest.mark.engine
QUESTION = "Why is the sky blue?"


def test_hello_says_what_the_engine_is(engine: DrivenEngine) -> None:
    hello = engine.hello()
    assert "CPU" in hello.backends
    assert {"llama", "qwen3", "gemma3"} <= set(hello.architectures)
    assert any(device.kind == "cpu" and device.total_bytes > 0 for device in hello.devices)


def test_load_reports_progress_and_memory(engine: DrivenEngine, starter_model: Path) -> None:
    hello = engine.hello()
    loaded = engine.load(starter_model, context_length=4096)
    fractions = [event.fraction for event in engine.heard if isinstance(event, LoadProgress)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    mebibyte = 1024 * 1024
    assert loaded.context_length == 4096
    assert loaded.trained_context_length == 8192
    assert loaded.layers == 30
    assert loaded.template == "model"
    # 4,096 cells x 30 layers x 2 x 192 elements x 2 bytes
    assert loaded.memory.kv_bytes == 90 * mebibyte
    model = read_local(starter_model)
    assert model is not None and model.weights.total_bytes == pytest.approx(92.1 * mebibyte, rel=0.01)
    held = packed(model.weights, hello.features).total_bytes  # AMX takes some more than the file does
    assert loaded.memory.weights_bytes == pytest.approx(held, rel=0.01)
    # one output row: the default of one per batch token would take 98 MiB
    assert 0 < loaded.memory.compute_bytes < 50 * mebibyte
    assert loaded.memory.resident_bytes > loaded.memory.weights_bytes
    small = engine.load(starter_model, context_length=4096, cache_type_k="q8_0", cache_type_v="q8_0")
    assert small.memory.kv_bytes == pytest.approx(90 * mebibyte * 1.0625 / 2, rel=0.001)


def test_an_answer_and_its_figures(engine: DrivenEngine, starter_model: Path) -> None:
    engine.load(starter_model)
    text, finished = engine.ask("What is 2+2?")
    assert "4" in text
    figures = finished.statistics
    assert finished.reason == "stop"
    assert figures.reused_tokens == 0
    # the last token is drawn and not computed
    assert figures.context_used == figures.prompt_tokens + figures.generated_tokens - 1
    assert 0 < figures.seconds_to_first_token < 30
    assert figures.tokens_per_second > 0
    assert finished.notes == ()
    counts = [event.generated_tokens for event in engine.heard if isinstance(event, Text)]
    assert counts == sorted(counts)
    assert counts[-1] == figures.generated_tokens


def test_the_same_seed_gives_the_same_answer(engine: DrivenEngine, starter_model: Path) -> None:
    engine.load(starter_model)
    warm = Sampling(temperature=1.2, seed=11)
    first, _ = engine.ask("Tell me a story.", number=1, sampling=warm, max_tokens=40)
    second, _ = engine.ask("Tell me a story.", number=2, sampling=warm, max_tokens=40)
    other, _ = engine.ask("Tell me a story.", number=3, sampling=Sampling(temperature=1.2, seed=12), max_tokens=40)
    assert first == second
    assert first != other


def test_a_second_turn_reads_only_what_is_new(engine: DrivenEngine, starter_model: Path) -> None:
    engine.load(starter_model)
    answer, first = engine.ask(QUESTION, max_tokens=32)
    again, second = engine.ask(QUESTION, answer, "And the sea?", max_tokens=24, number=2)
    assert second.statistics.reused_tokens >= first.statistics.context_used - 2
    # the cached and the freshly read conversation mean the same; later tokens may differ, since llama.cpp's sums
    # depend on the batch they were computed in
    engine.load(starter_model)
    fresh, third = engine.ask(QUESTION, answer, "And the sea?", max_tokens=24, number=3)
    assert third.statistics.reused_tokens == 0
    assert fresh[:20] == again[:20]


def test_an_edited_turn_keeps_the_common_prefix(engine: DrivenEngine, starter_model: Path) -> None:
    engine.load(starter_model)
    _, first = engine.ask("Name a colour. " * 40 + "Now a red one.", max_tokens=8)
    _, second = engine.ask("Name a colour. " * 40 + "Now a blue one.", number=2, max_tokens=8)
    assert 0 < second.statistics.reused_tokens < first.statistics.prompt_tokens


def test_continuing_an_answer(engine: DrivenEngine, starter_model: Path) -> None:
    engine.load(starter_model)
    whole, _ = engine.ask("Count from one to ten in words.", max_tokens=24)
    part, _ = engine.ask("Count from one to ten in words.", number=2, max_tokens=12)
    rest, finished = engine.ask("Count from one to ten in words.", part, number=3, max_tokens=12)
    assert part + rest == whole
    assert finished.statistics.reused_tokens > 0


def test_token_limit_stop_string_and_full_context(engine: DrivenEngine, starter_model: Path) -> None:
    engine.load(starter_model, context_length=256)
    _, limited = engine.ask("Tell me a long story.", max_tokens=5)
    assert (limited.reason, limited.statistics.generated_tokens) == ("length", 5)
    counting = "1, 2, 3, 4, 5, 6,"
    text, stopped = engine.generate(
        Generate(2, prompt=counting, sampling=msgspec.structs.replace(GREEDY, stop=("9",)), max_tokens=60)
    )
    assert stopped.reason == "stop"
    assert "8" in text
    assert "9" not in text
    text, full = engine.generate(Generate(3, prompt=counting, sampling=GREEDY))
    assert full.reason == "context-full"
    assert full.statistics.context_used == 255 and full.statistics.context_length == 256
    engine.send(Generate(4, prompt="many words " * 300))
    refused = engine.wait(Failed)
    assert refused.kind == "context-full"
    assert refused.request_id == 4


def test_cancel_while_generating_keeps_text_and_cache(engine: DrivenEngine, starter_model: Path) -> None:
    engine.load(starter_model)
    engine.send(Generate(1, (ChatMessage("user", "Write a long story."),), sampling=GREEDY))
    engine.wait(Text)
    engine.wait(Text)
    engine.send(Cancel())
    finished = engine.wait(Finished)
    assert finished.reason == "cancelled"
    assert finished.statistics.generated_tokens > 0
    _, second = engine.ask("Write a long story.", number=2, max_tokens=4)
    assert second.statistics.reused_tokens == second.statistics.prompt_tokens - 1


def test_cancel_while_reading_a_long_prompt(engine: DrivenEngine, starter_model: Path) -> None:
    engine.load(starter_model, context_length=8192)
    engine.send(Generate(1, prompt="The tide comes in and the tide goes out. " * 600, max_tokens=4))
    engine.wait(PromptProgress)
    asked = time.monotonic()
    engine.send(Cancel())
    finished = engine.wait(Finished)
    seconds = time.monotonic() - asked
    assert finished.reason == "cancelled"
    assert finished.statistics.generated_tokens == 0
    # the promise is 0.1 s, measured in tests/bench; this bound only tells a cancel from a prompt read to its end
    assert seconds < 3
    text, _ = engine.ask(QUESTION, number=2, max_tokens=32)
    assert "light" in text


def test_a_cancel_concerns_only_what_came_before(engine: DrivenEngine, starter_model: Path) -> None:
    engine.load(starter_model)
    engine.send(Generate(1, prompt="Once upon a time", sampling=GREEDY, max_tokens=500))
    engine.send(Cancel())
    engine.send(Generate(2, prompt="Once upon a time", sampling=GREEDY, max_tokens=6))
    assert engine.wait(Finished).reason == "cancelled"
    _, second = engine.finish(2)
    assert second.reason == "length"


def test_no_chat_template_falls_back_and_says_so(engine: DrivenEngine, vocab_dir: Path, tmp_path: Path) -> None:
    words = {key: value for key, value in vocabulary(vocab_dir / "ggml-vocab-qwen2.gguf").items() if "chat" not in key}
    size = words["tokenizer.ggml.tokens"].length
    path = write(tmp_path / "f.gguf", metadata(TINY, words), tensors(TINY, "Q8_0", size))
    loaded = engine.load(path, 512)
    assert loaded.template == "chatml"
    _, finished = engine.ask("hello", max_tokens=3)
    assert "ChatML" in finished.notes[0]


def test_a_base_model_continues_the_text_of_the_conversation(
    engine: DrivenEngine, vocab_dir: Path, tmp_path: Path
) -> None:
    loaded = engine.load(forge(tmp_path / "b.gguf", TINY, "Q8_0", vocab_dir / "ggml-vocab-gpt-2.gguf"), 512)
    assert loaded.template == "none"
    turns = [
        ChatMessage("system", "A tale."), ChatMessage("user", "Once upon"), ChatMessage("assistant", " a time"),
        ChatMessage("user", "there was\n"), ChatMessage("user", "a tide"),
    ]  # fmt: skip
    one = "A tale.\nOnce upon a time\nthere was\n\na tide"
    for number, (asked, text) in enumerate(
        (
            (turns, one),
            (turns[1:2], "Once upon"),
            (turns[1:3], "Once upon a time"),  # an answer that is continued
            ([ChatMessage("user", "so <think>")], "so <think>"),
        )
    ):
        said, answered = engine.generate(Generate(2 * number, tuple(asked), sampling=GREEDY, max_tokens=6))
        raw, plain = engine.generate(Generate(2 * number + 1, prompt=text, sampling=GREEDY, max_tokens=6))
        assert (said, answered.statistics.prompt_tokens) == (raw, plain.statistics.prompt_tokens)
        assert answered.notes == ()


def test_the_engine_and_the_header_agree_on_templates(engine: DrivenEngine, vocab_dir: Path, tmp_path: Path) -> None:
    ways = {"model": ModelKind.CHAT, "chatml": ModelKind.CHAT, "none": ModelKind.BASE}
    for name in ("qwen2", "gpt-2", "llama-spm", "phi-3", "command-r", "gemma-4"):
        words = vocabulary(vocab_dir / f"ggml-vocab-{name}.gguf")
        size = words["tokenizer.ggml.tokens"].length
        path = write(tmp_path / "m.gguf", metadata(TINY, words), tensors(TINY, "Q8_0", size))
        assert ways[engine.load(path, 512).template] is kind_of(path), name


def test_no_built_in_template_stands_in_for_one(engine: DrivenEngine, vocab_dir: Path, tmp_path: Path) -> None:
    words = vocabulary(vocab_dir / "ggml-vocab-gpt-2.gguf") | {"tokenizer.ggml.pre": Value(8, "tekken")}
    small = Shape(40, 64, 64, 1, 1)  # forty layers and this vocabulary: llama.cpp answers "mistral-v7-tekken"
    size = words["tokenizer.ggml.tokens"].length
    loaded = engine.load(write(tmp_path / "m.gguf", metadata(small, words), tensors(small, "Q8_0", size)), 512)
    assert loaded.template == "none"


def test_a_hostile_template_is_replaced_and_the_answer_says_so(
    engine: DrivenEngine, vocab_dir: Path, tmp_path: Path
) -> None:
    path = forge(
        tmp_path / "h.gguf", TINY, "Q8_0", vocab_dir / "ggml-vocab-gpt-2.gguf",
        template="{{ cycler.__init__.__globals__.os.system('touch pwned') }}",
    )  # fmt: skip
    assert engine.load(path, 512).template == "chatml"
    _, finished = engine.ask("hi", max_tokens=2)
    assert finished.statistics.generated_tokens > 0
    assert "has a mistake in it" in " ".join(finished.notes) and "ChatML" in " ".join(finished.notes)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{% for m in messages %}{{ m.role }}{% endfor %}", "leaves out what you write"),
        ("{{ raise_exception('only tools here') }}", "is made for tools"),
        ("{{ 1 + messages }}", "has a mistake in it"),
        ("{% if %}", "has a mistake in it"),
    ],
)
def test_a_template_that_cannot_talk_is_replaced_and_the_answer_says_so(
    engine: DrivenEngine, vocab_dir: Path, tmp_path: Path, template: str, words: str
) -> None:
    path = forge(tmp_path / "m.gguf", TINY, "Q8_0", vocab_dir / "ggml-vocab-qwen2.gguf", template=template)
    engine.load(path, 512)
    _, finished = engine.ask("Hello there", max_tokens=1)
    _, chatml = engine.ask("Hello there", number=2, max_tokens=1, template=CHATML)
    assert finished.statistics.prompt_tokens == chatml.statistics.prompt_tokens
    (note,) = finished.notes
    assert words in note and "ChatML" in note


def test_benchmark_and_unload(engine: DrivenEngine, starter_model: Path) -> None:
    engine.load(starter_model)
    engine.send(Benchmark(1, prompt_tokens=64, generate_tokens=8, repeat=2))
    result = engine.wait(Benchmarked)
    assert len(result.tokens_per_second) == len(result.prompt_tokens_per_second) == 2
    assert min(result.tokens_per_second) > 0
    process = psutil.Process(engine.pid)
    engine.send(Unload())
    engine.wait(Unloaded)
    assert not process.is_running()
    engine.send(Generate(2, prompt="anyone there?"))
    assert engine.wait(Failed).kind == "no-model"


def test_a_reasoning_block_the_template_opened_is_reasoning_and_goes_on(
    engine: DrivenEngine, vocab_dir: Path, tmp_path: Path
) -> None:
    template = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant: <think>\n"
    path = forge(tmp_path / "t.gguf", TINY, "Q8_0", vocab_dir / "ggml-vocab-gpt-2.gguf", template=template)
    engine.load(path, 512)
    text, first = engine.ask("hello", max_tokens=4)
    thought = engine.reasoning
    assert thought and not text
    begun = (ChatMessage("user", "hello"), ChatMessage("assistant", "", thought))
    text, second = engine.generate(Generate(2, begun, sampling=GREEDY, max_tokens=2))
    assert engine.reasoning.startswith(thought) and engine.reasoning != thought and not text
    # continued where it stopped: the block is not opened a second time
    assert second.statistics.prompt_tokens <= first.statistics.prompt_tokens + 4


def test_a_context_that_is_no_whole_group_of_cells_reads_long_prompts(
    engine: DrivenEngine, starter_model: Path
) -> None:
    loaded = engine.load(starter_model, context_length=300)  # llama.cpp makes it 512, in batches of 300
    assert loaded.context_length == 512
    _, finished = engine.ask("word " * 350, max_tokens=4)
    assert finished.statistics.prompt_tokens > 300


def test_tokens_come_with_what_could_have_been_written(engine: DrivenEngine, starter_model: Path) -> None:
    engine.load(starter_model, context_length=512)
    asked = Generate(1, (ChatMessage("user", QUESTION),), sampling=GREEDY, max_tokens=12, alternatives=5)
    text, _ = engine.generate(asked)
    tokens = [token for event in engine.heard if isinstance(event, Text) for token in event.tokens]
    assert b"".join(token.raw for token in tokens).decode().strip() == text.strip()
    for token in tokens:
        assert len(token.others) == 5 and 0 < token.probability <= 1
        likely = [probability for _, probability in token.others]
        assert likely == sorted(likely, reverse=True) and token.text == token.others[0][0]  # greedy takes the likeliest
    engine.heard.clear()
    engine.generate(Generate(2, (ChatMessage("user", QUESTION),), sampling=GREEDY, max_tokens=4))
    assert not any(event.tokens for event in engine.heard if isinstance(event, Text))
