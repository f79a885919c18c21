"""Devices set by hand in the panel of a load: switched, put in order, shared, as a person does it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QLabel,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot
from support.fitting import cut
from support.forge_shapes import llama_8b, qwen3_30b_a3b
from support.planning import GB, planning_on
from support.walker import Walker, settled
from support.widgets import click, find, label, shown

from desktop.core.hardware import Cpu, EngineInfo, Gpu, GpuProcess, Machine, Memory
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import ModelRef, local_ref
from desktop.services.planning.service import PlanningService
from desktop.store.paths import Paths
from desktop.ui.shared.load_panel import LoadPanel
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme

CARD = Gpu(
    "NVIDIA GeForce RTX 4070", "nvidia", 12 * GB, 9 * GB, probe="nvml", engine_devices=("CUDA0", "Vulkan0"),
    processes=(GpuProcess(7, "Blender", 2 * GB),),
)  # fmt: skip
SMALL = Gpu("NVIDIA GeForce RTX 3050", "nvidia", 4 * GB, 3 * GB, probe="nvml", engine_devices=("CUDA1",))
SOFTWARE = Gpu("llvmpipe", total_bytes=2 * GB, free_bytes=2 * GB, kind="software", engine_devices=("Vulkan1",))
LENT = Gpu("RTX 4090 of studio", "", 24 * GB, 22 * GB, kind="remote", engine_devices=("RPC0",), worker="studio")


@pytest.fixture
def gpus() -> tuple[Gpu, ...]:
    return CARD, SMALL, SOFTWARE


@pytest.fixture
def planning(paths: Paths, gpus: tuple[Gpu, ...], monkeypatch: pytest.MonkeyPatch) -> PlanningService:
    """Of a computer with these devices, by formulas."""
    machine = Machine(Cpu("here"), Memory(16 * GB, 12 * GB), gpus, engine=EngineInfo("llama.cpp b1"))
    made = planning_on(paths, machine)
    monkeypatch.setattr(made, "for_load", partial(made.for_load, method="estimate"))
    return made


@pytest.fixture
def dense(tmp_path: Path) -> ModelRef:
    return local_ref(llama_8b().write(tmp_path / "dense.gguf"))


@pytest.fixture
def panel(planning: PlanningService, tasks: Tasks, theme: Theme, qtbot: QtBot) -> Iterator[LoadPanel]:
    made = LoadPanel(lambda: planning, tasks)
    holder = QWidget()
    QVBoxLayout(holder).addWidget(made)
    scroll = QScrollArea()
    scroll.setObjectName("holder")
    scroll.setWidgetResizable(True)
    scroll.setWidget(holder)
    shown(qtbot, scroll, 720, 700)
    yield made


def show(panel: LoadPanel, ref: ModelRef, qtbot: QtBot) -> None:
    with qtbot.waitSignal(panel.planned):
        panel.show_model(ref)


def rows(panel: LoadPanel) -> list[tuple[str, bool]]:
    """The devices from top to bottom, and whether each is on."""
    boxes = [box for box in panel.findChildren(QCheckBox) if box.isVisible()]
    boxes.sort(key=lambda box: box.mapTo(panel, QPoint(0, 0)).y())
    return [(box.accessibleName().removeprefix("Use "), box.isChecked()) for box in boxes]


def number(panel: LoadPanel, name: str) -> int:
    """The number of a device's row."""
    box = next(box for box in panel.findChildren(QCheckBox) if box.accessibleName() == f"Use {name}")
    return int(box.objectName().removeprefix("loadDevice"))


def turn(panel: LoadPanel, qtbot: QtBot, name: str) -> None:
    """Switch a device by the keyboard, and wait for the plan that follows."""
    box = find(panel, QCheckBox, f"loadDevice{number(panel, name)}")
    with qtbot.waitSignal(panel.planned):
        box.setFocus()
        qtbot.keyClick(box, Qt.Key.Key_Space)


def taken(panel: LoadPanel, name: str) -> str:
    return label(panel, f"loadDevice{number(panel, name)}Takes")


def share(panel: LoadPanel, name: str) -> QDoubleSpinBox:
    return find(panel, QDoubleSpinBox, f"loadDevice{number(panel, name)}Share")


