"""What a file is for, by its header: of each kind one as converters write it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import gguf_bytes as g

from desktop.core.gguf import BytesSource, Header, read_header
from desktop.core.gguf.kind import has_chatml_tokens, model_kind
from desktop.core.model_kind import ModelKind

NORMAL, CONTROL, USER_DEFINED = 1, 3, 4
TEMPLATE = "{{ x }}"
CHATML = ("a", "<|im_start|>", "<|im_end|>")


def header(made: g.Model, *, partial: bool = False, cut: int | None = None) -> Header:
    head, size = made.header()
    data = head if cut is None else head[:cut]
    return read_header(BytesSource(data if cut is not None else data + b"\0" * size), partial=partial)


def text_model(
    architecture: str = "llama", tokens: tuple[str, ...] = ("a", "b"), types: tuple[int, ...] = (1, 1), **extra: Any
) -> g.Model:
    made = g.model(architecture=architecture, tokenizer__ggml__model="gpt2", **extra)
    made.metadata += [
        ("tokenizer.ggml.tokens", g.ARRAY, (g.STRING, tokens)),
        ("tokenizer.ggml.token_type", g.ARRAY, (g.I32, types)),
    ]
    return made


def with_tensor(made: g.Model, name: str) -> g.Model:
    made.tensors.append((name, (256,), 0))
    return made


def with_flag(made: g.Model, key: str, value: bool) -> g.Model:
    made.metadata.append((key, g.BOOL, value))
    return made


KINDS: dict[str, tuple[g.Model, ModelKind]] = {
    "template": (text_model(tokenizer__chat_template="{{ messages }}"), ModelKind.CHAT),
    "an empty template": (text_model(tokenizer__chat_template=""), ModelKind.BASE),
    "a template that begins beyond ASCII": (text_model(tokenizer__chat_template="🙂{{ x }}"), ModelKind.CHAT),
    "only a named template": (text_model(tokenizer__chat_template__rag=TEMPLATE), ModelKind.BASE),
    "ChatML's marks": (text_model(tokens=CHATML, types=(NORMAL, CONTROL, CONTROL)), ModelKind.CHAT),
    "marks that are plain words": (text_model(tokens=CHATML, types=(NORMAL, NORMAL, NORMAL)), ModelKind.BASE),
    "one mark": (text_model(tokens=CHATML[:2], types=(NORMAL, CONTROL)), ModelKind.BASE),
    "marks inside longer words": (text_model(tokens=("<|im_start|>x", "<|im_end|>x")), ModelKind.BASE),
    "base": (text_model(), ModelKind.BASE),
    "no tokenizer": (g.model(), ModelKind.UNKNOWN),
    "no architecture": (g.Model([("general.name", g.STRING, "x")], [("w", (256,), 0)]), ModelKind.UNKNOWN),
    "bert": (text_model("bert"), ModelKind.EMBEDDING),
    "bert that ranks": (with_tensor(text_model("bert"), "cls.output.weight"), ModelKind.RERANKER),
    "pooled": (text_model("qwen3", tokenizer__chat_template=TEMPLATE, qwen3__pooling_type=3), ModelKind.EMBEDDING),
    "ranks": (text_model("qwen3", tokenizer__chat_template=TEMPLATE, qwen3__pooling_type=4), ModelKind.RERANKER),
    "not pooled": (text_model("qwen3", tokenizer__chat_template=TEMPLATE, qwen3__pooling_type=0), ModelKind.CHAT),
    "not causal": (with_flag(text_model("gemma3"), "gemma3.attention.causal", False), ModelKind.EMBEDDING),
    "said to be causal": (with_flag(text_model("gemma3"), "gemma3.attention.causal", True), ModelKind.BASE),
    "gemma embedding": (text_model("gemma-embedding"), ModelKind.EMBEDDING),
    "t5's encoder": (text_model("t5encoder"), ModelKind.EMBEDDING),
    "t5": (text_model("t5"), ModelKind.ENCODER_DECODER),
    "dream": (text_model("dream", tokenizer__chat_template=TEMPLATE), ModelKind.DIFFUSION),
    "llada": (text_model("llada"), ModelKind.DIFFUSION),
    "pictures": (g.model(architecture="flux"), ModelKind.DIFFUSION),
    "eagle": (text_model("eagle3"), ModelKind.DRAFT),
    "speech": (text_model("wavtokenizer-dec"), ModelKind.AUDIO),
    "projector by architecture": (g.model(architecture="clip"), ModelKind.PROJECTOR),
    "projector by type": (g.model(architecture="clip", general__type="mmproj"), ModelKind.PROJECTOR),
    "LoRA": (g.model(general__type="adapter", adapter__type="lora"), ModelKind.ADAPTER),
    "importance matrix": (g.Model([("general.type", g.STRING, "imatrix")], [("w", (256,), 0)]), ModelKind.IMATRIX),
    "control vector": (g.model(architecture="controlvector"), ModelKind.CONTROL_VECTOR),
    "vocabulary": (g.Model(text_model().metadata, []), ModelKind.VOCABULARY),
    "first shard without weights": (
        g.Model(text_model(tokenizer__chat_template=TEMPLATE, split__no=0, split__count=2).metadata, []),
        ModelKind.CHAT,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_a_header_says_what_its_file_is_for(name: str) -> None:
    made, kind = KINDS[name]
    assert model_kind(header(made)) is kind


def test_the_beginning_of_a_header_says_what_it_can() -> None:
    chat = text_model(tokens=("x" * 100,) * 100, types=(1,) * 100, tokenizer__chat_template=TEMPLATE)
    chat.metadata.sort(key=lambda entry: entry[0] == "tokenizer.chat_template")  # at the end, as converters write it
    assert model_kind(header(chat, partial=True, cut=4096)) is ModelKind.UNKNOWN
    assert model_kind(header(text_model("bert", tokens=("x" * 100,) * 100), partial=True, cut=4096)) is (
        ModelKind.EMBEDDING
    )


def test_the_marks_are_found_in_real_vocabularies(vocab_dir: Path, starter_model: Path) -> None:
    for file, has in (
        (starter_model, True),
        (vocab_dir / "ggml-vocab-qwen2.gguf", True),
        (vocab_dir / "ggml-vocab-gpt-2.gguf", False),
        (vocab_dir / "ggml-vocab-llama-spm.gguf", False),
    ):
        assert has_chatml_tokens(read_header(BytesSource(file.read_bytes()))) is has, file.name
