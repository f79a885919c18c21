"""The window: pages are made at first visit, the keyboard reaches all, files open, its place is kept."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import ClassVar

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, QRect, Qt, QUrl
from PySide6.QtGui import QAction, QDragEnterEvent, QDropEvent, QImage
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QCheckBox,
    QLabel,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.services.engine.memory import EngineMemory
from desktop.store import options
from desktop.store.options import WindowGeometry
from desktop.store.settings import Changed
from desktop.ui.shared.signals import calling
from desktop.ui.shell.action import Action
from desktop.ui.shell.page import Page
from desktop.ui.shell.shortcuts import ShortcutsDialog
from desktop.ui.shell.statusbar import StatusBar
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme
from desktop.ui.shell.window import MainWindow, PageEntry

COUNT = Action("plain.count", "Count", ("Ctrl+G",))


class Plain(Page):
    """A page that counts."""

    made: ClassVar[list[str]] = []

    def __init__(self, name: str) -> None:
        super().__init__(None, (COUNT,))
        self.commands.connect_to(COUNT, lambda: self.setObjectName("counted"))
        self.visits = 0
        self.heard: list[object] = []
        self.setAccessibleName(name)
        QVBoxLayout(self).addWidget(QLabel(name))
        Plain.made.append(name)

    def shown(self) -> None:
        self.visits += 1

    def option_changed(self, change: Changed) -> None:
        self.heard.append(change)

    def token_changed(self) -> None:
        self.heard.append("token")


@pytest.fixture
def window(qtbot: QtBot, theme: Theme, tasks: Tasks) -> MainWindow:
    Plain.made = []
    entries = [
        PageEntry(name, name.title(), name, lambda name=name: Plain(name), (COUNT,))  # type: ignore[misc]
        for name in ("library", "chat", "machine")
    ]
    made = MainWindow(theme, entries, StatusBar(tasks, lambda pid: EngineMemory(0, 0)))
    qtbot.addWidget(made)
    made.restore(None)
    return made


def show(qtbot: QtBot, window: MainWindow, page: str = "chat") -> None:
    window.go_to(page)
    with qtbot.waitExposed(window):
        window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)


def test_pages_are_made_at_their_first_visit_only(qtbot: QtBot, window: MainWindow) -> None:
    assert Plain.made == []
    show(qtbot, window)
    assert Plain.made == ["chat"]
    chat = window.go_to("chat")
    window.go_to("machine")
    assert window.go_to("chat") is chat
    assert Plain.made == ["chat", "machine"]
    assert window.page("library") is None


def test_page_is_told_each_time_it_comes_into_view(qtbot: QtBot, window: MainWindow) -> None:
    show(qtbot, window)
    page = window.page("chat")
    assert isinstance(page, Plain)
    assert page.visits == 1
    window.go_to("library")
    window.go_to("chat")
    assert page.visits == 2


def test_unknown_page_is_an_error(window: MainWindow) -> None:
    with pytest.raises(KeyError):
        window.go_to("nowhere")


def test_keyboard_and_rail_switch_pages_and_mark_the_one_in_view(qtbot: QtBot, window: MainWindow) -> None:
    show(qtbot, window)
    qtbot.keyClick(window, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    assert window.current == "library"
    qtbot.keyClick(window, Qt.Key.Key_3, Qt.KeyboardModifier.ControlModifier)
    assert window.current == "machine"
    button = window.findChild(QAbstractButton, "navigate_chat")
    assert not button.isChecked()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert window.current == "chat"
    assert button.isChecked()
    assert not window.findChild(QAbstractButton, "navigate_machine").isChecked()


def test_every_button_can_be_named_found_and_reached(qtbot: QtBot, window: MainWindow) -> None:
    show(qtbot, window)
    for button in window.findChildren(QAbstractButton):
        assert button.objectName()
        assert button.accessibleName() or button.text()
        assert button.focusPolicy() & Qt.FocusPolicy.TabFocus


def test_what_a_page_notifies_is_shown(qtbot: QtBot, window: MainWindow) -> None:
    show(qtbot, window)
    page = window.page("chat")
    assert page is not None
    page.notify.emit(HeftError("It failed.", "Try again."))
    assert [shown.text for shown in window.notifications.notifications] == ["It failed."]
    keys = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(window, Qt.Key.Key_X, keys)
    assert window.notifications.notifications == ()


def drop(window: QWidget, urls: list[QUrl]) -> tuple[bool, bool]:
    """Drag over the window and drop; whether each was accepted."""
    data = QMimeData()
    data.setUrls(urls)
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of QPoint, the only way before Qt 6.12
        enter = QDragEnterEvent(QPoint(300, 300), Qt.DropAction.CopyAction, data, buttons, keys)
    QApplication.sendEvent(window, enter)
    event = QDropEvent(QPointF(300, 300), Qt.DropAction.CopyAction, data, buttons, keys)
    QApplication.sendEvent(window, event)
    return enter.isAccepted(), event.isAccepted()


def test_dropped_model_is_opened(qtbot: QtBot, window: MainWindow, starter_model: Path) -> None:
    show(qtbot, window)
    with qtbot.waitSignal(window.file_opened) as opened:
        assert drop(window, [QUrl.fromLocalFile(str(starter_model))]) == (True, True)
    assert opened.args == [starter_model]


def test_a_dropped_name_that_is_no_unicode(qtbot: QtBot, window: MainWindow) -> None:
    show(qtbot, window)
    with qtbot.waitSignal(window.file_opened) as opened:
        assert drop(window, [QUrl.fromEncoded(b"file:///tmp/mod%FF%C3%A4.gguf")]) == (True, True)
    assert os.fsencode(opened.args[0]) == b"/tmp/mod\xff\xc3\xa4.gguf"


@pytest.mark.parametrize("url", ["file:///tmp/picture.png", "https://example.org/model.gguf"])
def test_anything_else_is_refused(qtbot: QtBot, window: MainWindow, url: str) -> None:
    show(qtbot, window)
    with qtbot.assertNotEmitted(window.file_opened):
        assert drop(window, [QUrl(url)])[0] is False


def test_place_is_told_at_the_end_and_taken_again(qtbot: QtBot, window: MainWindow) -> None:
    window.restore(WindowGeometry(30, 40, 800, 600))
    show(qtbot, window)
    with qtbot.waitSignal(window.closed) as closed:
        window.close()
    assert closed.args == [WindowGeometry(30, 40, 800, 600)]


def test_place_on_a_screen_that_is_gone_is_not_taken(qtbot: QtBot, window: MainWindow) -> None:
    window.restore(WindowGeometry(90_000, 90_000, 800, 600))
    show(qtbot, window)
    assert window.screen().geometry().intersects(window.frameGeometry())
    assert (window.width(), window.height()) == (800, 600)


def test_first_paint_is_told_once(qtbot: QtBot, window: MainWindow) -> None:
    told: list[bool] = []
    window.painted.connect(lambda: told.append(True))
    show(qtbot, window)
    qtbot.waitUntil(lambda: bool(told))
    window.repaint()
    window.go_to("library")
    assert told == [True]


def test_shortcuts_are_listed_with_those_of_the_pages(qtbot: QtBot, window: MainWindow) -> None:
    show(qtbot, window)
    qtbot.keyClick(window, Qt.Key.Key_F1)
    dialog = window.findChild(ShortcutsDialog)
    texts = [label.text() for label in dialog.findChildren(QLabel)]
    assert texts.count("Ctrl+G") == texts.count("Count") == 3  # those of pages not yet visited too
    assert "Ctrl+1" in texts
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not window.findChildren(ShortcutsDialog))


def test_settings_are_chosen_in_their_menu(qtbot: QtBot, window: MainWindow) -> None:
    action = window.findChild(QAction, "window.appearance-dark")
    with qtbot.waitSignal(window.appearance_chosen) as chosen:
        action.trigger()
    assert chosen.args == ["dark"]
    with qtbot.waitSignal(window.load_at_start_chosen) as chosen:
        window.findChild(QAction, "window.load-at-start").trigger()
    assert chosen.args == [False]


def test_settings_are_asked_for_by_the_rail_a_key_a_message_and_a_page(qtbot: QtBot, window: MainWindow) -> None:
    show(qtbot, window)
    asked: list[str] = []
    window.settings_asked.connect(asked.append)
    qtbot.mouseClick(window.findChild(QAbstractButton, "settingsButton"), Qt.MouseButton.LeftButton)
    qtbot.keyClick(window, Qt.Key.Key_Comma, Qt.KeyboardModifier.ControlModifier)
    window.notifications.show_message(HeftError("No.", kind=FailureKind.PROXY))
    qtbot.mouseClick(window.findChild(QAbstractButton, "notificationSettings"), Qt.MouseButton.LeftButton)
    page = window.page("chat")
    assert page is not None
    page.settings_asked.emit("hub")
    assert asked == ["general", "general", "network", "hub"]


def test_pages_hear_of_options_and_of_the_token(qtbot: QtBot, window: MainWindow) -> None:
    show(qtbot, window)
    page = window.page("chat")
    assert isinstance(page, Plain)
    change = Changed(options.THEME, "system", "dark", None)
    window.option_changed(change)
    window.token_changed()
    assert page.heard == [change, "token"]


def test_light_and_dark_paint_differently(qtbot: QtBot, window: MainWindow, theme: Theme) -> None:
    show(qtbot, window)

    def corner() -> str:
        image: QImage = window.grab().toImage()
        return image.pixelColor(window.width() // 2, window.height() // 2).name()

    light = corner()
    theme.set_preference("dark")
    assert light == "#f6f7f9"
    assert corner() == "#16181d"


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin", "model.ONNX"])
def test_other_model_formats_are_looked_into(qtbot: QtBot, window: MainWindow, tmp_path: Path, name: str) -> None:
    show(qtbot, window)
    with qtbot.waitSignal(window.file_inspected) as asked, qtbot.assertNotEmitted(window.file_opened):
        assert drop(window, [QUrl.fromLocalFile(str(tmp_path / name))]) == (True, True)
    assert asked.args == [tmp_path / name]


def test_a_folder_is_looked_into(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    show(qtbot, window)
    with qtbot.waitSignal(window.file_inspected):
        assert drop(window, [QUrl.fromLocalFile(str(tmp_path))]) == (True, True)


def test_a_model_dropped_on_the_page_inspect_is_looked_into(
    qtbot: QtBot, theme: Theme, tasks: Tasks, starter_model: Path
) -> None:
    entry = PageEntry("inspect", "Inspect", "inspect", lambda: Plain("inspect"))
    window = MainWindow(theme, (entry,), StatusBar(tasks, lambda pid: EngineMemory(0, 0)))
    qtbot.addWidget(window)
    window.go_to("inspect")
    with qtbot.waitSignal(window.file_inspected) as asked, qtbot.assertNotEmitted(window.file_opened):
        assert drop(window, [QUrl.fromLocalFile(str(starter_model))]) == (True, True)
    assert asked.args == [starter_model]


def test_ctrl_i_asks_for_a_file_to_inspect(qtbot: QtBot, window: MainWindow) -> None:
    show(qtbot, window)
    with qtbot.waitSignal(window.inspect_asked):
        qtbot.keyClick(window, Qt.Key.Key_I, Qt.KeyboardModifier.ControlModifier)


class Full(Page):
    """A page of every kind of button, with a field at its foot."""

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        self.field = QLineEdit()
        self.buttons = (QPushButton("push"), QToolButton(), QCheckBox("check"), QRadioButton("one"))
        for widget in (*self.buttons, self.field):
            column.addWidget(widget)
        self.setFocusProxy(self.field)


@pytest.fixture
def full(qtbot: QtBot, theme: Theme, tasks: Tasks) -> MainWindow:
    entry = PageEntry("chat", "Chat", "chat", Full)
    made = MainWindow(theme, (entry,), StatusBar(tasks, lambda pid: EngineMemory(0, 0)))
    qtbot.addWidget(made)
    made.resize(820, 520)
    show(qtbot, made)
    return made


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space])
def test_enter_and_space_press_the_focused_button_once(qtbot: QtBot, full: MainWindow, key: Qt.Key) -> None:
    page = full.page("chat")
    assert isinstance(page, Full)
    for button in page.buttons:
        told: list[str] = []
        button.clicked.connect(calling(told.append, "pressed"))
        button.setFocus()
        qtbot.keyClick(button, key)
        assert told == ["pressed"], button
    page.field.setFocus()
    qtbot.keyClick(page.field, key)
    assert told == ["pressed"], "the key pressed a button that has no focus"


def test_messages_move_nothing_and_take_no_focus(qtbot: QtBot, full: MainWindow) -> None:
    page = full.page("chat")
    assert isinstance(page, Full)
    page.field.setFocus()

    def places() -> dict[int, QRect]:
        own = full.notifications
        widgets = [w for w in full.findChildren(QWidget) if w is not own and not own.isAncestorOf(w)]
        return {id(w): QRect(w.mapTo(full, QPoint(0, 0)), w.size()) for w in widgets}

    before = places()
    long = HeftError("The model could not be loaded because of something that takes many words. " * 2, "Do this. " * 9)
    for what in (long, "Saved.", HeftError("Another.", "Mend it.")):
        full.notifications.show_message(what)
        QApplication.processEvents()
        assert places() == before and page.field.hasFocus()
    covered = full.notifications.geometry()
    assert covered.bottom() == full.height() - full.status.height() - 1
    assert covered.left() == 76 and covered.right() == full.width() - 1
    (visible,) = (shown for shown in full.notifications.notifications if shown.isVisible())
    assert visible.text == "Another." and visible.height() < 60


def test_messages_leave_what_the_page_keeps_in_sight(full: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    page = full.page("chat")
    monkeypatch.setattr(page, "foot", lambda: page.height() - page.field.y())
    full.notifications.show_message(HeftError("one", "Do this."))
    QApplication.processEvents()
    covered = full.notifications.geometry()
    assert covered.bottom() < page.field.mapTo(full, QPoint(0, 0)).y()


def test_several_messages_are_behind_each_other_and_leave_by_escape(qtbot: QtBot, full: MainWindow) -> None:
    page = full.page("chat")
    assert isinstance(page, Full)
    for name in ("one", "two", "three"):
        full.notifications.show_message(HeftError(name))

    def in_view() -> str:
        found = [shown.text for shown in full.notifications.notifications if shown.isVisible()]
        return found[0] if len(found) == 1 else str(found)

    assert in_view() == "three"
    others = full.notifications.notifications[-1].findChild(QPushButton, "notificationOthers")
    assert others.text() == "1 of 3"
    qtbot.mouseClick(others, Qt.MouseButton.LeftButton)
    assert in_view() == "two"
    page.field.setFocus()
    for left in ("one", "three"):
        qtbot.keyClick(page.field, Qt.Key.Key_Escape)
        assert in_view() == left
    qtbot.keyClick(page.field, Qt.Key.Key_Escape)
    assert full.notifications.notifications == () and page.field.hasFocus()


def test_a_message_dismissed_by_its_own_button_gives_the_keyboard_back(qtbot: QtBot, full: MainWindow) -> None:
    page = full.page("chat")
    assert isinstance(page, Full)
    full.notifications.show_message(HeftError("one"))
    close = full.notifications.findChild(QToolButton, "notificationDismiss")
    close.setFocus()
    qtbot.keyClick(close, Qt.Key.Key_Return)
    assert full.notifications.notifications == () and page.field.hasFocus()
