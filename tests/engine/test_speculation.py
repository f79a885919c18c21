"""Speculation with the real server: the text stays, guesses are counted, what loses or cannot be ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.engine import GREEDY, DrivenEngine
from support.forge import Shape, forge
from support.forge_mtp import forge_mtp

from desktop.engine.api import Failed, Finished, Generate, Loaded
from desktop.engine.server.speculation import ENOUGH_TOKENS, REFUSED_NOTE

pytestmark = pytest.mark.engine

CODE = "def add(a, b):\n    return a + b\n\ndef sub(a, b):\n    return a - b\n" * 3
REPEATED = (
    f"<|im_start|>user\nRepeat this code exactly, three times:\n```python\n{CODE}```<|im_end|>\n<|im_start|>assistant\n"
)
LARGE = Shape(layers=4, embedding=256, feed_forward=512, heads=4, kv_heads=2)
SMALL = Shape(layers=1, embedding=256, feed_forward=512, heads=4, kv_heads=2)
NEVER = 1e-9  # seconds a token: so fast that any speculation loses
ALWAYS = 1e3


def written(engine: DrivenEngine, prompt: str, tokens: int = 40) -> tuple[str, Finished]:
    return engine.generate(Generate(1, prompt=prompt, sampling=GREEDY, max_tokens=tokens))


def test_what_is_repeated_is_guessed_and_the_text_stays(engine: DrivenEngine, starter_model: Path) -> None:
    engine.load(starter_model, 1024, threads=1)
    plain, without = written(engine, REPEATED, 90)
    loaded = engine.load(starter_model, 1024, threads=1, speculation="ngram")
    text, finished = written(engine, REPEATED, 90)
    assert (loaded.speculation, loaded.draft) == ("ngram", "")
    assert text == plain
    figures = finished.statistics
    assert figures.drafted_tokens >= figures.accepted_tokens > 10
    assert (without.statistics.drafted_tokens, without.statistics.plain_tokens_per_second) == (0, 0.0)
    assert figures.generated_tokens == without.statistics.generated_tokens


def test_a_draft_model_guesses_and_the_text_stays(engine: DrivenEngine, starter_model: Path) -> None:
    engine.load(starter_model, 512, threads=1)
    plain, _ = written(engine, "The harbour was quiet", 24)
    loaded = engine.load(starter_model, 512, threads=1, speculation="draft", draft=str(starter_model))
    text, finished = written(engine, "The harbour was quiet", 24)
    assert (loaded.speculation, loaded.draft) == ("draft", str(starter_model))
    assert text == plain
    assert finished.statistics.accepted_tokens > 0.8 * finished.statistics.drafted_tokens > 0  # it guesses for itself


def test_wrong_guesses_leave_the_text_as_it_is(engine: DrivenEngine, vocab_dir: Path, tmp_path: Path) -> None:
    vocab = vocab_dir / "ggml-vocab-gpt-2.gguf"
    large = forge(tmp_path / "large.gguf", LARGE, "F32", vocab)
    small = forge(tmp_path / "small.gguf", SMALL, "F32", vocab)
    engine.load(large, 512, threads=1)
    plain, _ = written(engine, "one two three")
    engine.load(large, 512, threads=1, speculation="draft", draft=str(small))
    text, finished = written(engine, "one two three")
    assert text == plain
    assert finished.statistics.drafted_tokens > 0


def test_a_model_guesses_by_its_own_layers(engine: DrivenEngine, vocab_dir: Path, tmp_path: Path) -> None:
    loaded = engine.load(
        forge_mtp(tmp_path / "m.gguf", vocab_dir / "ggml-vocab-gpt-2.gguf"), 512, threads=1, speculation="mtp"
    )
    _, finished = written(engine, "one two three")
    assert loaded.speculation == "mtp" and loaded.memory.draft_bytes > 0
    assert finished.statistics.drafted_tokens > 0


def test_a_draft_that_is_gone_is_refused_before_a_server_starts(engine: DrivenEngine, starter_model: Path) -> None:
    refused = engine.try_load(starter_model, 512, speculation="draft", draft="/nowhere/small.gguf")
    assert isinstance(refused, Failed) and "small.gguf" in refused.message
    assert engine.client.pid is None


def test_what_the_engine_cannot_do_is_said_once(
    engine: DrivenEngine, starter_model: Path, vocab_dir: Path, tmp_path: Path
) -> None:
    other = forge(tmp_path / "other.gguf", SMALL, "F16", vocab_dir / "ggml-vocab-gpt-2.gguf")
    loaded = engine.load(starter_model, 512, threads=1, speculation="draft", draft=str(other))
    assert (loaded.speculation, loaded.draft, loaded.memory.draft_bytes) == ("off", "", 0)
    assert written(engine, "Hello", 4)[1].notes == (REFUSED_NOTE,)
    assert written(engine, "Hello", 4)[1].notes == ()


def test_speculation_that_loses_ends_between_two_answers(engine: DrivenEngine, starter_model: Path) -> None:
    """The plain speed is said to be higher than any."""
    engine.load(starter_model, 1024, threads=1, speculation="draft", draft=str(starter_model), plain_seconds=NEVER)
    before = engine.pid
    _, first = written(engine, "The harbour was quiet", ENOUGH_TOKENS + 4)
    assert first.statistics.drafted_tokens > 0 and first.notes == () and engine.pid == before
    _, second = written(engine, "The harbour was quiet", 8)
    assert second.statistics.drafted_tokens == 0 and engine.pid != before
    (note,) = second.notes
    assert "switched off" in note and "tokens per second" in note
    assert written(engine, "The harbour was quiet", 8)[1].notes == ()


def test_speculation_that_gains_goes_on_in_the_same_process(engine: DrivenEngine, starter_model: Path) -> None:
    engine.load(starter_model, 1024, threads=1, speculation="draft", draft=str(starter_model), plain_seconds=ALWAYS)
    before = engine.pid
    for _ in range(2):
        _, finished = written(engine, "The harbour was quiet", ENOUGH_TOKENS + 4)
        assert finished.statistics.drafted_tokens > 0 and finished.notes == () and engine.pid == before
        assert finished.statistics.plain_tokens_per_second == pytest.approx(1 / ALWAYS)


def test_where_nothing_was_measured_one_answer_is_written_without(engine: DrivenEngine, starter_model: Path) -> None:
    loaded = engine.load(starter_model, 1024, threads=1, speculation="draft", draft=str(starter_model))
    assert isinstance(loaded, Loaded)
    first = written(engine, "The harbour was quiet", ENOUGH_TOKENS + 4)[1].statistics
    second = written(engine, "The harbour was quiet", 40)[1].statistics
    assert first.drafted_tokens > 0 and first.plain_tokens_per_second == 0
    assert second.drafted_tokens == 0 < second.generated_tokens
