"""The window: rail, one page at a time, status bar below it, and notifications that lie above that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QActionGroup,
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QKeyEvent,
    QPaintEvent,
    QResizeEvent,
    QScreen,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QAbstractButton,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from desktop.core.words import tr
from desktop.services.job_kinds import Job
from desktop.store import options
from desktop.store.options import Appearance, WindowGeometry
from desktop.store.settings import Changed
from desktop.ui.shared.model_file import ask_model_file
from desktop.ui.shared.reflow import CurrentStack
from desktop.ui.shared.signals import calling
from desktop.ui.shell.action import Action, Declared
from desktop.ui.shell.action_registry import ActionRegistry
from desktop.ui.shell.actions import (
    ABOUT,
    APPEARANCE_DARK,
    APPEARANCE_LIGHT,
    APPEARANCE_SYSTEM,
    CLEAR_JOBS,
    DISMISS,
    DONE_JOBS,
    INSPECT_FILE,
    JOBS,
    LOAD_AT_START,
    LOGS,
    OPEN_FILE,
    PALETTE,
    QUIT,
    REPORT,
    SETTINGS,
    SHORTCUTS,
    WINDOW_ACTIONS,
    visit,
)
from desktop.ui.shell.dropped import model_files
from desktop.ui.shell.finder import Finder, Offer
from desktop.ui.shell.jobs_panel import JobsPanel
from desktop.ui.shell.notifications import NotificationArea
from desktop.ui.shell.page import Page
from desktop.ui.shell.palette_sources import Source
from desktop.ui.shell.rail import NavigationRail
from desktop.ui.shell.settings.actions import SETTINGS_KEYS
from desktop.ui.shell.shortcuts import ShortcutsDialog
from desktop.ui.shell.statusbar import StatusBar
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme
from desktop.ui.shell.window_place import TITLE_BAR, fitted

DEFAULT_SIZE = QSize(1280, 800)
_APPEARANCES: tuple[tuple[Action, Appearance], ...] = (
    (APPEARANCE_SYSTEM, "system"),
    (APPEARANCE_LIGHT, "light"),
    (APPEARANCE_DARK, "dark"),
)
FRAME_ROOM = QSize(0, TITLE_BAR)
MINIMUM_SIZE = QSize(820, 520)  # on a smaller screen (1280x800 pixels at 200% are 640x400) pages scroll


@dataclass(frozen=True)
class PageEntry:
    """One page of the rail; ``make`` is called at its first visit. ``icon`` names a file of resources/icons.

    ``declared`` are the page's actions, known before the page is made.
    """

    name: str
    title: str
    icon: str
    make: Callable[[], Page]
    declared: Declared = ()


class MainWindow(QWidget):
    """Composes the pages; knows nothing of what they do."""

    file_opened = Signal(object)  # Path of a .gguf that was chosen, or dropped where it is to be loaded
    file_inspected = Signal(object)  # Path of another model file or folder, or of a .gguf dropped on the page Inspect
    inspect_asked = Signal()  # a file is to be chosen for the page Inspect
    settings_asked = Signal(str)  # SettingsPage
    logs_asked = Signal()
    report_asked = Signal()
    about_asked = Signal()
    painted = Signal()  # once, after the first paint
    appearance_chosen = Signal(str)  # Appearance
    load_at_start_chosen = Signal(bool)
    closed = Signal(object)  # WindowGeometry
    job_asked = Signal(str, str)  # "pause", "resume", "cancel", "clear" or "chat", and a job's id

    def __init__(
        self, theme: Theme, pages: Sequence[PageEntry], status: StatusBar, *, load_at_start: bool = True
    ) -> None:
        super().__init__()
        self.setObjectName("mainWindow")
        self.setWindowTitle(tr("Heft"))
        self._fit_minimum(self.screen().availableGeometry())
        self.setAcceptDrops(True)
        self._entries = tuple(pages)
        self._made: dict[int, Page] = {}
        self._current = -1
        self._first_paint = True
        self._theme = theme
        self._finder: Finder | None = None
        self.status = status
        self.notifications = NotificationArea(theme, self)
        visits = [visit(at + 1, entry.name, entry.title, entry.icon) for at, entry in enumerate(pages)]
        self.commands = ActionRegistry((*visits, *WINDOW_ACTIONS), self)
        self._connect(visits, theme.preference, load_at_start)
        self._rail = NavigationRail(
            theme,
            self.commands,
            [(entry.name, entry.title, action) for entry, action in zip(pages, visits, strict=True)],
        )
        self._stack = CurrentStack("pages")
        column = QVBoxLayout()
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        scroll = QScrollArea()
        scroll.setObjectName("pageScroll")
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidgetResizable(True)
        scroll.setWidget(self._stack)
        column.addWidget(scroll, 1)
        column.addWidget(status)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self._rail)
        row.addLayout(column, 1)
        self.notifications.set_edges(self._rail.width(), self._foot)
        self.notifications.left.connect(self._focus_page)
        self.notifications.raise_()
        self._jobs: JobsPanel | None = None  # made when it is first opened
        self._known_jobs: tuple[Job, ...] = ()
        status.jobs_asked.connect(self.toggle_jobs)

    def _connect(self, visits: Sequence[Action], preference: Appearance, load_at_start: bool) -> None:
        commands = self.commands
        commands.refused.connect(self.notifications.show_message)
        for index, action in enumerate(visits):
            commands.connect_to(action, calling(self._visit, index))
        appearances = QActionGroup(self)
        for action, which in _APPEARANCES:
            made = commands.connect_to(action, calling(self.appearance_chosen.emit, which))
            appearances.addAction(made)
            made.setChecked(which == preference)
        load = commands.connect_to(LOAD_AT_START, lambda: self.load_at_start_chosen.emit(load.isChecked()))
        load.setChecked(load_at_start)
        commands.connect_to(PALETTE, self.show_palette)
        commands.connect_to(OPEN_FILE, self.choose_file)
        commands.connect_to(INSPECT_FILE, self.inspect_asked.emit)
        commands.connect_to(JOBS, self.toggle_jobs)
        commands.connect_to(CLEAR_JOBS, self._clear_jobs)
        commands.allow(DONE_JOBS, False)
        commands.connect_to(SHORTCUTS, self.show_shortcuts)
        commands.connect_to(DISMISS, self.notifications.dismiss_last)
        commands.connect_to(LOGS, self.logs_asked.emit)
        commands.connect_to(REPORT, self.report_asked.emit)
        commands.connect_to(ABOUT, self.about_asked.emit)
        commands.connect_to(QUIT, self.close)
        commands.connect_to(SETTINGS, calling(self.settings_asked.emit, "general"))
        self.notifications.settings_asked.connect(self.settings_asked)

    # -- pages -----------------------------------------------------------------------------------

    def go_to(self, name: str) -> Page:
        """Show a page by name, making it at its first visit; KeyError for an unknown one."""
        for index, entry in enumerate(self._entries):
            if entry.name == name:
                self._visit(index)
                return self._made[index]
        raise KeyError(name)

    def page(self, name: str) -> Page | None:
        """A page that was already visited."""
        return next((page for index, page in self._made.items() if self._entries[index].name == name), None)

    @property
    def current(self) -> str:
        """Name of the page in view; empty before the first."""
        return self._entries[self._current].name if self._current >= 0 else ""

    def _visit(self, index: int) -> None:
        if index not in self._made:
            page = self._entries[index].make()
            page.notify.connect(self.notifications.show_message)
            page.settings_asked.connect(self.settings_asked)
            self._made[index] = page
            self._stack.addWidget(page)
        self._current = index
        self._rail.set_current(index)
        self._stack.setCurrentWidget(self._made[index])
        self.notifications.place()
        self._focus_page()

    def _foot(self) -> int:
        """Pixels that no message covers: the status bar, and what the page in view has to keep in sight."""
        return self.status.height() + (self._made[self._current].foot() if self._current >= 0 else 0)

    def _focus_page(self) -> None:
        """Give the keyboard back to the page in view."""
        if self._current >= 0:
            self._made[self._current].setFocus(Qt.FocusReason.OtherFocusReason)

    def option_changed(self, change: Changed) -> None:
        """Tell all pages that an option has another value, and show it in the menus."""
        if change.option is options.THEME:
            marked = next(action for action, which in _APPEARANCES if which == change.new)
            self.commands.qaction(marked).setChecked(True)
        elif change.option is options.LOAD_AT_START:
            self.commands.qaction(LOAD_AT_START).setChecked(bool(change.new))
        for page in self._made.values():
            page.option_changed(change)

    def token_changed(self) -> None:
        """Tell all pages that the Hub's token is another one."""
        for page in self._made.values():
            page.token_changed()

    # -- jobs ------------------------------------------------------------------------------------

    def show_jobs(self, jobs: Sequence[Job]) -> None:
        """Show all long work: a few words in the status bar, each job in the panel above it."""
        self._known_jobs = tuple(jobs)
        self.commands.allow(DONE_JOBS, any(job.phase == "done" for job in jobs))
        self.status.show_jobs(jobs)
        if self._jobs is not None:
            self._jobs.show_jobs(jobs)

    def toggle_jobs(self) -> None:
        """Open or close the panel of all long work."""
        if self._jobs is None:
            self._jobs = JobsPanel(self.commands, self)
            self._jobs.asked.connect(self.job_asked)
            self._jobs.show_jobs(self._known_jobs)
        self._place_jobs()
        self._jobs.toggle()

    def _clear_jobs(self) -> None:
        for job in self._known_jobs:
            if job.phase == "done":
                self.job_asked.emit("clear", job.id)

    def _place_jobs(self) -> None:
        if self._jobs is not None:
            room = QSize(self.width() - self._rail.width(), self.height() - self.status.height())
            self._jobs.place(QPoint(self.width(), self.height() - self.status.height()), room)

    # -- actions ---------------------------------------------------------------------------------

    def set_sources(self, tasks: Tasks, sources: Sequence[Source]) -> None:
        """What the command palette finds besides actions."""
        self._finder = Finder(self._theme, tasks, sources, self._offers, self._run, self)
        self._finder.failed.connect(self.notifications.show_message)

    def show_palette(self) -> None:
        """Find anything that can be done, opened or set; pressed again, leave it."""
        if self._finder is not None:
            self._finder.open()

    def _offers(self) -> list[Offer]:
        offers = [Offer("", "", self.commands.declared, self.commands, True)]
        for at, entry in enumerate(self._entries):
            page = self._made.get(at)
            commands = page.commands if page is not None else None
            offers.append(Offer(entry.name, entry.title, entry.declared, commands, at == self._current))
        return offers

    def _run(self, page: str, action: Action) -> None:
        """Do what was found: an action of the window, or of a page, which is gone to."""
        if page and page != self.current:
            self.go_to(page)
        commands = self._made[self._current].commands if page else self.commands
        commands.trigger(action, aloud=True)

    def show_shortcuts(self) -> None:
        """List what the keyboard can do, on pages not yet visited too."""
        groups = [(tr("Everywhere"), self.commands.declared)]
        groups += [(entry.title, entry.declared) for entry in self._entries]
        groups.append((tr("Settings"), SETTINGS_KEYS))
        dialog = ShortcutsDialog(groups, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def choose_file(self) -> None:
        """Ask for a model file; without blocking anything."""
        ask_model_file(self, self.file_opened.emit)

    # -- geometry --------------------------------------------------------------------------------

    def restore(self, geometry: WindowGeometry | None) -> None:
        """Take the place of the last time, or one near it where the title bar can be reached."""
        if geometry is None:
            room = self.screen().availableGeometry().size() - FRAME_ROOM
            self.resize(DEFAULT_SIZE.boundedTo(room))
            return
        wanted = QRect(geometry.x, geometry.y, geometry.width, geometry.height)
        place = fitted(wanted, [screen.availableGeometry() for screen in QGuiApplication.screens()])
        shown_on = QGuiApplication.screenAt(place.center()) or QGuiApplication.screenAt(place.topLeft())
        self._fit_minimum((shown_on or self.screen()).availableGeometry())
        self.resize(place.size())
        self.move(place.topLeft())
        if geometry.maximized:
            self.setWindowState(Qt.WindowState.WindowMaximized)

    def _fit_minimum(self, screen: QRect) -> None:
        """On a small screen the window may be smaller than its pages would like: they scroll then."""
        self.setMinimumSize(MINIMUM_SIZE.boundedTo(screen.size() - FRAME_ROOM))

    def geometry_now(self) -> WindowGeometry:
        """Where the window is, for the settings."""
        maximized = self.isMaximized()
        normal = self.normalGeometry() if maximized else QRect(self.pos(), self.size())
        return WindowGeometry(normal.x(), normal.y(), normal.width(), normal.height(), maximized)

    # -- events ----------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept a model file, or a folder that may be one."""
        if model_files(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Load a GGUF file, or look into it on the page Inspect; the engine loads no other format."""
        files = model_files(event)
        if files:
            event.acceptProposedAction()
            loads = files[0].suffix.lower() == ".gguf" and self.current != "inspect"
            (self.file_opened if loads else self.file_inspected).emit(files[0])

    def showEvent(self, event: QShowEvent) -> None:
        """Follow the window to other screens."""
        super().showEvent(event)
        handle = self.windowHandle()
        if handle is not None:
            follow = Qt.ConnectionType.UniqueConnection
            handle.screenChanged.connect(self._screen_changed, follow)

    def _screen_changed(self, screen: QScreen) -> None:
        self._fit_minimum(screen.availableGeometry())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """What nothing in the page wanted: Enter presses a focused button, Escape dismisses a message."""
        focused = self.focusWidget()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and isinstance(focused, QAbstractButton):
            if not event.isAutoRepeat():
                focused.click()
        elif event.key() == Qt.Key.Key_Escape and self.notifications.dismiss_last():
            return
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Messages and the panel of jobs stay at the foot."""
        super().resizeEvent(event)
        self.notifications.place()
        self._place_jobs()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Tell once that the window is there."""
        super().paintEvent(event)
        if self._first_paint:
            self._first_paint = False
            QTimer.singleShot(0, self.painted.emit)  # after the pages below have painted too

    def closeEvent(self, event: QCloseEvent) -> None:
        """Tell where the window was; the application does the rest."""
        self.closed.emit(self.geometry_now())
        super().closeEvent(event)
