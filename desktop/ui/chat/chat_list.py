"""The left column of the chat: search, the list of conversations, and the undo of a deletion."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
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

from desktop.ui.chat import actions
from desktop.ui.chat.chat_delegate import PADDING_X, PADDING_Y, ChatDelegate
from desktop.ui.chat.chat_list_model import ChatListModel, ChatRole, SearchHitModel
from desktop.ui.chat.undo_bar import A_MESSAGE, UndoBar
from desktop.ui.shared.search_field import focus_search, search_field
from desktop.ui.shared.tables import choose_by_hand_only
from desktop.ui.shell.action_registry import declared_action
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
    export_asked = Signal(int, str)  # chat id, "markdown", "html" or "json"
    search_asked = Signal(str)  # "" ends the search

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setObjectName("chatList")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.chats = ChatListModel(self)
        self.hits = SearchHitModel(self)
        self._search = search_field("chatSearch", "Search all chats", "Search chats…")
        self._new = QToolButton()
        self._new.setObjectName("newChat")
        self._new.setAccessibleName("New chat")
        self._new.setToolTip(tooltip(actions.NEW))
        self._new.setIconSize(QSize(18, 18))
        self._new.setFixedSize(36, 36)
        self._new.clicked.connect(self.new_asked)
        self._view = self._make_view("chats", "Conversations", self.chats)
        self._view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._results = self._make_view("chatSearchResults", "Search results", self.hits)
        self._nothing = QLabel("Your conversations will be listed here. They stay on this computer.")
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
        column.addWidget(self._stack, 1)
        column.addWidget(self._undo)

    def _connect(self) -> None:
        self._search.textChanged.connect(lambda _: self._delay.start())
        self._search.returnPressed.connect(self._choose_first_hit)
        self._delay.timeout.connect(self._ask_search)
        self.chats.renamed.connect(self.rename_asked)
        for signal in (self.chats.modelReset, self.chats.rowsInserted, self.chats.rowsRemoved, self.hits.modelReset):
            signal.connect(self._show_right_view)
        self.hits.modelReset.connect(self._mark_hit)
        self._view.selectionModel().currentChanged.connect(self._chosen)
        self._view.customContextMenuRequested.connect(self._show_menu)
        for view in (self._results.clicked, self._results.activated):
            view.connect(self._hit)
        hear(self._view, actions.DELETE, self.delete_current)
        hear(self._view, actions.UNDO_DELETE, self.undo_delete)
        hear(self._view, actions.RENAME, self.rename_current)

    def _make_view(self, name: str, accessible: str, model: ChatListModel | SearchHitModel) -> QListView:
        view = QListView()
        view.setObjectName(name)
        view.setAccessibleName(accessible)
        view.setModel(model)
        view.setItemDelegate(ChatDelegate(self._theme, view))
        choose_by_hand_only(view)
        view.setUniformItemSizes(True)
        view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.setMouseTracking(True)
        view.setFrameShape(QFrame.Shape.NoFrame)
        return view

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
    def has_current(self) -> bool:
        """Whether a chat of the list is chosen."""
        return self._view.currentIndex().isValid()

    def rename_current(self) -> None:
        """Edit the chosen chat's title where it stands."""
        index = self._view.currentIndex()
        if index.isValid():
            self._stack.setCurrentWidget(self._view)
            self._view.scrollTo(index)
            self._view.edit(index)

    def delete_current(self) -> None:
        """Ask for the deletion of the chosen chat; nothing where none is chosen."""
        chat_id = self._view.currentIndex().data(ChatRole.CHAT_ID)
        if chat_id is not None:
            self.delete_asked.emit(chat_id)

    def duplicate_current(self) -> None:
        """Ask for a copy of the chosen chat; nothing where none is chosen."""
        chat_id = self._view.currentIndex().data(ChatRole.CHAT_ID)
        if chat_id is not None:
            self.duplicate_asked.emit(chat_id)

    def export_current(self, kind: str) -> None:
        """Ask for the chosen chat as a file, "markdown", "html" or "json"; nothing where none is chosen."""
        chat_id = self._view.currentIndex().data(ChatRole.CHAT_ID)
        if chat_id is not None:
            self.export_asked.emit(chat_id, kind)

    def refresh_times(self) -> None:
        """Repaint "now", "yesterday" ... as time has passed."""
        self._view.viewport().update()

    # -- inside -----------------------------------------------------------------------------------

    def _paint_icons(self) -> None:
        self._new.setIcon(icon(self._theme, "plus", size=18, token="text"))

    def _show_right_view(self) -> None:
        if self._searching:
            self._nothing.setText(f"No chat contains “{self._searching}”.")
            self._stack.setCurrentWidget(self._results if self.hits.rowCount() else self._nothing)
        else:
            self._nothing.setText("Your conversations will be listed here. They stay on this computer.")
            self._stack.setCurrentWidget(self._view if self.chats.rowCount() else self._nothing)

    def _ask_search(self) -> None:
        self._searching = self._search.text().strip()
        if not self._searching:
            self._show_right_view()
        self.search_asked.emit(self._searching)

    def _chosen(self, index: QModelIndex) -> None:
        if index.isValid():
            self.chat_chosen.emit(index.data(ChatRole.CHAT_ID))

    def _hit(self, index: QModelIndex) -> None:
        self.hit_chosen.emit(index.data(ChatRole.CHAT_ID), index.data(ChatRole.TARGET))

    def _choose_first_hit(self) -> None:
        if self._searching and self.hits.rowCount():
            self._hit(self.hits.index(0))

    def _show_menu(self, at: QPoint) -> None:
        index = self._view.indexAt(at)
        menu = self.menu_for(index) if index.isValid() else self._menu_of_none()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self._stack.mapToGlobal(at))

    def _menu_of_none(self) -> QMenu:
        """What can be done beside the conversations, and where there are none."""
        menu = QMenu(self)
        menu.setObjectName("chatListMenu")
        for action, signal in ((actions.NEW, self.new_asked), (actions.IMPORT, self.import_asked)):
            menu.addAction(declared_action(action, menu, signal.emit))
        self._add_undo(menu)
        return menu

    def menu_for(self, index: QModelIndex) -> QMenu:
        """What can be done with one conversation, which need not be the one in view."""
        chat_id = index.data(ChatRole.CHAT_ID)
        menu = QMenu(self)
        menu.setObjectName("chatMenu")
        for action, call in (
            (actions.RENAME, lambda: self._view.edit(index)),
            (actions.DUPLICATE, lambda: self.duplicate_asked.emit(chat_id)),
            (actions.EXPORT_MARKDOWN, lambda: self.export_asked.emit(chat_id, "markdown")),
            (actions.EXPORT_HTML, lambda: self.export_asked.emit(chat_id, "html")),
            (actions.EXPORT_JSON, lambda: self.export_asked.emit(chat_id, "json")),
            (actions.IMPORT, self.import_asked.emit),
            (actions.DELETE, lambda: self.delete_asked.emit(chat_id)),
        ):
            menu.addAction(declared_action(action, menu, call))
        menu.insertSeparator(menu.actions()[-1])
        self._add_undo(menu)
        return menu

    def _add_undo(self, menu: QMenu) -> None:
        undo = declared_action(actions.UNDO_DELETE, menu, self.undo_delete)
        undo.setEnabled(self.can_undo)
        menu.addAction(undo)
