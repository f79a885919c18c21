"""The page Serve over models that are lent without an engine and a door that lets nobody in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from support.serve_page import MakePage, Shown
from support.serving import Serving

from desktop.services.serve.api import ModelState
from desktop.store.paths import Paths
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme


@pytest.fixture
def make_page(
    paths: Paths, tmp_path: Path, tasks: Tasks, theme: Theme, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MakePage]:
    """Makes a shown page that has looked at its models once."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    made: list[Shown] = []

    def make(*models: ModelState, size: tuple[int, int] = (1204, 770)) -> Shown:
        made.append(Shown(qtbot, Serving(paths, *models), tasks, theme, size))
        return made[-1]

    yield make
    for each in made:
        each.close()
