"""Downloads by clicks: pause, resume, cancel, download again, in every order; where they go."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFileDialog, QLineEdit, QListView, QPushButton, QToolButton
from pytestqt.qtbot import QtBot
from support.discover_page import SMALL, Made
from support.hub_server import HubServer
from support.remote_models import QWEN3_8B, repo, whole_model
from support.stalling import stalled

from desktop.core.errors import HeftError
from desktop.store import options
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore
from desktop.ui.discover.actions import HERE_ALREADY
from desktop.ui.discover.variant_model import ACTION
from desktop.ui.discover.variant_table import button_rect
from desktop.ui.shell.tasks import Tasks

FILE = "Small-Q4_K_M.gguf"
FINISHED = ("Chat now", "Show in folder", "Remove…", "Clear")  # what can be done with what has come


class Press:
    """Clicks on what the page shows of one variant's download."""

    def __init__(self, made: Made, hub: HubServer, qtbot: QtBot) -> None:
        self.made, self.hub, self.qtbot = made, hub, qtbot
        self.told: list[object] = []
        made.page.notify.connect(self.told.append)

    @property
    def action(self) -> str:
        return self.made.page._repo.rows.action(0)

    @property
    def shown(self) -> dict[str, QPushButton]:
        """The buttons of the download's row, by their words."""
        found = self.made.page._panel.findChildren(QPushButton)
        return {button.text(): button for button in found if button.isVisible()}

    def button(self, word: str) -> None:
        self.qtbot.mouseClick(self.shown[word], Qt.MouseButton.LeftButton)

    def download(self) -> None:
        """Click the button in the table's row."""
        table = self.made.table
        table.scrollTo(table.model().index(0, ACTION))
        where = button_rect(table.visualRect(table.model().index(0, ACTION))).center()
        self.qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(where))

    def slow(self) -> None:
        self.hub.bytes_per_second = 1_000_000

    def quick(self) -> None:
        self.hub.bytes_per_second = None

    def wait_for(self, *words: str) -> None:
        self.made.wait(lambda: set(self.shown) == set(words))

    @property
    def waits(self) -> bool:
        """Whether the page has yet to show what the service says."""
        phases = {state.phase for state in self.made.downloads.states()}
        return ("Resume" in self.shown) != ("paused" in phases)

    def comes(self) -> None:
        """Press what the table offers until the file is here."""

        def here() -> bool:
            if self.action in ("Download", "Resume", "Download again"):
                self.download()
            return self.action == "Chat now"

        self.made.wait(here)

    def no_errors(self) -> None:
        assert [told for told in self.told if isinstance(told, HeftError)] == []


@pytest.fixture
def press(made: Made, hub: HubServer, qtbot: QtBot, vocab_dir: Path, tmp_path: Path) -> Iterator[Press]:
    whole = vocab_dir / "ggml-vocab-llama-spm.gguf"
    hub.add(repo(SMALL, QWEN3_8B, ("Q4_K_M",), whole, 8.19e9, trendingScore=99))
    hub.repos[SMALL].files[FILE] = whole_model(tmp_path, whole)
    made.find(QLineEdit, "discoverSearch").setText("small")
    made.wait(lambda: made.results == ["Small-GGUF"])
    view = made.find(QListView, "discoverResults")
    assert isinstance(view, QListView)
    view.setCurrentIndex(view.model().index(0, 0))
    made.wait(lambda: made.table.isVisible() and made.table.model().rowCount() == 1)
    yield Press(made, hub, qtbot)


def test_a_failed_one_of_which_nothing_is_kept_says_download_again_everywhere(press: Press) -> None:
    press.hub.fail("wrong-bytes", "/cdn/", times=99)
    press.download()
    press.wait_for("Download again", "Cancel")
    assert press.action == "Download again"
    press.hub.heal()
    press.button("Download again")
    press.wait_for(*FINISHED)


def test_what_has_come_can_be_removed_from_its_row(press: Press, qtbot: QtBot) -> None:
    press.download()
    press.wait_for(*FINISHED)
    with qtbot.waitSignal(press.made.page._panel.remove_asked) as asked:
        press.button("Remove…")
    assert asked.args[0].name == FILE and asked.args[0].is_file()
    press.no_errors()


def test_a_failed_one_of_which_something_is_kept_says_resume_everywhere(press: Press) -> None:
    press.slow()
    press.download()
    press.made.wait(lambda: any(state.done_bytes > 500_000 for state in press.made.downloads.states()))
    press.button("Pause")
    press.wait_for("Resume", "Cancel")
    press.quick()
    press.hub.fail("status", "/cdn/", status=418)
    press.button("Resume")
    press.made.wait(lambda: [state.phase for state in press.made.downloads.states()] == ["failed"])
    press.wait_for("Resume", "Cancel")
    assert press.action == "Resume"
    press.download()
    press.wait_for(*FINISHED)
    assert press.made.downloads.states()[0].resumed_bytes > 500_000


