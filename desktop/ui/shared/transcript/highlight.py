"""Colours of code, by Pygments, as tokens of the theme."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pygments.lexer import Lexer
    from pygments.token import _TokenType

Stretch = tuple[int, int, str]  # start and length within a line in code points, token of the theme

_MAX_LINE = 1000  # a longer line is data, not code; some lexers are slow on it


@lru_cache(maxsize=32)
def _lexer(language: str) -> Lexer | None:
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    if not language:
        return None
    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


@lru_cache(maxsize=512)
def _token(kind: _TokenType) -> str:
    from pygments.token import Comment, Keyword, Name, Number, Operator, String

    for base, token in (
        (Comment, "syntax_comment"),
        (String, "syntax_string"),
        (Number, "syntax_number"),
        (Keyword, "syntax_keyword"),
        (Operator.Word, "syntax_keyword"),
        (Name.Function, "syntax_name"),
        (Name.Class, "syntax_name"),
        (Name.Decorator, "syntax_name"),
        (Name.Tag, "syntax_keyword"),
        (Name.Attribute, "syntax_name"),
        (Name.Builtin, "syntax_name"),
    ):
        if kind in base:
            return token
    return ""


def highlight(language: str, text: str, *, longest_line: int = _MAX_LINE) -> list[list[Stretch]]:
    """The coloured stretches of each line; empty when the language is unknown or a line is too long."""
    lexer = _lexer(language)
    if lexer is None or any(len(line) > longest_line for line in text.split("\n")):
        return []
    lines: list[list[Stretch]] = [[]]
    column = 0
    for kind, value in lexer.get_tokens(text):
        token = _token(kind)
        for index, piece in enumerate(value.split("\n")):
            if index:
                lines.append([])
                column = 0
            if token and piece:
                lines[-1].append((column, len(piece), token))
            column += len(piece)
    return lines
