"""An address pasted into Discover's search opens its repo; a text that finds nothing offers what was meant."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QLineEdit
from pytestqt.qtbot import QtBot
from support.discover_page import EIGHT, GATED, Made
from support.hub_server import HubServer

NAMED = "Qwen / Qwen3-8B-GGUF"
LAST = "Q8_0"


def paste(made: Made, qtbot: QtBot, text: str) -> QLineEdit:
    field = made.find(QLineEdit, "discoverSearch")
    assert isinstance(field, QLineEdit)
    field.setFocus()
    qtbot.keyClick(field, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QGuiApplication.clipboard().setText(text)
    qtbot.keyClick(field, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    return field


def chosen(made: Made) -> str:
    row = made.table.currentIndex().row()
    return made.cells(row)[0].removesuffix(" ★") if row >= 0 else ""


@pytest.mark.parametrize(
    "text",
    [
        "{hub}/" + EIGHT,
        "  <{hub}/" + EIGHT + "?library=gguf#use>  ",
        "hf:" + EIGHT,
        EIGHT,
        f'"{EIGHT}"',
        "https://elsewhere.example/" + EIGHT + "/tree/main",
        f"hf download {EIGHT}",
        f"ollama run hf.co/{EIGHT}",
    ],
)
def test_a_pasted_address_opens_its_repo(made: Made, hub: HubServer, qtbot: QtBot, text: str) -> None:
    paste(made, qtbot, text.format(hub=hub.endpoint))
    made.wait(lambda: made.table.isVisible() and made.table.model().rowCount() == 6)
    assert made.text("repoTitle") == NAMED and made.results == ["Qwen3-8B-GGUF"]
    assert chosen(made) == ""


@pytest.mark.parametrize(
    "text",
    [
        "{hub}/" + EIGHT + "/blob/main/Qwen3-8B-Q8_0.gguf",
        "{hub}/" + EIGHT + "/resolve/main/Qwen3-8B-Q8_0.gguf?download=true",
        f"hf download {EIGHT} Qwen3-8B-Q8_0.gguf --local-dir here",
        f"llama-server -hf {EIGHT}:q8_0",
    ],
)
def test_an_address_of_a_file_chooses_its_variant(made: Made, hub: HubServer, qtbot: QtBot, text: str) -> None:
    paste(made, qtbot, text.format(hub=hub.endpoint))
    made.wait(lambda: made.table.isVisible() and chosen(made) == LAST)
    made.wait(lambda: not made.text("repoBusy"))
    assert chosen(made) == LAST, "figures that come later choose another row"


def test_a_file_that_is_not_there_is_said_and_the_repo_is_shown(made: Made, hub: HubServer, qtbot: QtBot) -> None:
    told: list[object] = []
    made.page.notify.connect(told.append)
    paste(made, qtbot, f"{hub.endpoint}/{EIGHT}/blob/main/Gone.gguf")
    made.wait(lambda: bool(told))
    assert told == [f"{EIGHT} has no variant Gone.gguf. These are those it has."] and made.table.isVisible()


def test_a_repo_that_does_not_fit_or_is_gated_is_shown_when_it_is_named(made: Made, qtbot: QtBot) -> None:
    paste(made, qtbot, "big/Huge-GGUF")
    made.wait(lambda: made.results == ["Huge-GGUF"])
    paste(made, qtbot, f"hf:{GATED}")
    made.wait(lambda: made.results == ["Gated-GGUF"] and "no token is set" in made.text("discoverText"))


def test_a_link_to_nothing_says_so_and_words_with_a_slash_are_searched_for(
    made: Made, hub: HubServer, qtbot: QtBot
) -> None:
    paste(made, qtbot, f"{hub.endpoint}/no/such")
    made.wait(lambda: "no/such" in made.text("discoverStateTitle"))
    paste(made, qtbot, "https://hub.example/")
    made.wait(lambda: "names no model" in made.text("discoverStateTitle"))
    paste(made, qtbot, "Qwen/Qwen3")
    made.wait(lambda: made.results == ["Qwen3-8B-GGUF", "Qwen3-14B-GGUF"])


@pytest.mark.focus_follows("Enter in the search goes into its results")
def test_typing_owner_and_repo_searches_and_enter_opens(made: Made, qtbot: QtBot) -> None:
    field = made.find(QLineEdit, "discoverSearch")
    qtbot.keyClicks(field, "Qwen/Qwen3-8B")
    made.wait(lambda: made.results == ["Qwen3-8B-GGUF"])
    qtbot.keyClicks(field, "-GGUF")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    made.wait(lambda: made.text("repoTitle") == NAMED)


def test_a_mistyped_name_offers_the_near_one_and_one_click_searches_it(made: Made, qtbot: QtBot) -> None:
    made.wait(lambda: len(made.results) == 3)
    field = made.find(QLineEdit, "discoverSearch")
    assert isinstance(field, QLineEdit)
    qtbot.keyClicks(field, "qwem 8b")
    made.wait(lambda: made.text("discoverStateTitle") == "Nothing with a GGUF file matches “qwem 8b”.")
    offer = made.find(QAbstractButton, "discoverNear0")
    assert offer.isVisible() and offer.text() == "“qwen 8b”"
    assert field.text() == "qwem 8b", "the user's words were changed"
    qtbot.mouseClick(offer, Qt.MouseButton.LeftButton)
    made.wait(lambda: made.results == ["Qwen3-8B-GGUF"])
    assert field.text() == "qwen 8b" and not offer.isVisible()


def test_what_narrowed_the_search_is_said_and_taken_away_by_one_click(made: Made, qtbot: QtBot) -> None:
    made.wait(lambda: len(made.results) == 3)
    qtbot.mouseClick(made.find(QAbstractButton, "filter_vision"), Qt.MouseButton.LeftButton)
    made.wait(lambda: made.text("discoverStateTitle") == "Nothing found (Vision).")
    qtbot.mouseClick(made.find(QAbstractButton, "discoverRemedy"), Qt.MouseButton.LeftButton)
    made.wait(lambda: len(made.results) == 3)
