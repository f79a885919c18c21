"""On the chip of a document: how it goes with the message, chosen from a menu."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QToolButton

from desktop.core.attachments import Attachment
from desktop.core.documents.way import Way
from desktop.core.text import one_line
from desktop.core.words import tr
from desktop.ui.shared.signals import calling

_SHORT = {Way.WHOLE: tr("All of it"), Way.PASSAGES: tr("Parts"), Way.BEGINNING: tr("Beginning")}
_LONG = {
    Way.WHOLE: tr("All of its text"),
    Way.PASSAGES: tr("The parts that matter for the question, with page and line"),
    Way.BEGINNING: tr("Its beginning, as much as there is room for"),
}


def way_button(attachment: Attachment, chosen: Callable[[Way], object]) -> QToolButton:
    """Says how the document goes, and calls ``chosen`` with another way."""
    now = Way(attachment.way or Way.WHOLE)
    button = QToolButton()
    button.setObjectName("documentWay")
    button.setProperty("role", "ghost")
    button.setText(f"{_SHORT[now]} ▾")
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    button.setAccessibleName(
        tr("What of {name} goes with the message: {short}", name=one_line(attachment.name), short=_SHORT[now])
    )
    button.setToolTip(tr("What of the document goes with the message"))
    menu = QMenu(button)
    menu.setObjectName("documentWayMenu")
    group = QActionGroup(menu)
    for way in Way:
        entry = QAction(_LONG[way], menu)
        entry.setObjectName(f"documentWay_{way.value}")
        entry.setCheckable(True)
        entry.setChecked(way is now)
        entry.triggered.connect(calling(chosen, way))
        group.addAction(entry)
        menu.addAction(entry)
    button.setMenu(menu)
    return button
