"""A box of choices whose words may be longer than it: names that people or files give."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox, QStylePainter

from desktop.core.text import plain_tooltip

_MARGINS, _WIDEST = 24, 420  # pixels of the list


class ElidedChoice(QComboBox):
    """Ends what it has no room for with an ellipsis, where Qt's own box cuts through a letter; its tooltip has the
    whole then, unless its owner gave it another one."""

    _told = ""  # the tooltip that is its own

    def shown_text(self) -> str:
        """The choice, or what stands there for none, in as many letters as there is room for."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        style, field = self.style(), QStyle.SubControl.SC_ComboBoxEditField
        room = style.subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, self).width()
        words = self.currentText() if self.currentIndex() >= 0 else self.placeholderText()
        return self.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, room)

    def showPopup(self) -> None:
        """The list is as wide as its words, up to a width that fits any window."""
        self.view().setMinimumWidth(min(self.view().sizeHintForColumn(0) + _MARGINS, _WIDEST))
        super().showPopup()

    def _tell_whole(self, *, elided: bool) -> None:
        if self.toolTip() != self._told:
            return
        self._told = plain_tooltip(self.currentText()) if elided else ""
        self.setToolTip(self._told)

    def paintEvent(self, event: QPaintEvent) -> None:
        """As Qt does it, with the shortened words."""
        painter = QStylePainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        option.currentText = self.shown_text()
        self._tell_whole(elided=option.currentText not in (self.currentText(), self.placeholderText()))
        if self.currentIndex() < 0:
            option.palette.setBrush(QPalette.ColorRole.ButtonText, option.palette.placeholderText())
        painter.setPen(option.palette.color(QPalette.ColorRole.Text))
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
