"""The list of conversations: rows, patches, search, renaming, deleting, undo."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest
from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QLabel, QLineEdit, QListView, QMenu, QPushButton
from pytestqt.qtbot import QtBot
from support.widgets import shown

from desktop.store.chats import MARK_END, MARK_START, Chat, SearchHit
from desktop.ui.chat.chat_list import ChatListPane
from desktop.ui.chat.chat_list_model import ChatListModel, ChatRole, when
from desktop.ui.chat.target import Target
from desktop.ui.shell.theme import Theme

NOW = datetime.datetime(2026, 11, 22, 15, 0, 0)


def chat(number: int, *, title: str = "", updated: float | None = None, model: str = "SmolLM2") -> Chat:
    return Chat(number, title or f"Chat {number}", model, "", {}, 0, 0.0, float(number if updated is None else updated))


@pytest.fixture
def pane(qtbot: QtBot, theme: Theme) -> ChatListPane:
    return shown(qtbot, ChatListPane(theme), 230, 600)


def ids(model: ChatListModel) -> list[int]:
    return [model.index(row).data(ChatRole.CHAT_ID) for row in range(model.rowCount())]


@pytest.mark.parametrize(
    ("ago", "said"),
    [
        ({"seconds": 5}, "now"),
        ({"minutes": 5}, "5 min"),
        ({"hours": 3}, "12:00"),
        ({"hours": 16}, "yesterday"),
        ({"days": 2}, "Friday"),
        ({"days": 6}, "Monday"),
        ({"days": 7}, "15 Nov"),
        ({"days": 400}, "18 Oct 2025"),
    ],
)
def test_times_are_said_as_people_say_them(ago: dict[str, int], said: str) -> None:
    assert when(NOW - datetime.timedelta(**ago), NOW) == said


def test_the_model_keeps_qts_contract_while_rows_come_move_and_go(qapp: object) -> None:
    model = ChatListModel()
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Warning)
    model.set_chats([chat(3), chat(2), chat(1)])
    model.put(chat(4))
    assert ids(model) == [4, 3, 2, 1]
    model.put(replace(chat(2), updated=9.0))
    assert ids(model) == [2, 4, 3, 1]
    model.put(replace(chat(2), updated=0.5))
    assert ids(model) == [4, 3, 1, 2]
    model.put(replace(chat(3), title="renamed"))
    assert model.index(1).data() == "renamed"
    model.remove(4)
    model.remove(99)
    assert ids(model) == [3, 1, 2]
    del tester


def test_a_row_says_model_and_time(qapp: object) -> None:
    model = ChatListModel(clock=lambda: NOW)
    model.set_chats([chat(1, title="Tides", updated=(NOW - datetime.timedelta(minutes=5)).timestamp())])
    index = model.index(0)
    assert index.data(ChatRole.SUBTITLE) + index.data(ChatRole.TRAILING) == "SmolLM2 · 5 min"
    assert index.data(Qt.ItemDataRole.AccessibleTextRole) == "Tides, SmolLM2, 5 min"


def test_choosing_a_row_asks_for_its_chat_and_select_does_not(qtbot: QtBot, pane: ChatListPane) -> None:
    pane.chats.set_chats([chat(2), chat(1)])
    view = pane.findChild(QListView, "chats")
    asked: list[int] = []
    pane.chat_chosen.connect(asked.append)
    pane.select(2)
    assert asked == [] and view.currentIndex().row() == 0
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.visualRect(pane.chats.index(1)).center())
    assert asked == [1]
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_Up)
    assert asked == [1, 2]


def test_f2_renames_in_place(qtbot: QtBot, pane: ChatListPane) -> None:
    pane.chats.set_chats([chat(1)])
    pane.select(1)
    view = pane.findChild(QListView, "chats")
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_F2)
    editor = view.findChild(QLineEdit, "renameChat")
    assert editor is not None and editor.text() == "Chat 1"
    with qtbot.waitSignal(pane.rename_asked) as asked:
        editor.setText("  Two   tides ")
        qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert asked.args == [1, "Two tides"]


def test_an_empty_title_renames_nothing(qapp: object) -> None:
    model = ChatListModel()
    model.set_chats([chat(1)])
    assert not model.setData(model.index(0), "   ")
    assert not model.setData(model.index(0), "Chat 1")


def test_delete_asks_and_undo_brings_back(qtbot: QtBot, pane: ChatListPane) -> None:
    pane.chats.set_chats([chat(1)])
    pane.select(1)
    view = pane.findChild(QListView, "chats")
    view.setFocus()
    with qtbot.waitSignal(pane.delete_asked) as asked:
        qtbot.keyClick(view, Qt.Key.Key_Delete)
    assert asked.args == [1]
    pane.offer_undo(1, "Chat 1")
    button = pane.findChild(QPushButton, "undoDelete")
    assert button.isVisible()
    with qtbot.waitSignal(pane.undo_asked) as undone:
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert undone.args == [1] and not button.isVisible()


def test_beside_the_chats_a_new_one_and_an_import_are_offered(qtbot: QtBot, pane: ChatListPane) -> None:
    for chats in ([], [chat(7)]):
        pane.chats.set_chats(chats)
        place = pane.rect().center()
        (pane._view if chats else pane._nothing).customContextMenuRequested.emit(place)
        menu = next(menu for menu in pane.findChildren(QMenu, "chatListMenu") if menu.isVisible())
        words = {action.text().split("\t")[0]: action for action in menu.actions()}
        assert list(words) == ["New chat", "New folder…", "Import…", "Undo"]
        with qtbot.waitSignal(pane.import_asked):
            words["Import…"].trigger()
        menu.close()


def test_the_context_menu_offers_what_can_be_done(qtbot: QtBot, pane: ChatListPane) -> None:
    pane.chats.set_chats([chat(7)])
    menu = pane.menu_for(pane.chats.index(0))
    actions = {action.text().split("\t")[0]: action for action in menu.actions() if action.text()}
    assert list(actions) == [
        "Rename",
        "Pin",
        "Move to folder",
        "Tags…",
        "Archive",
        "Duplicate",
        "Export as Markdown…",
        "Export as HTML…",
        "Export as PDF…",
        "Export as JSON…",
        "Import…",
        "Delete",
        "Undo",
    ]
    with qtbot.waitSignal(pane.export_asked) as asked:
        actions["Export as JSON…"].trigger()
    assert asked.args == [7, "json"]


def test_typing_searches_once_and_results_replace_the_list(qtbot: QtBot, pane: ChatListPane) -> None:
    pane.chats.set_chats([chat(1)])
    field = pane.findChild(QLineEdit, "chatSearch")
    searches: list[str] = []
    pane.search_asked.connect(searches.append)
    with qtbot.waitSignal(pane.search_asked):
        qtbot.keyClicks(field, "moon")
    assert searches == ["moon"]

    pane.hits.set_hits([SearchHit(5, 50, "Tides", f"The {MARK_START}Moon{MARK_END} pulls")])
    results = pane.findChild(QListView, "chatSearchResults")
    assert results.isVisible() and not pane.findChild(QListView, "chats").isVisible()
    assert pane.hits.index(0).data(Qt.ItemDataRole.AccessibleTextRole) == "Tides: The Moon pulls"
    pane.grab()  # the delegate paints marks
    with qtbot.waitSignal(pane.hit_chosen) as chosen:
        qtbot.keyClick(field, Qt.Key.Key_Return)
    assert chosen.args == [5, Target(50, match="Moon")]

    with qtbot.waitSignal(pane.search_asked) as ended:
        qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert ended.args == [""] and pane.findChild(QListView, "chats").isVisible()


def test_empty_lists_say_why(qtbot: QtBot, pane: ChatListPane) -> None:
    empty = pane.findChild(QLabel, "chatListEmpty")
    assert empty.isVisible() and "conversations" in empty.text()
    with qtbot.waitSignal(pane.search_asked):
        pane.findChild(QLineEdit, "chatSearch").setText("xyzzy")
    pane.hits.set_hits([])
    assert empty.isVisible() and "xyzzy" in empty.text()


def test_ten_thousand_rows_cost_only_those_in_view(pane: ChatListPane, monkeypatch: pytest.MonkeyPatch) -> None:
    pane.chats.set_chats([chat(number) for number in range(10_000, 0, -1)])
    view = pane.findChild(QListView, "chats")
    painted: list[int] = []
    data = pane.chats.data

    def counted(index: QModelIndex, role: int = 0) -> object:
        painted.append(index.row())
        return data(index, role)

    monkeypatch.setattr(pane.chats, "data", counted)
    view.grab()
    assert view.indexAt(QPoint(5, 5)).row() == 0
    assert 0 < len(set(painted)) < 30
