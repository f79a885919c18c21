"""The picker against a local Hub: estimates from one range, exact weights from whole headers, answers to controls."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from support.fixed_rates import Asked, FixedRates
from support.forge import TINY, forge
from support.hub_server import HubServer, Repo
from support.hub_server_content import BytesContent, Content, FileContent
from support.published import profile
from support.remote_models import QWEN3_8B, THIRTY, VARIANTS, repo

from desktop.core.cancelled import Cancelled, CancelledError
from desktop.core.choice import Reason, ReasonKind
from desktop.core.errors import HeftError
from desktop.core.gguf import Header
from desktop.core.hardware import Machine
from desktop.core.load_settings import LoadSettings
from desktop.core.memory import ModelShape, Weights
from desktop.core.placement import Fit, place
from desktop.core.pools import Reclaimable, pools_of
from desktop.core.speed import Rate, Speeds
from desktop.hub.client import HubClient
from desktop.hub.errors import HubError
from desktop.hub.header import HeaderReader
from desktop.hub.search import HubSearch
from desktop.services.discover.picker import PickerService
from desktop.services.discover.picker_records import Controls
from desktop.services.discover.picker_words import where
from desktop.services.discover.tables import DataTables
from desktop.services.planning.local_files import read_local
from desktop.services.planning.words import speed

NAME = "Qwen/Qwen3-8B-GGUF"


@pytest.fixture
def rtx() -> Machine:
    return profile("rtx-4060-8gb")


@pytest.fixture
def picker(hub: HubServer, tmp_path: Path, vocab_dir: Path, rtx: Machine) -> PickerService:
    hub.add(repo(NAME, QWEN3_8B, VARIANTS, vocab_dir / "ggml-vocab-llama-spm.gguf", 8.19e9))
    client = HubClient(endpoint=hub.endpoint, token=lambda: None, connect_seconds=30.0, read_seconds=30.0)
    return PickerService(
        HubSearch(client, tmp_path / "answers"), HeaderReader(client, tmp_path / "headers"), DataTables(), lambda: rtx
    )


def test_one_range_gives_all_estimates(picker: PickerService, hub: HubServer) -> None:
    opened = picker.open(NAME)
    before = opened.view(Controls())
    assert [row.variant.name for row in before.rows] == ["Q2_K", "Q3_K_M", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0"]
    assert {row.state for row in before.rows} == {"waiting"} and before.recommendation.index is None
    hub.exchanges.clear()
    opened.read_first()
    view = opened.view(Controls(LoadSettings(16_384)))
    assert sum(exchange.sent for exchange in hub.requests(".gguf")) <= (64 << 10) + (512 << 10)  # what was under way
    assert {row.state for row in view.rows} == {"estimate"}
    assert (view.max_context, view.parameters) == (40_960, 8_190_000_000)
    recommended = view.recommended
    assert recommended is not None and recommended.option.fit is not None
    assert recommended.option.fit.placement == "gpu" and recommended.variant.name in ("Q4_K_M", "Q3_K_M")
    assert view.rows[-1].option.fit is not None and view.rows[-1].option.fit.placement == "partial"


def test_whole_headers_make_weights_exact(picker: PickerService) -> None:
    opened = picker.open(NAME)
    opened.read_first()
    controls = Controls(LoadSettings(4096))
    estimated = {
        row.variant.name: row.option.fit.memory.total_bytes for row in opened.view(controls).rows if row.option.fit
    }
    seen: list[int] = []
    opened.settle(controls, lambda: seen.append(1))
    assert len(seen) == len(VARIANTS)
    for row in opened.view(controls).rows:
        assert row.option.fit is not None
        exact = row.option.fit.memory.total_bytes
        assert abs(estimated[row.variant.name] / exact - 1) < 0.05, row.variant.name


def test_controls_answer_without_requests(picker: PickerService, hub: HubServer) -> None:
    opened = picker.open(NAME)
    opened.read_first()
    hub.exchanges.clear()
    short, long = opened.view(Controls(LoadSettings(2048))), opened.view(Controls(LoadSettings(40_960)))
    small = opened.view(Controls(LoadSettings(40_960, "q8_0", "q8_0")))
    apple = opened.view(Controls(LoadSettings(8192), machine=profile("apple-m1-16gb")))
    memory = [view.rows[0].option.fit.memory.total_bytes for view in (short, small, long) if view.rows[0].option.fit]
    assert memory == sorted(memory) and len(set(memory)) == 3
    assert apple.machine is not None and apple.machine.cpu.name == "M1"
    by_hand = opened.view(Controls(LoadSettings(2048, gpu_layers=10)))
    assert all(row.option.fit and row.option.fit.gpu_layers == 10 for row in by_hand.rows)
    assert not hub.exchanges


def test_marks_are_where_variants_stop_fitting(picker: PickerService) -> None:
    opened = picker.open(NAME)
    assert opened.marks(Controls()) == ()
    opened.read_first()
    marks = opened.marks(Controls())
    assert [mark.context for mark in marks] == sorted(mark.context for mark in marks) and marks
    for mark in marks:
        inside = opened.view(Controls(LoadSettings(mark.context)))
        beyond = opened.view(Controls(LoadSettings(mark.context + 512)))
        row = next(i for i, row in enumerate(inside.rows) if row.variant.name == mark.name)
        fits, spills = inside.rows[row].option.fit, beyond.rows[row].option.fit
        assert fits is not None and fits.placement == "gpu" and spills is not None and spills.placement == "partial"


def test_nothing_fits_and_what_would_help(picker: PickerService) -> None:
    opened = picker.open(NAME)
    opened.read_first()
    view = opened.view(Controls(LoadSettings(40_960), machine=profile("laptop-8gb")))
    assert view.recommendation.index is None
    assert ReasonKind.FITS_WITH_SHORTER_CONTEXT in [reason.kind for reason in view.recommendation.reasons]


def test_a_damaged_file_keeps_its_row_and_says_why(picker: PickerService, hub: HubServer) -> None:
    hub.repos[NAME].files["Qwen3-8B-Q4_K_M.gguf"] = BytesContent(b"GGUF" + b"\xff" * 5_000_000)
    opened = picker.open(NAME)
    opened.read_first()
    opened.settle(Controls())
    row = next(row for row in opened.view(Controls()).rows if row.variant.name == "Q4_K_M")
    assert row.problem and row.option.damaged and row.state == "unreadable"
    assert row.option.fit is None and row.option.rate is None, "figures of a file that cannot be loaded"
    assert where(row.option) == ("damaged", "bad")
    assert next(row for row in opened.view(Controls()).rows if row.variant.name == "Q8_0").problem == ""


def test_a_damaged_file_is_not_recommended_and_an_empty_one_is_passed_over(
    picker: PickerService, hub: HubServer
) -> None:
    files = hub.repos[NAME].files
    for name in list(files):
        if "Q8_0" not in name:
            files[name] = BytesContent(b"" if "Q2_K" in name else b"GGUF" + b"\xff" * 5_000_000)
    opened = picker.open(NAME)
    with suppress(HeftError):
        opened.read_first()
    opened.settle(Controls())
    view = opened.view(Controls())
    assert view.recommended is not None and view.recommended.variant.name == "Q8_0"
    assert view.recommendation.reasons[0].kind is ReasonKind.ONLY_ONE_THAT_LOADS
    assert next(row for row in view.rows if row.variant.name == "Q2_K").problem.startswith("The file is empty")


def test_an_incomplete_set_of_shards_gets_no_figures(picker: PickerService, hub: HubServer) -> None:
    files = hub.repos[NAME].files
    files["Q6_K/Qwen3-8B-Q6_K-00001-of-00002.gguf"] = files.pop("Qwen3-8B-Q6_K.gguf")
    opened = picker.open(NAME)
    opened.read_first()
    row = next(row for row in opened.view(Controls()).rows if row.variant.missing_shards)
    assert (row.option.fit, row.state, where(row.option)[0]) == (None, "unreadable", "incomplete")


def test_network_lost_while_reading_is_told(picker: PickerService, hub: HubServer) -> None:
    opened = picker.open(NAME)
    opened.read_first()
    hub.fail("status", ".gguf", status=503, times=100)
    with pytest.raises(HubError, match="problem of its own"):
        opened.settle(Controls())
    assert {row.state for row in opened.view(Controls()).rows} == {"estimate"}


def test_a_repo_seen_before_is_weighed_without_a_network(picker: PickerService, hub: HubServer) -> None:
    first = picker.open(NAME)
    first.read_first()
    first.settle(Controls())
    hub.exchanges.clear()
    hub.fail("status", "", status=503, times=1000)
    again = picker.open(NAME)
    assert again.files.stale_since is not None
    asked = len(hub.exchanges)
    again.read_first()
    again.settle(Controls())
    now, then = again.view(Controls()), first.view(Controls())
    assert [row.option for row in now.rows] == [row.option for row in then.rows]
    assert len(hub.exchanges) == asked


def test_settling_can_be_cancelled(picker: PickerService) -> None:
    opened = picker.open(NAME)
    opened.read_first()
    with pytest.raises(CancelledError):
        opened.settle(Controls(), cancelled=lambda: True)


def test_a_repo_without_gguf(picker: PickerService, hub: HubServer) -> None:
    from support.hub_server import Repo

    hub.add(Repo("a/b-AWQ", {"model.safetensors": BytesContent(b"x")}))
    opened = picker.open("a/b-AWQ")
    opened.read_first()
    view = opened.view(Controls())
    assert view.rows == () and view.recommendation.reasons == (Reason(ReasonKind.NO_VARIANTS),)


def test_thirty_variants_are_weighed_quickly(
    hub: HubServer, picker: PickerService, vocab_dir: Path, record_property: pytest.FixtureRequest
) -> None:
    """The bench measures; here only that a view costs about as much as thirty placements, not a quadratic of them."""
    hub.add(repo("big/Qwen3-8B-GGUF", QWEN3_8B, THIRTY, vocab_dir / "ggml-vocab-llama-spm.gguf", 8.19e9))
    opened = picker.open("big/Qwen3-8B-GGUF")
    opened.read_first()
    few = picker.open(NAME)
    few.read_first()

    def cost(one: object) -> float:
        began = time.process_time()
        for context in (2048, 8192, 16_384, 32_768):
            one.view(Controls(LoadSettings(context)))  # type: ignore[attr-defined]
        return time.process_time() - began

    cost(opened), cost(few)
    assert min(cost(opened) for _ in range(3)) < 5 * 3 * min(cost(few) for _ in range(3))


class _Memory:
    """A machine whose free memory a test turns."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def set_free(self, count: int) -> None:
        memory = msgspec.structs.replace(self.machine.memory, available_bytes=count)
        self.machine = msgspec.structs.replace(self.machine, memory=memory)

    def __call__(self) -> Machine:
        return self.machine


