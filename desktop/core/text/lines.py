"""Text that has to fit one line: within a sentence, in a table's cell, as the name of a file."""

from __future__ import annotations

import re

from desktop.core.text.visible import REPLACEMENT, SPACE_SIGNS, encodable

LINE = 200  # characters
ELISION = "…"
_NAME_LENGTH = 80
_NAME_BYTES = 200  # file systems take 255, some programs add an ending of their own
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"/\\|?*\u2028-\u202e\u2066-\u2069]+')


def one_line(value: object, limit: int = LINE) -> str:
    """A value as one line of printable characters, at most ``limit`` of them; tabs and line ends as signs."""
    text = str(value) if not isinstance(value, str) else value
    line = "".join(c if c.isprintable() else SPACE_SIGNS.get(c, REPLACEMENT) for c in text[: limit + 1])
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def elided(text: str, limit: int, keep: str = "") -> str:
    """A name of at most ``limit`` characters (10 or more), cut in its middle. The last ``keep`` in it stays, with what
    follows, where that leaves room for a beginning."""
    if len(text) <= limit:
        return text
    at = text.rfind(keep) if keep else -1
    kept = len(text) - at if at >= 0 else 0
    tail = max(kept, (limit - 1) // 3) if kept <= limit * 2 // 3 else (limit - 1) // 3
    return f"{text[: limit - 1 - tail]}{ELISION}{text[-tail:]}"


def file_name(title: str, suffix: str) -> str:
    """A file name every platform takes, from a title; without what would hide its ending from the reader."""
    plain = " ".join(encodable(_FORBIDDEN.sub(" ", title)).split())[:_NAME_LENGTH]
    plain = plain.encode()[:_NAME_BYTES].decode("utf-8", "ignore").strip(". ")
    return f"{plain or 'Chat'}.{suffix}"
