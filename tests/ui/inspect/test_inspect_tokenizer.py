"""The tab Tokenizer: a quarter of a million rows, a search, and the engine's own tokens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QPlainTextEdit, QPushButton, QTableView
from pytestqt.qtbot import QtBot
from support import forge
from support.inspected import opened
from support.widgets import find, label, shown

from desktop.services.inspect.tokenizer import TokenizerService
from desktop.store.paths import Paths
from desktop.ui.inspect.token_chips import TokenChips
from desktop.ui.inspect.tokenizer import TokenizerTab
from desktop.ui.inspect.vocabulary_model import ID, KEPT, STORED, TOKEN, TYPE, VocabularyModel
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme


@pytest.fixture
def tab(paths: Paths, tasks: Tasks, theme: Theme, qtbot: QtBot) -> Iterator[TokenizerTab]:
    service = TokenizerService(paths)
    made = shown(qtbot, TokenizerTab(theme, tasks, service), 1180, 660)
    yield made
    made.clear()
    service.close()


def table(tab: TokenizerTab) -> QTableView:
    return find(tab, QTableView, "inspectVocabularyTable")


def cell(tab: TokenizerTab, row: int, column: int) -> object:
    return table(tab).model().index(row, column).data()


def test_the_vocabulary_scrolls_and_reads_pages_as_they_come_into_view(
    tab: TokenizerTab, qtbot: QtBot, vocab_dir: Path
) -> None:
    tab.show_model(opened(vocab_dir / "ggml-vocab-gemma-4.gguf"))
    rows = table(tab).model()
    assert isinstance(rows, VocabularyModel) and rows.rowCount() == 262_144
    qtbot.waitUntil(lambda: cell(tab, 2, TOKEN) == "<bos>")
    assert cell(tab, 2, TYPE) == "control"
    assert rows.index(262_143, ID).data() == "262143" and rows.token_at(262_143) is None  # asked for now
    table(tab).scrollToBottom()
    qtbot.waitUntil(lambda: rows.token_at(262_143) is not None)
    qtbot.waitUntil(lambda: "BOS <bos> (2)" in label(tab, "inspectTokenizerSpecial"))
    assert label(tab, "inspectTokenizerFacts") == "262,144 tokens · gemma4 · 514,906 merges"
    for row in range(0, 262_144, 2_048):
        rows.index(row, TOKEN).data()
    qtbot.waitUntil(lambda: rows.token_at(128 * 2_048 - 2_048) is not None)
    assert len(rows._pages) <= KEPT


def test_search_by_text_type_and_id(tab: TokenizerTab, qtbot: QtBot, starter_model: Path) -> None:
    tab.show_model(opened(starter_model))
    search, types = (
        tab.findChild(QLineEdit, "inspectVocabularySearch"),
        tab.findChild(QComboBox, "inspectVocabularyType"),
    )
    assert search is not None and types is not None
    search.setText("im_")
    qtbot.keyClick(search, Qt.Key.Key_Return)
    types.setCurrentText("control")
    qtbot.waitUntil(lambda: label(tab, "inspectVocabularyFound") == "2 tokens found")
    qtbot.waitUntil(lambda: cell(tab, 1, STORED) == "<|im_end|>")
    search.setText("no such token at all")
    qtbot.keyClick(search, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: label(tab, "inspectVocabularyFound") == "No token matches.")
    search.clear()
    types.setCurrentIndex(0)
    qtbot.waitUntil(lambda: table(tab).model().rowCount() == 49_152)


def test_a_text_becomes_chips_and_a_chip_leads_to_its_row(tab: TokenizerTab, qtbot: QtBot, starter_model: Path) -> None:
    tab.show_model(opened(starter_model))
    chips = tab.findChild(TokenChips)
    text = tab.findChild(QPlainTextEdit, "inspectTokenizeText")
    assert chips is not None and text is not None
    text.setPlainText("Hello world<|im_end|>")
    qtbot.waitUntil(lambda: "tokens · 21 characters" in label(tab, "inspectTokenizeCount"), timeout=20_000)
    assert len(chips.chip_rects()) > 5  # the letters of the tag
    read = tab.findChild(QCheckBox, "inspectTokenizeParse")
    assert read is not None
    read.setChecked(True)
    qtbot.waitUntil(lambda: label(tab, "inspectTokenizeCount").startswith("3 tokens"))
    assert len(chips.chip_rects()) == 3
    qtbot.mouseClick(chips, Qt.MouseButton.LeftButton, pos=chips.chip_rects()[2].center().toPoint())
    assert table(tab).currentIndex().row() == 2
    copy = tab.findChild(QPushButton, "inspectTokenizeCopy")
    assert copy is not None
    qtbot.mouseClick(copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text().endswith(", 2")
    text.setPlainText("")
    qtbot.waitUntil(lambda: label(tab, "inspectTokenizeCount") == "No tokens: the text is empty.")


def test_a_file_without_a_vocabulary_says_so(tab: TokenizerTab, qtbot: QtBot, tmp_path: Path) -> None:
    tab.show_model(opened(forge.write(tmp_path / "bare.gguf", {"general.architecture": forge.Value(8, "x")}, [])))
    assert label(tab, "inspectTokenizerFacts") == "This file has no vocabulary."
    qtbot.waitUntil(lambda: label(tab, "inspectTokenizeCount").startswith("This file has no tokenizer."))


def test_a_vocabulary_that_breaks_off_says_so(tab: TokenizerTab, qtbot: QtBot, tmp_path: Path, vocab_dir: Path) -> None:
    path = tmp_path / "cut.gguf"
    path.write_bytes((vocab_dir / "ggml-vocab-llama-spm.gguf").read_bytes()[:300_000])
    tab.show_model(opened(path))
    assert label(tab, "inspectTokenizerFacts") == "This file has no vocabulary."
    qtbot.waitUntil(lambda: label(tab, "inspectTokenizeCount").startswith("This file has no vocabulary:"))
