"""What the pages of the settings do besides rows: the token, devices and backends, proxies, and Heft's own data."""

from __future__ import annotations

import zipfile
from contextlib import closing
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QAbstractButton, QFileDialog, QLabel, QLineEdit, QMessageBox, QWidget
from pytestqt.qtbot import QtBot
from support.hub_server import HubServer
from support.keyrings import MemoryKeyring
from support.settings_dialog import Made
from support.widgets import click, find, label

from desktop.store import options
from desktop.store.chats import ChatStore
from desktop.store.paths import Paths

TOKEN = "hf_aTokenOfTheTester01"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that were opened outside."""
    found: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: found.append(url.toString()))
    return found


def _shows(page: QWidget, name: str) -> str:
    found = page.findChild(QLabel, name)
    return found.text() if isinstance(found, QLabel) and found.isVisible() else ""


# -- Hub -----------------------------------------------------------------------------------------


def test_a_token_is_taken_tested_and_forgotten(
    made: Made, qtbot: QtBot, hub: HubServer, ring: MemoryKeyring, opened: list[str]
) -> None:
    changes: list[str] = []
    page = made.open("hub")
    made.dialog.token_changed.connect(lambda: changes.append("token"))
    hub.tokens[TOKEN] = set()
    qtbot.waitUntil(lambda: _shows(page, "settingsTokenOrigin").startswith("No token is set"))
    assert not find(page, QAbstractButton, "settingsTokenForget").isVisible()
    click(qtbot, page, "settingsMakeToken")
    assert opened == [f"{hub.endpoint}/settings/tokens"]
    qtbot.keyClicks(find(page, QLineEdit, "settingsToken"), TOKEN)
    click(qtbot, page, "settingsUseToken")
    qtbot.waitUntil(lambda: _shows(page, "settingsTokenOrigin").endswith("kept in this computer's keyring."))
    assert "accepts the token of tester" in _shows(page, "settingsTokenState")
    assert list(ring.kept.values()) == [TOKEN] and find(page, QLineEdit, "settingsToken").text() == ""
    click(qtbot, page, "settingsTokenTest")
    qtbot.waitUntil(lambda: "knows it as tester's" in _shows(page, "settingsTokenResult"))
    del hub.tokens[TOKEN]
    click(qtbot, page, "settingsTokenTest")
    qtbot.waitUntil(lambda: "wrong or has expired" in _shows(page, "settingsTokenResult"))
    click(qtbot, page, "settingsTokenForget")
    qtbot.waitUntil(lambda: _shows(page, "settingsTokenOrigin").startswith("No token is set"))
    assert ring.kept == {} and changes == ["token", "token"]


def test_without_a_keyring_a_token_lasts_until_the_end(
    made: Made, qtbot: QtBot, hub: HubServer, ring: MemoryKeyring
) -> None:
    ring.missing = True
    hub.tokens[TOKEN] = set()
    page = made.open("hub")
    field = find(page, QLineEdit, "settingsToken")
    qtbot.keyClicks(field, "hf_mistyped_token")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "wrong or has expired" in _shows(page, "settingsTokenState"))
    qtbot.keyClicks(field, TOKEN)
    qtbot.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: _shows(page, "settingsTokenOrigin") == "A token is set, until you quit.")
    assert "no keyring" in _shows(page, "settingsTokenState") and made.token.get() == TOKEN


def test_a_token_of_the_environment_is_not_heft_s_to_forget(
    made: Made, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    page = made.open("hub")
    qtbot.waitUntil(lambda: "HF_TOKEN" in _shows(page, "settingsTokenOrigin"))
    assert find(page, QAbstractButton, "settingsTokenTest").isVisible()
    assert not find(page, QAbstractButton, "settingsTokenForget").isVisible()


# -- Engine --------------------------------------------------------------------------------------


def test_the_devices_of_this_computer(made: Made, qtbot: QtBot) -> None:
    page = made.open("engine")
    qtbot.waitUntil(lambda: bool(_shows(page, "device0_0")))
    assert "RTX 4060" in _shows(page, "device0_0") and "free" in _shows(page, "device0_1")
    assert _shows(page, "device2_0") == made.machine[0].cpu.name
    assert "8 cores" in _shows(page, "device3_0")


# -- Network -------------------------------------------------------------------------------------


def test_proxies_of_the_system_are_shown_without_their_password(
    made: Made, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:secret@proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "intranet.example")
    page = made.open("network")
    qtbot.waitUntil(lambda: "HTTPS_PROXY" in _shows(page, "settingsSystemProxiesText"))
    text = _shows(page, "settingsSystemProxiesText")
    assert "http://me:…@proxy.example:3128" in text and "secret" not in text and "intranet.example" in text
    assert label(page, "settingsProxyInForce").endswith("the system's proxy.")
    field = find(page, QLineEdit, "option_proxy")
    qtbot.keyClicks(field, "http://proxy.example:8080")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: label(page, "settingsProxyInForce").endswith("your proxy."))
    assert made.store.get(options.PROXY) == "http://proxy.example:8080"


# -- Data ----------------------------------------------------------------------------------------


def test_places_sizes_and_caches(made: Made, qtbot: QtBot, paths: Paths, opened: list[str]) -> None:
    (paths.cache / "hub").mkdir(parents=True)
    (paths.cache / "hub" / "answer").write_bytes(b"x" * 4000)
    paths.logs.mkdir(parents=True, exist_ok=True)
    (paths.logs / "heft.log").write_bytes(b"y" * 1500)
    page = made.open("data")
    qtbot.waitUntil(lambda: _shows(page, "settingsSize_caches") == "4.0 kB")
    qtbot.waitUntil(lambda: _shows(page, "settingsSize_logs") == "1.5 kB")
    click(qtbot, page, "settingsClearCaches")
    qtbot.waitUntil(lambda: _shows(page, "settingsSize_caches") == "0 B")
    assert (paths.logs / "heft.log").exists() and not (paths.cache / "hub").exists()
    (told,) = made.window.notifications.notifications
    assert told.text == "4.0 kB of caches were cleared."
    click(qtbot, page, "settingsOpen_logs")
    assert opened == [f"file://{paths.logs}"]


def test_everything_is_exported(made: Made, qtbot: QtBot, tmp_path: Path) -> None:
    made.store.set(options.THEME, "dark")
    page = made.open("data")
    click(qtbot, page, "settingsExportButton")
    (dialog,) = [found for found in page.findChildren(QFileDialog) if found.isVisible()]
    dialog.fileSelected.emit(str(tmp_path / "all.zip"))
    dialog.close()
    qtbot.waitUntil(lambda: "all.zip was written" in _shows(page, "settingsExportState"))
    with zipfile.ZipFile(tmp_path / "all.zip") as found:
        assert "settings.json" in found.namelist()
    page = made.open("data")
    (tmp_path / "blocked").write_text("a file where a folder is wanted")
    made.dialog._made["data"].export_to(tmp_path / "blocked" / "all.zip")  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: "could not be written" in _shows(page, "settingsExportState"))


def test_a_backup_is_written_and_restored_after_it_said_what_that_means(
    made: Made, qtbot: QtBot, paths: Paths, tmp_path: Path
) -> None:
    with closing(ChatStore(paths.chats)) as store:
        store.add(store.create("Tides").id, None, "user", "Why?")
    made.store.set(options.THEME, "dark")
    page = made.open("data")
    target = tmp_path / "b.zip"
    click(qtbot, page, "settingsBackUp")
    dialog = find(page, QFileDialog, "backupDialog")
    dialog.fileSelected.emit(str(target))
    dialog.close()
    qtbot.waitUntil(lambda: "b.zip was written" in _shows(page, "settingsBackupState"))

    with closing(ChatStore(paths.chats)) as store:
        store.delete(store.chats()[0].id)
        store.purge()
        click(qtbot, page, "settingsRestore")
        dialog = find(page, QFileDialog, "restoreDialog")
        dialog.fileSelected.emit(str(target))
        dialog.close()
        qtbot.waitUntil(lambda: page.findChild(QMessageBox, "restoreQuestion") is not None)
        question = find(page, QMessageBox, "restoreQuestion")
        assert "Adds 1 chat." in question.informativeText() and "Backup of" in question.text()
        assert store.chats() == []  # nothing was done yet
        qtbot.mouseClick(find(question, QAbstractButton, "restoreConfirm"), Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: "b.zip was restored" in _shows(page, "settingsBackupState"))
        assert [chat.title for chat in store.chats()] == ["Tides"]

    target.write_bytes(b"no zip")
    made.dialog._made["data"].backup.restore_from(target)  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: "no backup of Heft's" in _shows(page, "settingsBackupState"))
    made.dialog._made["data"].backup.back_up_to(tmp_path / "no" / "b.zip")  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: "could not be written" in _shows(page, "settingsBackupState"))
