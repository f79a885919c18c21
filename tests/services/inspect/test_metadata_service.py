"""Metadata in words: every well-known key explained, token ids named, long values cut for the table only."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import forge
from support.inspected import opened

from desktop.core.gguf import ValueType
from desktop.services.inspect.metadata import MetadataRow, MetadataService, lines, scalar, whole


@pytest.fixture
def service() -> MetadataService:
    return MetadataService()


def _rows(service: MetadataService, path: Path) -> dict[str, MetadataRow]:
    return {row.key: row for row in service.rows(opened(path))}


def test_every_key_of_the_real_files_is_explained(
    service: MetadataService, starter_model: Path, vocab_dir: Path
) -> None:
    for path in (starter_model, *vocab_dir.glob("ggml-vocab-*.gguf")):
        unexplained = [key for key, row in _rows(service, path).items() if row.meaning is None]
        assert not unexplained, path.name


def test_every_meaning_is_a_sentence_with_a_source(service: MetadataService) -> None:
    assert len(service._keys) > 150
    for key, meaning in service._keys.items():
        assert meaning.text.endswith(".") and meaning.text[0].isupper() and meaning.source, key


def test_wildcards_match_their_place_only(service: MetadataService) -> None:
    assert service.meaning("qwen3.block_count", "qwen3") == service.meaning("llama.block_count", "llama")
    assert service.meaning("qwen3.block_count", "llama") is None
    assert service.meaning("general.base_model.12.name", "") is not None
    assert service.meaning("general.base_model.x.name", "") is None
    assert service.meaning("tokenizer.chat_template.rag", "") is not None
    assert service.meaning("mine.own_key", "llama") is None


def test_token_ids_and_file_types_are_named(service: MetadataService, starter_model: Path) -> None:
    rows = _rows(service, starter_model)
    assert rows["tokenizer.ggml.eos_token_id"].note == "<|im_end|>"
    assert rows["general.file_type"].note == "Q4_1"
    assert rows["tokenizer.ggml.tokens"].type == "string[49,152]"
    assert rows["tokenizer.ggml.tokens"].length == 49_152
    assert rows["llama.attention.head_count"].group == "llama.attention"
    assert rows["llama.attention.layer_norm_rms_epsilon"].preview == "1e-05"


def test_a_token_id_outside_the_vocabulary_is_told(service: MetadataService, tmp_path: Path) -> None:
    entries = {"general.architecture": forge.Value(8, "llama"), "tokenizer.ggml.eos_token_id": forge.Value(4, 7)}
    rows = _rows(service, forge.write(tmp_path / "m.gguf", entries, []))
    assert rows["tokenizer.ggml.eos_token_id"].note == "no such token"


def test_values_are_cut_in_the_table_and_whole_when_copied(service: MetadataService, tmp_path: Path) -> None:
    text = "first\nsecond\t" + "x" * 5_000
    entries = {"general.architecture": forge.Value(8, "llama"), "general.description": forge.Value(8, text)}
    row = _rows(service, forge.write(tmp_path / "m.gguf", entries, []))["general.description"]
    assert row.preview.startswith("first⏎second⇥xxx") and len(row.preview) == 200
    assert whole(row.value) == text


def test_arrays_are_read_in_part_and_whole(service: MetadataService, starter_model: Path) -> None:
    tokens = _rows(service, starter_model)["tokenizer.ggml.tokens"].value.data
    assert list(lines(tokens, 1, 3)) == ['"<|im_start|>"', '"<|im_end|>"']  # type: ignore[arg-type]
    row = _rows(service, starter_model)["tokenizer.ggml.token_type"]
    assert row.value.type is ValueType.ARRAY and whole(row.value).count("\n") == 49_151


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (True, "true"),
        (3, "3"),
        (0.1, "0.1"),
        (9.999999747378752e-06, "1e-05"),
        (float("nan"), "nan"),
        (1e300, "1e+300"),
    ],
)
def test_scalars_read_back(data: object, text: str) -> None:
    assert scalar(data) == text