def test_cancelled_it_can_be_downloaded_again_at_once(press: Press, qtbot: QtBot, tmp_path: Path) -> None:
    press.slow()
    press.download()
    press.wait_for("Pause", "Cancel")
    press.button("Cancel")
    press.made.wait(lambda: press.action == "Download" and not press.shown)
    assert not press.made.page._panel.isVisible()
    press.download()
    press.wait_for("Pause", "Cancel")
    press.button("Pause")
    press.wait_for("Resume", "Cancel")
    assert press.action == "Resume"
    press.button("Cancel")
    press.made.wait(lambda: press.action == "Download" and not press.shown)
    press.quick()
    press.download()
    press.wait_for(*FINISHED)
    press.made.wait(lambda: press.action == "Chat now")
    press.button("Clear")
    press.made.wait(lambda: not press.shown)
    press.made.wait(lambda: press.action == "Chat now")  # it is here all the same
    with qtbot.waitSignal(press.made.page.run_requested) as told:
        press.download()
    assert told.args is not None and told.args[0].path.name == FILE
    press.no_errors()


def test_every_order_of_three_clicks(press: Press) -> None:
    """Whatever is shown can be pressed, without waiting for what the last press did; it can begin anew each time."""
    press.slow()
    for steps in itertools.product(("first", "Cancel", "table"), repeat=3):
        press.download()
        press.wait_for("Pause", "Cancel")
        for step in steps:
            shown = press.shown
            if step == "table":
                press.download()
            elif step == "Cancel" and "Cancel" in shown:
                press.button("Cancel")
            elif step == "first" and shown:
                press.button(next(word for word in shown if word != "Cancel"))
        press.made.wait(lambda: press.made.downloads.states() == () or not press.waits)
        if press.made.downloads.states():
            press.made.wait(lambda: "Cancel" in press.shown)
            press.button("Cancel")
        press.made.wait(lambda: press.action == "Download" and not press.shown)
        press.no_errors()
    press.quick()
    press.comes()
    press.wait_for(*FINISHED)
    press.no_errors()


def test_a_hundred_clicks_in_a_hurry(press: Press) -> None:
    press.slow()
    chance = random.Random(11)
    for _ in range(100):
        shown = press.shown
        word = chance.choice([*shown, "table"])
        if word == "table":
            press.download()
        elif word in shown:
            press.button(word)
        press.qtbot.wait(chance.choice((0, 1, 20)))
        assert len(press.made.downloads.states()) <= 1
    press.quick()

    press.comes()
    press.no_errors()


def test_a_removed_file_is_fetched_again(press: Press) -> None:
    press.download()
    press.wait_for(*FINISHED)
    (state,) = press.made.downloads.states()
    assert state.files[0].local is not None
    state.files[0].local.resolve().unlink()
    press.download()
    press.made.wait(lambda: state.files[0].local is not None and state.files[0].local.exists())
    press.wait_for(*FINISHED)
    press.no_errors()


def test_a_download_is_paused_while_disks_and_the_hub_sleep(press: Press, tasks: Tasks) -> None:
    press.slow()
    press.download()
    press.wait_for("Pause", "Cancel")
    with stalled(tasks):
        press.button("Pause")
        press.wait_for("Resume", "Cancel")
        press.button("Resume")
        press.wait_for("Pause", "Cancel")
        press.button("Cancel")
        press.made.wait(lambda: not press.shown)
    press.no_errors()


def test_they_go_where_the_person_says(press: Press, qtbot: QtBot, tmp_path: Path, paths: Paths) -> None:
    place = press.made.find(QToolButton, "downloadPlace")
    assert isinstance(place, QToolButton)
    assert place.text() == "Download to the Hugging Face cache ▾"
    wanted = tmp_path / "my models"
    wanted.mkdir()

    def choose() -> None:
        menu = place.menu()
        menu.aboutToShow.emit()
        next(action for action in menu.actions() if action.text() == "Another folder…").trigger()
        dialog = press.made.page.window().findChild(QFileDialog, "downloadPlaceDialog")
        assert dialog is not None
        dialog.fileSelected.emit(str(wanted))
        dialog.close()

    choose()
    press.made.wait(lambda: str(wanted) in place.accessibleName())
    assert press.told == [f"Downloads go to {wanted}. The library looks there too."]
    kept = SettingsStore(paths.settings).load()
    assert kept.get(options.DOWNLOAD_FOLDER) == str(wanted)
    assert kept.get(options.LIBRARY_FOLDERS) == (str(wanted),)
    press.download()
    press.wait_for(*FINISHED)
    assert (wanted / SMALL / FILE).is_file()
    press.button("Clear")
    press.made.wait(lambda: not press.shown)
    press.made.wait(lambda: press.action == "Chat now")  # found where it lies
    press.no_errors()


def test_the_key_for_downloads_runs_nothing_that_is_here(press: Press) -> None:
    """A key held down went on to load the model as soon as it had come."""
    runs: list[object] = []
    press.made.page.run_requested.connect(runs.append)
    page, control = press.made.page, Qt.KeyboardModifier.ControlModifier
    page.activateWindow()
    row = press.made.table.visualRect(press.made.table.model().index(0, 0)).center()
    press.qtbot.mouseClick(press.made.table.viewport(), Qt.MouseButton.LeftButton, pos=row)
    press.qtbot.keyClick(page, Qt.Key.Key_D, control)
    press.made.wait(lambda: press.action == "Chat now")
    press.qtbot.keyClick(page, Qt.Key.Key_D, control)
    assert press.told == [HERE_ALREADY] and runs == []
