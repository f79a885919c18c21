"""The drawing of a number format's bits."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from desktop.core.number_formats import NumberFormat
from desktop.machine.tables import Tables
from desktop.ui.machine.bit_layout import BitLayout, layout_in_words
from desktop.ui.machine.format_panel import figure, range_in_words
from desktop.ui.shell.theme import Theme

FORMATS = {number.name: number for number in Tables().formats}


def drawn(qtbot: QtBot, theme: Theme, number: NumberFormat, width: int = 420) -> BitLayout:
    view = BitLayout(theme)
    qtbot.addWidget(view)
    view.resize(width, view.sizeHint().height())
    view.set_format(number)
    return view


@pytest.mark.parametrize("number", FORMATS.values(), ids=FORMATS)
@pytest.mark.parametrize("width", [200, 420, 900])
def test_runs_keep_their_proportions_and_stay_inside(
    qtbot: QtBot, theme: Theme, number: NumberFormat, width: int
) -> None:
    rects = drawn(qtbot, theme, number, width).part_rects()
    assert [part for part, _ in rects] == list(number.parts)
    step = rects[0][1].width() / rects[0][0].bits
    for part, rect in rects:
        assert rect.width() == pytest.approx(step * part.bits)
        assert rect.left() >= 0 and rect.right() <= width


def test_runs_are_painted_in_their_colours_in_both_schemes(qtbot: QtBot, theme: Theme) -> None:
    view = drawn(qtbot, theme, FORMATS["FP8 E4M3"])
    for scheme in ("light", "dark"):
        theme.set_preference(scheme)
        image = view.grab().toImage()
        colors = [QColor(image.pixel(rect.center().toPoint())) for _, rect in view.part_rects()]
        assert len({color.name() for color in colors}) == 3
        edges = [QColor(image.pixel(int(rect.left()), int(rect.center().y()))) for _, rect in view.part_rects()]
        assert all(edge != inner for edge, inner in zip(edges, colors, strict=True))


def test_drawing_is_readable_without_seeing_it(qtbot: QtBot, theme: Theme) -> None:
    view = drawn(qtbot, theme, FORMATS["MXFP4"])
    assert view.accessibleName() == "Bit layout of MXFP4"
    assert view.accessibleDescription() == layout_in_words(FORMATS["MXFP4"])
    assert "1 sign, 2 exponent, 1 mantissa bits; each 32 share a scale of 8 bits (E8M0)" in view.toolTip()
    view.set_format(None)
    assert view.part_rects() == []


def test_limits_in_words() -> None:
    assert range_in_words(FORMATS["FP8 E4M3"]).startswith("Up to ±448, smallest normal 0.0156, 1.2 decimal digits")
    assert range_in_words(FORMATS["INT8"]) == "-128 to 127 in whole steps, times the block's scale."
    assert [figure(v) for v in (65504.0, 3.4e38, 2**-14, 0.125)] == ["65,504", "3.40e+38", "6.10e-05", "0.125"]
