"""The walker that presses everything is able to fail: a slot that raises, warns or is unheard is told, of any kind."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QStringListModel, Qt, qWarning
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractButton,
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QLabel,
    QLineEdit,
    QListView,
    QMenu,
    QMessageBox,
    QPushButton,
    QSlider,
    QSpinBox,
    QTabBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot
from support.walker import Walker, settled
from support.widgets import shown

from desktop.ui.shared.signals import calling


class Window(QWidget):
    """One part, in a window that the walker knows nothing of."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("window")
        self.column = QVBoxLayout(self)

    def hold(self, part: QWidget) -> None:
        part.setObjectName("part")
        self.column.addWidget(part)


def fails(*_: object) -> None:
    raise ValueError("the slot failed")


def button(kind: type[QAbstractButton]) -> Callable[[Window], None]:
    def make(window: Window) -> None:
        made = kind()
        window.hold(made)
        made.clicked.connect(fails)

    return make


def menu_entry(window: Window) -> None:
    made, menu = QToolButton(), QMenu(window)
    made.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    made.setMenu(menu)
    menu.addMenu("below").addAction("entry").triggered.connect(fails)
    window.hold(made)


def combo_entry(window: Window) -> None:
    made = QComboBox()
    made.addItems(["one", "two"])
    window.hold(made)
    made.currentIndexChanged.connect(fails)


def tab(window: Window) -> None:
    made = QTabBar()
    for title in ("one", "two"):
        made.addTab(title)
    window.hold(made)
    made.currentChanged.connect(fails)


def view(window: Window) -> QListView:
    made = QListView()
    made.setModel(QStringListModel(["row"], made))
    window.hold(made)
    return made


def row_menu(window: Window) -> None:
    made = view(window)
    made.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)

    def show_menu(at: object) -> None:
        menu = QMenu(made)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("harmless")
        menu.addAction("harmful").triggered.connect(fails)
        menu.popup(made.mapToGlobal(made.rect().center()))

    made.customContextMenuRequested.connect(show_menu)


def field(window: Window) -> None:
    made = QLineEdit()
    window.hold(made)
    made.textChanged.connect(fails)


def spin(window: Window) -> None:
    made = QSpinBox()
    window.hold(made)
    made.valueChanged.connect(fails)


def slider(window: Window) -> None:
    made = QSlider()
    window.hold(made)
    made.valueChanged.connect(fails)


def link(window: Window) -> None:
    made = QLabel('<a href="there">there</a>')
    window.hold(made)
    made.linkActivated.connect(fails)


def shortcut(window: Window) -> None:
    QShortcut(QKeySequence("Ctrl+K"), window).activated.connect(fails)


def in_a_dialog(window: Window) -> None:
    made = QPushButton()

    def ask() -> None:
        dialog = QDialog(window)
        dialog.setObjectName("asked")
        column = QVBoxLayout(dialog)
        inside = QCheckBox("inside")
        inside.clicked.connect(fails)
        column.addWidget(inside)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    made.clicked.connect(ask)
    window.hold(made)


def row_by_key(window: Window) -> None:
    view(window).activated.connect(fails)


PARTS = {
    "push button": button(QPushButton), "check box": button(QCheckBox), "tool button": button(QToolButton),
    "entry of a menu below a menu": menu_entry, "entry of a combo box": combo_entry, "tab": tab,
    "entry of a context menu": row_menu, "row by key": row_by_key, "field": field, "spin box": spin,
    "slider": slider, "link": link, "shortcut": shortcut, "in a dialog": in_a_dialog,
}  # fmt: skip


@pytest.fixture
def window(qtbot: QtBot) -> Window:
    return Window()


def walked(qtbot: QtBot, window: Window) -> Walker:
    shown(qtbot, window, 300, 200).activateWindow()
    with Walker(window, settled(0.0, lambda: True, 1.0)) as walker:
        walker.walk("here", lambda: None)
    return walker


@pytest.mark.parametrize("make", PARTS.values(), ids=PARTS.keys())
def test_a_slot_that_raises_is_told(qtbot: QtBot, window: Window, make: Callable[[Window], None]) -> None:
    make(window)
    found = walked(qtbot, window).faults
    assert found and all("the slot failed" in fault for fault in found)


def test_what_is_sound_has_no_faults_and_is_pressed_once(qtbot: QtBot, window: Window) -> None:
    told: list[str] = []
    made = QPushButton("press")
    made.clicked.connect(calling(told.append, "pressed"))
    window.hold(made)
    walker = walked(qtbot, window)
    assert told == ["pressed"] and walker.faults == [] and walker.silent == []


def test_a_warning_of_qt_is_told(qtbot: QtBot, window: Window) -> None:
    made = QPushButton()
    made.clicked.connect(calling(qWarning, "something is wrong"))
    window.hold(made)
    assert ["something is wrong" in fault for fault in walked(qtbot, window).faults] == [True]


def test_keys_that_two_claim_are_told(qtbot: QtBot, window: Window) -> None:
    for _ in range(2):
        QShortcut(QKeySequence("Ctrl+K"), window)
    assert any("claimed twice" in fault for fault in walked(qtbot, window).faults)


def test_dialogs_that_wait_are_closed(qtbot: QtBot, window: Window) -> None:
    answers: list[object] = []
    for ask in (
        lambda: answers.append(QFileDialog.getOpenFileName(window, "Open")[0]),
        lambda: answers.append(QMessageBox.question(window, "Sure?", "Really?")),
    ):
        made = QPushButton()
        made.clicked.connect(ask)
        window.column.addWidget(made)
        made.setObjectName(f"part{len(window.findChildren(QPushButton))}")
    walker = walked(qtbot, window)
    assert len(answers) == 2 and walker.faults == []
