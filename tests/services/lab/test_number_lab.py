"""Numbers that are typed in, and those of a tensor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.core.errors import HeftError, UsageError
from desktop.core.number_lab import Scheme
from desktop.services.lab.number_lab import MOST_VALUES, PACKED, NumberLabService, typed_numbers
from desktop.services.lab.number_words import outcome_rows, source_words
from desktop.services.models.library import LibraryService
from desktop.store.paths import Paths


@pytest.fixture
def service(paths: Paths, library: LibraryService) -> Iterator[NumberLabService]:
    made = NumberLabService(paths, library)
    yield made
    made.close()


def test_numbers_are_typed_as_people_write_them() -> None:
    assert typed_numbers("[1.2, \N{MINUS SIGN}0.5; -4.3]\n1e-3").values == (1.2, -0.5, -4.3, 0.001)
    for text in ("", " , ", "1.2 abc", "1 " * (MOST_VALUES + 1)):
        with pytest.raises(UsageError):
            typed_numbers(text)


def test_the_published_example_in_words(service: NumberLabService) -> None:
    numbers = typed_numbers("1.2 -0.5 -4.3 1.2 -3.1 0.8 2.4 5.4")
    found = service.outcome(numbers, Scheme("INT8"))
    assert found.groups[0].codes == (28, -12, -101, 28, -73, 19, 56, 127)
    rows = dict(outcome_rows(found))
    assert rows["Bits per weight"] == "10, 2 of them for scales" and rows["70 billion weights"] == "70.0 GB"
    assert rows["Bytes"] == "10" and "Clipped" not in rows
    assert dict(outcome_rows(service.outcome(numbers, Scheme("FP32", "cast"))))["70 billion weights"] == "280.0 GB"
    assert source_words(numbers) == "8 numbers."


@pytest.mark.parametrize("way", [Scheme("NF4", "zero-point"), "Q9_9", "Q4_0"])
def test_what_cannot_be_is_said(service: NumberLabService, way: Scheme | str) -> None:
    with pytest.raises(UsageError):
        service.outcome(typed_numbers("1 2"), way)


def test_tensors_are_listed_without_their_numbers(service: NumberLabService, source: Path) -> None:
    names = service.tensors(str(source))
    assert [one.name for one in names][:2] == ["token_embd.weight", "blk.0.attn_norm.weight"]
    assert names[0].type == "F16" and names[0].shape == (256, 64)


@pytest.mark.engine
def test_each_type_packs_as_llama_cpp_does(service: NumberLabService, source: Path) -> None:
    numbers = service.read(str(source), "blk.0.ffn_up.weight")
    assert len(numbers.values) == MOST_VALUES and numbers.columns == 256 and numbers.total == 256 * 512
    assert source_words(numbers).startswith("A sample of 16,384 of 131,072 values of blk.0.ffn_up.weight, as its F16")
    for name in PACKED:
        assert len(service.outcome(numbers, name).values) == MOST_VALUES
    with pytest.raises(HeftError, match="no tensor nothing"):
        service.read(str(source), "nothing")
