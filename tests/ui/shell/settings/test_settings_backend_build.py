"""Settings > Engine: building a backend, what is said before, how far it is, cancelling it, and what came of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from PySide6.QtWidgets import QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot
from support.backend_builder import ScriptedBuilder, scripted_builder
from support.settings_dialog import Made
from support.widgets import click, find

from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.engine import backend_trial
from desktop.engine.backend_records import ProvenDevice, Tried
from desktop.services.engine import backend_building

CARD = "NVIDIA GeForce RTX 4070"
CUDA = Tried("CUDA", (ProvenDevice("CUDA0", CARD, "0000:01:00.0", "gpu", 0.0004, 212.0, 40.0),))


@pytest.fixture(autouse=True)
def scripted(monkeypatch: pytest.MonkeyPatch) -> type[ScriptedBuilder]:
    Builder = scripted_builder()
    monkeypatch.setattr(backend_building, "CudaBuilder", Builder)
    monkeypatch.setattr(backend_building, "installed", lambda: None)
    monkeypatch.setattr(backend_building, "can_fetch", lambda: True)
    monkeypatch.setattr(backend_trial, "try_library", lambda file, **_options: CUDA)
    return Builder


@pytest.fixture
def page(made: Made, qtbot: QtBot) -> Callable[[], QWidget]:
    """Opens the page, on a computer with a card of NVIDIA's."""
    (card,) = made.machine[0].gpus
    cards = (msgspec.structs.replace(card, compute_capability="8.9"),)
    made.machine[0] = msgspec.structs.replace(made.machine[0], gpus=cards)

    def opened() -> QWidget:
        page = made.open("engine")
        qtbot.waitUntil(lambda: shows(page, "backend0") == "CPU")
        return page

    return opened


def shows(page: QWidget, name: str) -> str:
    found = page.findChild(QLabel, name)
    return found.text() if isinstance(found, QLabel) and found.isVisible() else ""


def test_a_build_says_what_it_takes_shows_how_far_it_is_and_its_backend_serves(
    page: Callable[[], QWidget], qtbot: QtBot, scripted: type[ScriptedBuilder]
) -> None:
    found = page()
    assert not shows(found, "backendBuild_cudaEffort")
    click(qtbot, found, "settingsBackendsBuild")
    qtbot.waitUntil(lambda: "fetches 602.6 MB" in shows(found, "backendBuild_cudaEffort"))
    assert "on the disk meanwhile" in shows(found, "backendBuild_vulkanEffort")
    click(qtbot, found, "backendBuild_cuda")
    qtbot.waitUntil(lambda: shows(found, "backendBuildState").startswith("CUDA was built and serves "))
    qtbot.waitUntil(lambda: shows(found, "backend0") == "CUDA")
    assert scripted.asked == ["89"] and not shows(found, "backendBuild_cudaEffort")


def test_a_build_can_be_cancelled(page: Callable[[], QWidget], qtbot: QtBot, scripted: type[ScriptedBuilder]) -> None:
    scripted.endless = True
    found = page()
    click(qtbot, found, "settingsBackendsBuild")
    click(qtbot, found, "backendBuild_cuda")
    qtbot.waitUntil(lambda: "Building CUDA: 50%" in shows(found, "backendBuildState"))
    assert not find(found, QPushButton, "backendBuild_vulkan").isEnabled()
    click(qtbot, found, "backendBuildCancel")
    assert shows(found, "backendBuildState") == "The build was cancelled."
    qtbot.waitUntil(scripted.discarded.is_set)
    assert find(found, QPushButton, "backendBuild_vulkan").isEnabled()


def test_a_build_that_was_begun_elsewhere_is_followed(
    page: Callable[[], QWidget], made: Made, qtbot: QtBot, scripted: type[ScriptedBuilder]
) -> None:
    scripted.endless = True

    def wait() -> None:
        with suppress(CancelledError):
            made.builds.build("cuda", "89")

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert scripted.half.wait(30)
    found = page()
    qtbot.waitUntil(lambda: "Building CUDA: 50%" in shows(found, "backendBuildState"))
    click(qtbot, found, "backendBuildCancel")
    qtbot.waitUntil(scripted.discarded.is_set)
    waiting.join(30)


def test_one_that_cannot_be_begun_says_why(
    page: Callable[[], QWidget], made: Made, qtbot: QtBot, scripted: type[ScriptedBuilder]
) -> None:
    found = page()
    made.machine[0] = msgspec.structs.replace(made.machine[0], gpus=())
    click(qtbot, found, "settingsBackendsBuild")
    click(qtbot, found, "backendBuild_cuda")
    qtbot.waitUntil(lambda: shows(found, "backendBuildState").startswith("There is no card of NVIDIA's here"))
    assert find(found, QPushButton, "backendBuild_cuda").isEnabled() and not scripted.asked


def test_one_that_fails_its_trial_is_told(
    page: Callable[[], QWidget], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(file: Path, **_options: object) -> Tried:
        raise HeftError("it computes a wrong answer.", kind=FailureKind.REFUSED_BACKEND)

    monkeypatch.setattr(backend_trial, "try_library", refuse)
    found = page()
    click(qtbot, found, "settingsBackendsBuild")
    click(qtbot, found, "backendBuild_cuda")
    qtbot.waitUntil(lambda: "was not added: it computes a wrong" in shows(found, "backendBuildState"))
