"""The menus of the list of chats: of a chat, of a folder, of a chat in the trash, and of where there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from desktop.core.text import visible_in_place
from desktop.core.words import tr
from desktop.store.chats import Chat
from desktop.ui.chat import actions
from desktop.ui.chat.chat_list_model import ChatRole
from desktop.ui.chat.chat_rows import Section
from desktop.ui.shell.action import Action
from desktop.ui.shell.action_registry import declared_action

if TYPE_CHECKING:
    from desktop.ui.chat.chat_list import ChatListPane

Entry = tuple[Action, Callable[[], object]]


def _menu(pane: ChatListPane, name: str, *entries: Entry) -> QMenu:
    menu = QMenu(pane)
    menu.setObjectName(name)
    for action, call in entries:
        menu.addAction(declared_action(action, menu, call))
    return menu


def _add_undo(pane: ChatListPane, menu: QMenu) -> None:
    undo = declared_action(actions.UNDO_DELETE, menu, pane.undo_delete)
    undo.setEnabled(pane.can_undo)
    menu.addAction(undo)


def menu_of_none(pane: ChatListPane) -> QMenu:
    """What can be done beside the conversations, and where there are none."""
    if pane.place == "trash":
        menu = _menu(pane, "chatListMenu", (actions.EMPTY_TRASH, pane.empty_asked.emit))
        menu.actions()[0].setEnabled(bool(pane.chats.rowCount()))
    else:
        menu = _menu(
            pane,
            "chatListMenu",
            (actions.NEW, pane.new_asked.emit),
            (actions.NEW_FOLDER, lambda: pane.folder_asked.emit(None)),
            (actions.IMPORT, pane.import_asked.emit),
        )
    _add_undo(pane, menu)
    return menu


def menu_of(pane: ChatListPane, index: QModelIndex, edit: Callable[[], object]) -> QMenu:
    """What can be done with one row, which need not be the one in view. ``edit`` renames it where it stands."""
    section = index.data(ChatRole.SECTION)
    if isinstance(section, Section):
        return _menu_of_folder(pane, section, edit) if section.kind == "folder" else menu_of_none(pane)
    chat = pane.chats.chat(index.data(ChatRole.CHAT_ID))
    if chat is None:
        return menu_of_none(pane)
    return _menu_in_trash(pane, chat) if chat.deleted is not None else _menu_of_chat(pane, chat, edit)


def _menu_in_trash(pane: ChatListPane, chat: Chat) -> QMenu:
    return _menu(
        pane,
        "chatMenu",
        (actions.RESTORE, lambda: pane.undo_asked.emit(chat.id)),
        (actions.DELETE_FOR_GOOD, lambda: pane.purge_asked.emit(chat.id)),
        (actions.EMPTY_TRASH, pane.empty_asked.emit),
    )


def _menu_of_folder(pane: ChatListPane, folder: Section, edit: Callable[[], object]) -> QMenu:
    menu = QMenu(pane)
    menu.setObjectName("folderMenu")
    word = tr("Open") if folder.folded else tr("Close")
    menu.addAction(word, lambda: pane.folder_folded.emit(folder.name, not folder.folded))
    menu.addAction(tr("Rename folder"), edit)
    menu.addAction(declared_action(actions.NEW_FOLDER, menu, lambda: pane.folder_asked.emit(None)))
    menu.addSeparator()
    menu.addAction(tr("Remove folder, keep its chats"), lambda: pane.folder_removed.emit(folder.name))
    return menu


def _menu_of_chat(pane: ChatListPane, chat: Chat, edit: Callable[[], object]) -> QMenu:
    menu = _menu(
        pane,
        "chatMenu",
        (actions.RENAME, edit),
        (actions.PIN, lambda: pane.pin_asked.emit(chat.id, not chat.pinned)),
        (actions.TAGS, lambda: pane.tags_asked.emit(chat)),
        (actions.ARCHIVE, lambda: pane.archive_asked.emit(chat.id, not chat.archived)),
        (actions.DUPLICATE, lambda: pane.duplicate_asked.emit(chat.id)),
        (actions.EXPORT_MARKDOWN, lambda: pane.export_asked.emit(chat.id, "markdown")),
        (actions.EXPORT_HTML, lambda: pane.export_asked.emit(chat.id, "html")),
        (actions.EXPORT_PDF, lambda: pane.export_asked.emit(chat.id, "pdf")),
        (actions.EXPORT_JSON, lambda: pane.export_asked.emit(chat.id, "json")),
        (actions.IMPORT, pane.import_asked.emit),
        (actions.DELETE, lambda: pane.delete_asked.emit(chat.id)),
    )
    found = {action.objectName(): action for action in menu.actions()}
    if chat.pinned:
        _reword(found[actions.PIN.id], actions.PIN.short, tr("Unpin"))
    if chat.archived:
        _reword(found[actions.ARCHIVE.id], actions.ARCHIVE.short, tr("Take out of the archive"))
    menu.insertMenu(found[actions.TAGS.id], folder_menu(pane, chat, menu))
    menu.insertSeparator(menu.actions()[-1])
    _add_undo(pane, menu)
    return menu


def _reword(action: QAction, old: str, new: str) -> None:
    action.setText(action.text().replace(old, new, 1))


def folder_menu(pane: ChatListPane, chat: Chat, parent: QWidget | None = None) -> QMenu:
    """The folders that a chat can be moved to; its own is marked."""
    menu = QMenu(actions.MOVE.short.rstrip("…"), parent or pane)
    menu.setObjectName("folderChoice")
    for name, words in (("", tr("No folder")), *((folder.name, folder.name) for folder in pane.chats.folders)):
        entry = menu.addAction(visible_in_place(words).replace("&", "&&"))
        entry.setCheckable(True)
        entry.setChecked(chat.folder == name)
        entry.triggered.connect(lambda _, name=name: pane.move_asked.emit(chat.id, name))
    menu.addSeparator()
    menu.addAction(declared_action(actions.NEW_FOLDER, menu, lambda: pane.folder_asked.emit(chat.id)))
    return menu
