"""The view of files that are no GGUF: what is said, what is hidden, and the tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton, QTableView, QTabWidget, QWidget
from pytestqt.qtbot import QtBot
from support import model_files as m
from support.cut import faults

from desktop.core.formats import Fact, Summary, TensorRow, recognise
from desktop.core.gguf import BytesSource
from desktop.store.format_catalog import format_catalog
from desktop.ui.inspect.format_summary import FormatSummaryView
from desktop.ui.inspect.summary_models import SIZE, SummaryTensorModel
from desktop.ui.shared.method_card import MethodPicture
from desktop.ui.shell.theme import Theme

EVIL = b"cos\nsystem\n(S'echo x'\ntR."


def read(data: bytes) -> Summary:
    summary = recognise(BytesSource(data), "x.bin", format_catalog())
    assert summary is not None
    return summary


@pytest.fixture
def searched() -> list[str]:
    return []


@pytest.fixture
def make(qtbot: QtBot, theme: Theme, searched: list[str]) -> Iterator[Callable[..., FormatSummaryView]]:
    def show(summary: Summary, *, search: bool = True, find: str = "") -> FormatSummaryView:
        view = FormatSummaryView(theme, searched.append if search else None)
        qtbot.addWidget(view)
        view.resize(1100, 640)
        view.set_summary(summary, find=find)
        with qtbot.waitExposed(view):
            view.show()
        return view

    yield show


def text(view: QWidget, name: str) -> str:
    label = view.findChild(QLabel, name)
    assert label is not None
    return label.text() if label.isVisible() else ""


def tabs(view: QWidget) -> list[str]:
    found = view.findChild(QTabWidget, "formatTabs")
    assert found is not None
    return [found.tabText(index) for index in range(found.count()) if found.isTabVisible(index)]


def cell(view: QWidget, table: str, row: int, column: int) -> str:
    found = view.findChild(QTableView, table)
    assert found is not None
    return str(found.model().index(row, column).data())


def test_a_safetensors_file_shows_words_details_and_tensors(make: Callable[..., FormatSummaryView]) -> None:
    view = make(read(m.small_safetensors()))
    assert text(view, "formatTitle") == "safetensors weights"
    assert text(view, "formatDanger") == "✓ Data only"
    assert "Transformers" in text(view, "formatRunsOnText")
    assert "heft convert FOLDER" in text(view, "formatAdviceText")
    assert tabs(view) == ["Details", "Tensors 2", "Metadata 1"]
    assert cell(view, "formatTensors", 0, 0) == "a"
    assert cell(view, "formatTensors", 0, 1) == "2 × 3"
    assert cell(view, "formatMetadata", 0, 0) == "format"


def test_a_dangerous_pickle_says_so_first(make: Callable[..., FormatSummaryView]) -> None:
    view = make(read(EVIL))
    assert text(view, "formatDanger") == "✖ Can run code"
    assert tabs(view)[0] == "Problems 1"
    assert "os.system('echo x')" in cell(view, "formatProblems", 0, 1)


def test_empty_parts_are_hidden(make: Callable[..., FormatSummaryView]) -> None:
    view = make(read(b""))
    assert tabs(view) == ["Problems 1"]
    assert text(view, "formatDanger") == ""
    assert text(view, "formatRunsOnText") == ""
    assert "Download it again" in text(view, "formatAdviceText")
    view.set_summary(read(m.small_safetensors()))
    assert text(view, "formatRunsOnText")
    view.set_summary(None)
    assert (tabs(view), text(view, "formatTitle"), text(view, "formatAdviceText")) == ([], "", "")


def test_the_base_model_leads_to_its_gguf_versions(
    make: Callable[..., FormatSummaryView], qtbot: QtBot, searched: list[str]
) -> None:
    summary = format_catalog().summary("awq", base_model="org/Name-7B")
    first = make(summary, find="org/Name-7B")
    button = first.findChild(QPushButton, "formatFindGguf")
    assert button is not None and button.isVisible()
    assert "org/Name-7B" in button.text()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert searched == ["org/Name-7B"]
    for view in (make(summary, search=False, find="org/Name-7B"), make(format_catalog().summary("awq"))):
        hidden = view.findChild(QPushButton, "formatFindGguf")
        assert hidden is not None and not hidden.isVisible()


def test_tensors_are_filtered_sorted_and_copied(make: Callable[..., FormatSummaryView], qtbot: QtBot) -> None:
    rows = tuple(TensorRow(f"layer.{i}.weight", (i + 1, 4), "F16", 8 * (i + 1), 100 + i) for i in range(50))
    view = make(format_catalog().summary("safetensors", tensors=rows))
    table = view.findChild(QTableView, "formatTensors")
    tab_widget = view.findChild(QTabWidget, "formatTabs")
    field = view.findChild(QLineEdit, "formatTensorFilter")
    assert table is not None and field is not None and tab_widget is not None
    field.setFocus()
    qtbot.keyClicks(field, "layer.4")
    assert table.model().rowCount() == 11
    table.sortByColumn(SIZE, Qt.SortOrder.DescendingOrder)
    assert table.model().index(0, 0).data() == "layer.49.weight"
    tab_widget.setCurrentIndex(2)
    table.setFocus()
    table.selectRow(0)
    qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "layer.49.weight\t50 × 4\tF16\t400 B\t0x95"


def test_tensor_models_take_fifty_thousand_rows(theme: Theme) -> None:
    model = SummaryTensorModel(theme)
    model.set_rows([TensorRow(f"t{i % 977}", (i,), "F16", i, i) for i in range(50_000)])
    model.set_filter("t97")
    assert 0 < model.rowCount() < 50_000
    model.sort(SIZE)
    assert model.index(0, SIZE).data() == "97 B"
    model.sort(SIZE, Qt.SortOrder.DescendingOrder)
    assert model.index(0, SIZE).data() == "49.9 kB"


def test_what_strangers_write_is_shown_as_it_is(make: Callable[..., FormatSummaryView]) -> None:
    header = {"__metadata__": {"<b>x</b>": "a\nb" * 3000}, "<img src=x>": m.tensor("U8", (1,), 0, 1)}
    view = make(read(m.safetensors(header, b"x")))
    assert cell(view, "formatTensors", 0, 0) == "<img src=x>"
    assert len(cell(view, "formatMetadata", 0, 1)) == 2000
    assert "\n" not in cell(view, "formatMetadata", 0, 1)


def test_every_control_has_a_name(make: Callable[..., FormatSummaryView], theme: Theme) -> None:
    view = make(read(m.torch_zip()))
    theme.set_preference("dark")
    for kind in (QTableView, QLineEdit, QPushButton, QTabWidget):
        for control in view.findChildren(kind):
            assert control.objectName() and control.accessibleName(), control


@pytest.mark.parametrize("id", ["gptq", "awq", "exl2", "bitsandbytes"])
def test_how_another_programs_quantization_works_is_drawn_and_said(
    make: Callable[..., FormatSummaryView], id: str
) -> None:
    entry = format_catalog().entries[id]
    view = make(Summary(id, entry.title, entry.what, entry.runs_on, facts=(Fact("Bits", "4"),)))
    assert tabs(view) == ["Details", "How it works"]
    found = view.findChild(QTabWidget, "formatTabs")
    assert found is not None
    found.setCurrentIndex(found.count() - 1)
    assert text(view, "methodTitle").startswith("How ") and "PTQ" in text(view, "methodMore")
    picture = view.findChild(MethodPicture, "methodPicture")
    assert picture is not None and picture.isVisible() and "bits rounded" in picture.accessibleDescription()
    picture.grab()  # it paints
    assert faults(view) == []


def test_other_formats_need_no_such_word(make: Callable[..., FormatSummaryView]) -> None:
    assert "How it works" not in tabs(make(Summary("safetensors", "x", "y", facts=(Fact("a", "b"),))))
