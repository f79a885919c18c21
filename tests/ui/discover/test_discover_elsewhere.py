"""Discover says where else a variant would do better, and leads there."""

from __future__ import annotations

import msgspec
import pytest
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot
from support.discover_page import EIGHT, Made
from support.fitting import cut
from support.lent_devices import ABOUT, GB
from support.widgets import click

from desktop.core.hardware import Cpu, EngineInfo, Gpu, Machine, Memory
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import ModelRef, hub_identity
from desktop.services.discover.elsewhere import ElsewhereService
from desktop.services.worker.workers import Reached
from desktop.store.endpoints import SavedEndpoint
from desktop.store.workers import SavedWorker
from desktop.ui.discover.elsewhere import ElsewhereLine

MS = 30_000
SMALL = Machine(Cpu("here"), Memory(16 * GB, 3 * GB), engine=EngineInfo("llama.cpp b1"))
LENT = Gpu(
    "RTX 4090 of studio", total_bytes=24 * GB, free_bytes=22 * GB, kind="remote", engine_devices=("RPC0",),
    worker="studio",
)  # fmt: skip


@pytest.fixture
def servers() -> list[SavedEndpoint]:
    return []


@pytest.fixture
def line(made: Made, servers: list[SavedEndpoint]) -> ElsewhereLine:
    """The page with its line, as the program wires it."""
    page, made.machine[0] = made.page, msgspec.structs.replace(SMALL, gpus=(LENT,))
    reached = Reached(SavedWorker("studio", "10.0.0.2", 7, "f"), ABOUT)
    service = ElsewhereService(lambda: (reached,), lambda machine, speeds: None, lambda: tuple(servers))
    found = ElsewhereLine(lambda: service, page._tasks, page._repo, page._weighing)
    found.settings_asked.connect(page.settings_asked)
    return found


def says(made: Made, words: str) -> None:
    label = made.find(QLabel, "elsewhereWords")
    made.wait(lambda: label.isVisible() and words in label.text())


def test_sharing_is_offered_taken_and_taken_back(made: Made, line: ElsewhereLine, qtbot: QtBot) -> None:
    made.open(0)
    says(made, "too large by")
    says(made, "Shared with studio")
    button = made.find(QPushButton, "elsewhereRemedy")
    assert button.isVisible() and button.text() == "Share it"
    click(qtbot, made.page, "elsewhereRemedy")
    says(made, "Weighed as shared with studio.")
    assert made.page._repo.controls.controls.load.devices == "here,@studio"
    made.wait(lambda: "too large" not in " ".join(made.cells(0)))
    made.wait(lambda: button.text() == "Weigh it here alone")
    click(qtbot, made.page, "elsewhereRemedy")
    says(made, "Shared with studio")
    assert made.page._repo.controls.controls.load.devices is None
    for size in ((820, 520), (1280, 800)):
        made.page.resize(*size)
        made.wait(lambda size=size: made.page.width() == size[0] and not cut(line))


def test_what_was_shared_is_remembered_with_the_download(made: Made, line: ElsewhereLine, qtbot: QtBot) -> None:
    made.open(0)
    says(made, "Shared with studio")
    click(qtbot, made.page, "elsewhereRemedy")
    says(made, "Weighed as shared with studio.")
    row = made.page._repo.rows.at(made.page._repo.chosen)
    assert row is not None
    made.page._act(made.page._repo.chosen)
    ref = ModelRef(row.variant.name, hub_identity(EIGHT, row.variant.first_file.path))
    made.wait(lambda: made.planning.settings_of(ref).devices == "here,@studio")


def test_devices_that_were_set_for_a_model_stay_when_it_is_looked_at(made: Made, line: ElsewhereLine) -> None:
    ref = ModelRef("Q4_K_M", hub_identity(EIGHT, "Qwen3-8B-Q4_K_M.gguf"))
    made.planning.remember(ref, LoadSettings(devices="here,@studio"))
    made.open(0)
    says(made, "Weighed as shared with studio.")
    made.open(1)
    made.wait(lambda: made.page._repo.controls.controls.load.devices is None)


def test_a_server_that_has_it_is_one_press_away(
    made: Made, line: ElsewhereLine, servers: list[SavedEndpoint], qtbot: QtBot
) -> None:
    servers.append(SavedEndpoint("lab", "http://lab:8000/v1", ("qwen3:8b",)))
    made.open(0)
    says(made, "lab offers it, as qwen3:8b.")
    with qtbot.waitSignal(line.chat_asked, timeout=MS) as asked:
        click(qtbot, made.page, "elsewhereChatRemedy")
    assert asked.args == ["endpoint:lab/qwen3:8b"]


def test_another_computer_as_a_whole_leads_to_the_servers(made: Made, line: ElsewhereLine, qtbot: QtBot) -> None:
    made.machine[0] = SMALL
    made.open(0)
    says(made, "On studio as a whole")
    assert made.find(QPushButton, "elsewhereRemedy").text() == "Other servers…"
    with qtbot.waitSignal(made.page.settings_asked, timeout=MS) as asked:
        click(qtbot, made.page, "elsewhereRemedy")
    assert asked.args == ["endpoints"]
