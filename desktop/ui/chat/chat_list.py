"""The left column of the chat: search, the list of conversations with archive and trash, and the undo of a deletion."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QListView,
    QMenu,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.core.words import tr
from desktop.store.chats_order import Place
from desktop.ui.chat import actions
from desktop.ui.chat.chat_delegate import PADDING_X, PADDING_Y, ChatDelegate
from desktop.ui.chat.chat_list_model import ChatListModel, ChatRole, SearchHitModel
from desktop.ui.chat.chat_menus import menu_of, menu_of_none
from desktop.ui.chat.chat_places import NOTHING, PlaceBar
from desktop.ui.chat.chosen_row import ChosenRow
from desktop.ui.chat.undo_bar import A_MESSAGE, UndoBar
from desktop.ui.shared.search_field import focus_search, search_field
from desktop.ui.shared.tables import choose_by_hand_only
from desktop.ui.shell.icons import icon
from desktop.ui.shell.keys import hear, tooltip
from desktop.ui.shell.theme import Theme

SEARCH_DELAY_MS = 120  # typing a word is one search, not one for each letter


class ChatListPane(QWidget):
    """Asks for what the user wants by signals; the page does it and tells the models."""

    chat_chosen = Signal(int)
    hit_chosen = Signal(int, object)  # chat id, Target or None
    new_asked = Signal()
    rename_asked = Signal(int, str)
    delete_asked = Signal(int)
    undo_asked = Signal(int)
    message_undo_asked = Signal()
    undo_offered = Signal()  # something was deleted and can be brought back
    duplicate_asked = Signal(int)
    import_asked = Signal()
    export_asked = Signal(int, str)  # chat id, a kind of desktop.ui.chat.export
    search_asked = Signal(str)  # "" ends the search
    place_asked = Signal(str)  # Place: what is listed is another one now
    pin_asked = Signal(int, bool)
    move_asked = Signal(int, str)  # to a folder, "" for none
    placed = Signal(int, object)  # chat id, Section that it was dropped under
    archive_asked = Signal(int, bool)
    tags_asked = Signal(object)  # Chat
    folder_asked = Signal(object)  # a new one, for the chat of this id or None
    folder_renamed = Signal(str, str)
    folder_removed = Signal(str)
    folder_folded = Signal(str, bool)
    purge_asked = Signal(int)  # delete a chat of the trash for good
    empty_asked = Signal()
    looked_at = Signal()  # after another window, or another program

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setObjectName("chatList")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.chats = ChatListModel(self)
        self.hits = SearchHitModel(self)
        self._search = search_field("chatSearch", tr("Search all chats"), tr("Search chats…"))
        self._new = QToolButton()
        self._new.setObjectName("newChat")
        self._new.setAccessibleName(tr("New chat"))
        self._new.setToolTip(tooltip(actions.NEW))
        self._new.setIconSize(QSize(18, 18))
        self._new.setFixedSize(36, 36)
        self._new.clicked.connect(self.new_asked)
        self._view = self._make_view("chats", tr("Conversations"), self.chats)
        self._view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        hear(self._view, actions.UNDO_DELETE, self.undo_delete)
        self.chosen = ChosenRow(self, self._view)
        self._results = self._make_view("chatSearchResults", tr("Search results"), self.hits)
        self._everywhere = QCheckBox(actions.EVERYWHERE.short)
        self._everywhere.setObjectName("searchEverywhere")
        self._everywhere.setToolTip(tr("Search the archive and the trash, too"))
        self._everywhere.setContentsMargins(0, 0, 0, 8)
        self._everywhere.hide()
        self._places = PlaceBar()
        self._nothing = QLabel(NOTHING["chats"])
        self._nothing.setObjectName("chatListEmpty")
        self._nothing.setProperty("role", "muted")
        self._nothing.setWordWrap(True)
        self._nothing.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._nothing.customContextMenuRequested.connect(self._show_menu)
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._nothing.setContentsMargins(PADDING_X, PADDING_Y, PADDING_X, 0)
        self._stack = QStackedWidget()
        for widget in (self._view, self._results, self._nothing):
            self._stack.addWidget(widget)
        self._undo = UndoBar()
        self._undo.undone.connect(self._undone)
        self._searching = ""
        self._open: int | None = None
        self._delay = QTimer(self)
        self._delay.setSingleShot(True)
        self._delay.setInterval(SEARCH_DELAY_MS)
        self._lay_out()
        self._connect()
        theme.changed.connect(self._paint_icons)
        self._paint_icons()
        self._show_right_view()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setContentsMargins(12, 12, 12, 12)
        top.setSpacing(8)
        top.addWidget(self._search, 1)
        top.addWidget(self._new)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        below = QHBoxLayout()
        below.setContentsMargins(12, 0, 12, 0)
        below.addWidget(self._everywhere)
        column.addLayout(below)
        column.addWidget(self._stack, 1)
        column.addWidget(self._undo)
        column.addWidget(self._places)

    def _connect(self) -> None:
        self._search.textChanged.connect(lambda _: self._delay.start())
        self._search.returnPressed.connect(self._choose_first_hit)
        self._delay.timeout.connect(self._ask_search)
        self._everywhere.toggled.connect(self._ask_search)
        self.chats.renamed.connect(self.rename_asked)
        self.chats.folder_renamed.connect(self.folder_renamed)
        self.chats.placed.connect(self.placed)
        self.chats.settled.connect(self._settle)
        self._connect_places()
        for signal in (self.chats.modelReset, self.chats.rowsInserted, self.chats.rowsRemoved, self.hits.modelReset):
            signal.connect(self._show_right_view)
        self.hits.modelReset.connect(self._mark_hit)
        self._view.selectionModel().currentChanged.connect(self._chosen)
        self._view.customContextMenuRequested.connect(self._show_menu)
        for view in (self._results.clicked, self._results.activated):
            view.connect(self._hit)

    def _connect_places(self) -> None:
        self._places.asked.connect(self.show_place)
        self._places.archived.connect(lambda chat_id: self.archive_asked.emit(chat_id, True))
        self._places.deleted.connect(self.delete_asked)
        self._places.restore_asked.connect(self.chosen.restore)
        self._places.purge_asked.connect(self.chosen.delete_for_good)

    def _make_view(self, name: str, accessible: str, model: ChatListModel | SearchHitModel) -> QListView:
        view = QListView()
        view.setObjectName(name)
        view.setAccessibleName(accessible)
        view.setModel(model)
        view.setItemDelegate(ChatDelegate(self._theme, view))
        choose_by_hand_only(view)
        view.setUniformItemSizes(True)
        if isinstance(model, ChatListModel):
            view.setDragDropMode(QAbstractItemView.DragDropMode.DragDrop)
            view.setDefaultDropAction(Qt.DropAction.MoveAction)
            view.setDropIndicatorShown(True)
        view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.setMouseTracking(True)
        view.setFrameShape(QFrame.Shape.NoFrame)
        return view

    def event(self, event: QEvent) -> bool:
        """The window is looked at again: another program may have written chats."""
        if event.type() == QEvent.Type.WindowActivate:
            self.looked_at.emit()
        return super().event(event)

    # -- what the page calls ----------------------------------------------------------------------

    def select(self, chat_id: int | None) -> None:
        """Mark the open chat without asking for it again, among the results of a search, too; None marks nothing."""
        self._open = chat_id
        self._mark_hit()
        selection = self._view.selectionModel()
        selection.blockSignals(True)
        row = None if chat_id is None else self.chats.row_of(chat_id)
        if row is None:
            self._view.clearSelection()
            self._view.setCurrentIndex(QModelIndex())
        else:
            self._view.setCurrentIndex(self.chats.index(row))
        selection.blockSignals(False)
        self._view.viewport().update()

    def list_made(self) -> None:
        """A chat came into being and is opened: a search, which need not find it, gives way to the list."""
        self.show_place("chats")
        self._search.clear()
        self._delay.stop()
        self._ask_search()

    def _mark_hit(self) -> None:
        """The open chat's row stays the one that was chosen; else it is its first."""
        current = self._results.currentIndex()
        if current.isValid() and current.data(ChatRole.CHAT_ID) == self._open:
            return
        rows = (self.hits.index(row) for row in range(self.hits.rowCount()))
        found = next((row for row in rows if row.data(ChatRole.CHAT_ID) == self._open), QModelIndex())
        self._results.setCurrentIndex(found)
        if not found.isValid():
            self._results.clearSelection()

    def offer_undo(self, chat_id: int, title: str) -> None:
        """Offer to bring a deleted chat back."""
        self._undo.offer(chat_id, title)
        self.undo_offered.emit()

    def offer_message_undo(self) -> None:
        """Offer to put a message back that was taken out of the chat in view."""
        self._undo.offer(A_MESSAGE, "")
        self.undo_offered.emit()

    def withdraw_message_undo(self) -> None:
        """The chat is not in view any more."""
        self._undo.withdraw_message()

    def _undone(self, chat_id: int) -> None:
        if chat_id == A_MESSAGE:
            self.message_undo_asked.emit()
        else:
            self.undo_asked.emit(chat_id)

    @property
    def can_undo(self) -> bool:
        """Whether what was deleted can be brought back."""
        return self._undo.offers

    def undo_delete(self) -> None:
        """Bring back what was deleted."""
        self._undo.undo()

    def focus_search(self) -> None:
        """Put the keyboard into the search field."""
        focus_search(self._search)

    @property
    def trash_full(self) -> bool:
        """Whether the trash is in view and holds a chat."""
        return self.place == "trash" and bool(self.chats.rowCount())

    @property
    def place(self) -> Place:
        """Which chats are listed."""
        return self._places.place

    @property
    def everywhere(self) -> bool:
        """Whether a search looks into the archive and the trash, too."""
        return self._everywhere.isChecked()

    def show_place(self, place: Place) -> None:
        """List the chats, the archive or the trash; a search ends."""
        if place == self.place:
            return
        self._places.show_place(place)
        if self._search.text():
            self._search.clear()
            self._delay.stop()
            self._ask_search()
        self.place_asked.emit(place)

    def turn_place(self, place: Place) -> None:
        """Show a place, or the chats again."""
        self.show_place("chats" if self.place == place else place)

    def turn_everywhere(self) -> None:
        """Let searches look everywhere, or not any more, and put the keyboard into the search field."""
        self._everywhere.toggle()
        self.focus_search()

    def show_list(self) -> None:
        """Show the list, also while results of a search lie over it."""
        self._stack.setCurrentWidget(self._view)

    def refresh_times(self) -> None:
        """Repaint "now", "yesterday" ... as time has passed."""
        self._view.viewport().update()

    # -- inside -----------------------------------------------------------------------------------

    def _paint_icons(self) -> None:
        self._new.setIcon(icon(self._theme, "plus", size=18, token="text"))

    def _show_right_view(self) -> None:
        if self._searching:
            self._nothing.setText(tr("No chat contains “{searching}”.", searching=self._searching))
            self._stack.setCurrentWidget(self._results if self.hits.rowCount() else self._nothing)
        else:
            self._nothing.setText(NOTHING[self.place])
            self._stack.setCurrentWidget(self._view if self.chats.rowCount() else self._nothing)
        self._view.setUniformItemSizes(not self.chats.has_headings)
        self._show_chosen()

    def _show_chosen(self) -> None:
        listed = not self._searching and bool(self.chats.rowCount())
        self._places.show_chosen(self.chosen.trashed is not None, listed)

    def _ask_search(self) -> None:
        self._searching = self._search.text().strip()
        self._everywhere.setVisible(bool(self._searching))
        if not self._searching:
            self._show_right_view()
        self.search_asked.emit(self._searching)

    def _chosen(self, index: QModelIndex) -> None:
        if self.chats.arranging:
            return
        self._show_chosen()
        chat = self.chats.chat_at(index.row()) if index.isValid() else None
        if chat is not None and self.place != "trash":
            self.chat_chosen.emit(chat.id)

    def _settle(self) -> None:
        """The row that became the current one because another went was chosen by nobody; in the trash it may be."""
        chat = self.chats.chat_at(self._view.currentIndex().row())
        if self.place != "trash" and chat is not None and chat.id != self._open:
            self.select(self._open)
        self._show_chosen()

    def _hit(self, index: QModelIndex) -> None:
        if index.data(ChatRole.PLACE) == "trash":  # what is in the trash is restored before it is read
            self.show_place("trash")
            return
        self.hit_chosen.emit(index.data(ChatRole.CHAT_ID), index.data(ChatRole.TARGET))

    def _choose_first_hit(self) -> None:
        if self._searching and self.hits.rowCount():
            self._hit(self.hits.index(0))

    def _show_menu(self, at: QPoint) -> None:
        index = self._view.indexAt(at)
        menu = self.menu_for(index) if index.isValid() else menu_of_none(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self._stack.mapToGlobal(at))

    def menu_for(self, index: QModelIndex) -> QMenu:
        """What can be done with one row, which need not be the one in view."""
        return menu_of(self, index, lambda: self._view.edit(index))
