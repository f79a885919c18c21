"""Widgets under test: shown, and searched for what they hold."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QLabel, QWidget
from pytestqt.qtbot import QtBot

W = TypeVar("W", bound=QWidget)


def shown(qtbot: QtBot, widget: W, width: int, height: int) -> W:
    """The widget on the screen in this size (logical pixels); it is closed with the test."""
    qtbot.addWidget(widget)
    widget.resize(width, height)
    with qtbot.waitExposed(widget):
        widget.show()
    return widget


def find(parent: QWidget, kind: type[W], name: str) -> W:
    """The child of this kind and name; AssertionError when there is none."""
    found = parent.findChild(kind, name)
    assert isinstance(found, kind), name
    return found


def label(parent: QWidget, name: str) -> str:
    """What a label says."""
    return find(parent, QLabel, name).text()


def click(qtbot: QtBot, parent: QWidget, name: str) -> None:
    """Press a button with the mouse."""
    qtbot.mouseClick(find(parent, QAbstractButton, name), Qt.MouseButton.LeftButton)
