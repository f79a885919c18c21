"""One side of a comparison: whose it is, how fast it is written, and the text."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QVBoxLayout

from desktop.core.words import tr
from desktop.services.lab.side import SideStep
from desktop.ui.shared.elided_label import ElidedLabel
from desktop.ui.shared.labels import plain_label
from desktop.ui.shell.theme import set_role

_LEAST_HEIGHT = 170  # pixels of the text: some lines of it


class AnswerCard(QFrame):
    """The text is read and copied, not changed."""

    def __init__(self, name: str, place: str) -> None:
        """``place`` is "Left" or "Right"."""
        super().__init__()
        self._place = place
        self.setObjectName(name)
        set_role(self, "card")
        self._title = ElidedLabel(mode=Qt.TextElideMode.ElideMiddle)
        self._title.setObjectName(f"{name}Title")
        set_role(self._title, "strong")
        self._rate = plain_label(f"{name}Rate", "muted", wraps=False)
        self._text = QPlainTextEdit()
        self._text.setObjectName(f"{name}Text")
        self._text.setReadOnly(True)
        self._text.setTabChangesFocus(True)
        self._text.setMinimumHeight(_LEAST_HEIGHT)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._title, 1)
        head.addWidget(self._rate)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 12, 14, 12)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self._text, 1)
        self.name("")

    def name(self, model: str) -> None:
        """Whose answer it is; "" while that is hidden, or nothing was asked."""
        words = model or self._place
        self._title.set_whole_text(words)
        self._text.setAccessibleName(
            tr("Answer of {model}", model=model) if model else tr("{place} answer", place=self._place)
        )

    def show_step(self, step: SideStep | None, *, hidden: bool) -> None:
        """How far it is; nothing was asked for None. ``hidden``: a rate would tell which model it is."""
        self._rate.setText("" if step is None else _rate_words(step, hidden=hidden))
        words = "" if step is None else _words(step)
        old = self._text.toPlainText()
        if words == old:
            return
        if old and words.startswith(old):  # what is read stays where it is
            bar = self._text.verticalScrollBar()
            below = bar.value() >= bar.maximum()
            cursor = QTextCursor(self._text.document())
            cursor.movePosition(QTextCursor.MoveOperation.End)
            cursor.insertText(words[len(old) :])
            if below:
                bar.setValue(bar.maximum())
        else:
            self._text.setPlainText(words)


def _words(step: SideStep) -> str:
    if not step.reasoning:
        return step.text.lstrip("\n")
    return f"[reasoning]\n{step.reasoning.strip()}\n\n[answer]\n{step.text.strip()}".rstrip()


def _rate_words(step: SideStep, *, hidden: bool) -> str:
    if step.state == "loading":
        return tr("loads · {fraction:.0%}", fraction=step.fraction)
    if hidden:
        return tr("answers…") if step.state == "answering" else ""
    return (
        tr("{tokens_per_second:.1f} tok/s", tokens_per_second=step.tokens_per_second) if step.tokens_per_second else ""
    )
