"""Texts of the user's own to measure on: a file, or one of the chats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QWidget

from desktop.core.text import elided, visible_in_place
from desktop.core.words import tr
from desktop.ui.lab import actions
from desktop.ui.shared.signals import calling
from desktop.ui.shell.action_registry import ActionRegistry
from desktop.ui.shell.tasks import Lane, Tasks

if TYPE_CHECKING:
    from desktop.services.lab.chat_texts import ChatTexts, ChatTitle
    from desktop.services.lab.texts import MeasuredText

_MOST_CHATS, _CHAT_LETTERS = 20, 60  # in the menu


class OwnTexts(QWidget):
    """Two buttons."""

    chosen = Signal(str, object)  # words, and a path (str) or a MeasuredText
    notify = Signal(object)

    def __init__(self, chats: Callable[[], ChatTexts], commands: ActionRegistry, tasks: Tasks) -> None:
        super().__init__()
        self._chats, self._tasks = chats, tasks
        commands.connect_to(actions.OWN_TEXT, self._choose_file)
        commands.connect_to(actions.OWN_CHAT, self._choose_chat)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(commands.button(actions.OWN_TEXT, "labOwnText"))
        self._own_chat = commands.button(actions.OWN_CHAT, "labOwnChat")
        row.addWidget(self._own_chat)
        row.addStretch(1)

    def _choose_file(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, tr("Text to measure on"))
        if name:
            self.chosen.emit(Path(name).name, name)

    def _choose_chat(self) -> None:
        self._tasks.run(
            lambda _context: self._chats().titles(_MOST_CHATS),
            done=self._offer,
            failed=self.notify.emit,
            lane=Lane.JOB,
            owner=self,
        )

    def _offer(self, found: Sequence[ChatTitle]) -> None:
        if not found:
            self.notify.emit(tr("There is no chat yet. What you ask in Chat can be measured on."))
            return
        menu = QMenu(self)
        menu.setObjectName("labChats")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for one in found:
            words = elided(visible_in_place(one.title), _CHAT_LETTERS).replace("&", "&&")
            menu.addAction(words, calling(self._read, one.id))
        menu.popup(self._own_chat.mapToGlobal(self._own_chat.rect().bottomLeft()))

    def _read(self, chat_id: int) -> None:
        self._tasks.run(
            lambda _context: self._chats().text_of(chat_id),
            done=self._have,
            failed=self.notify.emit,
            lane=Lane.JOB,
            owner=self,
        )

    def _have(self, text: MeasuredText) -> None:
        self.chosen.emit(text.title, text)
