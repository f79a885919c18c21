"""What a model's header and its repository say of sampling, and which of all values counts."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from desktop.core.gguf import Value, ValueType
from desktop.core.sampling_defaults import (
    NO_DEFAULTS,
    SamplingDefaults,
    SourcedValue,
    generation_sampling,
    header_sampling,
    resolved,
)
from desktop.core.sampling_fields import FIELDS, SAMPLING_FIELDS, settled
from desktop.engine.api import Sampling

F32, I32, STRING, BOOL = ValueType.FLOAT32, ValueType.INT32, ValueType.STRING, ValueType.BOOL


def header(**entries: tuple[ValueType, Any]) -> dict[str, Value]:
    return {f"general.sampling.{key}": Value(kind, data, 0) for key, (kind, data) in entries.items()}


def test_the_fields_are_those_of_the_engine_with_its_defaults() -> None:
    engine = msgspec.structs.asdict(Sampling())
    assert {field.name: field.default for field in SAMPLING_FIELDS} == engine


def test_every_field_takes_its_default_and_its_limits_and_says_what_it_takes() -> None:
    for field in SAMPLING_FIELDS:
        assert field.checked(field.default) == field.default
        assert field.label and field.accepts and field.explanation.endswith(f"({field.name})."), field.name
        if field.kind in ("decimal", "whole", "choice", "seed"):
            assert field.checked(field.low) == field.low and field.checked(field.high) == field.high
            with pytest.raises(ValueError, match=str(int(field.high + 1))):
                field.checked(field.high + 1)


def test_a_header_recommends_what_llama_cpp_reads_from_it() -> None:
    found = header_sampling(
        header(
            temp=(F32, 0.6000000238418579), top_k=(I32, 20), top_p=(F32, 0.949999988079071), penalty_last_n=(I32, -1),
            penalty_repeat=(F32, 1.0499999523162842), mirostat=(I32, 2), mirostat_tau=(F32, 4.0),
            sequence=(STRING, "kpmt"),
        )
    )  # fmt: skip
    assert found == {
        "temperature": 0.6, "top_k": 20, "top_p": 0.95, "repeat_last_n": -1, "repeat_penalty": 1.05, "mirostat": 2,
        "mirostat_tau": 4.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    "entry",
    [(F32, math.nan), (F32, math.inf), (F32, 1e30), (F32, -0.1), (STRING, "0.6"), (BOOL, True)],
)
def test_what_a_header_cannot_mean_is_ignored(entry: tuple[ValueType, Any]) -> None:
    assert header_sampling(header(temp=entry)) == {}


def test_a_repository_recommends_in_the_words_of_transformers() -> None:
    document = {
        "do_sample": True, "temperature": 0.7, "top_k": 20, "top_p": 0.8, "repetition_penalty": 1.05,
        "typical_p": 1.0, "eos_token_id": [1, 2],
    }  # fmt: skip
    assert generation_sampling(document) == {
        "temperature": 0.7, "top_k": 20, "top_p": 0.8, "repeat_penalty": 1.05, "typical_p": 1.0
    }  # fmt: skip
    assert generation_sampling({"do_sample": False, "temperature": 0.6})["temperature"] == 0.0


@pytest.mark.parametrize(
    "document",
    [
        [], None, "x", {"temperature": "0.6"}, {"temperature": 10**400}, {"top_k": 1.5}, {"top_p": [0.9]},
        {"min_p": True}, {"top_k": None}, {"do_sample": "false"},
    ],
)  # fmt: skip
def test_what_a_repository_cannot_mean_is_ignored(document: object) -> None:
    assert generation_sampling(document) == {}


def test_the_chat_goes_before_the_file_before_the_repository_before_heft() -> None:
    defaults = SamplingDefaults({"temperature": 0.6, "top_k": 20}, {"temperature": 0.9, "top_k": 30, "top_p": 0.8})
    found = resolved(defaults, {"temperature": 0.2})
    assert found["temperature"] == SourcedValue(0.2, "chat")
    assert found["top_k"] == SourcedValue(20, "model")
    assert found["top_p"] == SourcedValue(0.8, "repository")
    assert found["min_p"] == SourcedValue(0.05, "heft")
    assert set(found) == set(FIELDS)


def test_what_a_chat_cannot_mean_counts_as_not_set() -> None:
    chosen = {"temperature": "hot", "gone": 1, "stop": ["", "a"], "json_schema": "{", "seed": None, "top_k": 7.0}
    assert settled(chosen) == {"top_k": 7}
    assert resolved(NO_DEFAULTS, chosen)["temperature"] == SourcedValue(0.7, "heft")


def test_lists_of_a_file_become_values_of_the_engine() -> None:
    assert settled({"stop": ["a", "\n"], "logit_bias": [["no", -5]]}) == {
        "stop": ("a", "\n"), "logit_bias": (("no", -5.0),)
    }  # fmt: skip


def test_an_answer_keeps_to_a_grammar_or_to_a_schema() -> None:
    found = resolved(NO_DEFAULTS, {"grammar": 'root ::= "a"', "json_schema": "{}"})
    assert found["grammar"].source == "chat" and found["json_schema"] == SourcedValue("", "heft")
