"""Typeset formulas for painting. They are made off the GUI thread, each once; until then their source is shown."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QPainterPath

from desktop.core.formula import Outline
from desktop.core.markdown import latex_of
from desktop.ui.shell.tasks import Lane, TaskContext, Tasks

Typeset = Callable[[str, bool], Outline | None]  # LaTeX, whether on a line of its own; on a worker thread

_MOST_KEPT = 3000
_POINTS = {"M": 2, "L": 2, "Q": 4, "C": 6, "Z": 0}


class Drawing:
    """A formula as a path; lengths in em, the origin on the baseline at the left."""

    def __init__(self, outline: Outline) -> None:
        self.width, self.ascent, self.descent = outline.width, outline.ascent, outline.descent
        self._outline = outline
        self._path: QPainterPath | None = None

    @property
    def path(self) -> QPainterPath:
        """Made when it is first painted."""
        if self._path is None:
            self._path = _path(self._outline)
        return self._path


def _path(outline: Outline) -> QPainterPath:
    path, at = QPainterPath(), 0
    path.setFillRule(Qt.FillRule.WindingFill)
    for command in outline.commands:
        count = _POINTS[command]
        numbers = outline.numbers[at : at + count]
        at += count
        match command:
            case "M":
                path.moveTo(*numbers)
            case "L":
                path.lineTo(*numbers)
            case "Q":
                path.quadTo(*numbers)
            case "C":
                path.cubicTo(*numbers)
            case "Z":
                path.closeSubpath()
    return path


class Formulas(QObject):
    """What is typeset by now, by the source with its delimiters. GUI thread only."""

    arrived = Signal()  # formulas that were asked for are there, or cannot be typeset

    def __init__(self, typeset: Typeset, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._typeset = typeset
        self._tasks = tasks
        self._known: dict[str, Drawing | None] = {}
        self._asked: dict[str, None] = {}
        self._running = False

    @property
    def waiting(self) -> bool:
        """Whether any formula that was asked for is still to come."""
        return self._running or bool(self._asked)

    def pending(self, source: str) -> bool:
        """Whether the formula was asked for and nothing is known of it yet."""
        return source not in self._known

    def drawing(self, source: str) -> Drawing | None:
        """The formula, None where it cannot be typeset or is not yet: then it is asked for."""
        if source not in self._known:
            if not self._asked:
                QTimer.singleShot(0, self, self._run)  # once all that is laid out now has asked
            self._asked[source] = None
            return None
        return self._known[source]

    def _run(self) -> None:
        if self._running or not self._asked:
            return
        self._running = True
        wanted, self._asked = list(self._asked), {}

        def work(context: TaskContext) -> dict[str, Outline | None]:
            return {source: self._typeset(*latex_of(source)) for source in wanted if not context.cancelled}

        def done(made: dict[str, Outline | None]) -> None:
            self._running = False
            self._known |= {source: Drawing(found) if found is not None else None for source, found in made.items()}
            for old in list(self._known)[: max(0, len(self._known) - _MOST_KEPT)]:
                del self._known[old]
            self._asked = {source: None for source in self._asked if source not in self._known}
            self.arrived.emit()
            self._run()

        def failed(_error: object) -> None:
            done(dict.fromkeys(wanted))

        self._tasks.run(work, done=done, failed=failed, lane=Lane.COMMAND, owner=self)
