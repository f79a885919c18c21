"""The page Inspect for the tests of this folder, and two files that differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from support import gguf_bytes as g
from support.inspect_page import MakePage, Panel
from support.widgets import shown

from desktop.core.cancelled import Cancelled
from desktop.core.gguf import Header
from desktop.hub.client import HubClient
from desktop.services.engine.supervisor import EngineState
from desktop.services.inspect.inspection import InspectionService
from desktop.services.models.library import LibraryService
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore
from desktop.ui.inspect.format import FormatTab
from desktop.ui.inspect.page import InspectPage
from desktop.ui.inspect.tab import TabEntry
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme

Plan = Callable[[Sequence[Header], Cancelled], None]


@pytest.fixture
def settings(paths: Paths) -> SettingsStore:
    return SettingsStore(paths.settings)


@pytest.fixture
def make_page(
    paths: Paths, settings: SettingsStore, tasks: Tasks, theme: Theme, qtbot: QtBot, tmp_path: Path
) -> Iterator[MakePage]:
    Panel.shown.clear()
    made: list[InspectPage] = []

    def make(
        *tabs: TabEntry,
        client: HubClient | None = None,
        plan: Plan = lambda *_: None,
        state: EngineState = EngineState(),  # noqa: B008 - a value
    ) -> InspectPage:
        library = LibraryService(paths, settings, environ={}, home=tmp_path / "home")
        service = InspectionService(paths, library, client or HubClient(), plan=plan)
        page = InspectPage(
            service,
            library,
            settings,
            lambda: state,
            tasks,
            theme,
            tabs=tabs,
            panel=Panel,
            summary=lambda: FormatTab(theme),
        )
        shown(qtbot, page, 1204, 770).activateWindow()
        page.setFocus()  # as the window does at a visit
        made.append(page)
        return page

    yield make
    for page in made:
        page.cancel()
        if page.inspected is not None:
            page.inspected.close()


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    one, other = g.model(layers=3), g.model(layers=3, general__author="Somebody")
    other.tensors[2] = ("blk.0.ffn_up.weight", (256, 1024), 14)
    other.tensors.append(("output.weight", (256, 512), 14))
    return one.write(tmp_path / "one.gguf"), other.write(tmp_path / "other.gguf")
