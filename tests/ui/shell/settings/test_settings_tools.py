"""Settings > Tools: adding a server, its switch, what it offers, its log, editing, importing, removing."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QLabel, QLineEdit, QPlainTextEdit, QWidget
from pytestqt.qtbot import QtBot
from support.keyrings import MemoryKeyring
from support.settings_dialog import Made
from support.tool_server import __file__ as program
from support.widgets import click, find

MS = 30_000
_SERVER = f"{sys.executable} {Path(program).resolve()}"


def _says(qtbot: QtBot, page: QWidget, name: str, text: str) -> None:
    def there() -> bool:
        found = page.findChild(QLabel, name)
        return found is not None and text in found.text()

    qtbot.waitUntil(there, timeout=MS)


def _add(qtbot: QtBot, page: QWidget, reached: str = _SERVER, values: str = "") -> None:
    find(page, QLineEdit, "toolServerName").setText("files")
    find(page, QLineEdit, "toolServerCommand").setText(reached)
    find(page, QPlainTextEdit, "toolServerValues").setPlainText(values)
    click(qtbot, page, "toolServerAdd")


def test_a_server_is_added_off_and_offers_its_tools_once_it_is_on(made: Made, qtbot: QtBot) -> None:
    page = made.open("tools")
    _add(qtbot, page)
    _says(qtbot, page, "toolsState", "files was added, switched off.")
    _says(qtbot, page, "toolServer0State", "Off.")
    switch = find(page, QAbstractButton, "toolServer0On")
    assert not switch.isChecked()
    switch.click()
    _says(qtbot, page, "toolServer0State", "Runs, and offers 12 tools.")
    find(page, QAbstractButton, "toolServer0Tools").click()
    box = find(page, QPlainTextEdit, "toolServer0Box")
    assert box.isVisible()
    assert "add\nAdds two numbers." in box.toPlainText()
    switch.click()
    _says(qtbot, page, "toolServer0State", "Off.")


def test_a_server_that_cannot_start_says_why_and_its_log_is_there(made: Made, qtbot: QtBot) -> None:
    page = made.open("tools")
    _add(qtbot, page, f"{_SERVER} crash-at-start")
    _says(qtbot, page, "toolServer0State", "Off.")
    find(page, QAbstractButton, "toolServer0On").click()
    _says(qtbot, page, "toolServer0State", "ended by itself with code 1")
    flags = find(page, QLabel, "toolServer0State").textInteractionFlags()
    assert flags & Qt.TextInteractionFlag.TextSelectableByMouse, "what is wrong can be copied"
    find(page, QAbstractButton, "toolServer0Log").click()
    assert "no licence key" in find(page, QPlainTextEdit, "toolServer0Box").toPlainText()


def test_values_go_into_the_keyring_and_stay_when_they_are_left_empty(
    made: Made, qtbot: QtBot, ring: MemoryKeyring
) -> None:
    page = made.open("tools")
    _add(qtbot, page, values="API_KEY=very-secret")
    _says(qtbot, page, "toolsState", "Its value is in this computer's keyring.")
    assert any("very-secret" in kept for kept in ring.kept.values())
    _says(qtbot, page, "toolServer0State", "Off.")
    find(page, QAbstractButton, "toolServer0Edit").click()
    values = find(page, QPlainTextEdit, "toolServerValues")
    qtbot.waitUntil(lambda: values.toPlainText() == "API_KEY=")
    find(page, QLineEdit, "toolServerName").setText("documents")
    click(qtbot, page, "toolServerAdd")
    _says(qtbot, page, "toolsState", "documents was changed.")
    assert any("very-secret" in kept for kept in ring.kept.values())


def test_what_is_no_server_is_said_and_what_was_typed_stays(made: Made, qtbot: QtBot) -> None:
    page = made.open("tools")
    _add(qtbot, page, values="nonsense")
    _says(qtbot, page, "toolServerAddState", "'nonsense' is no NAME=VALUE.")
    assert find(page, QLineEdit, "toolServerName").text() == "files"


def test_servers_of_another_program_are_imported_and_removed(made: Made, qtbot: QtBot, tmp_path: Path) -> None:
    page = made.open("tools")
    theirs = tmp_path / "mcp.json"
    theirs.write_text(json.dumps({"mcpServers": {"far": {"url": "https://example.com/mcp"}}}))
    from desktop.ui.shell.settings.tools import ToolsPane

    pane = page.findChild(ToolsPane)
    assert pane is not None
    pane.import_file(theirs)
    _says(qtbot, page, "toolsState", "far: added, switched off.")
    _says(qtbot, page, "toolServer0How", "https://example.com/mcp")
    find(page, QAbstractButton, "toolServer0Remove").click()
    _says(qtbot, page, "toolsState", "far and what it was given are forgotten.")
    qtbot.waitUntil(lambda: page.findChild(QLabel, "toolServer0") is None)