def press(panel: LoadPanel, qtbot: QtBot, name: str, way: str) -> None:
    """Move a device by its button and the keyboard."""
    button = find(panel, QAbstractButton, f"loadDevice{number(panel, name)}{way}")
    with qtbot.waitSignal(panel.planned):
        button.setFocus()
        qtbot.keyClick(button, Qt.Key.Key_Space)


def test_each_device_says_what_it_is_what_is_free_and_what_the_plan_puts_there(
    panel: LoadPanel, dense: ModelRef, qtbot: QtBot
) -> None:
    show(panel, dense, qtbot)
    assert rows(panel) == [(CARD.name, True), (SMALL.name, True), ("llvmpipe", False)]
    assert label(panel, "loadDevice0About") == "CUDA0 · 8.4 GB of 12.0 GB free · Blender holds 2.0 GB"
    assert "a driver in software, slower than the processor" in label(panel, "loadDevice2About")
    assert find(panel, QLabel, "loadDevicesBy").text() == "chosen by Heft"
    plan = panel.plan
    assert plan is not None and plan.fit is not None and len(plan.fit.pools) == 3
    for name, held in zip((CARD.name, SMALL.name), plan.fit.gpu_shares, strict=True):
        assert taken(panel, name).startswith("Takes ~ ") and taken(panel, name).endswith(f": {held} layers")
        assert share(panel, name).value() == held and share(panel, name).isVisible()
    assert taken(panel, "llvmpipe") == "" and not share(panel, "llvmpipe").isVisible()
    described = find(panel, QCheckBox, "loadDevice0").accessibleDescription()
    assert "8.4 GB of 12.0 GB free" in described and "Takes" in described


def test_devices_are_switched_and_the_plan_follows(
    panel: LoadPanel, dense: ModelRef, planning: PlanningService, qtbot: QtBot
) -> None:
    show(panel, dense, qtbot)
    turn(panel, qtbot, SMALL.name)
    auto = find(panel, QAbstractButton, "loadDevicesAuto")
    auto.setFocus()
    qtbot.keyClick(auto, Qt.Key.Key_Tab)
    assert find(panel, QCheckBox, f"loadDevice{number(panel, CARD.name)}").hasFocus()
    assert planning.settings_of(dense) == LoadSettings(devices="CUDA0")
    assert taken(panel, CARD.name).endswith(": 33 layers") and taken(panel, SMALL.name) == ""
    assert not share(panel, CARD.name).isVisible() and not find(panel, QComboBox, "loadMainDevice").isVisible()
    assert find(panel, QLabel, "loadDevicesBy").text() == "set by hand"
    assert find(panel, QComboBox, "loadKvOffload").isVisible()
    turn(panel, qtbot, CARD.name)
    assert planning.settings_of(dense).devices == "none"
    assert panel.plan is not None and panel.plan.gpu_layers == 0
    assert not find(panel, QComboBox, "loadKvOffload").isVisible()
    turn(panel, qtbot, "llvmpipe")
    assert planning.settings_of(dense).devices == "Vulkan1"
    assert rows(panel) == [(CARD.name, False), (SMALL.name, False), ("llvmpipe", True)]  # nothing moved meanwhile
    with qtbot.waitSignal(panel.planned):
        click(qtbot, panel, "loadDevicesAuto")
    assert planning.settings_of(dense).unset
    assert rows(panel) == [(CARD.name, True), (SMALL.name, True), ("llvmpipe", False)]
    assert not find(panel, QAbstractButton, "loadDevicesAuto").isEnabled()


def test_the_order_is_changed_by_the_keyboard_which_stays_with_the_device(
    panel: LoadPanel, dense: ModelRef, planning: PlanningService, qtbot: QtBot
) -> None:
    show(panel, dense, qtbot)
    earlier = find(panel, QAbstractButton, f"loadDevice{number(panel, SMALL.name)}Earlier")
    later = find(panel, QAbstractButton, f"loadDevice{number(panel, SMALL.name)}Later")
    press(panel, qtbot, SMALL.name, "Earlier")
    assert rows(panel)[:2] == [(SMALL.name, True), (CARD.name, True)]
    assert planning.settings_of(dense).devices == "CUDA1,CUDA0"
    assert not earlier.isEnabled() and later.hasFocus()  # it is the first: the other button goes on
    qtbot.keyClick(later, Qt.Key.Key_Tab, Qt.KeyboardModifier.ShiftModifier)
    assert find(panel, QCheckBox, f"loadDevice{number(panel, SMALL.name)}").hasFocus()
    press(panel, qtbot, SMALL.name, "Later")
    assert planning.settings_of(dense).unset and later.hasFocus()
    later.setFocus()
    qtbot.keyClick(later, Qt.Key.Key_Tab)
    qtbot.keyClick(share(panel, SMALL.name), Qt.Key.Key_Tab)
    assert find(panel, QCheckBox, f"loadDevice{number(panel, 'llvmpipe')}").hasFocus()  # as the rows stand


