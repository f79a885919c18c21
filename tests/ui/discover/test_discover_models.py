"""A repo of several models on Discover: headings, a tab per model, and chart and reasons of the one looked at."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QLabel, QListView, QSpinBox, QTabBar
from pytestqt.qtbot import QtBot
from support.discover_page import Made
from support.hub_server import HubServer
from support.remote_models import QWEN3_600M, QWEN25_14B, SMOLLM2_135M, several

from desktop.ui.discover.context_slider import ContextSlider
from desktop.ui.discover.variant_model import MEMORY, VARIANT

MIXED, PAIR = "me/Mixed-GGUF", "me/Pair-GGUF"
SMALL, LARGE = "SmolLM2 135M", "Qwen2.5 14B"


@pytest.fixture
def hub(hub: HubServer, vocab_dir: Path) -> HubServer:
    vocab = vocab_dir / "ggml-vocab-llama-spm.gguf"
    facts = {"gguf": {"total": 1_000_000_000, "architecture": "llama"}}  # so that the search finds that they fit
    models = {"SmolLM2-135M": (SMOLLM2_135M, ("Q8_0", "F16")), "Qwen2.5-14B": (QWEN25_14B, ("Q2_K", "Q4_K_M", "Q8_0"))}
    hub.add(several(MIXED, models, vocab, trendingScore=99, **facts))
    labels = ("Q4_K_M", "Q8_0")
    pair = {"Qwen3-0.6B-Base": (QWEN3_600M, labels), "Qwen3-0.6B-Instruct": (QWEN3_600M, labels)}
    hub.add(several(PAIR, pair, vocab, trendingScore=98, **facts))
    return hub


def column(made: Made, at: int = VARIANT) -> list[str]:
    return [made.cells(row)[at].removesuffix(" ★") for row in range(made.table.model().rowCount())]


def open_repo(made: Made, name: str) -> None:
    made.find(QSpinBox, "contextExact").setValue(8192)
    view = made.find(QListView, "discoverResults")
    view.setCurrentIndex(view.model().index(made.results.index(name.partition("/")[2]), 0))
    made.wait(lambda: made.table.isVisible() and made.table.model().rowCount() > 0 and "~" in made.cells(1)[MEMORY])
    made.wait(lambda: not made.text("repoBusy"))


def tabs(made: Made) -> QTabBar:
    found = made.find(QTabBar, "modelTabBar")
    assert isinstance(found, QTabBar)
    return found


def points(made: Made) -> dict[str, int]:
    layout = made.chart.chart_layout
    assert layout is not None
    return {point.name: point.index for point in layout.points}


def test_each_model_has_a_heading_and_the_one_to_take_is_looked_at(made: Made) -> None:
    open_repo(made, MIXED)
    assert column(made) == [SMALL, "Q8_0", "F16", LARGE, "Q2_K", "Q4_K_M", "Q8_0"]
    assert made.text("repoFacts") == "2 models · Apache-2.0 · 5 variants"
    bar = tabs(made)
    assert bar.isVisible() and [bar.tabText(i) for i in range(bar.count())] == [SMALL, f"{LARGE} ★"]
    assert bar.currentIndex() == 1 and made.text("modelFacts").startswith("base model · 13.4 B parameters · qwen2")
    assert set(points(made)) == {"Q2_K", "Q4_K_M", "Q8_0"}, "losses of two models are not drawn on one axis"
    which = f"This repo holds 2 models; {LARGE} is the largest that runs well here."
    assert made.text("repoWhy").startswith(f"{which} <b>★ Why ")
    starred = [row for row in range(7) if "★" in made.cells(row)[VARIANT]]
    assert len(starred) == 2 and starred[0] in (1, 2) and starred[1] in (4, 5, 6)
    assert made.table.columnSpan(0, 0) == made.table.columnSpan(3, 0) == 7


def test_a_tab_shows_the_other_model(made: Made, qtbot: QtBot) -> None:
    open_repo(made, MIXED)
    bar = tabs(made)
    qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(0).center())
    assert set(points(made)) == {"Q8_0", "F16"} and made.text("modelFacts").startswith(
        "base model · 125 M parameters · llama"
    )
    assert "★ Why SmolLM2-135M Q8_0." in made.text("repoWhy")
    assert made.table.currentIndex().row() == 1 and made.page._repo.chosen == 0
    bar.setFocus()
    qtbot.keyClick(bar, Qt.Key.Key_Right)
    assert bar.currentIndex() == 1 and set(points(made)) == {"Q2_K", "Q4_K_M", "Q8_0"}
    made.page._repo.controls.changed.emit(made.page._repo.controls.controls)
    made.wait(lambda: not made.text("repoBusy"))
    assert bar.currentIndex() == 1, "what was chosen stays while figures change"


def test_the_keyboard_walks_past_headings_and_the_chart_follows(made: Made, qtbot: QtBot) -> None:
    open_repo(made, MIXED)
    made.table.setFocus()
    made.table.selectRow(2)
    assert tabs(made).currentIndex() == 0 and set(points(made)) == {"Q8_0", "F16"}
    qtbot.keyClick(made.table, Qt.Key.Key_Down)
    assert made.table.currentIndex().row() == 4, "the heading of the second model was passed"
    assert tabs(made).currentIndex() == 1 and "Q2_K" in points(made)
    with qtbot.waitSignal(made.table.action_asked) as told:
        qtbot.keyClick(made.table, Qt.Key.Key_Return)
    assert told.args == [points(made)["Q2_K"]]
    made.chart.setFocus()
    qtbot.keyClick(made.chart, Qt.Key.Key_Right)
    assert made.cells(made.table.currentIndex().row())[VARIANT].startswith("Q4_K_M")


def test_the_first_arrow_and_an_address_go_to_their_model(made: Made, qtbot: QtBot) -> None:
    open_repo(made, MIXED)
    assert made.page._repo.chosen == made.table.preferred and not made.table.currentIndex().isValid()
    made.table.setFocus()
    qtbot.keyClick(made.table, Qt.Key.Key_Down)
    row = made.table.currentIndex().row()
    assert row > 3 and "★" in made.cells(row)[VARIANT], "the one of the model looked at, not the first of all"
    made.page._repo.choose(0)  # as an address of its file does
    assert tabs(made).currentIndex() == 0 and set(points(made)) == {"Q8_0", "F16"}
    assert made.table.currentIndex().row() == 1


def test_sorting_keeps_models_together(made: Made, qtbot: QtBot) -> None:
    open_repo(made, MIXED)
    header = made.table.horizontalHeader()
    title = QPoint(header.sectionPosition(MEMORY) + 20, header.height() // 2)

    def click() -> list[str]:
        qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=title)
        return column(made)

    upwards, downwards = click(), click()
    assert upwards == [SMALL, "Q8_0", "F16", LARGE, "Q2_K", "Q4_K_M", "Q8_0"]
    assert downwards == [SMALL, "F16", "Q8_0", LARGE, "Q8_0", "Q4_K_M", "Q2_K"]
    assert made.table.columnSpan(0, 0) == made.table.columnSpan(3, 0) == 7 and made.table.columnSpan(1, 0) == 1
    made.table.selectRow(1)
    assert made.page._repo.rows.at(made.page._repo.chosen).variant.label == "F16"
    button = made.table.visualRect(made.table.model().index(4, 6)).center()
    with qtbot.waitSignal(made.table.action_asked) as told:
        qtbot.mouseClick(made.table.viewport(), Qt.MouseButton.LeftButton, pos=button)
    assert told.args == [4], "the button of the row that is there now: Qwen2.5-14B Q8_0"
    assert click() == upwards, "a third click takes the order by size again"


def test_what_is_unknown_comes_last_whichever_way_it_is_sorted(made: Made, hub: HubServer) -> None:
    hub.fail("status", "Qwen2.5-14B-Q4_K_M", status=404, times=99, headers={"X-Error-Code": "EntryNotFound"})
    open_repo(made, MIXED)
    made.wait(lambda: "no figures" in made.cells(5))
    for order in (Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder):
        made.table.sortByColumn(MEMORY, order)
        assert column(made)[6].endswith("Q4_K_M"), order


def test_a_context_beyond_one_models_training(made: Made) -> None:
    open_repo(made, MIXED)
    exact = made.find(QSpinBox, "contextExact")
    assert isinstance(exact, QSpinBox)
    before = column(made, MEMORY)
    exact.setValue(32_768)
    made.wait(lambda: column(made, MEMORY)[4] != before[4])
    assert column(made, MEMORY)[:3] == before[:3], "weighed at the 8,192 it was trained for"
    tip = made.table.model().index(0, 0).data(Qt.ItemDataRole.ToolTipRole)
    assert "weighed at 8,192, all it was trained for" in tip
    assert "weighed at" not in made.text("modelFacts")


def test_the_slider_marks_models_that_were_read_later_too(made: Made, hub: HubServer, vocab_dir: Path) -> None:
    """Seven models: the first look is at six, the seventh is known once its whole header was read."""
    shapes = {f"Tiny{n}-{n}00M": (dataclasses.replace(SMOLLM2_135M, layers=n), ("Q8_0",)) for n in range(1, 7)}
    shapes |= {"Qwen2.5-14B": (QWEN25_14B, ("Q2_K",))}
    hub.add(several(MIXED, shapes, vocab_dir / "ggml-vocab-llama-spm.gguf", **hub.repos[MIXED].fields))
    slider = made.find(ContextSlider, "contextSlider")
    assert isinstance(slider, ContextSlider)
    open_repo(made, MIXED)
    assert tabs(made).count() == 7
    made.wait(lambda: [mark.name for mark in slider.marks] == ["Q2_K"])


def test_base_and_instruct_are_two_models(made: Made) -> None:
    open_repo(made, PAIR)
    assert column(made) == ["Qwen3 0.6B Base", "Q4_K_M", "Q8_0", "Qwen3 0.6B Instruct", "Q4_K_M", "Q8_0"]
    assert tabs(made).tabText(1) == "Qwen3 0.6B Instruct ★"
    assert "Qwen3 0.6B Instruct is the one to chat with." in made.text("repoWhy")


def test_one_model_looks_as_ever(made: Made) -> None:
    open_repo(made, MIXED)
    made.open(made.results.index("Qwen3-8B-GGUF"))
    assert not tabs(made).isVisible() and not made.find(QLabel, "modelFacts").isVisible()
    assert column(made) == ["Q2_K", "Q3_K_M", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0"]
    assert made.table.columnSpan(0, 0) == 1 and "This repo holds" not in made.text("repoWhy")
