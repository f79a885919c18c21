"""The longer context that is offered: it holds the conversation with an answer, and fits, or that is said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.planned import TRAINED, Capacity
from support.plans import plain_plan

from desktop.core.context_length import answer_room, context_for
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import local_ref
from desktop.services.container import Container
from desktop.services.planning.longer_context import load_words, longer_context, remark
from desktop.store.paths import Paths

LOADED = replace(plain_plan("/m/smol.gguf", 2048, name="smol"), trained_context=TRAINED)


@pytest.mark.parametrize(
    ("needed", "context"), [(1, 2048), (1024, 2048), (1025, 3072), (3072, 4096), (8192, 12288), (142_903, 196_608)]
)
def test_a_context_holds_the_need_and_an_answer(needed: int, context: int) -> None:
    assert context_for(needed) == context
    assert context >= needed + max(1024, needed // 4)


def test_an_answer_has_a_quarter_of_a_short_context() -> None:
    assert [answer_room(context) for context in (256, 2048, 4096, 131_072)] == [64, 512, 1024, 1024]


@pytest.mark.parametrize(
    ("needed", "most", "words", "said"),
    [
        (3000, 100_000, "Load with 4,096: 409.6 MB, fits", ""),
        (2048, 100_000, "Load with 4,096: 409.6 MB, fits", ""),  # an answer filled it: twice as much
        (7000, 100_000, "Load with 8,192: 819.2 MB, fits", ""),  # as long as its training reaches
        (
            20_000,
            100_000,
            "Load with 32,768: 3.3 GB, fits",
            "The model was trained for 8,192; beyond that its answers lose their sense.",
        ),
        (3000, 3840, "", "No context that holds it fits into memory; the longest that does is 3,840 tokens."),
        (3000, 2048, "", "No longer context fits into memory."),
        (5000, 6400, "Load with 6,400: 640.0 MB, fits", ""),  # less than was wanted, but enough
    ],
)
def test_what_is_offered(needed: int, most: int, words: str, said: str) -> None:
    found = longer_context(Capacity(most), LOADED, 2048, needed)
    assert (load_words(found), remark(found)) == (words, said)


def test_what_cannot_be_planned_is_offered_only_within_the_training() -> None:
    class Unplanned(Capacity):
        def for_load(self, *arguments: object) -> object:  # type: ignore[override]
            return replace(super().for_load(*arguments), fit=None)  # type: ignore[arg-type]

    within = longer_context(Unplanned(0), LOADED, 2048, 3000)  # type: ignore[arg-type]
    assert (load_words(within), remark(within)) == ("Load with 4,096", "")
    beyond = longer_context(Unplanned(0), LOADED, 2048, 20_000)  # type: ignore[arg-type]
    assert (load_words(beyond), remark(beyond)) == ("", "The model was trained for 8,192 tokens.")


@pytest.fixture
def container(paths: Paths) -> Iterator[Container]:
    with Container(paths) as made:
        yield made


@pytest.mark.engine
def test_the_real_planner_says_what_it_takes(starter_model: Path, container: Container) -> None:
    loaded = container.planning.for_load(local_ref(starter_model), LoadSettings(context=512))
    found = longer_context(container.planning, loaded, 512, 3000)
    assert found.plan is not None and found.plan.context == 4096 and found.plan.fits
    assert load_words(found).startswith("Load with 4,096: ") and load_words(found).endswith(" MB, fits")
