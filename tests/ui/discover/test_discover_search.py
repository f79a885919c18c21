"""Discover's search: what is trending, typing, other formats, pages, and a Hub that refuses or fails."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QAbstractButton, QLineEdit, QListView
from pytestqt.qtbot import QtBot
from support.discover_page import AWQ, Made
from support.hub_server import HubServer, Repo
from support.hub_server_content import BytesContent


def test_first_visit_shows_what_is_trending_and_fits(made: Made) -> None:
    made.wait(lambda: "Huge-GGUF" not in made.results and len(made.results) == 3)
    assert made.results == ["Qwen3-8B-GGUF", "Qwen3-14B-GGUF", "Gated-GGUF"]
    view = made.find(QListView, "discoverResults")
    assert isinstance(view, QListView)
    spoken = view.model().index(1, 0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert "◐ partly on GPU" in spoken and "14.8 B" in spoken
    assert made.text("discoverTitle") == "Find a model that fits"


def test_typing_searches_and_nothing_found_offers_a_way_on(made: Made, qtbot: QtBot) -> None:
    field = made.find(QLineEdit, "discoverSearch")
    qtbot.keyClicks(field, "14b")
    made.wait(lambda: made.results == ["Qwen3-14B-GGUF"])
    field.clear()  # type: ignore[attr-defined]
    qtbot.keyClicks(field, "gguf")
    made.wait(lambda: len(made.results) == 3)
    note = made.find(QAbstractButton, "discoverNote")
    made.wait(lambda: note.isVisible() and "1 more does not fit" in note.toolTip())
    qtbot.mouseClick(note, Qt.MouseButton.LeftButton)
    made.wait(lambda: "Huge-GGUF" in made.results)
    field.clear()  # type: ignore[attr-defined]
    qtbot.keyClicks(field, "awq")
    made.wait(lambda: "Nothing with a GGUF file matches" in made.text("discoverStateTitle"))
    remedy = made.find(QAbstractButton, "discoverRemedy")
    assert remedy.isVisible() and remedy.text() == "Look in all formats"  # type: ignore[attr-defined]
    qtbot.mouseClick(remedy, Qt.MouseButton.LeftButton)
    made.wait(lambda: made.results == ["Qwen3-8B-AWQ"])


def test_other_formats_lead_to_gguf_versions(made: Made, qtbot: QtBot) -> None:
    action = made.page.findChild(QAction, "filterFormats")
    assert isinstance(action, QAction)
    action.setChecked(True)
    made.wait(lambda: "Qwen3-8B-AWQ" in made.results)
    view = made.find(QListView, "discoverResults")
    assert isinstance(view, QListView)
    view.setCurrentIndex(view.model().index(made.results.index("Qwen3-8B-AWQ"), 0))
    assert made.text("discoverTitle") == AWQ
    assert "AWQ" in made.text("discoverText") and "vLLM" in made.text("discoverMore")
    qtbot.mouseClick(made.find(QAbstractButton, "discoverVersions"), Qt.MouseButton.LeftButton)
    made.wait(lambda: made.results == ["Qwen3-8B-GGUF"])


@pytest.mark.focus_follows("Enter in the search goes into its results")
def test_keyboard_from_the_search_into_the_results(made: Made, qtbot: QtBot) -> None:
    """Enter goes there once they have come, and the row that is opened is the one that is marked."""
    field, results = made.find(QLineEdit, "discoverSearch"), made.find(QListView, "discoverResults")
    assert isinstance(results, QListView)
    made.page.activateWindow()
    field.setFocus()
    qtbot.keyClicks(field, "qwen3")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    made.wait(results.hasFocus)
    made.wait(lambda: made.text("repoTitle").startswith("Qwen / Qwen3-8B"))
    assert [index.row() for index in results.selectedIndexes()] == [0] == [results.currentIndex().row()]
    field.setFocus()
    qtbot.keyClick(field, Qt.Key.Key_Down)
    assert results.hasFocus()


def test_gated_asks_for_a_token_and_goes_on_with_it(made: Made, qtbot: QtBot) -> None:
    made.wait(lambda: len(made.results) == 3)
    view = made.find(QListView, "discoverResults")
    assert isinstance(view, QListView)
    view.setCurrentIndex(view.model().index(2, 0))
    made.wait(lambda: "no token is set" in made.text("discoverText"))
    field = made.find(QLineEdit, "discoverToken")
    assert isinstance(field, QLineEdit)
    assert field.isVisible() and field.echoMode() == QLineEdit.EchoMode.Password
    qtbot.keyClicks(field, "hf_reader_token")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    made.wait(lambda: made.table.isVisible() and made.table.model().rowCount() == 1)
    assert field.text() == ""


def test_network_gone_is_a_sentence_and_earlier_results_stay_usable(made: Made, hub: HubServer, qtbot: QtBot) -> None:
    made.wait(lambda: len(made.results) == 3)
    hub.fail("status", "/api/models", status=503, times=100)
    made.page._search.search()
    note = made.find(QAbstractButton, "discoverNote")
    made.wait(note.isVisible)
    assert made.results == ["Qwen3-8B-GGUF", "Qwen3-14B-GGUF", "Gated-GGUF"]
    assert "problem of its own" in note.toolTip()
    made.find(QLineEdit, "discoverSearch").setText("never asked before")  # type: ignore[attr-defined]
    made.wait(lambda: "problem of its own" in made.text("discoverStateTitle"))
    hub.heal()
    qtbot.mouseClick(made.find(QAbstractButton, "discoverRemedy"), Qt.MouseButton.LeftButton)
    made.wait(lambda: "Nothing with a GGUF file" in made.text("discoverStateTitle"))


def test_pages_are_fetched_as_one_scrolls(made: Made, hub: HubServer) -> None:
    for number in range(100):
        fields = {"tags": ["gguf"], "trendingScore": 1, "downloads": number, "likes": 0}
        hub.add(Repo(f"many/Model-{number:03d}-GGUF", {"a.gguf": BytesContent(b"")}, dict(fields)))
    made.find(QLineEdit, "discoverSearch").setText("model-")  # type: ignore[attr-defined]
    made.wait(lambda: len(made.results) >= 30 and made.results[0].startswith("Model-"))
    view = made.find(QListView, "discoverResults")
    assert isinstance(view, QListView)

    def scrolled() -> bool:
        view.scrollToBottom()
        return len(made.results) == 100

    made.wait(scrolled)
    assert len(set(made.results)) == 100


def test_each_task_chip_searches_for_its_task_alone(made: Made, hub: HubServer, qtbot: QtBot) -> None:
    made.wait(lambda: len(made.results) == 3)
    chips = {name: made.find(QAbstractButton, f"filter_{name}") for name in ("chat", "code", "vision", "embedding")}
    for name, chip in chips.items():
        before = len(hub.requests("/api/models"))
        qtbot.mouseClick(chip, Qt.MouseButton.LeftButton)
        made.wait(lambda before=before: len(hub.requests("/api/models")) > before)
        assert [other for other, button in chips.items() if button.isChecked()] == [name]  # type: ignore[attr-defined]
    qtbot.mouseClick(chips["embedding"], Qt.MouseButton.LeftButton)
    made.wait(lambda: len(made.results) == 3)
    assert not any(button.isChecked() for button in chips.values())  # type: ignore[attr-defined]
