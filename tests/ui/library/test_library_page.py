"""The page Library, driven by mouse and keyboard over real files."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QMenu,
    QMessageBox,
    QPushButton,
    QWidget,
)
from pytestqt.qtbot import QtBot
from support import gguf_bytes as g
from support.fitting import cut
from support.forge_shapes import llama_8b
from support.library_page import MakePage, button, current, names, search, settled, table
from support.planning import planning_on
from support.starter_size import BITS_SAID, PARAMETERS, PARAMETERS_SAID
from support.widgets import click, find, label

from desktop.core.errors import HeftError
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import local_ref
from desktop.services.models.library import LibraryModel, LibraryService
from desktop.store import options
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore
from desktop.ui.library.columns import COLUMNS, NAME, SIZE, WHERE
from desktop.ui.library.columns import PARAMETERS as COLUMN_OF_PARAMETERS
from desktop.ui.shared.elided_label import ElidedLabel
from desktop.ui.shell.theme import Theme


def test_shows_what_is_there(make_page: MakePage, two: tuple[Path, Path], service: LibraryService) -> None:
    service.note_used(two[0])
    page = make_page()
    assert names(page) == ["Large-Q4_K_M", "small-Q4_K_M", "SmolLM2-135M-Instruct.Q4_1"]
    row = [table(page).model().index(2, column).data() for column in range(len(COLUMNS))]
    assert row[:5] == ["SmolLM2-135M-Instruct.Q4_1", "llama", "135 M", "Q4_1", "98.4 MB"]
    assert row[WHERE:] == ["Starter", "never"]
    assert label(page, "libraryCount").startswith("3 models · ")
    assert current(page) == "small-Q4_K_M"  # the one used last
    assert "trained for 4,096 tokens" in label(page, "libraryDetailsFacts")
    assert page.focusWidget() is table(page)


def test_parameters_and_bits_are_those_that_every_page_says(make_page: MakePage) -> None:
    page = make_page()
    said = label(page, "libraryDetailsFacts")
    assert f"{PARAMETERS_SAID} parameters" in said and f"Q4_1, {BITS_SAID}" in said
    cell = table(page).model().index(0, COLUMN_OF_PARAMETERS)
    assert cell.data() == PARAMETERS_SAID
    assert f"{PARAMETERS:,} parameters" in cell.data(Qt.ItemDataRole.ToolTipRole)


def test_search_sort_and_selection(make_page: MakePage, two: tuple[Path, Path], qtbot: QtBot) -> None:
    page = make_page()
    page.activateWindow()
    qtbot.keyClick(table(page), Qt.Key.Key_End, Qt.KeyboardModifier.ControlModifier)
    assert current(page) == "SmolLM2-135M-Instruct.Q4_1"
    qtbot.keyClicks(search(page), "QWEN3 heft")
    assert names(page) == ["Large-Q4_K_M"] and current(page) == "Large-Q4_K_M"
    search(page).setText("nothing like it")
    assert names(page) == [] and "No model matches" in label(page, "libraryEmptyTitle")
    assert not page.findChild(QWidget, "libraryDetails").isVisible()
    qtbot.mouseClick(button(page, "libraryClearSearch"), Qt.MouseButton.LeftButton)
    assert len(names(page)) == 3
    table(page).sortByColumn(SIZE, Qt.SortOrder.DescendingOrder)
    assert names(page)[0] == "SmolLM2-135M-Instruct.Q4_1"
    chosen = current(page)
    table(page).sortByColumn(SIZE, Qt.SortOrder.AscendingOrder)
    assert names(page)[0] == "small-Q4_K_M" and current(page) == chosen
    qtbot.keyClick(search(page), Qt.Key.Key_Return)
    assert page.focusWidget() is table(page)


def test_a_file_is_shown_as_soon_as_it_is_found(
    make_page: MakePage, two: tuple[Path, Path], paths: Paths, qtbot: QtBot
) -> None:
    page = make_page()
    search(page).setText("something else")
    new = paths.models / "zz-new-Q8_0.gguf"
    page.show_file(new)
    g.model().write(new)
    page.rescan()
    qtbot.waitUntil(lambda: current(page) == "zz-new-Q8_0")
    table(page).setCurrentIndex(table(page).model().index(0, NAME))
    page.show_file(new)
    assert current(page) == "zz-new-Q8_0"


def test_a_mistyped_name_offers_the_near_one(make_page: MakePage, two: tuple[Path, Path], qtbot: QtBot) -> None:
    page = make_page()
    qtbot.keyClicks(search(page), "smolm instrukt")
    assert names(page) == [] and button(page, "libraryNear").text() == "Did you mean “smollm instruct”?"
    qtbot.mouseClick(button(page, "libraryNear"), Qt.MouseButton.LeftButton)
    assert names(page) == ["SmolLM2-135M-Instruct.Q4_1"] and search(page).text() == "smollm instruct"
    search(page).setText("zzzzzz")
    assert not button(page, "libraryNear").isVisible()


def test_chat_and_inspect_by_keyboard_mouse_and_menu(make_page: MakePage, two: tuple[Path, Path], qtbot: QtBot) -> None:
    page = make_page()
    asked: list[tuple[str, LibraryModel]] = []
    page.run_requested.connect(lambda model: asked.append(("run", model)))
    page.inspect_requested.connect(lambda model: asked.append(("inspect", model)))
    qtbot.keyClick(table(page), Qt.Key.Key_Return)
    cell = table(page).visualRect(table(page).model().index(1, NAME)).center()
    viewport = table(page).viewport()
    qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=cell)
    qtbot.mouseDClick(viewport, Qt.MouseButton.LeftButton, pos=cell)
    qtbot.mouseClick(button(page, "libraryChat"), Qt.MouseButton.LeftButton)
    qtbot.mouseClick(button(page, "libraryInspect"), Qt.MouseButton.LeftButton)
    assert [(what, model.path) for what, model in asked] == [
        ("run", two[1]),
        ("run", two[0]),
        ("run", two[0]),
        ("inspect", two[0]),
    ]
    table(page).menu_asked.emit(QPoint(5, 5))  # type: ignore[attr-defined]
    menu = page.findChild(QMenu, "libraryContextMenu")
    assert isinstance(menu, QMenu)
    texts = [action.text() for action in menu.actions() if action.text()]
    assert texts == ["Chat\tEnter", "Inspect", "Show in folder", "Remove…\tDel"]
    menu.actions()[0].trigger()
    menu.close()
    assert len(asked) == 5


def test_a_broken_file_says_why_and_can_be_tried(make_page: MakePage, paths: Paths, qtbot: QtBot) -> None:
    paths.models.mkdir(parents=True)
    (paths.models / "broken.gguf").write_bytes(b"GGUF\3")
    page = make_page()
    assert current(page) == "⚠ broken"
    assert "ends at byte 5" in label(page, "libraryDetailsProblem")
    assert button(page, "libraryChat").text() == "Try anyway"
    qtbot.keyClick(table(page), Qt.Key.Key_Down)
    assert button(page, "libraryChat").text() == "Chat"


def test_remove_asks_first_and_moves_to_the_trash(
    make_page: MakePage,
    two: tuple[Path, Path],
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    page = make_page()
    assert current(page) == "Large-Q4_K_M"

    def question() -> QMessageBox:
        qtbot.keyClick(table(page), Qt.Key.Key_Delete)
        qtbot.waitUntil(lambda: page.findChild(QMessageBox, "libraryRemoveQuestion") is not None)
        box = page.findChild(QMessageBox, "libraryRemoveQuestion")
        assert isinstance(box, QMessageBox) and "Large-Q4_K_M" in box.text()
        return box

    question().button(QMessageBox.StandardButton.Cancel).click()
    qtbot.waitUntil(lambda: page.findChild(QMessageBox) is None)
    assert two[1].exists()
    with qtbot.waitSignal(page.notify):
        button(question(), "libraryRemoveConfirm").click()
    assert not two[1].exists()
    settled(qtbot, page)
    assert names(page) == ["small-Q4_K_M", "SmolLM2-135M-Instruct.Q4_1"]
    assert two[0].exists()


def test_files_of_others_are_not_removed(make_page: MakePage, qtbot: QtBot, starter_model: Path) -> None:
    page = make_page()
    assert not button(page, "libraryRemove").isVisible()
    with qtbot.waitSignal(page.notify) as said:
        qtbot.keyClick(table(page), Qt.Key.Key_Delete)
    assert said.args[0].kind == "not-ours" and "is part of Heft" in said.args[0].message
    assert page.findChild(QMessageBox) is None and starter_model.exists()


def test_folders_are_added_and_forgotten(
    make_page: MakePage, service: LibraryService, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "R&D"
    g.model().write(folder / "mine-Q4_K_M.gguf")
    page = make_page()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder))
    menu = page.findChild(QMenu, "libraryFoldersMenu")
    assert isinstance(menu, QMenu)

    def choose(index: int) -> None:
        menu.aboutToShow.emit()
        menu.actions()[index].trigger()

    choose(0)
    qtbot.waitUntil(lambda: "mine-Q4_K_M" in names(page))
    menu.aboutToShow.emit()
    assert menu.actions()[-1].text() == f"Forget {tmp_path}/R&&D"
    choose(-1)
    qtbot.waitUntil(lambda: "mine-Q4_K_M" not in names(page))
    settled(qtbot, page)
    assert service.folders() == ()


def test_open_file_runs_it_or_says_why_not(
    make_page: MakePage, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = make_page()
    chosen = g.model().write(tmp_path / "any" / "m.gguf")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(chosen), ""))
    with qtbot.waitSignal(page.run_requested) as asked:
        qtbot.mouseClick(button(page, "libraryOpenFile"), Qt.MouseButton.LeftButton)
    assert asked.args[0].path == chosen
    chosen.unlink()
    with qtbot.waitSignal(page.notify) as said:
        qtbot.mouseClick(button(page, "libraryOpenFile"), Qt.MouseButton.LeftButton)
    assert isinstance(said.args[0], HeftError)


def test_empty_library_tells_what_to_do(make_page: MakePage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desktop.services.models.library.find_starter", lambda: None)
    page = make_page()
    assert label(page, "libraryEmptyTitle") == "No models yet."
    assert "drop a .gguf file" in label(page, "libraryEmptyText")
    assert button(page, "libraryAddFolder").isVisible()


def test_light_and_dark_change_live(make_page: MakePage, paths: Paths, theme: Theme) -> None:
    paths.models.mkdir(parents=True)
    (paths.models / "broken.gguf").write_bytes(b"")
    page = make_page()
    cell = table(page).model().index(0, NAME)
    light = cell.data(Qt.ItemDataRole.ForegroundRole)
    theme.set_preference("dark")
    assert cell.data(Qt.ItemDataRole.ForegroundRole) == theme.color("warn") != light


def test_every_control_can_be_named_and_reached(make_page: MakePage, two: tuple[Path, Path]) -> None:
    page = make_page()
    for control in [*page.findChildren(QPushButton), search(page), table(page)]:
        assert control.objectName() and control.accessibleName(), control
        assert control.focusPolicy() & Qt.FocusPolicy.TabFocus, control.objectName()


def test_folders_and_stores_of_the_settings_count_at_once(
    make_page: MakePage, qtbot: QtBot, paths: Paths, tmp_path: Path
) -> None:
    page = make_page()
    g.model(layers=1).write(tmp_path / "more" / "new-Q4_K_M.gguf")
    store = SettingsStore(paths.settings)
    store.subscribe(page.option_changed)
    store.set(options.LIBRARY_FOLDERS, (str(tmp_path / "more"),))
    qtbot.waitUntil(lambda: "new-Q4_K_M" in names(page))
    store.reset(options.LIBRARY_FOLDERS)
    qtbot.waitUntil(lambda: "new-Q4_K_M" not in names(page))


def test_how_the_selected_model_loads_is_seen_and_set(make_page: MakePage, paths: Paths, qtbot: QtBot) -> None:
    paths.models.mkdir(parents=True, exist_ok=True)
    path = llama_8b().write(paths.models / "llama-Q4_K_M.gguf")
    page = make_page()
    search(page).setText("llama-Q4")
    said = find(page, ElidedLabel, "libraryDetailsPlan")
    qtbot.waitUntil(lambda: said.whole_text.startswith("4,096 tokens of context · ~ "))
    before = said.whole_text
    panel = find(page, QWidget, "loadPanel")
    assert not panel.isVisible()
    click(qtbot, page, "librarySetUp")
    assert panel.isVisible()
    box = find(page, QComboBox, "loadCacheTypeK")
    box.setFocus()
    qtbot.keyClicks(box, "q8_0")
    assert box.currentText() == "q8_0"
    with qtbot.waitSignal(page.run_requested) as asked:  # at once: what was just set is kept first
        click(qtbot, page, "libraryChat")
    assert asked.args is not None and asked.args[0].path == path
    assert planning_on(paths).settings_of(local_ref(path)) == LoadSettings(cache_type_k="q8_0")
    qtbot.waitUntil(lambda: said.whole_text not in (before, "…"))
    page.resize(744, 470)  # in a window of 820 x 520
    qtbot.waitUntil(lambda: not cut(panel))


def test_a_narrow_window_leaves_columns_out_and_keeps_the_names(
    make_page: MakePage, two: tuple[Path, Path], qtbot: QtBot
) -> None:
    page = make_page()
    assert not table(page).isColumnHidden(1)
    page.resize(744, 490)
    qtbot.waitUntil(lambda: table(page).isColumnHidden(1))
    qtbot.waitUntil(lambda: table(page).horizontalScrollBar().maximum() == 0)
    assert table(page).columnWidth(NAME) >= 220
    page.resize(1204, 770)
    qtbot.waitUntil(lambda: not table(page).isColumnHidden(1))
