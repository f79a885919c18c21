"""How a model is loaded, set and planned in the panel that Library and Chat share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QLabel,
    QLineEdit,
    QProgressBar,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot
from support.fitting import cut
from support.forge_shapes import llama_8b, qwen3_30b_a3b
from support.planning import GB, planning_on
from support.widgets import find, label, shown

from desktop.core.hardware import Cpu, Gpu, Machine, Memory
from desktop.core.load_settings import LOAD_FIELDS, LoadSettings
from desktop.core.model_ref import ModelRef, local_ref
from desktop.core.speed import Rate, Speeds
from desktop.core.text import plain_tooltip
from desktop.services.container import Container
from desktop.services.planning.service import PlanningService
from desktop.services.planning.words import speed
from desktop.store.paths import Paths
from desktop.ui.shared.load_fields import LoadFields
from desktop.ui.shared.load_panel import LoadPanel
from desktop.ui.shell.tasks import Tasks


@pytest.fixture
def planning(paths: Paths) -> PlanningService:
    return planning_on(paths)


@pytest.fixture
def dense(tmp_path: Path) -> ModelRef:
    return local_ref(llama_8b().write(tmp_path / "dense.gguf"))


@pytest.fixture
def experts(tmp_path: Path) -> ModelRef:
    return local_ref(qwen3_30b_a3b().write(tmp_path / "experts.gguf"))


@pytest.fixture
def panel(planning: PlanningService, tasks: Tasks, qtbot: QtBot) -> Iterator[LoadPanel]:
    made = LoadPanel(lambda: planning, tasks)
    failures: list[object] = []
    made.failed.connect(failures.append)
    holder = QWidget()
    QVBoxLayout(holder).addWidget(made)
    shown(qtbot, holder, 720, 280)
    yield made
    assert failures == []


def show(panel: LoadPanel, ref: ModelRef, qtbot: QtBot) -> None:
    with qtbot.waitSignal(panel.planned):
        panel.show_model(ref)


def type_context(panel: LoadPanel, qtbot: QtBot, text: str) -> None:
    field = find(panel, QComboBox, "loadContext").lineEdit()
    assert field is not None
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, text)
    qtbot.keyClick(field, Qt.Key.Key_Return)


def choose(panel: LoadPanel, qtbot: QtBot, name: str, text: str) -> None:
    box = find(panel, QComboBox, name)
    box.setFocus()
    while box.currentText() != text:
        before = box.currentIndex()
        qtbot.keyClick(box, Qt.Key.Key_Down)
        assert box.currentIndex() != before, text


def test_what_is_unset_shows_what_heft_decides(panel: LoadPanel, dense: ModelRef, qtbot: QtBot) -> None:
    show(panel, dense, qtbot)
    assert find(panel, QComboBox, "loadContext").currentText() == "auto · 4,096"
    assert find(panel, QComboBox, "loadCacheTypeK").currentText() == "auto · f16"
    assert find(panel, QSpinBox, "loadThreads").text().startswith("auto · ")
    layers = find(panel, QSpinBox, "loadGpuLayers")
    assert layers.text() == "no GPU" and not layers.isEnabled()
    assert not find(panel, QAbstractButton, "loadReset").isEnabled()
    assert label(panel, "planMemory0").endswith("/ 11.0 GB") and label(panel, "planContext").endswith(" tokens")
    assert find(panel, QProgressBar, "planBar0").value() > 0
    for field in LOAD_FIELDS:
        editor = find(panel, QWidget, "load" + field.name.title().replace("_", ""))
        said = plain_tooltip(field.explanation).removesuffix("</qt>")  # of the cache's types also what they cost here
        assert editor.toolTip().startswith(said) and editor.accessibleName() == field.label


def test_the_running_model_keeps_its_plan_and_has_the_speed_that_is_predicted_now(
    panel: LoadPanel, dense: ModelRef, planning: PlanningService, qtbot: QtBot
) -> None:
    now = planning.for_load(dense)
    assert now.speeds is not None
    rate = Rate(1.0, 1.0, 1.0)
    running = replace(now, speeds=Speeds(rate, rate, now.context))
    with qtbot.waitSignal(panel.planned):
        panel.show_model(dense, running)
    assert label(panel, "planSpeed") == speed(now.speeds) != speed(running.speeds)
    assert panel.plan is not None and panel.plan.fit is running.fit


def test_a_change_is_remembered_and_planned(
    panel: LoadPanel, dense: ModelRef, planning: PlanningService, qtbot: QtBot
) -> None:
    show(panel, dense, qtbot)
    before = label(panel, "planMemory0")
    with qtbot.waitSignal(panel.planned):
        type_context(panel, qtbot, "16k")
    assert label(panel, "planMemory0") != before
    with qtbot.waitSignal(panel.planned):
        choose(panel, qtbot, "loadCacheTypeK", "q8_0")
    assert planning.settings_of(dense) == LoadSettings(16_384, "q8_0")
    assert panel.plan is not None and panel.plan.kv_types == ("q8_0", "f16")
    with qtbot.waitSignal(panel.planned):
        qtbot.mouseClick(find(panel, QAbstractButton, "loadReset"), Qt.MouseButton.LeftButton)
    assert planning.settings_of(dense).unset and label(panel, "planMemory0") == before
    assert find(panel, QComboBox, "loadContext").currentText() == "auto · 4,096"


def test_the_context_that_the_engine_rounds_to_is_said_and_what_was_typed_stays(
    panel: LoadPanel, dense: ModelRef, planning: PlanningService, qtbot: QtBot
) -> None:
    show(panel, dense, qtbot)
    assert not find(panel, QLabel, "planRemarks").isVisible()
    with qtbot.waitSignal(panel.planned):
        type_context(panel, qtbot, "300")
    assert "512 tokens" in label(panel, "planRemarks") and "300" in label(panel, "planRemarks")
    assert find(panel, QComboBox, "loadContext").currentText() == "300"
    assert planning.settings_of(dense) == LoadSettings(300)
    assert panel.plan is not None and panel.plan.context == 512
    memory = label(panel, "planMemory0")
    with qtbot.waitSignal(panel.planned):
        type_context(panel, qtbot, "512")
    assert label(panel, "planMemory0") == memory and not find(panel, QLabel, "planRemarks").isVisible()


def test_what_a_quantized_cache_costs_is_said_where_it_is_chosen(
    panel: LoadPanel, dense: ModelRef, qtbot: QtBot
) -> None:
    show(panel, dense, qtbot)
    for kind, words in {"q8_0": "KL divergence 0.001 or less", "q5_1": "no measurement", "q4_0": "tool calls"}.items():
        with qtbot.waitSignal(panel.planned):
            choose(panel, qtbot, "loadCacheTypeK", kind)
        said = label(panel, "planRemarks")
        assert kind in said and words in said and find(panel, QLabel, "planRemarks").isVisible()
    with qtbot.waitSignal(panel.planned):
        qtbot.mouseClick(find(panel, QAbstractButton, "loadReset"), Qt.MouseButton.LeftButton)
    assert not find(panel, QLabel, "planRemarks").isVisible()


def test_beyond_training_and_too_large_are_said(panel: LoadPanel, dense: ModelRef, qtbot: QtBot) -> None:
    show(panel, dense, qtbot)
    trained = panel.plan.trained_context if panel.plan else 0
    with qtbot.waitSignal(panel.planned):
        type_context(panel, qtbot, str(2 * trained))
    notes = label(panel, "planNotes")
    assert f"trained for {trained:,}" in notes and "Too large by" in notes
    assert find(panel, QProgressBar, "planBar0").property("role") == "over"


def test_more_threads_than_cores_are_said_in_the_words_of_the_commands(
    panel: LoadPanel, dense: ModelRef, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desktop.services.planning.service.physical_threads", lambda: 2)
    show(panel, dense, qtbot)
    assert "threads" not in label(panel, "planNotes")
    with qtbot.waitSignal(panel.planned):
        find(panel, QSpinBox, "loadThreads").setValue(999)
    notes = label(panel, "planNotes")
    assert "999 threads share 2 cores: more threads than cores wait for one another" in notes


def test_what_no_engine_can_do_is_said_and_not_remembered(
    panel: LoadPanel, dense: ModelRef, planning: PlanningService, qtbot: QtBot
) -> None:
    show(panel, dense, qtbot)
    with qtbot.waitSignal(panel.planned):
        choose(panel, qtbot, "loadCacheTypeV", "q8_0")
    choose(panel, qtbot, "loadFlashAttention", "off")
    qtbot.waitUntil(lambda: "need flash attention" in label(panel, "planNotes"))
    done: list[int] = []
    panel.when_kept(lambda: done.append(1))
    assert done == [1] and planning.settings_of(dense) in (
        LoadSettings(cache_type_v="q8_0"),
        LoadSettings(cache_type_v="q8_0", flash_attention="on"),
    )


def test_a_draft_model_is_named_and_what_cannot_guess_is_said(
    tasks: Tasks, qtbot: QtBot, paths: Paths, dense: ModelRef
) -> None:
    with Container(paths) as container:
        panel = LoadPanel(lambda: container.planning, tasks)
        shown(qtbot, panel, 720, 320)
        show(panel, dense, qtbot)
        draft, kind = find(panel, QLineEdit, "loadDraft"), find(panel, QComboBox, "loadSpeculation")
        assert (draft.text(), draft.placeholderText(), kind.currentText()) == ("", "none", "auto · off")
        choose(panel, qtbot, "loadSpeculation", "draft")
        qtbot.waitUntil(lambda: "draft model needs one" in label(panel, "planNotes"))
        draft.setFocus()
        qtbot.keyClicks(draft, "small.gguf")
        qtbot.keyClick(draft, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: container.planning.settings_of(dense).draft == "small.gguf")
        qtbot.waitUntil(lambda: "small.gguf" in label(panel, "planNotes"))  # there is none of that name
        choose(panel, qtbot, "loadSpeculation", "mtp")
        qtbot.waitUntil(lambda: "no layers for multi-token prediction" in label(panel, "planNotes"))
        assert container.planning.settings_of(dense) == LoadSettings(speculation="mtp", draft="small.gguf")
        with qtbot.waitSignal(panel.planned):
            qtbot.mouseClick(find(panel, QAbstractButton, "loadReset"), Qt.MouseButton.LeftButton)
        assert draft.text() == "" and container.planning.settings_of(dense).unset


def test_only_a_model_of_experts_has_the_field_for_them(
    panel: LoadPanel, dense: ModelRef, experts: ModelRef, qtbot: QtBot
) -> None:
    show(panel, dense, qtbot)
    assert not find(panel, QSpinBox, "loadCpuExpertLayers").isVisible()
    show(panel, experts, qtbot)
    assert find(panel, QSpinBox, "loadCpuExpertLayers").isVisible()


def test_a_change_on_the_way_to_another_model_or_to_a_load_is_kept(
    panel: LoadPanel, dense: ModelRef, experts: ModelRef, planning: PlanningService, qtbot: QtBot
) -> None:
    show(panel, dense, qtbot)
    type_context(panel, qtbot, "2k")
    seen: list[LoadSettings] = []
    panel.when_kept(lambda: seen.append(planning.settings_of(dense)))
    qtbot.waitUntil(lambda: bool(seen))
    assert seen == [LoadSettings(2048)]
    type_context(panel, qtbot, "1k")
    panel.show_model(experts)
    qtbot.waitUntil(lambda: planning.settings_of(dense) == LoadSettings(1024))
    qtbot.waitUntil(lambda: panel.plan is not None and panel.plan.ref == experts)
    assert planning.settings_of(experts).unset


@pytest.mark.parametrize("width", [250, 420, 700, 1100])
def test_nothing_is_cut_off(panel: LoadPanel, experts: ModelRef, width: int, qtbot: QtBot) -> None:
    show(panel, experts, qtbot)
    panel.window().resize(width, 700)  # pages scroll it where there is less
    qtbot.waitUntil(lambda: panel.window().width() == width and not cut(panel))


def test_how_many_tokens_are_read_at_once_is_set_and_planned(panel: LoadPanel, dense: ModelRef, qtbot: QtBot) -> None:
    show(panel, dense, qtbot)
    field = find(panel, QSpinBox, "loadBatch")
    assert field.text() == "auto · 512" and panel.plan is not None and panel.plan.fit is not None
    before = panel.plan.fit.memory.compute_bytes
    field.setFocus()
    field.selectAll()
    with qtbot.waitSignal(panel.planned):
        qtbot.keyClicks(field, "2048")
        qtbot.keyClick(field, Qt.Key.Key_Return)
    assert panel.plan.settings.batch == 2048 and panel.plan.fit.memory.compute_bytes > 2 * before


def test_devices_are_set_by_hand_only_where_there_are_several(
    panel: LoadPanel, dense: ModelRef, paths: Paths, tasks: Tasks, qtbot: QtBot
) -> None:
    show(panel, dense, qtbot)
    hidden = ("loadTensorSplit", "loadMainDevice", "loadKvOffload")
    assert not any(find(panel, QWidget, name).isVisible() for name in hidden)
    cards = (Gpu("RTX 4070", total_bytes=12 * GB), Gpu("RTX 3050", total_bytes=4 * GB))
    planning = planning_on(paths, Machine(Cpu("here"), Memory(16 * GB, 12 * GB), cards))
    fields = LoadFields()
    shown(qtbot, fields, 720, 280)
    fields.show_plan(planning.for_load(dense, method="estimate"))
    assert all(find(fields, QWidget, name).isVisible() for name in hidden)
    assert find(fields, QLineEdit, "loadTensorSplit").placeholderText() == "26,7"
    assert find(fields, QComboBox, "loadKvOffload").currentText() == "auto · on"
    fields.set_settings(LoadSettings(main_device="CUDA1"))
    fields.show_plan(planning_on(paths).for_load(dense))
    assert find(fields, QWidget, "loadMainDevice").isVisible()  # so that it can be unset
    assert not find(fields, QWidget, "loadTensorSplit").isVisible()
