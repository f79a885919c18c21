"""What the window loads at its start when another server's model answered last: that one if it answers, else the
starter model, with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot
from support.hub_server import HubServer
from support.keyrings import memory_keyring
from support.openai_server import OpenAIServer
from support.real_window import RealWindow

from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import ModelRef
from desktop.services.endpoints.keys import EndpointKeys
from desktop.services.endpoints.service import EndpointService
from desktop.services.engine.supervisor import EngineService
from desktop.services.planning.service import PlanningService
from desktop.store.endpoints import EndpointStore
from desktop.store.options import LAST_MODEL
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore

MS = 20_000


def _plan(_self: object, ref: ModelRef, *_: Any) -> LoadPlan:
    return LoadPlan(ref, LoadSettings(), 1)


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[LoadPlan]:
    """What the engine is asked to load; none is started."""
    found: list[LoadPlan] = []
    monkeypatch.setattr(PlanningService, "for_load", _plan)
    monkeypatch.setattr(EngineService, "load", lambda _self, plan: found.append(plan))
    return found


@pytest.fixture
def server(paths: Paths, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[OpenAIServer]:
    """Its model answered last."""
    with memory_keyring(monkeypatch, tmp_path), OpenAIServer("a-model") as running:
        EndpointService(EndpointStore(paths.endpoints), EndpointKeys(paths.endpoint_keys)).add(running.url, "studio")
        SettingsStore(paths.settings).set(LAST_MODEL, "endpoint:studio/a-model")
        yield running


def _start(
    qtbot: QtBot, qapp: QApplication, paths: Paths, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> RealWindow:
    return RealWindow(qtbot, qapp, paths, hub, monkeypatch, load_at_start=True)


def test_another_server_s_model_is_chosen_again_if_it_answers(
    qtbot: QtBot, qapp: QApplication, paths: Paths, hub: HubServer, monkeypatch: pytest.MonkeyPatch,
    loaded: list[LoadPlan], server: OpenAIServer,
) -> None:  # fmt: skip
    window = _start(qtbot, qapp, paths, hub, monkeypatch)
    qtbot.waitUntil(lambda: bool(loaded), timeout=MS)
    assert [plan.where for plan in loaded] == ["endpoint:studio/a-model"]
    window.close()


@pytest.mark.parametrize("why", ["off", "gone"])
def test_else_the_starter_model_is_loaded_and_the_reason_said(
    qtbot: QtBot, qapp: QApplication, paths: Paths, hub: HubServer, monkeypatch: pytest.MonkeyPatch,
    loaded: list[LoadPlan], server: OpenAIServer, starter_model: Path, why: str,
) -> None:  # fmt: skip
    if why == "off":
        server.stop()
    else:
        server.models = []
    window = _start(qtbot, qapp, paths, hub, monkeypatch)
    qtbot.waitUntil(lambda: bool(loaded), timeout=MS)
    assert [plan.path.resolve() for plan in loaded] == [starter_model.resolve()]
    words = {"off": "Nothing listens", "gone": "offers no model a-model"}[why]

    def told() -> bool:
        said = [label.text() for label in window.window.findChildren(QLabel) if label.isVisible()]
        return any(words in text and "The starter model is loaded in its place." in text for text in said)

    qtbot.waitUntil(told, timeout=MS)
    window.close()
