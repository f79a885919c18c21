"""What every command prints and how: one JSON document, or aligned text; errors with one thing to do."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any, TextIO

from desktop.core.errors import HeftError
from desktop.core.progress import Progress
from desktop.core.repetition import RepetitionWatch
from desktop.core.text import ChatTextStream, one_line, visible_in_place
from desktop.core.text.visible import SUSPECT
from desktop.core.units import human_bytes as human_bytes  # every command prints sizes
from desktop.services.chat.answer_parts import Part

NAME_WIDTH = 60  # characters of a model's name in a table or a headline
_CELL = 1000  # characters of a table's cell
_NOTE = 60  # and of what a progress line is at
_CIRCLES = "The answer repeats itself. Raise --repeat-penalty (1.1, say), or take a larger model."
_DIM, _UNDIM = "\x1b[2m", "\x1b[22m"


def print_text(text: str = "", *, end: str = "\n") -> None:
    """Text for people, on stdout; strangers' text in it cannot steer a terminal."""
    sys.stdout.write(visible_in_place(text) + end)


def print_note(text: str) -> None:
    """What is not the command's result, on stderr."""
    sys.stderr.write(f"{visible_in_place(text)}\n")


def typed_answer(question: str) -> str | None:
    """What a person types, in small letters; "n" at the end of the input, None for Ctrl+C."""
    sys.stderr.write(question)
    sys.stderr.flush()
    try:
        line = sys.stdin.readline()
    except KeyboardInterrupt:
        print_note("")
        return None
    return line.strip().casefold() if line else "n"


def print_json(document: Any) -> None:
    """The one JSON document of a ``--json`` command, on stdout."""
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    text = json.dumps(document, ensure_ascii=not unicode, indent=2)
    # Escaped, which readers of JSON undo: what could steer a terminal, and bytes of a file name that is no Unicode.
    sys.stdout.write(SUSPECT.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")
    sys.stdout.flush()


def print_error(error: HeftError, *, as_json: bool) -> None:
    """Report a failure: the contract's error object on stdout, or words on stderr."""
    if as_json:
        print_json({"error": error.as_dict()})
        return
    print_note(f"heft: {error.message}")
    if error.hint:
        print_note(f"      {error.hint}")


class AnswerText:
    """A model's answer on stdout as it comes: to a file or pipe as it is, on a terminal unable to steer it."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._cleaned = ChatTextStream() if self._stream.isatty() else None

    def write(self, piece: str) -> None:
        """One piece of the answer, shown at once."""
        self._stream.write(self._cleaned.feed(piece) if self._cleaned is not None else piece)
        self._stream.flush()


class ShownAnswer:
    """An answer as it comes, its text on stdout and what was thought before it on stderr, dimmed on a terminal.

    ``text`` and ``reasoning`` are all of it so far, ``reasoning_seconds`` how long it was thought.
    """

    def __init__(self, *, silent: bool = False) -> None:
        """``silent``: keep it, and print nothing."""
        self.text = ""
        self.reasoning = ""
        self.reasoning_seconds = 0.0
        self._watch = RepetitionWatch()
        self._silent = silent
        self._thinking = False
        self._paused = False
        self._said = AnswerText()
        self._thought = AnswerText(sys.stderr)
        self._dim = sys.stderr.isatty()

    @property
    def notes(self) -> tuple[str, ...]:
        """What there is to say of its text: that it goes round in circles."""
        return (_CIRCLES,) if self._watch.repeats else ()

    def add(self, part: Part) -> None:
        """One more part, shown at once."""
        self._watch.feed(part.reasoning + part.text)
        if part.turned:
            self._note("[what stands above was the model's reasoning]")
            self.text, self.reasoning = "", self.reasoning + self.text
            self._thinking = True
        if part.reasoning:
            self.reasoning += part.reasoning
            self._thinking = True
            self._think(part.reasoning)
        self.reasoning_seconds = part.reasoning_seconds
        if part.text:
            if self._thinking:
                self._end_reasoning()
            said = f"\n{part.text}" if self._paused else part.text
            self.text += f"\n{said}" if self._paused else said
            self._paused = False
            if not self._silent:
                self._said.write(said)

    def pause(self) -> None:
        """Something else is said between what was written and what comes: that begins a paragraph."""
        if self.text and not self._paused:
            self._paused = True
            if not self._silent:
                self._said.write("\n")

    def finish(self) -> None:
        """The answer has ended."""
        if self._thinking:
            self._end_reasoning()
        if not self._silent and not self._paused:
            print_text()
            sys.stdout.flush()

    def _think(self, piece: str) -> None:
        if self._silent:
            return
        if self._dim:
            sys.stderr.write(_DIM)
        self._thought.write(piece)
        if self._dim:
            sys.stderr.write(_UNDIM)
            sys.stderr.flush()

    def _end_reasoning(self) -> None:
        self._thinking = False
        self._note(f"\n[thought for {self.reasoning_seconds:.1f} s]\n")

    def _note(self, words: str) -> None:
        if not self._silent:
            print_note(words)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> str:
    """Aligned columns; ``right`` names the columns that hold figures. Each cell is one line."""
    lines_of_cells = [header, *([one_line(cell, _CELL) for cell in row] for row in rows)]
    widths = [max(len(cells[i]) for cells in lines_of_cells) for i in range(len(header))]
    lines = []
    for cells in lines_of_cells:
        padded = [cell.rjust(widths[i]) if i in right else cell.ljust(widths[i]) for i, cell in enumerate(cells)]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


class ProgressLine:
    """A progress line on stderr; silent when stderr is not a terminal."""

    def __init__(self, label: str, stream: TextIO | None = None) -> None:
        self._label = one_line(label)
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._shown = -1

    def show(self, progress: Progress) -> None:
        """Redraw for a step of some work; one without an end shows nothing yet."""
        if progress.known:
            self.update(progress.fraction, progress.note)

    def update(self, fraction: float, note: str = "") -> None:
        """Redraw at whole percents only."""
        percent = int(max(0.0, min(1.0, fraction)) * 100)
        if not self._live or percent == self._shown:
            return
        self._shown = percent
        filled = percent * 30 // 100
        bar = f"[{'#' * filled}{'.' * (30 - filled)}] {percent:3d}%"
        self._stream.write(f"\r{self._label} {bar} {one_line(note, _NOTE)}\x1b[K")
        self._stream.flush()

    def close(self) -> None:
        """Wipe the line."""
        if self._live and self._shown >= 0:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._shown = -1