class _Planner:
    """Plans by formulas, as the engine, and counts."""

    def __init__(self) -> None:
        self.planned = 0

    def plan(
        self,
        headers: Sequence[Header],
        shape: ModelShape,
        weights: Weights,
        settings: LoadSettings,
        machine: Machine,
        held: Reclaimable,
        cancelled: Cancelled,
        *,
        longest: bool,
    ) -> Fit | None:
        self.planned += 1
        found = place(shape, weights, settings, machine, freed_bytes=held.memory_bytes, longest=longest)
        return dataclasses.replace(found, method="engine", band=0.0)


def test_free_memory_is_followed_but_not_small_changes(hub: HubServer, tmp_path: Path, vocab_dir: Path) -> None:
    hub.add(repo(NAME, QWEN3_8B, VARIANTS, vocab_dir / "ggml-vocab-llama-spm.gguf", 8.19e9))
    client = HubClient(endpoint=hub.endpoint, token=lambda: None, connect_seconds=30.0, read_seconds=30.0)
    memory, planner = _Memory(profile("laptop-8gb")), _Planner()
    held = [Reclaimable()]
    picker = PickerService(
        HubSearch(client, tmp_path / "answers"),
        HeaderReader(client, tmp_path / "headers"),
        DataTables(),
        memory,
        planner=planner,
        held=lambda: held[0],
    )
    memory.set_free(6_900_000_000)
    opened, controls = picker.open(NAME), Controls(LoadSettings(4096))
    opened.read_first()
    opened.settle(controls)
    before = opened.view(controls)
    assert before.recommended is not None and planner.planned == len(VARIANTS)

    memory.set_free(6_900_000_000 - 99_000_000)
    assert not opened.refresh()
    assert opened.view(controls) == before

    memory.set_free(3_000_000_000)
    assert opened.refresh()
    opened.settle(controls)
    after = opened.view(controls)
    assert {row.state for row in after.rows} == {"engine"}
    assert after.recommended is None and after.pools[0].free_bytes == 2_000_000_000
    assert [row.option.fit.memory for row in after.rows if row.option.fit] == [
        row.option.fit.memory for row in before.rows if row.option.fit
    ]
    assert planner.planned == len(VARIANTS)  # without a GPU a plan only meets another amount

    held[0] = Reclaimable(memory_bytes=3_900_000_000)  # what a loaded model would give back
    assert opened.refresh()
    opened.settle(controls)
    assert opened.view(controls).recommended == before.recommended
    rtx = dataclasses.replace(controls, machine=profile("rtx-4060-8gb"))
    assert opened.view(rtx).pools == pools_of(profile("rtx-4060-8gb"))  # another computer's memory stands


