"""Vocabularies beside gguf's reading, and tokens made visible."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import forge
from support.inspected import opened

from desktop.core.text import token_piece
from desktop.core.token_text import decoded
from desktop.services.inspect.tokenizer import TokenizerService
from desktop.services.inspect.vocabulary import Vocabulary
from desktop.store.paths import Paths


@pytest.mark.parametrize(
    ("stored", "model", "shown"),
    [
        ("Ġthe", "gpt2", "␣the"),
        ("Ċ", "gpt2", "⏎"),
        ("Ã¼", "gpt2", "ü"),
        ("âĤ", "gpt2", "⟨E2⟩⟨82⟩"),
        ("▁the", "llama", "␣the"),
        ("<0x0A>", "llama", "⏎"),
        ("<0xE2>", "llama", "⟨E2⟩"),
        ("<|im_end|>", "gpt2", "<|im_end|>"),
        ("世", "gpt2", "世"),
        ("\x07", "bert", "⟨7⟩"),
    ],
)
def test_what_a_token_stands_for(stored: str, model: str, shown: str) -> None:
    assert token_piece(decoded(stored, model)) == shown


def test_decoding_agrees_with_the_engine(starter_model: Path, paths: Paths) -> None:
    model, service = opened(starter_model), TokenizerService(paths)
    words = Vocabulary(model.header)
    for token in service.tokenize(model, "Grüße 世界 🦙\n\ttabs  and spaces"):
        (listed,) = words.read([token.id])
        assert decoded(listed.stored, words.model) == token.piece
        assert listed.type == token.kind
    service.close()


def test_pages_and_special_tokens(starter_model: Path) -> None:
    words = Vocabulary(opened(starter_model).header)
    assert (words.size, words.merges, words.model, words.pre) == (49_152, 48_900, "gpt2", "smollm")
    assert not words.has_scores
    tokens = words.read([0, 2, 1023, 1024, 49_151])
    assert [token.id for token in tokens] == [0, 2, 1023, 1024, 49_151]
    assert (tokens[1].stored, tokens[1].type, tokens[1].score) == ("<|im_end|>", "control", None)
    assert {(token.name, token.text) for token in words.special()} == {
        ("BOS", "<|im_start|>"),
        ("EOS", "<|im_end|>"),
        ("UNK", "<|endoftext|>"),
        ("PAD", "<|im_end|>"),
    }


def test_search_finds_by_text_type_and_id(starter_model: Path) -> None:
    words = Vocabulary(opened(starter_model).header)
    assert 2 in words.search("IM_END")
    controls = words.search("", "control")
    assert 2 in controls and all(token.type == "control" for token in words.read(controls))
    assert words.search("49151").count(49_151) == 1
    assert list(words.search("no such token anywhere")) == []
    assert list(words.search("e", cancelled=lambda: True)) == []


def test_scores_and_bytes_of_sentencepiece(vocab_dir: Path) -> None:
    words = Vocabulary(opened(vocab_dir / "ggml-vocab-llama-spm.gguf").header)
    newline = words.read(words.search("<0x0A>"))[0]
    assert (newline.shown, newline.type, newline.score) == ("⏎", "byte", 0.0)
    assert words.has_scores


def test_broken_arrays_are_empty_columns_not_errors(tmp_path: Path) -> None:
    bare = {"general.architecture": forge.Value(8, "llama"), "tokenizer.ggml.eos_token_id": forge.Value(4, 9)}
    words = Vocabulary(opened(forge.write(tmp_path / "bare.gguf", bare, [])).header)
    assert (words.size, words.special()[0].text, list(words.search("x"))) == (0, "", [])
    short = {
        **bare,
        "tokenizer.ggml.tokens": forge.Value(9, b"".join(forge._string(t) for t in ("a", "b", "c")), 8, 3),
        "tokenizer.ggml.token_type": forge.Value(9, (99).to_bytes(4, "little"), 5, 1),
    }
    words = Vocabulary(opened(forge.write(tmp_path / "short.gguf", short, [])).header)
    assert [(t.stored, t.type) for t in words.read(range(3))] == [("a", "type 99"), ("b", ""), ("c", "")]
