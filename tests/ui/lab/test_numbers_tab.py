"""The tab Numbers, driven as a person does, on numbers that are typed in and on a tensor that is known."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QComboBox, QLineEdit, QTableView, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot
from support.cut import faults
from support.widgets import find, label, shown

from desktop.core.number_lab import Outcome, Scheme, outcome_of, quantized
from desktop.services.lab.number_lab import Numbers, TensorName
from desktop.ui.lab.clip_histogram import ClipHistogram
from desktop.ui.lab.error_map import ErrorMap
from desktop.ui.lab.numbers_tab import NumbersTab
from desktop.ui.shared.number_fields import DecimalField
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme

TENSOR = tuple(((at * 37) % 101 - 50) / 100 for at in range(512))


class Service:
    """Knows one tensor, and packs by halves."""

    def tensors(self, _model: str) -> tuple[TensorName, ...]:
        return (TensorName("blk.0.ffn_up.weight", "F16", (32, 16)),)

    def read(self, _model: str, name: str, **_others: object) -> Numbers:
        return Numbers(TENSOR, 32, name, 4096, "F16")

    def outcome(self, numbers: Numbers, way: Scheme | str, **_others: object) -> Outcome:
        if isinstance(way, Scheme):
            return quantized(numbers.values, way, numbers.columns)
        return outcome_of(numbers.values, [round(value * 2) / 2 for value in numbers.values], 4.5)


@pytest.fixture
def page(tasks: Tasks, theme: Theme, qtbot: QtBot) -> QWidget:
    service = Service()
    host = QWidget()
    QVBoxLayout(host).addWidget(NumbersTab(lambda: service, tasks, theme))  # type: ignore[arg-type, return-value]
    shown(qtbot, host, 1204, 900)
    qtbot.waitUntil(lambda: rows(host, "labNumbersTable") == 8)
    return host


def tab(page: QWidget) -> NumbersTab:
    return find(page, NumbersTab, "labNumbersTab")


def rows(page: QWidget, name: str) -> int:
    return find(page, QTableView, name).model().rowCount()


def cells(page: QWidget, name: str, column: int) -> list[str]:
    model = find(page, QTableView, name).model()
    return [model.index(row, column).data() for row in range(model.rowCount())]


def figures(page: QWidget) -> dict[str, str]:
    return dict(zip(cells(page, "labNumbersFigures", 0), cells(page, "labNumbersFigures", 1), strict=True))


def choose(page: QWidget, name: str, words: str) -> None:
    box = find(page, QComboBox, name)
    box.setCurrentIndex(next(row for row in range(box.count()) if words in box.itemText(row)))


def test_the_published_example_stands_there_first(page: QWidget) -> None:
    assert cells(page, "labNumbersTable", 1) == ["28", "-12", "-101", "28", "-73", "19", "56", "127"]
    assert figures(page)["Bits per weight"] == "10, 2 of them for scales"
    assert label(page, "labNumbersWords") == "8 numbers."
    assert not faults(page)


def test_other_numbers_and_other_schemes(page: QWidget, qtbot: QtBot) -> None:
    typed = find(page, QLineEdit, "labTyped")
    typed.setText("1 2 abc")
    assert (
        label(page, "labNumbersWords").startswith("Not all of this is numbers.") and rows(page, "labNumbersTable") == 0
    )
    typed.setText("1.2 -0.5 -4.3 1.2 -3.1 0.8 2.4 5.4")
    choose(page, "labMethod", "zero point")
    qtbot.waitUntil(lambda: "-128" in cells(page, "labNumbersTable", 1))
    choose(page, "labFormat", "NF4")
    qtbot.waitUntil(lambda: "a zero point needs a format of whole numbers" in label(page, "labNumbersWords"))
    choose(page, "labMethod", "NVFP4")
    qtbot.waitUntil(lambda: rows(page, "labNumbersTable") == 8)
    assert not find(page, QComboBox, "labBy").isVisible()


def test_a_tensor_in_a_type_of_llama_cpp(page: QWidget, qtbot: QtBot) -> None:
    tab(page).show_tensor("blk.0.ffn_up.weight")  # before its model is known
    tab(page).show_model("m.gguf")
    qtbot.waitUntil(lambda: "sample of 512 of 4,096 values" in label(page, "labNumbersWords"))
    assert not find(page, QLineEdit, "labTyped").isVisible() and rows(page, "labNumbersTable") == 256
    errors = find(page, ErrorMap, "labErrorMap")
    assert "16 by 32 cells; the worst is in row" in errors.accessibleDescription()
    choose(page, "labFormat", "Q4_0, packed")
    qtbot.waitUntil(lambda: figures(page).get("Bits per weight") == "4.5")
    assert figures(page)["Bytes"] == "288" and not find(page, DecimalField, "labClip").isVisible()
    assert find(page, ClipHistogram, "labHistogram").clip_places() is None
    tab(page).show_model("")
    qtbot.waitUntil(lambda: label(page, "labNumbersWords") == "8 numbers." or rows(page, "labNumbersTable") == 0)


def test_the_clip_is_dragged_and_seen(page: QWidget, qtbot: QtBot) -> None:
    tab(page).show_model("m.gguf")
    tab(page).show_tensor("blk.0.ffn_up.weight")
    qtbot.waitUntil(lambda: "sample of 512" in label(page, "labNumbersWords"))
    picture, clip = find(page, ClipHistogram, "labHistogram"), find(page, DecimalField, "labClip")
    places = picture.clip_places()
    assert places is not None and places[1] >= picture.width() - 2 and "Clipped" not in figures(page)
    middle = picture.height() // 2
    qtbot.mousePress(picture, Qt.MouseButton.LeftButton, pos=QPoint(int(places[1]), middle))
    qtbot.mouseMove(picture, QPoint(int(picture.width() * 0.9), middle))
    qtbot.mouseRelease(picture, Qt.MouseButton.LeftButton, pos=QPoint(int(picture.width() * 0.9), middle))
    assert 70 < clip.value() < 90
    qtbot.waitUntil(lambda: "Clipped" in figures(page))
    picture.setFocus()
    before = clip.value()
    qtbot.keyClick(picture, Qt.Key.Key_Left)
    assert clip.value() < before
    picture.grab()
    find(page, ErrorMap, "labErrorMap").grab()  # they paint


def test_nothing_is_cut_in_a_small_window(page: QWidget, qtbot: QtBot) -> None:
    page.resize(744, 1200)
    qtbot.waitUntil(lambda: faults(page) == [])
