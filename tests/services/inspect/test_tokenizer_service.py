"""Tokens as llama.cpp's own tests expect them, of real vocabularies, from header bytes alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support import forge
from support.inspected import inspected, opened

from desktop.core.errors import HeftError
from desktop.core.gguf import BytesSource, read_header
from desktop.services.inspect.tokenizer import MAX_CHARACTERS, TokenizerService
from desktop.store.paths import Paths

_SEPARATOR = "\n__ggml_vocab_test__\n"


@pytest.fixture
def service(paths: Paths) -> Iterator[TokenizerService]:
    made = TokenizerService(paths)
    yield made
    made.close()


@pytest.mark.parametrize("name", ["llama-spm", "gpt-2", "bert-bge", "qwen2"])
def test_tokens_are_those_llama_cpp_expects(
    service: TokenizerService, paths: Paths, vocab_dir: Path, name: str
) -> None:
    path = vocab_dir / f"ggml-vocab-{name}.gguf"
    model = opened(path)
    inputs, outputs = Path(f"{path}.inp"), Path(f"{path}.out")
    texts = inputs.read_bytes().decode().split(_SEPARATOR)[:-1]
    expected = [[int(token) for token in line.split()] for line in outputs.read_text().splitlines()]
    assert len(texts) == len(expected)
    for text, ids in zip(texts, expected, strict=True):
        assert [token.id for token in service.tokenize(model, text)] == ids, text
    assert not list((paths.scratch / "tokenizer").iterdir())


def test_pieces_join_to_the_text_and_special_tokens_are_told(service: TokenizerService, starter_model: Path) -> None:
    model = opened(starter_model)
    text = "Grüße, 世界 🦙! <|im_end|>"
    tokens = service.tokenize(model, text)
    assert b"".join(token.piece for token in tokens).decode() == text
    assert {token.kind for token in tokens} == {"normal"}
    read = service.tokenize(model, text, parse_special=True)
    assert (read[-1].piece, read[-1].kind) == (b"<|im_end|>", "control")
    assert len(read) < len(tokens)


def test_special_tokens_are_added_as_the_vocabulary_asks(service: TokenizerService, vocab_dir: Path) -> None:
    model = opened(vocab_dir / "ggml-vocab-llama-spm.gguf")
    plain, added = service.tokenize(model, "a"), service.tokenize(model, "a", add_special=True)
    assert [token.id for token in added] == [1, *(token.id for token in plain)]
    assert (added[0].piece, added[0].kind) == (b"<s>", "control")


def test_an_architecture_the_engine_does_not_know_still_tokenizes(
    service: TokenizerService, vocab_dir: Path, tmp_path: Path
) -> None:
    words = forge.vocabulary(vocab_dir / "ggml-vocab-gpt-2.gguf")
    strange = forge.metadata(forge.Shape(1, 64, 64, 1, 1, architecture="tomorrow"), words)
    known = service.tokenize(opened(vocab_dir / "ggml-vocab-gpt-2.gguf"), "Hello world")
    assert service.tokenize(opened(forge.write(tmp_path / "t.gguf", strange, [])), "Hello world") == known


def test_the_header_alone_is_enough(service: TokenizerService, starter_model: Path, tmp_path: Path) -> None:
    whole = opened(starter_model)
    data = starter_model.read_bytes()[: whole.header.header_bytes]
    cut = inspected(read_header(BytesSource(data)))
    assert service.tokenize(cut, "The same tokens") == service.tokenize(whole, "The same tokens")


@pytest.mark.parametrize("name", ["llama-spm", "gpt-2", "bert-bge", "qwen2", "phi-3"])
def test_counts_are_the_lengths_of_the_tokens_and_a_beginning_is_no_longer_than_asked(
    service: TokenizerService, vocab_dir: Path, name: str
) -> None:
    model = opened(vocab_dir / f"ggml-vocab-{name}.gguf")
    texts = ["", "Hello world, this is a text.", "Grüße, 世界! 🦙🦙\n\n" * 20, "a" * 300]
    tokens = [len(service.tokenize(model, text)) for text in texts]
    assert list(service.count(model, texts)) == tokens
    for text, whole in zip(texts, tokens, strict=True):
        for asked in (1, 3, whole // 2, whole, whole + 10):
            beginning = text[: service.beginning(model, text, asked)]
            assert len(service.tokenize(model, beginning)) <= max(asked, 0 if not text else 1)
            if asked >= whole:
                assert beginning == text
            elif whole > 10 and asked == whole // 2:
                assert len(service.tokenize(model, beginning)) >= asked * 0.9


def test_a_text_of_any_length_is_counted(service: TokenizerService, starter_model: Path) -> None:
    model = opened(starter_model)
    (count,) = service.count(model, ["word " * (MAX_CHARACTERS // 4)])
    assert count == pytest.approx(MAX_CHARACTERS // 4, rel=0.01)


def test_a_dead_process_is_replaced(service: TokenizerService, starter_model: Path) -> None:
    model = opened(starter_model)
    first = service.tokenize(model, "again")
    before = {child.pid for child in psutil.Process(os.getpid()).children()}
    service._tool.close()
    assert service.tokenize(model, "again") == first
    assert not before & {child.pid for child in psutil.Process(os.getpid()).children()}


def test_without_a_tokenizer_or_with_too_much_text_it_says_so(
    service: TokenizerService, tmp_path: Path, starter_model: Path
) -> None:
    empty = opened(forge.write(tmp_path / "e.gguf", {"general.architecture": forge.Value(8, "llama")}, []))
    with pytest.raises(HeftError, match="no tokenizer"):
        service.tokenize(empty, "x")
    with pytest.raises(HeftError) as long:
        service.tokenize(opened(starter_model), "x" * (MAX_CHARACTERS + 1))
    assert long.value.kind == "too-long"


def test_a_vocabulary_that_breaks_the_engine_is_an_error(
    service: TokenizerService, vocab_dir: Path, tmp_path: Path, starter_model: Path
) -> None:
    words = forge.vocabulary(vocab_dir / "ggml-vocab-gpt-2.gguf")
    words["tokenizer.ggml.model"] = forge.Value(8, "no such tokenizer")
    broken = forge.write(tmp_path / "b.gguf", {"general.architecture": forge.Value(8, "llama"), **words}, [])
    with pytest.raises(HeftError):
        service.tokenize(opened(broken), "x")
    assert service.tokenize(opened(starter_model), "x")
