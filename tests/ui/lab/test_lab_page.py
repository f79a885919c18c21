"""The page Lab, driven as a person does, over the real services and helpers that know their answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QFrame,
    QLabel,
    QTableView,
    QTabWidget,
)
from pytestqt.qtbot import QtBot
from support import gguf_bytes as g
from support.cut import faults
from support.gate import Gate
from support.lab_page import button, choice, choose, told, until
from support.scripted_lab import ScriptedQuantizer
from support.widgets import find, label

from desktop.engine.tools.quantizer import Quantized
from desktop.services.lab.measuring import MeasuringService
from desktop.store.paths import Paths
from desktop.ui.lab.loss_chart import LossChart
from desktop.ui.lab.page import LabPage


def test_a_variant_is_worked_out_and_made(page: LabPage, paths: Paths, qtbot: QtBot) -> None:
    assert not button(page, "labQuantize").isEnabled() and label(page, "labSize") == "–"
    choose(page, "labModel", "m-F16")
    until(qtbot, lambda: "bytes; made from" in label(page, "labSize"))
    said = int(label(page, "labSize").split(", ")[1].split(" bytes")[0].replace(",", ""))
    assert "KL divergence" in label(page, "labLoss") and label(page, "labTarget") == str(paths.models / "m-Q4_K_M.gguf")
    warning = find(page, QLabel, "labWarning")
    assert f"There is a file m-Q4_K_M.gguf in {paths.models} already" in warning.text() and "--" not in warning.text()
    assert warning.isVisible() and not button(page, "labQuantize").isEnabled()
    choose(page, "labType", "Q8_0")
    until(qtbot, lambda: "m-Q8_0" in label(page, "labTarget"))
    assert not warning.isVisible()
    until(qtbot, lambda: button(page, "labQuantize").isEnabled())
    told(page).clear()
    button(page, "labQuantize").click()
    until(qtbot, lambda: bool(told(page)))
    assert "m-Q8_0.gguf was made and tried" in str(told(page)[0])
    assert (paths.models / "m-Q8_0.gguf").stat().st_size != said
    until(qtbot, lambda: choice(page, "labModel").findText("m-Q8_0") >= 0)
    assert choice(page, "labModel").currentText() == "m-F16"  # the choice stays


def test_what_is_quantized_takes_a_word(page: LabPage, qtbot: QtBot) -> None:
    choose(page, "labModel", "m-Q4_K_M")
    again = find(page, QCheckBox, "labQuantizeAgain")
    until(qtbot, again.isVisible)
    warning = find(page, QLabel, "labWarning")
    assert warning.isVisible() and "holds weights in" in warning.text()
    choose(page, "labType", "Q4_0")
    until(qtbot, lambda: "m-Q4_0" in label(page, "labTarget"))
    assert warning.isVisible() and not button(page, "labQuantize").isEnabled()
    again.click()
    assert button(page, "labQuantize").isEnabled()


def test_where_it_goes_is_said_and_can_be_changed(
    page: LabPage, paths: Paths, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(page, "labModel", "m-F16")
    until(qtbot, lambda: "m-Q4_K_M" in label(page, "labTarget"))
    offered: list[str] = []
    mine = tmp_path / "mine"

    def ask(_parent: object, _title: str, where: str, *_others: object, **_more: object) -> tuple[str, str]:
        offered.append(where)
        return str(mine), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", ask)
    button(page, "labSaveAs").click()
    assert offered == [str(paths.models / "m-Q4_K_M-2.gguf")]  # a name that is free
    until(qtbot, lambda: label(page, "labTarget") == f"{mine}.gguf")
    assert button(page, "labQuantize").isEnabled()
    button(page, "labQuantize").click()
    until(qtbot, find(page, QFrame, "labResult").isVisible)
    assert Path(f"{mine}.gguf").exists() and "does not look into this folder" in label(page, "labResultWords")


def test_what_was_made_stays_on_the_page_with_what_can_be_done(page: LabPage, paths: Paths, qtbot: QtBot) -> None:
    result, asked = find(page, QFrame, "labResult"), []
    page.chat_asked.connect(lambda path: asked.append(("chat", path)))
    page.library_asked.connect(lambda path: asked.append(("library", path)))
    choose(page, "labModel", "m-F16")
    choose(page, "labType", "Q8_0")
    until(qtbot, button(page, "labQuantize").isEnabled)
    assert not result.isVisible()
    button(page, "labQuantize").setFocus()
    qtbot.keyClick(button(page, "labQuantize"), Qt.Key.Key_Space)
    assert page.window().focusWidget() is button(page, "labMakingCancel")
    until(qtbot, result.isVisible)
    made = paths.models / "m-Q8_0.gguf"
    assert label(page, "labResultWords").startswith("m-Q8_0.gguf was made, ")
    assert str(paths.models) in label(page, "labResultWords")
    assert page.window().focusWidget() is button(page, "labChatMade")
    until(qtbot, lambda: label(page, "labTarget") == str(made))
    assert result.isVisible() and not find(page, QLabel, "labWarning").isVisible()
    button(page, "labChatMade").click()
    button(page, "labShowMade").click()
    assert asked == [("chat", made), ("library", made)]
    until(qtbot, lambda: choice(page, "labModel").findText("m-Q8_0") >= 0)
    button(page, "labMeasureMade").click()
    assert find(page, QTabWidget, "labTabs").currentIndex() == 1
    assert choice(page, "labModel").currentText() == "m-Q8_0" and choice(page, "labReference").currentText() == "m-F16"


def test_what_was_made_comes_into_view_in_a_small_window(page: LabPage, qtbot: QtBot) -> None:
    page.resize(744, 400)
    choose(page, "labModel", "m-F16")
    choose(page, "labType", "Q8_0")
    until(qtbot, button(page, "labQuantize").isEnabled)
    button(page, "labQuantize").click()
    chat = button(page, "labChatMade")
    until(qtbot, lambda: chat.isVisible() and chat.visibleRegion().boundingRect().height() == chat.height())


def test_the_keyboard_stays_on_the_page_when_nothing_was_made(page: LabPage, gate: Gate, qtbot: QtBot) -> None:
    choose(page, "labModel", "m-F16")
    choose(page, "labType", "Q6_K")
    until(qtbot, button(page, "labQuantize").isEnabled)
    gate.close()
    button(page, "labQuantize").setFocus()
    button(page, "labQuantize").click()
    until(qtbot, gate.held.is_set)
    button(page, "labMakingCancel").click()
    until(qtbot, lambda: not button(page, "labMakingCancel").isVisible())
    assert page.window().focusWidget() is choice(page, "labType")


def test_what_it_is_made_of_is_said(page: LabPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = ScriptedQuantizer.call

    def fallen_back(self: ScriptedQuantizer, request: Any, **others: Any) -> Any:
        found = plain(self, request, **others)
        return Quantized({name: "Q4_0" if kind == "Q2_K" else kind for name, kind in found.types.items()}, False, 0.0)

    monkeypatch.setattr(ScriptedQuantizer, "call", fallen_back)
    choose(page, "labModel", "m-F16")
    choose(page, "labType", "Q2_K ")
    until(qtbot, lambda: "Most of it will be Q4_0, not Q2_K" in label(page, "labMadeOf"))
    assert label(page, "labMadeOf").startswith("Q4_0 ") and "published" in label(page, "labLoss")
    assert "divergence" not in label(page, "labLoss")


def test_types_say_their_bits_per_weight(page: LabPage) -> None:
    types = choice(page, "labType")
    words = [types.itemText(row) for row in range(types.count())]
    assert "Q4_K_M · about 4.89 bits per weight" in words and "F16 · about 16 bits per weight" in words
    assert all("bits per weight" in one for one in words)


def test_what_is_measured_here_reaches_the_tab_quantize(page: LabPage, qtbot: QtBot) -> None:
    choose(page, "labModel", "m-Q4_K_M")
    choose(page, "labReference", "m-F16")
    find(page, QTabWidget, "labTabs").setCurrentIndex(1)
    until(qtbot, button(page, "labMeasure").isEnabled)
    button(page, "labMeasure").click()
    until(qtbot, lambda: label(page, "labLoss").startswith("Measured here on prose: mean KL divergence 0.01"))
    choose(page, "labModel", "m-F16")
    until(qtbot, lambda: "(m-Q4_K_M against m-F16)" in label(page, "labLoss"))


def test_a_variant_that_is_made_can_be_cancelled(page: LabPage, paths: Paths, gate: Gate, qtbot: QtBot) -> None:
    choose(page, "labModel", "m-F16")
    choose(page, "labType", "Q6_K")
    until(qtbot, button(page, "labQuantize").isEnabled)
    gate.close()
    button(page, "labQuantize").click()
    until(qtbot, gate.held.is_set)
    cancel = button(page, "labMakingCancel")
    until(qtbot, cancel.isVisible)
    assert not button(page, "labQuantize").isEnabled()
    cancel.click()
    until(qtbot, lambda: not cancel.isVisible())
    until(qtbot, lambda: not list(paths.models.glob("*Q6_K*")))
    assert not told(page) and button(page, "labQuantize").isEnabled()


def test_what_needs_an_importance_matrix_says_so(
    page: LabPage, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(page, "labModel", "m-F16")
    choose(page, "labType", "IQ2_XXS")
    until(qtbot, lambda: "importance matrix" in find(page, QLabel, "labWarning").text())
    assert not button(page, "labQuantize").isEnabled()
    matrix = tmp_path / "imatrix.dat"
    matrix.write_bytes(b"matrix")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(matrix), ""))
    button(page, "labImatrix").click()
    until(qtbot, button(page, "labQuantize").isEnabled)


def test_a_loss_is_measured_and_drawn(page: LabPage, qtbot: QtBot) -> None:
    find(page, QTabWidget, "labTabs").setCurrentIndex(1)
    nothing, table = find(page, QLabel, "labNothing"), find(page, QTableView, "labMeasured")
    until(qtbot, nothing.isVisible)
    choose(page, "labModel", "m-Q4_K_M")
    choose(page, "labReference", "m-Q4_K_M")
    assert "no reference of its own" in label(page, "labExpected") and not button(page, "labMeasure").isEnabled()
    choose(page, "labReference", "m-F16")
    choose(page, "labEffort", "Thorough")
    until(qtbot, button(page, "labMeasure").isEnabled)
    assert "20 of 20 pieces" in label(page, "labExpected") and "of disk" in label(page, "labExpected")
    button(page, "labMeasure").click()
    until(qtbot, table.isVisible)
    cells = [table.model().index(0, column).data() for column in range(9)]
    assert cells[0] == "m-Q4_K_M" and cells[3].startswith("0.01 ± ") and cells[7:] == ["m-F16", "prose"]
    chart = find(page, LossChart, "labChart")
    assert chart.isVisible() and "m-Q4_K_M: " in chart.accessibleDescription() and not nothing.isVisible()
    chart.grab()  # it paints


def test_a_text_of_ones_own(page: LabPage, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    find(page, QTabWidget, "labTabs").setCurrentIndex(1)
    mine = tmp_path / "mine.txt"
    mine.write_text("words " * 100)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(mine), ""))
    choose(page, "labModel", "m-F16")
    button(page, "labOwnText").click()
    assert choice(page, "labText").currentText() == "mine.txt"
    until(qtbot, button(page, "labMeasure").isEnabled)
    mine.unlink()
    choose(page, "labEffort", "Quick")
    until(qtbot, lambda: "cannot be read" in label(page, "labExpected"))
    assert not button(page, "labMeasure").isEnabled()


def test_efforts_say_the_time_that_is_expected_here(
    page: LabPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MeasuringService, "_rate", lambda *_: 51.2)  # tokens per second: 10 s for each of 20 pieces
    efforts = choice(page, "labEffort")
    assert [efforts.itemText(row) for row in range(3)] == ["Quick", "Usual", "Thorough: all of the text"]
    choose(page, "labModel", "m-Q4_K_M")
    until(qtbot, button(page, "labMeasure").isEnabled)
    words = [efforts.itemText(row) for row in range(3)]
    assert words == [
        "Quick: about 2 min, ± 5%",
        "Usual: about 3 min, ± 4%",
        "Thorough: all of the text, about 3 min, ± 4%",
    ]
    assert "about 3 min" in label(page, "labExpected")


def test_columns_explain_themselves(page: LabPage) -> None:
    model = find(page, QTableView, "labMeasured").model()
    for column in range(model.columnCount()):
        title = model.headerData(column, Qt.Orientation.Horizontal)
        tip = model.headerData(column, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
        assert title not in tip or len(tip) > len(title) + 10
    tip = model.headerData(4, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
    assert "one token in a thousand exceeds" in tip


@pytest.mark.parametrize("size", [(744, 470), (1204, 770)])
def test_all_words_can_be_read(page: LabPage, qtbot: QtBot, size: tuple[int, int]) -> None:
    page.resize(*size)
    assert faults(page) == []
    choose(page, "labModel", "m-Q4_K_M")
    until(qtbot, find(page, QCheckBox, "labQuantizeAgain").isVisible)
    assert faults(page) == []
    find(page, QTabWidget, "labTabs").setCurrentIndex(1)
    assert faults(page) == []
    choose(page, "labReference", "m-F16")
    until(qtbot, button(page, "labMeasure").isEnabled)
    button(page, "labMeasure").click()
    until(qtbot, find(page, QTableView, "labMeasured").isVisible)
    until(qtbot, lambda: faults(page) == [])  # once the chart has taken its place
    find(page, QTabWidget, "labTabs").setCurrentIndex(0)
    choose(page, "labModel", "m-F16")
    choose(page, "labType", "Q8_0")
    until(qtbot, button(page, "labQuantize").isEnabled)
    button(page, "labQuantize").click()
    until(qtbot, find(page, QFrame, "labResult").isVisible)
    until(qtbot, lambda: faults(page) == [])


def test_a_tensor_that_was_asked_for_is_chosen(page: LabPage, paths: Paths, qtbot: QtBot) -> None:
    page.show_numbers(paths.models / "m-F16.gguf", "blk.0.ffn_up.weight")
    assert find(page, QTabWidget, "labTabs").tabText(find(page, QTabWidget, "labTabs").currentIndex()) == "Numbers"
    tensor = choice(page, "labTensor")
    until(qtbot, lambda: tensor.currentText() == "blk.0.ffn_up.weight")
    assert choice(page, "labModel").currentText() == "m-F16"
    g.model(tokenizer__ggml__model="gpt2").write(paths.models / "new.gguf")  # one that is not listed yet
    page.show_numbers(paths.models / "new.gguf", "output.weight")
    until(qtbot, lambda: choice(page, "labModel").currentText() == "new")