def test_a_device_is_dragged_to_its_place(
    panel: LoadPanel, dense: ModelRef, planning: PlanningService, qtbot: QtBot
) -> None:
    show(panel, dense, qtbot)
    grip = find(panel, QWidget, f"loadDevice{number(panel, CARD.name)}Grip")
    below = find(panel, QWidget, f"loadDevice{number(panel, SMALL.name)}Row")
    start = grip.rect().center()
    down = below.mapTo(grip.window(), below.rect().bottomLeft()).y() - grip.mapTo(grip.window(), start).y()
    with qtbot.waitSignal(panel.planned):
        QTest.mousePress(grip, Qt.MouseButton.LeftButton, pos=start)
        QTest.mouseMove(grip, start + QPoint(0, 3))
        assert rows(panel)[0] == (CARD.name, True)  # not past the middle of another one yet
        QTest.mouseMove(grip, start + QPoint(0, down))
        assert rows(panel)[:2] == [(SMALL.name, True), (CARD.name, True)]
        QTest.mouseRelease(grip, Qt.MouseButton.LeftButton, pos=start)
    assert planning.settings_of(dense).devices == "CUDA1,CUDA0"


def test_shares_are_set_as_numbers_and_left_to_heft_again(
    panel: LoadPanel, dense: ModelRef, planning: PlanningService, qtbot: QtBot
) -> None:
    show(panel, dense, qtbot)
    by, main = find(panel, QComboBox, "loadTensorSplit"), find(panel, QComboBox, "loadMainDevice")
    planned = panel.plan.tensor_split if panel.plan is not None else ""
    assert by.currentText() == f"auto · {planned}"
    field = share(panel, SMALL.name)
    field.setFocus()
    field.selectAll()
    with qtbot.waitSignal(panel.planned):
        qtbot.keyClicks(field, "20")
        qtbot.keyClick(field, Qt.Key.Key_Return)
    first = planned.split(",")[0]
    assert planning.settings_of(dense) == LoadSettings(tensor_split=f"{first},20")
    assert by.currentText() == "by hand" and panel.plan is not None
    assert taken(panel, SMALL.name).endswith(f": {panel.plan.tensor_split.split(',')[1]} layers")
    main.setFocus()
    with qtbot.waitSignal(panel.planned):
        qtbot.keyClick(main, Qt.Key.Key_Down)
    assert planning.settings_of(dense) == LoadSettings(main_device="CUDA0")  # shares put layers on all of them
    with qtbot.waitSignal(panel.planned):
        by.setFocus()
        qtbot.keyClick(by, Qt.Key.Key_Down)
    kept = planning.settings_of(dense)
    assert kept.tensor_split and kept.main_device is None
    with qtbot.waitSignal(panel.planned):
        qtbot.keyClick(by, Qt.Key.Key_Up)
    assert planning.settings_of(dense).unset and by.currentText().startswith("auto · ")


def test_shares_of_nothing_are_said_and_not_remembered(
    panel: LoadPanel, dense: ModelRef, planning: PlanningService, qtbot: QtBot
) -> None:
    planning.remember(dense, LoadSettings(tensor_split="1,0"))
    show(panel, dense, qtbot)
    assert taken(panel, SMALL.name).startswith("Takes nothing")
    field = share(panel, CARD.name)
    field.setFocus()
    qtbot.keyClick(field, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: "Shares of nothing" in label(panel, "planNotes"))
    assert planning.settings_of(dense).tensor_split == "1,0"


