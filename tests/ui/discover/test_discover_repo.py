"""A repo weighed on Discover: table, chart, reasons and controls say the same."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QAbstractButton, QComboBox, QFrame, QPushButton, QSpinBox, QWidget
from pytestqt.qtbot import QtBot
from support.discover_page import Made
from support.hub_server import HubServer
from support.published import profile
from support.starter_size import PARAMETERS_SAID, REPO, repo_of_starter

from desktop.ui.discover.context_slider import ContextSlider
from desktop.ui.discover.repo import RepoPane
from desktop.ui.discover.variant_model import ACTION, DOWNLOAD, MEMORY, QUALITY, SPEED, WHERE
from desktop.ui.shared import chosen_machine
from desktop.ui.shared.elided_label import ElidedLabel
from desktop.ui.shell.theme import Theme


def test_table_chart_and_reasons_say_the_same(made: Made) -> None:
    made.open(0)
    made.find(QSpinBox, "contextExact").setValue(16_384)
    made.wait(lambda: "16,384" in made.text("repoWhy"))
    rows = [made.cells(row) for row in range(made.table.model().rowCount())]
    starred = [cells[0] for cells in rows if "★" in cells[0]]
    assert len(starred) == 1
    name = starred[0].removesuffix(" ★")
    layout = made.chart.chart_layout
    assert layout is not None
    points = {point.name: point for point in layout.points}
    assert [point.name for point in layout.points if point.recommended] == [name]
    assert f"★ Why {name}." in made.text("repoWhy")
    assert rows[-1][0] == "Q8_0" and "of 37 layers" in rows[-1][3]
    on_gpu = [cells[0].removesuffix(" ★") for cells in rows if cells[3].startswith("all on GPU")]
    limit = layout.limits[0].x
    assert limit is not None and name in on_gpu
    assert all((points[variant].where.x() < limit) == (variant in on_gpu) for variant in points)
    # The Hub was told 8.19 B; the tensors that the header lists are what counts.
    assert "7.08 B parameters · qwen3 · 36 layers · 8 KV heads · 40,960 context" in made.text("repoFacts")
    assert made.chart.accessibleDescription().count("KLD") >= 4


def test_parameters_are_those_that_every_page_says(made: Made, hub: HubServer, starter_model: Path) -> None:
    """The Hub's own count, which the search shows before anything was read, gives way to that of the file."""
    hub.add(repo_of_starter(starter_model))
    made.page.search_for(f"hf:{REPO}")
    made.wait(lambda: f"{PARAMETERS_SAID} parameters" in made.text("repoFacts"))
    assert "256 M" not in made.text("repoFacts")


def test_figures_are_said_for_the_context_that_the_engine_will_have(made: Made) -> None:
    made.open(0)
    made.find(QSpinBox, "contextExact").setValue(300)
    made.wait(lambda: "512 tokens" in made.text("repoWhy"))
    assert made.find(QSpinBox, "contextExact").value() == 300, "what was set stays"
    model = made.table.model()
    assert "At 512 tokens of context:" in model.index(0, MEMORY).data(Qt.ItemDataRole.ToolTipRole)


def test_the_slider_moves_everything_and_has_marks(made: Made) -> None:
    made.open(0)
    slider = made.find(ContextSlider, "contextSlider")
    assert isinstance(slider, ContextSlider)
    made.wait(lambda: len(slider.marks) >= 4)
    before = made.cells(0)[2]
    slider.setValue(slider.maximum())
    made.wait(lambda: made.cells(0)[2] != before)
    assert slider.context == 40_960 and "40k" not in made.text("repoBusy")
    made.find(QComboBox, "kvType").setCurrentText("q8_0")
    f16 = made.cells(0)[2]
    made.wait(lambda: made.cells(0)[2] != f16)


def test_what_is_too_long_for_the_next_model_is_cut_in_the_figures_too(made: Made, hub: HubServer) -> None:
    made.open(0)
    context, layers = made.find(QSpinBox, "contextExact"), made.find(QSpinBox, "gpuLayers")
    assert isinstance(context, QSpinBox) and isinstance(layers, QSpinBox)
    context.setValue(40_960)
    layers.setValue(5)
    made.wait(lambda: "5 of 37 layers" in made.cells(0)[3])
    made.page._repo.controls.set_model(4096)
    assert (context.value(), layers.value()) == (4096, -1)
    made.wait(lambda: made.page._repo.view is not None and made.page._repo.view.context == 4096)
    made.wait(lambda: "4,096 tokens" in made.text("repoWhy"))
    assert "5 of" not in made.cells(0)[3]


@pytest.mark.parametrize(("width", "height"), [(900, 560), (820, 520)])
def test_a_narrow_window_leaves_columns_out_and_shows_every_figure(made: Made, width: int, height: int) -> None:
    """Memory, place, speed and the button stay; the chart shows what is lost, the tooltip what is downloaded."""
    made.open(0)
    wide = made.table.width()
    assert not any(made.table.isColumnHidden(column) for column in range(7))
    made.page.resize(width - 76, height - 30)  # the rail and the bar below
    made.wait(lambda: made.table.width() < wide)
    pane = made.find(RepoPane, "discoverRepo")
    assert isinstance(pane, RepoPane)
    assert pane.horizontalScrollBar().maximum() == 0, "the page scrolls sideways"
    assert [column for column in range(7) if made.table.isColumnHidden(column)] == [DOWNLOAD, QUALITY]
    metrics = made.table.fontMetrics()
    for row in range(made.table.model().rowCount()):
        for column in (MEMORY, WHERE, SPEED):
            text = made.cells(row)[column]
            assert metrics.horizontalAdvance(text) <= made.table.columnWidth(column) - 2 * made.table.padding, text
    last = made.table.visualRect(made.table.model().index(0, ACTION))
    assert last.right() <= made.table.viewport().width()
    made.page.resize(1204, 760)
    made.wait(lambda: not made.table.isColumnHidden(DOWNLOAD))


