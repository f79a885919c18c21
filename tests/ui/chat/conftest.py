"""The chat page for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from support.chat_page import Desk

from desktop.store.chats import ChatStore
from desktop.store.paths import Paths
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme


@pytest.fixture
def store(paths: Paths) -> Iterator[ChatStore]:
    made = ChatStore(paths.chats)
    yield made
    made.close()


@pytest.fixture
def make_desk(
    qtbot: QtBot, store: ChatStore, paths: Paths, tasks: Tasks, theme: Theme, tmp_path: Path
) -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []
    model = tmp_path / "smol.gguf"
    model.touch()

    def make(*, model: Path | None = model) -> Desk:
        made.append(Desk(qtbot, store, paths, tasks, theme, model))
        return made[-1]

    yield make
    for desk in made:
        desk.close()


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Desk:
    return make_desk()
