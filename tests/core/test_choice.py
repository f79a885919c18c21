"""What is recommended, pinned by a table anyone can read: tests/core/choices.csv. And the words that go with it."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from support.published import options, profile, quality_table

from desktop.core.choice import Alternatives, Option, recommend
from desktop.core.speed import Rate, Speeds
from desktop.core.variants import Variant
from desktop.hub.records import RepoFile

TABLE = Path(__file__).with_name("choices.csv")
ROWS = list(csv.DictReader(line for line in TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")))
OFFERED = ["Q2_K", "IQ3_M", "Q3_K_M", "IQ4_XS", "Q4_0", "Q4_K_S", "Q4_K_M", "Q5_K_S", "Q5_K_M", "Q6_K", "Q8_0", "BF16"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['machine']}-{row['model']}-{row['context']}")
def test_the_table(row: dict[str, str]) -> None:
    found = options(row["model"], profile(row["machine"]), int(row["context"]), OFFERED)
    for goal in ("quality", "balanced", "speed"):
        answer = recommend(found, goal)
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
        one, other = recommend(found, goal), recommend(found[::-1], goal)
        assert one.index is not None and other.index is not None
        assert found[one.index] == found[::-1][other.index]


def test_one_variant_only() -> None:
    found = options("Llama-3.1-8B", profile("rtx-4090"), 8192, ["Q4_0"])
    answer = recommend(found, "balanced")
    assert answer.index == 0 and answer.reasons[0].startswith("It is the only variant")


def test_nothing_fits_says_what_would_help() -> None:
    found = options("Qwen2.5-32B", profile("laptop-8gb"), 8192, ["Q4_K_M", "Q8_0"])
    answer = recommend(found, "balanced", Alternatives(context=1024, context_q8=2048, parameters=7e9))
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


def _with(option: Option, *, name: str = "", rate: float = 0.0, **fit: object) -> Option:
    changed = replace(option, fit=option.fit and replace(option.fit, **fit))  # type: ignore[arg-type]
    if rate and option.rate is not None:
        one = Rate(rate, rate, rate)
        changed = replace(changed, speeds=Speeds(one, one, 4096))
    return changed


def test_where_nothing_stays_on_the_gpu_less_loss_does_not_cost_half_of_the_speed() -> None:
    """8B at 32k on 8 GB: Q8_0 spills 14 layers where Q4_K_M spills 6, and answers half as fast."""
    found = options("Llama-3.1-8B", profile("rtx-4060-8gb"), 32_768, ["Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0"])
    answer = recommend(found, "balanced")
    assert answer.index is not None and found[answer.index].variant.name == "Q5_K_M"
    assert answer.reasons[0].startswith(
        "Nothing with an acceptable loss stays entirely in the GPU's memory; Q5_K_M loses the least without giving up "
        "much speed (about 15 tok/s): 25 of 33 layers on GPU"
    )


def test_what_was_passed_for_its_speed_is_said_to_be_slow() -> None:
    """ "The best quality that stays" is not contradicted by "Q6_K fits too"."""
    found = options("Llama-3.1-8B", profile("apple-m1-16gb"), 4096, ["Q5_K_M", "Q6_K"])
    slow = [_with(found[0], rate=6.4), _with(found[1], rate=5.8)]
    text = recommend(slow, "balanced").text
    assert "at 4,096 tokens of context and answers at reading speed, with" in text
    assert "but would run at 5.8 tok/s, slower than a person reads." in text
    assert "reading speed" not in recommend(found, "balanced").text


def test_the_only_one_that_fits_is_said_so_with_its_loss() -> None:
    found = options("Llama-3.1-8B", profile("laptop-8gb"), 4096, ["Q2_K", "Q4_K_M"])
    answer = recommend(found, "balanced")
    assert answer.reasons[0].startswith("Only this variant fits: CPU only at 4,096 tokens of context, with ")
    assert answer.reasons[0].endswith(" to spare, about 10 tok/s. Its loss: large.")
    assert "a smaller model in 4 bits or more is usually better" in answer.text


def test_a_damaged_or_incomplete_one_is_no_reason_to_say_that_only_the_other_fits() -> None:
    found = options("Llama-3.1-8B", profile("rtx-4090"), 4096, ["Q4_K_M", "Q6_K"])
    broken = replace(found[1], variant=replace(found[1].variant, missing_shards=1), fit=None, speeds=None)
    damaged = replace(found[1], fit=None, speeds=None, damaged=True)
    for other, words in ((broken, "Q6_K cannot be loaded as it is: "), (damaged, "Q6_K is damaged.")):
        answer = recommend([found[0], other], "balanced")
        assert answer.reasons[0].startswith("Only this variant can be loaded: ")
        assert [neighbour.words.startswith(words) for neighbour in answer.neighbours] == [True]


def test_a_neighbour_in_the_same_place_says_what_it_takes() -> None:
    found = options("Llama-3.1-8B", profile("rtx-4060-8gb"), 32_768, ["Q5_K_S", "Q5_K_M"])
    text = recommend(found, "balanced").text
    assert "Q5_K_S would save 130.5 MB, at a loss that is very small." in text
    text = recommend(found, "speed").text
    assert "Q5_K_M would take 130.5 MB more." in text


def test_several_gpus_are_spoken_of_as_several() -> None:
    found = options("Llama-3.3-70B", profile("two-rtx-3090"), 4096, ["Q4_K_M", "Q3_K_M"])
    assert "entirely in the GPUs' memory" in recommend(found, "balanced").text
