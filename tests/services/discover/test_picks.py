"""Picks for a computer: from the Hub's lists with the picker's figures, and from the table without a Hub."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from support.hub_server import HubServer
from support.published import profile
from support.remote_models import QWEN3_8B, QWEN3_14B, QWEN3_600M, SMOLLM2_135M, VARIANTS, repo

from desktop.core.choice_options import READING_SPEED
from desktop.core.errors import HeftError
from desktop.core.hardware import Cpu, Machine, Memory
from desktop.core.load_settings import LoadSettings
from desktop.core.picks import ANSWER_TOKENS, RULES, Role
from desktop.core.speed import Calibration
from desktop.core.units import human_time
from desktop.hub.client import HubClient
from desktop.hub.header import HeaderReader
from desktop.hub.search import HubSearch
from desktop.services.discover.picker import PickerService
from desktop.services.discover.picker_records import Controls
from desktop.services.discover.picks import Picks, PicksService
from desktop.services.discover.picks_words import figures, offline_words, quicker_words, reason, source_words, title
from desktop.services.discover.tables import DataTables
from desktop.services.machine.calibration import CalibrationService
from desktop.services.planning.speed import SpeedService
from desktop.services.planning.words import speed
from desktop.store.paths import Paths

DESKTOP = Machine(  # what a newcomer has: 25 GB, two cores, no graphics card
    Cpu("two cores", physical_cores=2, usable_cores=2),
    Memory(25_300_000_000, 24_000_000_000, bandwidth_bytes_per_second=50e9),
)


class Service:
    """Picks and what they rest on, on one machine: ``machine`` and ``threads`` may be changed."""

    def __init__(self, hub: HubServer, tmp_path: Path, machine: Machine) -> None:
        self.machine, self.threads = machine, 0
        client = HubClient(endpoint=hub.endpoint, token=lambda: None, connect_seconds=30.0, read_seconds=30.0)
        search, tables = HubSearch(client, tmp_path / "answers"), DataTables()
        self.calibration = CalibrationService(Paths(tmp_path / "data", tmp_path / "cache"))
        rates = SpeedService(self.calibration, lambda: machine)
        self.picker = PickerService(
            search, HeaderReader(client, tmp_path / "headers"), tables, lambda: self.machine, rates=rates,
            threads=lambda: self.threads,
        )  # fmt: skip
        self.picks = PicksService(search, self.picker, tables, rates)


@pytest.fixture
def service(hub: HubServer, tmp_path: Path, vocab_dir: Path) -> Service:
    vocab = vocab_dir / "ggml-vocab-llama-spm.gguf"
    code = {"tags": ["gguf", "code", "license:apache-2.0"]}
    hub.add(repo("a/Big-14B-GGUF", QWEN3_14B, VARIANTS, vocab, 14.8e9))
    hub.add(repo("b/Middle-8B-GGUF", QWEN3_8B, VARIANTS, vocab, 8.19e9))
    hub.add(repo("c/Small-0.6B-GGUF", QWEN3_600M, VARIANTS, vocab, 0.6e9))
    hub.add(repo("d/Coder-0.6B-GGUF", QWEN3_600M, VARIANTS, vocab, 0.6e9, **code))
    hub.add(repo("g/Short-0.1B-GGUF", SMOLLM2_135M, VARIANTS, vocab, 0.135e9, **code))  # trained for 8,192 tokens
    hub.add(repo("e/Gated-8B-GGUF", QWEN3_8B, ("Q4_K_M",), vocab, 8.19e9, gated="manual"))
    hub.add(repo("f/Huge-400B-GGUF", QWEN3_14B, ("Q8_0",), vocab, 400e9))
    return Service(hub, tmp_path, DESKTOP)


def by_role(picks: Picks) -> dict[Role, str]:
    return {role: pick.repo for pick in picks.picks for role in pick.roles}


def test_the_lists_of_the_hub_are_weighed_by_plan(service: Service, hub: HubServer) -> None:
    found = service.picks.live()
    roles = by_role(found)
    asked = [exchange.query for exchange in hub.exchanges if exchange.path == "/api/models"]
    assert asked and not any("num_parameters" in query for query in asked)  # it would tell of this computer's memory
    assert found.listed == "" and source_words(found).startswith("From the Hub's lists")
    assert roles[Role.QUICK] == "c/Small-0.6B-GGUF" and roles[Role.CODING] == "d/Coder-0.6B-GGUF"
    assert Role.VISION not in roles  # the Hub lists none
    assert not {"e/Gated-8B-GGUF", "f/Huge-400B-GGUF"}.intersection(roles.values())
    for pick in found.picks:  # the same figures as on the page of its repo
        opened = service.picker.open(pick.repo)
        opened.read_first()
        goal, context = pick.looked_at_by
        row = opened.view(Controls(LoadSettings(context=context), goal)).recommended
        assert row is not None and row.variant.name == pick.variant
        assert row.plan is not None and row.plan.speeds == pick.plan.speeds and row.plan.fit == pick.plan.fit
        assert speed(row.option.speeds) in figures(pick)


def test_without_a_hub_there_is_a_dated_table(service: Service, hub: HubServer) -> None:
    hub.close()
    with pytest.raises(HeftError):
        service.picks.live()
    found = service.picks.known()
    assert set(by_role(found)) == set(Role)
    assert "From Heft's own list of August 2025" in source_words(found)
    assert all(pick.source for pick in found.picks)


@pytest.mark.parametrize("machine", [DESKTOP, profile("laptop-8gb"), profile("rtx-4060-8gb"), profile("two-rtx-3090")])
def test_each_sentence_follows_from_its_figures(hub: HubServer, tmp_path: Path, machine: Machine) -> None:
    least = {rule.role: rule.least for rule in RULES}
    for pick in Service(hub, tmp_path, machine).picks.known().picks:
        fit, speeds, said = pick.plan.fit, pick.plan.speeds, reason(pick)
        assert fit is not None and fit.fits and speeds is not None and title(pick)
        assert f"{pick.plan.context:,} tokens" in said
        if "this one comes closest" in said:
            assert round(speeds.full.expected, 1) < least[pick.roles[0]] or Role.LONG in pick.roles
        else:
            assert round(speeds.full.expected, 1) >= max(least[role] for role in pick.roles)


def calibrated(service: Service) -> None:
    """As if this computer had been measured to be four times as quick as such computers are guessed to be."""
    guessed = service.calibration.speeds(service.machine)["cpu"]
    types = {
        name: msgspec.structs.replace(
            speed,
            points=tuple(
                msgspec.structs.replace(point, seconds_per_byte=point.seconds_per_byte / 4) for point in speed.points
            ),
        )
        for name, speed in guessed.types.items()
    }
    cpu = msgspec.structs.replace(guessed, method="calibrated", types=types)
    key = service.calibration.key(service.machine)
    service.calibration._keep(Calibration(key, "2026-01-01T00:00:00+00:00", 2, {"cpu": cpu}))


def less_memory(service: Service) -> None:
    memory = msgspec.structs.replace(service.machine.memory, available_bytes=4_000_000_000)
    service.machine = msgspec.structs.replace(service.machine, memory=memory)


def fewer_threads(service: Service) -> None:
    service.threads = 1


@pytest.mark.parametrize("listed", ["by the Hub", "in the table"])
@pytest.mark.parametrize("change", [calibrated, less_memory, fewer_threads])
def test_picks_follow_what_changes_their_plans_and_nothing_else(
    service: Service, hub: HubServer, change: Callable[[Service], None], listed: str
) -> None:
    def weigh() -> Picks:
        return service.picks.live() if listed == "by the Hub" else service.picks.known()

    assert service.picks.again() is None  # nothing was answered yet
    first = weigh()
    lists = sum(exchange.path == "/api/models" for exchange in hub.exchanges)
    requests = len(hub.exchanges)
    assert service.picks.again() is None and len(hub.exchanges) == requests
    change(service)
    found = service.picks.again()
    assert found is not None and found.listed == first.listed
    assert sum(exchange.path == "/api/models" for exchange in hub.exchanges) == lists  # the lists are known
    again = weigh()  # as one would be told who asks for the first time
    assert [(title(pick), pick.name, figures(pick), reason(pick)) for pick in found.picks] == [
        (title(pick), pick.name, figures(pick), reason(pick)) for pick in again.picks
    ]
    if change is fewer_threads:
        assert {pick.plan.threads for pick in found.picks} == {1}
    else:
        assert [figures(pick) for pick in found.picks] != [figures(pick) for pick in first.picks]
    assert service.picks.again() is None


def test_who_waits_for_a_long_document_is_told_for_how_long(service: Service) -> None:
    """None of the list is quick enough for it: the one is taken whose answer is there first, and it says so."""
    slow = msgspec.structs.replace(service.machine.memory, bandwidth_bytes_per_second=2e9)
    service.machine = msgspec.structs.replace(service.machine, memory=slow)
    (pick,) = [pick for pick in service.picks.known().picks if Role.LONG in pick.roles]
    speeds = pick.plan.speeds
    assert not pick.meets and speeds is not None and speeds.prompt_seconds is not None
    waiting = speeds.prompt_seconds + ANSWER_TOKENS / speeds.full.expected
    said = reason(pick)
    assert f"an answer of 500 tokens about 32,768 is there after {human_time(waiting)}." in said
    assert f"It reads 32,768 tokens in {human_time(speeds.prompt_seconds)}." in said


def test_a_pick_of_the_table_says_why_it_may_not_open(service: Service, hub: HubServer) -> None:
    hub.close()
    with pytest.raises(HeftError) as told:
        service.picks.live()
    found = service.picks.known()
    for pick in found.picks:
        words = offline_words(pick, found)
        assert pick.repo in words and told.value.message in words and told.value.hint in words
        assert words.endswith("Once the Hub answers, press “Look at it” again.")
    assert offline_words(found.picks[0], Picks(found.picks)) == ""


def test_where_nothing_is_quick_enough_it_says_what_would_be(service: Service) -> None:
    opened = service.picker.open("a/Big-14B-GGUF")
    opened.read_first()
    view = opened.view(Controls())
    row = view.recommended
    assert row is not None and not row.option.readable
    found = service.picks.quicker(row, view.context)
    assert found and found[0].plan.experts  # a mixture of experts reads a part of its weights
    for pick in found:
        assert pick.plan.speeds is not None and round(pick.plan.speeds.full.expected, 1) >= READING_SPEED
        assert speed(pick.plan.speeds) in quicker_words(pick)


def test_coding_is_weighed_with_the_context_that_code_needs(service: Service) -> None:
    opened = service.picker.open("b/Middle-8B-GGUF")
    opened.read_first()
    view = opened.view(Controls(goal="coding"))
    assert view.context == 32_768 and {row.plan.context for row in view.rows if row.plan} == {32_768}
    assert "32,768" in " ".join(str(reason.context) + f" {reason.context:,}" for reason in view.recommendation.reasons)
    assert opened.view(Controls(LoadSettings(context=8192), "coding")).context == 8192
    short = service.picker.open("g/Short-0.1B-GGUF")
    short.read_first()
    assert short.view(Controls(goal="coding")).context == 8192
