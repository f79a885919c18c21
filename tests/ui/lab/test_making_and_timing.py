"""Importance matrices, mixes for a size and speed tests in the Lab, driven as a person does, over scripted helpers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QComboBox, QFileDialog, QLabel, QLineEdit, QPushButton, QTableView, QVBoxLayout
from pytestqt.qtbot import QtBot
from support import gguf_bytes as g
from support.cut import faults
from support.gate import Gate
from support.planning import planning_on
from support.scripted_lab import ScriptedCollector, ScriptedQuantizer
from support.scripted_speed import THEIRS, ScriptedSensitivity, further_services
from support.widgets import click, find, label, shown

from desktop.core.bench_rows import read_rows, to_json
from desktop.core.quantize_recipe import Recipe
from desktop.services.discover.tables import DataTables
from desktop.services.jobs import JobService
from desktop.services.lab import quantizing
from desktop.services.lab.benching import matrix
from desktop.services.lab.hashes import FileHashes
from desktop.services.lab.quantizing import QuantizingService
from desktop.services.models.library import LibraryService
from desktop.store.measurements import MeasurementStore
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore
from desktop.ui.lab.benchmark_tab import BenchmarkTab
from desktop.ui.lab.further import FurtherServices
from desktop.ui.lab.further_actions import FURTHER_ACTIONS, LAB_MODEL
from desktop.ui.lab.heat_map import HeatMap
from desktop.ui.lab.matrix_card import MatrixCard
from desktop.ui.lab.size_card import SizeCard
from desktop.ui.lab.speed_chart import SpeedChart
from desktop.ui.shared.reflow import Column, DownwardScroll
from desktop.ui.shell.page import Page
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme


@pytest.fixture
def model(paths: Paths) -> Path:
    made = g.model(kind=1, file_type=1, tokenizer__ggml__model="gpt2")
    made.tensors = [("token_embd.weight", (256, 64), 1)]
    for layer in range(2):
        name = f"blk.{layer}"
        made.tensors += [
            (f"{name}.attn_norm.weight", (256,), 0),
            (f"{name}.attn_v.weight", (256, 64), 1),
            (f"{name}.ffn_up.weight", (256, 512), 1),
        ]
    return made.write(paths.models / "m-F16.gguf")


@pytest.fixture
def services(model: Path, paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FurtherServices]:
    gate = Gate()
    ScriptedQuantizer.gate = ScriptedCollector.gate = gate
    ScriptedQuantizer.asked, ScriptedCollector.collected = [], []
    ScriptedSensitivity.names = tuple(
        f"{name}.weight"
        for name in ("token_embd", *(f"blk.{n}.{role}" for n in (0, 1) for role in ("attn_v", "ffn_up")))
    )
    monkeypatch.setattr(quantizing, "Tool", ScriptedQuantizer)
    jobs = JobService()
    library = LibraryService(paths, SettingsStore(paths.settings), environ={}, home=tmp_path / "home")
    planning, hashes = planning_on(paths), FileHashes(paths.cache / "hashes.json")
    kept = MeasurementStore(paths.measurements)
    make = QuantizingService(paths, jobs, library, lambda: planning, lambda: DataTables().quality, hashes, kept)
    yield further_services(monkeypatch, paths, jobs, library, lambda: planning, hashes, make, ScriptedCollector)
    jobs.close()


class Held(Page):
    """A page of these parts alone."""

    def __init__(self, services: FurtherServices, tasks: Tasks, theme: Theme) -> None:
        super().__init__(None, FURTHER_ACTIONS)
        self.matrix = MatrixCard(services.importance, self.commands, tasks, theme)
        self.size_card = SizeCard(services.mixing, self.commands, tasks)
        self.benchmark = BenchmarkTab(services.benching, services.tuning, self.commands, tasks, theme)
        self.told: list[object] = []
        inside = Column()
        column = QVBoxLayout(inside)
        for part in (self.matrix, self.size_card, self.benchmark):
            column.addWidget(part)
            part.notify.connect(self.told.append)
        around = QVBoxLayout(self)
        around.addWidget(DownwardScroll("held", "Parts", inside))
        self.commands.allow(LAB_MODEL, True)


@pytest.fixture
def page(services: FurtherServices, model: Path, tasks: Tasks, theme: Theme, qtbot: QtBot) -> Held:
    made = shown(qtbot, Held(services, tasks, theme), 1204, 900)
    made.matrix.show_model(str(model))
    made.size_card.show_model(str(model))
    made.benchmark.show_model(str(model), "m-F16")
    return made


def until(qtbot: QtBot, check: Callable[[], bool]) -> None:
    qtbot.waitUntil(check, timeout=20_000)


def rows(page: Held, name: str) -> list[list[str]]:
    model = find(page, QTableView, name).model()
    return [
        [model.index(row, column).data() for column in range(model.columnCount())] for row in range(model.rowCount())
    ]


def test_a_matrix_is_made_and_shown_as_picture_and_table(page: Held, model: Path, qtbot: QtBot) -> None:
    picture = find(page, HeatMap, "labHeatMap")
    assert "There is none for this model yet" in label(page, "labMatrixWords") and not picture.isVisible()
    found: list[str] = []
    page.matrix.found.connect(found.append)
    find(page, QComboBox, "labMatrixText").setCurrentIndex(1)
    click(qtbot, page, "labMakeMatrix")
    until(qtbot, picture.isVisible)
    path = model.with_name("m.imatrix.gguf")
    assert path.exists() and found[-1] == str(path)
    assert label(page, "labMatrixWords") == "m.imatrix.gguf: 20 pieces of prose."
    assert any("m.imatrix.gguf was made from 20 pieces" in str(words) for words in page.told)
    assert ["blk.1.attn_v.weight", "9", "20%", "512"] in rows(page, "labMatrixTable")
    assert picture.shade(1, "attn_v") == 1.0 and picture.shade(0, "attn_v") == 0.0
    assert picture.cell(1, "ffn_down").left() > picture.cell(0, "ffn_down").left()
    page.matrix.show_model("")
    assert not picture.isVisible() and found[-1] == ""
    page.matrix.show_model(str(model))  # found again where it lies
    until(qtbot, picture.isVisible)


def test_a_size_gets_its_types_and_says_how(page: Held, model: Path, qtbot: QtBot) -> None:
    button = find(page, QPushButton, "labChooseMix")
    assert not button.isEnabled()
    size = find(page, QLineEdit, "labTargetSize")
    size.setText("nonsense")
    assert not button.isEnabled()
    chosen: list[tuple[Recipe, Path]] = []
    page.size_card.chosen.connect(lambda recipe, path: chosen.append((recipe, path)))
    size.setText("190 kB")
    click(qtbot, page, "labChooseMix")
    until(qtbot, lambda: bool(chosen or page.told))
    assert not page.told
    ((recipe, path),) = chosen
    assert path.name == "m-mix-190.0kB.gguf" and dict(recipe.tensor_types)[r"^token_embd\.weight$"]
    table = {row[0]: row for row in rows(page, "labMixTable")}
    assert table["attn_v first"][2].startswith("0.05") and table["attn_v last"][2].startswith("0.01")
    assert "expected KL divergence of" in label(page, "labSizeWords")
    size.setText("1 kB")
    click(qtbot, page, "labChooseMix")
    until(qtbot, lambda: bool(page.told))
    assert "cannot be made as small as" in str(page.told[0])
    page.told.clear()
    click(qtbot, page, "labLargest")  # which the engine has to plan, and there is none here
    until(qtbot, lambda: bool(page.told))
    assert "no engine" in str(page.told[0]) and size.text() == "1 kB"


def test_speeds_are_measured_exported_and_shown_beside_others(
    page: Held, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    until(qtbot, find(page, QPushButton, "labBench").isEnabled)
    assert label(page, "labBenchExpected").startswith("2 tests, 3 rounds")
    depths = find(page, QLineEdit, "labBenchDepths")
    depths.setText("0, x")
    depths.editingFinished.emit()
    assert "x" in label(page, "labBenchExpected") and not find(page, QPushButton, "labBench").isEnabled()
    depths.setText("0, 256")
    depths.editingFinished.emit()
    until(qtbot, lambda: label(page, "labBenchExpected").startswith("4 tests"))
    assert not find(page, QTableView, "labSpeeds").isVisible()
    click(qtbot, page, "labBench")
    until(qtbot, find(page, QTableView, "labSpeeds").isVisible)
    table = {row[0].split(" · ")[0]: row for row in rows(page, "labSpeeds")}
    assert table["pp512"][1] == "1000.0" and table["tg64 @ d256"][1] == "20.0" and table["pp512"][6] == "m-F16"
    assert "pp512" in find(page, SpeedChart, "labSpeedChart").accessibleDescription()
    click(qtbot, page, "labCopyBench")
    assert "| tg64 @ d256 |" in QGuiApplication.clipboard().text()
    out = tmp_path / "out"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: (str(out), "llama-bench's JSON (*.json)"))
    click(qtbot, page, "labExportBench")
    assert len(read_rows(out.with_suffix(".json").read_text())) == 4 and "was saved" in str(page.told[-1])
    theirs = tmp_path / "theirs.json"
    theirs.write_text(to_json([THEIRS]))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_args: (str(theirs), ""))
    click(qtbot, page, "labOpenBench")
    assert any("Their card" in row[6] and row[1] == "1004.3" for row in rows(page, "labSpeeds")), rows(
        page, "labSpeeds"
    )
    theirs.write_text("nothing")
    page.told.clear()
    click(qtbot, page, "labOpenBench")
    assert "holds no results" in str(page.told[0])


def test_what_was_timed_before_is_shown_with_its_model(
    page: Held, services: FurtherServices, model: Path, qtbot: QtBot
) -> None:
    tab, benching = find(page, BenchmarkTab, "labBenchmarkTab"), services.benching()
    assert not find(page, QTableView, "labSpeeds").isVisible()
    benching.measure(benching.prospect(str(model), matrix(generates=(16,)), 1))  # by a command, or a job of the start
    tab.look_again()
    until(qtbot, find(page, QTableView, "labSpeeds").isVisible)
    assert {row[0].split(" · ")[0] for row in rows(page, "labSpeeds")} == {"pp512", "tg16"}
    assert label(page, "labSpeedsWhen").startswith("Measured 20")
    tab.show_model("", "")
    until(qtbot, lambda: not find(page, QTableView, "labSpeeds").isVisible())
    tab.show_model(str(model), "m-F16")
    until(qtbot, find(page, QTableView, "labSpeeds").isVisible)


def test_the_fastest_settings_are_found_and_remembered(
    page: Held, services: FurtherServices, model: Path, qtbot: QtBot
) -> None:
    click(qtbot, page, "labTune")
    until(qtbot, find(page, QTableView, "labTuned").isVisible)
    words = label(page, "labTunedWords")
    assert words.startswith("Remembered for m-F16: flash_attention off") and "24 tokens per second" in words
    table = {row[0]: row for row in rows(page, "labTuned")}
    assert table["flash_attention off"][4] == "won" and table["as Heft would"][2] == "20.0"


@pytest.mark.parametrize("size", [(744, 420), (1204, 700)])
def test_nothing_is_cut(page: Held, model: Path, size: tuple[int, int], qtbot: QtBot) -> None:
    click(qtbot, page, "labMakeMatrix")
    until(qtbot, find(page, HeatMap, "labHeatMap").isVisible)
    until(qtbot, find(page, QPushButton, "labBench").isEnabled)
    click(qtbot, page, "labBench")
    until(qtbot, find(page, QTableView, "labSpeeds").isVisible)
    page.resize(*size)
    qtbot.waitUntil(lambda: page.width() == size[0])
    assert faults(page) == []
    assert find(page, QLabel, "labMatrixHeading").isVisible()
