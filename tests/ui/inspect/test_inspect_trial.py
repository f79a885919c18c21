"""What the engine says of a model that it refuses, on the page Inspect: told once it was asked, behind the page."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtWidgets import QTabBar, QTableView
from pytestqt.qtbot import QtBot
from support.inspect_page import MakePage, opened, tabs
from support.widgets import find

from desktop.core.cancelled import Cancelled
from desktop.core.errors import EngineError
from desktop.core.failures import FailureKind
from desktop.core.gguf import Header
from desktop.hub.client import HubClient
from desktop.services.inspect.inspection import InspectionService
from desktop.services.models.library import LibraryService
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore
from desktop.ui.inspect.parts import problem_count
from desktop.ui.inspect.problems import ProblemsTab
from desktop.ui.inspect.tab import TabEntry
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme

WORDS = "The model file holds 21 tensors, of which the engine knows 20 for this architecture."


def test_what_the_engine_says_is_among_the_problems(
    make_page: MakePage,
    paths: Paths,
    settings: SettingsStore,
    tasks: Tasks,
    theme: Theme,
    qtbot: QtBot,
    starter_model: Path,
    tmp_path: Path,
) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def plan(headers: Sequence[Header], _cancelled: Cancelled) -> None:
        assert len(headers[0].tensors) == 272
        asked.set()
        go_on.wait(30)
        raise EngineError(WORDS, "Choose another file of this model; this one cannot run.", kind=FailureKind.BAD_FILE)

    service = InspectionService(paths, LibraryService(paths, settings, environ={}, home=tmp_path), HubClient())
    entry = TabEntry("problems", "Problems", lambda: ProblemsTab(theme, tasks, service), problem_count)
    page = make_page(entry, plan=plan)
    opened(qtbot, page, starter_model)
    qtbot.waitUntil(asked.is_set)
    assert tabs(page)[2].endswith(" 0")  # the page does not wait for it
    bar = find(page, QTabBar, "inspectTabBar")
    bar.setCurrentIndex(2)
    go_on.set()
    qtbot.waitUntil(lambda: tabs(page)[2].endswith(" 1"))
    table = find(page, QTableView, "inspectProblemsTable")
    assert bar.currentIndex() == 2 and table.isVisible()
    assert WORDS in [table.model().index(0, column).data() for column in range(table.model().columnCount())]
    assert page.inspected is not None and page.inspected.header.array("tokenizer.ggml.tokens") is not None
    assert page.inspected.header.token_text("eos")  # its file is still open
