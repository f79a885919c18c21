"""What the page Library says of files that cannot chat, and does when one is asked to."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot
from support import gguf_bytes as g
from support.library_page import MakePage, button, names, search, table
from support.widgets import find, label

from desktop.core.errors import HeftError
from desktop.core.model_kind import ModelKind
from desktop.store.library import LibraryModel
from desktop.store.paths import Paths
from desktop.ui.shell.palette_sources import models_source

CANNOT = "An embedding model: it turns text into vectors, it cannot chat."


def test_an_embedding_model_is_named_and_never_sent_to_the_chat(
    make_page: MakePage, paths: Paths, qtbot: QtBot
) -> None:
    g.model(architecture="bert").write(paths.models / "Vectors-Q4_K_M.gguf")
    page = make_page()
    search(page).setText("embedding")
    assert names(page) == ["Vectors-Q4_K_M"]
    assert label(page, "libraryDetailsUse") == CANNOT
    chat = button(page, "libraryChat")
    assert not chat.isEnabled() and CANNOT.rstrip(".") in chat.toolTip()
    assert CANNOT in table(page).model().index(0, 0).data(Qt.ItemDataRole.ToolTipRole)
    runs: list[object] = []
    page.run_requested.connect(runs.append)
    with qtbot.waitSignal(page.notify) as told:
        qtbot.keyClick(table(page), Qt.Key.Key_Return)
    error = told.args[0]
    assert isinstance(error, HeftError) and error.kind == "cannot-chat" and error.hint == "Choose a chat model."
    assert runs == []
    search(page).setText("smollm")
    assert chat.isEnabled() and not find(page, QLabel, "libraryDetailsUse").isVisible()


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (g.model(general__type="adapter"), "An adapter (LoRA): it changes the model it was made for"),
        (g.Model(g.model().metadata, []), "A vocabulary without weights: it can be inspected, not run."),
    ],
    ids=["adapter", "vocabulary"],
)
def test_parts_of_models_say_what_they_are(
    make_page: MakePage, paths: Paths, qtbot: QtBot, made: g.Model, said: str
) -> None:
    made.write(paths.models / "part.gguf")
    page = make_page()
    search(page).setText("part")
    assert label(page, "libraryDetailsUse").startswith(said)
    assert not button(page, "libraryChat").isEnabled() and button(page, "libraryInspect").isEnabled()


def test_a_base_model_is_called_one_and_can_be_run(make_page: MakePage, paths: Paths, qtbot: QtBot) -> None:
    g.model(tokenizer__ggml__model="gpt2").write(paths.models / "plain.gguf")
    page = make_page()
    search(page).setText("base model")
    assert names(page) == ["plain"] and label(page, "libraryDetailsFacts").startswith("base model · llama")
    with qtbot.waitSignal(page.run_requested):
        qtbot.mouseClick(button(page, "libraryChat"), Qt.MouseButton.LeftButton)


def test_the_palette_says_so_too(tmp_path: Path) -> None:
    path = tmp_path / "v.gguf"
    made = LibraryModel("Vectors", path, (path,), (), 1, "bert", "Q8_0", 1, "folder", 0.0, kind=ModelKind.EMBEDDING)
    (entry,) = models_source(lambda: [made], print).entries()
    assert (entry.title, entry.detail) == ("Vectors", "embedding model")
