"""Text that one of Qt's widgets shows at once: no endless line or word, and never taken for HTML."""

from __future__ import annotations

import re

from desktop.core.text.visible import visible_in_place

LINE_CHARACTERS = 32_000  # Qt lays a line out in one go: 6 ms
WORD_CHARACTERS = 4_000  # where it finds no space it takes quadratic time: 100,000 characters 0.3 s
ALL_CHARACTERS = 400_000  # 60 ms
_LONG_WORD = re.compile(f"(\\S{{{WORD_CHARACTERS}}})(\\S+)")
_LONG = re.compile(f"([^\n]{{{LINE_CHARACTERS}}})([^\n]+)")
_MARKUP = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;", "\n": "<br>"})


def bounded(text: str) -> str:
    """``visible_in_place``, with the ends of longer lines and of a longer text told instead of shown."""
    left = len(text) - ALL_CHARACTERS
    text = visible_in_place(text[:ALL_CHARACTERS].replace("\r\n", "\n"))
    if len(text) > WORD_CHARACTERS:
        text = _LONG_WORD.sub(lambda found: f"{found[1]} … {len(found[2]):,} more characters without a space", text)
    if len(text) > LINE_CHARACTERS:
        text = _LONG.sub(lambda found: f"{found[1]} … {len(found[2]):,} more characters in this line", text)
    return f"{text}\n… {left:,} more characters" if left > 0 else text


def plain_tooltip(text: str) -> str:
    """A tooltip that shows ``text`` as it is; "" for none.

    Qt takes a tooltip that looks like HTML for HTML, and loads the pictures it names.
    """
    return f"<qt>{visible_in_place(text).translate(_MARKUP)}</qt>" if text else ""