def test_speeds_are_asked_for_again_after_a_measurement(hub: HubServer, tmp_path: Path, vocab_dir: Path) -> None:
    class Measured(FixedRates):
        speed = 5.0

        def on(self, machine: Machine) -> FixedRates:
            quick, slow = (Rate(speed, speed, speed) for speed in (9 * self.speed, self.speed))
            return FixedRates(lambda asked: Speeds(quick, slow, asked.fit.context))

    hub.add(repo(NAME, QWEN3_8B, ("Q4_K_M", "Q4_K_S", "Q8_0"), vocab_dir / "ggml-vocab-llama-spm.gguf", 8.19e9))
    client = HubClient(endpoint=hub.endpoint, token=lambda: None, connect_seconds=30.0, read_seconds=30.0)
    rates, machine = (
        Measured(lambda asked: Speeds(Rate(0, 0, 0), Rate(0, 0, 0), asked.fit.context)),
        profile("rtx-4090"),
    )
    picker = PickerService(
        HubSearch(client, tmp_path / "answers"),
        HeaderReader(client, tmp_path / "headers"),
        DataTables(),
        lambda: machine,
        rates=rates,
    )
    opened = picker.open(NAME)
    opened.read_first()
    assert sorted(opened.types(Controls())) == ["Q4_K", "Q8_0"]
    assert {row.option.rate for row in opened.view(Controls()).rows} == {Rate(5.0, 5.0, 5.0)}
    rates.speed = 9.0
    opened.forget_rates()
    assert {row.option.rate for row in opened.view(Controls()).rows} == {Rate(9.0, 9.0, 9.0)}


