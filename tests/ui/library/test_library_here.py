"""What the page Library says of this computer: whether and how fast each model runs here, and where it looks."""

from __future__ import annotations

import json
from pathlib import Path

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot
from support import gguf_bytes as g
from support.library_page import MakePage, button, names, search, settled, table
from support.planning import planning_on
from support.widgets import find, label, shown

from desktop.core.units import human_bytes
from desktop.services.jobs import JobService
from desktop.services.models.joining import JoiningService
from desktop.services.models.library import LibraryService
from desktop.services.models.removal import RemovalService
from desktop.store.paths import Paths
from desktop.ui.library.columns import COLUMNS, FIT, SPEED
from desktop.ui.library.page import LibraryPage
from desktop.ui.shared.chosen_machine import ChosenMachine
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme


def cell(page: LibraryPage, row: int, column: int) -> QModelIndex:
    return table(page).model().index(row, column)


def test_each_model_says_whether_it_runs_here_and_how_fast(make_page: MakePage, paths: Paths, qtbot: QtBot) -> None:
    g.model(architecture="bert").write(paths.models / "Vectors-Q8_0.gguf")
    (paths.models / "pointer.gguf").write_text("version https://git-lfs.github.com/spec/v1\nsize 9\n")
    whole = g.model().write(paths.models / "cut.gguf")
    whole.write_bytes(whole.read_bytes()[:-5000])
    page = make_page()
    rows = {name.removeprefix("⚠ "): row for row, name in enumerate(names(page))}
    starter = rows["SmolLM2-135M-Instruct.Q4_1"]
    qtbot.waitUntil(lambda: cell(page, starter, FIT).data() != "–")
    assert cell(page, starter, FIT).data() == "CPU only"
    assert cell(page, starter, SPEED).data() != "–"
    assert "tok/s with an empty context" in cell(page, starter, SPEED).data(Qt.ItemDataRole.ToolTipRole)
    assert [COLUMNS[column].title for column in (FIT, SPEED)] == ["Runs here", "Speed (tok/s)"]
    assert cell(page, rows["Vectors-Q8_0"], FIT).data() == "embedding model"
    assert cell(page, rows["pointer"], FIT).data() == "cannot be loaded"
    assert (cell(page, rows["cut"], FIT).data(), cell(page, rows["cut"], SPEED).data()) == ("may not load", "–")


def test_all_names_of_a_model_are_told(make_page: MakePage, tmp_path: Path) -> None:
    root, digest = tmp_path / "home" / ".ollama" / "models", "c" * 64
    g.model().write(root / "blobs" / f"sha256-{digest}")
    layer = {"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{digest}"}
    for tag in ("1b", "latest"):
        manifest = root / "manifests" / "registry.ollama.ai" / "library" / "tiny" / tag
        manifest.parent.mkdir(parents=True, exist_ok=True)
        manifest.write_text(json.dumps({"layers": [layer]}))
    page = make_page()
    search(page).setText("tiny:latest")
    assert names(page) == ["tiny:1b"] and label(page, "libraryDetailsMore") == "Also called tiny:latest"


def test_a_projector_is_named_with_its_size(make_page: MakePage, paths: Paths) -> None:
    g.model().write(paths.models / "seer" / "Seer-Q8_0.gguf")
    projector = g.model(architecture="clip").write(paths.models / "seer" / "mmproj-F16.gguf")
    page = make_page()
    search(page).setText("seer")
    size = human_bytes(projector.stat().st_size)
    assert label(page, "libraryDetailsMore") == f"With projector mmproj-F16.gguf ({size})"


def test_a_narrow_page_keeps_fit_and_speed(make_page: MakePage, two: tuple[Path, Path], qtbot: QtBot) -> None:
    page = make_page()
    page.resize(760, 500)
    hidden = {COLUMNS[column].title for column in range(len(COLUMNS)) if table(page).isColumnHidden(column)}
    assert not hidden & {"Name", "Size", "Runs here", "Speed (tok/s)"}


def test_the_places_it_looks_into_are_listed(make_page: MakePage, service: LibraryService, tmp_path: Path) -> None:
    (tmp_path / "added").mkdir()
    ollama = tmp_path / "home" / ".ollama" / "models"
    ollama.mkdir(parents=True)
    service.add_folder(tmp_path / "added")
    menu = find(make_page(), QMenu, "libraryFoldersMenu")
    menu.aboutToShow.emit()
    said = [action.text() for action in menu.actions()]
    assert f"Ollama:  {ollama}" in said and f"Your folder:  {tmp_path / 'added'}" in said
    assert f"Forget {tmp_path / 'added'}" in said


def test_pieces_are_offered_to_be_joined(
    service: LibraryService,
    removals: RemovalService,
    paths: Paths,
    chosen: ChosenMachine,
    tasks: Tasks,
    theme: Theme,
    qtbot: QtBot,
) -> None:
    whole = g.model().write(paths.models / "big.Q8_0.gguf")
    data = whole.read_bytes()
    whole.unlink()
    for number, part in (("a", data[:3000]), ("b", data[3000:])):
        (paths.models / f"big.Q8_0.gguf-split-{number}").write_bytes(part)
    planning, jobs = planning_on(paths), JobService()
    joining = JoiningService(jobs, paths.jobs)
    page = LibraryPage(service, removals, lambda: planning, chosen, tasks, theme, joining=lambda: joining)
    settled(qtbot, shown(qtbot, page, 1204, 770))
    search(page).setText("big")
    assert "cut into 2 pieces" in label(page, "libraryDetailsProblem")
    assert not button(page, "libraryChat").isVisible()
    with qtbot.waitSignal(page.notify) as told:
        qtbot.mouseClick(button(page, "libraryJoin"), Qt.MouseButton.LeftButton)
    assert told.args[0] == "big.Q8_0.gguf is one file now. The pieces are still there."
    assert whole.read_bytes() == data
    qtbot.waitUntil(lambda: len(names(page)) == 2)
    assert {name.removeprefix("⚠ ") for name in names(page)} == {
        f"big.Q8_0 ({paths.models.name})",
        "big.Q8_0 (in pieces)",
    }
    jobs.close()
