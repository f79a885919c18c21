"""Findings that need more than one header: keys of the architecture, tokenizer, shards, template, file type."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support import gguf_bytes as g

from desktop.core.findings import Finding
from desktop.core.gguf import BytesSource, Header, read_header
from desktop.core.gguf.model_checks import check_model
from desktop.system.packaged import read_table

TABLE = {row["architecture"]: tuple(row["keys"].split()) for row in read_table("architecture_keys")}
TOKENS = ["a", "b", "c", "d"]


def _nobody_asked() -> tuple[str, ...]:
    raise AssertionError("the engine was asked for an architecture that the table knows")


def sound(**extra: object) -> g.Model:
    """A model without findings: a llama with four tokens."""
    model = g.Model(
        [
            ("general.architecture", g.STRING, "llama"),
            ("general.type", g.STRING, "model"),
            ("general.name", g.STRING, "Small"),
            ("llama.block_count", g.U32, 1),
            ("llama.context_length", g.U32, 128),
            ("llama.embedding_length", g.U32, 256),
            ("llama.attention.layer_norm_rms_epsilon", g.F32, 1e-5),
            ("tokenizer.ggml.model", g.STRING, "gpt2"),
            ("tokenizer.ggml.pre", g.STRING, "default"),
            ("tokenizer.ggml.tokens", g.ARRAY, (g.STRING, TOKENS)),
            ("tokenizer.ggml.token_type", g.ARRAY, (g.I32, [1] * 4)),
            ("tokenizer.ggml.merges", g.ARRAY, (g.STRING, ["a b"])),
            ("tokenizer.ggml.eos_token_id", g.U32, 3),
        ],
        [("token_embd.weight", (256, 4), 8), ("blk.0.ffn_up.weight", (256, 256), 12)],
    )
    for key, value in extra.items():
        put(model, key.replace("__", "."), value)
    return model


def put(model: g.Model, key: str, value: object) -> None:
    """Replace, add or (with None) remove a metadata entry."""
    model.metadata = [entry for entry in model.metadata if entry[0] != key]
    if isinstance(value, str):
        model.metadata.append((key, g.STRING, value))
    elif isinstance(value, int):
        model.metadata.append((key, g.U32, value))
    elif isinstance(value, tuple):
        model.metadata.append((key, *value))


def header_of(model: g.Model) -> Header:
    data, size = model.header()
    return read_header(BytesSource(data + bytes(size)))


def told(*models: g.Model, engine: Callable[[], tuple[str, ...]] = _nobody_asked) -> list[Finding]:
    return check_model([header_of(model) for model in models], TABLE, engine)


def test_a_sound_model_has_no_findings() -> None:
    assert told(sound()) == []


CASES: dict[str, tuple[dict[str, object], str, str]] = {
    "common key": ({"llama__context_length": None}, "error", "llama.context_length"),
    "architecture's key": ({"llama__attention__layer_norm_rms_epsilon": None}, "error", "rms_epsilon"),
    "key of another type": ({"llama__block_count": (g.U64, 1)}, "error", "stored as UINT64"),
    "no tokenizer": ({"tokenizer__ggml__model": None}, "error", "no tokenizer"),
    "no tokens": ({"tokenizer__ggml__tokens": None}, "error", "no vocabulary"),
    "no merges": ({"tokenizer__ggml__merges": None}, "error", "needs merges"),
    "no pre-tokenizer": ({"tokenizer__ggml__pre": None}, "warning", "guesses"),
    "short types": ({"tokenizer__ggml__token_type": (g.ARRAY, (g.I32, [1]))}, "error", "1 entries for 4"),
    "rows": ({"tokenizer__ggml__tokens": (g.ARRAY, (g.STRING, ["a"] * 4 + ["e"]))}, "error", "embedding has 4 rows"),
    "special token": ({"tokenizer__ggml__eos_token_id": 4}, "warning", "ends at 3"),
    "no template": ({"general__name": "Small Instruct"}, "warning", "no chat template"),
    "chat tag": ({"general__tags": (g.ARRAY, (g.STRING, ["chat"]))}, "warning", "no chat template"),
}


@pytest.mark.parametrize("name", CASES)
def test_faults_of_one_file(name: str) -> None:
    changes, severity, words = CASES[name]
    found = told(sound(**changes))
    assert [f.severity for f in found if words in f.message] == [severity], found
    assert all(f.reason and f.action for f in found)


def test_a_chat_model_with_a_template_is_fine() -> None:
    assert told(sound(general__name="Small Chat", tokenizer__chat_template="{{ messages }}")) == []


def test_the_engine_is_asked_for_an_architecture_that_the_table_lacks() -> None:
    other = sound(general__architecture="newnet")
    assert [f.about for f in told(other, engine=lambda: ("llama",)) if "does not know" in f.message] == [
        "key:general.architecture"
    ]
    assert not any("does not know" in f.message for f in told(other, engine=lambda: ("newnet",)))
    assert not any("does not know" in f.message for f in told(other, engine=tuple))


def test_what_is_no_model_lacks_nothing() -> None:
    for kind in ("adapter", "mmproj", "imatrix"):
        assert told(sound(general__type=kind, llama__context_length=None, tokenizer__ggml__model=None)) == []
    projector = sound(general__architecture="clip", tokenizer__ggml__model=None)
    assert told(projector) == []


def _shard(number: int, count: int, tensors: int = 4) -> g.Model:
    model = sound() if number == 0 else g.Model([], [(f"blk.{number}.ffn_up.weight", (256, 256), 12)] * 2)
    if number:
        model.tensors = [(f"blk.{number}.{role}.weight", (256, 256), 12) for role in ("ffn_up", "ffn_down")]
    model.metadata += [
        ("split.no", g.U16, number),
        ("split.count", g.U16, count),
        ("split.tensors.count", g.I32, tensors),
    ]
    return model


def test_shards_are_complete_or_the_missing_ones_are_named() -> None:
    assert told(_shard(0, 2), _shard(1, 2)) == []
    assert header_of(_shard(1, 2)).problems == ()  # the model's metadata are in the first shard alone
    (missing,) = told(_shard(0, 3), _shard(1, 3))
    assert "is split into 3 files, of which 1 is missing: 3." in missing.message and missing.severity == "error"
    (count,) = told(_shard(0, 2, 9), _shard(1, 2))
    assert "list 4 tensors together, but split.tensors.count says 9" in count.message
    assert any("disagree" in f.message for f in told(_shard(0, 2), _shard(1, 5)))
    assert any("999 are missing" in f.message for f in told(_shard(0, 1000)))


def test_parts_in_each_others_place_are_told() -> None:
    swapped = told(_shard(0, 3, 6), _shard(2, 3, 6), _shard(1, 3, 6))
    assert ["holds part 2 in another's place" in f.message for f in swapped] == [True]
    twice = told(_shard(0, 3, 6), _shard(1, 3, 6), _shard(1, 3, 6))
    assert any("holds part 2 in another's place" in f.message for f in twice)
    assert told(_shard(0, 3, 6), _shard(1, 3, 6), _shard(2, 3, 6)) == []


def test_the_file_type_is_judged_by_all_shards() -> None:
    first = _shard(0, 2)
    first.metadata.append(("general.file_type", g.U32, 15))
    assert told(first, _shard(1, 2)) == []
    put(first, "general.file_type", 7)
    assert ["file_type says Q8_0" in f.message for f in told(first, _shard(1, 2))] == [True]


def test_real_files_raise_no_alarm(vocab_dir: Path, starter_model: Path) -> None:
    for path in [*sorted(vocab_dir.glob("*.gguf")), starter_model]:
        header = read_header(BytesSource(path.read_bytes()))
        found = [*header.problems, *check_model([header], TABLE, _nobody_asked)]
        assert [f for f in found if f.severity != "note"] == [], path.name
        assert len(found) == (path != starter_model)  # vocabularies say that they are without weights


def test_the_table_names_its_sources() -> None:
    rows = read_table("architecture_keys")
    for row in rows:
        assert row["keys"] and row["source"].startswith("llama.cpp "), row
    assert TABLE["*"] == ("*.context_length", "*.embedding_length", "*.block_count")
    assert len(TABLE) > 140 and "clip" not in TABLE
