"""Where a formula begins and ends in Markdown, and what of it is LaTeX. What might be a price stays a price.

Delimiters are those of KaTeX's and MathJax's auto-rendering; a single ``$`` follows pandoc's rule (no space inside, no
digit after), and stricter ones of its own.
"""

from __future__ import annotations

import re

MOST_CHARACTERS = 2000  # of a formula; what is longer is text
_MOST_DOLLAR = 600  # of one between single dollars
MOST_LINES = 40  # of a formula on lines of its own

_CLOSERS = {"$$": "$$", r"\[": r"\]", r"\(": r"\)"}
_ENVIRONMENTS = "equation|align|alignat|aligned|gather|gathered|multline|eqnarray|split|cases|[bpvBV]?matrix"
_BLOCK_OPENER = re.compile(rf"\$\$|\\\[|\\begin\{{((?:{_ENVIRONMENTS})\*?)\}}")
_AFTER = re.compile(r"([.,;:]?)[ \t]*")  # what may stand behind a formula on a line of its own
_WORDS = re.compile(r"[A-Za-z ,.'’-]*[A-Za-z]{4,}[A-Za-z ,.'’-]*")  # no formula: words in escaped brackets
_PRICE = re.compile(r"\d[\d.,]*\s*(?:[-–/]\s*\$?\d[\d.,]*\s*)?[A-Za-z]{2,}|[^\\]*\s[a-z]{3,}\s[^\\]*")
_DELIMITED = re.compile(r"(\$\$|\\\[|\\\(|\$)(.*?)(\$\$|\\\]|\\\)|\$)([.,;:]?)", re.DOTALL)


def _unescaped(text: str, mark: str, start: int, end: int) -> int:
    """Where the mark stands next, not behind an odd number of backslashes; -1 when it does not."""
    while (at := text.find(mark, start, end)) >= 0:
        before = at
        while before > start and text[before - 1] == "\\":
            before -= 1
        if (at - before) % 2 == 0:
            return at
        start = at + 1
    return -1


def delimiter_at(text: str, position: int) -> str:
    """The opening delimiter at the position, empty when there is none."""
    two = text[position : position + 2]
    if two in _CLOSERS:
        return two
    return "$" if two[:1] == "$" else ""


def inline_end(text: str, position: int, end: int) -> int | None:
    """One past the formula that begins at the position of a paragraph's text; None when none does."""
    mark = delimiter_at(text, position)
    if not mark:
        return None
    start = position + len(mark)
    if mark == "$":
        return _dollar_end(text, position, end)
    close = _unescaped(text, _CLOSERS[mark], start, min(end, start + MOST_CHARACTERS))
    inside = text[start:close]
    if close < 0 or not inside.strip() or "`" in inside:
        return None
    if mark != "$$" and _WORDS.fullmatch(inside):
        return None
    return close + 2


def may_go_on(rest: str) -> bool:
    """Whether what follows an opening delimiter, up to the end of the text, may be the beginning of a formula."""
    return len(rest) < MOST_CHARACTERS and "`" not in rest and not _WORDS.fullmatch(rest)


def _dollar_end(text: str, position: int, end: int) -> int | None:
    start = position + 1
    close = _unescaped(text, "$", start, min(end, start + _MOST_DOLLAR))
    before, after = text[position - 1 : position], text[close + 1 : min(close + 2, end)]
    inside = text[start:close]
    if close <= start or inside[0].isspace() or inside[-1].isspace() or "`" in inside:
        return None
    if (before.isalnum() and before.isascii()) or (after.isalnum() and after.isascii()) or "$" in (before, after):
        return None
    return None if _PRICE.match(inside) and not inside.startswith("\\") else close + 1


def block_opener(line: str) -> str:
    """What ends the formula that a line begins, the opener being its first characters; empty when it begins none."""
    match = _BLOCK_OPENER.match(line)
    if match is None:
        return ""
    return rf"\end{{{match[1]}}}" if match[1] else _CLOSERS[match[0]]


def opener_stands_alone(line: str) -> bool:
    """Whether the line is an opening delimiter and nothing else: then there may be gaps below it."""
    return line.strip() in _CLOSERS


def block_end(text: str, closer: str, start: int) -> int | None:
    """One past the formula whose content begins at ``start``; None when it is not ended, 0 when it is none."""
    at = _unescaped(text, closer, start, len(text))
    if at < 0:
        return None
    inside = text[start:at]
    return 0 if not inside.strip() or (closer == r"\]" and _WORDS.fullmatch(inside)) else at + len(closer)


def ends_its_line(rest: str) -> bool:
    """Whether only a mark of punctuation may stand in what follows a formula on its line."""
    return _AFTER.fullmatch(rest) is not None


def latex_of(source: str) -> tuple[str, bool]:
    """(LaTeX, whether it stands on a line of its own) of a formula with its delimiters."""
    match = _DELIMITED.fullmatch(source.strip())
    if match is None:
        return source.strip(), True
    return (match[2].strip() + match[4], match[1] in ("$$", r"\["))
