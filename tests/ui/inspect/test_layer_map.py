"""The layer map by mouse and keyboard, and where its squares lie."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.core.layers import layer_grid, locate
from desktop.core.quants import TENSOR_TYPES
from desktop.ui.inspect.layer_map import LayerMap
from desktop.ui.inspect.layer_map_layout import LEAST_SIDE, Cell, MapContent, MapLayout, MapTensor, content_of
from desktop.ui.inspect.layer_map_paint import styles_of
from desktop.ui.shell.theme import Theme

MakeMap = Callable[..., LayerMap]


def content(names: list[str], sizes: dict[str, int] | None = None) -> MapContent:
    sizes = sizes or {}
    tensors = [
        MapTensor("F32" if "norm" in n else "Q4_K", next((s for k, s in sizes.items() if k in n), 1000)) for n in names
    ]
    return content_of(layer_grid(map(locate, names)), tensors, names)


def model(layers: int) -> list[str]:
    roles = ("attn_q", "ffn_up", "attn_norm")
    names = [f"blk.{layer}.{role}.weight" for layer in range(layers) for role in roles]
    return ["token_embd.weight", *names, "output_norm.weight"]


@pytest.fixture
def make_map(theme: Theme, qtbot: QtBot) -> MakeMap:
    def make(names: list[str], sizes: dict[str, int] | None = None) -> LayerMap:
        made = LayerMap(theme)
        qtbot.addWidget(made)
        made.resize(700, 300)
        made.set_content(content(names, sizes), styles_of(["Q4_K", "F32"]), lambda at: f"{names[at]}\n<b>")
        with qtbot.waitExposed(made):
            made.show()
        return made

    return make


def test_area_is_as_bytes_and_nothing_vanishes() -> None:
    found = content(
        ["blk.0.a.weight", "blk.0.b.weight", "blk.0.c_norm.weight"], {".a.": 40_000, ".b.": 10_000, ".c_": 1}
    )
    layout = MapLayout(found, 22.0)
    sides = []
    for row in range(3):
        square = found.square(Cell(0, row, 0))
        assert square is not None
        sides.append(layout.side(Cell(0, row, 0), square))
    assert sides == [20.0, 10.0, LEAST_SIDE]


def test_every_tensor_lies_where_the_map_finds_it() -> None:
    found = content([*model(94), *(f"v.blk.{n}.ln.weight" for n in range(3))])
    layout = MapLayout(found, 14.0)
    for cell in found.cells.values():
        x, y = layout.origin(cell)
        assert layout.at(x + 7, y + layout.row / 2) == cell
    assert layout.at(-1, 30) is None and layout.at(5, -1) is None and layout.at(5, layout.height + 50) is None
    assert layout.height == max(layout.origin(cell)[1] + layout.row for cell in found.cells.values())


def test_click_selects_and_says_what_it_is(make_map: MakeMap, qtbot: QtBot) -> None:
    names = model(30)
    shown = make_map(names)
    target = names.index("blk.7.ffn_up.weight")
    with qtbot.waitSignal(shown.chosen) as chosen:
        qtbot.mouseClick(shown.viewport(), Qt.MouseButton.LeftButton, pos=_middle(shown, target))
    assert chosen.args == [target] and shown.selected == target
    assert shown.accessibleDescription().startswith("blk.7.ffn_up.weight")


def _middle(shown: LayerMap, position: int) -> QPoint:
    box = shown._cell_box(shown._content.cells[position])
    return box.center().toPoint()


def test_keys_move_through_layers_and_rows(make_map: MakeMap, qtbot: QtBot) -> None:
    names = model(126)
    shown = make_map(names)
    K, control = Qt.Key, Qt.KeyboardModifier.ControlModifier

    def after(*keys: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> str:
        for key in keys:
            qtbot.keyClick(shown, key, modifier)
        return names[shown.selected]

    assert after(K.Key_Right) == "blk.0.attn_q.weight"  # from nothing to the first
    assert after(K.Key_Right, K.Key_Right) == "blk.2.attn_q.weight"
    assert after(K.Key_Down) == "blk.2.ffn_up.weight"
    assert after(K.Key_End) == "blk.125.ffn_up.weight"
    assert shown.horizontalScrollBar().value() == shown.horizontalScrollBar().maximum() > 0  # brought into view
    assert after(K.Key_Right) == "blk.125.ffn_up.weight"
    assert after(K.Key_End, modifier=control) == "output_norm.weight"
    assert after(K.Key_Home, modifier=control) == "blk.0.attn_q.weight"
    assert after(K.Key_Up, K.Key_Left) == "blk.0.attn_q.weight"


def test_zoom_by_keys_and_wheel(make_map: MakeMap, qtbot: QtBot) -> None:
    shown = make_map(model(126))
    first = shown.pitch
    qtbot.keyClick(shown, Qt.Key.Key_Plus)
    assert shown.pitch == pytest.approx(first * 1.25)
    qtbot.keyClick(shown, Qt.Key.Key_0)
    assert shown.horizontalScrollBar().maximum() == 0  # all 126 layers across the width
    fitted = shown.pitch
    wheel = QWheelEvent(
        QPointF(300, 100),
        QPointF(300, 100),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.ControlModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(shown.viewport(), wheel)
    assert shown.pitch == pytest.approx(fitted * 1.25)
    for _ in range(60):
        shown.zoom(1)
    assert shown.pitch < 100


def test_tensors_in_one_square_are_gone_through(make_map: MakeMap, qtbot: QtBot) -> None:
    names = [f"blk.0.ffn_up.{expert}.weight" for expert in range(3)]
    shown = make_map(names)
    seen = []
    for _ in range(4):
        qtbot.mouseClick(shown.viewport(), Qt.MouseButton.LeftButton, pos=_middle(shown, 0))
        seen.append(shown.selected)
    assert seen == [0, 1, 2, 0]
    assert shown._content.sections[0].lines[0].experts == 3


def test_types_are_told_apart_without_colour(make_map: MakeMap) -> None:
    styles = styles_of(["Q4_K", "Q6_K", "Q8_0", "F16", "F32", "type 200"])
    forms = {(style.round, style.sign) for name, style in styles.items() if name != "F32"}
    assert len(forms) == 5
    assert styles["F16"].round and styles["F32"].round and not styles["Q4_K"].round


def test_a_type_has_one_look_in_every_file() -> None:
    """It went by the order of a file's types, so that Q4_K was blue in one file and brown in another."""
    assert styles_of(["Q6_K", "Q4_K"])["Q4_K"] == styles_of(["Q4_K", "Q8_0"])["Q4_K"]
    every = styles_of(kind.name for kind in TENSOR_TYPES.values())
    looks = {(style.token, style.round, style.sign) for style in every.values()}
    assert len(looks) == len(every)  # nor do two of ggml's types look alike


