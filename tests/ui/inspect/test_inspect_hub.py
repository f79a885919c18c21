"""Files on the Hub, on the page Inspect: their address, cost, silence, refusal and choice."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QLineEdit, QTableView, QWidget
from pytestqt.qtbot import QtBot
from support.hub_server import FileContent, HubServer, Repo
from support.inspect_page import MakePage, opened, tabs
from support.widgets import click, find, label

from desktop.hub.client import HubClient
from desktop.ui.inspect.sources import AddressDialog


def _client(hub: HubServer) -> HubClient:
    return HubClient(endpoint=hub.endpoint, token=lambda: None, connect_seconds=30.0, read_seconds=30.0)


def test_address_dialog_takes_what_people_paste(qtbot: QtBot) -> None:
    dialog = AddressDialog("Inspect a file on the Hub")
    qtbot.addWidget(dialog)
    button, field = find(dialog, QAbstractButton, "hubAddressOpen"), find(dialog, QLineEdit, "hubAddress")
    qtbot.keyClicks(field, "owner")
    assert not button.isEnabled() and "owner and repository" in label(dialog, "hubAddressState")
    qtbot.keyClicks(field, "/repo")
    assert button.isEnabled() and label(dialog, "hubAddressState") == "✓ hf:owner/repo"
    field.setText("https://hub.example/owner/repo/blob/main/file.gguf")
    assert label(dialog, "hubAddressState") == "✓ hf:owner/repo/file.gguf"
    with qtbot.waitSignal(dialog.given) as given:
        button.click()
    assert given.args == ["hf:owner/repo/file.gguf"]


def test_a_file_on_the_hub_says_what_it_cost(
    make_page: MakePage, qtbot: QtBot, hub: HubServer, starter_model: Path, pair: tuple[Path, Path]
) -> None:
    hub.add(Repo("owner/repo", {"model.gguf": FileContent(starter_model)}))
    page = make_page(client=_client(hub))
    opened(qtbot, page, "hf:owner/repo/model.gguf")
    assert page.inspected is not None
    facts = label(page, "inspectFacts")
    sent = page.inspected.transferred_bytes
    assert f"in {page.inspected.requests} request" in facts and "98.4 MB" in facts
    assert 0 < sent < 4_000_000  # the header, not the file
    assert not find(page, QAbstractButton, "inspectRun").isEnabled()
    page.compare(str(pair[0]))
    qtbot.waitUntil(lambda: not page.busy)
    assert tabs(page)[-1].startswith("Compare ")


def test_a_hub_that_does_not_answer_is_waited_for_with_progress_and_cancelled(
    make_page: MakePage, qtbot: QtBot, hub: HubServer, starter_model: Path, pair: tuple[Path, Path]
) -> None:
    hub.add(Repo("owner/repo", {"model.gguf": FileContent(starter_model)}))
    hub.fail("stall", "model.gguf", after=1000)
    page = make_page(client=_client(hub))
    opened(qtbot, page, pair[0])
    page.open("hf:owner/repo/model.gguf")
    qtbot.waitUntil(lambda: find(page, QWidget, "inspectReading").isVisible())
    assert "model.gguf" in label(page, "inspectReadingText")
    click(qtbot, page, "inspectCancel")
    assert not page.busy and not find(page, QWidget, "inspectReading").isVisible()
    assert tabs(page)[1] == "Tensors 10"  # what was shown stays


def test_a_gated_file_says_what_is_missing(
    make_page: MakePage, qtbot: QtBot, hub: HubServer, starter_model: Path
) -> None:
    hub.add(Repo("owner/repo", {"model.gguf": FileContent(starter_model)}, {"gated": "manual"}))
    hub.tokens["hf_reader_token"] = {"owner/repo"}
    tokens: list[str] = []
    client = HubClient(endpoint=hub.endpoint, token=lambda: tokens[0] if tokens else None, read_seconds=30.0)
    page = make_page(client=client)
    opened(qtbot, page, "hf:owner/repo/model.gguf")
    assert find(page, QWidget, "inspectFailure").isVisible()
    assert "owner/repo" in label(page, "inspectFailureMessage") and label(page, "inspectFailureHint")
    with qtbot.waitSignal(page.settings_asked) as asked:
        click(qtbot, page, "inspectSettings")
    assert asked.args == ["hub"]
    tokens.append("hf_reader_token")
    page.token_changed()  # as the settings tell, where it was given
    qtbot.waitUntil(lambda: page.inspected is not None)
    assert not find(page, QWidget, "inspectFailure").isVisible()


def test_a_repo_is_a_list_to_choose_from(
    make_page: MakePage, qtbot: QtBot, hub: HubServer, pair: tuple[Path, Path]
) -> None:
    files = {"a-Q4_K_M.gguf": FileContent(pair[0]), "a-Q8_0.gguf": FileContent(pair[1])}
    hub.add(Repo("owner/repo", dict(files), {"tags": ["gguf"]}))
    page = make_page(client=_client(hub))
    opened(qtbot, page, "hf:owner/repo")
    table = find(page, QTableView, "inspectModels")
    assert table.isVisible() and table.model().rowCount() == 2 and table.hasFocus()
    shown = [table.model().index(0, column).data() for column in range(3)]
    assert shown == ["a-Q4_K_M.gguf", "GGUF", "Q4_K_M"]
    table.selectRow(1)
    qtbot.keyClick(table, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not page.busy)
    assert page.inspected is not None and page.inspected.source == "hf:owner/repo/a-Q8_0.gguf"
    opened(qtbot, page, "hf:owner/repo")
    click(qtbot, page, "inspectModelOpen")
    qtbot.waitUntil(lambda: not page.busy)
    assert page.inspected.title == "a-Q4_K_M.gguf"
    page.compare("hf:owner/repo")
    qtbot.waitUntil(lambda: not page.busy)
    assert "holds 2 files" in label(page, "inspectFailureMessage")
