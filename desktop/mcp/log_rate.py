"""What a server writes beside its answers, as far as it can be read: so many lines a second, none of them endless."""

from __future__ import annotations

import time
from collections.abc import Callable

from desktop.core.text import visible_in_place

LONGEST_LINE = 2000  # characters
_LINES_A_SECOND = 50


class LogRate:
    """Hands lines on. What comes faster than anyone reads is counted, and the count told."""

    def __init__(self, tell: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._tell, self._clock = tell, clock
        self._since, self._told, self._left_out = clock(), 0, 0
        self._begun = b""

    def line(self, text: str) -> None:
        """One line, or text of several."""
        now = self._clock()
        if now - self._since >= 1.0:
            self.flush()
            self._since, self._told = now, 0
        if self._told >= _LINES_A_SECOND:
            self._left_out += 1
            return
        self._told += 1
        cut = text if len(text) <= LONGEST_LINE else f"{text[:LONGEST_LINE]}… ({len(text):,} characters)"
        self._tell(visible_in_place(cut.rstrip("\r\n")))

    def feed(self, data: bytes) -> None:
        """Bytes as they come; a line without an end is handed on in pieces."""
        *lines, self._begun = (self._begun + data).split(b"\n")
        if len(self._begun) > LONGEST_LINE:
            lines, self._begun = [*lines, self._begun], b""
        for line in lines:
            if line.strip():
                self.line(line.decode("utf-8", "replace"))

    def flush(self) -> None:
        """Tell how many lines were left out."""
        left_out, self._left_out = self._left_out, 0
        if left_out:
            self._tell(f"({left_out:,} more lines in that second)")
