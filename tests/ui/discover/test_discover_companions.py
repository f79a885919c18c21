"""What may come along with a variant: named with its size, and fetched only where a person says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QCheckBox, QPushButton, QWidget
from pytestqt.qtbot import QtBot
from support import gguf_bytes as g
from support.discover_page import SMALL, Made
from support.hub_server import HubServer
from support.hub_server_content import BytesContent
from support.remote_models import QWEN3_8B, repo

from desktop.ui.discover.variant_model import ACTION
from desktop.ui.discover.variant_table import button_rect

MODEL, EYES, HEAD = "Small-Q4_K_M.gguf", "mmproj-F16.gguf", "mtp-Small.gguf"


class Seen:
    """The repo's only variant and what may come along with it, as the page shows them."""

    def __init__(self, made: Made, qtbot: QtBot) -> None:
        self.made, self._qtbot = made, qtbot

    def shown(self, name: str) -> bool:
        widget = self.made.page.findChild(QWidget, name)
        return widget is not None and widget.isVisible()

    def words(self, kind: str) -> str:
        return self.made.text(f"companion_{kind}") if self.shown(f"companion_{kind}") else ""

    def tick(self, kind: str) -> None:
        box = self.made.find(QCheckBox, f"along_{kind}")
        self._qtbot.mouseClick(box, Qt.MouseButton.LeftButton, pos=QPoint(8, box.height() // 2))
        assert box.isChecked()

    def press(self, name: str) -> None:
        self._qtbot.mouseClick(self.made.find(QPushButton, name), Qt.MouseButton.LeftButton)

    def download(self) -> None:
        table = self.made.table
        cell = table.visualRect(table.model().index(0, ACTION))
        self._qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=button_rect(cell).center())

    @property
    def action(self) -> str:
        return str(self.made.table.rows.action(0))

    @property
    def fetched(self) -> list[tuple[str, list[str]]]:
        """Name and files of each download that has come."""
        states = self.made.downloads.states()
        return [(s.name, [file.path for file in s.files]) for s in states if s.phase == "finished"]


@pytest.fixture
def seen(made: Made, hub: HubServer, qtbot: QtBot, vocab_dir: Path, tmp_path: Path) -> Seen:
    hub.add(repo(SMALL, QWEN3_8B, ("Q4_K_M",), vocab_dir / "ggml-vocab-llama-spm.gguf", 8.19e9, trendingScore=99))
    files = hub.repos[SMALL].files
    files[MODEL] = BytesContent(files[MODEL].read(0, 3_000_000))
    for name, architecture in ((EYES, "clip"), (HEAD, "gemma4-assistant")):
        files[name] = BytesContent(g.model(architecture=architecture).write(tmp_path / name).read_bytes())
    made.page.search_for(f"hf:{SMALL}")
    made.wait(lambda: made.table.isVisible() and made.table.model().rowCount() == 1)
    made.wait(lambda: not made.text("repoBusy"))
    return Seen(made, qtbot)


def test_companions_are_named_with_their_sizes_and_left_out_unasked(seen: Seen) -> None:
    """What a download brings beside the model is the choice of whoever downloads it."""
    projector, draft = (seen.made.find(QCheckBox, f"along_{kind}") for kind in ("projector", "draft"))
    assert (projector.isVisible(), projector.isChecked(), draft.isVisible(), draft.isChecked()) == (True, False) * 2
    assert "With the projector, " in projector.text() and " kB more" in projector.text()
    assert "With the draft model, " in draft.text() and " kB more" in draft.text()
    assert seen.words("projector").startswith(f"{EYES}. It lets the model see pictures, or hear; it is loaded")
    assert seen.words("draft").startswith(f"{HEAD}. It guesses ahead")
    assert seen.made.cells(0)[1] == "3.0 MB", "what the button fetches"
    seen.download()
    seen.made.wait(lambda: seen.action == "Chat now")
    assert seen.fetched == [(f"{SMALL} Q4_K_M", [MODEL])]


def test_a_download_takes_along_what_is_ticked(seen: Seen, hub: HubServer) -> None:
    seen.tick("draft")
    seen.download()
    seen.made.wait(lambda: seen.action == "Chat now")
    assert seen.fetched == [(f"{SMALL} Q4_K_M with draft model", [MODEL, HEAD])]
    seen.made.wait(lambda: seen.words("draft").startswith(f"Here already: draft model {HEAD}, "))
    assert not seen.shown("along_draft") and not seen.shown("fetch_draft") and seen.shown("fetch_projector")


def test_a_companion_of_a_variant_that_is_here_comes_by_itself(seen: Seen) -> None:
    seen.download()
    seen.made.wait(lambda: seen.action == "Chat now")
    seen.made.wait(lambda: seen.shown("fetch_projector"))
    assert not seen.shown("along_projector")
    seen.press("fetch_projector")
    seen.made.wait(lambda: seen.words("projector").startswith(f"Here already: projector {EYES}, "))
    assert seen.action == "Chat now", "the variant's own file is what is run"
    assert seen.fetched[-1] == (f"{SMALL} Q4_K_M: projector", [EYES])
    (job,) = (job for job in seen.made.downloads.jobs() if job.name.endswith("projector"))
    assert seen.shown(f"clear_{job.id}"), "a projector is not chatted with"
    assert not seen.shown(f"chat_{job.id}") and not seen.shown(f"remove_{job.id}")


@pytest.mark.parametrize("begun_in", ["a folder", "the cache"])
def test_a_companion_goes_beside_its_variant_wherever_downloads_go_by_now(
    seen: Seen, begun_in: str, tmp_path: Path
) -> None:
    """Elsewhere the library would show it as one without its model."""
    place = seen.made.page._place._service
    place.choose(tmp_path / "first" if begun_in == "a folder" else None)
    seen.download()
    seen.made.wait(lambda: seen.shown("fetch_projector"))
    place.choose(tmp_path / "second")
    seen.press("fetch_projector")
    seen.made.wait(lambda: seen.words("projector").startswith("Here already: "))
    files = [file.local for state in seen.made.downloads.states() for file in state.files]
    assert [local.name for local in files if local is not None] == [MODEL, EYES]
    assert len({local.parent for local in files if local is not None}) == 1


def test_a_download_under_way_says_what_is_not_in_it(seen: Seen, hub: HubServer) -> None:
    seen.tick("projector")
    hub.bytes_per_second = 1_000_000
    seen.download()
    seen.made.wait(lambda: seen.words("draft").startswith(f"Not in the download under way: draft model {HEAD}, "))
    assert seen.words("projector").startswith(f"On its way: projector {EYES}, ")
    assert not seen.shown("along_draft") and not seen.shown("along_projector")
    hub.bytes_per_second = None
    seen.made.wait(lambda: seen.action == "Chat now")
    seen.made.wait(lambda: seen.shown("fetch_draft"))
    seen.made.wait(lambda: seen.words("projector").startswith("Here already: "))


def test_another_repo_starts_without(seen: Seen) -> None:
    seen.tick("projector")
    seen.made.page.search_for("hf:Qwen/Qwen3-8B-GGUF")
    seen.made.wait(lambda: seen.made.table.isVisible() and seen.made.table.model().rowCount() > 1)
    assert not seen.shown("companions"), "it has none"
    seen.made.page.search_for(f"hf:{SMALL}")
    seen.made.wait(lambda: seen.made.table.isVisible() and seen.made.table.model().rowCount() == 1)
    assert seen.shown("along_projector") and not seen.made.find(QCheckBox, "along_projector").isChecked()
