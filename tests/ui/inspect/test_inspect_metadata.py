"""The tab Metadata, driven over real headers."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QLineEdit, QPlainTextEdit, QPushButton, QTreeView
from pytestqt.qtbot import QtBot
from support import forge
from support.calls import calls_of
from support.inspected import opened
from support.widgets import find, shown

from desktop.services.inspect.metadata import MetadataService
from desktop.ui.inspect.metadata import MetadataTab
from desktop.ui.inspect.metadata_model import KEY, VALUE, MetadataModel
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme


@pytest.fixture
def tab(tasks: Tasks, theme: Theme, qtbot: QtBot) -> MetadataTab:
    return shown(qtbot, MetadataTab(theme, tasks, MetadataService()), 1180, 660)


def tree(tab: MetadataTab) -> QTreeView:
    return find(tab, QTreeView, "inspectMetadataTree")


def model(tab: MetadataTab) -> MetadataModel:
    found = tree(tab).model()
    assert isinstance(found, MetadataModel)
    return found


def value(tab: MetadataTab) -> str:
    return find(tab, QPlainTextEdit, "inspectValueText").toPlainText()


def show(qtbot: QtBot, tab: MetadataTab, path: Path) -> None:
    tab.show_model(opened(path))
    qtbot.waitUntil(lambda: model(tab).shown > 0)


def test_keys_are_grouped_searched_and_sorted(tab: MetadataTab, qtbot: QtBot, starter_model: Path) -> None:
    show(qtbot, tab, starter_model)
    rows = model(tab)
    groups = [rows.index(row, KEY).data() for row in range(rows.rowCount())]
    assert groups[:2] == ["general  (11)", "llama  (5)"] and rows.shown == 33
    general = rows.index(0, KEY)
    assert rows.rowCount(general) == 11 and rows.parent(rows.index(3, VALUE, general)) == general
    rows.sort(KEY, Qt.SortOrder.DescendingOrder)
    assert rows.index(0, KEY, rows.index(0, KEY)).data() == "general.type"
    search = tab.findChild(QLineEdit, "inspectMetadataSearch")
    assert search is not None
    search.setText("im_end")  # the text of a token id
    assert {rows.index(r, KEY, rows.index(0, KEY)).data() for r in range(rows.rowCount(rows.index(0, KEY)))} >= {
        "tokenizer.ggml.eos_token_id"
    }
    search.setText("nothing like this")
    nothing = tab.findChild(QLabel, "inspectMetadataNothing")
    assert nothing is not None and nothing.isVisible() and "nothing like this" in nothing.text()


def test_the_current_key_is_explained_and_its_value_whole(tab: MetadataTab, qtbot: QtBot, starter_model: Path) -> None:
    show(qtbot, tab, starter_model)
    qtbot.waitUntil(lambda: value(tab) == "llama")
    tab.go_to("key:tokenizer.chat_template")
    whole = opened(starter_model).header.string("tokenizer.chat_template")
    qtbot.waitUntil(lambda: value(tab) == whole)
    meaning = tab.findChild(QLabel, "inspectMetadataMeaning")
    assert meaning is not None and meaning.text().startswith("The Jinja program")
    tree(tab).setFocus()
    qtbot.keyClick(tree(tab), Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: QGuiApplication.clipboard().text() == whole)


def test_a_long_array_is_paged_and_found_by_index(tab: MetadataTab, qtbot: QtBot, starter_model: Path) -> None:
    tab.show_model(opened(starter_model))
    tab.go_to("key:tokenizer.ggml.tokens")  # asked for before the rows are there
    qtbot.waitUntil(lambda: value(tab).count("\n") == 499)
    page, forward = tab.findChild(QLabel, "inspectValuePage"), tab.findChild(QPushButton, "inspectValueNext")
    assert page is not None and forward is not None and page.text() == "0–499 of 49,152"
    qtbot.mouseClick(forward, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.text() == "500–999 of 49,152")
    index = tab.findChild(QLineEdit, "inspectValueIndex")
    assert index is not None
    index.setText("49,151")
    qtbot.keyClick(index, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.text() == "49,000–49,151 of 49,152")
    text = tab.findChild(QPlainTextEdit, "inspectValueText")
    assert text is not None and text.textCursor().selectedText().strip().startswith("49,151")
    assert not forward.isEnabled()
    copy = tab.findChild(QPushButton, "inspectValueCopy")
    assert copy is not None
    qtbot.mouseClick(copy, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: QGuiApplication.clipboard().text().count("\n") == 49_151)


def test_ten_thousand_keys_do_not_hold_up_the_window(tab: MetadataTab, qtbot: QtBot, tmp_path: Path) -> None:
    entries = {"general.architecture": forge.Value(8, "x")} | {f"k{i}.a": forge.Value(4, i) for i in range(10_000)}
    path = forge.write(tmp_path / "many.gguf", entries, [])
    header = opened(path)
    assert calls_of(lambda: tab.show_model(header)) < 1000
    qtbot.waitUntil(lambda: model(tab).shown == 10_001)
    tab.clear()
    assert model(tab).shown == 0 and value(tab) == ""
