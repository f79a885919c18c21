"""A box of choices whose words may be longer than it: names that people or files give."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox, QStylePainter

_MARGINS, _WIDEST = 24, 420  # pixels of the list


class ElidedChoice(QComboBox):
    """Ends what it has no room for with an ellipsis, where Qt's own box cuts through a letter."""

    def shown_text(self) -> str:
        """The choice, or what stands there for none, in as many letters as there is room for."""
        return self._option().currentText

    def showPopup(self) -> None:
        """The list is as wide as its words, up to a width that fits any window."""
        self.view().setMinimumWidth(min(self.view().sizeHintForColumn(0) + _MARGINS, _WIDEST))
        super().showPopup()

    def paintEvent(self, event: QPaintEvent) -> None:
        """As Qt does it, with the shortened words."""
        painter = QStylePainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        option = self._option()
        painter.setPen(option.palette.color(QPalette.ColorRole.Text))
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)

    def _option(self) -> QStyleOptionComboBox:
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        if self.currentIndex() < 0 and self.placeholderText():
            option.currentText = self.placeholderText()
            option.palette.setBrush(QPalette.ColorRole.ButtonText, option.palette.placeholderText())
        style, field = self.style(), QStyle.SubControl.SC_ComboBoxEditField
        room = style.subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, self).width()
        option.currentText = self.fontMetrics().elidedText(option.currentText, Qt.TextElideMode.ElideRight, room)
        return option
