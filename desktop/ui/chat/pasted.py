"""Long texts that go out with a message without standing in its field, each as a chip that can be taken back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QWidget

from desktop.core.text import one_line, plain_tooltip
from desktop.core.units import human_bytes
from desktop.ui.chat.editor import Editor
from desktop.ui.chat.long_text import LONG_LINE, MOST_TYPED, parted
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.chips import FlowLayout
from desktop.ui.shared.signals import calling
from desktop.ui.shell.icons import icon
from desktop.ui.shell.theme import Theme, set_role

__all__ = ["PastedTexts", "parted"]

_SHOWN = 600  # characters of the text in its tooltip


@dataclass(frozen=True)
class _Act:
    """What was done, and how many steps of the field could be undone then: the newest of both is undone first."""

    what: Literal["add", "remove"]
    text: str
    place: int
    steps: int


def pasted_words(text: str) -> str:
    """What a chip says: "Pasted text, 200 kB, 3,120 lines"."""
    lines = text.count("\n") + 1
    size = human_bytes(len(text.encode("utf-8", "replace")))
    return f"Pasted text, {size}, {lines:,} line{'s' if lines != 1 else ''}"


class PastedTexts(QWidget):
    """The chips. ``changed`` when a text came or went."""

    changed = Signal()

    def __init__(self, theme: Theme, editor: Editor) -> None:
        super().__init__()
        self.setObjectName("pastedTexts")
        self._theme = theme
        self._editor = editor
        self._texts: list[str] = []
        self._done: list[_Act] = []
        self._undone: list[_Act] = []
        self._layout = FlowLayout(spacing=6)
        self.setLayout(self._layout)
        editor.undone = self._undo
        theme.changed.connect(self._show)
        self._show()

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts, in the order in which they were pasted."""
        return tuple(self._texts)

    def add(self, text: str) -> None:
        """Another one, at the end."""
        self._act(_Act("add", text, len(self._texts), self._steps))

    def show_only(self, text: str) -> None:
        """This one instead of all, none when it is empty; there is nothing to undo then."""
        self._texts, self._done, self._undone = [text] if text else [], [], []
        self._show()
        self.changed.emit()

    @property
    def _steps(self) -> int:
        return self._editor.document().availableUndoSteps()

    def _act(self, act: _Act) -> None:
        self._done.append(act)
        self._undone.clear()
        self._editor.document().setModified(False)  # what is typed from now on is a step of its own
        self._apply(act, back=False)

    def _apply(self, act: _Act, *, back: bool) -> None:
        if (act.what == "add") != back:
            self._texts.insert(act.place, act.text)
        else:
            del self._texts[act.place]
        self._show()
        self.changed.emit()

    def _undo(self, again: bool) -> bool:
        """Undo the newest act, or do it again; False where what was typed since goes first."""
        source, target = (self._undone, self._done) if again else (self._done, self._undone)
        if not source or source[-1].steps != self._steps:
            return False
        act = source.pop()
        target.append(act)
        self._apply(act, back=not again)
        return True

    def _remove(self, place: int) -> None:
        self._act(_Act("remove", self._texts[place], place, self._steps))
        self._editor.setFocus(Qt.FocusReason.OtherFocusReason)

    def _insert(self, place: int) -> None:
        text = self._texts[place]
        self._remove(place)
        self._editor.insertPlainText(text)
        self._editor.ensureCursorVisible()

    def _show(self) -> None:
        while (item := self._layout.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        for place, text in enumerate(self._texts):
            chip = self._chip(place, text)
            self._layout.addWidget(chip)
            chip.show()
        self.setVisible(bool(self._texts))

    def _chip(self, place: int, text: str) -> QWidget:
        chip = QFrame()
        chip.setObjectName("pastedText")
        set_role(chip, "card")
        words = pasted_words(text)
        label = QLabel(words)
        label.setToolTip(plain_tooltip(text[:_SHOWN] + ("…" if len(text) > _SHOWN else "")))
        chip.setAccessibleName(f"{words}: {one_line(text[:200])}")
        row = QHBoxLayout(chip)
        row.setContentsMargins(10, 3, 4, 3)
        row.setSpacing(4)
        row.addWidget(label)
        if len(text) <= MOST_TYPED and max(map(len, text.split("\n"))) <= LONG_LINE:
            into = push_button("Edit as text", "pastedInsert", spoken=f"Put the {words} into the message", role="ghost")
            into.clicked.connect(calling(self._insert, place))
            row.addWidget(into)
        remove = QToolButton()
        remove.setObjectName("pastedRemove")
        remove.setProperty("role", "ghost")
        remove.setIconSize(QSize(14, 14))
        remove.setIcon(icon(self._theme, "close", size=14))
        remove.setAccessibleName(f"Remove the {words}")
        remove.setToolTip("Remove")
        remove.clicked.connect(calling(self._remove, place))
        row.addWidget(remove)
        return chip