def test_a_variant_is_known_on_the_hub_by_the_fingerprint_of_the_file_that_ran_here(
    hub: HubServer, tmp_path: Path, vocab_dir: Path
) -> None:
    """So what was measured of it here is what its row shows."""

    path = forge(tmp_path / "ran.gguf", TINY, "Q4_K", vocab_dir / "ggml-vocab-gpt-2.gguf")
    local = read_local(path)
    assert local is not None

    def say(asked: Asked) -> Speeds:
        runs = 3 if asked.fingerprint == local.fingerprint else 0
        return Speeds(Rate(4, 5, 6), Rate(4, 5, 6), asked.fit.context, "measured" if runs else "table", runs=runs)

    other = forge(tmp_path / "other.gguf", TINY, "Q8_0", vocab_dir / "ggml-vocab-gpt-2.gguf")
    files: dict[str, Content] = {
        "Tiny-Q4_K_M.gguf": FileContent(path),
        "Tiny-Q8_0.gguf": FileContent(other),
        "README.md": BytesContent(b"#"),
    }
    hub.add(Repo("owner/Tiny-GGUF", files))
    client = HubClient(endpoint=hub.endpoint, token=lambda: None, connect_seconds=30.0, read_seconds=30.0)
    service = PickerService(
        HubSearch(client, tmp_path / "answers"),
        HeaderReader(client, tmp_path / "headers"),
        DataTables(),
        lambda: profile("rtx-4090"),
        rates=FixedRates(say),
    )
    opened = service.open("owner/Tiny-GGUF")
    opened.read_first()
    opened.settle(Controls(), lambda: None)
    told = {row.variant.name: speed(row.option.speeds) for row in opened.view(Controls()).rows}
    assert told == {"Q4_K_M": "5.0 tok/s measured", "Q8_0": "5.0 tok/s"}
