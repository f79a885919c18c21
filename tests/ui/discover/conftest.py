"""The page Discover against a local Hub, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from pytestqt.qtbot import QtBot
from support.discover_page import AWQ, EIGHT, FOURTEEN, GATED, HUGE, Made
from support.hub_server import HubServer, Repo, online
from support.hub_server_content import BytesContent
from support.keyrings import MemoryKeyring, memory_keyring
from support.planning import planning_on
from support.published import profile
from support.remote_models import QWEN3_8B, QWEN3_14B, VARIANTS, repo
from support.widgets import shown

from desktop.core.hardware import Machine
from desktop.core.model_ref import local_ref
from desktop.engine.api import Hello
from desktop.hub.client import HubClient
from desktop.hub.header import HeaderReader
from desktop.hub.search import HubSearch
from desktop.hub.token import HubToken
from desktop.services.discover.picked_run import PickedRun
from desktop.services.discover.picker import PickerService
from desktop.services.discover.search import SearchService
from desktop.services.discover.tables import DataTables
from desktop.services.hub_account import TokenService
from desktop.services.machine.machine import MachineService
from desktop.services.models.download_folder import DownloadFolder
from desktop.services.models.downloads import DownloadService
from desktop.services.models.library import LibraryService
from desktop.services.models.local_copies import LocalCopies
from desktop.store.fetched import FetchedStore
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore
from desktop.ui.discover.page import DiscoverPage
from desktop.ui.shared.chosen_machine import ChosenMachine
from desktop.ui.shell.engine_bridge import Bridge
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, vocab_dir: Path) -> Iterator[HubServer]:
    vocab = vocab_dir / "ggml-vocab-llama-spm.gguf"
    with HubServer(page_size=30) as server, online(monkeypatch):
        server.add(repo(EIGHT, QWEN3_8B, VARIANTS, vocab, 8.19e9, trendingScore=9))
        server.add(repo(FOURTEEN, QWEN3_14B, ("Q4_K_M", "Q8_0"), vocab, 14.8e9, trendingScore=8))
        server.add(repo(HUGE, QWEN3_14B, ("Q8_0",), vocab, 400e9, trendingScore=7))
        server.add(repo(GATED, QWEN3_8B, ("Q4_K_M",), vocab, 8.19e9, trendingScore=6, gated="auto"))
        server.tokens["hf_reader_token"] = {GATED}
        tags = ["safetensors", "awq", "base_model:Qwen/Qwen3-8B"]
        files = {"model.safetensors": BytesContent(b"x")}
        server.add(Repo(AWQ, dict(files), {"tags": tags, "trendingScore": 5, "downloads": 5, "likes": 1}))
        yield server


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[MemoryKeyring]:
    with memory_keyring(monkeypatch, tmp_path) as made:
        yield made


@pytest.fixture
def machine() -> Machine:
    return profile("rtx-4060-8gb")


@pytest.fixture
def made(
    hub: HubServer,
    ring: MemoryKeyring,
    paths: Paths,
    machine: Machine,
    tasks: Tasks,
    theme: Theme,
    qtbot: QtBot,
    tmp_path: Path,
) -> Iterator[Made]:
    token = HubToken(hub.endpoint)
    client = HubClient(endpoint=hub.endpoint, token=token.get, connect_seconds=30.0, read_seconds=30.0)
    search, tables = HubSearch(client, tmp_path / "answers"), DataTables()
    settings = SettingsStore(paths.settings)
    folder = DownloadFolder(settings, LibraryService(paths, settings, environ={}, home=tmp_path / "home"))
    downloads = DownloadService(paths, client, search, cache=tmp_path / "cache", folder=folder.use, first_wait=0.05)
    machines = MachineService(paths, lambda: msgspec.convert({}, Hello))
    now = [machine]
    fetched = FetchedStore(paths.fetched)
    copies = LocalCopies(lambda: tmp_path / "cache", fetched=fetched, environ={}, home=tmp_path / "home")
    planning = planning_on(paths, machine)
    page = DiscoverPage(
        PickerService(
            search,
            HeaderReader(client, tmp_path / "headers"),
            tables,
            lambda: now[0],
            copies=copies,
            remembered=planning.settings_of,
        ),
        SearchService(search, lambda: ()),
        downloads,
        folder,
        ChosenMachine(machines, tasks),
        tables,
        lambda: machine,
        TokenService(token, client),
        lambda: hub.endpoint,
        tasks,
        theme,
        PickedRun(lambda: planning, downloads, local_ref),
    )
    bridge = Bridge(downloads.subscribe, lambda older, newer: None)
    bridge.received.connect(lambda _: page.show_downloads(downloads.states()))
    found = Made(shown(qtbot, page, 1204, 740), qtbot, downloads, now, token, planning)
    found.wait(lambda: bool(found.results))
    yield found
    bridge.close()
    downloads.close()
