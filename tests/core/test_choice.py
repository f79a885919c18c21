"""What is recommended, pinned by a table anyone can read: tests/core/choices.csv. And the reasons, with figures."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from support.published import options, profile, quality_table

from desktop.core.choice import Alternatives, Option, Reason, ReasonKind, Recommendation, recommend
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
        assert name == row[goal], f"{goal}: {kinds(answer)}"


def kinds(answer: Recommendation) -> list[ReasonKind]:
    return [*(reason.kind for reason in answer.reasons), *(one.reason.kind for one in answer.neighbours)]


def about(answer: Recommendation, name: str) -> Reason:
    """What is said of the neighbour of that name."""
    (reason,) = (
        one.reason for one in answer.neighbours if one.reason.option and one.reason.option.variant.name == name
    )
    return reason


def test_why_and_what_the_neighbours_would_cost() -> None:
    found = options("Llama-3.1-8B", profile("rtx-4060-8gb"), 8192, OFFERED)
    answer = recommend(found, "balanced")
    assert answer.index is not None
    first, last = answer.reasons[0], answer.reasons[-1]
    assert (first.kind, first.option, first.context) == (ReasonKind.BEST_THAT_STAYS, found[answer.index], 8192)
    assert first.bytes == found[answer.index].spare_bytes > 0
    spilled = about(answer, "Q8_0")
    assert (spilled.kind, spilled.layers) == (ReasonKind.SPILLS_LAYERS, 7)
    assert spilled.speed_share is not None and 0.3 < spilled.speed_share < 0.5
    assert last.kind is ReasonKind.ESTIMATED
    planned = [replace(o, fit=o.fit and replace(o.fit, method="engine")) for o in found]
    assert recommend(planned, "balanced").reasons[-1].kind is ReasonKind.PLANNED_BY_ENGINE


def test_order_of_options_does_not_matter() -> None:
    found = options("Llama-3.1-8B", profile("rtx-4060-8gb"), 8192, OFFERED)
    for goal in ("quality", "balanced", "speed"):
        one, other = recommend(found, goal), recommend(found[::-1], goal)
        assert one.index is not None and other.index is not None
        assert found[one.index] == found[::-1][other.index]


def test_one_variant_only() -> None:
    found = options("Llama-3.1-8B", profile("rtx-4090"), 8192, ["Q4_0"])
    answer = recommend(found, "balanced")
    assert answer.index == 0 and answer.reasons[0].kind is ReasonKind.ONLY_VARIANT


def test_nothing_fits_says_what_would_help() -> None:
    found = options("Qwen2.5-32B", profile("laptop-8gb"), 8192, ["Q4_K_M", "Q8_0"])
    answer = recommend(found, "balanced", Alternatives(context=1024, context_q8=2048, parameters=7e9))
    assert answer.index is None
    smallest = found[0]
    assert smallest.variant.name == "Q4_K_M" and smallest.fit is not None
    assert answer.reasons == (
        Reason(ReasonKind.NOTHING_FITS, smallest, smallest.fit.short_by_bytes, context=8192),
        Reason(ReasonKind.FITS_WITH_SHORTER_CONTEXT, smallest, context=1024),
        Reason(ReasonKind.FITS_WITH_Q8_CACHE, smallest, context=2048),
        Reason(ReasonKind.TAKE_SMALLER_MODEL, parameters=7e9),
    )
    longer = recommend(found, "balanced", Alternatives(context=4096, context_q8=2048))
    assert kinds(longer)[1:] == [ReasonKind.FITS_WITH_SHORTER_CONTEXT, ReasonKind.TAKE_SMALLER_MODEL]


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
    assert ReasonKind.NOT_MEASURED in kinds(alone) and dynamic.quality.like == "Q4_K_M"


def test_what_cannot_be_loaded_is_never_recommended() -> None:
    found = options("Llama-3.1-8B", profile("rtx-4090"), 8192, ["Q4_K_M", "Q8_0"])
    broken = replace(found[1], variant=replace(found[1].variant, missing_shards=1))
    assert recommend([found[0], broken], "balanced").index == 0
    assert recommend([broken], "balanced").index is None


def test_unknown_fit_and_empty_repo() -> None:
    variant = Variant("Q4_0", "Q4_0", (RepoFile("a.gguf", 10),))
    unread = Option(variant, quality_table().quality_of("Q4_0"))
    assert recommend([unread], "quality").reasons == (Reason(ReasonKind.NO_HEADER_READ),)
    assert recommend([], "quality").reasons == (Reason(ReasonKind.NO_VARIANTS),)


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
    assert answer.reasons[0] == Reason(ReasonKind.LEAST_LOSS_FOR_SPEED, found[answer.index], context=32_768)


def test_what_was_passed_for_its_speed_is_said_to_be_slow() -> None:
    """ "The best quality that stays" is not contradicted by "Q6_K fits too"."""
    found = options("Llama-3.1-8B", profile("apple-m1-16gb"), 4096, ["Q5_K_M", "Q6_K"])
    slow = [_with(found[0], rate=6.4), _with(found[1], rate=5.8)]
    answer = recommend(slow, "balanced")
    assert answer.reasons[0].kind is ReasonKind.BEST_THAT_STAYS_AND_ANSWERS
    passed = about(answer, "Q6_K")
    assert (passed.kind, passed.bytes) == (ReasonKind.FITS_BUT_SLOW, slow[1].spare_bytes)
    assert recommend(found, "balanced").reasons[0].kind is ReasonKind.BEST_THAT_STAYS


def test_the_only_one_that_fits_is_said_so_with_its_loss() -> None:
    found = options("Llama-3.1-8B", profile("laptop-8gb"), 4096, ["Q2_K", "Q4_K_M"])
    answer = recommend(found, "balanced")
    assert answer.reasons[0] == Reason(ReasonKind.ONLY_ONE_THAT_FITS, found[0], found[0].spare_bytes, context=4096)
    assert found[0].spare_bytes > 0 and ReasonKind.LARGE_LOSS in kinds(answer)


def test_a_damaged_or_incomplete_one_is_no_reason_to_say_that_only_the_other_fits() -> None:
    found = options("Llama-3.1-8B", profile("rtx-4090"), 4096, ["Q4_K_M", "Q6_K"])
    broken = replace(found[1], variant=replace(found[1].variant, missing_shards=1), fit=None, speeds=None)
    damaged = replace(found[1], fit=None, speeds=None, damaged=True)
    for other, kind in ((broken, ReasonKind.CANNOT_BE_LOADED), (damaged, ReasonKind.DAMAGED)):
        answer = recommend([found[0], other], "balanced")
        assert answer.reasons[0].kind is ReasonKind.ONLY_ONE_THAT_LOADS
        assert [(one.index, one.reason.kind, one.reason.option) for one in answer.neighbours] == [(1, kind, other)]


def test_a_neighbour_in_the_same_place_says_what_it_takes() -> None:
    found = options("Llama-3.1-8B", profile("rtx-4060-8gb"), 32_768, ["Q5_K_S", "Q5_K_M"])
    more = found[1].fit.memory.total_bytes - found[0].fit.memory.total_bytes if found[0].fit and found[1].fit else 0
    smaller, larger = about(recommend(found, "balanced"), "Q5_K_S"), about(recommend(found, "speed"), "Q5_K_M")
    assert (smaller.kind, smaller.bytes) == (ReasonKind.SAVES, more) and more > 100_000_000
    assert (larger.kind, larger.bytes, larger.speed_share) == (ReasonKind.TAKES_MORE, more, None)


def test_every_kind_is_named_as_it_is_written() -> None:
    assert all(kind.value == kind.name.lower().replace("_", "-") for kind in ReasonKind)
