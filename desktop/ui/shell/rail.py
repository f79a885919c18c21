"""The navigation rail: one button per page, settings at its foot."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QButtonGroup, QFrame, QMenu, QToolButton, QVBoxLayout, QWidget

from desktop.store.options import Appearance
from desktop.ui.shell.icons import icon
from desktop.ui.shell.theme import Theme

_WIDTH = 76
_SCHEMES: tuple[tuple[Appearance, str], ...] = (
    ("system", "Light or dark as the system"),
    ("light", "Light"),
    ("dark", "Dark"),
)


class NavigationRail(QFrame):
    """Icons with words; the page in view is marked by its filled button and said by its checked state."""

    page_chosen = Signal(int)
    appearance_chosen = Signal(str)  # an options.Appearance
    load_at_start_chosen = Signal(bool)
    inspect_asked = Signal()
    shortcuts_asked = Signal()
    logs_asked = Signal()
    about_asked = Signal()

    def __init__(
        self,
        theme: Theme,
        pages: Sequence[tuple[str, str, str]],
        *,
        load_at_start: bool,
        parent: QWidget | None = None,
    ) -> None:
        """``pages`` holds the name, the word and the icon of each page."""
        super().__init__(parent)
        self.setObjectName("navigationRail")
        self.setAccessibleName("Pages")
        self.setFixedWidth(_WIDTH)
        self._theme = theme
        self._icons: list[tuple[QToolButton, str]] = []
        self._group = QButtonGroup(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 12, 8, 8)
        column.setSpacing(4)
        for index, (name, word, picture) in enumerate(pages):
            button = self._button(f"navigate_{name}", word, picture)
            button.setCheckable(True)
            button.setToolTip(f"{word} (Ctrl+{index + 1})")
            self._group.addButton(button, index)
            column.addWidget(button)
        self._group.idClicked.connect(self.page_chosen)
        column.addStretch(1)
        self._settings = self._button("settingsButton", "Settings", "settings")
        self._settings.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = self._settings_menu(load_at_start)
        self._settings.setMenu(self._menu)
        column.addWidget(self._settings)
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

    def _settings_menu(self, load_at_start: bool) -> QMenu:
        menu = QMenu(self)
        menu.setObjectName("settingsMenu")
        inspect = menu.addAction("Inspect a model file…\tCtrl+I")
        inspect.setObjectName("inspectFile")
        inspect.triggered.connect(self.inspect_asked)
        menu.addSeparator()
        group = QActionGroup(menu)
        for preference, word in _SCHEMES:
            action = QAction(word, group)
            action.setObjectName(f"appearance_{preference}")
            action.setCheckable(True)
            action.setChecked(preference == self._theme.preference)
            action.setData(preference)
            menu.addAction(action)
        group.triggered.connect(lambda action: self.appearance_chosen.emit(action.data()))
        menu.addSeparator()
        at_start = menu.addAction("Load a model when Heft starts")
        at_start.setObjectName("loadAtStart")
        at_start.setToolTip("The last one when it fits into half of the free memory, else the starter model")
        at_start.setCheckable(True)
        at_start.setChecked(load_at_start)
        at_start.toggled.connect(self.load_at_start_chosen)
        menu.setToolTipsVisible(True)
        menu.addSeparator()
        shortcuts = menu.addAction("Keyboard shortcuts")
        shortcuts.setObjectName("showShortcuts")
        shortcuts.triggered.connect(self.shortcuts_asked)
        logs = menu.addAction("Open the log folder")
        logs.setObjectName("openLogs")
        logs.triggered.connect(self.logs_asked)
        about = menu.addAction("About Heft")
        about.setObjectName("showAbout")
        about.triggered.connect(self.about_asked)
        return menu

    def _paint(self) -> None:
        for button, picture in self._icons:
            button.setIcon(icon(self._theme, picture, on="text"))
