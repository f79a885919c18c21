"""The tok/s chart: what it keeps, what it draws, what it says."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from desktop.ui.chat.rate_chart import RateChart, _round_up
from desktop.ui.shell.theme import Theme


class Clock:
    """A clock the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def chart(qtbot: QtBot, theme: Theme, clock: Clock) -> RateChart:
    made = RateChart(theme, clock)
    qtbot.addWidget(made)
    made.resize(240, 72)
    return made


def feed(chart: RateChart, clock: Clock, rates: list[float], step: float = 0.5) -> None:
    for rate in rates:
        clock.now += step
        chart.add(rate)


def accent_columns(chart: RateChart, theme: Theme) -> list[int]:
    image = chart.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    accent = theme.color("accent")
    return [
        x
        for x in range(image.width())
        if any(
            abs(image.pixelColor(x, y).red() - accent.red())
            + abs(image.pixelColor(x, y).green() - accent.green())
            + abs(image.pixelColor(x, y).blue() - accent.blue())
            < 60
            for y in range(image.height())
        )
    ]


def test_only_the_last_minute_is_kept(chart: RateChart, clock: Clock) -> None:
    feed(chart, clock, [50.0] * 200, step=0.5)
    ages = [age for age, _ in chart.samples]
    assert max(ages) <= 60.0 and len(ages) == 121
    assert ages == sorted(ages, reverse=True)


def test_thirty_samples_a_second_become_about_ten(chart: RateChart, clock: Clock) -> None:
    feed(chart, clock, [60.0] * 90, step=1 / 30)
    assert 20 <= len(chart.samples) <= 32


def test_the_figures_are_said_in_words(qtbot: QtBot, chart: RateChart, clock: Clock) -> None:
    assert chart.accessibleDescription() == "No answer was written yet."
    feed(chart, clock, [40.0, 60.0, 50.0], step=1.0)
    qtbot.waitUntil(lambda: "last 50.0" in chart.accessibleDescription())
    assert chart.describe() == "Tokens per second over 2 s: last 50.0, mean 50.0, lowest 40.0, highest 60.0."
    assert chart.toolTip() == chart.describe()
    chart.clear()
    assert chart.samples == () and chart.accessibleDescription() == "No answer was written yet."


def test_the_line_reaches_back_as_far_as_time_passed(chart: RateChart, clock: Clock, theme: Theme) -> None:
    assert accent_columns(chart, theme) == []
    feed(chart, clock, [50.0] * 60, step=0.5)  # half of the minute
    columns = accent_columns(chart, theme)
    assert max(columns) >= 236
    assert 110 <= min(columns) <= 128


def test_a_pause_is_a_gap(chart: RateChart, clock: Clock, theme: Theme) -> None:
    feed(chart, clock, [50.0] * 10, step=0.5)
    clock.now += 30.0
    feed(chart, clock, [50.0] * 10, step=0.5)
    columns = set(accent_columns(chart, theme))
    middle = set(range(120, 200))
    assert columns and not columns & middle


def test_it_costs_nothing_when_nothing_comes(chart: RateChart, clock: Clock, qtbot: QtBot) -> None:
    feed(chart, clock, [50.0])
    qtbot.waitUntil(lambda: not chart._repaint.isActive())


@pytest.mark.parametrize(
    ("value", "top"), [(0.0, 1.0), (1.0, 1.0), (1.1, 2.0), (61.4, 100.0), (117.0, 200.0), (480.0, 500.0)]
)
def test_the_scale_has_round_tops(value: float, top: float) -> None:
    assert _round_up(value) == top