def test_what_if_and_goal(made: Made) -> None:
    made.open(0)
    made.page._repo.controls.set_machine(profile("laptop-8gb"))
    made.wait(lambda: "Nothing recommended." in made.text("repoWhy") or "CPU only" in made.cells(0)[3])
    assert "too large by" in made.cells(5)[3]
    made.page._repo.controls.set_machine(profile("rtx-4090"))
    made.wait(lambda: made.cells(5)[3] == "all on GPU")
    goal = made.find(QComboBox, "goal")
    assert isinstance(goal, QComboBox)
    goal.setCurrentIndex(goal.findData("speed"))
    made.wait(lambda: "fastest" in made.text("repoWhy"))
    made.page._repo.controls.set_machine(None)
    made.wait(lambda: "layers" in made.cells(5)[3])


def test_a_machine_chosen_on_one_page_holds_here_and_one_chosen_here_holds_there(made: Made) -> None:
    made.open(0)
    chosen = made.page._chosen
    chosen.choose(profile("rtx-4090"), "rtx.json")
    made.wait(lambda: made.cells(5)[3] == "all on GPU")
    assert made.text("machineName").startswith("GeForce RTX 4")
    made.page._repo.controls.set_machine(profile("laptop-8gb"))
    assert chosen.machine is not None and not chosen.machine.gpus
    chosen.choose(None)
    made.wait(lambda: "layers" in made.cells(5)[3])


def test_the_list_says_for_which_machine_it_judges_until_a_repo_does(made: Made, qtbot: QtBot) -> None:
    """Loaded on the page Machine, it decided what fits here without a word."""
    banner = made.find(QFrame, "discoverBanner")
    assert not banner.isVisible()
    made.page._chosen.choose(profile("rtx-4090"), "rtx.json")
    there = "GeForce RTX 4090 24 GB + 32 GB"
    assert banner.isVisible() and f"the list says what fits {there}." in made.text("discoverBannerText")
    made.wait(lambda: len(made.results) > 1)  # judged anew
    made.open(0)
    assert not banner.isVisible() and made.text("machineName") == there
    made.page._chosen.choose(None)
    made.page._body.setCurrentIndex(0)
    assert not banner.isVisible()
    made.page._chosen.choose(profile("rtx-4090"), "rtx.json")
    qtbot.mouseClick(made.find(QPushButton, "discoverBack"), Qt.MouseButton.LeftButton)
    assert made.page._chosen.machine is None and not banner.isVisible()


def test_own_figures_are_weighed_and_no_speed_is_told_on_a_card_nobody_knows(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chosen_machine, "ask_sizes", lambda _parent: (64 << 30, 48 << 30))
    made.open(0)
    made.page._chosen.ask_sizes(made.page)
    made.wait(lambda: made.cells(5)[3] == "all on GPU")
    assert made.text("machineName") == "Graphics card 48 GB + 64 GB"
    assert made.cells(5)[SPEED] == "–"


def test_memory_taken_by_others_is_noticed(made: Made) -> None:
    made.open(0)
    assert made.cells(0)[3] == "all on GPU"
    busy = msgspec.structs.replace(made.machine[0].gpus[0], free_bytes=1_000_000_000)
    made.machine[0] = msgspec.structs.replace(made.machine[0], gpus=(busy,))
    made.page._weighing.look_again()
    made.wait(lambda: "layers" in made.cells(0)[3] or "CPU" in made.cells(0)[3])


def test_name_explained(made: Made, qtbot: QtBot) -> None:
    made.open(0)
    panel = made.find(QWidget, "namePanel")
    assert not panel.isVisible()
    qtbot.mouseClick(made.find(QAbstractButton, "repoName"), Qt.MouseButton.LeftButton)
    assert panel.isVisible()
    assert "Qwen: Qwen, by Alibaba." in panel.accessibleDescription()


def test_light_and_dark_are_painted(made: Made, theme: Theme) -> None:
    made.open(0)
    light = made.page.grab().toImage()
    theme.set_preference("dark")
    dark = made.page.grab().toImage()
    assert light.pixelColor(5, 5) != dark.pixelColor(5, 5)


def test_a_row_stays_below_the_mouse_when_the_page_above_it_grows(
    made: Made, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.open(0)
    made.page.resize(900, 480)
    pane = made.find(RepoPane, "discoverRepo")
    assert isinstance(pane, RepoPane)
    made.wait(lambda: pane.verticalScrollBar().maximum() > 200)
    made.wait(lambda: pane.view is not None and all(row.shape is not None for row in pane.view.rows))
    busy = made.find(ElidedLabel, "repoBusy")
    made.wait(lambda: not busy.whole_text)  # whatever is still read moves the page, too
    # A screen without a pointer takes the mouse away whenever something is laid out anew, a real one does not.
    monkeypatch.setattr(made.table, "underMouse", lambda: True)
    bar = pane.verticalScrollBar()
    bar.setValue(made.table.y() - 100)
    scrolled = bar.value()
    before = made.table.mapTo(pane, QPoint(0, 0))
    made.find(QAbstractButton, "repoName").click()
    # of a row's height a pixel may be lost to rounding
    made.wait(lambda: bar.value() > scrolled and abs(made.table.mapTo(pane, QPoint(0, 0)).y() - before.y()) <= 1)
