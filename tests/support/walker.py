"""Presses everything a window offers, once, and keeps what went wrong. It knows kinds of widgets, not single ones.

Buttons, entries of menus and of context menus, check boxes, entries of combo boxes, tabs, fields, sliders, rows and
headings of tables, links, shortcuts, and whatever else takes keys: a widget that is added later is pressed too.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from types import TracebackType
from typing import TypeVar

import shiboken6
from PySide6.QtCore import (
    QEvent,
    QEventLoop,
    QObject,
    Qt,
    QTimer,
    QtMsgType,
    qInstallMessageHandler,
)
from PySide6.QtGui import QAction, QShortcut
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QFileDialog,
    QHeaderView,
    QMenu,
    QScrollBar,
    QTabBar,
    QWidget,
)

from .walker_ways import Press, in_menu, ways

_TICK_MS = 15
_MOST_AT_A_PLACE = 600
_LEFT = Qt.MouseButton.LeftButton
W = TypeVar("W", bound=QWidget)
_HARMLESS = ("This plugin does not support",)  # the offscreen platform's own


class Walker:
    """``pressed`` are the names of what was pressed, ``faults`` what went wrong there, ``silent`` shortcuts unheard."""

    def __init__(
        self, window: QWidget, settle: Callable[[], None], leave: Callable[[str], bool] = lambda name: False
    ) -> None:
        """``settle`` lets what was begun go on; ``leave`` says of a name that it is not to be pressed."""
        self.window, self._settle, self._leave = window, settle, leave
        self.pressed: list[str] = []
        self.faults: list[str] = []
        self.silent: list[str] = []
        self._known: set[str] = set()
        self._tabs: dict[str, int] = {}  # the tabs in front: gone back to after each return to a place
        self._opened: set[str] = set()  # menus that were told once that they are about to show
        self._now = ""
        self._pressing = False
        self._guard = QTimer()
        self._guard.setInterval(_TICK_MS)
        self._guard.timeout.connect(self._close_what_blocks)
        self._hook: Callable[..., object] = sys.excepthook

    def __enter__(self) -> Walker:
        self._hook = sys.excepthook
        sys.excepthook = self._uncaught
        self._handler = qInstallMessageHandler(self._message)
        self._guard.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._guard.stop()
        qInstallMessageHandler(self._handler)
        sys.excepthook = self._hook

    def fault(self, what: object) -> None:
        """Something went wrong with what was just pressed."""
        self.faults.append(f"{self._now or 'before the first press'}: {what}")
        sys.stderr.write(f"{self.faults[-1]}\n")  # read where the walk does not come to its end

    def walk(self, place: str, enter: Callable[[], object]) -> None:
        """Go to a place and press all that it offers, coming back to it as often as it takes."""
        self._now, self._tabs = f"entering {place}", {}
        self._return(enter)
        for _ in range(_MOST_AT_A_PLACE):
            found = next(self._unpressed(), None)
            if found is None:
                return
            name, press = found
            self._known.add(name)
            self._now = f"{place}: {name}"
            self.pressed.append(self._now)
            self._press(press)
            self._walk_popups(name, press)
            self._return(enter)
        self.fault(f"{place} has no end: {self.pressed[-5:]}")

    # -- pressing --------------------------------------------------------------------------------

    def _press(self, press: Press) -> None:
        self._pressing = True
        try:
            press()
        except RuntimeError as error:  # a widget that went while it was used
            if "already deleted" not in str(error):
                self.fault(repr(error))
        except Exception as error:  # noqa: BLE001 - whatever a slot raises is what is looked for
            self.fault(repr(error))
        finally:
            self._pressing = False
        self._settle()

    def _walk_popups(self, opener: str, press: Press) -> None:
        """Press each entry of the menus, and each control of the dialogs, that a press opened; then close them."""
        trail = [press]  # what opens them again after an entry has closed them
        for _ in range(_MOST_AT_A_PLACE):
            top = QApplication.activePopupWidget() or QApplication.activeModalWidget()
            if top is None:
                return
            fresh = self._fresh(top, opener)
            if not fresh:
                self._close(top)
                continue
            name, call = fresh[0]
            self._known.add(name)
            self._now = name
            self.pressed.append(name)
            self._press(call)
            now = QApplication.activePopupWidget() or QApplication.activeModalWidget()
            if now is None and len(fresh) > 1:
                for again in trail:
                    self._press(again)
            elif now is not None and now is not top:
                trail.append(call)
        self.fault("menus and dialogs have no end")

    def _fresh(self, top: QWidget, opener: str) -> list[tuple[str, Press]]:
        title = f"{type(top).__name__} {top.objectName() or opener}"
        inside = in_menu(top) if isinstance(top, QMenu) else self._in_dialog(top)
        named = [(f"{title} > {name}", call) for name, call in inside]
        return [(name, call) for name, call in named if name not in self._known and not self._leave(name)]

    def _in_dialog(self, dialog: QWidget) -> Iterator[tuple[str, Press]]:
        if isinstance(dialog, QFileDialog):
            return  # the system's own, in a program that is installed
        yield from self._controls(dialog)

    def _close(self, top: QWidget) -> None:
        self._now = f"{self._now}, closed"
        (top.reject if isinstance(top, QDialog) else top.close)()
        self._settle()
        if shiboken6.isValid(top) and top.isVisible() and isinstance(top, QWidget):
            top.close()
            self._settle()

    def _close_what_blocks(self) -> None:
        """A press that waits inside itself for a dialog or menu gets it closed."""
        if self._pressing:
            popup, dialog = QApplication.activePopupWidget(), QApplication.activeModalWidget()
            if popup is not None:
                popup.close()
            elif isinstance(dialog, QDialog):
                dialog.reject()

    def _return(self, enter: Callable[[], object]) -> None:
        self._close_all()
        enter()
        for name, index in self._tabs.items():
            bar = next((bar for bar in self._visible(self.window, QTabBar) if self._name(bar) == name), None)
            if bar is not None and bar.isTabVisible(index) and bar.currentIndex() != index:
                bar.setCurrentIndex(index)
                self._settle()

    def _close_all(self) -> None:
        for _ in range(8):
            top = QApplication.activePopupWidget() or QApplication.activeModalWidget()
            if top is None:
                return
            (top.reject if isinstance(top, QDialog) else top.close)()
            self._settle()

    # -- finding ---------------------------------------------------------------------------------

    def _unpressed(self) -> Iterator[tuple[str, Press]]:
        """What is in view and was not pressed; tabs last, so that a tab's own are pressed before the next one."""
        for name, press in (*self._controls(self.window), *self._shortcuts(), *self._all_tabs()):
            if name not in self._known and not self._leave(name):
                yield name, press

    def _visible(self, root: QWidget, kind: type[W]) -> list[W]:
        return [widget for widget in root.findChildren(kind) if widget.isVisible() and widget.isEnabled()]

    def _controls(self, root: QWidget) -> Iterator[tuple[str, Press]]:
        for widget in self._visible(root, QWidget):
            if widget.window() is root.window() and not isinstance(widget, QTabBar | QScrollBar | QHeaderView | QMenu):
                yield from ((f"{self._name(widget)}{what}", press) for what, press in ways(widget, self._opened))

    def _all_tabs(self) -> Iterator[tuple[str, Press]]:
        for bar in self._visible(self.window, QTabBar):
            for index in range(bar.count()):
                if bar.isTabVisible(index) and bar.isTabEnabled(index):
                    yield f"{self._name(bar)} tab {index}", partial(self._to_tab, bar, index)

    def _to_tab(self, bar: QTabBar, index: int) -> None:
        self._tabs[self._name(bar)] = index
        QTest.mouseClick(bar, _LEFT, Qt.KeyboardModifier.NoModifier, bar.tabRect(index).center())

    def _shortcuts(self) -> Iterator[tuple[str, Press]]:
        for shortcut in self.window.findChildren(QShortcut):
            owner = shortcut.parent()
            live = shortcut.isEnabled() and not shortcut.key().isEmpty()
            if live and isinstance(owner, QWidget) and owner.isVisible():
                keys = shortcut.key().toString()
                yield f"{self._name(owner)} {keys}", partial(self._hit, shortcut)
        for action in self.window.findChildren(QAction):
            if action.isEnabled() and not action.shortcut().isEmpty():
                yield f"action {action.objectName() or action.text()}", action.trigger

    def _hit(self, shortcut: QShortcut) -> None:
        """Press a shortcut's keys where it listens; keys that two shortcuts claim are a fault."""
        heard: list[str] = []
        owner, keys = shortcut.parent(), shortcut.key()
        assert isinstance(owner, QWidget)
        for signal, word in ((shortcut.activated, "heard"), (shortcut.activatedAmbiguously, "ambiguous")):
            signal.connect(lambda word=word: heard.append(word))
        if not owner.isVisible():
            return  # a dialog that was closed meanwhile
        window = owner.window()
        window.activateWindow()
        self._settle()
        if owner is not window and not owner.isAncestorOf(QApplication.focusWidget() or window):
            owner.setFocus(Qt.FocusReason.ShortcutFocusReason)
        QTest.keySequence(QApplication.focusWidget() or window, keys)
        if "ambiguous" in heard:
            self.fault(f"{keys.toString()} is claimed twice")
        elif not heard:
            self.silent.append(f"{self._name(owner)} {keys.toString()}")
            shortcut.activated.emit()

    def _name(self, widget: QObject | None) -> str:
        """A widget's name with those of the named things around it."""
        parts = [f"{type(widget).__name__}"]
        while widget is not None and widget is not self.window:
            if widget.objectName() and not widget.objectName().startswith("qt_"):
                parts.append(widget.objectName())
                if len(parts) > 2:
                    break
            widget = widget.parent()
        return " ".join([parts[0], *reversed(parts[1:])])

    # -- what goes wrong -------------------------------------------------------------------------

    def _uncaught(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        last = trace
        while last is not None and last.tb_next is not None:
            last = last.tb_next
        where = f" at {last.tb_frame.f_code.co_filename}:{last.tb_lineno}" if last is not None else ""
        self.fault(f"{kind.__name__}: {error}{where}")

    def _message(self, kind: QtMsgType, _context: object, text: str) -> None:
        if kind != QtMsgType.QtDebugMsg and not text.startswith(_HARMLESS):
            self.fault(f"{kind.name}: {text}")


def settled(seconds: float, idle: Callable[[], bool], limit: float) -> Callable[[], None]:
    """Lets the window live ``seconds``, and then until ``idle``, for at most ``limit`` seconds."""

    def settle() -> None:
        loop, begun = QEventLoop(), time.monotonic()
        timer = QTimer(interval=_TICK_MS)

        def look() -> None:
            passed = time.monotonic() - begun
            if passed > limit or (passed > seconds and idle()):
                loop.quit()

        timer.timeout.connect(look)
        timer.start()
        loop.exec()
        timer.stop()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)

    return settle
