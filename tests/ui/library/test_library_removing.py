"""Removing a model of the Hugging Face cache by the keyboard and the menu: the space first, then it is gone."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QMessageBox, QTableView
from pytestqt.qtbot import QtBot
from support import gguf_bytes as g
from support.planning import planning_on
from support.widgets import find, shown

from desktop.core.errors import HeftError
from desktop.core.units import human_bytes
from desktop.services.models.library import LibraryService
from desktop.services.models.removal import RemovalService
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore
from desktop.ui.library.columns import NAME
from desktop.ui.library.page import LibraryPage
from desktop.ui.shared.chosen_machine import ChosenMachine
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme

COMMIT = "a" * 40


@pytest.fixture
def cached(tmp_path: Path) -> Path:
    """A model in the cache: a blob and the link to it."""
    repo = tmp_path / "hub" / "models--owner--model"
    blob = g.model().write(repo / "blobs" / ("b" * 64))
    link = repo / "snapshots" / COMMIT / "cached-Q4_K_M.gguf"
    link.parent.mkdir(parents=True)
    link.symlink_to(blob)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(COMMIT)
    return link


@pytest.fixture
def page(
    paths: Paths, chosen: ChosenMachine, tasks: Tasks, theme: Theme, qtbot: QtBot, tmp_path: Path, cached: Path
) -> LibraryPage:
    g.model().write(tmp_path / "home" / ".lmstudio" / "models" / "o" / "m" / "theirs-Q4_0.gguf")
    around = {"HF_HUB_CACHE": str(tmp_path / "hub")}
    library = LibraryService(paths, SettingsStore(paths.settings), environ=around, home=tmp_path / "home")
    planning = planning_on(paths)
    opened = LibraryPage(library, RemovalService(paths, library), lambda: planning, chosen, tasks, theme)
    made = shown(qtbot, opened, 1204, 770)
    qtbot.waitUntil(lambda: find(made, QAbstractButton, "libraryRescan").isEnabled())
    return made


def table(page: LibraryPage) -> QTableView:
    return find(page, QTableView, "libraryTable")


def names(page: LibraryPage) -> list[str]:
    rows = table(page).model()
    return [rows.index(row, NAME).data() for row in range(rows.rowCount())]


def choose(page: LibraryPage, name: str) -> None:
    table(page).setCurrentIndex(table(page).model().index(names(page).index(name), NAME))


def ask(page: LibraryPage, qtbot: QtBot) -> QMessageBox:
    qtbot.keyClick(table(page), Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: page.findChild(QMessageBox, "libraryRemoveQuestion") is not None)
    return find(page, QMessageBox, "libraryRemoveQuestion")


def test_a_file_can_be_asked_about_from_elsewhere(page: LibraryPage, qtbot: QtBot, cached: Path) -> None:
    page.ask_remove(cached)
    qtbot.waitUntil(lambda: page.findChild(QMessageBox, "libraryRemoveQuestion") is not None)
    assert "cached-Q4_K_M" in find(page, QMessageBox, "libraryRemoveQuestion").text()
    qtbot.mouseClick(find(page, QAbstractButton, "libraryRemoveConfirm"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "cached-Q4_K_M" not in names(page))
    assert not cached.exists()


def test_enter_leaves_the_question_and_the_file(page: LibraryPage, qtbot: QtBot, cached: Path) -> None:
    choose(page, "cached-Q4_K_M")
    box = ask(page, qtbot)
    assert box.defaultButton() is box.button(QMessageBox.StandardButton.Cancel)
    qtbot.keyClick(box, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.findChild(QMessageBox) is None)
    assert cached.exists()


def test_the_question_says_what_is_freed_and_then_it_is(page: LibraryPage, qtbot: QtBot, cached: Path) -> None:
    size = human_bytes(cached.stat().st_size)
    choose(page, "cached-Q4_K_M")
    assert find(page, QAbstractButton, "libraryRemove").isVisible()
    box = ask(page, qtbot)
    assert box.informativeText() == f"This frees {size}. It can be downloaded again from owner/model."
    box.button(QMessageBox.StandardButton.Cancel).click()
    qtbot.waitUntil(lambda: page.findChild(QMessageBox) is None)
    assert cached.exists()
    box = ask(page, qtbot)
    with qtbot.waitSignal(page.notify) as told:
        qtbot.mouseClick(find(box, QAbstractButton, "libraryRemoveConfirm"), Qt.MouseButton.LeftButton)
    assert told.args == [f"cached-Q4_K_M was removed; {size} are free again."]
    qtbot.waitUntil(lambda: "cached-Q4_K_M" not in names(page))
    qtbot.waitUntil(lambda: find(page, QAbstractButton, "libraryRescan").isEnabled())
    assert not cached.parents[2].exists()


def test_whose_a_model_is_is_said(page: LibraryPage, qtbot: QtBot) -> None:
    choose(page, "theirs-Q4_0")
    assert not find(page, QAbstractButton, "libraryRemove").isVisible()
    with qtbot.waitSignal(page.notify) as told:
        qtbot.keyClick(table(page), Qt.Key.Key_Delete)
    (error,) = told.args
    assert isinstance(error, HeftError)
    assert (error.message, error.hint) == ("theirs-Q4_0 belongs to LM Studio.", "Remove it in LM Studio.")
