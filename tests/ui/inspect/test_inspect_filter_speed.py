"""A key that is typed into a filter of the page Inspect costs little, counted without a clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QTableView
from pytestqt.qtbot import QtBot
from support import gguf_bytes as g
from support.calls import counted_calls
from support.inspect_page import MakePage, opened
from support.inspected import opened as read
from support.widgets import find, label, shown

from desktop.services.inspect.tokenizer import TokenizerService
from desktop.store.paths import Paths
from desktop.ui.inspect.tokenizer import TokenizerTab
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme

MOST_CALLS = 10_000  # Python functions on the GUI thread at one key, however long the list: some milliseconds


def typed(qtbot: QtBot, field: QLineEdit, text: str) -> int:
    """Type a word, key by key, and delete it again; the most that one key called."""

    most = 0
    for key in (*text, *[Qt.Key.Key_Backspace] * len(text)):
        with counted_calls() as calls:
            qtbot.keyClick(field, key)
            QApplication.processEvents()
        most = max(most, calls.count)
    return most


def test_two_thousand_tensors(make_page: MakePage, qtbot: QtBot, tmp_path: Path) -> None:
    many = g.model(layers=1)
    first = many.tensors[0]
    many.tensors[:] = [(f"blk.{at // 10}.role{at % 10}.weight", *first[1:]) for at in range(2_000)]
    page = make_page()
    opened(qtbot, page, many.write(tmp_path / "many.gguf"))
    page._tabs.go_to("tensors")
    field = find(page, QLineEdit, "tensorSearch")
    qtbot.waitUntil(lambda: label(page, "tensorCount") == "2,000 of 2,000")
    assert typed(qtbot, field, "blk.19 role3") < MOST_CALLS
    qtbot.keyClicks(field, "role3")
    assert label(page, "tensorCount") == "200 of 2,000"
    assert find(page, QTableView, "tensorTable").model().rowCount() == 200


@pytest.fixture
def tokens(paths: Paths, tasks: Tasks, theme: Theme, qtbot: QtBot) -> Iterator[TokenizerTab]:
    service = TokenizerService(paths)
    made = shown(qtbot, TokenizerTab(theme, tasks, service), 1180, 660)
    yield made
    made.clear()
    service.close()


def test_a_vocabulary_of_262_144_tokens(tokens: TokenizerTab, qtbot: QtBot, vocab_dir: Path) -> None:
    tokens.show_model(read(vocab_dir / "ggml-vocab-gemma-4.gguf"))
    table, field = (
        find(tokens, QTableView, "inspectVocabularyTable"),
        find(tokens, QLineEdit, "inspectVocabularySearch"),
    )
    assert table.model().rowCount() == 262_144
    assert typed(qtbot, field, "ocean") < MOST_CALLS
    qtbot.keyClicks(field, "ocean")
    found = find(tokens, QLabel, "inspectVocabularyFound")
    qtbot.waitUntil(lambda: "found" in found.text(), timeout=60_000)
    assert 0 < table.model().rowCount() < 1_000
