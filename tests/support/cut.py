"""What of a window cannot be read or reached: cut words, widgets outside their parents, widgets over one another."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from PySide6.QtCore import QModelIndex, QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QAbstractSpinBox,
    QComboBox,
    QHeaderView,
    QLabel,
    QLayout,
    QLineEdit,
    QPlainTextEdit,
    QScrollArea,
    QScrollBar,
    QSplitterHandle,
    QStyle,
    QStyleOptionComboBox,
    QStyleOptionHeader,
    QTabBar,
    QTableView,
    QToolButton,
    QTreeView,
    QWidget,
)

from desktop.ui.shared.elided_choice import ElidedChoice
from desktop.ui.shared.elided_label import ElidedLabel

from .cut_painted import half_figures

_SLACK = 1  # pixels: sizes are whole ones
_ELLIPSIS = "…"
_ROWS = 12  # of a table that are looked at
_CELL_MARGINS = 16  # pixels of a cell that wraps


def faults(window: QWidget, *, sideways: bool = False) -> list[str]:
    """All that is wrong with what is visible of a window now, as ``place: what``.

    ``sideways``: pages may scroll sideways, as they do on a screen that is smaller than the least size.
    """
    found: list[str] = []
    for widget in _visible(window):
        found += [f"{_place(widget)}: {fault}" for fault in _faults(widget, window)]
        if isinstance(widget, QScrollArea):
            found += [f"{_place(widget)}: {fault}" for fault in _scroll(widget, sideways)]
    return list(dict.fromkeys(found))


def _visible(window: QWidget) -> Iterator[QWidget]:
    for widget in (window, *window.findChildren(QWidget)):
        shown = not widget.visibleRegion().isEmpty() or (widget.layout() is not None and widget.size().isEmpty())
        if shown and widget.isVisibleTo(window) and widget.window() is window:
            yield widget


def _place(widget: QWidget) -> str:
    names: list[str] = []
    at: QWidget | None = widget
    while at is not None and len(names) < 3:
        if at.objectName() or at is widget:
            names.insert(0, at.objectName() or type(at).__name__)
        at = at.parentWidget()
    return "/".join(names)


def _faults(widget: QWidget, window: QWidget) -> Iterator[str]:
    if widget.size().isEmpty() and not widget.sizeHint().isEmpty():
        yield f"has no room at all and needs {_size(widget.sizeHint())}"
        return
    if widget is not window:
        yield from _outside(widget)
    yield from _over_one_another(widget)
    if isinstance(widget, ElidedLabel) and not widget.whole_text:
        return
    if isinstance(widget, ElidedLabel):
        if widget.text() != widget.whole_text and not widget.toolTip():
            yield f"{widget.whole_text!r} is cut and nothing shows the whole"
        if widget.width() < widget.minimumSizeHint().width():
            yield f"{widget.whole_text!r} has no room for even some letters"
        for figure in half_figures(widget.whole_text, widget.text()):
            yield f"of the figure {figure!r} only a part is shown: {widget.text()!r}"
    elif isinstance(widget, QLabel):
        yield from _label(widget)
    elif isinstance(widget, QAbstractButton):
        yield from _button(widget)
    elif isinstance(widget, QComboBox):
        yield from _combo(widget)
    elif isinstance(widget, QLineEdit):
        yield from _line(widget)
    elif isinstance(widget, QPlainTextEdit):
        yield from _editor(widget)
    elif isinstance(widget, QHeaderView):
        yield from _header(widget)
    elif isinstance(widget, QTabBar):
        yield from _tabs(widget)
    if isinstance(widget, QTableView):
        yield from _table(widget)
    elif isinstance(widget, QTreeView):
        yield from _tree(widget)


# -- places --------------------------------------------------------------------------------------


def _outside(widget: QWidget) -> Iterator[str]:
    parent = widget.parentWidget()
    if parent is None or isinstance(widget, QSplitterHandle | QScrollBar):
        return
    grand = parent.parentWidget()
    if isinstance(grand, QAbstractScrollArea) and grand.viewport() is parent:
        return  # what scrolls is longer than its window; _scroll asks whether it can be reached
    if not parent.rect().adjusted(-_SLACK, -_SLACK, _SLACK, _SLACK).contains(widget.geometry()):
        yield f"{_rect(widget.geometry())} lies outside its parent's {_size(parent.size())}"


def _scroll(area: QScrollArea, sideways: bool) -> Iterator[str]:
    content = area.widget()
    if content is None:
        return
    never = Qt.ScrollBarPolicy.ScrollBarAlwaysOff
    if area.horizontalScrollBar().isVisible() and not sideways:
        yield f"{content.width()} pixels of content scroll sideways in {area.viewport().width()}"
    if area.horizontalScrollBarPolicy() == never and content.width() > area.viewport().width() + _SLACK:
        yield f"{content.width()} pixels of content do not scroll in {area.viewport().width()}"
    if area.verticalScrollBarPolicy() == never and content.height() > area.viewport().height() + _SLACK:
        yield f"{content.height()} pixels of content do not scroll in {area.viewport().height()}"


def _over_one_another(parent: QWidget) -> Iterator[str]:
    layout = parent.layout()
    if layout is None:
        return
    laid = [widget for widget in _laid_out(layout) if widget.isVisible()]
    for one, other in combinations(laid, 2):
        common = one.geometry() & other.geometry()
        if common.width() > _SLACK and common.height() > _SLACK:
            yield f"{_place(one)} and {_place(other)} lie over one another by {_size(common.size())}"


def _laid_out(layout: QLayout) -> Iterator[QWidget]:
    for at in range(layout.count()):
        item = layout.itemAt(at)
        widget, inner = (item.widget(), item.layout()) if item is not None else (None, None)
        if widget is not None:
            yield widget
        elif inner is not None:
            yield from _laid_out(inner)


# -- words ---------------------------------------------------------------------------------------


def _label(label: QLabel) -> Iterator[str]:
    if not label.text():
        return
    if label.wordWrap():
        wanted = label.heightForWidth(label.width())
        if label.height() + _SLACK < wanted:
            yield f"{label.text()[:60]!r} needs {wanted} pixels of height and has {label.height()}"
        if label.textFormat() != Qt.TextFormat.RichText:
            parts = QLabel.text(label).replace("\u200b", " ").split()  # where the label may break a long word, too
            words = max((label.fontMetrics().horizontalAdvance(part) for part in parts), default=0)
            if words > label.contentsRect().width() + _SLACK:
                yield f"a word of {label.text()[:60]!r} is wider than its {label.contentsRect().width()} pixels"
    elif not _holds(label.size(), label.sizeHint()) and not _explained(label, label.text()):
        yield f"{label.text()[:60]!r} needs {_size(label.sizeHint())} and has {_size(label.size())}"


def _button(button: QAbstractButton) -> Iterator[str]:
    text = button.text().replace("&&", "&")
    if not text or _explained(button, text):
        return
    wanted = button.sizeHint()
    words = button.fontMetrics()
    if isinstance(button, QToolButton):
        wanted.setHeight(words.height() + 6)  # its hint counts an arrow that the style sheet takes away
    if isinstance(button, QToolButton) and button.toolButtonStyle() == Qt.ToolButtonStyle.ToolButtonTextUnderIcon:
        wanted = QSize(words.horizontalAdvance(text) + 4, button.iconSize().height() + words.height() + 6)  # no padding
    if not _holds(button.size(), wanted):
        yield f"{text[:60]!r} needs {_size(wanted)} and has {_size(button.size())}"


def _combo(box: QComboBox) -> Iterator[str]:
    option = QStyleOptionComboBox()
    box.initStyleOption(option)
    style, part = QStyle.ComplexControl.CC_ComboBox, QStyle.SubControl.SC_ComboBoxEditField
    room = box.style().subControlRect(style, option, part, box).width()
    if isinstance(box, ElidedChoice):
        if box.shown_text() not in (box.currentText(), box.placeholderText()) and not box.toolTip():
            yield f"{box.currentText()!r} is cut and nothing shows the whole"
        return
    for text in dict.fromkeys((box.currentText(), *(box.itemText(at) for at in range(box.count())))):
        wanted = box.fontMetrics().horizontalAdvance(text)
        if wanted > room:  # whichever is chosen
            yield f"{text!r} needs {wanted} pixels and has {room}"


def _line(line: QLineEdit) -> Iterator[str]:
    if isinstance(line.parentWidget(), QComboBox):
        return
    number = isinstance(line.parentWidget(), QAbstractSpinBox)
    text = line.text() if number else "" if line.text() else line.placeholderText()
    wanted = line.fontMetrics().horizontalAdvance(text)
    margins = line.sizeHint().width() - line.fontMetrics().horizontalAdvance("x") * 17
    room = line.width() - max(0, margins) if not number else line.contentsRect().width() - 2
    if text and wanted > room:
        yield f"{text!r} needs {wanted} pixels and has {room}"


def _editor(editor: QPlainTextEdit) -> Iterator[str]:
    text = editor.placeholderText()
    if not text or editor.toPlainText():
        return
    view = editor.viewport().rect()
    margin = round(editor.document().documentMargin())
    flags = Qt.TextFlag.TextWordWrap
    needed = editor.fontMetrics().boundingRect(0, 0, view.width() - 2 * margin, 10_000, flags, text)
    if needed.height() > view.height() or needed.width() > view.width():
        yield f"{text[:60]!r} needs {_size(needed.size())} and has {_size(view.size())}"


def _header(header: QHeaderView) -> Iterator[str]:
    model = header.model()
    if header.orientation() != Qt.Orientation.Horizontal or model is None:
        return
    for section in range(header.count()):
        text = str(model.headerData(section, Qt.Orientation.Horizontal) or "")
        if not text or header.isSectionHidden(section):
            continue
        option = QStyleOptionHeader()
        header.initStyleOption(option)
        option.text = text
        option.section = section
        wanted = header.style().sizeFromContents(QStyle.ContentsType.CT_HeaderSection, option, QSize(), header).width()
        whole = str(model.headerData(section, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole) or "")
        if wanted > header.sectionSize(section) + _SLACK and text not in whole:
            yield f"the heading {text!r} needs {wanted} pixels and has {header.sectionSize(section)}"


def _tabs(bar: QTabBar) -> Iterator[str]:
    if bar.usesScrollButtons():
        return
    for at in range(bar.count()):
        if bar.isTabVisible(at) and bar.tabRect(at).right() > bar.width():
            yield f"the tab {bar.tabText(at)!r} ends at {bar.tabRect(at).right()} of {bar.width()}"


def _table(table: QTableView) -> Iterator[str]:
    model = table.model()
    for row in range(min(_ROWS, model.rowCount(QModelIndex()))):
        for column in range(model.columnCount(QModelIndex())):
            index = model.index(row, column)
            text = index.data()
            cell = table.visualRect(index)
            if not isinstance(text, str) or not text or table.isColumnHidden(column) or cell.isEmpty():
                continue
            if table.itemDelegateForColumn(column) is not None or table.columnSpan(row, column) > 1:
                continue  # it paints for itself
            wanted = table.sizeHintForIndex(index)
            whole = str(index.data(Qt.ItemDataRole.ToolTipRole) or "")
            if table.wordWrap():
                room = QRect(0, 0, cell.width() - _CELL_MARGINS, 10_000)
                height = table.fontMetrics().boundingRect(room, Qt.TextFlag.TextWordWrap, text).height()
                if height > cell.height() and not whole:
                    yield f"the cell {text[:50]!r} is higher than its {cell.height()} pixels"
            elif wanted.width() > cell.width() + _SLACK and (not whole or text[0].isdigit()):
                yield f"the cell {text[:50]!r} of column {column} needs {wanted.width()} pixels and has {cell.width()}"


def _tree(tree: QTreeView) -> Iterator[str]:
    index = tree.indexAt(QPoint(0, 0))
    for _ in range(_ROWS):
        if not index.isValid():
            return
        for column in range(1 if tree.isFirstColumnSpanned(index.row(), index.parent()) else tree.header().count()):
            cell = index.siblingAtColumn(column)
            text, place = cell.data(), tree.visualRect(cell)
            if not isinstance(text, str) or not text or tree.isColumnHidden(column) or place.isEmpty():
                continue
            wanted = tree.sizeHintForIndex(cell).width()
            if wanted > place.width() + _SLACK and not cell.data(Qt.ItemDataRole.ToolTipRole):
                yield f"the cell {text[:50]!r} of column {column} needs {wanted} pixels and has {place.width()}"
        index = tree.indexBelow(index)


def _holds(size: QSize, wanted: QSize) -> bool:
    return size.width() + _SLACK >= wanted.width() and size.height() + _SLACK >= wanted.height()


def _explained(widget: QWidget, text: str) -> bool:
    """Whether words that were cut on purpose are whole in the tooltip."""
    return _ELLIPSIS in text and bool(widget.toolTip()) and text.rstrip(_ELLIPSIS) != ""


def _size(size: QSize) -> str:
    return f"{size.width()}x{size.height()}"


def _rect(rect: QRect) -> str:
    return f"{_size(rect.size())} at {rect.x()},{rect.y()}"
