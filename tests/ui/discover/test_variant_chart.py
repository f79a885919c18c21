"""The words of the chart of variants: none lies over another, or reads as that of another point."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QFont, QFontMetricsF
from PySide6.QtWidgets import QApplication
from support.published import options, profile

from desktop.ui.discover.variant_chart_layout import Limit, lay_out, limit_labels


def test_no_label_of_the_chart_reads_as_that_of_another_point() -> None:
    """8B at 8k on 8 GB: "Q5_K_M · recommended" once stood right of the point of Q4_K_M."""
    offered = ["Q2_K", "Q3_K_M", "Q4_0", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0"]
    found = options("Llama-3.1-8B", profile("rtx-4060-8gb"), 8192, offered)
    assert found[4].fit is not None
    numbered, names = dict(enumerate(found)), {i: option.variant.name for i, option in enumerate(found)}
    for width in range(400, 1000, 20):
        area, pools = QRectF(512, 230, width, 120), found[4].fit.pools
        layout = lay_out(numbered, 4, pools, area, lambda text: 7.2 * len(text), names)
        label = layout.points[4].label
        assert label is not None
        for point in layout.points:
            beside = QRectF(point.where.x() - 7, point.where.y() - 7, 26, 14)
            assert point.recommended or not label.intersects(beside), f"{point.name} at {width}"


@pytest.mark.parametrize("machine", ["laptop-8gb", "apple-m1-16gb", "rtx-4060-8gb", "two-rtx-3090"])
def test_no_label_covers_a_point_a_limit_or_another_label(machine: str) -> None:
    """The recommended one's was drawn whatever it covered, and all of them over the lines of the limits."""
    offered = ["Q2_K", "Q3_K_S", "Q3_K_M", "Q4_0", "Q4_K_S", "Q4_K_M", "Q5_K_S", "Q5_K_M", "Q6_K", "Q8_0", "F16"]
    for model in ("Llama-3.1-8B", "Qwen2.5-32B"):
        found = options(model, profile(machine), 8192, offered)
        names = {i: option.variant.name for i, option in enumerate(found)}
        pools = next(option.fit.pools for option in found if option.fit is not None)
        for recommended in range(len(found)):
            for width in range(260, 1000, 60):
                area = QRectF(58, 22, width, 120)
                layout = lay_out(dict(enumerate(found)), recommended, pools, area, lambda t: 6.5 * len(t), names)
                labels = [point.label for point in layout.points if point.label is not None]
                for label in labels:
                    assert not any(label.intersects(other) for other in labels if other is not label)
                    for limit in layout.limits:
                        assert limit.x is None or not label.left() < limit.x < label.right()
                    for point in layout.points:
                        own = point.label is label
                        dot = QRectF(point.where.x() - 7, point.where.y() - 7, 14, 14)
                        assert own or not label.intersects(dot), (machine, model, names[recommended], width)


def test_the_recommended_name_has_the_room_that_it_takes_in_bold(qapp: QApplication) -> None:
    """Left of its point it once ran over the point."""
    found = options("Llama-3.1-8B", profile("rtx-4060-8gb"), 8192, ["Q4_K_M", "Q8_0"])
    plain = QFont(qapp.font())
    plain.setPixelSize(11)
    bold = QFont(plain)
    bold.setWeight(QFont.Weight.DemiBold)
    names, width = {0: "UD-Q4_K_XL", 1: "IQ2_XXS"}, QFontMetricsF(plain).horizontalAdvance
    for recommended, name in names.items():
        layout = lay_out(dict(enumerate(found)), recommended, (), QRectF(0, 0, 500, 120), width, names)
        label = layout.points[recommended].label
        assert label is not None
        assert label.width() >= QFontMetricsF(bold).horizontalAdvance(f"{name} · recommended")


@pytest.mark.parametrize("room", [400, 560, 700, 820, 1200])
def test_the_words_of_two_limits_never_lie_over_each_other(room: float) -> None:
    limits = [
        Limit(0.4 * room, "49.3 GB VRAM on 2 cards free — beyond, layers spill to RAM", False),
        Limit(0.9 * room, "112.7 GB in all — beyond, it does not fit", True),
    ]
    found = limit_labels(limits, room, lambda text: 5.8 * len(text))
    assert found and all(spot.left() >= 0 and spot.right() <= room for spot, _ in found.values())
    if len(found) == 2:
        assert not found[0][0].intersects(found[1][0])
    assert len(found) == 2 or room <= 400
    if room >= 1200:
        assert [found[number][1] for number in (0, 1)] == [limit.words for limit in limits]


@pytest.mark.parametrize("offered", [["Q4_K_M"], ["Q4_K_M", "Q5_K_S"]])
def test_a_point_alone_has_an_axis_to_be_read_by(offered: list[str]) -> None:
    """One variant of 200 MB had one size on its axis, and that was not its own."""
    found = options("Llama-3.1-8B", profile("rtx-4060-8gb"), 8192, offered)
    names = {i: option.variant.name for i, option in enumerate(found)}
    layout = lay_out(dict(enumerate(found)), 0, (), QRectF(0, 0, 500, 120), lambda text: 6.5 * len(text), names)
    assert len(layout.ticks) >= 3
    where = [point.where.x() for point in layout.points]
    assert all(100 < x < 400 for x in where), "in the middle"
    assert layout.ticks[0][0] < min(where) and max(where) < layout.ticks[-1][0]
