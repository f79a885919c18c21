"""Where else a repo's variants would do better: shared, on another computer as a whole, on another server."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from support.fixed_rates import Asked, FixedRates
from support.hub_server import HubServer
from support.lent_devices import ABOUT, GB
from support.remote_models import QWEN3_8B, repo

from desktop.cli import variants as command
from desktop.core.hardware import Cpu, EngineInfo, Gpu, Machine, Memory
from desktop.core.load_settings import LoadSettings
from desktop.core.speed import Rate, Speeds
from desktop.hub.client import HubClient
from desktop.hub.header import HeaderReader
from desktop.hub.search import HubSearch
from desktop.services.discover.elsewhere import Elsewhere, ElsewhereService, plain_name
from desktop.services.discover.elsewhere_words import shared_words, suggestion_words
from desktop.services.discover.picked_repo import PickedRepo
from desktop.services.discover.picker import PickerService
from desktop.services.discover.picker_records import Controls
from desktop.services.discover.tables import DataTables
from desktop.services.worker.workers import Reached
from desktop.store.endpoints import SavedEndpoint
from desktop.store.workers import SavedWorker

NAME = "Qwen/Qwen3-8B-GGUF"
LENT = Gpu(
    "RTX 4090 of studio",
    total_bytes=24 * GB,
    free_bytes=22 * GB,
    kind="remote",
    engine_devices=("RPC0",),
    worker="studio",
)
REACHED = Reached(SavedWorker("studio", "10.0.0.2", 7, "f"), ABOUT)


def here(free: int, *gpus: Gpu) -> Machine:
    return Machine(Cpu("here"), Memory(64 * GB, free * GB), gpus, engine=EngineInfo("llama.cpp b1"))


class Opened:
    """A repo on a computer that may change, with speeds by where a load goes."""

    def __init__(self, hub: HubServer, folder: Path, vocab: Path) -> None:
        hub.add(repo(NAME, QWEN3_8B, ("Q4_K_M", "Q8_0"), vocab, 8.19e9))
        self.machine = here(4, LENT)
        self.rates = {"here": 3.0, "shared": 14.0, "there": 9.0}
        self.lent: tuple[Reached, ...] = (REACHED,)
        self.servers: tuple[SavedEndpoint, ...] = ()
        self.adopted: list[Machine] = []
        client = HubClient(endpoint=hub.endpoint, token=lambda: None, connect_seconds=20.0, read_seconds=20.0)
        search, headers = HubSearch(client, folder / "answers"), HeaderReader(client, folder / "headers")
        self.picker = PickerService(search, headers, DataTables(), lambda: self.machine, rates=FixedRates(self._speeds))
        self.service = ElsewhereService(
            lambda: self.lent, lambda machine, speeds: self.adopted.append(machine), lambda: self.servers
        )

    def repo(self) -> PickedRepo:
        found = self.picker.open(NAME)
        found.read_first()
        return found

    def look(self, devices: str | None = None) -> Elsewhere:
        return self.service.look(self.repo(), Controls(LoadSettings(4096, devices=devices)))

    def _speeds(self, asked: Asked) -> Speeds:
        shared = any(pool.worker for pool in asked.fit.pools)
        there = asked.fit.pools[0].free_bytes > 50 * GB
        found = self.rates["shared" if shared else "there" if there else "here"]
        return Speeds(Rate(found, found, found), Rate(found, found, found), 4096, "calibrated")


@pytest.fixture
def opened(hub: HubServer, tmp_path: Path, vocab_dir: Path) -> Opened:
    return Opened(hub, tmp_path, vocab_dir / "ggml-vocab-llama-spm.gguf")


def test_what_does_not_fit_here_is_shared_with_a_computer_that_has_the_room(opened: Opened) -> None:
    found = opened.look()
    assert [(way.kind, way.devices) for way in found.ways("Q8_0")] == [
        ("stay", "here"), ("split", "here,@studio"), ("whole", ""),
    ]  # fmt: skip
    suggestion = found.suggestion("Q8_0")
    assert suggestion is not None and suggestion.way is not None and suggestion.way.devices == "here,@studio"
    words = suggestion_words(suggestion)
    assert words.startswith("Q8_0 is too large by ") and words.endswith(" here. Shared with studio: 14 tok/s.")
    assert opened.adopted == [ABOUT.machine]


def test_without_a_variant_the_one_to_take_elsewhere_is_meant(opened: Opened) -> None:
    opened.machine = here(3, LENT)
    found = opened.look()
    assert found.stay.recommended is None
    suggestion = found.suggestion()
    assert suggestion is not None and suggestion.way is not None
    assert suggestion.variant in ("Q4_K_M", "Q8_0") and suggestion.way.rate == 14


def test_what_is_slow_here_is_said_with_both_figures(opened: Opened) -> None:
    opened.machine, opened.rates["there"] = here(30, LENT), 24.0
    suggestion = opened.look().suggestion("Q4_K_M")
    assert suggestion is not None
    assert suggestion_words(suggestion) == (
        "Q4_K_M writes 3.0 tok/s here. On studio as a whole: 24 tok/s. Its server is at http://10.0.0.2:8321."
    )


@pytest.mark.parametrize(("rate", "shared"), [(6.0, 60.0), (3.0, 3.1)])
def test_what_does_well_here_or_no_better_elsewhere_stays(opened: Opened, rate: float, shared: float) -> None:
    opened.machine = here(30, LENT)
    opened.rates = {"here": rate, "shared": shared, "there": 1.0}
    assert opened.look().suggestion("Q4_K_M") is None


def test_a_computer_whose_server_was_added_is_named_by_it(opened: Opened) -> None:
    opened.machine, opened.rates["there"] = here(30, LENT), 24.0
    opened.servers = (SavedEndpoint("attic", "http://10.0.0.2:8321/v1"),)
    suggestion = opened.look().suggestion("Q4_K_M")
    assert suggestion is not None and suggestion.server == "attic"
    assert "Download it there; its server is attic here." in suggestion_words(suggestion)


def test_one_that_does_not_serve_is_told_to(opened: Opened) -> None:
    opened.machine, opened.rates["there"] = here(30, LENT), 24.0
    opened.lent = (Reached(REACHED.worker, msgspec.structs.replace(ABOUT, serves="")),)
    suggestion = opened.look().suggestion("Q4_K_M")
    assert suggestion is not None and "Switch on Serve on studio, open to the network." in suggestion_words(suggestion)


def test_a_server_that_offers_it_is_named_without_any_worker(opened: Opened) -> None:
    opened.machine, opened.lent = here(4), ()
    opened.servers = (SavedEndpoint("lab", "http://lab:8000/v1", ("Qwen/Qwen3-14B", "Qwen/Qwen3-8B")),)
    found = opened.look()
    suggestion = found.suggestion("Q8_0")
    assert suggestion is not None and suggestion.way is None and found.ways("Q8_0") == ()
    assert [model.identity for model in suggestion.offers] == ["endpoint:lab/Qwen/Qwen3-8B"]
    assert suggestion_words(suggestion).endswith("lab offers it, as Qwen/Qwen3-8B.")
    opened.machine = here(30)
    opened.rates["here"] = 30.0
    assert opened.look().suggestion("Q8_0") is None


def test_a_repo_that_is_weighed_as_shared_says_so_with_the_way_back(opened: Opened) -> None:
    found = opened.look("here,@studio")
    assert found.shared == ("studio",) and not found.gone
    words = shared_words(found, "Q8_0")
    assert words.startswith("Weighed as shared with studio. Here alone: too large by ")


def test_a_computer_that_went_keeps_nothing_from_being_weighed(opened: Opened) -> None:
    repo_in_view, controls = opened.repo(), Controls(LoadSettings(4096, devices="here,@studio"))
    assert all(row.plan is not None for row in repo_in_view.view(controls).rows)
    opened.machine, opened.lent = here(30), ()
    assert repo_in_view.refresh()
    view = repo_in_view.view(controls)
    assert all(row.option.runs for row in view.rows) and view.controls.load.devices is None
    found = opened.service.look(repo_in_view, controls)
    assert found.gone == ("studio",) and not found.shared
    assert shared_words(found, "Q8_0") == "studio does not lend its devices now: weighed here alone."


def test_a_computer_that_comes_is_noticed_though_no_memory_of_this_one_changed(opened: Opened) -> None:
    opened.machine = here(4)
    found = opened.repo()
    found.refresh()  # how quick this computer is, is asked with it
    assert not found.refresh()
    opened.machine = here(4, LENT)
    assert found.refresh()


def test_the_command_tells_each_way_and_the_better_one(opened: Opened) -> None:
    opened.machine = here(3, LENT)
    found = opened.look()
    told = command.document(found.stay, found)
    assert [way["kind"] for way in told["variants"][1]["ways"]] == ["stay", "split", "whole"]
    assert [way["best"] for way in told["variants"][1]["ways"]] == [False, True, False]
    said, better = command.said_elsewhere(found.stay, found), command.elsewhere_document(found.stay, found)
    assert "Shared with studio: 14 tok/s." in said and better is not None and better["words"] == said
    shared = opened.look("here,@studio")
    assert command.said_elsewhere(shared.stay, shared).startswith("Weighed as shared with studio.")
    assert command.document(found.stay)["variants"][0]["ways"] == []


def test_for_another_machine_there_is_nothing_to_say(opened: Opened) -> None:
    found = opened.service.look(opened.repo(), Controls(machine=here(4)))
    assert found.ways("Q8_0") == () and found.suggestion("Q8_0") is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Qwen3-8B-Q4_K_M.gguf", "qwen3:8b", True),
        ("Qwen3-8B-GGUF", "Qwen3-8B", True),
        ("Llama-3.2-3B-Instruct-Q4_K_M.gguf", "llama-3.2-3b-instruct:latest", True),
        ("Qwen3-8B", "Qwen3-14B", False),
        ("Qwen3-8B", "Qwen3-Coder-8B", False),
    ],
)
def test_servers_name_models_in_ways_of_their_own(one: str, other: str, same: bool) -> None:
    assert (plain_name(one) == plain_name(other)) is same
