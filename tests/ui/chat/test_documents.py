"""Documents in the chat: a chip with its cost, what goes of it chosen there, numbers in the answer that open it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtWidgets import QApplication, QFrame, QLabel, QPlainTextEdit, QPushButton, QToolButton, QWidget
from pytestqt.qtbot import QtBot
from support.chat_page import Desk
from support.forge_documents import forge_pdf
from support.scripted_documents import TOPICS
from support.widgets import find

from desktop.core.cancelled import Cancelled, CancelledError
from desktop.core.errors import HeftError
from desktop.core.model_ref import local_ref
from desktop.services.documents.service import Given
from desktop.store.chats import Message
from desktop.ui.chat.document_window import DocumentWindow

PAGES = ["\n".join([f"About {topic}.", *["filler words of no meaning that go on"] * 40]) for topic in TOPICS]


@pytest.fixture
def short(tmp_path: Path) -> Path:
    return forge_pdf(tmp_path / "note.pdf", ["The secret word is heft."])


@pytest.fixture
def lease(tmp_path: Path) -> Path:
    """More words than the context of the scripted engine has tokens."""
    return forge_pdf(tmp_path / "lease.pdf", PAGES)


def paste(desk: Desk, path: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    find(desk.page, QPlainTextEdit, "composerText").insertFromMimeData(mime)


def chips(desk: Desk) -> list[str]:
    """What the chips say, as a screen reader has it: all of it, however narrow the window is."""
    return [chip.accessibleName() for chip in desk.page.findChildren(QFrame, "attachedFile") if chip.isVisible()]


def load(desk: Desk) -> None:
    desk.engine.load(desk.planning.for_load(local_ref(desk.library.resolve("starter").path)))
    desk.engine.finish_load()


def attach(desk: Desk, qtbot: QtBot, path: Path) -> str:
    """What its chip says, once its tokens are counted."""
    paste(desk, path)
    qtbot.waitUntil(lambda: any(path.name in chip and "tokens" in chip and "…" not in chip for chip in chips(desk)))
    return next(chip for chip in chips(desk) if path.name in chip)


def choose(desk: Desk, qtbot: QtBot, way: str) -> None:
    button = find(desk.page, QToolButton, "documentWay")
    menu = button.menu()
    assert menu is not None
    next(entry for entry in menu.actions() if entry.objectName() == f"documentWay_{way}").trigger()


def asked(desk: Desk, qtbot: QtBot) -> Message:
    qtbot.waitUntil(lambda: len(desk.page._talk.branch) >= 2)
    return next(message for message in reversed(desk.page._talk.branch) if message.role == "user")


def prompt(desk: Desk, qtbot: QtBot, number: int = 1) -> str:
    """What the engine is given of the last question, asked for so many times."""
    qtbot.waitUntil(lambda: len(desk.engine.requests) == number)
    return desk.engine.requests[-1].messages[-1].content


def test_a_document_is_a_chip_with_its_cost_and_goes_whole_before_the_question(
    desk: Desk, qtbot: QtBot, short: Path
) -> None:
    load(desk)
    said = attach(desk, qtbot, short)
    assert "note.pdf" in said and said.endswith("tokens")
    desk.write("Which word?")
    message = asked(desk, qtbot)
    assert message.content == "Which word?" and message.attachments[0].kind == "document"
    given = prompt(desk, qtbot)
    assert "The secret word is heft." in given and given.endswith("Which word?")
    assert chips(desk) == []


def test_one_that_does_not_fit_says_so_and_goes_as_is_chosen(desk: Desk, qtbot: QtBot, lease: Path) -> None:
    load(desk)
    assert " left" in attach(desk, qtbot, lease)
    desk.write("What of the garden?")
    qtbot.waitUntil(lambda: bool(desk.told))
    assert isinstance(desk.told[-1], HeftError) and "parts that matter" in desk.told[-1].hint
    assert desk.page._talk.branch == () and len(chips(desk)) == 1
    desk.told.clear()
    choose(desk, qtbot, "passages")
    qtbot.waitUntil(lambda: " left" not in chips(desk)[0])
    assert chips(desk)[0].endswith("by words") and "Download an embedding model" in str(desk.told[-1])
    qtbot.mouseClick(find(desk.page, QPushButton, "composerSend"), Qt.MouseButton.LeftButton)
    message = asked(desk, qtbot)
    assert 3 in [one.first.page for one in message.attachments[0].citations]
    assert "About garden." in prompt(desk, qtbot) and "About cellar." not in prompt(desk, qtbot)


@pytest.mark.parametrize("width", [820, 1280])
def test_nothing_of_the_chips_is_out_of_reach(desk: Desk, qtbot: QtBot, lease: Path, short: Path, width: int) -> None:
    load(desk)
    desk.page.resize(width, 520)
    attach(desk, qtbot, lease)
    attach(desk, qtbot, short)
    row = find(desk.page, QWidget, "attachedRow")
    for name in ("documentWay", "attachedRemove"):
        buttons = [one for one in row.findChildren(QToolButton, name) if one.isVisible()]
        assert len(buttons) == 2
        for button in buttons:
            qtbot.waitUntil(lambda button=button: _whole(button, row))  # type: ignore[misc]
    costs = [one for one in row.findChildren(QLabel, "attachedCost") if one.isVisible()]
    qtbot.waitUntil(lambda: all("tokens" in cost.text() for cost in costs))


def _whole(button: QWidget, row: QWidget) -> bool:
    place = button.rect().translated(button.mapTo(row, QPoint(0, 0)))
    return row.rect().contains(place) and button.width() >= button.sizeHint().width()


def test_a_number_in_the_answer_opens_its_passage(desk: Desk, qtbot: QtBot, lease: Path) -> None:
    load(desk)
    attach(desk, qtbot, lease)
    choose(desk, qtbot, "passages")
    desk.write("garden")
    (cited, *_) = [one for one in asked(desk, qtbot).attachments[0].citations if one.first.page == 3]
    prompt(desk, qtbot)
    desk.engine.say(f"It is yours [{cited.number}].")
    desk.engine.finish()
    qtbot.waitUntil(lambda: desk.page._talk.branch[-1].state == "complete")
    view = desk.page._transcript
    view.setFocus()
    qtbot.waitUntil(lambda: "passage:" in view.column.items[-1].content)
    for _ in range(20):
        qtbot.keyClick(view, Qt.Key.Key_Tab)
        if view.accessibleDescription().startswith("Link: lease.pdf, page 3"):
            break
    qtbot.keyClick(view, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(_windows()))
    (window,) = _windows()
    assert find(window, QLabel, "documentPlace").text().startswith("Page 3, line 1")
    window.close()
    view.select_all()
    for markdown in (False, True):
        view.copy_selection(markdown=markdown)
        copied = QApplication.clipboard().text()
        assert f"It is yours [{cited.number}]." in copied and "passage:" not in copied


def test_what_was_sent_stays_with_a_retry_a_fork_and_the_export(desk: Desk, qtbot: QtBot, short: Path) -> None:
    load(desk)
    attach(desk, qtbot, short)
    desk.write("Which word?")
    message = asked(desk, qtbot)
    first = prompt(desk, qtbot)
    desk.engine.say("heft")
    desk.engine.finish()
    qtbot.waitUntil(lambda: desk.page._talk.branch[-1].state == "complete")
    fork = desk.store.copy(message.chat_id, to_message=message.id)
    (copied,) = desk.store.messages(fork.id)
    assert desk.store.sent_texts(fork.id)[copied.id] == desk.store.sent_texts(message.chat_id)[message.id]
    assert "The secret word is heft." in desk.store.export_json(message.chat_id)
    desk.page._talk.regenerate(desk.page._talk.branch[-1].id)
    assert prompt(desk, qtbot, 2) == first


def test_a_document_that_gives_no_text_is_refused_in_words(desk: Desk, qtbot: QtBot, tmp_path: Path) -> None:
    load(desk)
    paste(desk, forge_pdf(tmp_path / "scan.pdf", [None]))
    qtbot.waitUntil(lambda: bool(desk.told))
    assert isinstance(desk.told[-1], HeftError) and desk.told[-1].message.startswith("scan.pdf: This PDF has no text")
    assert chips(desk) == []


def test_a_search_that_takes_long_is_stopped_and_the_message_comes_back(
    desk: Desk, qtbot: QtBot, lease: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(desk)
    attach(desk, qtbot, lease)
    choose(desk, qtbot, "passages")
    searching = threading.Event()

    def held(*_given: object, cancelled: Cancelled, **_more: object) -> Given:
        searching.set()
        while not cancelled():
            threading.Event().wait(0.01)
        raise CancelledError

    monkeypatch.setattr(desk.documents, "enclose", held)
    desk.write("garden")
    qtbot.waitUntil(searching.is_set)
    qtbot.mouseClick(find(desk.page, QPushButton, "composerSend"), Qt.MouseButton.LeftButton)  # Stop, for now
    editor = find(desk.page, QPlainTextEdit, "composerText")
    qtbot.waitUntil(lambda: editor.toPlainText() == "garden" and len(chips(desk)) == 1)
    assert all(isinstance(one, str) for one in desk.told) and desk.page._talk.branch == ()


def test_what_is_to_be_known_of_its_reading_is_told_once(desk: Desk, qtbot: QtBot, tmp_path: Path) -> None:
    load(desk)
    attach(desk, qtbot, forge_pdf(tmp_path / "half.pdf", ["Some text.", None]))
    qtbot.waitUntil(lambda: bool(desk.told))
    assert desk.told == ["half.pdf: 1 page without text: pictures, which were left out."]


def test_its_chip_in_the_transcript_opens_its_text(desk: Desk, qtbot: QtBot, short: Path) -> None:
    load(desk)
    attach(desk, qtbot, short)
    desk.write("Which word?")
    message = asked(desk, qtbot)
    desk.page._transcript.attachment_opened.emit(message.id, 0)
    qtbot.waitUntil(lambda: bool(_windows()))
    (window,) = _windows()
    assert "The secret word is heft." in find(window, QPlainTextEdit, "documentText").toPlainText()
    window.close()


def _windows() -> list[DocumentWindow]:
    return [one for one in QApplication.topLevelWidgets() if isinstance(one, DocumentWindow) and one.isVisible()]