def test_a_device_that_is_gone_is_shown_and_switched_off(
    panel: LoadPanel, dense: ModelRef, planning: PlanningService, qtbot: QtBot
) -> None:
    planning.remember(dense, LoadSettings(8192, devices="CUDA9"))
    panel.show_model(dense)
    qtbot.waitUntil(lambda: "The device CUDA9" in label(panel, "planNotes"))
    assert "or leave it to Heft" in label(panel, "planNotes")
    assert rows(panel)[0] == ("CUDA9", True)
    assert label(panel, f"loadDevice{number(panel, 'CUDA9')}About") == "not there now"
    assert find(panel, QComboBox, "loadContext").currentText() == "8,192"  # the rest is shown as it was set
    assert find(panel, QAbstractButton, "loadReset").isEnabled()
    box = find(panel, QCheckBox, f"loadDevice{number(panel, CARD.name)}")
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Space)  # with CUDA9 it still cannot be planned
    qtbot.waitUntil(lambda: planning.settings_of(dense) == LoadSettings(8192, devices="CUDA9,CUDA0"))
    turn(panel, qtbot, "CUDA9")
    assert planning.settings_of(dense) == LoadSettings(8192, devices="CUDA0")
    qtbot.waitUntil(lambda: rows(panel) == [(CARD.name, True), (SMALL.name, False), ("llvmpipe", False)])
    assert taken(panel, CARD.name).endswith(": 33 layers")


@pytest.mark.parametrize("gpus", [(CARD, LENT)])
def test_another_computer_s_device_is_switched_on_by_its_name(
    panel: LoadPanel, dense: ModelRef, planning: PlanningService, qtbot: QtBot
) -> None:
    show(panel, dense, qtbot)
    assert rows(panel) == [(CARD.name, True), (LENT.name, False)]
    assert label(panel, "loadDevice1About").endswith("lent by studio")
    turn(panel, qtbot, LENT.name)
    assert planning.settings_of(dense).devices == "here,@studio"


@pytest.mark.parametrize("width", [270, 420, 700, 1100])
def test_nothing_is_cut_off(panel: LoadPanel, tmp_path: Path, width: int, qtbot: QtBot) -> None:
    experts = local_ref(qwen3_30b_a3b().write(tmp_path / "experts.gguf"))
    show(panel, experts, qtbot)
    assert find(panel, QSpinBox, "loadCpuExpertLayers").isVisible()
    panel.window().resize(width, 700)
    qtbot.waitUntil(lambda: panel.window().width() == width and not cut(panel.window()))


def test_a_page_that_does_not_scroll_by_itself_gets_the_height_that_the_words_need(
    planning: PlanningService, tasks: Tasks, theme: Theme, tmp_path: Path, qtbot: QtBot
) -> None:
    made = LoadPanel(lambda: planning, tasks)
    page = QWidget()
    QVBoxLayout(page).addWidget(made)
    shown(qtbot, page, 690, 200)
    show(made, local_ref(qwen3_30b_a3b().write(tmp_path / "experts.gguf")), qtbot)
    assert taken(made, SMALL.name).startswith("Left out: ")
    qtbot.waitUntil(lambda: page.height() > 500 and not cut(page))


def test_each_control_has_a_name_of_its_own(panel: LoadPanel, dense: ModelRef, qtbot: QtBot) -> None:
    show(panel, dense, qtbot)
    fields = find(panel, QWidget, "loadDeviceFields")
    kinds = QAbstractButton | QComboBox | QDoubleSpinBox
    controls = [one for one in fields.findChildren(QWidget) if isinstance(one, kinds) and one.isVisible()]
    names = [one.accessibleName() for one in controls]
    assert len(controls) > 12 and all(names) and len(set(names)) == len(names)
    assert all(one.objectName() for one in controls)


def test_all_of_it_can_be_pressed(panel: LoadPanel, dense: ModelRef, qtbot: QtBot) -> None:
    show(panel, dense, qtbot)
    with Walker(panel.window(), settled(0.0, lambda: True, 1.0)) as walker:
        walker.walk("panel", lambda: panel.show_model(dense))
    assert walker.faults == [] and walker.silent == []
    pressed = "\n".join(walker.pressed)
    for name in ("loadDevice0 on", "loadDevice2 off", "loadDevice1Earlier", "loadDevice0Later", "loadDevicesAuto"):
        assert name in pressed, name
    kept: list[int] = []
    panel.when_kept(lambda: kept.append(1))
    qtbot.waitUntil(lambda: bool(kept))


@pytest.mark.parametrize("gpus", [()])
def test_where_there_is_no_device_there_is_no_list(panel: LoadPanel, dense: ModelRef, qtbot: QtBot) -> None:
    show(panel, dense, qtbot)
    assert not find(panel, QWidget, "loadDevices").isVisible() and rows(panel) == []
    assert find(panel, QSpinBox, "loadGpuLayers").text() == "no GPU"
