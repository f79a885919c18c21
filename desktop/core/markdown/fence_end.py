"""Which line closes a fence: by its length and, in a fence of Markdown, past the fences that it holds.

CommonMark 0.31, section 4.5, lets the first fence that is long enough close a block. Models write Markdown about
Markdown in fences of three marks that hold fences of three marks; a reader pairs those, and so does this.
"""

from __future__ import annotations

import re

MARKDOWN = frozenset({"markdown", "md", "mdx", "mdown", "rmd", "qmd"})
_PLAIN = frozenset({"", "text", "txt", "plain", "plaintext"})  # what shows Markdown as it is written, too

_LINE = re.compile(r" {0,3}(`{3,}|~{3,})([^\n]*)")
_LANGUAGE = re.compile(r"[ \t]*[A-Za-z{.][^`\s]*[ \t]*")  # of an inner fence: one word, no sentence


class FenceEnd:
    """Follows the lines of one open fence. ``mark`` is what opened it, ``language`` as after it."""

    def __init__(self, mark: str, language: str) -> None:
        self._mark = mark
        self._markdown = language in MARKDOWN
        self._holds = self._markdown or language in _PLAIN
        self._inner = ""  # the mark of the fence within that is open
        self._before = ""

    def _run(self, line: str) -> tuple[str, str] | None:
        """Mark and words of a line that opens or closes a fence of this kind."""
        match = _LINE.fullmatch(line)
        if match is None or not match[1].startswith(self._mark):
            return None
        return match[1], match[2]

    def asks_next(self, line: str) -> bool:
        """Whether the line's meaning depends on the line after it."""
        found = self._run(line)
        bare = found is not None and not found[1].strip()
        return self._markdown and bare and not self._inner and (not self._before or self._before.endswith(":"))

    def closes(self, line: str, following: str) -> bool:
        """Whether the line closes the fence; ``following`` is the line after it, empty at the end of the text.

        Lines come in order, each once, without line break and without what a container puts before them.
        """
        found, asks = self._run(line), self.asks_next(line)
        self._before = line.strip()
        if found is None:
            return False
        mark, words = found
        if words.strip():
            if self._holds and not self._inner and _LANGUAGE.fullmatch(words):
                self._inner = mark
            return False
        if self._inner:
            if mark.startswith(self._inner):
                self._inner = ""
            return False
        # in Markdown, a bare fence after a gap with text right below it begins code: what closes has a gap below
        if asks and following.strip() and self._run(following) is None:
            self._inner = mark
            return False
        return True
