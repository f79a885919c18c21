"""The settings dialog: opened by mouse and keys, changed at once, put back, searched, readable at every size."""

from __future__ import annotations

import json
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QFileDialog,
    QLineEdit,
    QListWidget,
    QWidget,
)
from pytestqt.qtbot import QtBot
from support.fitting import cut
from support.settings_dialog import Made
from support.widgets import click, find, label

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.settings_pages import PAGES
from desktop.store import options
from desktop.store.options import OPTIONS, Option
from desktop.store.settings import SettingsStore
from desktop.ui.shell.shortcuts import ShortcutsDialog
from desktop.ui.shell.theme import Theme

CONTROL = Qt.KeyboardModifier.ControlModifier


def _kept(made: Made) -> dict[str, Any]:
    found = json.loads(made.store.path.read_bytes()) if made.store.path.exists() else {}
    return {key: value for key, value in found.items() if key != "schema_version"}


def test_opens_by_the_rail_and_by_its_key(made: Made, qtbot: QtBot) -> None:
    click(qtbot, made.window, "settingsButton")
    assert made.dialog.isVisible() and made.dialog.page == "general"
    qtbot.keyClick(made.dialog, Qt.Key.Key_Escape)
    assert not made.dialog.isVisible()
    made.window.activateWindow()
    qtbot.keyClick(made.window, Qt.Key.Key_Comma, CONTROL)
    assert made.dialog.isVisible()
    with qtbot.waitSignal(made.window.about_asked):
        click(qtbot, made.dialog, "settingsAbout")
    with qtbot.waitSignal(made.window.logs_asked):
        click(qtbot, made.dialog, "settingsLogs")


def test_a_button_closes_them_from_every_page_at_the_least_size(made: Made, qtbot: QtBot) -> None:
    for page in PAGES:
        if page == "about":
            continue
        made.open(page)
        made.dialog.resize(made.dialog.minimumSize())
        button = find(made.dialog, QAbstractButton, "settingsClose")
        assert button.text() == "Close" and made.dialog.rect().contains(button.geometry())
        click(qtbot, made.dialog, "settingsClose")
        assert not made.dialog.isVisible()


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.key)
def test_each_option_has_a_row_on_its_page_with_a_named_control(made: Made, option: Option[Any]) -> None:
    assert option.page is not None
    page = made.open(option.page)
    assert label(page, f"label_{option.key}") == option.label
    assert label(page, f"explanation_{option.key}") == option.explanation
    control = find(page, QWidget, f"option_{option.key}")
    assert control.focusPolicy() & Qt.FocusPolicy.TabFocus
    assert control.accessibleName().startswith(option.label) or control.text()  # type: ignore[attr-defined]
    assert not find(page, QAbstractButton, f"reset_{option.key}").isVisible()


def test_a_change_counts_at_once_and_can_be_taken_back(made: Made, theme: Theme, qtbot: QtBot) -> None:
    page = made.open("general")
    box = find(page, QComboBox, "option_theme")
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_End)
    qtbot.waitUntil(lambda: theme.scheme == "dark")
    assert _kept(made) == {"theme": "dark"}
    click(qtbot, page, "option_load_at_start")
    qtbot.waitUntil(lambda: _kept(made) == {"theme": "dark", "load_at_start": False})
    assert find(page, QAbstractButton, "reset_load_at_start").isVisible()
    click(qtbot, page, "reset_theme")
    qtbot.waitUntil(lambda: theme.scheme == "light" and box.currentText() == "As the system")
    click(qtbot, page, "reset_load_at_start")
    qtbot.waitUntil(lambda: _kept(made) == {})
    assert find(page, QAbstractButton, "option_load_at_start").isChecked()


