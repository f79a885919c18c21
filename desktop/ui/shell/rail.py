"""The navigation rail: one button per page, settings at its foot."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QButtonGroup, QFrame, QToolButton, QVBoxLayout, QWidget

from desktop.core.words import tr
from desktop.ui.shell.action import Action
from desktop.ui.shell.action_registry import ActionRegistry
from desktop.ui.shell.actions import SETTINGS
from desktop.ui.shell.icons import icon
from desktop.ui.shell.theme import Theme

_WIDTH = 76


class NavigationRail(QFrame):
    """Icons with words; the page in view is marked by its filled button and said by its checked state."""

    def __init__(
        self,
        theme: Theme,
        commands: ActionRegistry,
        pages: Sequence[tuple[str, str, Action]],
        parent: QWidget | None = None,
    ) -> None:
        """``commands`` does what is pressed; ``pages`` holds the name, the word and the action of each page."""
        super().__init__(parent)
        self.setObjectName("navigationRail")
        self.setAccessibleName(tr("Pages"))
        self.setFixedWidth(_WIDTH)
        self._theme = theme
        self._icons: list[tuple[QToolButton, str]] = []
        self._group = QButtonGroup(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 12, 8, 8)
        column.setSpacing(4)
        for index, (name, word, visit) in enumerate(pages):
            button = self._button(f"navigate_{name}", word, visit.icon)
            button.setCheckable(True)
            commands.bind(button, visit)
            self._group.addButton(button, index)
            column.addWidget(button)
        column.addStretch(1)
        settings = self._button("settingsButton", tr("Settings"), "settings")
        commands.bind(settings, SETTINGS)
        column.addWidget(settings)
        theme.changed.connect(self._paint)
        self._paint()

    def set_current(self, index: int) -> None:
        """Mark the page in view."""
        self._group.button(index).setChecked(True)

    def button(self, index: int) -> QToolButton:
        """The button of a page."""
        found = self._group.button(index)
        assert isinstance(found, QToolButton)
        return found

    def _button(self, name: str, word: str, picture: str) -> QToolButton:
        button = QToolButton()
        button.setObjectName(name)
        button.setText(word)
        button.setAccessibleName(word)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setIconSize(QSize(20, 20))
        button.setFixedSize(60, 52)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._icons.append((button, picture))
        return button

    def _paint(self) -> None:
        for button, picture in self._icons:
            button.setIcon(icon(self._theme, picture, on="text"))
