"""Texts with line breaks that are written in one line, as ``\\n``."""

from __future__ import annotations

import re

_WRITTEN = {"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_MEANT = {written: meant for meant, written in _WRITTEN.items()}
_ESCAPE = re.compile(r"\\[\\ntr]")


def escaped(text: str) -> str:
    """A text in one line: line breaks and tabs as ``\\n`` and ``\\t``, a backslash as two."""
    return "".join(_WRITTEN.get(letter, letter) for letter in text)


def unescaped(line: str) -> str:
    """The text that a line means; a backslash before any other letter stays."""
    return _ESCAPE.sub(lambda found: _MEANT[found.group()], line)
