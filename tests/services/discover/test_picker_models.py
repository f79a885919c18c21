"""Repos of several models against a local Hub: each planned from its own header, grouped, and recommended by itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from support.fixed_rates import FixedRates
from support.forge import Shape
from support.hub_server import HubServer
from support.hub_server_content import BytesContent
from support.published import profile
from support.remote_models import (
    QWEN3_8B,
    QWEN3_600M,
    QWEN25_14B,
    SMOLLM2_135M,
    THIRTY,
    model,
    repo,
    several,
)

from desktop.core.gguf import Header
from desktop.core.hardware import Machine
from desktop.core.load_settings import LoadSettings
from desktop.core.memory import ModelShape, Weights
from desktop.core.placement import Fit, place
from desktop.core.pools import Reclaimable
from desktop.core.speed import Rate, Speeds
from desktop.hub.client import HubClient
from desktop.hub.errors import HubError
from desktop.hub.header import HeaderReader
from desktop.hub.search import HubSearch
from desktop.services.discover.picked_repo import PickedRepo
from desktop.services.discover.picker import PickerService
from desktop.services.discover.picker_records import Controls, EnginePlanner, View
from desktop.services.discover.picker_words import (
    facts,
    memory_details,
    model_facts,
    where,
    which_model,
)
from desktop.services.discover.reason_words import paragraph
from desktop.services.discover.tables import DataTables
from desktop.services.planning.words import prompt_words, speed, speed_details

MIXED, PAIR = "me/Mixed-GGUF", "me/Pair-GGUF"
KV_135M, KV_14B = 188_743_680, 1_610_612_736  # at 8,192: 2 (K, V) x layers x KV heads x head size x 2 bytes x tokens

WIDE = Shape(36, 4096, 12_544, 32, 16, 40_960, "qwen3")  # as QWEN3_8B, but for its feed-forward and twice the KV heads


@pytest.fixture
def vocab(vocab_dir: Path) -> Path:
    return vocab_dir / "ggml-vocab-llama-spm.gguf"


@pytest.fixture
def opened(hub: HubServer, tmp_path: Path) -> Callable[..., PickedRepo]:
    def call(name: str, machine: str = "rtx-4060-8gb", **more: Any) -> PickedRepo:
        client = HubClient(endpoint=hub.endpoint, token=lambda: None, connect_seconds=30.0, read_seconds=30.0)
        search, headers = HubSearch(client, tmp_path / "answers"), HeaderReader(client, tmp_path / "headers")
        return PickerService(search, headers, DataTables(), lambda: profile(machine), **more).open(name)

    return call


@pytest.fixture
def mixed(hub: HubServer, vocab: Path) -> str:
    """A 135M and a 14B."""
    models = {"SmolLM2-135M": (SMOLLM2_135M, ("Q8_0", "F16")), "Qwen2.5-14B": (QWEN25_14B, ("Q2_K", "Q4_K_M", "Q8_0"))}
    return hub.add(several(MIXED, models, vocab)).id


def kv(view: View) -> dict[str, int]:
    return {row.variant.name: row.option.fit.memory.kv_bytes for row in view.rows if row.option.fit}


def test_each_variant_is_planned_from_the_shape_of_its_own_model(
    opened: Callable[..., PickedRepo], mixed: str, hub: HubServer
) -> None:
    found, controls = opened(mixed), Controls(LoadSettings(8192))
    hub.exchanges.clear()
    found.read_first()
    looked_at = {exchange.path.rpartition("/")[2] for exchange in hub.requests(".gguf")}
    assert looked_at == {"SmolLM2-135M-Q8_0.gguf", "Qwen2.5-14B-Q2_K.gguf"}, "one file per model"
    for settled in (False, True):
        if settled:
            found.settle(controls)
        view = found.view(controls)
        assert kv(view) == {
            "SmolLM2-135M Q8_0": KV_135M, "F16": KV_135M,
            "Q2_K": KV_14B, "Q4_K_M": KV_14B, "Qwen2.5-14B Q8_0": KV_14B,
        }  # fmt: skip
        assert [(group.name, group.max_context) for group in view.groups] == [
            ("SmolLM2 135M", 8192),
            ("Qwen2.5 14B", 32_768),
        ]
    shapes = [row.shape.layer_count for row in view.rows if row.shape]
    assert shapes == [30, 30, 48, 48, 48]
    assert [row.trained_context for row in view.rows] == [8192, 8192, 32_768, 32_768, 32_768]
    small, large = (group.parameters for group in view.groups)
    assert small is not None and 1.2e8 < small < 1.4e8 and large is not None and 1.3e10 < large < 1.5e10
    assert [row.parameters for row in view.rows] == [small, small, large, large, large]
    assert facts(view) == "2 models · Apache-2.0 · 5 variants"
    assert "13.4 B parameters · qwen2 · 48 layers · 8 KV heads" in model_facts(view.groups[1])


def test_loss_is_compared_within_one_model(opened: Callable[..., PickedRepo], mixed: str) -> None:
    found = opened(mixed)
    found.read_first()
    view = found.view(Controls(LoadSettings(4096)))
    for group in view.groups:
        names = {view.rows[row].variant.name for row in group.rows}
        assert group.recommended in group.rows
        beside = [view.rows[one.index].variant.name for one in group.recommendation.neighbours]
        assert beside and set(beside) <= names
        others = [row.variant.name for row in view.rows if row.variant.name not in names]
        assert not any(
            f"{name} would" in paragraph(group.recommendation) for name in others if name not in ("Q4_K_M", "F16")
        )
    small, large = (view.rows[group.recommended or 0].variant.name for group in view.groups)
    assert (small, large) == ("SmolLM2-135M Q8_0", "Qwen2.5-14B Q8_0")
    assert view.recommended is not None and view.recommended.variant.name == large
    assert which_model(view) == "This repo holds 2 models; Qwen2.5 14B is the largest that runs well here."
    quick = found.view(Controls(LoadSettings(4096), goal="speed"))
    assert quick.group is not None and quick.group.name == "SmolLM2 135M"


def test_a_context_beyond_one_models_training_holds_for_the_other(
    opened: Callable[..., PickedRepo], mixed: str
) -> None:
    found = opened(mixed)
    found.read_first()
    view = found.view(Controls(LoadSettings(32_768)))
    assert view.max_context == 32_768 and [group.context for group in view.groups] == [8192, 32_768]
    assert [row.option.fit.context for row in view.rows if row.option.fit] == [8192, 8192, 32_768, 32_768, 32_768]
    assert kv(view)["F16"] == KV_135M and kv(view)["Q2_K"] == 4 * KV_14B
    small, large = (model_facts(group, 32_768) for group in view.groups)
    assert small.endswith("weighed at 8,192, all it was trained for") and "weighed" not in large
    assert [group.context for group in found.view(Controls()).groups] == [4096, 4096]
    beyond = found.view(Controls(LoadSettings(40_000)))
    assert [group.context for group in beyond.groups] == [8192, 40_192], "asked for beyond all: said, not cut"


def test_rows_are_weighed_at_the_context_that_the_engine_will_have(
    opened: Callable[..., PickedRepo], mixed: str
) -> None:
    found = opened(mixed)
    found.read_first()
    view = found.view(Controls(LoadSettings(300)))
    assert view.context == 512 and [group.context for group in view.groups] == [512, 512]
    for row in view.rows:
        assert row.plan is not None and row.option.fit is not None
        assert row.plan.context == row.option.fit.context == 512 and row.plan.asked.context == 300
        assert memory_details(row.option).startswith("At 512 tokens of context:")
    rounded = found.view(Controls(LoadSettings(512)))
    assert [row.option.fit for row in view.rows] == [row.option.fit for row in rounded.rows]


def test_marks_end_where_each_model_does(opened: Callable[..., PickedRepo], mixed: str) -> None:
    found = opened(mixed)
    found.read_first()
    marks = found.marks(Controls())
    assert marks and all(mark.name == "Q2_K" and mark.context < 32_768 for mark in marks)


def test_base_and_instruct_of_one_size_are_each_recommended(
    opened: Callable[..., PickedRepo], hub: HubServer, vocab: Path
) -> None:
    labels = ("Q4_K_M", "Q8_0", "F16")
    models = {"Qwen3-0.6B-Base": (QWEN3_600M, labels), "Qwen3-0.6B-Instruct": (QWEN3_600M, labels)}
    hub.add(several(PAIR, models, vocab))
    found = opened(PAIR)
    found.read_first()
    found.settle(Controls(LoadSettings(8192)))
    view = found.view(Controls(LoadSettings(8192)))
    assert [group.name for group in view.groups] == ["Qwen3 0.6B Base", "Qwen3 0.6B Instruct"]
    chosen = [view.rows[group.recommended].variant.name for group in view.groups if group.recommended is not None]
    assert chosen == ["Qwen3-0.6B-Base Q8_0", "Qwen3-0.6B-Instruct Q8_0"]
    assert [row.variant.label for row in view.rows] == [label for label in labels for _ in range(2)]
    assert view.choice is not None and (view.choice.index, view.choice.reason) == (1, "tuned")
    assert which_model(view).endswith("Qwen3 0.6B Instruct is the one to chat with.")


def test_a_repo_of_one_model_needs_one_range_and_has_one_group(
    opened: Callable[..., PickedRepo], hub: HubServer, vocab: Path
) -> None:
    name = "big/Qwen3-8B-GGUF"
    hub.add(repo(name, QWEN3_8B, THIRTY, vocab, 8.19e9))
    found = opened(name)
    hub.exchanges.clear()
    found.read_first()
    assert len([exchange for exchange in hub.requests(".gguf") if exchange.status == 206]) == 1
    view = found.view(Controls(LoadSettings(8192)))
    assert len(view.groups) == 1 and not view.several and which_model(view) == ""
    assert {row.state for row in view.rows} == {"estimate"} and view.groups[0].rows == tuple(range(30))
    assert facts(view).startswith("8.19 B parameters · qwen3 · 36 layers")


def test_the_header_decides_when_the_name_lies(opened: Callable[..., PickedRepo], hub: HubServer, vocab: Path) -> None:
    """Both files are called alike; one is another model."""
    name = "me/Odd-GGUF"
    files = {"model-Q4_K_M.gguf": model(QWEN3_8B, "Q4_K_M", vocab), "model-Q8_0.gguf": model(WIDE, "Q8_0", vocab)}
    added = hub.add(repo(name, QWEN3_8B, (), vocab, 1.0))
    added.files.update(files)
    found, controls = opened(name, "rtx-4090"), Controls(LoadSettings(8192))
    found.read_first()
    assert len(found.view(controls).groups) == 1
    guessed = kv(found.view(controls))
    assert guessed["Q4_K_M"] == guessed["Q8_0"]
    found.settle(controls)
    view = found.view(controls)
    assert len(view.groups) == 2 and kv(view) == {"Q4_K_M": guessed["Q4_K_M"], "Q8_0": 2 * guessed["Q8_0"]}
    assert len({group.name for group in view.groups}) == 2


class _Planner:
    """Plans by formulas, as the engine; fails on chosen architectures like a fault of Heft's own."""

    def __init__(self, *failing: str) -> None:
        self.failing = failing
        self.contexts: list[int] = []

    def plan(
        self,
        headers: Sequence[Header],
        shape: ModelShape,
        weights: Weights,
        settings: LoadSettings,
        machine: Machine,
        held: Reclaimable,
        cancelled: Callable[[], bool],
        *,
        longest: bool,
    ) -> Fit | None:
        assert len(weights.layers) == shape.layer_count == headers[0].integer(f"{shape.architecture}.block_count")
        assert settings.context is not None
        self.contexts.append(settings.context)
        if shape.architecture in self.failing:
            raise StopIteration
        return dataclasses.replace(place(shape, weights, settings, machine, longest=longest), method="engine")


