"""What is recommended, pinned by a table anyone can read: tests/core/choices.csv. And the words that go with it."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from support.published import options, profile, quality_table

from desktop.core.choice import Goal, Option, Ways, recommend
from desktop.core.variants import Variant
from desktop.hub.records import RepoFile

TABLE = Path(__file__).with_name("choices.csv")
ROWS = list(csv.DictReader(line for line in TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")))
OFFERED = ["Q2_K", "IQ3_M", "Q3_K_M", "IQ4_XS", "Q4_0", "Q4_K_S", "Q4_K_M", "Q5_K_S", "Q5_K_M", "Q6_K", "Q8_0", "BF16"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['machine']}-{row['model']}-{row['context']}")
def test_the_table(row: dict[str, str]) -> None:
    found = options(row["model"], profile(row["machine"]), int(row["context"]), OFFERED)
    for goal in ("quality", "balanced", "speed"):
        answer = recommend(found, cast(Goal, goal))
        name = "nothing" if answer.index is None else found[answer.index].variant.name
        assert name == row[goal], f"{goal}: {answer.text}"


def test_the_words_of_the_sketch() -> None:
    found = options("Llama-3.1-8B", profile("rtx-4060-8gb"), 8192, OFFERED)
    answer = recommend(found, "balanced")
    assert answer.text.startswith("It is the best quality that stays entirely in the GPU's memory at 8,192 tokens of")
    assert "Q8_0 would push 7 layers to main memory and run at less than half the speed (14 tok/s)." in answer.text
    assert "estimates" in answer.reasons[-1]
    planned = [replace(o, fit=o.fit and replace(o.fit, method="engine")) for o in found]
    assert "engine's own plan" in recommend(planned, "balanced").reasons[-1]


def test_order_of_options_does_not_matter() -> None:
    found = options("Llama-3.1-8B", profile("rtx-4060-8gb"), 8192, OFFERED)
    for goal in ("quality", "balanced", "speed"):
        one, other = recommend(found, cast(Goal, goal)), recommend(found[::-1], cast(Goal, goal))
        assert one.index is not None and other.index is not None
        assert found[one.index] == found[::-1][other.index]


def test_one_variant_only() -> None:
    found = options("Llama-3.1-8B", profile("rtx-4090"), 8192, ["Q4_0"])
    answer = recommend(found, "balanced")
    assert answer.index == 0 and answer.reasons[0].startswith("It is the only variant")


def test_nothing_fits_says_what_would_help() -> None:
    found = options("Qwen2.5-32B", profile("laptop-8gb"), 8192, ["Q4_K_M", "Q8_0"])
    answer = recommend(found, "balanced", Ways(context=1024, context_q8=2048, parameters=7e9))
    assert answer.index is None
    assert answer.reasons[0].startswith("Nothing fits at 8,192 tokens of context: Q4_K_M, the smallest, needs ")
    assert answer.reasons[1:] == (
        "With a context of 1,024 tokens Q4_K_M would fit.",
        "With the KV cache in q8_0 it would fit up to 2,048 tokens.",
        "Otherwise take a smaller model of the family: up to about 7 B parameters in 4 bits.",
    )


def test_a_tie_goes_to_what_was_measured() -> None:
    """UD-Q4_K_XL ranks like Q4_K_M; nobody independent measured it, so the plain one is taken, either way round."""
    found = options("Llama-3.1-8B", profile("rtx-4060-8gb"), 16384, ["Q4_K_M"])
    dynamic = replace(
        found[0],
        variant=replace(found[0].variant, name="UD-Q4_K_XL", kind="dynamic"),
        quality=quality_table().quality_of("UD-Q4_K_XL", "dynamic", 8_000_000_000),
    )
    assert recommend([dynamic, found[0]], "balanced").index == 1
    assert recommend([found[0], dynamic], "balanced").index == 0
    alone = recommend([dynamic], "balanced")
    assert "never measured independently; it is ranked like Q4_K_M" in alone.text


def test_what_cannot_be_loaded_is_never_recommended() -> None:
    found = options("Llama-3.1-8B", profile("rtx-4090"), 8192, ["Q4_K_M", "Q8_0"])
    broken = replace(found[1], variant=replace(found[1].variant, missing_shards=1))
    assert recommend([found[0], broken], "balanced").index == 0
    assert recommend([broken], "balanced").index is None


def test_unknown_fit_and_empty_repo() -> None:
    variant = Variant("Q4_0", "Q4_0", (RepoFile("a.gguf", 10),))
    unread = Option(variant, quality_table().quality_of("Q4_0"))
    assert recommend([unread], "quality").reasons[0].startswith("No header")
    assert recommend([], "quality").reasons[0].startswith("There is no GGUF")
