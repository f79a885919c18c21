"""The page Machine: live memory, report, profiles, number formats; with real probes and a given engine."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QDoubleSpinBox, QFileDialog, QFrame, QLabel, QPushButton
from pytestqt.qtbot import QtBot
from support.cut import faults
from support.widgets import find, label

from desktop.core.errors import HeftError
from desktop.core.hardware import Cpu, Machine, Memory, Probe
from desktop.core.machines import machine_of_sizes
from desktop.core.text import plain_tooltip
from desktop.engine.api import Hello
from desktop.engine.device_records import Device
from desktop.machine import bandwidth
from desktop.machine.gpu_amd import probe_amd
from desktop.machine.tables import Tables
from desktop.services.machine.machine import MachineService
from desktop.store.paths import Paths
from desktop.ui.machine.machine_cards import GraphicsCard
from desktop.ui.machine.page import MachinePage
from desktop.ui.shared.chosen_machine import ChosenMachine
from desktop.ui.shared.machine_sizes import MachineSizes
from desktop.ui.shared.machine_words import machine_words
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme

HELLO = Hello("llama.cpp test", ("AVX",), ("CPU",), (Device("CPU", "a CPU", "CPU", "cpu", 1, 1),), ("llama", "qwen3"))
WHAT_IF = {
    "cpu": {
        "name": "Threadripper 9980X with a very long name that no card is wide enough to show",
        "features": ["AVX2"],
    },
    "memory": {"total_bytes": 256_000_000_000, "available_bytes": 200_000_000_000},
    "gpus": [
        {"name": "NVIDIA GeForce RTX 5090", "total_bytes": 34_190_917_632, "free_bytes": 30_000_000_000},
        {"name": "AMD Radeon RX 7900 XTX", "total_bytes": 25_753_026_560, "probe": "sysfs"},
    ],
}
FORMATS = {number.name: number for number in Tables().formats}


class Page:
    """A page in view and what it told the window."""

    def __init__(self, qtbot: QtBot, service: MachineService, tasks: Tasks, theme: Theme) -> None:
        self.qtbot = qtbot
        self.page = MachinePage(service, tasks, theme)
        self.told: list[object] = []
        self.page.notify.connect(self.told.append)
        qtbot.addWidget(self.page)
        self.page.resize(1204, 770)
        self.page.show()

    def wait(self) -> MachinePage:
        self.qtbot.waitUntil(
            lambda: self.page.machine is not None and self.button("Measure").isEnabled(), timeout=30_000
        )
        return self.page

    def button(self, name: str) -> QPushButton:
        found = self.page.findChild(QPushButton, f"machine{name}")
        assert found is not None
        return found

    def text(self, name: str) -> str:
        found = self.page.findChild(QLabel, f"machine{name}")
        assert found is not None
        return found.text()

    def profile(self, folder: Path) -> MachinePage:
        self.wait()
        file = folder / "what-if.json"
        file.write_text(json.dumps(WHAT_IF), encoding="utf-8")
        self.page.load_profile(file)
        self.qtbot.waitUntil(lambda: self.banner().isVisible())
        return self.page

    def banner(self) -> QFrame:
        found = self.page.findChild(QFrame, "machineBanner")
        assert found is not None
        return found


@pytest.fixture
def service(paths: Paths) -> MachineService:
    """A service with a kept bandwidth, so that a visit does not measure."""
    made = MachineService(paths, lambda: HELLO, gpu_probes=(probe_amd,))
    machine = made.describe("cached")
    identity = bandwidth.fingerprint(machine.cpu, machine.memory.total_bytes)
    kept = bandwidth.Bandwidth(5e10, "2026-01-02T03:04:05+00:00", 2, 1, fingerprint=identity)
    paths.cache.mkdir(parents=True)
    (paths.cache / "bandwidth.json").write_bytes(msgspec.json.encode(kept))
    return made


@pytest.fixture
def shown(qtbot: QtBot, service: MachineService, tasks: Tasks, theme: Theme) -> Page:
    return Page(qtbot, service, tasks, theme)


def test_waits_with_words_and_then_shows_this_computer(shown: Page) -> None:
    assert "Asking this computer" in shown.text("Waiting")
    assert not shown.button("Copy").isEnabled()
    machine = shown.wait().machine
    assert machine is not None
    assert shown.text("CpuCores").startswith(f"{machine.cpu.physical_cores} physical")
    assert shown.text("EngineVersion") == "llama.cpp test"
    assert shown.text("MemoryBandwidth") == "Read bandwidth 50.0 GB/s"
    assert not shown.banner().isVisible()


def test_a_busy_computer_is_measured_again_when_it_is_quiet(
    qtbot: QtBot, service: MachineService, tasks: Tasks, theme: Theme, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = msgspec.json.decode((paths.cache / "bandwidth.json").read_bytes(), type=bandwidth.Bandwidth)
    busy = msgspec.structs.replace(kept, bytes_per_second=12.7e9, cpu_share=0.5)
    (paths.cache / "bandwidth.json").write_bytes(msgspec.json.encode(busy))
    monkeypatch.setattr(bandwidth, "ask_child", lambda *_what, **_how: busy)
    quiet: list[bool] = []
    monkeypatch.setattr(bandwidth, "quiet", lambda: bool(quiet))
    monkeypatch.setattr("desktop.ui.machine.page.AGAIN_MILLISECONDS", 10)
    shown = Page(qtbot, service, tasks, theme)
    shown.wait()
    assert shown.text("MemoryBandwidth") == "Read bandwidth at least 12.7 GB/s"
    assert "measured again by itself" in shown.text("Notes")
    idle = msgspec.structs.replace(kept, bytes_per_second=57e9)
    monkeypatch.setattr(bandwidth, "ask_child", lambda *_what, **_how: idle)
    quiet.append(True)
    shown.page.hide()
    qtbot.waitUntil(lambda: shown.text("MemoryBandwidth") == "Read bandwidth 57.0 GB/s")
    assert "busy" not in shown.text("Notes")


def test_memory_is_live_only_while_the_page_is_in_view(
    shown: Page, service: MachineService, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = shown.wait()
    free = itertools.chain([3_000_000_000], itertools.repeat(4_000_000_000))
    monkeypatch.setattr(service, "memory", lambda: Memory(16_000_000_000, next(free)))
    page._timer.setInterval(10)
    shown.qtbot.waitUntil(lambda: shown.text("MemoryAvailable") == "3.0 GB free for models")
    assert shown.text("MemoryTotal") == "of 16.0 GB: 12.0 GB in use, 1.0 GB kept for the system"
    page.hide()
    assert not page._timer.isActive()
    page.show()
    assert page._timer.isActive()


def test_report_goes_to_the_clipboard(shown: Page) -> None:
    machine = shown.wait().machine
    assert machine is not None
    shown.qtbot.mouseClick(shown.button("Copy"), Qt.MouseButton.LeftButton)
    assert machine.cpu.name in QGuiApplication.clipboard().text()
    assert "clipboard" in str(shown.told[-1])


def test_measure_again_asks_once_at_a_time(shown: Page) -> None:
    before = shown.wait().machine
    shown.button("Measure").click()
    assert not shown.button("Measure").isEnabled()
    assert shown.text("State") == "Measuring…"
    shown.page.ask("again")
    assert shown.wait().machine is not before
    assert shown.text("State") == ""


def test_machine_that_cannot_be_asked_says_what_to_do(
    shown: Page, service: MachineService, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown.wait()
    answer = shown.page._own
    shown.page._own = None

    def fail(measure: str) -> None:
        raise OSError("the table is missing")

    monkeypatch.setattr(service, "describe", fail)
    shown.page.ask("cached")
    shown.qtbot.waitUntil(lambda: bool(shown.told))
    assert "Measure again" in shown.text("Waiting")
    assert shown.button("Measure").isEnabled()
    monkeypatch.setattr(service, "describe", lambda measure: answer)
    shown.button("Measure").click()
    assert "Asking this computer" in shown.text("Waiting")
    assert shown.wait().machine is answer


def test_what_if_shows_a_banner_and_a_way_back(shown: Page, tmp_path: Path) -> None:
    page = shown.profile(tmp_path)
    assert "what-if.json, not the computer in front of you" in shown.text("BannerText")
    assert shown.text("Title") == "What if"
    assert shown.text("GpuName0") == "NVIDIA GeForce RTX 5090"
    assert "1,792 GB/s" in shown.text("GpuFacts0")
    assert shown.text("MemoryAvailable") == "199.0 GB free for models"
    assert not shown.button("Measure").isEnabled()
    shown.button("Back").click()
    assert not shown.banner().isVisible()
    assert shown.text("Title") == "This machine"
    assert page.machine is page._own


def test_live_memory_of_this_computer_never_shows_on_a_profile(shown: Page, tmp_path: Path) -> None:
    page = shown.profile(tmp_path)
    page._read_memory()
    page._show_memory(Memory(1, 1))
    assert shown.text("MemoryAvailable") == "199.0 GB free for models"


def test_tooltips_tell_long_names_and_what_instruction_sets_are_for(shown: Page, tmp_path: Path) -> None:
    page = shown.profile(tmp_path)
    features = page.findChild(QLabel, "machineCpuFeatures")
    assert features is not None
    assert features.toolTip() == "AVX2: 256-bit integers: quantized weights"
    label = page.findChild(QLabel, "machineCpuName")
    assert label is not None
    assert label.text().endswith("…")
    assert label.toolTip() == plain_tooltip(WHAT_IF["cpu"]["name"])  # type: ignore[index]


def test_a_machine_chosen_on_another_page_is_shown_here_and_left_from_here(
    qtbot: QtBot, service: MachineService, tasks: Tasks, theme: Theme
) -> None:
    chosen = ChosenMachine(service, tasks)
    chosen.choose(machine_of_sizes(service.describe("cached"), 64 << 30, 24 << 30), "a machine of your own figures")
    page = MachinePage(service, tasks, theme, chosen=chosen)
    qtbot.addWidget(page)
    page.resize(1204, 770)
    page.show()
    banner = page.findChild(QLabel, "machineBannerText")
    name = page.findChild(QLabel, "machineGpuName0")
    assert banner is not None and name is not None and banner.isVisible()
    assert "this is a machine of your own figures, not" in banner.text() and name.text().startswith("Graphics c")
    assert page.machine is not None and page.machine.number_formats
    back = page.findChild(QPushButton, "machineBack")
    assert back is not None
    back.click()
    assert chosen.machine is None and not banner.isVisible()


def test_own_figures_are_asked_for_in_two_fields(qtbot: QtBot, theme: Theme) -> None:
    dialog = MachineSizes()
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.activateWindow()
    qtbot.waitUntil(dialog.isActiveWindow)
    ram, vram = (find(dialog, QDoubleSpinBox, f"machineSizes{name}") for name in ("Ram", "Vram"))
    assert (ram.text(), vram.text()) == ("34.4 GB", "12.9 GB"), "what 32 GB and a card of 12 GB hold"
    assert "sold as 16 GB holds 17.2 GB, two of them 34.4 GB" in label(dialog, "machineSizesWords")
    assert faults(dialog) == [], "its words are whole"
    for field, typed in ((ram, "25"), (vram, "0")):
        field.setFocus()
        field.selectAll()
        qtbot.keyClicks(field, typed)
        qtbot.keyClick(field, Qt.Key.Key_Tab)
    assert (ram.text(), vram.text()) == ("25.0 GB", "no graphics card")
    assert dialog.sizes == (25_000_000_000, 0)
    assert machine_of_sizes(Machine(Cpu("x"), Memory(1)), *dialog.sizes).gpus == ()


@pytest.mark.parametrize(
    ("ram", "vram", "total", "card", "words"),
    [
        (64_000_000_000, 48_000_000_000, "of 64.0 GB: ", "48.0 GB, ", "Graphics card 48.0 GB + 64.0 GB"),
        (
            16 << 30,
            24 << 30,
            "of 17.2 GB (sold as 16 GB): ",
            "25.8 GB (sold as 24 GB), ",
            "Graphics card 24 GB + 16 GB",
        ),
    ],
)
def test_both_pages_say_the_same_sizes(
    shown: Page, service: MachineService, ram: int, vram: int, total: str, card: str, words: str
) -> None:
    """64 GB were told as 68.7 GB on the page Machine, and 34.4 GB as 32 GB in Discover, without a word."""
    shown.wait()
    machine = machine_of_sizes(service.describe("cached"), ram, vram)
    shown.page._chosen.choose(machine)
    assert shown.text("MemoryTotal").startswith(total) and shown.text("GpuFacts0").startswith(card)
    assert machine_words(machine) == words
    assert "4.3 GB of it in use, 536.9 MB of the card in use" in shown.text("Notes")


def test_file_that_is_no_profile_changes_nothing(shown: Page, tmp_path: Path) -> None:
    shown.wait()
    file = tmp_path / "other.json"
    file.write_text("[]", encoding="utf-8")
    shown.page.load_profile(file)
    shown.qtbot.waitUntil(lambda: bool(shown.told))
    (error,) = shown.told
    assert isinstance(error, HeftError) and error.kind == "bad-profile"
    assert not shown.banner().isVisible()


def test_chosen_files_are_saved_and_loaded(shown: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown.wait()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "mine"), ""))
    shown.button("Save").click()
    shown.qtbot.waitUntil(lambda: bool(shown.told))
    assert [path.name for path in tmp_path.glob("mine*")] == ["mine.json"]
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(tmp_path / "mine.json"), ""))
    shown.button("Load").click()
    shown.qtbot.waitUntil(lambda: shown.banner().isVisible())


def test_profile_is_saved_and_loads_again(shown: Page, tmp_path: Path) -> None:
    page = shown.wait()
    file = tmp_path / "saved.json"
    page.save_profile(file)
    shown.qtbot.waitUntil(lambda: bool(shown.told))
    assert json.loads(file.read_text(encoding="utf-8"))["engine"]["version"] == "llama.cpp test"
    page.load_profile(file)
    shown.qtbot.waitUntil(lambda: shown.banner().isVisible())


def test_table_has_every_format_and_device_in_words(shown: Page, tmp_path: Path) -> None:
    model = shown.profile(tmp_path)._formats.model
    assert (model.rowCount(), model.columnCount()) == (11, 5)
    heads = [model.headerData(column, Qt.Orientation.Horizontal) for column in range(5)]
    assert heads == ["Format", "Bits", "CPU", "NVIDIA GeForce RTX 5090", "AMD Radeon RX 7900 XTX"]
    rows = {model.format_at(row): [model.index(row, c).data() for c in range(1, 5)] for row in range(11)}
    assert rows["NVFP4"] == ["4.5", "◐ converted", "● native", "◐ converted"]
    assert rows["FP8 E4M3"] == ["8", "○ none", "● native, unused", "○ none"]


def test_single_device_has_room_for_its_sentences(shown: Page) -> None:
    model = shown.wait()._formats.model
    assert [model.headerData(c, Qt.Orientation.Horizontal) for c in range(4)][2:] == ["CPU", "What it means"]
    assert model.index(0, 3).data() == "Computed directly in 32-bit floats."
    assert model.index(0, 3).data(Qt.ItemDataRole.ForegroundRole) is None


def test_keyboard_moves_through_the_formats(shown: Page, tmp_path: Path) -> None:
    table = shown.profile(tmp_path)._formats.table
    table.setFocus()
    assert shown.text("FormatName") == "FP32"
    shown.qtbot.keyClick(table, Qt.Key.Key_Down)
    shown.qtbot.keyClick(table, Qt.Key.Key_Down)
    assert shown.text("FormatName") == "FP16"
    assert "65,504" in shown.text("FormatRange")
    assert shown.text("FormatDevices").startswith("CPU: converted. Loads, but is computed in F32 here")


def test_devices_that_do_the_same_share_a_sentence(shown: Page, tmp_path: Path) -> None:
    shown.profile(tmp_path)._formats.table.selectRow(0)
    assert shown.text("FormatDevices") == (
        "CPU, NVIDIA GeForce RTX 5090, AMD Radeon RX 7900 XTX: native. Computed directly in 32-bit floats."
    )


def test_every_button_can_be_named_and_reached(shown: Page, tmp_path: Path) -> None:
    buttons = shown.profile(tmp_path).findChildren(QAbstractButton)
    named = [button for button in buttons if button.objectName().startswith("machine")]
    assert len(named) == 7
    for button in named:
        assert button.accessibleName()
        assert button.focusPolicy() & Qt.FocusPolicy.TabFocus


def test_what_probes_said_is_behind_a_fold(shown: Page) -> None:
    card = GraphicsCard(lambda gpu: "")
    shown.qtbot.addWidget(card)
    card.show_machine(Machine(Cpu("here"), Memory(1), probes=(Probe("nvml", 0, "no NVIDIA driver"),)))
    card.show()
    said, fold = card.findChild(QLabel, "machineProbes"), card.findChild(QPushButton, "machineProbesFold")
    assert said is not None and fold is not None and not said.isVisible()
    shown.qtbot.mouseClick(fold, Qt.MouseButton.LeftButton)
    assert said.isVisible() and said.text() == "nvml: no NVIDIA driver"
