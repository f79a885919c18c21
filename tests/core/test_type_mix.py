"""Types for a size: the best of all mixes, held against every mix there is."""

from __future__ import annotations

import itertools
import re

import pytest

from desktop.core import type_mix
from desktop.core.quants import TYPES_BY_NAME
from desktop.core.type_mix import ModelPart, TooSmallError

KINDS = ("Q4_0", "Q5_0", "Q8_0")


def part(name: str, elements: int, group: str, worst: float) -> ModelPart:
    errors = {kind: worst / 4 ** (TYPES_BY_NAME[kind].bits_per_weight - 4.5) for kind in KINDS}
    return ModelPart(name, elements, group, errors)


PARTS = [
    part("blk.0.attn_v.weight", 3200, "attn_v first", 0.010),
    part("blk.1.attn_v.weight", 3200, "attn_v middle", 0.011),
    part("blk.0.ffn_down.weight", 9600, "ffn_down first", 0.012),
    part("blk.1.ffn_down.weight", 9600, "ffn_down middle", 0.009),
    part("token_embd.weight", 64000, "token_embd", 0.010),
]
WEIGHTS = {"attn_v first": 9.0, "attn_v middle": 3.0, "ffn_down first": 2.0, "ffn_down middle": 1.0, "token_embd": 0.5}


def size(types: dict[str, str]) -> int:
    return sum(one.bytes_in(types[one.name]) for one in PARTS)


def test_the_mix_is_near_the_best_of_all_that_fit() -> None:
    least, most = (
        size(dict.fromkeys((one.name for one in PARTS), "Q4_0")),
        size(dict.fromkeys((one.name for one in PARTS), "Q8_0")),
    )
    for budget in range(least, most + 1, (most - least) // 9):
        found = type_mix.chosen_types(PARTS, WEIGHTS, budget)
        assert size(found) <= budget
        every = (
            {one.name: kind for one, kind in zip(PARTS, kinds, strict=True)}
            for kinds in itertools.product(KINDS, repeat=len(PARTS))
        )
        best = min(type_mix.expected_loss(PARTS, WEIGHTS, types) for types in every if size(types) <= budget)
        assert type_mix.expected_loss(PARTS, WEIGHTS, found) <= best * 1.15
    assert set(type_mix.chosen_types(PARTS, WEIGHTS, most).values()) == {"Q8_0"}


def test_what_costs_most_a_byte_gets_the_most() -> None:
    least = size(dict.fromkeys((one.name for one in PARTS), "Q4_0"))
    found = type_mix.chosen_types(PARTS, WEIGHTS, least + 4000)
    assert found["blk.0.attn_v.weight"] == "Q8_0" and found["token_embd.weight"] == "Q4_0"


def test_too_small_a_size_says_what_is_the_least() -> None:
    least = size(dict.fromkeys((one.name for one in PARTS), "Q4_0"))
    with pytest.raises(TooSmallError) as caught:
        type_mix.chosen_types(PARTS, WEIGHTS, least - 1)
    assert caught.value.least_bytes == least


def test_factors_are_losses_over_errors_of_the_group() -> None:
    two = [part("a.weight", 32, "a", 0.2), part("b.weight", 32, "a", 0.3), part("c.weight", 32, "c", 0.0)]
    rows = dict.fromkeys(("a.weight", "b.weight", "c.weight"), 32)
    found = type_mix.factors(two, {"a": 0.05, "c": -0.001}, rows)
    assert found["a"] == pytest.approx(0.05 / 0.5) and found["c"] == 0.0


def test_groups_are_roles_in_bands_of_layers() -> None:
    groups = [type_mix.group_of(f"blk.{layer}.attn_v.weight", 30) for layer in (0, 2, 3, 26, 27, 29)]
    assert groups == ["attn_v first"] * 2 + ["attn_v middle"] * 2 + ["attn_v last"] * 2
    assert type_mix.group_of("token_embd.weight", 30) == "token_embd"


def test_types_that_need_a_matrix_or_longer_rows_are_left_out() -> None:
    assert "IQ3_XXS" in type_mix.candidates(4096, True) and "IQ3_XXS" not in type_mix.candidates(4096, False)
    assert type_mix.candidates(576, True) == ("Q4_0", "IQ4_NL", "Q5_0", "Q8_0") and not type_mix.candidates(33, True)
    assert type_mix.probe_type(576) == "Q4_0" and type_mix.probe_type(4096) == "Q3_K"


def test_patterns_name_each_tensor_once_and_are_kept_whole() -> None:
    types = {f"blk.{layer}.ffn_up.weight": "Q4_K" if layer % 3 else "Q6_K" for layer in range(80)}
    types |= {"token_embd.weight": "Q5_K"}
    found = type_mix.patterns(types)
    assert all(len(pattern.encode()) <= 120 for pattern, _ in found) and len(found) < 12
    for name, kind in types.items():
        assert [its for pattern, its in found if re.search(pattern, name)] == [kind]


def test_a_mix_is_called_after_most_of_its_bytes() -> None:
    types = dict.fromkeys((one.name for one in PARTS), "Q4_0") | {"token_embd.weight": "Q5_0"}
    assert type_mix.file_type_of(PARTS, types) == "Q5_0"
