"""Models of one name in the window's lists: Chat's menu, Inspect's menus, the palette, the library."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from desktop.services.models.same_names import told_apart
from desktop.store.library import LibraryModel
from desktop.ui.chat.model_menu import ModelMenu
from desktop.ui.inspect.sources import SourceMenu
from desktop.ui.library.columns import NAME
from desktop.ui.library.library_model import LibraryTableModel
from desktop.ui.shell.palette_sources import models_source
from desktop.ui.shell.theme import Theme


@pytest.mark.parametrize("name", ["twin", "a-model-of-a-" + "very-long-" * 9 + "name-Q4_K_M"])
def test_each_of_them_says_which_it_is(qtbot: QtBot, theme: Theme, tmp_path: Path, name: str) -> None:
    paths = [tmp_path / place / f"{name}.gguf" for place in ("work", "R&D")]
    models = told_apart(LibraryModel(name, path, (path,), (), 1, "llama", "Q4_K_M", 1, "folder", 0.0) for path in paths)
    chat, inspect = ModelMenu(theme), SourceMenu("menu", "Inspect", None)  # type: ignore[arg-type]
    qtbot.addWidget(chat)
    qtbot.addWidget(inspect)
    chat.set_models(models)
    inspect.set_models(models)
    table = LibraryTableModel(theme)
    table.set_models(models)
    table.sort(NAME)
    palette = models_source(lambda: models, print).entries()
    for number, word in enumerate(("work", "R&D")):
        menus = [[action.text().replace("&&", "&") for action in menu.actions()] for menu in (chat.menu, inspect)]
        assert all(sum(text.endswith(f" ({word})") for text in menu) == 1 for menu in menus)
        assert (palette[number].title, palette[number].detail) == (f"{name} ({word})", word)
    assert [table.index(row, NAME).data() for row in range(2)] == [f"{name} (work)", f"{name} (R&D)"]
