"""Oddities of a model's tokenizer, by the engine's own rules (llama.cpp 0c1e57098, src/llama-vocab.cpp)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from desktop.core.findings import Finding
from desktop.core.gguf.checks import OTHER_FILE
from desktop.core.gguf.header import Header
from desktop.core.gguf.key_types import TOKEN_KEYS
from desktop.core.gguf.tokenizer_names import BYTE_PAIRS, NO_TOKENIZER, SPLITTINGS, TOKENIZERS
from desktop.core.words import tr

_WITH_MERGES = ("gpt2", "hybriddna", "whitespace", "gemma4")
# Draft models that predict in a smaller vocabulary than their target's (src/models/eagle3.cpp, dflash.cpp).
_OWN_ROWS = ("eagle3", "dflash")


def check_tokenizer(headers: Sequence[Header]) -> Iterable[Finding]:
    """Findings about the tokenizer of a model with weights; ``headers`` are its shards in order."""
    header = headers[0]
    model = header.string("tokenizer.ggml.model")
    if not model:
        yield _refused("The file has no tokenizer: tokenizer.ggml.model is missing.", "tokenizer.ggml.model")
        return
    if model in NO_TOKENIZER:
        return
    if model not in TOKENIZERS:
        yield _refused(f"The engine does not know the tokenizer '{model[:80]}'.", "tokenizer.ggml.model")
        return
    tokens = header.array("tokenizer.ggml.tokens")
    if tokens is None:
        yield _refused("The file has no vocabulary: tokenizer.ggml.tokens is missing.", "tokenizer.ggml.tokens")
        return
    pre = header.string("tokenizer.ggml.pre")
    if model in _WITH_MERGES and header.array("tokenizer.ggml.merges") is None and pre != "kimi-k2":
        yield _refused(
            f"A tokenizer of type '{model}' needs merges, but tokenizer.ggml.merges is missing.",
            "tokenizer.ggml.merges",
        )
    if model in BYTE_PAIRS and not pre:
        yield Finding(
            "warning",
            tr("tokenizer.ggml.pre is missing: the engine guesses how to split text before the merges."),
            tr("The file was made before May 2024; with a wrong guess the model sees other tokens than in training."),
            tr("Look for a newer file of this model."),
            about="key:tokenizer.ggml.pre",
        )
    if model in BYTE_PAIRS and pre and pre not in SPLITTINGS:
        yield _refused(
            f"The engine does not know the way to split text '{pre[:80]}' (tokenizer.ggml.pre).", "tokenizer.ggml.pre"
        )
    for key in ("tokenizer.ggml.scores", "tokenizer.ggml.token_type"):
        array = header.array(key)
        if array is not None and len(array) < len(tokens):
            yield _refused(f"{key} has {len(array):,} entries for {len(tokens):,} tokens.", key)
    yield from _embedding_rows(headers, len(tokens))
    yield from _special_tokens(header, len(tokens))


def _embedding_rows(headers: Sequence[Header], count: int) -> Iterable[Finding]:
    if headers[0].architecture in _OWN_ROWS:
        return
    for tensor in (t for header in headers for t in header.tensors if t.name == "token_embd.weight"):
        rows = tensor.shape[1] if len(tensor.shape) > 1 else 1
        if rows != count:
            yield Finding(
                "error",
                tr("The vocabulary has {count:,} tokens, but the embedding has {rows:,} rows.", count=count, rows=rows),
                tr("The engine takes one row for each token and refuses the file."),
                OTHER_FILE,
                about=f"tensor:{tensor.name}",
            )


def _special_tokens(header: Header, count: int) -> Iterable[Finding]:
    for key in TOKEN_KEYS:
        token = header.integer(key)
        if token is not None and not 0 <= token < count:
            yield Finding(
                "warning",
                tr("{key} is {token:,}, but the vocabulary ends at {count:,}.", key=key, token=token, count=count - 1),
                tr("The engine uses the tokenizer's default instead, so the model may not stop where it should."),
                tr("Look for a newer file of this model."),
                header.metadata[key].offset,
                f"key:{key}",
            )


def _refused(message: str, key: str) -> Finding:
    return Finding("error", message, tr("The engine refuses the file."), OTHER_FILE, about=f"key:{key}")
