"""For which other machine the models found are judged, said as long as no repo is in view, which says it itself."""

from __future__ import annotations

from PySide6.QtWidgets import QStackedWidget, QWidget

from desktop.core.words import tr
from desktop.ui.shared.chosen_machine import ChosenMachine
from desktop.ui.shared.machine_words import machine_words
from desktop.ui.shared.what_if_actions import ANOTHER_CHOSEN
from desktop.ui.shared.what_if_banner import WhatIfBanner
from desktop.ui.shell.action_registry import ActionRegistry


class SearchBanner(WhatIfBanner):
    """Follows the machine of "what if" and what the page shows beside the search."""

    def __init__(self, commands: ActionRegistry, chosen: ChosenMachine, body: QStackedWidget, repo: QWidget) -> None:
        """``repo`` is the part of ``body`` that names its machine."""
        super().__init__("discover", commands)
        self._commands, self._chosen, self._body, self._repo = commands, chosen, body, repo
        chosen.changed.connect(self._follow)
        body.currentChanged.connect(self._follow)
        self._follow()

    def _follow(self) -> None:
        machine = self._chosen.machine
        self._commands.allow(ANOTHER_CHOSEN, machine is not None)
        if machine is None or self._body.currentWidget() is self._repo:
            self.show_words("")
        else:
            there = machine_words(machine)
            self.show_words(
                tr(
                    "What if: the list says what fits {there}. Models picked beside it are for this computer.",
                    there=there,
                )
            )
