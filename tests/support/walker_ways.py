"""What can be done with a widget of each kind: a name for each way, and the call that does it. Used by the walker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import shiboken6
from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtGui import QAction, QContextMenuEvent, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QCheckBox,
    QComboBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QRadioButton,
    QTableView,
    QTextEdit,
    QToolButton,
    QTreeView,
    QWidget,
)

Press = Callable[[], None]
_KEYS = (
    Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_End, Qt.Key.Key_Home,
    Qt.Key.Key_PageDown, Qt.Key.Key_PageUp, Qt.Key.Key_Plus, Qt.Key.Key_Minus, Qt.Key.Key_0, Qt.Key.Key_Space,
    Qt.Key.Key_Return, Qt.Key.Key_Escape,
)  # fmt: skip
_TABBED = 12  # places inside one widget that Tab may reach and Enter press (the transcript's buttons)
_LEFT = Qt.MouseButton.LeftButton


def ways(widget: QWidget, opened: set[str]) -> Iterator[tuple[str, Press]]:
    """What can be done with one widget; ``opened`` are the menus that were told once that they are about to show."""
    match widget:
        case QAbstractButton():
            yield from _of_button(widget, opened)
        case QComboBox():
            for index in range(widget.count()):
                yield f" = {index}", partial(_choose, widget, index)
        case QAbstractSpinBox():
            yield " up and down", lambda: _keys(widget, Qt.Key.Key_Up, Qt.Key.Key_Down)
        case QAbstractSlider():
            yield " moved", lambda: _keys(widget, Qt.Key.Key_End, Qt.Key.Key_Home, Qt.Key.Key_Right)
        case QAbstractItemView():
            if not isinstance(widget.window(), QMenu) and widget.model() is not None:
                yield from _of_view(widget)
        case QLineEdit() if not isinstance(widget.parent(), QAbstractSpinBox | QComboBox):
            yield " typed into", lambda: _type(widget, "a9")
        case QPlainTextEdit() | QTextEdit() if not widget.isReadOnly():
            yield " typed into", lambda: _type(widget, "hello")
        case QLabel():
            if "<a " in widget.text():
                yield " link", lambda: widget.linkActivated.emit(widget.text().split('href="')[1].split('"')[0])
        case _ if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and type(widget).__module__.startswith("desktop"):
            yield " with keys", lambda: _keys(widget, *_KEYS)
            yield " tabbed through", lambda: _tab_through(widget)
            yield " clicked", lambda: _click_over(widget)
            yield " context menu", lambda: _context_menu(widget, widget.rect().center())


def _of_button(button: QAbstractButton, opened: set[str]) -> Iterator[tuple[str, Press]]:
    label = "" if button.objectName() else f" “{button.text()}”"
    times = (" on", " off") if button.isCheckable() and not button.autoExclusive() else ("",)
    mark = isinstance(button, QCheckBox | QRadioButton)  # which takes clicks on its words and no further
    at = QPoint(8, button.height() // 2) if mark else button.rect().center()
    for time_ in times:
        yield f"{label}{time_}", lambda: QTest.mouseClick(button, _LEFT, Qt.KeyboardModifier.NoModifier, at)
    menu = button.menu() if isinstance(button, QToolButton) else None
    if menu is not None:
        name = menu.objectName() or button.objectName()
        if name not in opened:
            opened.add(name)
            menu.aboutToShow.emit()
        for name, press in list(in_menu(menu)):
            yield f" > {name}", press


def _of_view(view: QAbstractItemView) -> Iterator[tuple[str, Press]]:
    model = view.model()
    if model.rowCount(QModelIndex()) > 0:
        last = model.columnCount(QModelIndex()) - 1 if isinstance(view, QTableView | QTreeView) else 0

        def cell(column: int = 0) -> QPoint:
            return view.visualRect(model.index(0, column)).center()

        viewport, none = view.viewport(), Qt.KeyboardModifier.NoModifier
        yield " first row", lambda: QTest.mouseClick(viewport, _LEFT, none, cell())
        if last > 0:
            yield " last cell", lambda: QTest.mouseClick(viewport, _LEFT, none, cell(last))
        yield " double click", lambda: QTest.mouseDClick(viewport, _LEFT, none, cell())
        yield " with keys", lambda: _keys(view, *_KEYS)
        yield " delete", lambda: _keys(view, Qt.Key.Key_Delete)
        yield " context menu", lambda: _context_menu(viewport, cell())
    headers = [h for h in view.findChildren(QHeaderView) if h.orientation() == Qt.Orientation.Horizontal]
    for header in headers:
        if header.isVisible() and header.sectionsClickable():
            for section in range(header.count()):
                if not header.isSectionHidden(section):
                    yield f" heading {section}", partial(_click_heading, header, section)


def in_menu(menu: QMenu) -> Iterator[tuple[str, Press]]:
    """What a menu and the menus below it offer."""
    for action in menu.actions():
        if action.isSeparator() or not action.isEnabled() or not action.isVisible():
            continue
        below = action.menu()
        if isinstance(below, QMenu):
            yield from ((f"{action.text()} > {name}", call) for name, call in in_menu(below))
        else:
            yield action.text() or action.objectName(), _trigger(menu, action)


def _trigger(menu: QMenu, action: QAction) -> Press:
    def press() -> None:
        if menu.isVisible() and menu.actionGeometry(action).isValid():
            QTest.mouseClick(menu, _LEFT, Qt.KeyboardModifier.NoModifier, menu.actionGeometry(action).center())
        else:
            action.trigger()

    return press


def _choose(box: QComboBox, index: int) -> None:
    """Choose an entry as the mouse does: the box changes and tells that it was chosen."""
    if index < box.count():
        box.setCurrentIndex(index)
        box.activated.emit(index)


def _keys(widget: QWidget, *keys: Qt.Key) -> None:
    widget.setFocus(Qt.FocusReason.TabFocusReason)
    for key in keys:
        if not shiboken6.isValid(widget) or not widget.isVisible() or QApplication.activeModalWidget() is not None:
            return
        if QApplication.activePopupWidget() is None:
            QTest.keyClick(widget, key)


def _tab_through(widget: QWidget) -> None:
    widget.setFocus(Qt.FocusReason.TabFocusReason)
    for _ in range(_TABBED):
        QTest.keyClick(widget, Qt.Key.Key_Tab)
        if not shiboken6.isValid(widget) or not widget.hasFocus():
            return
        QTest.keyClick(widget, Qt.Key.Key_Return)


def _type(field: QWidget, text: str) -> None:
    field.setFocus(Qt.FocusReason.MouseFocusReason)
    QTest.keySequence(field, QKeySequence(QKeySequence.StandardKey.SelectAll))
    QTest.keyClicks(field, text)
    QTest.keyClick(field, Qt.Key.Key_Return)


def _click_over(widget: QWidget) -> None:
    """Click on nine places of a widget that paints its own controls."""
    target = getattr(widget, "viewport", lambda: widget)()
    for x in (1, 4, 7):
        for y in (1, 4, 7):
            if shiboken6.isValid(target) and target.isVisible():
                at = QPoint(target.width() * x // 8, target.height() * y // 8)
                QTest.mouseMove(target, at)
                QTest.mouseClick(target, _LEFT, Qt.KeyboardModifier.NoModifier, at)


def _context_menu(widget: QWidget, at: QPoint) -> None:
    target = getattr(widget, "viewport", lambda: widget)()
    reason = QContextMenuEvent.Reason.Mouse
    QApplication.sendEvent(target, QContextMenuEvent(reason, at, target.mapToGlobal(at)))


def _click_heading(header: QHeaderView, section: int) -> None:
    at = QPoint(header.sectionViewportPosition(section) + header.sectionSize(section) // 2, header.height() // 2)
    QTest.mouseClick(header.viewport(), _LEFT, Qt.KeyboardModifier.NoModifier, at)
