"""A stranger's text as a text field can show it at once: every character visible, no endless line or word."""

from __future__ import annotations

import re

LINE_CHARACTERS = 32_000  # Qt lays a line out in one go: 6 ms
WORD_CHARACTERS = 4_000  # where it finds no space it takes quadratic time: 100,000 characters 0.3 s
ALL_CHARACTERS = 400_000  # 60 ms
_BIDI = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
_ONE_FOR_ONE: dict[int, str] = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n"}
_ONE_FOR_ONE |= {0x7F: "\u2421", 0xFFFC: "\ufffd", 0x2028: "\u2424", 0x2029: "\u2424"}
_ONE_FOR_ONE |= dict.fromkeys((*range(0x80, 0xA0), *_BIDI, *range(0xD800, 0xE000)), "\ufffd")
_SUSPECT = re.compile(f"[{re.escape(''.join(map(chr, _ONE_FOR_ONE)))}]")
_LONG_WORD = re.compile(f"(\\S{{{WORD_CHARACTERS}}})(\\S+)")
_LONG = re.compile(f"([^\n]{{{LINE_CHARACTERS}}})([^\n]+)")


def plain(text: str) -> str:
    """The text with a picture or U+FFFD for each control character, override of direction and half a character.

    One for one: positions in the text stay true.
    """
    return text.translate(_ONE_FOR_ONE) if _SUSPECT.search(text) else text


def shown(text: str) -> str:
    """:func:`plain`, with the ends of longer lines and of a longer text told instead of shown."""
    left = len(text) - ALL_CHARACTERS
    text = plain(text[:ALL_CHARACTERS].replace("\r\n", "\n"))
    if len(text) > WORD_CHARACTERS:
        text = _LONG_WORD.sub(lambda found: f"{found[1]} … {len(found[2]):,} more characters without a space", text)
    if len(text) > LINE_CHARACTERS:
        text = _LONG.sub(lambda found: f"{found[1]} … {len(found[2]):,} more characters in this line", text)
    return f"{text}\n… {left:,} more characters" if left > 0 else text
