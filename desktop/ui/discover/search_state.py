"""What stands in place of search results: why there are none, and the ways on, each one click."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from desktop.core.errors import HeftError
from desktop.core.spelling import MOST_OFFERED
from desktop.core.text import visible_in_place
from desktop.core.words import tr
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.reflow import Column
from desktop.ui.shared.settings_link import SettingsLink
from desktop.ui.shared.signals import calling


class SearchState(Column):
    """A title, a sentence, near names to search for instead, and one thing to do."""

    near_chosen = Signal(str)  # a text to search for in place of the one typed
    settings_asked = Signal(str)  # SettingsPage that would mend a failure

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("discoverSearchState")
        self._remedy_call: Callable[[], object] = lambda: None
        self._title = plain_label("discoverStateTitle", "subtitle")
        self._advice = plain_label("discoverStateText", "muted")
        self._asked = plain_label("discoverNearWords", "muted", tr("Did you mean"))
        self._near = [push_button("", f"discoverNear{number}") for number in range(MOST_OFFERED)]
        self._offered: list[str] = []
        self._remedy = push_button("", "discoverRemedy")
        self._remedy.clicked.connect(self._mend)
        self._settings = SettingsLink("discoverSearchSettings")
        self._settings.asked.connect(self.settings_asked)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 30, 20, 20)
        column.setSpacing(10)
        for label in (self._title, self._asked, self._advice):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column.addWidget(self._title)
        column.addWidget(self._asked)
        for number, button in enumerate(self._near):
            button.clicked.connect(calling(self._choose, number))
            column.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self._advice)
        for button in (self._remedy, self._settings):
            column.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)

    def say(self, title: str, advice: str = "") -> None:
        """Show a title and a sentence, and nothing to do yet."""
        self._title.setText(visible_in_place(title))
        self._advice.setText(visible_in_place(advice))
        self._advice.setVisible(bool(advice))
        self._remedy.hide()
        self._settings.hide()
        self.offer_near(())

    def offer(self, words: str, call: Callable[[], object]) -> None:
        """Offer one thing to do."""
        self._remedy.setText(words)
        self._remedy.setAccessibleName(words)
        self._remedy_call = call
        self._remedy.show()

    def offer_settings(self, error: HeftError) -> None:
        """Offer the page of the settings that mends an error, where there is one."""
        self._settings.show_for(error)

    def offer_near(self, texts: Sequence[str]) -> None:
        """Offer these texts to search for instead; none hides the question."""
        self._offered = list(texts)[: len(self._near)]
        self._asked.setVisible(bool(self._offered))
        for number, button in enumerate(self._near):
            text = self._offered[number] if number < len(self._offered) else ""
            _name(button, text)
            button.setVisible(bool(text))

    def _choose(self, number: int) -> None:
        if number < len(self._offered):
            self.near_chosen.emit(self._offered[number])

    def _mend(self) -> None:
        self._remedy_call()


def _name(button: QPushButton, text: str) -> None:
    button.setText(visible_in_place(f"“{text}”").replace("&", "&&"))
    button.setAccessibleName(tr("Search for {text}", text=text))
