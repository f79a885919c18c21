"""What was made, in the place where it was asked for, and what can be done with it next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout

from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.ui.lab import actions
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.reflow import bring_into_view
from desktop.ui.shell.action_registry import ActionRegistry
from desktop.ui.shell.theme import set_role

if TYPE_CHECKING:
    from desktop.services.lab.quantizing import Made


class ResultCard(QFrame):
    """Hidden until something was made."""

    def __init__(self, commands: ActionRegistry) -> None:
        super().__init__()
        self._commands = commands
        self.setObjectName("labResult")
        set_role(self, "card")
        self._words = plain_label("labResultWords")
        self._words.setWordWrap(True)
        self._words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._first: QPushButton = commands.button(actions.CHAT_MADE, "labChatMade", role="primary")
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self._first)
        buttons.addWidget(commands.button(actions.MEASURE_MADE, "labMeasureMade"))
        buttons.addWidget(commands.button(actions.SHOW_MADE, "labShowMade"))
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 12, 14, 12)
        column.setSpacing(10)
        column.addWidget(self._words)
        column.addLayout(buttons)
        self.clear()

    def show_made(self, made: Made, *, in_library: bool) -> None:
        """What came of it; how it can be used is offered."""
        first = Path(made.files[0])
        tried = tr("tried by computing with it") if made.computed else tr("loaded to try it")
        self._words.setText(
            tr(
                "{name} was made, {size_bytes}, and {tried}. It is in {parent}.",
                name=first.name,
                size_bytes=human_bytes(made.size_bytes),
                tried=tried,
                parent=first.parent,
            )
            + ("" if in_library else tr(" The library does not look into this folder; add it there."))
        )
        self.show()
        self._commands.allow(actions.MADE, True)
        bring_into_view(self)

    def take_focus(self) -> None:
        """The keyboard goes on with what was made."""
        self._first.setFocus(Qt.FocusReason.OtherFocusReason)

    def clear(self) -> None:
        """Nothing was made."""
        self.hide()
        self._commands.allow(actions.MADE, False)
