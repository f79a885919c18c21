"""How a model is set up in Discover: every field, what is remembered of a model, and what runs."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QComboBox, QSpinBox, QWidget
from pytestqt.qtbot import QtBot
from support.discover_page import EIGHT, FOURTEEN, Made
from support.fitting import cut
from support.hub_server import HubServer
from support.published import profile

from desktop.core.hardware import Cpu, Gpu, Machine, Memory
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import ModelRef, hub_identity
from desktop.ui.shared.chosen_machine import OTHER_MACHINE
from desktop.ui.shared.machine_words import machine_words

Q4 = "Qwen3-14B-Q4_K_M.gguf"
_HEADER = 8 << 20  # bytes that hold the whole header; behind it is a hole


@pytest.fixture
def here(made: Made, hub: HubServer, tmp_path: Path) -> Path:
    """A variant that another program has already put on this computer."""
    path = tmp_path / "home" / ".lmstudio" / "models" / FOURTEEN / Q4
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        content = hub.repos[FOURTEEN].files[Q4]
        file.write(content.read(0, _HEADER))
        file.truncate(content.size)
    made.open(made.results.index("Qwen3-14B-GGUF"))
    return path


def combo(made: Made, name: str) -> QComboBox:
    found = made.find(QComboBox, name)
    assert isinstance(found, QComboBox)
    return found


def number(made: Made, name: str) -> QSpinBox:
    found = made.find(QSpinBox, name)
    assert isinstance(found, QSpinBox)
    return found


def choose(box: QComboBox, qtbot: QtBot, text: str) -> None:
    box.setFocus()
    qtbot.keyClicks(box, text)
    assert box.currentText() == text


def weighed(made: Made) -> None:
    pane = made.page._repo
    made.wait(lambda: pane.view is not None and pane.view.controls == pane.controls.controls)


def run(made: Made, qtbot: QtBot, name: str = "Q4_K_M") -> LoadPlan:
    rows = made.page._repo.view
    assert rows is not None
    row = next(number for number, row in enumerate(rows.rows) if row.variant.name == name)
    made.table.setFocus()
    made.table.selectRow(row)
    with qtbot.waitSignal(made.page.run_requested) as told:
        qtbot.keyClick(made.table, Qt.Key.Key_Return)
    assert told.args is not None
    plan = told.args[0]
    assert isinstance(plan, LoadPlan)
    return plan


def more(made: Made, qtbot: QtBot) -> None:
    button = made.find(QAbstractButton, "pickerOpenMore")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert made.find(QWidget, "pickerMore").isVisible()


def test_what_runs_is_the_row(made: Made, here: Path, qtbot: QtBot) -> None:
    number(made, "contextExact").setValue(20_000)
    choose(combo(made, "kvType"), qtbot, "q8_0")
    number(made, "gpuLayers").setValue(12)
    more(made, qtbot)
    choose(combo(made, "loadCacheTypeV"), qtbot, "f16")
    choose(combo(made, "loadFlashAttention"), qtbot, "on")
    number(made, "loadThreads").setValue(3)
    weighed(made)
    view = made.page._repo.view
    assert view is not None
    row = next(row for row in view.rows if row.variant.name == "Q4_K_M")
    plan = run(made, qtbot)
    asked = LoadSettings(20_000, "q8_0", "f16", "on", 12, None, 3)
    assert plan.path == here and plan.asked == asked
    assert plan.fit == row.option.fit and plan.fit is not None
    assert (plan.context, plan.kv_types, plan.gpu_layers, plan.threads) == (20_224, ("q8_0", "f16"), 12, 3)
    for ref in (plan.ref, ModelRef("", hub_identity(FOURTEEN, Q4))):
        assert made.planning.settings_of(ref) == asked, "in both its names"


def test_the_fields_count_even_before_the_figures_have_followed(made: Made, here: Path, qtbot: QtBot) -> None:
    made.table.selectRow(0)
    made.find(QComboBox, "kvType").setCurrentText("q4_0")
    plan = run(made, qtbot)
    assert plan.kv_types == ("q4_0", "q4_0")


def test_another_machines_figures_are_not_this_ones(made: Made, here: Path, qtbot: QtBot) -> None:
    made.page._repo.controls.set_machine(profile("rtx-4090"))
    number(made, "contextExact").setValue(9000)
    number(made, "gpuLayers").setValue(40)
    weighed(made)
    told: list[object] = []
    made.page.notify.connect(told.append)
    plan = run(made, qtbot)
    assert told == [OTHER_MACHINE]
    assert plan.asked == LoadSettings(9000), "what was set for that machine's memory stays there"


def test_what_was_set_for_a_model_is_shown_with_it_and_not_with_others(made: Made, qtbot: QtBot) -> None:
    ref = ModelRef("", hub_identity(EIGHT, "Qwen3-8B-Q4_K_M.gguf"))
    made.planning.remember(ref, LoadSettings(50_000, "q8_0", "q4_0", gpu_layers=7, threads=2))
    context, keys = number(made, "contextExact"), combo(made, "kvType")
    context.setValue(6000)
    made.open(made.results.index("Qwen3-14B-GGUF"))
    assert (context.value(), keys.currentText()) == (6000, "auto · f16")
    made.open(made.results.index("Qwen3-8B-GGUF"))
    made.wait(lambda: context.value() == 50_000)
    assert keys.currentText() == "q8_0" and combo(made, "loadCacheTypeV").currentText() == "q4_0"
    assert number(made, "gpuLayers").value() == 7 and number(made, "loadThreads").value() == 2
    assert "trained for 40,960" in made.text("pickerProblem"), "beyond that it is shown, and what comes of it"
    weighed(made)
    made.open(made.results.index("Qwen3-14B-GGUF"))
    made.wait(lambda: context.value() == 6000)
    assert keys.currentText() == "auto · f16" and number(made, "gpuLayers").value() == -1


def test_what_no_engine_can_do_is_said_and_not_weighed(made: Made, qtbot: QtBot) -> None:
    made.open(0)
    choose(combo(made, "kvType"), qtbot, "q8_0")
    weighed(made)
    before = made.cells(0)
    more(made, qtbot)
    choose(combo(made, "loadFlashAttention"), qtbot, "off")
    assert "need flash attention" in made.text("pickerProblem")
    assert made.cells(0) == before
    choose(combo(made, "loadCacheTypeV"), qtbot, "f16")
    made.wait(lambda: made.cells(0) != before)
    assert made.text("pickerProblem") == ""


@pytest.mark.parametrize(("width", "height"), [(744, 490), (1204, 740)])
def test_nothing_is_cut_off_with_all_fields_open(made: Made, width: int, height: int, qtbot: QtBot) -> None:
    made.open(0)
    more(made, qtbot)
    number(made, "contextExact").setValue(100_000)
    made.page.resize(width, height)
    for name in ("pickerMore", "pickerControls"):
        there = made.find(QWidget, name)

        def whole(part: QWidget = there) -> bool:
            return not [words for words in cut(part) if "machineMenu" not in words]

        made.wait(whole)


def test_unequal_gpus_are_each_named_in_the_words_of_a_machine() -> None:
    card = Gpu("RTX 4090", total_bytes=24 << 30)
    gpus = (card, card, Gpu("RTX 3060", total_bytes=12 << 30), Gpu("UHD Graphics 770", shared_memory=True))
    machine = Machine(Cpu("x"), Memory(32 << 30), gpus)
    assert machine_words(machine) == "2 × RTX 4090 24 GB + RTX 3060 12 GB + UHD Graphics 770 + 32 GB"
    assert machine_words(Machine(Cpu("x"), Memory(33_300_000_000))) == "CPU with 33.3 GB of memory", "as Machine has it"
    lent = Gpu("RTX 4090 of studio", total_bytes=24 << 30, worker="studio")
    assert machine_words(msgspec.structs.replace(machine, gpus=(*machine.gpus, lent))) == machine_words(machine)
