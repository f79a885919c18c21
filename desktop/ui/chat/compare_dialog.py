"""Two answers to one question side by side, of which one is chosen to go on with."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QDialog, QHBoxLayout, QPushButton, QSplitter, QVBoxLayout, QWidget

from desktop.core.text import one_line
from desktop.core.words import tr
from desktop.services.chat.events import TextAdded
from desktop.store.chats import Message
from desktop.ui.chat.figures import addition, transcript_message
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.elided_label import ElidedLabel
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.signals import calling
from desktop.ui.shared.transcript import Formulas, TranscriptView
from desktop.ui.shell.theme import Theme

_WIDTH, _HEIGHT = 900, 560
_QUESTION = 300  # characters
_BETWEEN = 6  # pixels on each side of the handle


class AnswerColumn(QWidget):
    """One side: which version it is, its text, and the button that goes on with it."""

    chosen = Signal(int)  # message id

    def __init__(self, theme: Theme, side: str, formulas: Formulas | None) -> None:
        """``side`` is "left" or "right"."""
        super().__init__()
        self.setObjectName(f"{side}Answer")
        self._versions: tuple[Message, ...] = ()
        self._choice = QComboBox()
        self._choice.setObjectName(f"{side}Version")
        self._choice.setAccessibleName(tr("Version on the left") if side == "left" else tr("Version on the right"))
        self._choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._choice.setMinimumContentsLength(10)
        self._text = TranscriptView(theme, formulas=formulas)
        self._text.setObjectName(f"{side}Text")
        self._text.setAccessibleName(tr("Answer on the left") if side == "left" else tr("Answer on the right"))
        self._text.set_busy(True)  # nothing is regenerated or edited here
        self._go_on = push_button(
            tr("Go on with this answer"),
            f"{side}GoOn",
            spoken=tr("Go on with the answer on the left" if side == "left" else "Go on with the answer on the right"),
        )
        column = QVBoxLayout(self)
        inner = (0, 0, _BETWEEN, 0) if side == "left" else (_BETWEEN, 0, 0, 0)
        column.setContentsMargins(*inner)
        column.setSpacing(8)
        column.addWidget(self._choice)
        column.addWidget(self._text, 1)
        column.addWidget(self._go_on)
        self._choice.activated.connect(self.show_version)
        self._go_on.clicked.connect(calling(self._choose))

    @property
    def shown(self) -> int | None:
        """The version that is shown."""
        row = self._choice.currentIndex()
        return self._versions[row].id if 0 <= row < len(self._versions) else None

    def set_versions(self, versions: Sequence[Message], row: int) -> None:
        """The versions to choose from, and the one to show; -1 for none yet."""
        self._versions = tuple(versions)
        self._choice.clear()
        for number, version in enumerate(self._versions, 1):
            self._choice.addItem(
                tr("Version {number} · {model}", number=number, model=one_line(version.model))
                if version.model
                else tr("Version {number}", number=number)
            )
        self.show_version(row)

    def show_version(self, row: int) -> None:
        """Show one of them."""
        self._choice.setCurrentIndex(row)
        there = 0 <= row < len(self._versions)
        self._text.set_messages([transcript_message(self._versions[row])] if there else [])
        if there and self._versions[row].state != "streaming":
            self._text.verticalScrollBar().setValue(0)  # it is read from its beginning
        self._go_on.setEnabled(there and self._versions[row].state != "streaming")

    def hear(self, event: TextAdded) -> None:
        """More of an answer that is being written."""
        if event.message_id == self.shown:
            self._text.append(event.message_id, addition(event))

    def _choose(self) -> None:
        if self.shown is not None:
            self.chosen.emit(self.shown)


class CompareDialog(QDialog):
    """Shows versions of an answer; what is asked for goes out as signals."""

    chosen = Signal(int)  # message id: the chat goes on with it
    again_asked = Signal()  # answer once more
    other_asked = Signal()  # with another model

    def __init__(self, theme: Theme, formulas: Formulas | None, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("compareAnswers")
        self.setWindowTitle(tr("Compare answers"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(_WIDTH, _HEIGHT)
        self._question = ElidedLabel(mode=Qt.TextElideMode.ElideRight)  # one line: the answers need the room
        self._question.setObjectName("compareQuestion")
        self._question.setProperty("role", "subtitle")
        self.left = AnswerColumn(theme, "left", formulas)
        self.right = AnswerColumn(theme, "right", formulas)
        sides = QSplitter(Qt.Orientation.Horizontal)
        sides.setObjectName("compareSides")
        sides.setChildrenCollapsible(False)
        self._again = push_button(tr("Answer again"), "compareAgain", tr("Let the same model answer once more"))
        self._other = push_button(
            tr("With another model…"), "compareOther", tr("Choose another model, which answers when it is loaded")
        )
        self._told = plain_label("compareTold", "muted")
        below = QHBoxLayout()
        below.addWidget(self._told, 1)
        below.addWidget(self._again)
        below.addWidget(self._other)
        column = QVBoxLayout(self)
        column.setSpacing(10)
        column.addWidget(self._question)
        column.addWidget(sides, 1)
        column.addLayout(below)
        for side in (self.left, self.right):
            sides.addWidget(side)
            side.chosen.connect(self._choose)
        for button in self.findChildren(QPushButton):
            button.setAutoDefault(False)  # Enter, pressed anywhere, would let the model answer
        self._again.clicked.connect(calling(self.again_asked.emit))
        self._other.clicked.connect(calling(self.other_asked.emit))

    def show_question(self, text: str) -> None:
        """What was asked."""
        self._question.set_whole_text(one_line(text, _QUESTION))

    def set_busy(self, busy: bool, told: str = "") -> None:
        """While an answer is written, no other one is begun; ``told`` says what goes on."""
        self._again.setEnabled(not busy)
        self._other.setEnabled(not busy)
        self._told.setText(told)

    def set_versions(self, versions: Sequence[Message], left: int, right: int) -> None:
        """The versions of the answer, and the rows that are shown on each side."""
        self.left.set_versions(versions, left)
        self.right.set_versions(versions, right)

    def hear(self, event: TextAdded) -> None:
        """More of an answer that is being written."""
        self.left.hear(event)
        self.right.hear(event)

    def _choose(self, message_id: int) -> None:
        self.chosen.emit(message_id)
        self.accept()
