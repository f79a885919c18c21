"""Settings > Other servers: adding one, what is shown of each, testing, renaming, another key, removing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QInputDialog, QLabel, QLineEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot
from support.keyrings import MemoryKeyring
from support.openai_server import OpenAIServer
from support.settings_dialog import Made
from support.widgets import click, find

MS = 20_000


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer("a", "b", key="the-secret-key") as running:
        yield running


def says(qtbot: QtBot, page: QWidget, name: str, text: str) -> None:
    def there() -> bool:
        found = page.findChild(QLabel, name)
        return found is not None and text in found.text()

    qtbot.waitUntil(there, timeout=MS)


def type_in(qtbot: QtBot, page: QWidget, name: str, text: str) -> QLineEdit:
    field = find(page, QLineEdit, name)
    field.setFocus()
    field.clear()
    qtbot.keyClicks(field, text)
    return field


def add(qtbot: QtBot, page: QWidget, url: str, key: str = "", name: str = "") -> None:
    type_in(qtbot, page, "serverKey", key)
    type_in(qtbot, page, "serverName", name)
    qtbot.keyClick(type_in(qtbot, page, "serverUrl", url), Qt.Key.Key_Return)


def test_a_server_is_added_by_keyboard_and_shown_with_what_it_offers(
    made: Made, qtbot: QtBot, server: OpenAIServer, ring: MemoryKeyring
) -> None:
    page = made.open("endpoints")
    says(qtbot, page, "serversNone", "None was added yet.")
    add(qtbot, page, f"127.0.0.1:{server.port}", "the-secret-key", "studio")
    says(qtbot, page, "serverAddState", "studio was added. Its key is in this computer's keyring.")
    says(qtbot, page, "server0State", "✓ OpenAI-compatible, 2 models, answers in")
    assert find(page, QLabel, "server0").text() == "studio" and find(page, QLabel, "server0Url").text() == server.url
    assert find(page, QLineEdit, "serverKey").text() == "" and list(ring.kept.values()) == ["the-secret-key"]


def test_a_wrong_key_is_said_and_what_was_typed_stays(made: Made, qtbot: QtBot, server: OpenAIServer) -> None:
    page = made.open("endpoints")
    add(qtbot, page, server.url, "another-key")
    says(qtbot, page, "serverAddState", "does not accept the key that it was sent. Give it another key")
    assert find(page, QLineEdit, "serverUrl").text() == server.url
    assert find(page, QLineEdit, "serverKey").echoMode() == QLineEdit.EchoMode.Password
    assert not find(page, QPushButton, "serverAddInClear").isVisible()


def test_one_that_is_off_is_added_without_praise_and_why_is_said_once(
    made: Made, qtbot: QtBot, server: OpenAIServer
) -> None:
    page = made.open("endpoints")
    assert find(page, QLineEdit, "serverName").placeholderText() == "studio, for studio.local"
    server.stop()
    add(qtbot, page, server.url, name="studio")
    says(qtbot, page, "serverAddState", "studio was added, but does not answer now: why stands above.")
    assert find(page, QLabel, "serverAddState").property("role") == "warn"
    says(qtbot, page, "server0State", f"Start the server on this computer, at port {server.port}.")
    said = [found.text() for found in page.findChildren(QLabel) if "Nothing listens" in found.text()]
    assert len(said) == 1


def test_plain_text_needs_a_second_word(made: Made, qtbot: QtBot) -> None:
    page = made.open("endpoints")
    add(qtbot, page, "http://api.example.com", "the-secret-key")
    says(qtbot, page, "serverAddState", "in plain text")
    again = find(page, QPushButton, "serverAddInClear")
    qtbot.waitUntil(again.isVisible, timeout=MS)
    type_in(qtbot, page, "serverUrl", "http://other.example.com")
    assert not again.isVisible()  # it was about another address


def test_a_server_that_is_off_is_kept_and_tested_again(made: Made, qtbot: QtBot, server: OpenAIServer) -> None:
    page = made.open("endpoints")
    add(qtbot, page, server.url, "the-secret-key", "studio")
    says(qtbot, page, "server0State", "✓")
    server.stop()
    click(qtbot, page, "server0Test")
    says(qtbot, page, "serversState", "studio: Nothing listens")
    says(qtbot, page, "server0State", "✗ Nothing listens")


def test_it_is_renamed_gets_another_key_and_is_removed(
    made: Made, qtbot: QtBot, server: OpenAIServer, ring: MemoryKeyring
) -> None:
    page = made.open("endpoints")
    add(qtbot, page, server.url, "the-secret-key", "studio")
    says(qtbot, page, "server0State", "✓")
    click(qtbot, page, "server0Rename")
    _answer(qtbot, page, "renameServer", "box")
    says(qtbot, page, "server0", "box")
    click(qtbot, page, "server0Key")
    _answer(qtbot, page, "keyOfServer", "another-key")
    says(qtbot, page, "server0State", "✗ box does not accept the key")
    assert list(ring.kept.values()) == ["another-key"]
    click(qtbot, page, "server0Remove")
    says(qtbot, page, "serversNone", "None was added yet.")
    assert not ring.kept


def test_each_control_says_what_it_is_for(made: Made, qtbot: QtBot, server: OpenAIServer) -> None:
    page = made.open("endpoints")
    add(qtbot, page, server.url, "the-secret-key", "studio")
    says(qtbot, page, "server0State", "✓")
    for name, spoken in (
        ("server0Test", "Test: studio"),
        ("server0Remove", "Remove: studio"),
        ("serverAdd", "Add the server"),
    ):
        assert find(page, QPushButton, name).accessibleName() == spoken
    assert find(page, QLineEdit, "serverUrl").accessibleName() == "Address of the server"


def _answer(qtbot: QtBot, page: QWidget, name: str, text: str) -> None:
    qtbot.waitUntil(lambda: page.findChild(QInputDialog, name) is not None, timeout=MS)
    dialog = find(page, QInputDialog, name)
    dialog.setTextValue(text)
    dialog.accept()
