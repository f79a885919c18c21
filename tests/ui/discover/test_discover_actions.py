"""From Discover to a download, to a chat, and to Inspect."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QListView, QPushButton
from pytestqt.qtbot import QtBot
from support.discover_page import FOURTEEN, SMALL, Made
from support.hub_server import HubServer
from support.hub_server_content import BytesContent
from support.remote_models import QWEN3_8B, repo

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


def test_download_by_keyboard_then_chat(made: Made, hub: HubServer, qtbot: QtBot, vocab_dir: Path) -> None:
    whole = vocab_dir / "ggml-vocab-llama-spm.gguf"
    hub.add(repo(SMALL, QWEN3_8B, ("Q4_K_M",), whole, 8.19e9, trendingScore=99))
    small = hub.repos[SMALL].files["Small-Q4_K_M.gguf"]
    hub.repos[SMALL].files["Small-Q4_K_M.gguf"] = BytesContent(small.read(0, 3_000_000))
    made.find(QLineEdit, "discoverSearch").setText("small")  # type: ignore[attr-defined]
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
    assert told.args is not None and Path(told.args[0]).name == "Small-Q4_K_M.gguf"


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
    assert told.args == [here] and made.downloads.states() == ()