def test_numbers_are_typed_and_kept_in_their_units(made: Made, qtbot: QtBot) -> None:
    page = made.open("engine")
    for key, text in (("ram_reserve_bytes", "1,75"), ("threads", "6")):
        field = find(page, QAbstractSpinBox, f"option_{key}")
        field.setFocus()
        field.selectAll()
        qtbot.keyClicks(field, text)
        qtbot.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: _kept(made) == {"ram_reserve_bytes": 1_750_000_000, "threads": 6})
    qtbot.keyClick(find(page, QAbstractSpinBox, "option_threads"), Qt.Key.Key_Up)
    qtbot.waitUntil(lambda: _kept(made)["threads"] == 7)


def test_a_port_is_no_count(made: Made, qtbot: QtBot) -> None:
    field = find(made.open("serve"), QAbstractSpinBox, "option_serve_port")
    assert field.text() == "8321"
    field.selectAll()
    qtbot.keyClicks(field, "9000")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: _kept(made) == {"serve_port": 9000})
    assert field.text() == "9000" and options.SERVE_PORT.kind.accepts == "a whole number from 1024 to 65535"


def test_an_address_that_is_none_says_what_is_taken(made: Made, qtbot: QtBot) -> None:
    page = made.open("hub")
    field = find(page, QLineEdit, "option_hub_endpoint")
    qtbot.keyClicks(field, "mirror.example")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert "such as https://HOST" in label(page, "problem_hub_endpoint") and _kept(made) == {}
    field.clear()
    qtbot.keyClicks(field, "https://mirror.example/")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: _kept(made) == {"hub_endpoint": "https://mirror.example"})
    assert label(page, "problem_hub_endpoint") == ""


def test_folders_are_added_and_removed(made: Made, qtbot: QtBot, tmp_path: Any) -> None:
    page = made.open("models")
    (tmp_path / "here").mkdir()
    for name in ("option_library_folders", "option_download_folder"):
        click(qtbot, page, name)
        (dialog,) = [found for found in page.findChildren(QFileDialog) if found.isVisible()]
        dialog.fileSelected.emit(str(tmp_path / "here"))
        dialog.close()
    here = str(tmp_path / "here")
    qtbot.waitUntil(lambda: _kept(made) == {"library_folders": [here], "download_folder": here})
    made.store.set(options.LIBRARY_FOLDERS, (here, "/gone"))
    qtbot.waitUntil(lambda: page.findChild(QAbstractButton, "option_library_folders_remove1") is not None)
    assert label(page, "option_library_folders_missing1") == "not there now"
    click(qtbot, page, "option_library_folders_remove0")
    qtbot.waitUntil(lambda: _kept(made)["library_folders"] == ["/gone"])


def test_what_another_program_writes_is_shown_and_counts(made: Made, theme: Theme, qtbot: QtBot) -> None:
    box = find(made.open("general"), QComboBox, "option_theme")
    made.parts.options.watch()
    SettingsStore(made.store.path).set(options.THEME, "dark")  # as `heft config theme dark` does
    qtbot.waitUntil(lambda: theme.scheme == "dark")
    assert box.currentText() == "Dark"
    SettingsStore(made.store.path).set(options.THEME, "light")  # the file was replaced, and is watched all the same
    qtbot.waitUntil(lambda: theme.scheme == "light")


