"""From Discover to a download, to a chat, and to Inspect."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QComboBox, QLineEdit, QListView, QPushButton
from pytestqt.qtbot import QtBot
from support.discover_page import FOURTEEN, SMALL, Made
from support.forge import Value
from support.hub_server import HubServer, Repo
from support.remote_models import QWEN3_8B, SMOLLM2_135M, model, repo, whole_model

from desktop.core.errors import HeftError
from desktop.ui.discover.downloads_panel import DownloadsPanel


def test_inspect_takes_the_chosen_variant(made: Made, qtbot: QtBot) -> None:
    made.open(made.results.index("Qwen3-8B-GGUF"))
    asked: list[str] = []
    made.page.inspect_requested.connect(asked.append)
    made.table.selectRow(0)
    button = made.find(QPushButton, "repoInspect")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    name = made.cells(0)[0].removesuffix(" ★")
    assert len(asked) == 1 and asked[0].startswith("hf:") and asked[0].endswith(f"Qwen3-8B-{name}.gguf")


def test_download_by_keyboard_then_chat(
    made: Made, hub: HubServer, qtbot: QtBot, vocab_dir: Path, tmp_path: Path
) -> None:
    whole = vocab_dir / "ggml-vocab-llama-spm.gguf"
    hub.add(repo(SMALL, QWEN3_8B, ("Q4_K_M",), whole, 8.19e9, trendingScore=99))
    hub.repos[SMALL].files["Small-Q4_K_M.gguf"] = whole_model(tmp_path, whole)
    made.find(QLineEdit, "discoverSearch").setText("small")
    made.wait(lambda: made.results == ["Small-GGUF"])
    view = made.find(QListView, "discoverResults")
    assert isinstance(view, QListView)
    view.setCurrentIndex(view.model().index(0, 0))
    made.wait(lambda: made.table.isVisible() and made.table.model().rowCount() == 1)
    made.table.setFocus()
    made.table.selectRow(0)
    qtbot.keyClick(made.table, Qt.Key.Key_Return)
    made.wait(lambda: any(state.phase == "finished" for state in made.downloads.states()))
    made.wait(lambda: made.page._repo.rows.action(0) == "Chat now")
    panel = made.find(DownloadsPanel, "downloadsPanel")
    assert panel.isVisible()
    with qtbot.waitSignal(made.page.run_requested) as told:
        qtbot.keyClick(made.table, Qt.Key.Key_Return)
    assert told.args is not None and told.args[0].path.name == "Small-Q4_K_M.gguf"


def test_what_is_on_this_computer_is_not_downloaded_again(
    made: Made, hub: HubServer, qtbot: QtBot, tmp_path: Path
) -> None:
    size = hub.repos[FOURTEEN].files["Qwen3-14B-Q4_K_M.gguf"].size
    here = tmp_path / "home" / ".lmstudio" / "models" / FOURTEEN / "Qwen3-14B-Q4_K_M.gguf"
    here.parent.mkdir(parents=True)
    with here.open("wb") as file:
        file.truncate(size)
    made.open(made.results.index("Qwen3-14B-GGUF"))
    rows = {made.cells(row)[0].removesuffix(" ★"): row for row in range(made.table.model().rowCount())}
    model = made.page._repo.rows
    assert (model.action(rows["Q4_K_M"]), model.action(rows["Q8_0"])) == ("Chat now", "Download")
    made.table.setFocus()
    made.table.selectRow(rows["Q4_K_M"])
    with qtbot.waitSignal(made.page.run_requested) as told:
        qtbot.keyClick(made.table, Qt.Key.Key_Return)
    assert told.args is not None and told.args[0].path == here and made.downloads.states() == ()


def test_an_embedding_model_is_called_one_and_no_chat_is_offered(
    made: Made, hub: HubServer, vocab_dir: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    vectors = model(SMOLLM2_135M, "Q8_0", vocab_dir / "ggml-vocab-llama-spm.gguf", llama__pooling_type=Value(4, 3))
    facts = {"tags": ["gguf"], "trendingScore": 999, "gguf": {"total": 135_000_000, "architecture": "llama"}}
    hub.add(Repo("me/Vectors-GGUF", {"Vectors-Q8_0.gguf": vectors}, facts))
    here = tmp_path / "home" / ".lmstudio" / "models" / "me/Vectors-GGUF" / "Vectors-Q8_0.gguf"
    here.parent.mkdir(parents=True)
    with here.open("wb") as file:
        file.truncate(vectors.size)
    made.find(QLineEdit, "discoverSearch").setText("vectors")
    made.wait(lambda: made.results == ["Vectors-GGUF"])
    made.open(0)
    assert made.text("repoFacts").startswith("embedding model · ")
    assert made.page._repo.rows.action(0) == "Downloaded"
    runs: list[object] = []
    made.page.run_requested.connect(runs.append)
    made.table.setFocus()
    made.table.selectRow(0)
    with qtbot.waitSignal(made.page.notify) as told:
        qtbot.keyClick(made.table, Qt.Key.Key_Return)
    assert isinstance(told.args[0], HeftError) and told.args[0].kind == "cannot-chat"
    assert "it turns text into vectors, it cannot chat." in told.args[0].message and runs == []


def cell(made: Made, row: int, column: int) -> QPoint:
    return made.table.visualRect(made.table.model().index(row, column)).center()


def test_pressing_a_rows_button_acts_on_that_row_and_leaves_the_current_one(made: Made, qtbot: QtBot) -> None:
    made.open(0)
    asked: list[int] = []
    made.table.action_asked.connect(asked.append)
    made.page._repo.action_asked.disconnect()  # nothing is to be fetched
    viewport = made.table.viewport()
    qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=cell(made, 1, 0))
    assert made.table.currentIndex().row() == 1 and asked == []
    qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=cell(made, 4, 6))
    assert asked == [4] and made.table.currentIndex().row() == 1
    qtbot.mousePress(viewport, Qt.MouseButton.LeftButton, pos=cell(made, 2, 6))
    qtbot.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=cell(made, 3, 6))
    assert asked == [4], "a press on one button and a release on another"
    qtbot.keyClick(made.page, Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    assert asked == [4]


def test_the_keyboard_that_comes_to_the_variants_chooses_none(made: Made, qtbot: QtBot) -> None:
    """A focused button that hides itself hands the keyboard on; Ctrl+D then took the smallest variant."""
    made.open(0)
    made.page.activateWindow()
    button = made.find(QPushButton, "repoName")
    button.setFocus()
    button.setEnabled(False)
    made.table.setFocus(Qt.FocusReason.TabFocusReason)
    assert made.table.hasFocus() and not made.table.currentIndex().isValid()
    recommended = made.table.preferred
    qtbot.keyClick(made.table, Qt.Key.Key_Down)
    assert made.table.currentIndex().row() == recommended
    qtbot.keyClick(made.table, Qt.Key.Key_Up)
    assert made.table.currentIndex().row() == recommended - 1


def test_the_keyboard_that_comes_to_the_results_opens_none(made: Made) -> None:
    made.page.activateWindow()
    made.find(QLineEdit, "discoverSearch").setFocus()
    made.find(QListView, "discoverResults").setFocus(Qt.FocusReason.TabFocusReason)
    assert made.text("discoverTitle") == "Find a model that fits"


def test_figures_that_come_keep_the_current_row_and_the_place_on_the_page(made: Made, qtbot: QtBot) -> None:
    made.open(0)
    made.page.resize(900, 480)
    pane = made.page._repo
    qtbot.mouseClick(made.table.viewport(), Qt.MouseButton.LeftButton, pos=cell(made, 4, 0))
    pane.verticalScrollBar().setValue(60)
    before = made.cells(4)[2]
    made.find(QComboBox, "kvType").setCurrentText("q8_0")
    made.wait(lambda: made.cells(4)[2] != before and not made.text("repoBusy"))
    assert made.table.currentIndex().row() == 4 and pane.verticalScrollBar().value() == 60
