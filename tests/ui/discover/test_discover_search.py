"""Discover's search: what is trending, typing, other formats, pages, and a Hub that refuses or fails."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QLineEdit, QListView, QWidget
from pytestqt.qtbot import QtBot
from support.cut import faults
from support.discover_page import AWQ, GATED, HUGE, Made
from support.fitting import cut
from support.hub_server import HubServer, Repo
from support.hub_server_content import BytesContent
from support.keyrings import MemoryKeyring

from desktop.store import options
from desktop.store.settings import Changed


def _has_more(hub: HubServer, before: int) -> bool:
    return len(hub.requests("/api/models")) > before


def test_first_visit_shows_what_is_trending_and_fits(made: Made, qtbot: QtBot) -> None:
    made.wait(lambda: "Huge-GGUF" not in made.results and len(made.results) == 3)
    assert made.results == ["Qwen3-8B-GGUF", "Qwen3-14B-GGUF", "Gated-GGUF"]
    view = made.find(QListView, "discoverResults")
    assert isinstance(view, QListView)
    spoken = view.model().index(1, 0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert "◐ partly on GPU" in spoken and "14.8 B" in spoken
    assert made.text("discoverTitle") == "Find a model that fits"
    note = made.find(QAbstractButton, "discoverNote")
    made.wait(lambda: note.isVisible() and "1 more does not fit" in note.toolTip())
    qtbot.mouseClick(note, Qt.MouseButton.LeftButton)
    made.wait(lambda: "Huge-GGUF" in made.results)


def test_pages_of_what_does_not_fit_are_passed_over(hub: HubServer, made: Made) -> None:
    made.wait(lambda: len(made.results) == 3)
    huge = hub.repos[HUGE]
    for number in range(100):
        hub.add(replace(huge, id=f"big/Huge-{number}-GGUF", fields={**huge.fields, "trendingScore": 8.5}))
    made.page.search_for("")
    made.wait(lambda: made.results == ["Qwen3-8B-GGUF", "Qwen3-14B-GGUF", "Gated-GGUF"])
    note = made.find(QAbstractButton, "discoverNote")
    made.wait(lambda: "101 more do not fit" in note.toolTip())


def test_typing_searches_and_nothing_found_offers_a_way_on(made: Made, qtbot: QtBot) -> None:
    field = made.find(QLineEdit, "discoverSearch")
    qtbot.keyClicks(field, "14b")
    made.wait(lambda: made.results == ["Qwen3-14B-GGUF"])
    field.clear()
    qtbot.keyClicks(field, "gguf")
    made.wait(lambda: len(made.results) == 3)
    note = made.find(QAbstractButton, "discoverNote")
    made.wait(lambda: note.isVisible() and "1 more does not fit" in note.toolTip())
    qtbot.mouseClick(note, Qt.MouseButton.LeftButton)
    made.wait(lambda: "Huge-GGUF" in made.results)
    field.clear()
    qtbot.keyClicks(field, "awq")
    made.wait(lambda: "Nothing with a GGUF file matches" in made.text("discoverStateTitle"))
    remedy = made.find(QAbstractButton, "discoverRemedy")
    assert remedy.isVisible() and remedy.text() == "Look in all formats"
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
    assert made.text("methodTitle") == "How AWQ works" and "QAT" in made.text("methodMore")
    qtbot.mouseClick(made.find(QAbstractButton, "discoverVersions"), Qt.MouseButton.LeftButton)
    made.wait(lambda: made.results == ["Qwen3-8B-GGUF"])


def test_a_model_in_safetensors_says_what_converting_it_takes_and_how(hub: HubServer, made: Made, qtbot: QtBot) -> None:
    files = {"model.safetensors": BytesContent(b"x"), "config.json": BytesContent(b"{}")}
    fields = {"tags": ["safetensors"], "safetensors": {"total": 8_000_000_000}, "trendingScore": 4}
    hub.add(Repo("plain/Plain-8B", dict(files), fields))
    action = made.page.findChild(QAction, "filterFormats")
    assert isinstance(action, QAction)
    action.setChecked(True)
    made.wait(lambda: {"Plain-8B", "Qwen3-8B-AWQ"} <= set(made.results))
    view = made.find(QListView, "discoverResults")
    assert isinstance(view, QListView)
    view.setCurrentIndex(view.model().index(made.results.index("Plain-8B"), 0))
    copy = made.find(QAbstractButton, "discoverCopyConvert")
    made.wait(copy.isVisible)
    made.page.resize(820, 520)
    made.wait(lambda: faults(made.page) == [])
    # 16 GB come, 16 GB are made of them, and a Q4_K_M of 4.9 GB
    assert "needs 36.9 GB of disk, about 9 min" in made.text("discoverConvert")
    assert made.text("discoverConvert").endswith("and the download. In a terminal: heft convert hf:plain/Plain-8B")
    qtbot.mouseClick(copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == "heft convert hf:plain/Plain-8B"
    view.setCurrentIndex(view.model().index(made.results.index("Qwen3-8B-AWQ"), 0))
    made.wait(lambda: made.text("discoverTitle") == AWQ)
    assert not copy.isVisible()


def test_the_link_of_a_result_in_another_format_works(made: Made, qtbot: QtBot) -> None:
    """A click on it lists the GGUF versions; one beside it opens the repo."""
    action = made.page.findChild(QAction, "filterFormats")
    assert isinstance(action, QAction)
    action.setChecked(True)
    made.wait(lambda: "Qwen3-8B-AWQ" in made.results)
    view = made.find(QListView, "discoverResults")
    assert isinstance(view, QListView)
    row = view.visualRect(view.model().index(made.results.index("Qwen3-8B-AWQ"), 0))
    link = row.topLeft() + QPoint(40, 58)
    qtbot.mouseMove(view.viewport(), link)
    assert view.viewport().cursor().shape() == Qt.CursorShape.PointingHandCursor
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=link)
    made.wait(lambda: made.results == ["Qwen3-8B-GGUF"])
    assert made.text("discoverTitle") != AWQ


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


def _open_gated(made: Made) -> QLineEdit:
    made.wait(lambda: len(made.results) == 3)
    view = made.find(QListView, "discoverResults")
    assert isinstance(view, QListView)
    view.setCurrentIndex(view.model().index(2, 0))
    made.wait(lambda: "no token is set" in made.text("discoverText"))
    field = made.find(QLineEdit, "discoverToken")
    assert isinstance(field, QLineEdit)
    return field


def test_gated_asks_for_a_token_and_goes_on_with_it(made: Made, qtbot: QtBot, ring: MemoryKeyring) -> None:
    told: list[object] = []
    made.page.notify.connect(told.append)
    field = _open_gated(made)
    assert field.isVisible() and field.echoMode() == QLineEdit.EchoMode.Password
    qtbot.keyClicks(field, "hf_reader_token")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    made.wait(lambda: made.table.isVisible() and made.table.model().rowCount() == 1)
    assert field.text() == "" and list(ring.kept.values()) == ["hf_reader_token"]
    assert told == ["The Hub accepts the token of tester. It is kept in this computer's keyring."]


def test_without_a_keyring_a_token_lasts_until_the_end_and_that_is_said(
    made: Made, qtbot: QtBot, ring: MemoryKeyring
) -> None:
    ring.missing = True
    told: list[object] = []
    made.page.notify.connect(told.append)
    qtbot.keyClicks(_open_gated(made), "hf_reader_token")
    qtbot.mouseClick(made.find(QAbstractButton, "discoverUseToken"), Qt.MouseButton.LeftButton)
    made.wait(lambda: made.table.isVisible() and made.table.model().rowCount() == 1)
    assert made.token.origin() == "session"
    assert told == ["The Hub accepts the token of tester. It is kept until you quit: this computer has no keyring."]


def test_a_token_that_the_hub_refuses_can_be_mended(made: Made, qtbot: QtBot, ring: MemoryKeyring) -> None:
    field = _open_gated(made)
    qtbot.keyClicks(field, "hf_mistyped_token")
    use = made.find(QAbstractButton, "discoverUseToken")
    qtbot.mouseClick(use, Qt.MouseButton.LeftButton)
    made.wait(lambda: "wrong or has expired" in made.text("discoverTokenState"))
    assert field.text() == "hf_mistyped_token" and made.token.get() is None and ring.kept == {}
    qtbot.keyClicks(field, "hf_reader_token")  # it was selected, so that typing replaces it
    qtbot.keyClick(field, Qt.Key.Key_Return)
    made.wait(lambda: made.table.isVisible() and made.table.model().rowCount() == 1)


def test_a_token_without_access_leads_to_the_page_that_gives_it(
    made: Made, qtbot: QtBot, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    hub.tokens["hf_stranger_token"] = set()
    field = _open_gated(made)
    qtbot.mouseClick(made.find(QAbstractButton, "discoverMakeToken"), Qt.MouseButton.LeftButton)
    qtbot.keyClicks(field, "hf_stranger_token")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    made.wait(lambda: "asks for its licence to be accepted first" in made.text("discoverText"))
    ask = made.find(QAbstractButton, "discoverPage")
    assert ask.isVisible() and ask.text() == "Ask for access on its page"
    qtbot.mouseClick(ask, Qt.MouseButton.LeftButton)
    assert opened == [f"{hub.endpoint}/settings/tokens", f"{hub.endpoint}/{GATED}"]
    hub.tokens["hf_stranger_token"] = {GATED}
    qtbot.mouseClick(made.find(QAbstractButton, "discoverAgain"), Qt.MouseButton.LeftButton)
    made.wait(lambda: made.table.isVisible() and made.table.model().rowCount() == 1)


@pytest.mark.parametrize("width", [744, 1204])
def test_what_a_gated_repo_says_is_whole_in_a_small_window(made: Made, width: int) -> None:
    _open_gated(made)
    made.page.resize(width, 490)
    state = made.find(QWidget, "discoverState")
    made.wait(lambda: cut(state) == [])


def test_what_a_setting_mends_opens_its_page(made: Made, qtbot: QtBot, hub: HubServer) -> None:
    _open_gated(made)
    with qtbot.waitSignal(made.page.settings_asked) as asked:
        qtbot.mouseClick(made.find(QAbstractButton, "discoverSettings"), Qt.MouseButton.LeftButton)
    assert asked.args == ["hub"]
    hub.fail("status", "/api/models", status=401, times=100)
    made.find(QLineEdit, "discoverSearch").setText("never asked before")
    button = made.find(QAbstractButton, "discoverSearchSettings")
    made.wait(button.isVisible)
    with qtbot.waitSignal(made.page.settings_asked) as asked:
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert asked.args == ["hub"]


def test_network_gone_is_a_sentence_and_earlier_results_stay_usable(made: Made, hub: HubServer, qtbot: QtBot) -> None:
    made.wait(lambda: len(made.results) == 3)
    hub.fail("status", "/api/models", status=503, times=100)
    made.page._search.search()
    note = made.find(QAbstractButton, "discoverNote")
    made.wait(note.isVisible)
    assert made.results == ["Qwen3-8B-GGUF", "Qwen3-14B-GGUF", "Gated-GGUF"]
    assert "problem of its own" in note.toolTip()
    made.find(QLineEdit, "discoverSearch").setText("never asked before")
    made.wait(lambda: "problem of its own" in made.text("discoverStateTitle"))
    hub.heal()
    qtbot.mouseClick(made.find(QAbstractButton, "discoverRemedy"), Qt.MouseButton.LeftButton)
    made.wait(lambda: "Nothing with a GGUF file" in made.text("discoverStateTitle"))


def test_pages_are_fetched_as_one_scrolls(made: Made, hub: HubServer) -> None:
    for number in range(100):
        fields = {"tags": ["gguf"], "trendingScore": 1, "downloads": number, "likes": 0}
        hub.add(Repo(f"many/Model-{number:03d}-GGUF", {"a.gguf": BytesContent(b"")}, dict(fields)))
    made.find(QLineEdit, "discoverSearch").setText("model-")
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
        more = partial(_has_more, hub, len(hub.requests("/api/models")))
        qtbot.mouseClick(chip, Qt.MouseButton.LeftButton)
        made.wait(more)
        assert [other for other, button in chips.items() if button.isChecked()] == [name]
    qtbot.mouseClick(chips["embedding"], Qt.MouseButton.LeftButton)
    made.wait(lambda: len(made.results) == 3)
    assert not any(button.isChecked() for button in chips.values())


def test_a_token_given_elsewhere_goes_on_with_the_repo(made: Made) -> None:
    _open_gated(made)
    made.token.use("hf_reader_token")  # as the settings' page Hub does
    made.page.token_changed()
    made.wait(lambda: made.table.isVisible() and made.table.model().rowCount() == 1)


def test_another_hub_is_asked_anew(made: Made, hub: HubServer) -> None:
    made.wait(lambda: len(made.results) == 3)
    asked = len(hub.requests("/api/models"))
    made.page.option_changed(Changed(options.THEME, "light", "dark", None))
    made.page.option_changed(Changed(options.HUB_OFFLINE, True, False, None))
    made.wait(lambda: len(hub.requests("/api/models")) == asked + 1)
