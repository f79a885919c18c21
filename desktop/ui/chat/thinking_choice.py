"""Beside the composer: whether the model thinks before it answers, and how much; only what its template knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QPushButton, QWidget

from desktop.core.answer_settings import AnswerSettings
from desktop.core.words import tr
from desktop.services.models.answer_settings import Asking
from desktop.ui.chat.actions import THINKING
from desktop.ui.shared.signals import calling
from desktop.ui.shell.icons import icon
from desktop.ui.shell.keys import tooltip
from desktop.ui.shell.theme import Theme

_SWITCH: Sequence[tuple[bool | None, str, str]] = (
    (None, "auto", tr("Auto: the model decides")),
    (True, "on", tr("On: it thinks first")),
    (False, "off", tr("Off: it answers at once")),
)


class ThinkingChoice(QPushButton):
    """Says what is set, and opens a menu of what can be; hidden where the model's template knows of nothing."""

    chosen = Signal(object)  # AnswerSettings

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("thinkingButton")
        self.setProperty("role", "ghost")
        self.setIconSize(QSize(12, 12))
        self.setLayoutDirection(Qt.LayoutDirection.RightToLeft)  # the arrow behind the words
        self._theme = theme
        self._asking = Asking()
        self._menu = QMenu(self)
        self._menu.setObjectName("thinkingMenu")
        self.clicked.connect(self.open_menu)
        theme.changed.connect(self._paint_icon)
        self._paint_icon()
        self.show_asking(None)

    def show_asking(self, asking: Asking | None) -> None:
        """What is set for the loaded model, and what its template knows; None without a model."""
        self._asking = asking or Asking()
        self.setVisible(self.offered)
        self.setText(self._words())
        self.setAccessibleName(self.text())
        self.setToolTip(tooltip(THINKING))

    @property
    def offered(self) -> bool:
        """Whether there is anything to choose."""
        return self._asking.thinking or bool(self._asking.efforts)

    def open_menu(self) -> None:
        """Show the choices above the button, which stands at the window's lower edge."""
        self._fill()
        corner = self.mapToGlobal(self.rect().topLeft())
        corner.setY(corner.y() - self._menu.sizeHint().height())
        self._menu.popup(corner)

    def _words(self) -> str:
        asked, parts = self._asking.settings, []
        if self._asking.thinking:
            parts.append(next(word for value, word, _ in _SWITCH if value == asked.thinking))
        if self._asking.efforts and asked.thinking is not False:
            known = asked.effort in self._asking.efforts
            parts += [asked.effort] if known else [] if parts else ["default"]
        return tr("Thinking: {parts}", parts=", ".join(parts))

    def _fill(self) -> None:
        self._menu.clear()
        asked = self._asking.settings
        if self._asking.thinking:
            self._add([(words, value == asked.thinking, replace(asked, thinking=value)) for value, _, words in _SWITCH])
        if self._asking.thinking and self._asking.efforts:
            self._menu.addSeparator()
        if self._asking.efforts:
            known = asked.effort in self._asking.efforts
            levels = [(tr("Effort: default"), not known, replace(asked, effort=""))]
            levels += [
                (tr("Effort: {level}", level=level), level == asked.effort, replace(asked, effort=level))
                for level in self._asking.efforts
            ]
            self._add(levels)

    def _add(self, choices: Sequence[tuple[str, bool, AnswerSettings]]) -> None:
        group = QActionGroup(self._menu)
        for words, checked, settings in choices:
            action = QAction(words, group)
            action.setCheckable(True)
            action.setChecked(checked)
            action.triggered.connect(calling(self.chosen.emit, settings))
            self._menu.addAction(action)

    def _paint_icon(self) -> None:
        self.setIcon(icon(self._theme, f"chevron-down-{self._theme.scheme}", size=12))
