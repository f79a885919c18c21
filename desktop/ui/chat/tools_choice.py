"""Beside the composer: which tools the model is offered, what they cost, and that it cannot call any."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QPushButton, QWidget

from desktop.core.words import tr
from desktop.ui.chat.tools_offer import ToolsOffer
from desktop.ui.shell.icons import icon
from desktop.ui.shell.theme import Theme

if TYPE_CHECKING:
    from desktop.ui.chat.tools_popup import ToolsPopup


class ToolsChoice(QPushButton):
    """Says how many are offered, and opens the list of them; hidden while no server was added."""

    switched = Signal(str, str, bool)  # a server and a tool of it; "": all of them
    settings_asked = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("toolsButton")
        self.setProperty("role", "ghost")
        self.setIconSize(QSize(12, 12))
        self.setLayoutDirection(Qt.LayoutDirection.RightToLeft)  # the arrow behind the words
        self._theme = theme
        self._offer = ToolsOffer()
        self._popup: ToolsPopup | None = None
        self.clicked.connect(self.open_menu)
        theme.changed.connect(self._paint_icon)
        self._paint_icon()
        self.show_offer(ToolsOffer())

    @property
    def offered(self) -> bool:
        """Whether any server was added."""
        return bool(self._offer.servers)

    def show_offer(self, offer: ToolsOffer) -> None:
        """As it is now."""
        self._offer = offer
        self.setVisible(self.offered)
        self.setText(offer.words)
        self.setAccessibleName(offer.words)
        self.setToolTip(offer.cost or tr("The tools that the model is offered"))
        if self._popup is not None:
            self._popup.show_offer(offer)

    def open_menu(self) -> None:
        """Show the list above the button, which stands at the window's lower edge."""
        if self._popup is None:
            from desktop.ui.chat.tools_popup import ToolsPopup

            self._popup = ToolsPopup(self)
            self._popup.switched.connect(self.switched)
            self._popup.settings_asked.connect(self.settings_asked)
        self._popup.show_offer(self._offer)
        self._popup.open_above(self.mapToGlobal(self.rect().topLeft()))

    def _paint_icon(self) -> None:
        self.setIcon(icon(self._theme, f"chevron-down-{self._theme.scheme}", size=12))