def test_the_engine_plans_each_variant_at_what_its_model_was_trained_for(
    opened: Callable[..., PickedRepo], mixed: str
) -> None:
    planner: EnginePlanner = _Planner()
    found, controls = opened(mixed, planner=planner), Controls(LoadSettings(16_384))
    found.read_first()
    found.settle(controls)
    view = found.view(controls)
    assert view.settled and {row.state for row in view.rows} == {"engine"}
    assert isinstance(planner, _Planner) and sorted(planner.contexts) == [8192, 8192, 16_384, 16_384, 16_384]
    found.settle(controls)
    assert len(planner.contexts) == 5, "nothing is planned twice"


@pytest.mark.errors_logged
def test_a_failure_of_one_plan_never_fails_the_others(
    opened: Callable[..., PickedRepo], mixed: str, caplog: pytest.LogCaptureFixture
) -> None:
    found, controls = opened(mixed, planner=_Planner("llama")), Controls(LoadSettings(4096))
    found.read_first()
    found.settle(controls)
    states = [(row.state, bool(row.problem)) for row in found.view(controls).rows]
    assert states == [("estimate", True)] * 2 + [("engine", False)] * 3
    assert "no plan for SmolLM2-135M-Q8_0.gguf" in caplog.text


@pytest.mark.errors_logged
def test_a_failure_of_one_estimate_never_fails_the_others(
    opened: Callable[..., PickedRepo], mixed: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from desktop.services.discover import picked_repo, target_machine

    known = target_machine.estimated

    def failing(shape: ModelShape, *about: Any, **more: Any) -> Fit:
        if shape.architecture == "llama":
            raise StopIteration
        return known(shape, *about, **more)

    monkeypatch.setattr(picked_repo, "estimated", failing)
    found, controls = opened(mixed), Controls(LoadSettings(4096))
    found.read_first()
    found.settle(controls)
    view = found.view(controls)
    assert [where(row.option)[0] for row in view.rows[:2]] == ["no figures", "no figures"]
    assert [row.state for row in view.rows] == ["unreadable"] * 2 + ["estimate"] * 3
    assert view.groups[0].recommended is None and view.recommended is not None
    assert found.marks(controls) and caplog.text.count("no estimate for") == 2, "each is tried once"


def test_what_is_no_language_model_stands_beside_the_others(
    opened: Callable[..., PickedRepo], mixed: str, hub: HubServer, vocab: Path
) -> None:
    odd = model(SMOLLM2_135M, "Q8_0", vocab)
    data = odd.read(0, 200_000).replace(b"llama.block_count", b"llama.block_kount")
    hub.repos[mixed].files["whisper-Q8_0.gguf"] = BytesContent(data)
    hub.repos[mixed].files["broken-Q8_0.gguf"] = BytesContent(b"GGUF" + b"\xff" * 5_000_000)
    found, controls = opened(mixed), Controls(LoadSettings(4096))
    found.read_first()
    found.settle(controls)
    rows = {row.variant.name: row for row in found.view(controls).rows}
    assert where(rows["whisper Q8_0"].option)[0] == "no figures" and "no language model" in rows["whisper Q8_0"].problem
    assert where(rows["broken Q8_0"].option)[0] == "damaged"
    assert {row.state for name, row in rows.items() if name[0] not in "wb"} == {"estimate"}
    assert found.view(controls).problem == "" and found.view(controls).recommended is not None


def test_a_file_that_is_gone_or_refused_does_not_hold_up_the_others(
    opened: Callable[..., PickedRepo], mixed: str, hub: HubServer
) -> None:
    found, controls = opened(mixed), Controls(LoadSettings(4096))
    hub.fail("status", "SmolLM2-135M-Q8_0.gguf", status=404, times=100, headers={"X-Error-Code": "EntryNotFound"})
    found.read_first()
    assert [row.state for row in found.view(controls).rows] == ["unreadable"] + ["estimate"] * 4
    hub.fail("status", "Qwen2.5-14B-Q4_K_M.gguf", status=503, times=100)
    with pytest.raises(HubError, match="problem of its own"):
        found.settle(controls)
    hub.heal()
    hub.exchanges.clear()
    found.settle(controls)
    assert {exchange.path.rpartition("/")[2] for exchange in hub.requests(".gguf")} == {"Qwen2.5-14B-Q4_K_M.gguf"}


def test_more_models_than_are_looked_at_at_first_wait(
    opened: Callable[..., PickedRepo], hub: HubServer, vocab: Path
) -> None:
    shapes = {
        f"Tiny{letter}-{n}00M": (dataclasses.replace(SMOLLM2_135M, layers=n), ("Q8_0",))
        for n, letter in enumerate("ABCDEFGH", 1)
    }
    hub.add(several("me/Many-GGUF", shapes, vocab))
    found = opened("me/Many-GGUF")
    found.read_first()
    states = [row.state for row in found.view(Controls()).rows]
    assert len(found.view(Controls()).groups) == 8 and states == ["estimate"] * 6 + ["waiting"] * 2
    found.settle(Controls())
    view = found.view(Controls())
    assert {row.state for row in view.rows} == {"estimate"}
    assert [row.shape.layer_count for row in view.rows if row.shape] == list(range(1, 9))


def test_speed_is_said_from_an_empty_to_a_full_context(opened: Callable[..., PickedRepo], mixed: str) -> None:
    rates = FixedRates(lambda asked: Speeds(Rate(29, 31, 33), Rate(20, 21, 22), asked.fit.context))
    found = opened(mixed, "rtx-4090", rates=rates)
    found.read_first()
    row = found.view(Controls(LoadSettings(8192))).rows[0]
    assert row.option.rate == Rate(20, 21, 22)
    assert speed(row.option.speeds) == "31 → 21 tok/s"
    assert speed_details(row.option.speeds) == (
        "31 ± 2.0 tok/s with an empty context →\n21 ± 1.0 tok/s with all 8,192 tokens used"
    )
    reading = Speeds(Rate(29, 31, 33), Rate(20, 21, 22), 32768, "table", Rate(50, 60, 70))
    assert prompt_words(reading) == "32,768 tokens in 9 min"
    assert speed_details(reading).endswith("\nreads a prompt of 32,768 tokens in 9 min")
    same = Rate(9, 9.4, 9.9)
    assert speed(Speeds(same, same, 1)) == "9.4 tok/s" and speed(None) == "–"
    assert speed(Speeds(Rate(10, 31, 50), Rate(9, 21, 30), 1)) == "~ 31 → 21 tok/s"
    assert speed(row.option.speeds, unit=False) == "31 → 21"
