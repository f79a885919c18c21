"""Settings > Other computers: adding one by its line, what is shown of it, measuring, renaming, removing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QInputDialog, QLabel, QLineEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot
from support.fitting import cut
from support.keyrings import MemoryKeyring
from support.lent_devices import Lender, lending
from support.settings_dialog import Made
from support.stand_in_ssh import stand_in
from support.widgets import click, find

from desktop.engine.backends import RPC_VARIABLE

MS = 30_000
NAMES = ("Test", "Measure", "Rename", "Remove")


@pytest.fixture
def lender(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lender]:
    monkeypatch.delenv(RPC_VARIABLE, raising=False)
    monkeypatch.setattr("desktop.services.worker.workers.LINK_SECONDS", 0.5)
    with lending(tmp_path / "far") as made:
        yield made


def says(qtbot: QtBot, page: QWidget, name: str, text: str) -> None:
    def there() -> bool:
        found = page.findChild(QLabel, name)
        return found is not None and text in found.text()

    qtbot.waitUntil(there, timeout=MS)


def add(qtbot: QtBot, page: QWidget, line: str, name: str = "studio") -> None:
    qtbot.keyClicks(find(page, QLineEdit, "workerName"), name)
    field = find(page, QLineEdit, "workerPairing")
    field.setText(line)  # it is pasted
    qtbot.keyClick(field, Qt.Key.Key_Return)


def test_a_computer_is_added_and_shown_with_what_it_lends(
    made: Made, qtbot: QtBot, lender: Lender, ring: MemoryKeyring
) -> None:
    page = made.open("workers")
    says(qtbot, page, "workersNone", "None was added yet.")
    field = find(page, QLineEdit, "workerPairing")
    assert field.echoMode() == QLineEdit.EchoMode.Password
    add(qtbot, page, lender.pairing.text)
    says(qtbot, page, "workerAddState", "studio was added. Its key is in this computer's keyring.")
    says(qtbot, page, "worker0State", "✓ Lends RTX 4090 (22.0 GB free).")
    says(qtbot, page, "worker0Link", "not measured yet")
    assert field.text() == "" and find(page, QLabel, "worker0").text() == "studio"


def test_an_address_alone_is_refused_in_words(made: Made, qtbot: QtBot) -> None:
    page = made.open("workers")
    add(qtbot, page, "10.0.0.2:50052")
    says(qtbot, page, "workerAddState", "without its key there is no way to another computer's devices")
    assert find(page, QLineEdit, "workerPairing").text() == "10.0.0.2:50052"


def test_a_computer_is_added_by_ssh_and_what_keeps_one_from_it_is_said(
    made: Made, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(RPC_VARIABLE, raising=False)
    monkeypatch.setenv("PATH", f"{stand_in(tmp_path / 'programs')}:/usr/bin:/bin")
    page = made.open("workers")
    field = find(page, QLineEdit, "workerSsh")
    qtbot.keyClicks(field, "me@locked")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    says(qtbot, page, "workerAddState", "locked does not let you in without a password.")
    assert field.text() == "me@locked"
    field.setText("me@studio.local")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    says(qtbot, page, "workerAddState", "studio was added.")
    says(qtbot, page, "worker0State", "✓ Lends RTX 4090 (22.0 GB free).")
    says(qtbot, page, "worker0Address", "me@studio.local, by ssh")


def test_the_way_is_measured_by_a_button(made: Made, qtbot: QtBot, lender: Lender) -> None:
    page = made.open("workers")
    add(qtbot, page, lender.pairing.text)
    says(qtbot, page, "worker0State", "✓")
    click(qtbot, page, "worker0Measure")
    says(qtbot, page, "workersState", "ms there and back")
    says(qtbot, page, "worker0Link", "measured 20")


def test_one_that_went_is_said_when_it_is_tested(made: Made, qtbot: QtBot, lender: Lender) -> None:
    page = made.open("workers")
    add(qtbot, page, lender.pairing.text)
    says(qtbot, page, "worker0State", "✓")
    lender.shut()
    click(qtbot, page, "worker0Test")
    says(qtbot, page, "workersState", "No worker answers")
    says(qtbot, page, "worker0State", "✗ No worker answers")


def test_it_is_renamed_and_removed(made: Made, qtbot: QtBot, lender: Lender) -> None:
    page = made.open("workers")
    add(qtbot, page, lender.pairing.text)
    says(qtbot, page, "worker0State", "✓")
    click(qtbot, page, "worker0Rename")
    dialog = find(page, QInputDialog, "renameWorker")
    dialog.setTextValue("attic")
    dialog.accept()
    says(qtbot, page, "worker0", "attic")
    click(qtbot, page, "worker0Remove")
    says(qtbot, page, "workersNone", "None was added yet.")


def test_the_longest_name_and_a_long_error_leave_all_buttons_their_room(
    made: Made, qtbot: QtBot, lender: Lender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{stand_in(tmp_path / 'programs')}:/usr/bin:/bin")
    page = made.open("workers")
    add(qtbot, page, lender.pairing.text, "a-computer-whose-name-has-forty-letters-")
    says(qtbot, page, "worker0State", "✓")
    field = find(page, QLineEdit, "workerSsh")
    field.setText("me@off")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    says(qtbot, page, "worker1State", "✗ off cannot be reached by ssh: ssh: connect to host off port 22")

    def all_there() -> bool:
        """The rows are made anew as often as they are asked."""
        buttons = [page.findChildren(QPushButton, f"worker{number}{name}") for number in (0, 1) for name in NAMES]
        states = [state for state in page.findChildren(QLabel, "worker1State") if state.isVisible()]
        return (
            all(any(button.isVisible() for button in found) for found in buttons)
            and any(state.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse for state in states)
            and not cut(page)
        )

    for size in ((788, 488), (1100, 760)):
        page.window().resize(*size)
        qtbot.waitUntil(all_there, timeout=MS)
