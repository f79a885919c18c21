"""Below the list of chats: the ways to the archive and the trash, onto which chats can be dropped."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from desktop.core.words import tr
from desktop.store.chats_order import TRASH_SECONDS, Place
from desktop.ui.chat import actions
from desktop.ui.chat.chat_list_model import dragged_chat
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.signals import calling
from desktop.ui.shell.action import Action
from desktop.ui.shell.keys import tooltip

_DAYS = round(TRASH_SECONDS / 86_400)
_KEPT = tr("Deleted chats stay here for {days} days. Restore one to read it.", days=_DAYS)
_EMPTY = tr("Nothing was deleted. Deleted chats stay here for {days} days.", days=_DAYS)
NOTHING: dict[Place, str] = {
    "chats": tr("Your conversations will be listed here. They stay on this computer."),
    "archive": tr("Nothing is archived. An archived chat is kept here, out of the list and out of searches."),
    "trash": _EMPTY,
}


class PlaceButton(QToolButton):
    """Shows a place while it is pressed; a chat that is dropped on it goes there."""

    dropped = Signal(int)

    def __init__(self, action: Action, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setText(action.short)
        self.setAccessibleName(action.words)
        self.setToolTip(tooltip(action))
        self.setProperty("role", "chip")
        self.setCheckable(True)
        self.setAcceptDrops(True)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take chats alone."""
        if dragged_chat(event.mimeData()) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Say which chat it is."""
        chat_id = dragged_chat(event.mimeData())
        if chat_id is not None:
            event.acceptProposedAction()
            self.dropped.emit(chat_id)


class PlaceBar(QWidget):
    """Two buttons; while the trash is in view also what can be done with a chat of it."""

    asked = Signal(str)  # Place to show
    archived = Signal(int)  # chats that were dropped
    deleted = Signal(int)
    restore_asked = Signal()
    purge_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("chatPlaces")
        self._archive = PlaceButton(actions.SHOW_ARCHIVE, "showArchive")
        self._trash = PlaceButton(actions.SHOW_TRASH, "showTrash")
        self._kept = plain_label("trashText", "muted", _KEPT)
        self._restore = push_button(tr("Restore"), "restoreChat", spoken=actions.RESTORE.words, role="small")
        self._purge = push_button(
            actions.DELETE_FOR_GOOD.short, "deleteForGood", spoken=tr("Delete the chat for good"), role="small"
        )
        self._in_trash = QWidget()
        self._in_trash.setObjectName("trashBar")
        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        buttons.addWidget(self._restore)
        buttons.addWidget(self._purge)
        buttons.addStretch(1)
        inside = QVBoxLayout(self._in_trash)
        inside.setContentsMargins(2, 0, 0, 4)
        inside.setSpacing(4)
        inside.addWidget(self._kept)
        inside.addLayout(buttons)
        self._in_trash.hide()
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self._archive)
        row.addWidget(self._trash)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(4)
        column.addWidget(self._in_trash)
        column.addLayout(row)
        self._archive.clicked.connect(calling(self._ask, "archive"))
        self._trash.clicked.connect(calling(self._ask, "trash"))
        self._archive.dropped.connect(self.archived)
        self._trash.dropped.connect(self.deleted)
        self._restore.clicked.connect(calling(self.restore_asked.emit))
        self._purge.clicked.connect(calling(self.purge_asked.emit))
        self.place: Place = "chats"
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)

    def show_place(self, place: Place) -> None:
        """This place is in view now."""
        self.place = place
        self._archive.setChecked(place == "archive")
        self._trash.setChecked(place == "trash")

    def show_chosen(self, chosen: bool, listed: bool) -> None:
        """Whether a chat is chosen in the place in view, and whether there is one."""
        self._in_trash.setVisible(self.place == "trash" and listed)
        self._restore.setEnabled(chosen)
        self._purge.setEnabled(chosen)

    def _ask(self, place: Place) -> None:
        self.asked.emit("chats" if self.place == place else place)
