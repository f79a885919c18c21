"""The page Lab, pressed and read by the names of its widgets."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import (
    QComboBox,
    QPushButton,
)
from pytestqt.qtbot import QtBot
from support.widgets import find

from desktop.ui.lab.page import LabPage

Told = list[object]


def choice(page: LabPage, name: str) -> QComboBox:
    return find(page, QComboBox, name)


def button(page: LabPage, name: str) -> QPushButton:
    return find(page, QPushButton, name)


def choose(page: LabPage, name: str, words: str) -> None:
    box = choice(page, name)
    at = next(row for row in range(box.count()) if words in box.itemText(row))
    box.setCurrentIndex(at)


def told(page: LabPage) -> Told:
    return page.told  # type: ignore[attr-defined,no-any-return]


def until(qtbot: QtBot, check: Callable[[], bool]) -> None:
    qtbot.waitUntil(check, timeout=20_000)
