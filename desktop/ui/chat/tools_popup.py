"""Over the message field: which servers, and which of their tools, the chat in view uses, and what that costs."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QPushButton, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from desktop.core.text import one_line, visible_in_place
from desktop.core.tool_choice import uses
from desktop.core.words import tr
from desktop.ui.shared.labels import plain_label

if TYPE_CHECKING:
    from desktop.services.tools.server_view import ServerView
    from desktop.ui.chat.tools_offer import ToolsOffer

_WIDTH, _MOST_HEIGHT = 340, 320
_NAME = 120  # characters
_TOLD = 600  # characters of a description
_KEY = Qt.ItemDataRole.UserRole
_STATES = {"off": "off", "starting": "starting…", "failed": tr("cannot be reached")}
_CHECKED, _PARTLY, _NONE = Qt.CheckState.Checked, Qt.CheckState.PartiallyChecked, Qt.CheckState.Unchecked


class ToolsPopup(QFrame):
    """A tree with a box for each server and each of its tools; Space switches, Escape closes it."""

    switched = Signal(str, str, bool)  # a server and a tool of it; "": all of them
    settings_asked = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("toolsPopup")
        self.setProperty("role", "overlay")
        self.setAccessibleName(tr("Tools in this chat"))
        self._tree = QTreeWidget()
        self._tree.setObjectName("toolsTree")
        self._tree.setAccessibleName(tr("Servers and their tools that this chat uses"))
        self._tree.setHeaderHidden(True)
        self._tree.setColumnCount(1)
        self._tree.setUniformRowHeights(True)
        self._tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self._tree.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self._tree.itemChanged.connect(self._changed)
        self._cost = plain_label("toolsCost", "muted")
        self._settings = QPushButton(tr("Servers of tools…"))
        self._settings.setObjectName("toolsSettings")
        self._settings.setProperty("role", "ghost")
        self._settings.clicked.connect(self._ask_settings)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 8)
        column.setSpacing(6)
        column.addWidget(plain_label("toolsHeading", "subtitle", tr("Tools in this chat")))
        column.addWidget(self._tree, 1)
        column.addWidget(self._cost)
        column.addWidget(self._settings, 0, Qt.AlignmentFlag.AlignLeft)
        self.setFixedWidth(_WIDTH)

    def show_offer(self, offer: ToolsOffer) -> None:
        """As it is now; what is folded, and where the keyboard is, stays."""
        blocker = QSignalBlocker(self._tree)
        wanted = [(server.name, *(tool.name for tool in server.tools)) for server in offer.servers]
        if wanted != self._listed():
            self._fill(offer.servers)
        for item, server in zip(self._servers(), offer.servers, strict=True):
            self._show_server(item, server, offer)
        blocker.unblock()
        self._cost.setText(offer.cost or tr("What they take of the context is counted when a model is loaded."))
        self.setAccessibleDescription(self._cost.text())

    def open_above(self, corner: QPoint) -> None:
        """Show it with its lower left corner here, and wholly on the screen."""
        rows = sum(1 + item.childCount() * item.isExpanded() for item in self._servers())
        row = max(self._tree.sizeHintForRow(0), self.fontMetrics().height() + 4)
        self._tree.setFixedHeight(min(max(rows, 2) * row + 8, _MOST_HEIGHT))
        self.adjustSize()
        room = self.screen().availableGeometry()
        x = min(max(corner.x(), room.left()), room.right() - self.width())
        self.move(x, max(corner.y() - self.height(), room.top()))
        self.show()
        self._tree.setFocus(Qt.FocusReason.PopupFocusReason)
        if self._tree.currentItem() is None and (servers := self._servers()):
            self._tree.setCurrentItem(servers[0])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape closes it."""
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)

    # -- inside ----------------------------------------------------------------------------------

    def _servers(self) -> list[QTreeWidgetItem]:
        return _below(self._tree.invisibleRootItem())

    def _listed(self) -> list[tuple[str, ...]]:
        return [
            (item.data(0, _KEY)[0], *(child.data(0, _KEY)[1] for child in _below(item))) for item in self._servers()
        ]

    def _fill(self, servers: tuple[ServerView, ...]) -> None:
        folded = {item.data(0, _KEY)[0] for item in self._servers() if item.childCount() and not item.isExpanded()}
        current = self._tree.currentItem()
        key = current.data(0, _KEY) if current is not None else None
        self._tree.clear()
        for server in servers:
            item = self._item(server.name, "")
            self._tree.addTopLevelItem(item)
            item.addChildren([self._item(server.name, tool.name) for tool in server.tools])
            item.setExpanded(server.name not in folded)
            for one in (item, *_below(item)):
                if one.data(0, _KEY) == key:
                    self._tree.setCurrentItem(one)

    @staticmethod
    def _item(server: str, tool: str) -> QTreeWidgetItem:
        item = QTreeWidgetItem([visible_in_place(one_line(tool or server, _NAME))])
        item.setData(0, _KEY, (server, tool))
        return item

    def _show_server(self, item: QTreeWidgetItem, server: ServerView, offer: ToolsOffer) -> None:
        from desktop.services.tools.words import server_words

        on = server.saved.on and not server.saved.problem
        phase = "failed" if server.saved.problem or server.error is not None else server.phase
        state = _STATES.get("off" if not on and phase != "failed" else phase, "")
        name = visible_in_place(one_line(server.name, _NAME))
        item.setText(0, f"{name} ({state})" if state else name)
        item.setToolTip(0, _tip(server_words(server)))
        offered = [tool for tool in server.tools if not tool.refused]
        used = [tool for tool in offered if uses(offer.out, server.name, tool.name)]
        none = not on or not uses(offer.out, server.name)
        item.setCheckState(0, _NONE if none else _PARTLY if len(used) < len(offered) else _CHECKED)
        for child, tool in zip(_below(item), server.tools, strict=True):
            child.setToolTip(0, _tip(tool.refused or tool.description[:_TOLD]))
            child.setCheckState(0, _CHECKED if on and tool in used else _NONE)
            child.setDisabled(not on or bool(tool.refused))

    def _changed(self, item: QTreeWidgetItem) -> None:
        server, tool = item.data(0, _KEY)
        self.switched.emit(server, tool, item.checkState(0) != _NONE)

    def _ask_settings(self) -> None:
        self.close()
        self.settings_asked.emit()


def _below(item: QTreeWidgetItem) -> list[QTreeWidgetItem]:
    return [child for place in range(item.childCount()) if (child := item.child(place)) is not None]


def _tip(text: str) -> str:
    """What a server says, as text and nothing else."""
    return f"<qt>{escape(visible_in_place(text))}</qt>" if text else ""
