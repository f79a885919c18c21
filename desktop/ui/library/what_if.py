"""The library's fit and speed follow the machine of "what if", and the page says so."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from desktop.core.words import tr
from desktop.ui.library.library_model import LibraryTableModel
from desktop.ui.library.model_details import ModelDetails
from desktop.ui.library.row_plans import RowPlans
from desktop.ui.shared.chosen_machine import ChosenMachine
from desktop.ui.shared.machine_words import machine_words
from desktop.ui.shared.what_if_actions import ANOTHER_CHOSEN, THIS_COMPUTER
from desktop.ui.shared.what_if_banner import WhatIfBanner
from desktop.ui.shell.action_registry import ActionRegistry


class WhatIf(QObject):
    """:attr:`changed`: the rows are to be planned anew."""

    changed = Signal()

    def __init__(
        self,
        chosen: ChosenMachine,
        commands: ActionRegistry,
        plans: RowPlans,
        rows: LibraryTableModel,
        details: ModelDetails,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._chosen, self._commands = chosen, commands
        self._plans, self._rows, self._details = plans, rows, details
        commands.connect_to(THIS_COMPUTER, lambda: chosen.choose(None))
        self.banner = WhatIfBanner("library", commands)
        chosen.changed.connect(self._follow)
        self._follow()

    @property
    def elsewhere(self) -> bool:
        """Whether the figures are another machine's."""
        return self._chosen.machine is not None

    def _follow(self) -> None:
        machine = self._chosen.machine
        there = machine_words(machine) if machine is not None else ""
        self._commands.allow(ANOTHER_CHOSEN, machine is not None)
        self._rows.set_machine(there)
        self._plans.set_machine(machine)
        self._details.set_elsewhere(machine is not None)
        words = tr(
            "What if: where a model runs and how fast is shown for {there}. Chat runs it on this computer.", there=there
        )
        self.banner.show_words(words if there else "")
        self.changed.emit()
