"""The page Machine in words: one figure of free memory with the report and the note, the engine, the signs."""

from __future__ import annotations

import re

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QPushButton, QTableView
from pytestqt.qtbot import QtBot
from support.widgets import find, label

from desktop.core.errors import EngineError
from desktop.core.hardware import Memory
from desktop.core.pools import Reclaimable
from desktop.engine.api import Hello
from desktop.engine.device_records import Device
from desktop.services.discover.tables import DataTables
from desktop.services.machine.machine import MachineService
from desktop.store.paths import Paths
from desktop.ui.machine.page import MachinePage
from desktop.ui.shared.chosen_machine import ChosenMachine
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme

HELLO = Hello("llama.cpp test", ("AVX",), ("CPU",), (Device("CPU", "a CPU", "CPU", "cpu", 1, 1),), ("llama",))


def no_engine() -> Hello:
    raise EngineError("The engine's server is not here.", "Build it: heft engine build")


def shown(qtbot: QtBot, page: MachinePage) -> MachinePage:
    qtbot.addWidget(page)
    page.resize(1204, 770)
    page.show()
    return page


def pressed(page: MachinePage, name: str) -> None:
    button = page.findChild(QPushButton, name)
    assert button is not None and button.isEnabled()
    button.click()


def test_the_card_the_report_and_the_note_say_one_figure(
    qtbot: QtBot, paths: Paths, tasks: Tasks, theme: Theme, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = MachineService(paths, lambda: HELLO, gpu_probes=())
    described = service.describe("cached")
    monkeypatch.setattr(service, "describe", lambda measure: described)
    chosen = ChosenMachine(service, tasks)
    held = lambda: Reclaimable(2_000_000_000)  # noqa: E731
    page = shown(qtbot, MachinePage(service, tasks, theme, chosen=chosen, held=held))
    qtbot.waitUntil(lambda: page.machine is not None)
    monkeypatch.setattr(service, "memory", lambda: Memory(25_290_000_000, 18_349_000_000))
    page._read_memory()
    qtbot.waitUntil(lambda: label(page, "machineMemoryAvailable") == "19.3 GB free for models")
    pressed(page, "machineCopy")
    words = f"{label(page, 'machineMemoryAvailable')}, {label(page, 'machineMemoryTotal')}"
    assert "Counted as free: 2.0 GB that the loaded model would give back" in words
    assert words in QGuiApplication.clipboard().text()
    for name, machine in DataTables().profiles.items():
        chosen.choose(machine, name)
        used = re.search(r"([\d.]+ GB) in use", label(page, "machineMemoryTotal"))
        assert used is not None and f"{used[1]} of it in use" in label(page, "machineNotes")
        assert "loaded model" not in label(page, "machineMemoryTotal")  # nothing is loaded there
        pressed(page, "machineCopy")
        assert label(page, "machineMemoryTotal") in QGuiApplication.clipboard().text()


def test_an_engine_that_gave_no_answer_is_not_called_unknown(
    qtbot: QtBot, paths: Paths, tasks: Tasks, theme: Theme
) -> None:
    chosen = ChosenMachine(MachineService(paths, no_engine, gpu_probes=()), tasks)
    service = MachineService(paths, no_engine, gpu_probes=())
    page = shown(qtbot, MachinePage(service, tasks, theme, chosen=chosen))
    engine = page.findChild(QLabel, "machineEngineVersion")
    assert engine is not None
    page.ask("cached")
    qtbot.waitUntil(lambda: page.machine is not None, timeout=30_000)
    assert label(page, "machineEngineVersion").startswith("Gave no answer")
    assert "The engine's server is not here. Build it" in label(page, "machineNotes")
    chosen.choose(DataTables().profiles["rtx-4090"], "RTX 4090")
    assert label(page, "machineEngineVersion") == "Not part of this profile"


@pytest.mark.parametrize("width", [744, 1204])
def test_the_sentences_of_the_formats_end_within_the_table(
    qtbot: QtBot, paths: Paths, tasks: Tasks, theme: Theme, width: int
) -> None:
    page = shown(qtbot, MachinePage(MachineService(paths, lambda: HELLO, gpu_probes=()), tasks, theme))
    page.ask("cached")
    qtbot.waitUntil(lambda: page.machine is not None, timeout=30_000)
    page.resize(width, 490)
    table = find(page, QTableView, "machineFormats")
    assert table.model().headerData(3, Qt.Orientation.Horizontal) == "What it means"
    qtbot.waitUntil(lambda: table.horizontalHeader().length() <= table.viewport().width())
    assert len(str(table.model().index(1, 3).data(Qt.ItemDataRole.ToolTipRole)).splitlines()[0].split()) > 5


def test_each_sign_of_the_formats_is_a_sentence(qtbot: QtBot, paths: Paths, tasks: Tasks, theme: Theme) -> None:
    page = shown(qtbot, MachinePage(MachineService(paths, lambda: HELLO, gpu_probes=()), tasks, theme))
    lines = label(page, "machineFormatLegend").splitlines()
    assert [line.split(":")[0] for line in lines] == ["● native", "● native, unused", "◐ converted", "○ none"]
    assert all(line.endswith(".") and len(line.split()) > 8 for line in lines)


CARD = Device("Vulkan0", "NVIDIA GeForce RTX 4070", "Vulkan", "gpu", 12_000_000_000, 11_000_000_000)
SOFTWARE = Device("Vulkan0", "llvmpipe (LLVM 15.0.6, 256 bits)", "Vulkan", "gpu", 1 << 31, 1 << 31)


@pytest.mark.parametrize(
    ("devices", "said"),
    [
        ((), "Models run on the processor."),
        (
            (SOFTWARE,),
            f"{SOFTWARE.description} is no card but a graphics driver in software. Models run on the processor.",
        ),
        ((CARD,), "Models of up to 11.4 GB run wholly on NVIDIA GeForce RTX 4070"),
    ],
)
def test_the_graphics_say_first_what_they_do_for_models(
    devices: tuple[Device, ...],
    said: str,
    qtbot: QtBot,
    paths: Paths,
    tasks: Tasks,
    theme: Theme,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hello = Hello("llama.cpp test", (), ("Vulkan", "CPU"), devices, ("llama",))
    service = MachineService(paths, lambda: hello, gpu_probes=())
    described = service.describe("cached")
    monkeypatch.setattr(service, "describe", lambda measure: described)
    page = shown(qtbot, MachinePage(service, tasks, theme))
    qtbot.waitUntil(lambda: page.machine is not None)
    assert label(page, "machineGpusMean").startswith(said)
    if devices:
        means, name = find(page, QLabel, "machineGpusMean"), find(page, QLabel, "machineGpuName0")
        qtbot.waitUntil(lambda: 0 < means.geometry().bottom() < name.geometry().top())
