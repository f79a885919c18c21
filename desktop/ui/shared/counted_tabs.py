"""A tab bar whose titles end in a figure, in the colour of what it means."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QStyle, QStyleOptionTab, QTabBar, QWidget

from desktop.ui.shell.theme import Theme


class CountedTabBar(QTabBar):
    """The style sheet gives all of a title one colour; the figure is painted over it."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._tones: dict[int, tuple[str, str]] = {}
        theme.changed.connect(self.update)

    def set_figure(self, index: int, title: str, figure: str, token: str = "") -> None:
        """Show ``figure`` after a title, in the colour of a token of the theme; without one in the title's."""
        self.setTabText(index, f"{title} {figure}".strip())
        if token and figure:
            self._tones[index] = (figure, token)
        else:
            self._tones.pop(index, None)

    def show_tab(self, index: int, shown: bool) -> None:
        """Show or hide a tab. Qt forgets that a hidden bar has to be laid out anew when nothing changes here."""
        if self.isTabVisible(index) != shown:
            self.setTabVisible(index, shown)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The bar as it is, and the coloured figures."""
        super().paintEvent(event)
        painter = QPainter(self)
        for index, (figure, token) in self._tones.items():
            if self.isTabVisible(index):
                self._paint_figure(painter, index, figure, token)

    def _paint_figure(self, painter: QPainter, index: int, figure: str, token: str) -> None:
        option = QStyleOptionTab()
        self.initStyleOption(option, index)
        rect = self.style().subElementRect(QStyle.SubElement.SE_TabBarTabText, option, self)
        text, metrics = self.tabText(index), self.fontMetrics()
        end = rect.center().x() + metrics.horizontalAdvance(text) // 2 + 2
        width = metrics.horizontalAdvance(figure) + 1
        tail = QRect(end - width - 1, rect.top(), width + 2, rect.height())
        focused = self.hasFocus() and index == self.currentIndex()
        painter.save()
        painter.setClipRect(tail)
        painter.fillRect(tail, self._theme.color("raised" if focused else "background"))
        painter.setPen(self._theme.color(token))
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)
        painter.restore()
