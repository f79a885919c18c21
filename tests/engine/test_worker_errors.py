"""Each cause in the taxonomy, from a real file that causes it; the process either lives or its death is a value."""

import os
import signal
from pathlib import Path

import pytest
from support.engine import DrivenEngine, driven_engine
from support.forge import TINY, Value, forge, metadata, tensors, vocabulary, write

from desktop.engine.api import EngineDied, Failed, Generate, Loaded, Text

pytestmark = pytest.mark.engine
STRING, UINT16, UINT32 = 8, 2, 4


@pytest.fixture(scope="module")
def vocab(vocab_dir: Path) -> Path:
    return vocab_dir / "ggml-vocab-gpt-2.gguf"


@pytest.fixture(scope="module")
def good(vocab: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return forge(tmp_path_factory.mktemp("forged") / "good.gguf", TINY, "Q4_K", vocab)


def refused(engine: DrivenEngine, path: Path, **options: object) -> Failed:
    result = engine.try_load(path, **options)  # type: ignore[arg-type]
    assert isinstance(result, Failed), result
    assert result.message and result.hint
    return result


def test_files_that_are_no_models(engine: DrivenEngine, good: Path, vocab: Path, tmp_path: Path) -> None:
    raw = good.read_bytes()
    broken = {
        "empty": b"",
        "magic": b"NOPE" + raw[4:],
        "cut-header": raw[:5000],
        "cut-data": raw[: len(raw) // 2],
        "text": b"version https://git-lfs.github.com/spec/v1\n" * 4,
    }
    kinds = {}
    for name, data in broken.items():
        path = tmp_path / f"{name}.gguf"
        path.write_bytes(data)
        kinds[name] = refused(engine, path).kind
    assert kinds == dict.fromkeys(broken, "bad-file")
    # one and the same process refused them all and still works
    assert isinstance(engine.try_load(good), Loaded)


def test_unknown_architecture(engine: DrivenEngine, vocab: Path, tmp_path: Path) -> None:
    path = forge(tmp_path / "a.gguf", TINY, "Q4_K", vocab, general__architecture=Value(STRING, "warpdrive"))
    failed = refused(engine, path)
    assert failed.kind == "unknown-architecture"
    assert "'warpdrive'" in failed.message


def test_missing_shard(engine: DrivenEngine, vocab: Path, tmp_path: Path) -> None:
    path = forge(
        tmp_path / "m-00001-of-00002.gguf", TINY, "Q4_K", vocab,
        split__no=Value(UINT16, 0), split__count=Value(UINT16, 2), split__tensors__count=Value(5, 40),
    )  # fmt: skip
    assert refused(engine, path).kind == "missing-shard"


def test_missing_entry_and_missing_tensor(engine: DrivenEngine, vocab: Path, tmp_path: Path) -> None:
    words = vocabulary(vocab)
    entries = metadata(TINY, words)
    parts = tensors(TINY, "Q4_K", words["tokenizer.ggml.tokens"].length)
    without = {key: value for key, value in entries.items() if key != "llama.embedding_length"}
    assert "'llama.embedding_length'" in refused(engine, write(tmp_path / "e.gguf", without, parts)).message
    assert "'blk.1.ffn_down.weight'" in refused(engine, write(tmp_path / "t.gguf", entries, parts[:-1])).message


def test_not_enough_memory_is_refused_and_nothing_is_killed(engine: DrivenEngine, good: Path) -> None:
    failed = refused(engine, good, context_length=16_000_000, cache_type_k="f32", cache_type_v="f32")
    assert failed.kind == "out-of-memory"
    assert isinstance(engine.try_load(good), Loaded)


def test_a_vanished_file(engine: DrivenEngine, tmp_path: Path) -> None:
    assert refused(engine, tmp_path / "gone.gguf").kind == "not-found"


@pytest.mark.parametrize("layers", [0, 100_000])
def test_an_abort_inside_the_engine_is_a_value(vocab: Path, tmp_path: Path, good: Path, layers: int) -> None:
    path = forge(tmp_path / "l.gguf", TINY, "Q4_K", vocab, llama__block_count=Value(UINT32, layers))
    with driven_engine(tmp_path / "home") as engine:
        died = engine.try_load(path)
        assert isinstance(died, EngineDied)
        assert died.kind == "bad-file"
        assert "GGML_ASSERT" in died.log_tail
    with driven_engine(tmp_path / "home") as engine:
        assert isinstance(engine.try_load(good), Loaded)


@pytest.mark.parametrize(
    ("number", "kind"),
    [(signal.SIGKILL, "killed"), (signal.SIGSEGV, "crashed"), (signal.SIGILL, "unsupported-cpu")],
)
def test_a_signal_in_the_middle_of_an_answer(
    starter_model: Path, tmp_path: Path, number: signal.Signals, kind: str
) -> None:
    with driven_engine(tmp_path) as engine:
        engine.load(starter_model)
        engine.send(Generate(1, prompt="Once upon a time", max_tokens=1500))
        engine.wait(Text)
        os.kill(engine.pid, number)
        died = engine.wait(EngineDied)
    assert died.kind == kind
    assert died.exit_code == -number


def test_a_file_cut_while_in_use(vocab: Path, tmp_path: Path) -> None:
    shape = TINY.__class__(layers=8, embedding=1024, feed_forward=4096, heads=8, kv_heads=8)
    path = forge(tmp_path / "cut.gguf", shape, "F16", vocab)
    with driven_engine(tmp_path / "home") as engine:
        engine.load(path)
        with path.open("r+b") as file:
            file.truncate(4096)
        engine.send(Generate(1, prompt="hello", max_tokens=50))
        died = engine.wait(EngineDied)
    assert died.kind == "not-found"
    assert "vanished" in died.message