def test_a_value_that_cannot_be_written_goes_back(made: Made, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    page = made.open("general")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("desktop.store.settings.write_atomically", full)
    click(qtbot, page, "option_load_at_start")
    qtbot.waitUntil(lambda: find(page, QAbstractButton, "option_load_at_start").isChecked())
    (told,) = made.window.notifications.notifications
    assert "No space left" in told.text


def test_what_the_environment_overrules_is_said(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://other.example")
    assert label(made.open("hub"), "note_hub_endpoint").startswith("HF_ENDPOINT is set")


def test_search_by_keyboard_leads_to_the_option(made: Made, qtbot: QtBot) -> None:
    made.open("general")
    qtbot.waitUntil(made.dialog.isActiveWindow)
    qtbot.keyClick(made.dialog, Qt.Key.Key_F, CONTROL)
    search = find(made.dialog, QLineEdit, "settingsSearch")
    qtbot.waitUntil(search.hasFocus)
    qtbot.keyClicks(search, "graphics")
    found = find(made.dialog, QListWidget, "settingsFound")
    assert [found.item(row).text().splitlines()[0] for row in range(found.count())] == [options.GPU_RESERVE.label]
    qtbot.keyClick(search, Qt.Key.Key_Return)
    assert made.dialog.page == "engine"
    field = find(made.dialog, QAbstractSpinBox, "option_gpu_reserve_bytes")
    qtbot.waitUntil(field.hasFocus)
    assert made.window.findChildren(ShortcutsDialog) == []  # Enter pressed no button
    search.setFocus()
    qtbot.keyClicks(search, "no such words")
    assert label(made.dialog, "settingsNothing") and not found.isVisible()
    search.clear()
    qtbot.keyClick(search, Qt.Key.Key_Down)
    pages = find(made.dialog, QListWidget, "settingsPages")
    assert pages.hasFocus()
    qtbot.keyClick(pages, Qt.Key.Key_Down)
    assert made.dialog.page == "serve"


def test_an_error_opens_the_page_it_means(made: Made, qtbot: QtBot) -> None:
    made.window.notifications.show_message(HeftError("No.", "Do it in Settings.", kind=FailureKind.TOKEN_MISSING))
    button = find(made.window, QAbstractButton, "notificationSettings")
    assert button.text() == "Open Settings: Hub"
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert made.dialog.isVisible() and made.dialog.page == "hub"
    made.window.notifications.dismiss_last()
    made.window.notifications.show_message(HeftError("No.", "Try again."))
    (other,) = made.window.notifications.notifications
    assert other.findChildren(QAbstractButton, "notificationSettings") == []


def test_every_button_can_be_named_and_reached(made: Made) -> None:
    for page in (name for name in PAGES if name != "about"):
        for button in made.open(page).findChildren(QAbstractButton):
            if not isinstance(button.parent(), QLineEdit):  # that one clears the field, and is Qt's
                assert button.objectName() and (button.accessibleName() or button.text()), button
    with pytest.raises(KeyError):
        made.dialog.open_page("nowhere")  # type: ignore[arg-type]


def _settled(qtbot: QtBot, made: Made, page: str) -> None:
    """Words that come from the background have come, and nothing is cut."""

    def whole() -> None:
        assert cut(made.dialog) == [], page

    qtbot.waitUntil(whole)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(560, 360), (640, 400), (820, 520), (880, 620), (1280, 800)])
def test_nothing_is_cut(made: Made, theme: Theme, qtbot: QtBot, width: int, height: int, scheme: str) -> None:
    theme.set_preference(scheme)  # type: ignore[arg-type]
    made.store.change({options.LIBRARY_FOLDERS: ("/a/folder with a long name/and more/below it",), options.THREADS: 3,
                       options.RAM_RESERVE: 2_500_000_000})  # fmt: skip
    for page in (name for name in PAGES if name != "about"):
        shown = made.open(page)
        made.dialog.resize(width, height)
        if page == "engine":
            qtbot.waitUntil(lambda: made.dialog.findChild(QWidget, "device0_0") is not None)
        _settled(qtbot, made, page)
        assert shown.isVisible()


@pytest.mark.parametrize("factor", [1.5, 2.0])
def test_nothing_is_cut_with_larger_letters(made: Made, qtbot: QtBot, factor: float) -> None:
    before = QApplication.font()
    larger = QFont(before)
    larger.setPixelSize(round(before.pixelSize() * factor))
    QApplication.setFont(larger)
    try:
        for page in (name for name in PAGES if name != "about"):
            made.open(page)
            made.dialog.resize(1000, 700)
            _settled(qtbot, made, page)
    finally:
        QApplication.setFont(before)
