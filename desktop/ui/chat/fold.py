"""A group of the side panel under a heading that opens and closes it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from desktop.ui.shell.icons import icon
from desktop.ui.shell.theme import Theme


class FoldButton(QToolButton):
    """A heading with a chevron; checked is open."""

    def __init__(self, theme: Theme, name: str, words: str, tip: str = "") -> None:
        super().__init__()
        self._theme = theme
        self.setObjectName(f"{name}Fold")
        self.setProperty("role", "fold")
        self.setCheckable(True)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setIconSize(QSize(12, 12))
        self.setToolTip(tip)
        self.toggled.connect(self._show)
        theme.changed.connect(self._show)
        self.say(words)

    def say(self, words: str) -> None:
        """What the heading says; screen readers hear the state, too."""
        self.setText(words)
        self._show()

    def _show(self) -> None:
        self.setAccessibleName(f"{self.text()}, {'open' if self.isChecked() else 'closed'}")
        name = "chevron-down" if self.isChecked() else "chevron-right"
        self.setIcon(icon(self._theme, f"{name}-{self._theme.scheme}", size=12))


class Fold(QWidget):
    """Heading and body. Without anything to show in the body, there is no heading either."""

    turned = Signal(bool)  # open, by the user

    def __init__(self, theme: Theme, name: str, words: str, *parts: QWidget, beside: QWidget | None = None) -> None:
        """``beside`` stands at the right end of the heading; hidden with the body."""
        super().__init__()
        self.setObjectName(f"{name}Group")
        self._parts, self._beside = parts, beside
        self.button = FoldButton(theme, name, words)
        self._body = QWidget()
        self._body.setObjectName(f"{name}Body")
        inside = QVBoxLayout(self._body)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(8)
        head = QHBoxLayout()
        head.setSpacing(4)
        head.addWidget(self.button)
        head.addStretch(1)
        if beside is not None:
            head.addWidget(beside)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self._body)
        for part in parts:
            inside.addWidget(part)
            part.installEventFilter(self)
        self.button.setChecked(True)
        self.button.toggled.connect(self._turn)
        self._show_parts()

    def set_open(self, opened: bool) -> None:
        """Open or close it; emits nothing."""
        self.button.blockSignals(True)
        self.button.setChecked(opened)
        self.button.blockSignals(False)
        self.button.say(self.button.text())
        self._show_body(opened)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A part comes or goes."""
        if event.type() in (QEvent.Type.ShowToParent, QEvent.Type.HideToParent):
            self._show_parts()
        return False

    def _turn(self, opened: bool) -> None:
        self._show_body(opened)
        self.turned.emit(opened)

    def _show_body(self, opened: bool) -> None:
        self._body.setVisible(opened)
        if self._beside is not None:
            self._beside.setVisible(opened)

    def _show_parts(self) -> None:
        empty = all(_hidden(part) for part in self._parts)
        if empty != _hidden(self):
            self.setVisible(not empty)


def _hidden(widget: QWidget) -> bool:
    """Whether it was hidden, and is not merely not shown yet."""
    return widget.isHidden() and widget.testAttribute(Qt.WidgetAttribute.WA_WState_ExplicitShowHide)
