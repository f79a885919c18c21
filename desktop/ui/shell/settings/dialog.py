"""The settings: pages on the left with a search above them, the page in view on the right. Changes count at once."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.core.settings_pages import PAGES, SettingsPage
from desktop.core.words import tr
from desktop.store.options import Option, matching
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.reflow import resize_dialog
from desktop.ui.shared.search_field import focus_search, search_field
from desktop.ui.shell.keys import add_keys, listed_keys
from desktop.ui.shell.settings.actions import CLOSE, FIND, INTO_LIST
from desktop.ui.shell.settings.parts import SettingsServices
from desktop.ui.shell.settings.rows import SettingsPane
from desktop.ui.shell.settings.writer import OptionWriter
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme, set_role

_SIZE, _LEAST = QSize(880, 620), QSize(560, 340)
_SIDE_WIDTH = 168
_ROOM = 14  # pixels above and below the words of a page's name
_OPTION = Qt.ItemDataRole.UserRole


class SettingsDialog(QDialog):
    """Made once; :meth:`open_page` shows it. A page is made at its first visit."""

    notify = Signal(object)  # HeftError or str
    token_changed = Signal()
    about_asked = Signal()
    report_asked = Signal()
    shortcuts_asked = Signal()
    logs_asked = Signal()

    def __init__(
        self,
        options: OptionWriter,
        services: SettingsServices,
        tasks: Tasks,
        theme: Theme,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("settingsDialog")
        self.setWindowTitle(tr("Settings"))
        self._options, self._services, self._tasks, self._theme = options, services, tasks, theme
        self._made: dict[SettingsPage, SettingsPane] = {}
        self._scrolls: dict[SettingsPage, QScrollArea] = {}
        tip = tr("Words of it ({find})", find=listed_keys(FIND))
        self._search = search_field("settingsSearch", tr("Find a setting"), tr("Find a setting…"), tip)
        self._pages = self._list("settingsPages", tr("Pages of the settings"))
        self._found = self._list("settingsFound", tr("Settings that were found"))
        self._stack = QStackedWidget()
        self._fill_pages()
        self._build()
        self._connect()
        self.setMinimumSize(_LEAST)

    def open_page(self, name: SettingsPage = "general", key: str = "") -> None:
        """Show a page, and with ``key`` the option there. "about" is a dialog of its own. KeyError for no page."""
        if name == "about":
            self.about_asked.emit()
            return
        self._search.clear()
        row = list(PAGES).index(name) if name in PAGES else -1
        if row < 0:
            raise KeyError(name)
        self._pages.setCurrentRow(row)
        self._visit(name)
        if not self.isVisible():
            resize_dialog(self, _SIZE.expandedTo(self.size()))  # the window below may be another size by now
        self.show()
        self.raise_()
        self.activateWindow()
        option = self._made[name].rows.get(key)
        if option is not None:
            self._scrolls[name].ensureWidgetVisible(option)
            option.setFocus(Qt.FocusReason.OtherFocusReason)
        else:
            self._pages.setFocus(Qt.FocusReason.OtherFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter presses the button that has the focus, never another one: in a field it only ends the typing."""
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if not enter or isinstance(self.focusWidget(), QPushButton):
            super().keyPressEvent(event)

    @property
    def page(self) -> SettingsPage:
        """The page in view."""
        found: SettingsPage = self._pages.currentItem().data(_OPTION)
        return found

    # -- building --------------------------------------------------------------------------------

    def _list(self, name: str, spoken: str) -> QListWidget:
        made = QListWidget()
        made.setObjectName(name)
        made.setAccessibleName(spoken)
        made.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        return made

    def _fill_pages(self) -> None:
        for name, title in PAGES.items():
            if name != "about":
                item = QListWidgetItem(title, self._pages)
                item.setData(_OPTION, name)
                item.setSizeHint(QSize(0, self._pages.fontMetrics().height() + _ROOM))

    def _build(self) -> None:
        side = QVBoxLayout()
        side.setSpacing(10)
        side.addWidget(plain_label("settingsTitle", "title", tr("Settings")))
        side.addWidget(self._search)
        side.addWidget(self._pages, 1)
        links = QVBoxLayout()
        links.setSpacing(0)
        side.addLayout(links)
        for text, name, asked in (
            (tr("Keyboard shortcuts"), "settingsShortcuts", self.shortcuts_asked),
            (tr("Open the log folder"), "settingsLogs", self.logs_asked),
            (PAGES["about"], "settingsAbout", self.about_asked),
        ):
            button = push_button(text, name)
            set_role(button, "small")
            button.clicked.connect(asked)
            links.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        held = QWidget()
        held.setLayout(side)
        held.setFixedWidth(_SIDE_WIDTH)
        side.setContentsMargins(0, 0, 0, 0)
        self._nothing = plain_label("settingsNothing", "muted", tr("No setting has these words."))
        results = QWidget()
        column = QVBoxLayout(results)
        column.setContentsMargins(4, 4, 12, 4)
        column.addWidget(self._nothing)
        column.addWidget(self._found, 1)
        self._results = results
        self._stack.addWidget(results)
        close = push_button(
            tr("Close"), "settingsClose", tr("Close the settings ({close}, Esc)", close=listed_keys(CLOSE))
        )
        close.setAutoDefault(False)
        close.clicked.connect(self.close)
        ended = QHBoxLayout()
        ended.setContentsMargins(0, 0, 8, 0)
        ended.addStretch(1)
        ended.addWidget(close)
        shown = QVBoxLayout()
        shown.setSpacing(8)
        shown.addWidget(self._stack, 1)
        shown.addLayout(ended)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 16, 8, 12)
        row.setSpacing(16)
        row.addWidget(held)
        row.addLayout(shown, 1)

    def _connect(self) -> None:
        self._pages.currentItemChanged.connect(lambda item, _: self._visit(item.data(_OPTION)))
        self._search.textChanged.connect(self._find)
        self._search.returnPressed.connect(self._open_first)
        self._found.itemActivated.connect(self._open_found)
        self._found.itemClicked.connect(self._open_found)
        add_keys(self, FIND, lambda _: focus_search(self._search), Qt.ShortcutContext.WindowShortcut)
        add_keys(self, CLOSE, lambda _: self.close(), Qt.ShortcutContext.WindowShortcut)
        add_keys(self._search, INTO_LIST, lambda _: self._into_list())

    def _pane(self, name: SettingsPage) -> SettingsPane:
        """A page, made now when it is new."""
        if name in self._made:
            return self._made[name]
        pane = self._made[name] = self._make(name)
        scroll = QScrollArea()
        scroll.setObjectName(f"settingsPage_{name}")
        scroll.setAccessibleName(PAGES[name])
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(pane)
        self._scrolls[name] = scroll
        self._stack.addWidget(scroll)
        return pane

    def _make(self, name: SettingsPage) -> SettingsPane:
        options, theme, tasks, services = self._options, self._theme, self._tasks, self._services
        match name:
            case "general":
                from desktop.ui.shell.settings.general import GeneralPane

                return GeneralPane(options, theme)
            case "models":
                from desktop.ui.shell.settings.models import ModelsPane

                return ModelsPane(options, theme)
            case "engine":
                from desktop.ui.shell.settings.engine import EnginePane

                return EnginePane(options, theme, tasks, services.machine, services.backends, services.builds)
            case "serve":
                from desktop.ui.shell.settings.serve import ServePane

                return ServePane(options, theme)
            case "endpoints":
                from desktop.ui.shell.settings.endpoints import EndpointsPane

                return EndpointsPane(options, theme, tasks, services.endpoints)
            case "workers":
                from desktop.ui.shell.settings.workers import WorkersPane

                return WorkersPane(options, theme, tasks, services.workers)
            case "tools":
                from desktop.ui.shell.settings.tools import ToolsPane

                return ToolsPane(options, theme, tasks, services.tools)
            case "hub":
                from desktop.ui.shell.settings.hub import HubPane

                hub = HubPane(options, theme, tasks, services.tokens)
                hub.token_changed.connect(self.token_changed)
                return hub
            case "network":
                from desktop.ui.shell.settings.network import NetworkPane

                return NetworkPane(options, theme, tasks)
            case _:
                from desktop.ui.shell.settings.data import DataPane

                pane = DataPane(options, theme, tasks, services.paths, services.downloads)
                pane.notify.connect(self.notify)
                pane.report_asked.connect(self.report_asked)
                return pane

    # -- what happens ----------------------------------------------------------------------------

    def _visit(self, name: SettingsPage) -> None:
        pane = self._pane(name)
        if self._stack.currentWidget() is not self._scrolls[name]:
            self._stack.setCurrentWidget(self._scrolls[name])
            pane.shown()

    def _find(self, text: str) -> None:
        if not text.strip():
            self._visit(self.page)
            return
        self._found.clear()
        for option in matching(text):
            assert option.page is not None
            item = QListWidgetItem(f"{option.label}\n{PAGES[option.page]} · {option.explanation}", self._found)
            item.setData(_OPTION, option)
        self._nothing.setVisible(not self._found.count())
        self._found.setVisible(bool(self._found.count()))
        self._found.setCurrentRow(0)
        self._stack.setCurrentWidget(self._results)

    def _open_first(self) -> None:
        if self._found.count() and self._stack.currentWidget() is self._results:
            self._open_found(self._found.currentItem())

    def _open_found(self, item: QListWidgetItem) -> None:
        option: Option[Any] = item.data(_OPTION)
        assert option.page is not None
        self.open_page(option.page, option.key)

    def _into_list(self) -> None:
        in_results = self._stack.currentWidget() is self._results
        (self._found if in_results else self._pages).setFocus(Qt.FocusReason.OtherFocusReason)
