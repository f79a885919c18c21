"""The page Library over real files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from pytestqt.qtbot import QtBot
from support import gguf_bytes as g
from support.library_page import MakePage, settled
from support.planning import planning_on
from support.widgets import shown

from desktop.engine.api import Hello
from desktop.services.machine.machine import MachineService
from desktop.services.models.library import LibraryService
from desktop.services.models.removal import RemovalService
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore
from desktop.ui.library.page import LibraryPage
from desktop.ui.shared.chosen_machine import ChosenMachine
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme


@pytest.fixture
def service(paths: Paths, tmp_path: Path) -> LibraryService:
    return LibraryService(paths, SettingsStore(paths.settings), environ={}, home=tmp_path / "home")


@pytest.fixture
def removals(paths: Paths, service: LibraryService) -> RemovalService:
    return RemovalService(paths, service)


@pytest.fixture
def chosen(paths: Paths, tasks: Tasks) -> ChosenMachine:
    """The machine of "what if", as other pages choose it."""
    return ChosenMachine(MachineService(paths, lambda: msgspec.convert({}, Hello)), tasks)


@pytest.fixture
def make_page(
    service: LibraryService,
    removals: RemovalService,
    paths: Paths,
    chosen: ChosenMachine,
    tasks: Tasks,
    theme: Theme,
    qtbot: QtBot,
) -> Iterator[MakePage]:
    """Makes a shown page that has finished its first search."""

    planning = planning_on(paths)

    def make(*, wait: bool = True) -> LibraryPage:
        page = shown(qtbot, LibraryPage(service, removals, lambda: planning, chosen, tasks, theme), 1204, 770)
        page.setFocus()  # as the window does at a visit
        if wait:
            settled(qtbot, page)
        return page

    yield make


@pytest.fixture
def two(paths: Paths) -> tuple[Path, Path]:
    small = g.model(layers=1).write(paths.models / "small-Q4_K_M.gguf")
    large = g.model(layers=8, architecture="qwen3").write(paths.models / "Large-Q4_K_M.gguf")
    return small, large
