"""The settings of a window without pages, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from support.hub_server import HubServer
from support.keyrings import MemoryKeyring, memory_keyring
from support.published import profile
from support.settings_dialog import Made
from support.widgets import shown

from desktop.engine.api import Hello
from desktop.engine.device_records import Device
from desktop.engine.further_backends import FOLDER_VARIABLE
from desktop.hub.client import HubClient
from desktop.hub.token import HubToken
from desktop.services.endpoints.keys import EndpointKeys
from desktop.services.endpoints.service import EndpointService
from desktop.services.engine.backend_building import BackendBuildService
from desktop.services.engine.backends import BackendService
from desktop.services.engine.memory import EngineMemory
from desktop.services.hub_account import TokenService
from desktop.services.jobs import JobService
from desktop.services.tools.secrets import ToolSecrets
from desktop.services.tools.service import ToolService
from desktop.services.worker.workers import WorkerService
from desktop.store.endpoints import EndpointStore
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore
from desktop.store.tool_servers import ToolServerStore
from desktop.ui.shell.page import Page
from desktop.ui.shell.settings.parts import SettingsParts, SettingsServices
from desktop.ui.shell.statusbar import StatusBar
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme
from desktop.ui.shell.window import MainWindow, PageEntry

PROCESSOR = Device("CPU", "A processor", "CPU", "cpu", 1 << 34, 1 << 33)


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[MemoryKeyring]:
    with memory_keyring(monkeypatch, tmp_path) as made:
        yield made


@pytest.fixture
def made(
    hub: HubServer,
    ring: MemoryKeyring,
    paths: Paths,
    theme: Theme,
    tasks: Tasks,
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Made]:
    for name in ("HF_ENDPOINT", "HF_HUB_OFFLINE", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    store, token, machine = SettingsStore(paths.settings), HubToken(hub.endpoint), [profile("rtx-4060-8gb")]
    tokens = TokenService(token, HubClient(endpoint=hub.endpoint, token=token.get, read_seconds=30.0))
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "backends"))
    backends = BackendService(paths, lambda: Hello("llama.cpp 1", (), ("CPU",), (PROCESSOR,), ()))
    servers = EndpointService(EndpointStore(paths.endpoints), EndpointKeys(paths.endpoint_keys))
    window = MainWindow(theme, (PageEntry("chat", "Chat", "chat", Page),), StatusBar(tasks, _no_memory))
    computers = WorkerService(paths)
    jobs = JobService()
    builds = BackendBuildService(paths, jobs, backends, lambda: machine[0])
    tools = ToolService(ToolServerStore(paths.tool_servers), ToolSecrets(paths.tool_keys), paths.scratch)
    services = SettingsServices(
        paths,
        lambda: tokens,
        lambda: machine[0],
        lambda: backends,
        lambda: builds,
        lambda: tmp_path / "downloads",
        lambda: servers,
        lambda: computers,
        lambda: tools,
    )
    parts = SettingsParts(store, store.load(), services, tasks, theme, window)
    window.go_to("chat")
    yield Made(shown(qtbot, window, 1280, 800), parts, store, token, machine, builds)
    parts.close()
    computers.close()
    jobs.close()
    tools.close()


def _no_memory(_: int) -> EngineMemory:
    return EngineMemory(0, 0)
