"""Above the message field: what has to be decided before an answer that calls tools goes on."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QPushButton, QVBoxLayout, QWidget

from desktop.core.text import visible_in_place
from desktop.core.words import tr
from desktop.services.chat.events import ToolQuestion
from desktop.ui.chat import actions
from desktop.ui.shared.chips import FlowLayout
from desktop.ui.shared.elided_label import ElidedLabel
from desktop.ui.shared.labels import plain_label
from desktop.ui.shell.action import Action

_LONGEST_DESCRIPTION = 300  # characters; all of it is in Settings > Tools
MakeButton = Callable[[Action, str], QPushButton]


class ToolQuestionBar(QFrame):
    """Hidden while there is nothing to decide. The keyboard stays where it is."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("toolQuestion")
        self.setProperty("role", "notification")
        self.question: ToolQuestion | None = None
        self._words = plain_label("toolQuestionWords", "subtitle")
        self._about = plain_label("toolQuestionAbout", "muted")
        self._given = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self._given.setObjectName("toolQuestionArguments")
        self._row = FlowLayout()
        self._buttons: list[QPushButton] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 8, 14, 8)
        column.setSpacing(4)
        for label in (self._words, self._about, self._given):
            column.addWidget(label)
        column.addLayout(self._row)
        self.hide()

    def add_buttons(self, make: MakeButton) -> None:
        """The decisions, made of the page's actions."""
        for action, name in (
            (actions.TOOL_ONCE, "toolOnce"),
            (actions.TOOL_CHAT, "toolChat"),
            (actions.TOOL_ALWAYS, "toolAlways"),
            (actions.TOOL_NO, "toolNo"),
        ):
            button = make(action, name)
            self._buttons.append(button)
            self._row.addWidget(button)

    def show_question(self, question: ToolQuestion | None) -> None:
        """Ask it; None: there is nothing to decide."""
        self.question = question
        if question is not None and question.call is not None:
            call = question.call
            self._words.setText(
                visible_in_place(tr("The model wants to call {tool} of {server}", tool=call.tool, server=call.server))
            )
            self._about.setText(visible_in_place(_short(question.description)))
            self._given.set_whole_text(visible_in_place(" ".join((call.arguments or "{}").split())))
        elif question is not None:
            self._words.setText(
                tr("The model has called tools {rounds} times in this answer. Let it go on?", rounds=question.rounds)
            )
            self._about.setText(tr("It may be going round in circles."))
        asks_call = question is not None and question.call is not None
        self._about.setVisible(bool(self._about.text()))
        self._given.setVisible(asks_call)
        once, chat, always, no = self._buttons
        goes_on = question is not None and question.call is None
        once.setText(tr("Go on") if goes_on else tr("Allow once"))
        no.setText(tr("Stop") if goes_on else tr("Do not allow"))
        for button in (chat, always):
            button.setVisible(asks_call)
        self.setVisible(question is not None)
        self.setAccessibleName(self._words.text() if question is not None else "")


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_DESCRIPTION else f"{text[:_LONGEST_DESCRIPTION]}…"
