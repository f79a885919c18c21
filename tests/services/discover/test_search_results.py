"""Search results in words, and whether a typical variant fits."""

from __future__ import annotations

import pytest
from support.published import profile

from desktop.core.pools import pools_of
from desktop.hub.records import RepoSummary
from desktop.services.discover.search import fit_mark
from desktop.services.discover.search_results import ago, human_count, most_parameters, result_of

DAY = 86_400.0


@pytest.mark.parametrize(
    ("machine", "marks"),
    [
        ("laptop-8gb", ("● fits", "○ too large", "○ too large", "○ too large", "○ too large")),
        ("apple-m1-16gb", ("● fits", "● fits", "● fits", "○ too large", "○ too large")),
        ("rtx-4060-8gb", ("● fits", "● fits", "◐ partly on GPU", "◐ partly on GPU", "○ too large")),
        ("rtx-4090", ("● fits", "● fits", "● fits", "● fits", "○ too large")),
        ("two-rtx-3090", ("● fits", "● fits", "● fits", "● fits", "○ too large")),
    ],
)
def test_marks(machine: str, marks: tuple[str, ...]) -> None:
    pools = pools_of(profile(machine))
    found = tuple(
        result_of(RepoSummary(id="a/b", parameters=int(count * 1e9), formats=("GGUF",)), pools, 0.0).mark_words
        for count in (1.2, 8.2, 14.8, 32.8, 235)
    )
    assert found == marks


def test_the_largest_that_fits_does() -> None:
    pools = pools_of(profile("rtx-4090"))
    most = most_parameters(pools)
    assert 70e9 < most < 100e9
    assert fit_mark(RepoSummary(id="a/b", parameters=most, formats=("GGUF",)), pools) == "partial"
    assert fit_mark(RepoSummary(id="a/b", parameters=int(most * 1.02), formats=("GGUF",)), pools) == "too-large"
    assert most_parameters(()) == 0


def test_words_of_a_result() -> None:
    repo = RepoSummary(
        id="Qwen/Qwen3-8B-GGUF", parameters=8_190_000_000, architecture="qwen3", context_length=40_960,
        downloads=812_345, likes=431, updated=1000 * DAY, formats=("GGUF",), gated="auto",
    )  # fmt: skip
    found = result_of(repo, pools_of(profile("rtx-4060-8gb")), 1095 * DAY)
    assert (found.title, found.about) == ("Qwen3-8B-GGUF", "Qwen · 8.19 B · qwen3 · 40k context")
    assert found.figures == "↓ 812k   ♥ 431   updated 3 months ago   gated"
    assert (found.mark, found.mark_words) == ("gpu", "● fits")
    assert result_of(repo, (), 1095 * DAY).mark_words == ""


def test_other_formats_say_what_runs_them() -> None:
    found = result_of(RepoSummary(id="Qwen/Qwen3-8B-AWQ", formats=("AWQ",), parameters=8), (), 0.0)
    assert found.about == "Qwen · AWQ 4-bit · needs vLLM" and found.mark_words == "not GGUF" and not found.is_gguf
    assert found.figures == "→ show GGUF versions of this model"


def test_units() -> None:
    assert [human_count(n) for n in (7, 999, 1234, 88_000, 1_200_000)] == ["7", "999", "1.2k", "88k", "1.2M"]
    assert [ago(n * DAY) for n in (0, 1, 8, 40, 800)] == [
        "today",
        "1 day ago",
        "1 week ago",
        "1 month ago",
        "2 years ago",
    ]
