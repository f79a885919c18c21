"""What a chat is called before a person names it."""

from __future__ import annotations

import re

_FENCE = re.compile(r"\s*(?:```|~~~)")
_MARKUP = re.compile(r"\s*(?:#{1,6}\s+|>\s*|[-*+]\s+|\d{1,3}[.)]\s+)*")


def title_from(text: str, limit: int = 48) -> str:
    """A chat's title from its first message: its first line with words in it, cut at a word.

    Code between fences counts only where there is nothing else, and neither marks of Markdown nor fences do.
    """
    line = " ".join(_telling(text).split())
    if len(line) <= limit:
        return line
    return line[: limit + 1].rsplit(" ", 1)[0][:limit].rstrip(" ,.;:") + "…"


def _telling(text: str) -> str:
    inside, code, other = False, "", ""
    for line in text.splitlines():
        if _FENCE.match(line):
            inside = not inside
            continue
        said = line if inside else line[_MARKUP.match(line).end() :]  # type: ignore[union-attr]  # matches always
        if any(character.isalnum() for character in said):
            if not inside:
                return said
            code = code or said
        elif said.strip() and not inside:
            other = other or said
    return code or other
