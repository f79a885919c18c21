"""The chats of the chat page: opened, renamed, deleted, found, exported."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit, QListView
from pytestqt.qtbot import QtBot
from support.calls import counted_calls
from support.chat_page import Desk

from desktop.core.errors import HeftError
from desktop.store.chats import ChatStore, Message, MessageRole, ModelView
from desktop.ui.chat import actions


def test_chats_are_listed_opened_renamed_deleted_and_brought_back(
    make_desk: Callable[..., Desk], store: ChatStore, qtbot: QtBot
) -> None:
    for title in ("Old", "New"):
        chat = store.create(title, "SmolLM2")
        store.add(chat.id, None, "user", f"question of {title}")
    desk = make_desk()
    qtbot.waitUntil(lambda: desk.rows == ["New", "Old"])
    pane = desk.page._list
    view = desk.page.findChild(QListView, "chats")
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.visualRect(view.model().index(1, 0)).center())
    qtbot.waitUntil(lambda: desk.branch == [("user", "question of Old")])

    old = store.chats()[1]
    pane.rename_asked.emit(old.id, "Older")
    qtbot.waitUntil(lambda: desk.rows == ["New", "Older"])
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: desk.rows == ["New"])
    assert desk.branch == [] and desk.page._talk.chat is None
    desk.click("undoDelete")
    qtbot.waitUntil(lambda: desk.rows == ["New", "Older"] and desk.branch == [("user", "question of Old")])
    assert view.currentIndex().data() == "Older"


def test_search_opens_the_message_on_its_branch(make_desk: Callable[..., Desk], store: ChatStore, qtbot: QtBot) -> None:
    chat = store.create("Tides")
    store.add(chat.id, None, "user", "the needle is here")
    store.add(chat.id, None, "user", "the branch on show")
    desk = make_desk()
    field = desk.page.findChild(QLineEdit, "chatSearch")
    qtbot.keyClick(desk.page, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(field.hasFocus)
    qtbot.keyClicks(field, "needl")
    results = desk.page.findChild(QListView, "chatSearchResults")
    qtbot.waitUntil(results.isVisible)
    qtbot.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: desk.branch == [("user", "the needle is here")])


@pytest.mark.parametrize("place", [3, 20, 38])
def test_search_brings_its_match_into_view_and_marks_it(
    make_desk: Callable[..., Desk], store: ChatStore, qtbot: QtBot, place: int
) -> None:
    chat = store.create("Tides")
    above: int | None = None
    for number in range(40):
        long = "\n\n".join(f"## Part {part}\n\n" + "word " * (7 * (number % 5 + 1)) for part in range(12))
        found = long + "\n\n- the **needle** is here\n\n" + long
        role: MessageRole = "assistant" if number % 2 else "user"
        above = store.add(chat.id, above, role, found if number == place else long).id
    desk = make_desk()
    desk.page.findChild(QLineEdit, "chatSearch").setText("needl")
    results = desk.page.findChild(QListView, "chatSearchResults")
    qtbot.waitUntil(results.isVisible)
    qtbot.mouseClick(
        results.viewport(), Qt.MouseButton.LeftButton, pos=results.visualRect(results.model().index(0, 0)).center()
    )
    qtbot.waitUntil(lambda: len(desk.branch) == 40)
    view = desk.page._transcript
    qtbot.waitUntil(lambda: view.has_selection)
    view.copy_selection()
    assert QApplication.clipboard().text() == "needle"
    bounds = view.selection.bounds
    assert bounds is not None
    item = view.column.items[bounds[0].item]
    line = item.body[bounds[0].row].rect_of(bounds[0].offset, bounds[1].offset)
    shown = line.translated(0, view.item_rect(place).top() + item.tops[bounds[0].row])
    assert shown.top() >= 0 and shown.bottom() <= view.viewport().height()
    view._finding._timer.timeout.emit()
    assert not view.has_selection


def test_deleting_the_chat_that_is_answered_stops_it(desk: Desk, qtbot: QtBot) -> None:
    desk.ask("Go on")
    desk.engine.say("1")
    chat = desk.page._talk.chat
    assert chat is not None
    qtbot.waitUntil(lambda: len(desk.rows) == 1)
    desk.page._list.delete_asked.emit(chat.id)
    qtbot.waitUntil(lambda: desk.rows == [] and not desk.service.busy)
    assert desk.engine.cancels == 1 and desk.told == []


@pytest.mark.parametrize("kind", ["markdown", "html", "pdf", "json"])
def test_a_chat_is_exported_without_blocking(
    make_desk: Callable[..., Desk], store: ChatStore, qtbot: QtBot, tmp_path: Path, kind: str
) -> None:
    chat = store.create("Tides: why/how?")
    store.add(chat.id, None, "user", "Warum zwei Fluten? 🌊")
    desk = make_desk()
    qtbot.waitUntil(lambda: len(desk.rows) == 1)
    desk.page._list.export_asked.emit(chat.id, kind)
    dialog = desk.page.findChild(QFileDialog, "exportDialog")
    assert dialog is not None
    target = tmp_path / "out" / {"markdown": "a.md", "html": "a.html", "pdf": "a.pdf", "json": "a.json"}[kind]
    dialog.fileSelected.emit(str(target))
    qtbot.waitUntil(lambda: bool(desk.told))
    assert isinstance(desk.told[0], HeftError)  # the folder is not there
    target.parent.mkdir()
    dialog.fileSelected.emit(str(target))
    qtbot.waitUntil(lambda: len(desk.told) == 2)
    written = target.read_text(encoding="utf-8", errors="replace")
    assert desk.told[1] == f"Saved {target}"
    if kind == "json":
        assert json.loads(written)["messages"][0]["content"] == "Warum zwei Fluten? 🌊"
    elif kind == "html":
        assert "<h1>Tides: why/how?</h1>" in written and "Warum zwei Fluten? 🌊" in written
    elif kind == "pdf":
        assert written.startswith("%PDF-") and "%%EOF" in written[-20:]
    else:
        assert written.startswith("# Tides: why/how?")
    assert [entry.name for entry in target.parent.iterdir()] == [target.name]
    dialog.reject()


def test_conversations_of_other_programs_are_brought_in(desk: Desk, qtbot: QtBot, tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "Why two tides?"}, {"role": "assistant", "content": "The Moon."}]
    good, bad = tmp_path / "Tides.json", tmp_path / "bad.json"
    good.write_text(json.dumps(turns), encoding="utf-8")
    bad.write_text("{}", encoding="utf-8")
    desk.page.commands.trigger(actions.IMPORT)
    dialog = desk.page.findChild(QFileDialog, "importDialog")
    assert dialog is not None
    dialog.filesSelected.emit([str(good), str(bad)])
    qtbot.waitUntil(lambda: len(desk.told) == 1)
    assert isinstance(desk.told[0], HeftError) and desk.rows == []  # all of them or none
    zipped = tmp_path / "export.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.write(good, "conversations.json")
    assert dialog.nameFilters()[0] == "Conversations (*.json *.md *.zip)"
    desk.page.findChild(QLineEdit, "chatSearch").setText("nothing of it")
    dialog.filesSelected.emit([str(zipped)])
    rows = desk.page.findChild(QListView, "chats")
    qtbot.waitUntil(lambda: rows.isVisible() and len(desk.rows) == 1)
    assert desk.told[1] == "Imported 1 conversation"
    dialog.reject()
    qtbot.waitUntil(lambda: desk.branch == [("user", "Why two tides?"), ("assistant", "The Moon.")])
    qtbot.waitUntil(lambda: rows.currentIndex().isValid())


def test_a_long_chat_opens_quickly(make_desk: Callable[..., Desk], store: ChatStore, qtbot: QtBot) -> None:
    chat = store.create("Long")
    parent: int | None = None
    for number in range(5000):
        role: MessageRole = "assistant" if number % 2 else "user"
        parent = store.add(chat.id, parent, role, f"**{number}** " + "word " * 40).id
    desk = make_desk()
    with counted_calls() as calls:
        desk.page.open_chat(chat.id)
        qtbot.waitUntil(lambda: len(desk.page._talk.branch) == 5000, timeout=30_000)
        desk.page.grab()
    assert calls.count < 40 * 5000


def test_a_chat_is_opened_without_looking_through_it_for_each_message(
    make_desk: Callable[..., Desk], store: ChatStore, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = store.create("Long")
    parent: int | None = None
    for number in range(300):
        role: MessageRole = "assistant" if number % 2 else "user"
        parent = store.add(chat.id, parent, role, f"{number}").id
    desk = make_desk()
    unseen, looks = ModelView.unseen, []

    def look(view: ModelView, branch: Sequence[Message]) -> int:
        looks.append(len(branch))
        return unseen(view, branch)

    monkeypatch.setattr(ModelView, "unseen", look)
    desk.page.open_chat(chat.id)
    qtbot.waitUntil(lambda: len(desk.branch) == 300)
    desk.page.grab()
    assert 0 < len(looks) < 20
