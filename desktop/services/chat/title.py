"""What a chat is called before a person names it."""

from __future__ import annotations


def title_from(text: str, limit: int = 48) -> str:
    """A chat's title from its first message: its first line, cut at a word."""
    line = " ".join((text.strip().splitlines() or [""])[0].split())
    if len(line) <= limit:
        return line
    return line[: limit + 1].rsplit(" ", 1)[0][:limit].rstrip(" ,.;:") + "…"
