"""The tab Compare, driven as a person does, over models that know their answers."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot
from support import gguf_bytes as g
from support.cut import faults
from support.gate import Gate
from support.scripted_compare import Computer
from support.widgets import find, label, shown

from desktop.services.models.library import LibraryService
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore
from desktop.ui.lab import actions
from desktop.ui.lab.compare_tab import CompareTab
from desktop.ui.shared.reflow import DownwardScroll
from desktop.ui.shell.action_registry import ActionRegistry
from desktop.ui.shell.tasks import Tasks

WORDS = {"m-A": ("The sea", " is", " salt", "."), "m-B": ("The sea", " is", " blue", ".")}


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.go_on.set()


@pytest.fixture
def computer(gate: Gate) -> Computer:
    return Computer(gate, WORDS)


@pytest.fixture
def page(computer: Computer, paths: Paths, tmp_path: Path, tasks: Tasks, qtbot: QtBot) -> QWidget:
    """The tab with the page's model m-A chosen, and the other one on offer."""
    for name in WORDS:
        g.model(tokenizer__ggml__model="gpt2").write(paths.models / f"{name}.gguf")
    library = LibraryService(paths, SettingsStore(paths.settings), environ={}, home=tmp_path / "home")
    service = computer.comparing(paths, library)
    host = QWidget()
    host.told = []  # type: ignore[attr-defined]
    tab = CompareTab(lambda: service, ActionRegistry(actions.LAB_ACTIONS, host), tasks)
    tab.notify.connect(host.told.append)  # type: ignore[attr-defined]
    QVBoxLayout(host).addWidget(tab)
    tab.show_models([library.resolve(str(paths.models / f"{name}.gguf")) for name in WORDS])
    tab.show_model(str(paths.models / "m-A.gguf"))
    shown(qtbot, host, 1204, 770)
    return host


def button(page: QWidget, name: str) -> QPushButton:
    return find(page, QPushButton, name)


def text(page: QWidget, name: str) -> str:
    return find(page, QPlainTextEdit, name).toPlainText()


def until(qtbot: QtBot, check: object) -> None:
    qtbot.waitUntil(check, timeout=20_000)  # type: ignore[arg-type]


def ready(page: QWidget, qtbot: QtBot, prompts: str = "Why?") -> None:
    find(page, QComboBox, "labOther").setCurrentIndex(1)
    find(page, QPlainTextEdit, "labPrompts").setPlainText(prompts)
    until(qtbot, button(page, "labCompare").isEnabled)


def test_two_models_answer_side_by_side(page: QWidget, gate: Gate, qtbot: QtBot) -> None:
    assert not button(page, "labCompare").isEnabled()
    ready(page, qtbot)
    assert label(page, "labWay").startswith("Side by side")
    gate.close()
    button(page, "labCompare").click()
    until(qtbot, lambda: text(page, "labLeftText") == "The sea" and text(page, "labRightText") == "The sea")
    assert label(page, "labLeftRate") == "12.5 tok/s" and not button(page, "labCompare").isEnabled()
    gate.go_on.set()
    parting = find(page, QFrame, "labParting")
    until(qtbot, parting.isVisible)
    assert text(page, "labLeftText") == "The sea is salt." and text(page, "labRightText") == "The sea is blue."
    assert label(page, "labPartingWords") == "They part after 11 characters."
    assert "m-A held “ salt” for likely at 70.0%, and “ blue” at 20.0%." in label(page, "labPartingThoughts")
    rows = find(page, QTableView, "labTokens").model()
    cells = [[rows.index(row, column).data() for column in range(3)] for row in range(rows.rowCount())]
    assert cells[0] == [" salt", "70.0% ←", "70.0%"] and cells[1] == [" blue", "20.0%", "20.0% ←"]
    until(qtbot, lambda: faults(page) == [])
    assert not button(page, "labVoteLeft").isVisible()


def test_a_list_of_prompts(page: QWidget, qtbot: QtBot) -> None:
    ready(page, qtbot, "Why?\n\nHow\nthen?\n \n\n")
    button(page, "labCompare").click()
    until(qtbot, find(page, QFrame, "labParting").isVisible)
    shown_prompts = find(page, QComboBox, "labPromptShown")
    assert [shown_prompts.itemText(row) for row in range(2)] == [
        "1. Why?",
        "2. How then?",
    ] and shown_prompts.isVisible()
    assert shown_prompts.count() == 2


@pytest.mark.parametrize("turned", [False, True])
def test_hidden_sides_are_named_after_the_vote(
    page: QWidget, paths: Paths, gate: Gate, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, turned: bool
) -> None:
    monkeypatch.setattr(random, "random", lambda: 0.1 if turned else 0.9)
    ready(page, qtbot)
    find(page, QCheckBox, "labBlind").click()
    gate.close()
    button(page, "labCompare").click()
    until(qtbot, lambda: text(page, "labLeftText") == "The sea")
    assert label(page, "labLeftRate") == "answers…"  # a rate would tell
    gate.go_on.set()
    until(qtbot, button(page, "labVoteLeft").isVisible)
    told = " ".join(one.text() for one in page.findChildren(QLabel) if one.isVisible())
    assert "m-A" not in told and "m-B" not in told and not find(page, QFrame, "labParting").isVisible()
    salt = "labVoteRight" if turned else "labVoteLeft"
    assert text(page, salt.replace("Vote", "") + "Text") == "The sea is salt."
    button(page, salt).click()
    until(qtbot, lambda: "m-A was preferred 1 to 0" in label(page, "labTally"))
    assert "m-A" in find(page, QLabel, salt.replace("Vote", "") + "Title").text()
    assert find(page, QFrame, "labParting").isVisible() and not button(page, "labVoteLeft").isVisible()
    assert paths.votes.is_file()


def test_a_comparison_is_cancelled(page: QWidget, computer: Computer, gate: Gate, qtbot: QtBot) -> None:
    ready(page, qtbot)
    gate.close()
    button(page, "labCompare").click()
    until(qtbot, gate.held.is_set)
    button(page, "labComparingCancel").click()
    until(qtbot, button(page, "labCompare").isEnabled)
    assert not page.told and computer.now == 0  # type: ignore[attr-defined]


def test_one_after_the_other_is_said_and_done(page: QWidget, computer: Computer, qtbot: QtBot) -> None:
    ready(page, qtbot)
    find(page, QCheckBox, "labInTurn").click()
    until(qtbot, lambda: label(page, "labWay").startswith("One after the other"))
    button(page, "labCompare").click()
    until(qtbot, find(page, QFrame, "labParting").isVisible)
    assert computer.most == 1


def test_the_answers_come_into_view_in_a_small_window(page: QWidget, qtbot: QtBot) -> None:
    tab = find(page, CompareTab, "labCompareTab")
    scroll = DownwardScroll("scroll", "Compare", tab)
    shown(qtbot, scroll, 744, 380)
    ready(scroll, qtbot)
    button(scroll, "labCompare").click()
    left = find(scroll, QPlainTextEdit, "labLeftText")
    until(qtbot, lambda: left.isVisible() and left.visibleRegion().boundingRect().height() == left.height())


def test_nothing_is_cut_in_a_small_window(page: QWidget, qtbot: QtBot) -> None:
    page.resize(744, 900)
    ready(page, qtbot)
    button(page, "labCompare").click()
    until(qtbot, find(page, QFrame, "labParting").isVisible)
    until(qtbot, lambda: faults(page) == [])
