"""The page Library, driven by mouse and keyboard over real files."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QFileDialog,
    QLineEdit,
    QMenu,
    QMessageBox,
    QPushButton,
    QTableView,
    QWidget,
)
from pytestqt.qtbot import QtBot
from support import gguf_bytes as g
from support.fitting import cut
from support.forge_shapes import llama_8b
from support.planning import planning_on
from support.widgets import click, find, label, shown

from desktop.core.errors import HeftError
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import local_ref
from desktop.core.text.fields import plain_tooltip
from desktop.services.models.library import LibraryModel, LibraryService
from desktop.services.models.removal import RemovalService
from desktop.store import options
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore
from desktop.ui.library.library_model import COLUMNS, NAME, SIZE, LibraryTableModel, when
from desktop.ui.library.page import LibraryPage
from desktop.ui.shared.elided_label import ElidedLabel
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme

MakePage = Callable[..., LibraryPage]
BLOCKED_SECONDS = 0.1  # the GUI thread is never away longer


@pytest.fixture
def service(paths: Paths, tmp_path: Path) -> LibraryService:
    return LibraryService(paths, SettingsStore(paths.settings), environ={}, home=tmp_path / "home")


@pytest.fixture
def removals(paths: Paths, service: LibraryService) -> RemovalService:
    return RemovalService(paths, service)


@pytest.fixture
def make_page(
    service: LibraryService, removals: RemovalService, paths: Paths, tasks: Tasks, theme: Theme, qtbot: QtBot
) -> Iterator[MakePage]:
    """Makes a shown page that has finished its first search."""

    planning = planning_on(paths)

    def make(*, wait: bool = True) -> LibraryPage:
        page = shown(qtbot, LibraryPage(service, removals, lambda: planning, tasks, theme), 1204, 770)
        page.setFocus()  # as the window does at a visit
        if wait:
            _settled(qtbot, page)
        return page

    yield make


def _settled(qtbot: QtBot, page: LibraryPage) -> None:
    qtbot.waitUntil(lambda: _button(page, "libraryRescan").isEnabled())


def _button(page: QWidget, name: str) -> QAbstractButton:
    return find(page, QAbstractButton, name)


def _table(page: LibraryPage) -> QTableView:
    return find(page, QTableView, "libraryTable")


def _search(page: LibraryPage) -> QLineEdit:
    return find(page, QLineEdit, "librarySearch")


def _names(page: LibraryPage) -> list[str]:
    rows = _table(page).model()
    return [rows.index(row, NAME).data() for row in range(rows.rowCount())]


def _current(page: LibraryPage) -> str:
    return str(_table(page).currentIndex().siblingAtColumn(NAME).data())


@pytest.fixture
def two(paths: Paths) -> tuple[Path, Path]:
    small = g.model(layers=1).write(paths.models / "small-Q4_K_M.gguf")
    large = g.model(layers=8, architecture="qwen3").write(paths.models / "Large-Q4_K_M.gguf")
    return small, large


def test_shows_what_is_there(make_page: MakePage, two: tuple[Path, Path], service: LibraryService) -> None:
    service.note_used(two[0])
    page = make_page()
    assert _names(page) == ["Large-Q4_K_M", "small-Q4_K_M", "SmolLM2-135M-Instruct.Q4_1"]
    row = [_table(page).model().index(2, column).data() for column in range(len(COLUMNS))]
    assert row == ["SmolLM2-135M-Instruct.Q4_1", "llama", "135 M", "Q4_1", "98.4 MB", "Starter", "never"]
    assert label(page, "libraryCount").startswith("3 models · ")
    assert _current(page) == "small-Q4_K_M"  # the one used last
    assert "trained for 4,096 tokens" in label(page, "libraryDetailsFacts")
    assert page.focusWidget() is _table(page)


def test_search_sort_and_selection(make_page: MakePage, two: tuple[Path, Path], qtbot: QtBot) -> None:
    page = make_page()
    page.activateWindow()
    qtbot.keyClick(_table(page), Qt.Key.Key_End, Qt.KeyboardModifier.ControlModifier)
    assert _current(page) == "SmolLM2-135M-Instruct.Q4_1"
    qtbot.keyClicks(_search(page), "QWEN3 heft")
    assert _names(page) == ["Large-Q4_K_M"] and _current(page) == "Large-Q4_K_M"
    _search(page).setText("nothing like it")
    assert _names(page) == [] and "No model matches" in label(page, "libraryEmptyTitle")
    assert not page.findChild(QWidget, "libraryDetails").isVisible()
    qtbot.mouseClick(_button(page, "libraryClearSearch"), Qt.MouseButton.LeftButton)
    assert len(_names(page)) == 3
    _table(page).sortByColumn(SIZE, Qt.SortOrder.DescendingOrder)
    assert _names(page)[0] == "SmolLM2-135M-Instruct.Q4_1"
    current = _current(page)
    _table(page).sortByColumn(SIZE, Qt.SortOrder.AscendingOrder)
    assert _names(page)[0] == "small-Q4_K_M" and _current(page) == current
    qtbot.keyClick(_search(page), Qt.Key.Key_Return)
    assert page.focusWidget() is _table(page)


def test_a_mistyped_name_offers_the_near_one(make_page: MakePage, two: tuple[Path, Path], qtbot: QtBot) -> None:
    page = make_page()
    qtbot.keyClicks(_search(page), "smolm instrukt")
    assert _names(page) == [] and _button(page, "libraryNear").text() == "Did you mean “smollm instruct”?"
    qtbot.mouseClick(_button(page, "libraryNear"), Qt.MouseButton.LeftButton)
    assert _names(page) == ["SmolLM2-135M-Instruct.Q4_1"] and _search(page).text() == "smollm instruct"
    _search(page).setText("zzzzzz")
    assert not _button(page, "libraryNear").isVisible()


def test_chat_and_inspect_by_keyboard_mouse_and_menu(make_page: MakePage, two: tuple[Path, Path], qtbot: QtBot) -> None:
    page = make_page()
    asked: list[tuple[str, LibraryModel]] = []
    page.run_requested.connect(lambda model: asked.append(("run", model)))
    page.inspect_requested.connect(lambda model: asked.append(("inspect", model)))
    qtbot.keyClick(_table(page), Qt.Key.Key_Return)
    cell = _table(page).visualRect(_table(page).model().index(1, NAME)).center()
    viewport = _table(page).viewport()
    qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=cell)
    qtbot.mouseDClick(viewport, Qt.MouseButton.LeftButton, pos=cell)
    qtbot.mouseClick(_button(page, "libraryChat"), Qt.MouseButton.LeftButton)
    qtbot.mouseClick(_button(page, "libraryInspect"), Qt.MouseButton.LeftButton)
    assert [(what, model.path) for what, model in asked] == [
        ("run", two[1]),
        ("run", two[0]),
        ("run", two[0]),
        ("inspect", two[0]),
    ]
    _table(page).menu_asked.emit(QPoint(5, 5))  # type: ignore[attr-defined]
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
    assert _current(page) == "⚠ broken"
    assert "ends at byte 5" in label(page, "libraryDetailsProblem")
    assert _button(page, "libraryChat").text() == "Try anyway"
    qtbot.keyClick(_table(page), Qt.Key.Key_Down)
    assert _button(page, "libraryChat").text() == "Chat"


def test_remove_asks_first_and_moves_to_the_trash(
    make_page: MakePage,
    two: tuple[Path, Path],
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    page = make_page()
    assert _current(page) == "Large-Q4_K_M"

    def question() -> QMessageBox:
        qtbot.keyClick(_table(page), Qt.Key.Key_Delete)
        qtbot.waitUntil(lambda: page.findChild(QMessageBox, "libraryRemoveQuestion") is not None)
        box = page.findChild(QMessageBox, "libraryRemoveQuestion")
        assert isinstance(box, QMessageBox) and "Large-Q4_K_M" in box.text()
        return box

    question().button(QMessageBox.StandardButton.Cancel).click()
    qtbot.waitUntil(lambda: page.findChild(QMessageBox) is None)
    assert two[1].exists()
    with qtbot.waitSignal(page.notify):
        _button(question(), "libraryRemoveConfirm").click()
    assert not two[1].exists()
    _settled(qtbot, page)
    assert _names(page) == ["small-Q4_K_M", "SmolLM2-135M-Instruct.Q4_1"]
    assert two[0].exists()


def test_files_of_others_are_not_removed(make_page: MakePage, qtbot: QtBot, starter_model: Path) -> None:
    page = make_page()
    assert not _button(page, "libraryRemove").isVisible()
    with qtbot.waitSignal(page.notify) as said:
        qtbot.keyClick(_table(page), Qt.Key.Key_Delete)
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
    qtbot.waitUntil(lambda: "mine-Q4_K_M" in _names(page))
    menu.aboutToShow.emit()
    assert menu.actions()[-1].text() == f"Forget {tmp_path}/R&&D"
    choose(-1)
    qtbot.waitUntil(lambda: "mine-Q4_K_M" not in _names(page))
    _settled(qtbot, page)
    assert service.folders() == ()


def test_open_file_runs_it_or_says_why_not(
    make_page: MakePage, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = make_page()
    chosen = g.model().write(tmp_path / "any" / "m.gguf")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(chosen), ""))
    with qtbot.waitSignal(page.run_requested) as asked:
        qtbot.mouseClick(_button(page, "libraryOpenFile"), Qt.MouseButton.LeftButton)
    assert asked.args[0].path == chosen
    chosen.unlink()
    with qtbot.waitSignal(page.notify) as said:
        qtbot.mouseClick(_button(page, "libraryOpenFile"), Qt.MouseButton.LeftButton)
    assert isinstance(said.args[0], HeftError)


def test_empty_library_tells_what_to_do(make_page: MakePage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desktop.services.models.library.find_starter", lambda: None)
    page = make_page()
    assert label(page, "libraryEmptyTitle") == "No models yet."
    assert "drop a .gguf file" in label(page, "libraryEmptyText")
    assert _button(page, "libraryAddFolder").isVisible()


def test_ten_thousand_files_never_freeze_the_window(make_page: MakePage, paths: Paths, qtbot: QtBot) -> None:
    raw = g.model().header()[0]
    for n in range(100):
        (paths.models / f"{n}").mkdir(parents=True)
    for n in range(10_000):
        (paths.models / f"{n % 100}" / f"model-{n}-Q4_K_M.gguf").write_bytes(raw)
    page = make_page(wait=False)
    gaps: list[float] = []
    last = time.thread_time()

    def beat() -> None:
        # CPU time of this thread: other programs on a busy machine do not count against the page.
        nonlocal last
        now = time.thread_time()
        gaps.append(now - last)
        last = now

    timer = QTimer(page)
    timer.timeout.connect(beat)
    timer.start(5)
    progress = page.findChild(QWidget, "libraryProgress")
    assert isinstance(progress, QWidget)
    qtbot.waitUntil(progress.isVisible, timeout=20_000)
    qtbot.waitUntil(lambda: _button(page, "libraryRescan").isEnabled(), timeout=60_000)
    for text in ("model-99", "", "q4_k_m 7", ""):
        _search(page).setText(text)
        qtbot.wait(20)
    for order in (Qt.SortOrder.DescendingOrder, Qt.SortOrder.AscendingOrder):
        _table(page).sortByColumn(SIZE, order)
        qtbot.wait(20)
    timer.stop()
    assert len(_names(page)) == 10_001
    assert max(gaps) < BLOCKED_SECONDS


def test_a_search_can_be_cancelled_and_begun_again(make_page: MakePage, paths: Paths, qtbot: QtBot) -> None:
    raw = g.model().header()[0]
    paths.models.mkdir(parents=True)
    for n in range(300):
        (paths.models / f"model-{n}.gguf").write_bytes(raw)
    page = make_page(wait=False)
    assert not _button(page, "libraryRescan").isEnabled()
    page.cancel_scan()
    assert _names(page) == [] and _button(page, "libraryRescan").isEnabled()
    page.activateWindow()
    qtbot.waitUntil(page.isActiveWindow)
    qtbot.keyClick(page, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert _search(page).hasFocus()
    qtbot.keyClick(_search(page), Qt.Key.Key_F5)
    qtbot.waitUntil(lambda: len(_names(page)) == 301)


def test_light_and_dark_change_live(make_page: MakePage, paths: Paths, theme: Theme) -> None:
    paths.models.mkdir(parents=True)
    (paths.models / "broken.gguf").write_bytes(b"")
    page = make_page()
    cell = _table(page).model().index(0, NAME)
    light = cell.data(Qt.ItemDataRole.ForegroundRole)
    theme.set_preference("dark")
    assert cell.data(Qt.ItemDataRole.ForegroundRole) == theme.color("warn") != light


def test_every_control_can_be_named_and_reached(make_page: MakePage, two: tuple[Path, Path]) -> None:
    page = make_page()
    for control in [*page.findChildren(QPushButton), _search(page), _table(page)]:
        assert control.objectName() and control.accessibleName(), control
        assert control.focusPolicy() & Qt.FocusPolicy.TabFocus, control.objectName()


def test_rows_are_patched_by_id(theme: Theme, service: LibraryService, two: tuple[Path, Path], qtbot: QtBot) -> None:
    rows = LibraryTableModel(theme)
    models = service.scan()
    rows.set_models(models)
    service.note_used(two[0])
    with qtbot.assertNotEmitted(rows.modelReset), qtbot.waitSignal(rows.dataChanged) as changed:
        rows.set_models(service.scan())
    assert changed.args[0].row() == changed.args[1].row() == rows.row_of(str(two[0]))
    shutil.move(two[1], two[1].with_name("other.gguf"))
    with qtbot.assertNotEmitted(rows.modelReset), qtbot.waitSignals([rows.rowsRemoved, rows.rowsInserted]):
        rows.set_models(service.scan())
    names = [rows.index(row, NAME).data() for row in range(3)]
    assert names == ["other", "small-Q4_K_M", "SmolLM2-135M-Instruct.Q4_1"]
    rows.remove("unknown")
    rows.remove(str(two[0]))
    assert rows.rowCount() == rows.total == 2
    assert rows.total_bytes == sum(m.path.stat().st_size for m in service.scan() if m.path != two[0])


def test_times_and_tooltips() -> None:
    noon = time.mktime((2026, 6, 15, 12, 0, 0, 0, 0, -1))
    day = 86_400
    assert [when(t, noon) for t in (None, noon - 3600, noon - day, noon - 3 * day, noon - 30 * day)] == [
        "never",
        "today 11:00",
        "yesterday",
        "3 days ago",
        "16 May 2026",
    ]
    assert plain_tooltip("<img src=x>\nb") == "<qt>&lt;img src=x&gt;<br>b</qt>" and plain_tooltip("") == ""


def test_a_search_that_ends_leaves_the_keyboard_where_somebody_types(
    make_page: MakePage, two: tuple[Path, Path], qtbot: QtBot
) -> None:
    page = make_page(wait=False)
    page.activateWindow()
    _search(page).setFocus()
    _settled(qtbot, page)
    assert _search(page).hasFocus()


def test_folders_and_stores_of_the_settings_count_at_once(
    make_page: MakePage, qtbot: QtBot, paths: Paths, tmp_path: Path
) -> None:
    page = make_page()
    g.model(layers=1).write(tmp_path / "more" / "new-Q4_K_M.gguf")
    store = SettingsStore(paths.settings)
    store.subscribe(page.option_changed)
    store.set(options.LIBRARY_FOLDERS, (str(tmp_path / "more"),))
    qtbot.waitUntil(lambda: "new-Q4_K_M" in _names(page))
    store.reset(options.LIBRARY_FOLDERS)
    qtbot.waitUntil(lambda: "new-Q4_K_M" not in _names(page))


def test_how_the_selected_model_loads_is_seen_and_set(make_page: MakePage, paths: Paths, qtbot: QtBot) -> None:
    paths.models.mkdir(parents=True, exist_ok=True)
    path = llama_8b().write(paths.models / "llama-Q4_K_M.gguf")
    page = make_page()
    _search(page).setText("llama-Q4")
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
    assert not _table(page).isColumnHidden(1)
    page.resize(744, 490)
    qtbot.waitUntil(lambda: _table(page).isColumnHidden(1))
    qtbot.waitUntil(lambda: _table(page).horizontalScrollBar().maximum() == 0)
    assert _table(page).columnWidth(NAME) >= 220
    page.resize(1204, 770)
    qtbot.waitUntil(lambda: not _table(page).isColumnHidden(1))


def test_a_search_for_models_moves_nothing(make_page: MakePage, two: tuple[Path, Path], qtbot: QtBot) -> None:
    page = make_page()
    progress = page.findChild(QWidget, "libraryProgress")
    assert isinstance(progress, QWidget)

    def places() -> list[QPoint]:
        parts = (_table(page), _search(page), _button(page, "libraryChat"), _button(page, "libraryRescan"))
        return [part.mapTo(page, QPoint(0, 0)) for part in parts]

    before = places()
    progress.show()
    qtbot.waitUntil(lambda: progress.y() > _table(page).y())
    QApplication.processEvents()
    assert places() == before
