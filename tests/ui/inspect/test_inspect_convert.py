"""A folder of safetensors in Inspect: what converting takes, the question, the file that comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QFrame, QMessageBox, QPushButton, QWidget
from pytestqt.qtbot import QtBot
from support import gguf_bytes as g
from support.cut import faults
from support.inspect_page import opened
from support.safetensors_folder import small_folder
from support.stand_in_converter import MOOD, RESULT, put_converter
from support.widgets import click, find, label, shown

from desktop.core.errors import HeftError
from desktop.engine.converter.environment import ConverterEnvironment, EnvironmentCost, Package
from desktop.hub.client import HubClient
from desktop.services.engine.supervisor import EngineState
from desktop.services.inspect.inspection import InspectionService
from desktop.services.jobs import JobService
from desktop.services.lab import made_files
from desktop.services.lab.converting import ConvertingService
from desktop.services.lab.hashes import FileHashes
from desktop.services.models.library import LibraryService
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore
from desktop.ui.inspect import actions
from desktop.ui.inspect.convert_card import ConvertCard
from desktop.ui.inspect.format import FormatTab
from desktop.ui.inspect.page import InspectPage
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme

Told = list[HeftError | str]


@pytest.fixture
def folder(tmp_path: Path, paths: Paths, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = small_folder(tmp_path / "Novelty-1B")
    g.model(layers=1).write(made / RESULT)
    monkeypatch.setattr(made_files, "try_file", lambda *_, compute: compute)
    return made


@pytest.fixture
def page(paths: Paths, tasks: Tasks, theme: Theme, qtbot: QtBot, tmp_path: Path, folder: Path) -> Iterator[InspectPage]:
    settings, jobs = SettingsStore(paths.settings), JobService()
    library = LibraryService(paths, settings, environ={}, home=tmp_path / "home")
    inspection = InspectionService(paths, library, HubClient())
    service = ConvertingService(paths, jobs, library, FileHashes(tmp_path / "hashes.json"))
    made = InspectPage(
        inspection, library, settings, EngineState, tasks, theme,
        summary=lambda: FormatTab(theme, None, ConvertCard(lambda: service, tasks)),
    )  # fmt: skip
    shown(qtbot, made, 820, 520)
    yield made
    jobs.close()
    made.cancel()
    if made.inspected is not None:
        made.inspected.close()


@pytest.fixture
def told(page: InspectPage) -> Told:
    heard: Told = []
    page.notify.connect(heard.append)
    return heard


def card_shown(page: QWidget) -> bool:
    return find(page, QFrame, "convertCard").isVisible()


def waits_for(qtbot: QtBot, said: Callable[[], bool]) -> None:
    qtbot.waitUntil(said)


def test_a_folder_says_what_converting_takes_and_is_converted(
    page: InspectPage, told: Told, folder: Path, paths: Paths, qtbot: QtBot
) -> None:
    put_converter(paths)
    assert page.commands.reason(actions.CONVERT) == "Open a folder of safetensors of this computer first."
    opened(qtbot, page, folder)
    waits_for(qtbot, lambda: card_shown(page))
    words = label(page, "convertWords")
    assert words.startswith("Convert and quantize on this computer: needs ") and "of disk, about" in words
    assert page.commands.reason(actions.CONVERT) == ""
    assert faults(page) == []  # at 820x520 nothing is cut
    click(qtbot, page, "inspectConvert")
    target = paths.models / "Novelty-1B-F16.gguf"
    waits_for(qtbot, lambda: bool(told))
    assert "Novelty-1B-F16.gguf was made and tried" in str(told[0]) and target.is_file()
    waits_for(qtbot, lambda: page.inspected is not None and page.inspected.source == str(target))  # and opened


def test_a_file_of_such_a_folder_offers_it_too_and_what_cannot_be_converted_does_not(
    page: InspectPage, folder: Path, qtbot: QtBot
) -> None:
    opened(qtbot, page, folder / "model.safetensors")
    waits_for(qtbot, lambda: card_shown(page))
    (folder / "config.json").unlink()
    opened(qtbot, page, folder / "model.safetensors")
    assert not card_shown(page)


def test_what_has_to_be_fetched_is_asked_first(
    page: InspectPage, told: Told, folder: Path, paths: Paths, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_converter(paths, ready=False)
    cost = EnvironmentCost((Package("torch", "2.0.1", 200_000_000), Package("numpy", "2.0.5", 16_000_000)))
    monkeypatch.setattr(ConverterEnvironment, "cost", lambda *_: cost)
    fetched: list[tuple[Package, ...]] = []

    def make(self: ConverterEnvironment, packages: tuple[Package, ...], *_: object) -> None:
        fetched.append(packages)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ConverterEnvironment, "make", make)
    opened(qtbot, page, folder)
    waits_for(qtbot, lambda: card_shown(page))
    click(qtbot, page, "inspectConvert")
    waits_for(qtbot, lambda: page.findChild(QMessageBox, "convertQuestion") is not None)
    box = find(page, QMessageBox, "convertQuestion")
    said = box.informativeText()
    assert "torch, transformers and sentencepiece" in said and "216.0 MB to download" in said and "once" in said
    box.button(QMessageBox.StandardButton.Cancel).click()
    waits_for(qtbot, lambda: page.findChild(QMessageBox, "convertQuestion") is None)
    assert not fetched and find(page, QPushButton, "inspectConvert").isEnabled()
    click(qtbot, page, "inspectConvert")
    waits_for(qtbot, lambda: page.findChild(QMessageBox, "convertQuestion") is not None)
    click(qtbot, page, "convertConfirm")
    waits_for(qtbot, lambda: bool(told))
    assert fetched == [cost.packages] and isinstance(told[0], HeftError) and told[0].kind == "disk-full"


def test_a_conversion_is_cancelled(page: InspectPage, folder: Path, paths: Paths, qtbot: QtBot) -> None:
    put_converter(paths)
    (folder / MOOD).write_text("no end")
    opened(qtbot, page, folder)
    waits_for(qtbot, lambda: card_shown(page))
    click(qtbot, page, "inspectConvert")
    waits_for(qtbot, (folder / "told.json").exists)
    assert find(page, QWidget, "convertLine").isVisible()
    click(qtbot, page, "convertLineCancel")
    waits_for(qtbot, lambda: not find(page, QWidget, "convertLine").isVisible())
    assert find(page, QPushButton, "inspectConvert").isEnabled()
    waits_for(qtbot, lambda: not any(paths.models.glob("*")) and not any(paths.models.glob(".heft-*")))
