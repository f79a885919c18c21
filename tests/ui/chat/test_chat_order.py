"""Folders, pins, tags, archive and trash of the list of chats: by menu, by drag and drop and by keyboard."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import pytest
from PySide6.QtCore import QMimeData, QModelIndex, QPoint, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QInputDialog,
    QLabel,
    QLineEdit,
    QListView,
    QMenu,
    QMessageBox,
    QPushButton,
    QToolButton,
)
from pytestqt.qtbot import QtBot
from support.chat_page import Desk
from support.widgets import find

from desktop.store.chats import Chat, ChatStore
from desktop.store.chats_order import Folder
from desktop.store.paths import Paths
from desktop.ui.chat import actions
from desktop.ui.chat.chat_list_model import ChatListModel

Make = Callable[..., Desk]


@pytest.fixture
def three(make_desk: Make, store: ChatStore, qtbot: QtBot) -> Desk:
    """A page with three chats; the newest is "c"."""
    for title in ("a", "b", "c"):
        store.add(store.create(title, "SmolLM2").id, None, "user", f"needle of {title}")
    desk = make_desk()
    qtbot.waitUntil(lambda: desk.rows == ["c", "b", "a"])
    return desk


def view_of(desk: Desk) -> QListView:
    return find(desk.page, QListView, "chats")


def index_of(desk: Desk, title: str) -> QModelIndex:
    return view_of(desk).model().index(desk.rows.index(title), 0)


def choose(desk: Desk, title: str) -> None:
    """Click on a row."""
    view = view_of(desk)
    place = view.visualRect(index_of(desk, title)).center()
    desk.qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    view.setFocus()


def entry(menu: QMenu, words: str) -> None:
    next(action for action in menu.actions() if action.text().split("\t")[0] == words).trigger()


def from_menu(desk: Desk, title: str, *words: str) -> None:
    menu = desk.page._list.menu_for(index_of(desk, title))
    for name in words[:-1]:
        menu = next(inner for inner in menu.findChildren(QMenu) if inner.title() == name)
    entry(menu, words[-1])


def answer(desk: Desk, name: str, text: str) -> None:
    """Type into the dialog of this name and confirm."""
    desk.qtbot.waitUntil(lambda: desk.page.window().findChild(QInputDialog, name) is not None)
    dialog = desk.page.window().findChild(QInputDialog, name)
    dialog.setTextValue(text)
    dialog.accept()


def drop(desk: Desk, title: str, on: str) -> None:
    """Drop a chat on another row, as the view does."""
    model = view_of(desk).model()
    data = model.mimeData([index_of(desk, title)])
    assert model.canDropMimeData(data, Qt.DropAction.MoveAction, -1, -1, index_of(desk, on))
    model.dropMimeData(data, Qt.DropAction.MoveAction, -1, -1, index_of(desk, on))


def drop_on_button(desk: Desk, title: str, name: str) -> None:
    button = find(desk.page, QToolButton, name)
    data = view_of(desk).model().mimeData([index_of(desk, title)])
    arguments = (Qt.DropAction.MoveAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    enter = QDragEnterEvent(QPoint(4, 4), *arguments)
    QApplication.sendEvent(button, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(button, QDropEvent(QPointF(4, 4), *arguments))


def test_a_chat_is_pinned_and_unpinned_by_menu_and_by_key(three: Desk, store: ChatStore, qtbot: QtBot) -> None:
    from_menu(three, "a", "Pin")
    qtbot.waitUntil(lambda: three.rows == ["Pinned", "a", "Chats", "c", "b"])
    choose(three, "b")
    qtbot.keyClick(view_of(three), Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: three.rows == ["Pinned", "b", "a", "Chats", "c"])
    from_menu(three, "a", "Unpin")
    qtbot.keyClick(view_of(three), Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: three.rows == ["c", "b", "a"])
    assert not any(chat.pinned for chat in store.chats())


def test_a_folder_takes_chats_by_menu_and_by_dropping_and_is_kept(three: Desk, make_desk: Make, qtbot: QtBot) -> None:
    from_menu(three, "c", "Move to folder", "New folder…")
    answer(three, "folderName", "Sea")
    qtbot.waitUntil(lambda: three.rows == ["Sea", "c", "Chats", "b", "a"])
    drop(three, "a", "Sea")
    qtbot.waitUntil(lambda: three.rows == ["Sea", "c", "a", "Chats", "b"])
    drop(three, "c", "b")  # under the heading of the row that it is dropped on
    qtbot.waitUntil(lambda: three.rows == ["Sea", "a", "Chats", "c", "b"])
    from_menu(three, "c", "Move to folder", "Sea")
    from_menu(three, "a", "Pin")
    qtbot.waitUntil(lambda: three.rows == ["Pinned", "a", "Sea", "c", "Chats", "b"])
    drop(three, "b", "Pinned")
    qtbot.waitUntil(lambda: three.rows == ["Pinned", "b", "a", "Sea", "c", "Chats"])
    again = make_desk()
    qtbot.waitUntil(lambda: again.rows == three.rows)
    from_menu(again, "c", "Move to folder", "No folder")
    qtbot.waitUntil(lambda: again.rows == ["Pinned", "b", "a", "Sea", "Chats", "c"])


def test_a_folder_is_closed_renamed_and_removed_by_keyboard(three: Desk, make_desk: Make, qtbot: QtBot) -> None:
    from_menu(three, "c", "Move to folder", "New folder…")
    answer(three, "folderName", "Sea")
    qtbot.waitUntil(lambda: three.rows == ["Sea", "c", "Chats", "b", "a"])
    view = view_of(three)
    choose(three, "Sea")  # a click closes it
    qtbot.waitUntil(lambda: three.rows == ["Sea", "Chats", "b", "a"])
    assert index_of(three, "Sea").data(Qt.ItemDataRole.AccessibleTextRole) == "Folder Sea, 1 chat, closed"
    again = make_desk()
    qtbot.waitUntil(lambda: again.rows == three.rows)
    three.page.window().activateWindow()
    view.setFocus()
    qtbot.waitUntil(view.hasFocus)
    qtbot.keyClick(view, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: three.rows == ["Sea", "c", "Chats", "b", "a"])
    qtbot.keyClick(view, Qt.Key.Key_Left)
    qtbot.waitUntil(lambda: "c" not in three.rows)
    qtbot.keyClick(view, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "c" in three.rows)
    qtbot.keyClick(view, Qt.Key.Key_F2)
    editor = view.findChild(QLineEdit, "renameChat")
    assert editor.accessibleName() == "New name of the folder"
    editor.setText("Ocean")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: three.rows == ["Ocean", "c", "Chats", "b", "a"])
    choose(three, "Ocean")
    qtbot.waitUntil(lambda: "c" not in three.rows)
    qtbot.keyClick(view, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: three.rows == ["c", "b", "a"])  # its chats are kept


def test_the_menu_of_folders_opens_by_keyboard(three: Desk, store: ChatStore, qtbot: QtBot) -> None:
    store.order.make_folder("Sea")
    three.page._history.load()
    qtbot.waitUntil(lambda: three.rows == ["Sea", "Chats", "c", "b", "a"])
    choose(three, "b")
    qtbot.keyClick(
        view_of(three), Qt.Key.Key_M, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    )
    menu = next(menu for menu in three.page.findChildren(QMenu, "folderChoice") if menu.isVisible())
    assert [a.text().split("\t")[0] for a in menu.actions() if a.text()] == ["No folder", "Sea", "New folder…"]
    assert [a.isChecked() for a in menu.actions()[:2]] == [True, False]
    entry(menu, "Sea")
    menu.close()
    qtbot.waitUntil(lambda: three.rows == ["Sea", "b", "Chats", "c", "a"])


def test_a_chat_is_tagged_and_found_by_its_tag(three: Desk, qtbot: QtBot) -> None:
    choose(three, "b")
    qtbot.keyClick(view_of(three), Qt.Key.Key_G, Qt.KeyboardModifier.ControlModifier)
    answer(three, "chatTags", "work, #sea")
    qtbot.waitUntil(lambda: three.page._list.chats.chat(2).tags == ("sea", "work"))
    assert "#sea #work" in index_of(three, "b").data(Qt.ItemDataRole.ToolTipRole)
    qtbot.keyClicks(three.page.findChild(QLineEdit, "chatSearch"), "#wor")
    results = three.page.findChild(QListView, "chatSearchResults")
    qtbot.waitUntil(results.isVisible)
    texts = [results.model().index(row, 0).data(Qt.ItemDataRole.AccessibleTextRole) for row in range(1)]
    assert texts == ["b: work"]


def test_the_archive_is_out_of_the_list_and_of_searches_unless_asked_for(three: Desk, qtbot: QtBot) -> None:
    choose(three, "b")
    qtbot.waitUntil(lambda: three.branch == [("user", "needle of b")])
    qtbot.keyClick(view_of(three), Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: three.rows == ["c", "a"])
    drop_on_button(three, "a", "showArchive")
    qtbot.waitUntil(lambda: three.rows == ["c"])
    everywhere = three.page.findChild(QCheckBox, "searchEverywhere")
    assert not everywhere.isVisible()
    field = three.page.findChild(QLineEdit, "chatSearch")
    field.setText("needle")
    results = three.page.findChild(QListView, "chatSearchResults")
    qtbot.waitUntil(lambda: results.isVisible() and results.model().rowCount() == 1)
    qtbot.mouseClick(everywhere, Qt.MouseButton.LeftButton, pos=QPoint(8, everywhere.height() // 2))
    qtbot.waitUntil(lambda: results.model().rowCount() == 3)
    spoken = {results.model().index(row, 0).data(Qt.ItemDataRole.AccessibleTextRole) for row in range(3)}
    assert "b: Archive · needle of b" in spoken
    field.clear()
    qtbot.waitUntil(lambda: not everywhere.isVisible())
    three.qtbot.mouseClick(three.page.findChild(QToolButton, "showArchive"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: three.rows == ["b", "a"])
    choose(three, "a")
    qtbot.waitUntil(lambda: three.branch == [("user", "needle of a")])  # what is archived can be read
    from_menu(three, "a", "Take out of the archive")
    qtbot.waitUntil(lambda: three.rows == ["b"])
    three.page.commands.trigger(actions.SHOW_ARCHIVE)
    qtbot.waitUntil(lambda: three.rows == ["c", "a"])


def test_the_trash_restores_and_deletes_for_good(three: Desk, store: ChatStore, qtbot: QtBot) -> None:
    choose(three, "c")
    qtbot.keyClick(view_of(three), Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: three.rows == ["b", "a"])
    drop_on_button(three, "b", "showTrash")
    qtbot.waitUntil(lambda: three.rows == ["a"])
    qtbot.mouseClick(three.page.findChild(QToolButton, "showTrash"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: three.rows == ["b", "c"])
    assert "30 days" in three.page.findChild(QLabel, "trashText").text()
    restore = three.page.findChild(QPushButton, "restoreChat")
    assert restore.isVisible() and not restore.isEnabled()
    before = three.branch
    choose(three, "c")
    assert three.branch == before and restore.isEnabled()  # it is restored before it is read
    qtbot.mouseClick(restore, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: three.rows == ["b"] and three.branch == [("user", "needle of c")])

    choose(three, "b")
    qtbot.keyClick(view_of(three), Qt.Key.Key_Delete)
    question = three.page.window().findChild(QMessageBox, "trashQuestion")
    assert "“b”" in question.text()
    question.reject()
    assert len(store.order.listed("trash")) == 1
    three.click("deleteForGood")
    qtbot.waitUntil(lambda: len(three.page.window().findChildren(QMessageBox, "trashQuestion")) == 1)
    question = three.page.window().findChild(QMessageBox, "trashQuestion")
    qtbot.mouseClick(question.findChild(QPushButton, "trashConfirm"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: three.rows == [])
    assert store.order.listed("trash") == []
    assert "30 days" in three.page.findChild(QLabel, "chatListEmpty").text()
    three.page.new_chat()
    qtbot.waitUntil(lambda: three.rows == ["c", "a"])


def test_the_trash_is_emptied_and_what_is_in_it_is_found_when_asked(
    three: Desk, store: ChatStore, qtbot: QtBot
) -> None:
    for chat_id in (1, 2):
        three.page._list.delete_asked.emit(chat_id)
    qtbot.waitUntil(lambda: three.rows == ["c"])
    three.page.findChild(QLineEdit, "chatSearch").setText("needle of a")
    three.page.commands.trigger(actions.EVERYWHERE)
    results = three.page.findChild(QListView, "chatSearchResults")
    qtbot.waitUntil(lambda: results.isVisible() and results.model().rowCount() == 1)
    qtbot.mouseClick(
        results.viewport(), Qt.MouseButton.LeftButton, pos=results.visualRect(results.model().index(0, 0)).center()
    )
    qtbot.waitUntil(lambda: three.rows == ["b", "a"])  # the trash is shown
    assert not three.page.commands.reason(actions.EMPTY_TRASH)
    three.page.commands.trigger(actions.EMPTY_TRASH)
    question = three.page.window().findChild(QMessageBox, "trashQuestion")
    assert "2 chats" in question.text()
    qtbot.mouseClick(question.findChild(QPushButton, "trashConfirm"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: three.rows == [])
    assert [chat.title for chat in store.chats()] == ["c"]


def test_ctrl_z_brings_a_chat_back_as_ever(three: Desk, qtbot: QtBot) -> None:
    choose(three, "b")
    qtbot.keyClick(view_of(three), Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: three.rows == ["c", "a"])
    view_of(three).setFocus()
    qtbot.keyClick(view_of(three), Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: three.rows == ["c", "b", "a"])


def test_what_another_program_wrote_is_listed_when_the_window_is_looked_at_again(
    three: Desk, paths: Paths, qtbot: QtBot
) -> None:
    with closing(ChatStore(paths.chats)) as other:  # heft restore, or the settings' own connection
        other.create("theirs")
    elsewhere = QLineEdit()
    qtbot.addWidget(elsewhere)
    elsewhere.show()
    elsewhere.activateWindow()
    qtbot.waitUntil(elsewhere.isActiveWindow)
    three.page.window().activateWindow()
    qtbot.waitUntil(lambda: three.rows == ["theirs", "c", "b", "a"])


def test_the_model_keeps_qts_contract_while_headings_come_and_go(qapp: object) -> None:
    def chat(number: int, *, folder: str = "", pinned: bool = False) -> Chat:
        return Chat(number, f"{number}", "", "", {}, 0, 0.0, float(number), folder=folder, pinned=pinned)

    def titles() -> list[str]:
        return [model.index(row).data() for row in range(model.rowCount())]

    model = ChatListModel()
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Warning)
    model.set_chats([chat(n) for n in (5, 4, 3, 2, 1)])
    model.put(chat(1, pinned=True))
    assert titles() == ["Pinned", "1", "Chats", "5", "4", "3", "2"]
    model.set_folders([Folder("Sea")])
    model.put(chat(4, folder="Sea"))
    model.put(chat(5, folder="gone"))  # a folder that is not there holds nothing
    assert titles() == ["Pinned", "1", "Sea", "4", "Chats", "5", "3", "2"]
    model.set_folders([Folder("Sea", folded=True)])
    assert titles() == ["Pinned", "1", "Sea", "Chats", "5", "3", "2"] and model.row_of(4) is None
    model.put(chat(1))
    model.set_folders([])
    assert titles() == ["5", "4", "3", "2", "1"]
    assert not model.dropMimeData(QMimeData(), Qt.DropAction.MoveAction, -1, -1, model.index(0))
    del tester
