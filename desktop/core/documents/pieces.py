"""A text cut into pieces of so many tokens that end where its paragraphs do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import msgspec

from desktop.core.documents.text import DocumentText

Count = Callable[[Sequence[str]], Sequence[int]]
"""How many tokens each of some texts has."""

LEAST_TOKENS, MOST_TOKENS = 300, 500  # of a piece; one paragraph may be less, and so may the last piece
STATEMENT_CHARACTERS = 250  # two or three sentences
_PARAGRAPH = re.compile(r"\n[^\S\n]*\n\s*")
_LINE = re.compile(r"\n+")
_SENTENCE = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？])")
_SPACE = re.compile(r"\s+")


class Piece(msgspec.Struct, frozen=True):
    """A part of a text, as offsets into it. ``tokens`` is the sum of its paragraphs'."""

    start: int
    end: int
    tokens: int


def pieces_of(
    document: DocumentText, count: Count, *, least: int = LEAST_TOKENS, most: int = MOST_TOKENS
) -> tuple[Piece, ...]:
    """All of the document but for white space between paragraphs, in order.

    A page ends a piece that has ``least`` tokens. A paragraph of more than ``most`` is cut at its lines, then at
    sentences, then at words, and where it has none of these anywhere.
    """
    text = document.text
    parts = _measured(text, list(_paragraphs(document)), count)
    for mark in (_LINE, _SENTENCE, _SPACE, None):
        if all(part.tokens <= most for part in parts):
            break
        parts = _cut(text, parts, mark, most, count)
    pages = set(document.page_starts)
    found: list[Piece] = []
    for part in parts:
        last = found[-1] if found else None
        if last is None or last.tokens + part.tokens > most or (part.start in pages and last.tokens >= least):
            found.append(part)
        else:
            found[-1] = Piece(last.start, part.end, last.tokens + part.tokens)
    return tuple(found)


def statements_of(text: str, piece: Piece, most: int = STATEMENT_CHARACTERS) -> list[tuple[int, int]]:
    """A piece in parts of a few sentences, as offsets into the text: each says one thing, which a vector can hold.

    One of more than ``most`` characters is a single sentence, or a line without any.
    """
    found: list[tuple[int, int]] = []
    for line in _between(text, piece.start, piece.end, _LINE):
        for start, end in _between(text, *line, _SENTENCE):
            if found and end - found[-1][0] <= most:
                found[-1] = (found[-1][0], end)
            else:
                found.append((start, end))
    return found


def _paragraphs(document: DocumentText) -> Iterator[tuple[int, int]]:
    """From a paragraph's first character to its last; those of each page by themselves."""
    text = document.text
    bounds = sorted({0, *document.page_starts, len(text)})
    for start, end in pairwise(bounds):
        yield from _between(text, start, end, _PARAGRAPH)


def _between(text: str, start: int, end: int, mark: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    at = start
    for found in mark.finditer(text, start, end):
        if text[at : found.start()].strip():
            yield at, found.start()
        at = found.end()
    if text[at:end].strip():
        yield at, at + len(text[at:end].rstrip())


def _measured(text: str, spans: Sequence[tuple[int, int]], count: Count) -> list[Piece]:
    tokens = count([text[start:end] for start, end in spans])
    return [Piece(start, end, number) for (start, end), number in zip(spans, tokens, strict=True)]


def _cut(text: str, parts: Sequence[Piece], mark: re.Pattern[str] | None, most: int, count: Count) -> list[Piece]:
    """Those that are too long in smaller ones, filled up as far as ``most`` goes."""
    cut: dict[Piece, list[Piece]] = {}
    for part in parts:
        if part.tokens > most:
            if mark is None:
                size = max(1, (part.end - part.start) * most // (2 * part.tokens))
                spans = [(at, min(part.end, at + size)) for at in range(part.start, part.end, size)]
            else:
                spans = list(_between(text, part.start, part.end, mark))
            cut[part] = _filled(_measured(text, spans, count), most)
    return [smaller for part in parts for smaller in cut.get(part, [part])]


def _filled(parts: Sequence[Piece], most: int) -> list[Piece]:
    found: list[Piece] = []
    for part in parts:
        if found and found[-1].tokens + part.tokens <= most:
            found[-1] = Piece(found[-1].start, part.end, found[-1].tokens + part.tokens)
        else:
            found.append(part)
    return found
