"""The picture of what was measured: one text at a time, sizes on the axis, and a word on texts no model knows."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QComboBox, QLabel
from pytestqt.qtbot import QtBot
from support.measurements import measurement
from support.widgets import find, label, shown

from desktop.ui.lab.loss_chart import LossChart
from desktop.ui.lab.text_chart import TextChart
from desktop.ui.shell.theme import Theme


@pytest.fixture
def chart(theme: Theme, qtbot: QtBot) -> TextChart:
    made = TextChart(theme)
    shown(qtbot, made, 500, 300)
    return made


def drawn(chart: TextChart) -> str:
    return find(chart, LossChart, "labChart").accessibleDescription()


def test_figures_of_different_texts_are_never_in_one_picture(chart: TextChart) -> None:
    chart.set_measurements((
        measurement("tiny-Q2_K", "nonsense", 2.5, known=5000.0), measurement("tiny-Q2_K", "prose", 0.5),
        measurement("tiny-Q4_0", "prose", 0.1), measurement("tiny-Q4_0", "prose", 0.3, tokens=100),
    ))  # fmt: skip
    texts = find(chart, QComboBox, "labChartText")
    assert [texts.itemText(row) for row in range(texts.count())] == ["nonsense", "prose"]
    assert drawn(chart) == "tiny-Q2_K: 10 B, KL divergence 2.5"
    unlike = find(chart, QLabel, "labUnlike")
    assert unlike.isVisible() and "unlike anything the model knows; figures on it say little" in unlike.text()
    texts.setCurrentIndex(1)
    assert "Q2_K: 10 B, KL divergence 0.5" in drawn(chart) and "0.1" in drawn(chart)
    assert "0.3" not in drawn(chart) and "2.5" not in drawn(chart) and not unlike.isVisible()
    assert find(chart, LossChart, "labChart").accessibleName().endswith("on prose")
    chart.set_measurements((measurement("tiny-Q6_K", "code", 0.2), measurement("tiny-Q2_K", "prose", 0.5)))
    assert texts.currentText() == "prose"  # the choice stays
    chart.show_text("code")
    assert "tiny-Q6_K" in drawn(chart)


def test_texts_of_one_name_are_told_apart(chart: TextChart) -> None:
    chart.set_measurements((
        measurement("a", "digest-1", 0.1, text_name="mine.txt"), measurement("a", "another", 0.1, text_name="mine.txt"),
    ))  # fmt: skip
    texts = find(chart, QComboBox, "labChartText")
    assert [texts.itemText(row) for row in range(2)] == ["mine.txt (digest)", "mine.txt (anothe)"]


def test_without_a_distance_nothing_is_drawn(chart: TextChart) -> None:
    chart.set_measurements((measurement("a", "prose", 0.1),))
    assert chart.isVisible()
    chart.set_measurements((measurement("a", "prose", 0.1, distance=None),))
    assert not chart.isVisible()


def test_the_size_axis_has_round_values(chart: TextChart) -> None:
    chart.set_measurements((
        measurement("a", "prose", 0.1, size_bytes=270_000_000), measurement("b", "prose", 0.2, size_bytes=90_000_000),
    ))  # fmt: skip
    picture = find(chart, LossChart, "labChart")
    assert picture.sizes() == (0, 100_000_000, 200_000_000)
    before = picture.grab().toImage()
    chart.set_measurements((measurement("a", "prose", 0.1, size_bytes=2_700_000_000),))
    assert picture.sizes()[1] >= 1_000_000_000 and picture.grab().toImage() != before
    assert label(chart, "labChartTextTitle") == "Measured on"
