"""Whether a text that is being written goes round in circles: a sentence, a line or a paragraph again and again.

Only running text counts. Code blocks, indented and code-like lines, and rows of tables are left out, and a circle never
goes on over them. Items of a list may be alike for longer, and their numbers are left out of the comparison; any other
difference, a number within a line too, makes two lines different. The end of the text is compared with what stands
before it at most once for CHECKED new characters, over LONGEST of them: 2 to 4 µs a token.
"""

from __future__ import annotations

import re

CHECKED = 64  # new characters between two looks
LONGEST = 8_000  # characters that are looked back at
_OTHER = 4  # looks without a circle after which the text is well again
_KEY = 24  # characters whose earlier places are candidates for one turn of a circle
_CANDIDATES = 40
_LEAST_LETTERS = 0.5  # of what is written in one turn; below it is figures, signs or data
# Turns that are too many, by the least length of one in characters: a refrain or a round of a song is shorter.
_TOO_MANY = ((400, 3), (120, 5), (20, 6), (1, 25))
_LIST_FACTOR = 2  # a list of equal items is nothing odd by itself
_LEAST = 200  # characters that a circle covers
_ITEM = re.compile(r"(?:[-*+•]|\d{1,4}[.)])\s+")
_RULES = "-_=*#~+.…·:/\\|()[]<>─━═—–"  # what lines between sections and drawings are made of
_FENCES = ("```", "~~~")
_CODE_ENDS = (";", "{", "}", ");", "],", "},")
_BULLET = "• "


class RepetitionWatch:
    """Follows one text as it comes. ``repeats`` tells of its end; a text that goes on with something new is well."""

    def __init__(self) -> None:
        self.repeats = False
        self._prose = ""  # whole lines of running text, as they are compared
        self._line = ""  # the one that is being written
        self._fence = ""  # that opened the code block, "" outside
        self._unseen = 0
        self._other = 0  # looks since the last circle

    def feed(self, text: str) -> bool:
        """More of it; whether it goes round in circles now."""
        self._unseen += len(text)
        first, *others = text.split("\n")
        self._line += first
        for line in others:
            self._end_line()
            self._line = line
        if len(self._line) > 2 * LONGEST:
            self._line = self._line[-LONGEST:]
        if self._unseen >= CHECKED:
            self._unseen = 0
            self._look()
        return self.repeats

    def _look(self) -> None:
        if self._circles():
            self.repeats, self._other = True, 0
        elif self.repeats:  # half of a number before an item hides the circle for a moment
            self._other += 1
            self.repeats = self._other < _OTHER

    def _end_line(self) -> None:
        line = self._line
        bare = line.strip()
        if bare.startswith(_FENCES) and (not self._fence or bare.startswith(self._fence)):
            self._fence = "" if self._fence else bare[:3]
            self._prose = ""
        elif self._fence or _is_no_prose(line):
            self._prose = ""
        elif bare:
            self._prose = f"{self._prose}{_compared(bare)}\n"[-LONGEST:]

    def _circles(self) -> bool:
        if self._fence or self._line.lstrip().startswith(_FENCES) or _is_no_prose(self._line):
            return False
        end = (self._prose + _compared(self._line.strip()))[-LONGEST:]
        if len(end) < _LEAST:
            return False
        key, at = end[-_KEY:], len(end) - _KEY
        for _ in range(_CANDIDATES):
            at = end.rfind(key, 0, at + _KEY - 1)
            if at < 0:
                return False
            turn = end[at + _KEY :]
            if _goes_round(end, turn):
                return True
        return False


def _goes_round(end: str, turn: str) -> bool:
    """Whether the text ends in so many equal turns that it is a circle."""
    least = next(count for length, count in _TOO_MANY if len(turn) >= length)
    if _BULLET in turn:
        least *= _LIST_FACTOR
    turns = max(least, -(-_LEAST // len(turn)))
    if not end.endswith(turn * turns):
        return False
    written = [letter for letter in turn if not letter.isspace()]
    if sum(letter.isalpha() for letter in written) >= _LEAST_LETTERS * len(written) > 0:
        return True
    return bool(written) and not any(letter.isalnum() or letter in _RULES for letter in written)


def _compared(bare: str) -> str:
    """A line without what tells equal items of a list apart."""
    return _ITEM.sub(_BULLET, bare, count=1) if _ITEM.match(bare) else bare


def _is_no_prose(line: str) -> bool:
    """Whether a line is a table's, or code without its marks."""
    bare = line.strip()
    if bare.startswith("|") or " | " in bare or bare.count("|") >= 2 or bare.count("\t") >= 2:
        return True
    indented = line.startswith(("    ", "\t")) and not _ITEM.match(bare)
    return indented or bare.endswith(_CODE_ENDS)
