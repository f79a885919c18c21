"""The command palette (Ctrl+K): find an action, a model, a chat or a setting by some letters, and do it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import shiboken6
from PySide6.QtCore import QEvent, QObject, QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QFrame, QLabel, QLineEdit, QListView, QVBoxLayout, QWidget

from desktop.core.words import tr
from desktop.ui.shared.labels import plain_label
from desktop.ui.shell.actions import PALETTE_KEYS
from desktop.ui.shell.keys import answer
from desktop.ui.shell.palette_list import HEADING_HEIGHT, ROW_HEIGHT, PaletteDelegate, PaletteModel
from desktop.ui.shell.palette_sources import Entry, Group, Source, rows
from desktop.ui.shell.tasks import Lane, Task, TaskContext, Tasks
from desktop.ui.shell.theme import Theme, set_role

_WIDTH, _MARGIN, _TOP = 640, 24, 56  # pixels
_ROWS_IN_VIEW = 11
_HINT = tr("↑ ↓ choose    Enter does it    Esc goes back")


class Palette(QWidget):
    """Covers the window while it is open; the keyboard goes back to where it was. There is one for each window."""

    failed = Signal(object)  # HeftError of a source

    def __init__(self, theme: Theme, tasks: Tasks, sources: Sequence[Source], window: QWidget) -> None:
        """Entries of slow sources are shown as they were at the last time until they are there anew."""
        super().__init__(window)
        self.setObjectName("palette")
        self.setAccessibleName(tr("Find an action, model, chat or setting"))
        self._theme, self._tasks, self._sources = theme, tasks, tuple(sources)
        self._groups: dict[int, Group] = {}
        self._loading: list[Task] = []
        self._came_from: QWidget | None = None
        self._model = PaletteModel(self)
        self._card = QFrame(self)
        self._card.setObjectName("paletteCard")
        set_role(self._card, "card")
        self._field = QLineEdit()
        self._field.setObjectName("paletteField")
        self._field.setAccessibleName(tr("Find an action, model, chat or setting"))
        self._field.setPlaceholderText(tr("Find an action, model, chat or setting…"))
        set_role(self._field, "search")
        self._list = QListView()
        self._list.setObjectName("paletteList")
        self._list.setAccessibleName(tr("What was found"))
        self._list.setModel(self._model)
        self._list.setItemDelegate(PaletteDelegate(theme, self._list))
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._list.setFrameShape(QFrame.Shape.NoFrame)
        self._list.setMouseTracking(True)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self._nothing = plain_label("paletteNothing", "muted")
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._nothing.setContentsMargins(0, 18, 0, 18)
        hint = QLabel(_HINT)
        hint.setObjectName("paletteHint")
        set_role(hint, "muted")
        column = QVBoxLayout(self._card)
        column.setContentsMargins(10, 10, 10, 8)
        column.setSpacing(8)
        for widget in (self._field, self._list, self._nothing, hint):
            column.addWidget(widget)
        self._field.textChanged.connect(self._search)
        self._field.installEventFilter(self)
        self._list.clicked.connect(lambda index: self._choose(index.row()))
        self._window = window
        window.installEventFilter(self)
        QApplication.instance().focusChanged.connect(self._focus_moved)  # type: ignore[union-attr]
        self.hide()

    @property
    def is_open(self) -> bool:
        """Whether it covers the window."""
        return not self.isHidden()

    def open(self) -> None:
        """Cover the window and take the keyboard; close where it is open already."""
        if self.is_open:
            self.dismiss()
            return
        self._came_from = QApplication.focusWidget()
        self._load()
        self._field.clear()
        self._search()
        self.show()
        self.raise_()
        self._fit()
        self._field.setFocus(Qt.FocusReason.PopupFocusReason)

    def dismiss(self) -> None:
        """Close, and give the keyboard back."""
        self._close()
        before = self._came_from
        if before is not None and shiboken6.isValid(before) and before.isVisible():
            before.setFocus(Qt.FocusReason.PopupFocusReason)

    def _close(self) -> None:
        for task in self._loading:
            task.cancel()
        self.hide()

    # -- what is found ---------------------------------------------------------------------------

    def _load(self) -> None:
        for task in self._loading:
            task.cancel()
        self._loading = []
        for number, source in enumerate(self._sources):
            if source.slow:
                self._loading.append(
                    self._tasks.run(
                        self._reader(source),
                        lane=Lane.JOB,
                        done=self._taker(number),
                        failed=self.failed.emit,
                        owner=self,
                    )
                )
            else:
                self._groups[number] = Group(source, source.entries())

    @staticmethod
    def _reader(source: Source) -> Callable[[TaskContext], Group]:
        return lambda _context: Group(source, source.entries())

    def _taker(self, number: int) -> Callable[[Group], None]:
        def take(group: Group) -> None:
            self._groups[number] = group
            if self.is_open:
                self._search(keep=self._chosen())

        return take

    def _search(self, text: str = "", *, keep: Entry | None = None) -> None:
        found = rows([self._groups[number] for number in sorted(self._groups)], self._field.text())
        self._model.set_rows(found)
        first = self._model.next_entry(-1, 1)
        kept = next((at for at, row in enumerate(found) if keep is not None and row.entry == keep), first)
        self._go_to(kept)
        if kept == first:
            self._list.scrollToTop()  # with its heading
        self._nothing.setText(tr("Nothing here matches “{text}”.", text=self._field.text()))
        self._nothing.setVisible(first < 0)
        self._list.setVisible(first >= 0)
        self._fit()

    def _chosen(self) -> Entry | None:
        row = self._model.row(self._list.currentIndex().row())
        return row.entry if row is not None else None

    def _go_to(self, number: int) -> None:
        index = self._model.index(number, 0)
        self._list.setCurrentIndex(index)
        self._field.setAccessibleDescription(str(index.data(Qt.ItemDataRole.AccessibleTextRole) or ""))

    # -- the person ------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keys move in the list while the field is written in; the window's size is the palette's."""
        if event.type() == QEvent.Type.Resize and watched is self._window:
            self._fit()
        elif event.type() == QEvent.Type.KeyPress and watched is self._field and isinstance(event, QKeyEvent):
            return self._press(event)
        return False

    def _press(self, event: QKeyEvent) -> bool:
        here = self._list.currentIndex().row()
        match answer(event, PALETTE_KEYS):
            case "choose":
                self._choose(here)
            case "leave":
                self.dismiss()
            case int(step) if abs(step) == 1:
                self._go_to(self._model.next_entry(here, step))
            case int(step):
                last = self._model.rowCount() - 1
                there = max(0, min(last, here + step))
                entry = self._model.row(there)
                self._go_to(there if entry is not None and entry.entry else self._model.next_entry(there, 1))
            case _:
                return False
        return True

    def _choose(self, number: int) -> None:
        row = self._model.row(number)
        if row is None or row.entry is None or row.source is None or row.entry.reason:
            return  # the reason is there to be read
        choose: Callable[[object], object] = row.source.choose
        self.dismiss()
        choose(row.entry.key)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click beside it closes it."""
        if not self._card.geometry().contains(event.position().toPoint()):
            self.dismiss()

    def _focus_moved(self, _before: QWidget | None, now: QWidget | None) -> None:
        if self.is_open and now is not None and now.window() is self._window and not self.isAncestorOf(now):
            self._close()  # something else was done meanwhile: by a shortcut, by the program

    # -- looks -----------------------------------------------------------------------------------

    def _fit(self) -> None:
        window = self._window
        self.setGeometry(window.rect())
        lines = [self._model.row(at) for at in range(self._model.rowCount())]
        wanted = sum(ROW_HEIGHT if line is not None and line.entry is not None else HEADING_HEIGHT for line in lines)
        top = min(_TOP, max(8, window.height() // 12))
        around = self._card.sizeHint().height() - self._list.sizeHint().height()
        room = window.height() - 2 * top - around
        self._list.setFixedHeight(max(ROW_HEIGHT, min(wanted, ROW_HEIGHT * _ROWS_IN_VIEW, room)))
        width = min(_WIDTH, window.width() - 2 * _MARGIN)
        height = self._card.sizeHint().height()
        self._card.setGeometry(QRect((window.width() - width) // 2, top, width, height))

    def paintEvent(self, event: QPaintEvent) -> None:
        """A veil over what the keyboard does not reach now."""
        painter = QPainter(self)
        veil = self._theme.color("background")
        veil.setAlpha(150)
        painter.fillRect(event.rect(), veil)
        painter.end()
