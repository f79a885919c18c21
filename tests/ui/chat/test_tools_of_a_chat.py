"""Which tools a chat uses: chosen beside the message field, by mouse and keys, kept with the chat; real servers."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QApplication, QPushButton, QTreeWidget, QTreeWidgetItem
from pytestqt.qtbot import QtBot
from support.chat_page import Desk
from support.tool_sessions import scripted
from support.widgets import find, label

from desktop.core.tool_choice import TakenOut
from desktop.store.chats import Chat
from desktop.ui.chat.tools_popup import ToolsPopup

ON, PARTLY, OFF = Qt.CheckState.Checked, Qt.CheckState.PartiallyChecked, Qt.CheckState.Unchecked


class Chooser:
    """The list of tools over the page, as a person uses it."""

    def __init__(self, desk: Desk, qtbot: QtBot) -> None:
        self.desk, self.qtbot = desk, qtbot
        self.button = find(desk.page, QPushButton, "toolsButton")

    def open(self) -> None:
        self.qtbot.waitUntil(self.button.isVisible)
        self.qtbot.mouseClick(self.button, Qt.MouseButton.LeftButton)
        self.qtbot.waitUntil(self.popup.isVisible)

    @property
    def popup(self) -> ToolsPopup:
        return find(self.desk.page, ToolsPopup, "toolsPopup")

    @property
    def tree(self) -> QTreeWidget:
        return find(self.popup, QTreeWidget, "toolsTree")

    def item(self, server: str, tool: str = "") -> QTreeWidgetItem:
        found = self.tree.findItems(server, Qt.MatchFlag.MatchExactly)[0]
        below = [child for n in range(found.childCount()) if (child := found.child(n)) is not None]
        return next(child for child in below if child.text(0) == tool) if tool else found

    def state(self, server: str, tool: str = "") -> Qt.CheckState:
        return self.item(server, tool).checkState(0)

    def click(self, server: str, tool: str = "") -> None:
        """On its box."""
        self.tree.scrollToItem(self.item(server, tool))
        row = self.tree.visualItemRect(self.item(server, tool))
        box = QRect(row.left(), row.top(), row.height(), row.height())
        self.qtbot.mouseClick(self.tree.viewport(), Qt.MouseButton.LeftButton, pos=box.center())

    def says(self, words: str) -> None:
        self.qtbot.waitUntil(lambda: self.button.text() == words)

    def offered(self) -> list[str]:
        """What the model is offered with the next question."""
        before = len(self.desk.engine.requests)
        self.desk.write("And now?")
        self.qtbot.waitUntil(lambda: len(self.desk.engine.requests) > before)
        self.desk.engine.say("Well.")
        self.desk.engine.finish()
        self.qtbot.waitUntil(lambda: not self.desk.page._talk.busy)
        return [tool.name for tool in self.desk.engine.requests[-1].tools]


@pytest.fixture
def chooser(make_desk: Callable[..., Desk], qtbot: QtBot) -> Chooser:
    """A new chat; a model that knows tools, one server that runs, and one that is switched off."""
    desk = make_desk()
    desk.tools.add(scripted(name="files"))
    desk.tools.add(scripted(name="web"))
    desk.tools.switch("files", on=True)
    desk.tools.offered()
    desk.write("Hello")
    qtbot.waitUntil(lambda: desk.engine.state.phase == "loading" and desk.service.busy)
    desk.engine.finish_load(tools=True)
    qtbot.waitUntil(lambda: len(desk.engine.requests) == 1)
    desk.engine.say("Hi")
    desk.engine.finish()
    qtbot.waitUntil(lambda: not desk.page._talk.busy)
    made = Chooser(desk, qtbot)
    made.says("Tools: 12")
    return made


def test_a_tool_is_taken_out_of_this_chat_and_its_cost_goes_with_it(chooser: Chooser, qtbot: QtBot) -> None:
    chooser.open()
    assert chooser.state("files") == ON and chooser.state("files", "add") == ON
    qtbot.waitUntil(lambda: label(chooser.popup, "toolsCost") == "They take 8 tokens of each question")
    chooser.click("files", "add")
    chooser.says("Tools: 11")
    assert (chooser.state("files"), chooser.state("files", "add")) == (PARTLY, OFF)
    chooser.popup.close()
    offered = chooser.offered()
    assert "add" not in offered and "get_weather" in offered


def test_a_server_is_taken_out_and_comes_back(chooser: Chooser) -> None:
    chooser.open()
    chooser.click("files")
    chooser.says("Tools: off")
    assert (chooser.state("files"), chooser.state("files", "add")) == (OFF, OFF)
    chooser.popup.close()
    assert chooser.offered() == []
    chooser.open()
    chooser.click("files", "add")
    chooser.says("Tools: 1")
    chooser.popup.close()
    assert chooser.offered() == ["add"]
    assert chooser.desk.tools.find("files").saved.on, "other chats still use it"


def test_the_choice_is_the_chats_own_and_is_kept(chooser: Chooser, qtbot: QtBot) -> None:
    desk = chooser.desk
    chat = desk.page._talk.chat
    assert chat is not None
    chooser.open()
    chooser.click("files", "add")
    chooser.click("files", "get_weather")
    chooser.says("Tools: 10")
    chooser.popup.close()
    qtbot.waitUntil(lambda: len(desk.page._talk._chats.chat(chat.id).model_view.tools_out) == 2)
    desk.page.new_chat()
    chooser.says("Tools: 12")
    desk.page.open_chat(chat.id)
    chooser.says("Tools: 10")
    chooser.open()
    assert chooser.state("files", "add") == OFF and chooser.state("files", "hang") == ON
    chooser.popup.close()


def test_a_new_chat_takes_its_choice_along_to_its_first_question(chooser: Chooser, qtbot: QtBot) -> None:
    desk = chooser.desk
    desk.page.new_chat()
    chooser.open()
    chooser.click("files", "add")
    chooser.says("Tools: 11")
    chooser.popup.close()
    assert "add" not in chooser.offered()
    first = desk.page._talk.chat
    assert first is not None
    desk.page.new_chat()
    chooser.says("Tools: 12")
    desk.page.open_chat(first.id)
    chooser.says("Tools: 11")


def test_it_goes_by_keys_and_is_read_out(chooser: Chooser, qtbot: QtBot) -> None:
    chooser.button.setFocus()
    qtbot.keyClick(chooser.button, Qt.Key.Key_Space)
    qtbot.waitUntil(chooser.popup.isVisible)
    tree = chooser.tree
    assert tree.currentItem() is chooser.item("files")
    qtbot.keyClick(tree, Qt.Key.Key_Down)
    assert tree.currentItem().text(0) == "add"
    qtbot.keyClick(tree, Qt.Key.Key_Space)
    chooser.says("Tools: 11")
    assert tree.currentItem().text(0) == "add", "the place in the list stays"
    assert chooser.state("files", "add") == OFF
    spoken = QAccessible.queryAccessibleInterface(tree)
    assert spoken.text(QAccessible.Text.Name) == "Servers and their tools that this chat uses"
    rows = [spoken.child(n) for n in range(spoken.childCount())]
    row = next(one for one in rows if one is not None and one.text(QAccessible.Text.Name) == "add")
    assert row.state().checkable and not row.state().checked
    qtbot.keyClick(tree, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not chooser.popup.isVisible())
    assert QApplication.focusWidget() is chooser.button


def test_a_server_that_is_off_is_said_so_and_switched_on_here(chooser: Chooser, qtbot: QtBot) -> None:
    chooser.open()
    assert chooser.state("web (off)") == OFF
    chooser.click("web (off)")
    chooser.says("Tools: 24")
    qtbot.waitUntil(lambda: chooser.state("web") == ON)
    assert chooser.desk.tools.find("web").saved.on
    chooser.popup.close()


def test_the_settings_are_one_press_away(chooser: Chooser, qtbot: QtBot) -> None:
    asked: list[str] = []
    chooser.desk.page.settings_asked.connect(asked.append)
    chooser.open()
    qtbot.mouseClick(find(chooser.popup, QPushButton, "toolsSettings"), Qt.MouseButton.LeftButton)
    assert asked == ["tools"]
    assert not chooser.popup.isVisible()


def test_of_two_choices_in_a_moment_the_last_stays_though_the_disk_was_slow(
    chooser: Chooser, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    views, kept, release = chooser.desk.service.views, [], threading.Event()
    keep = views.use_tools

    def slowly(chat_id: int, out: TakenOut) -> Chat:
        if len(out) == 1:
            assert release.wait(30)
        stored = keep(chat_id, out)
        kept.append(stored.model_view.tools_out)
        return stored

    monkeypatch.setattr(views, "use_tools", slowly)
    chooser.open()
    chooser.click("files", "add")
    chooser.click("files", "get_weather")
    chooser.says("Tools: 10")
    release.set()
    qtbot.waitUntil(lambda: len(kept) == 2)
    assert len(kept[-1]) == 2
    chooser.says("Tools: 10")
    chooser.popup.close()
