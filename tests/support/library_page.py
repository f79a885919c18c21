"""Hands and eyes for the page Library in tests."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import (
    QAbstractButton,
    QLineEdit,
    QTableView,
    QWidget,
)
from pytestqt.qtbot import QtBot
from support.widgets import find

from desktop.ui.library.columns import NAME
from desktop.ui.library.page import LibraryPage

MakePage = Callable[..., LibraryPage]


def settled(qtbot: QtBot, page: LibraryPage) -> None:
    qtbot.waitUntil(lambda: button(page, "libraryRescan").isEnabled())


def button(page: QWidget, name: str) -> QAbstractButton:
    return find(page, QAbstractButton, name)


def table(page: LibraryPage) -> QTableView:
    return find(page, QTableView, "libraryTable")


def search(page: LibraryPage) -> QLineEdit:
    return find(page, QLineEdit, "librarySearch")


def names(page: LibraryPage) -> list[str]:
    rows = table(page).model()
    return [rows.index(row, NAME).data() for row in range(rows.rowCount())]


def current(page: LibraryPage) -> str:
    return str(table(page).currentIndex().siblingAtColumn(NAME).data())
