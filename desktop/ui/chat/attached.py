"""What goes out with a message without standing in its field, each as a chip that can be taken back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from desktop.core.attachments import MOST_ATTACHED, Enclosed
from desktop.core.text import elided, one_line, plain_tooltip
from desktop.core.units import human_bytes
from desktop.core.words import counted, tr
from desktop.ui.chat.document_way import way_button
from desktop.ui.chat.editor import Editor
from desktop.ui.chat.long_text import LONG_LINE, MOST_TYPED
from desktop.ui.shared.attachment_words import size_words
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.chips import FlowLayout
from desktop.ui.shared.elided_label import ElidedLabel, FigureLabel
from desktop.ui.shared.signals import calling
from desktop.ui.shell.icons import icon
from desktop.ui.shell.theme import Theme, set_role

_SHOWN = 600  # characters of a pasted text in its tooltip
_NAME = 28  # characters of a file's name on its chip


@dataclass(frozen=True)
class Cost:
    """What a chip says of a file for the model that will get it; ``trouble``: it cannot go out like this."""

    words: str = ""
    trouble: bool = False


Item = str | Enclosed  # a pasted text, or a file


@dataclass(frozen=True)
class _Act:
    """What was done, and how many steps of the field could be undone then: the newest of both is undone first."""

    what: Literal["add", "remove"]
    item: Item
    place: int
    steps: int


def pasted_words(text: str) -> str:
    """What a chip says: "Pasted text, 200 kB, 3,120 lines"."""
    lines = text.count("\n") + 1
    size = human_bytes(len(text.encode("utf-8", "replace")))
    return tr("Pasted text, {size}, {lines}", size=size, lines=counted(lines, "line"))


class AttachedRow(QWidget):
    """The chips: files, pasted texts, and files that are still being read.

    ``changed`` when something came or went. ``cost_of`` says what a file costs, or why the model cannot take it;
    :meth:`look_again` asks it anew.
    """

    changed = Signal()
    reading_cancelled = Signal(int)

    def __init__(self, theme: Theme, editor: Editor) -> None:
        super().__init__()
        self.setObjectName("attachedRow")
        self._theme = theme
        self._editor = editor
        self._items: list[Item] = []
        self._reading: dict[int, str] = {}
        self._done: list[_Act] = []
        self._undone: list[_Act] = []
        self._layout = FlowLayout(spacing=6)
        self.setLayout(self._layout)
        self.cost_of: Callable[[Enclosed], Cost] = lambda _enclosed: Cost()
        editor.undone = self._undo
        theme.changed.connect(self._show)
        self._show()

    @property
    def texts(self) -> tuple[str, ...]:
        """The pasted texts, in the order in which they were pasted."""
        return tuple(item for item in self._items if isinstance(item, str))

    @property
    def files(self) -> tuple[Enclosed, ...]:
        """The files, in the order in which they were attached."""
        return tuple(item for item in self._items if isinstance(item, Enclosed))

    @property
    def waiting(self) -> bool:
        """Whether a file is still being read."""
        return bool(self._reading)

    @property
    def room(self) -> int:
        """How many more files go with this message."""
        return MOST_ATTACHED - len(self.files) - len(self._reading)

    def add(self, item: Item) -> None:
        """Another one, at the end. A file that is there already is not attached twice."""
        if isinstance(item, Enclosed) and any(one.attachment.sha256 == item.attachment.sha256 for one in self.files):
            return
        self._act(_Act("add", item, len(self._items), self._steps))

    def begin_reading(self, number: int, name: str) -> None:
        """A file is being read: its chip says so and can end it."""
        self._reading[number] = name
        self._show()
        self.changed.emit()

    def end_reading(self, number: int) -> None:
        """It has been read, or was refused."""
        if self._reading.pop(number, None) is not None:
            self._show()
            self.changed.emit()

    def show_only(self, text: str, files: Sequence[Enclosed] = ()) -> None:
        """These instead of all; there is nothing to undo then."""
        self._items, self._done, self._undone = [*files, *([text] if text else [])], [], []
        self._show()
        self.changed.emit()

    def look_again(self) -> None:
        """Another model is to get the files."""
        if self.files:
            self._show()

    @property
    def trouble(self) -> str:
        """Why the files cannot go out; "" where they can."""
        return next((cost.words for cost in map(self._cost, self.files) if cost.trouble), "")

    def _cost(self, item: Enclosed) -> Cost:
        return self.cost_of(item)

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
            self._items.insert(act.place, act.item)
        else:
            del self._items[act.place]
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
        self._act(_Act("remove", self._items[place], place, self._steps))
        self._editor.setFocus(Qt.FocusReason.OtherFocusReason)

    def _set_way(self, place: int, way: str) -> None:
        item = self._items[place]
        if isinstance(item, Enclosed):
            self._items[place] = replace(item, attachment=replace(item.attachment, way=way))
            self._show()
            self.changed.emit()
            self._editor.setFocus(Qt.FocusReason.OtherFocusReason)

    def _insert(self, place: int, text: str) -> None:
        self._remove(place)
        self._editor.insertPlainText(text)
        self._editor.ensureCursorVisible()

    # -- chips -----------------------------------------------------------------------------------

    def _show(self) -> None:
        while (item := self._layout.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        for place, one in enumerate(self._items):
            self._put(self._pasted(place, one) if isinstance(one, str) else self._file(place, one))
        for number, name in self._reading.items():
            self._put(self._read(number, name))
        self.setVisible(bool(self._items or self._reading))

    def _put(self, chip: QWidget) -> None:
        self._layout.addWidget(chip)
        chip.show()

    def _pasted(self, place: int, text: str) -> QWidget:
        words = pasted_words(text)
        chip, row = self._chip("pastedText", f"{words}: {one_line(text[:200])}")
        label = ElidedLabel(words, mode=Qt.TextElideMode.ElideRight)
        label.setToolTip(plain_tooltip(text[:_SHOWN] + ("…" if len(text) > _SHOWN else "")))
        row.addWidget(label)
        if len(text) <= MOST_TYPED and max(map(len, text.split("\n"))) <= LONG_LINE:
            into = push_button(
                tr("Edit as text"),
                "pastedInsert",
                spoken=tr("Put the {words} into the message", words=words),
                role="ghost",
            )
            into.clicked.connect(calling(self._insert, place, text))
            row.addWidget(into)
        row.addWidget(
            self._closer(
                "pastedRemove", tr("Remove the {words}", words=words), tr("Remove"), calling(self._remove, place)
            )
        )
        return chip

    def _file(self, place: int, item: Enclosed) -> QWidget:
        it, cost = item.attachment, self._cost(item)
        about = cost.words if cost.trouble else ", ".join(filter(None, (size_words(it), cost.words)))
        chip, row = self._chip("attachedFile", tr("Attached: {name}, {about}", name=it.name, about=about))
        picture = QLabel()
        token = "bad" if cost.trouble else "text_muted"
        picture.setPixmap(icon(self._theme, it.kind, size=14, token=token).pixmap(QSize(14, 14)))
        name = ElidedLabel(elided(it.name, _NAME, keep=it.name[-6:]))
        is_document = it.kind == "document"
        said = FigureLabel("attachedCost") if is_document else ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        said.setObjectName("attachedCost")
        said.set_whole_text(about)
        set_role(said, "bad" if cost.trouble else "muted")
        chip.setToolTip(plain_tooltip(f"{it.name}\n{about}"))
        row.addWidget(picture)
        if is_document:  # more is said of it than there is room for beside its name
            first = QHBoxLayout()
            first.addWidget(name)
            first.addWidget(way_button(it, lambda way: self._set_way(place, way)))
            first.addStretch(1)
            column = QVBoxLayout()
            column.setSpacing(0)
            column.addLayout(first)
            column.addWidget(said)
            row.addLayout(column)
        else:
            row.addWidget(name)
            row.addWidget(said)
        row.addWidget(
            self._closer(
                "attachedRemove", tr("Remove {name}", name=it.name), tr("Remove"), calling(self._remove, place)
            )
        )
        return chip

    def _read(self, number: int, name: str) -> QWidget:
        words = tr("Reading {name}…", name=elided(name, _NAME, keep=name[-6:]))
        chip, row = self._chip("attachedReading", words)
        row.addWidget(ElidedLabel(words))
        stop = calling(self.reading_cancelled.emit, number)
        row.addWidget(
            self._closer("attachedCancel", tr("Do not attach {name}", name=name), tr("Do not attach it"), stop)
        )
        return chip

    @staticmethod
    def _chip(name: str, spoken: str) -> tuple[QFrame, QHBoxLayout]:
        chip = QFrame()
        chip.setObjectName(name)
        chip.setAccessibleName(spoken)
        set_role(chip, "card")
        row = QHBoxLayout(chip)
        row.setContentsMargins(10, 3, 4, 3)
        row.setSpacing(6)
        return chip, row

    def _closer(self, name: str, spoken: str, tip: str, act: Callable[[], None]) -> QToolButton:
        remove = QToolButton()
        remove.setObjectName(name)
        remove.setProperty("role", "ghost")
        remove.setIconSize(QSize(14, 14))
        remove.setIcon(icon(self._theme, "close", size=14))
        remove.setAccessibleName(spoken)
        remove.setToolTip(tip)
        remove.clicked.connect(act)
        return remove