def test_paints_in_both_schemes(make_map: MakeMap, theme: Theme) -> None:
    shown = make_map(model(30))
    images: list[QImage] = []
    for scheme in ("light", "dark"):
        theme.set_preference(scheme)
        images.append(shown.grab().toImage())
    assert images[0] != images[1]
    for image, preference in zip(images, ("light", "dark"), strict=True):
        theme.set_preference(preference)  # type: ignore[arg-type]
        middle = _middle(shown, 2)  # blk.0.ffn_up
        assert image.pixelColor(middle) == theme.color("series_1")


def test_nothing_to_show(make_map: MakeMap, qtbot: QtBot) -> None:
    shown = make_map([])
    qtbot.keyClick(shown, Qt.Key.Key_Right)
    shown.zoom(0)
    assert shown.selected == -1 and not shown.grab().isNull()


@pytest.mark.parametrize("count", [1, 2000])
def test_only_what_is_in_view_is_painted(make_map: MakeMap, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = make_map([f"blk.{layer}.role{role}.weight" for layer in range(count) for role in range(10)])
    painted = 0
    draw = shown._painter._squares.draw

    def counted(*args: object, **kwargs: object) -> None:
        nonlocal painted
        painted += 1
        draw(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(shown._painter._squares, "draw", counted)
    shown.viewport().repaint()
    assert 0 < painted < 700
