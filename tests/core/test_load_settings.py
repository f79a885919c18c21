"""Settings of a load: one declaration for commands, window and what is remembered."""

from __future__ import annotations

from dataclasses import fields

import pytest

from desktop.core.errors import UsageError
from desktop.core.load_settings import LOAD_FIELDS, LoadSettings, as_document, kv_words, parse_setting
from desktop.core.model_ref import identity_of, local_ref


def test_every_field_is_declared_once() -> None:
    assert {field.name for field in LOAD_FIELDS} == {field.name for field in fields(LoadSettings)}
    assert len({field.key for field in LOAD_FIELDS}) == len(fields(LoadSettings))
    assert list(as_document(LoadSettings())) == [field.key for field in LOAD_FIELDS]


@pytest.mark.parametrize(
    ("key", "text", "found"),
    [
        ("context", "32k", {"context": 32768}),
        ("context", "16,384", {"context": 16384}),
        ("kv", "q8_0", {"cache_type_k": "q8_0", "cache_type_v": "q8_0"}),
        ("kv_v", "f16", {"cache_type_v": "f16"}),
        ("gpu-layers", "12", {"gpu_layers": 12}),
        ("gpu_layers", "0", {"gpu_layers": 0}),
        ("gpu_layers", "auto", {"gpu_layers": None}),
        ("flash_attention", "auto", {"flash_attention": "auto"}),
        ("threads", "0", {"threads": None}),
        ("context", "", {"context": None}),
        ("tensor-split", " 3, 1.50", {"tensor_split": "3,1.5"}),
        ("tensor_split", "1,0", {"tensor_split": "1,0"}),
        ("kv-offload", "off", {"kv_offload": "off"}),
        ("batch", "2,048", {"batch": 2048}),
        ("batch", "0", {"batch": None}),
        ("main_device", "CUDA1", {"main_device": "CUDA1"}),
    ],
)
def test_a_setting_is_read_as_people_write_it(key: str, text: str, found: dict[str, object]) -> None:
    assert parse_setting(key, text) == found


@pytest.mark.parametrize(("key", "text"), [
        ("context", "many"), ("kv", "q9"), ("threads", "-1"), ("colour", "red"), ("tensor_split", "0,0"),
        ("tensor_split", "1,-1"), ("tensor_split", "3,nan"), ("tensor_split", "half"), ("kv_offload", "no"),
    ],
)  # fmt: skip
def test_what_it_takes_is_said(key: str, text: str) -> None:
    with pytest.raises(UsageError) as told:
        parse_setting(key, text)
    assert told.value.hint


def test_what_was_asked_goes_before_what_is_remembered() -> None:
    remembered = LoadSettings(context=8192, cache_type_k="q8_0", threads=4)
    assert LoadSettings(context=512).over(remembered) == LoadSettings(512, "q8_0", threads=4)
    assert LoadSettings(gpu_layers=0).over(LoadSettings(gpu_layers=9)).gpu_layers == 0


def test_what_no_engine_can_do_is_refused() -> None:
    with pytest.raises(UsageError, match="flash attention"):
        LoadSettings(cache_type_v="q8_0", flash_attention="off").checked()
    with pytest.raises(UsageError, match="too short"):
        LoadSettings(context=12).checked()
    with pytest.raises(UsageError, match="longer than any"):
        LoadSettings(context=1 << 30).checked()
    for batch in (31, 16385):
        with pytest.raises(UsageError, match="computed at once"):
            LoadSettings(batch=batch).checked()
    assert LoadSettings(cache_type_k="q8_0", flash_attention="off").checked()


def test_no_more_is_computed_at_once_than_the_context_has() -> None:
    assert [LoadSettings(batch=batch).batch_at(1024) for batch in (None, 64, 4096)] == [512, 64, 1024]


def test_types_of_a_cache_in_words() -> None:
    assert (kv_words(("q8_0", "q8_0")), kv_words(("q8_0", "f16"))) == ("q8_0", "K q8_0, V f16")


def test_a_file_of_the_hubs_cache_is_named_as_on_the_hub(tmp_path: object) -> None:
    from pathlib import Path

    cached = Path("/c/hub/models--unsloth--Qwen3-8B-GGUF/snapshots/0123abc/UD/Qwen3-8B-Q4_K_M.gguf")
    assert identity_of(cached) == "hf:unsloth/Qwen3-8B-GGUF/UD/Qwen3-8B-Q4_K_M.gguf"
    plain = Path("/models/a.gguf")
    assert local_ref(plain).identity == str(plain) and local_ref(plain).path == plain
