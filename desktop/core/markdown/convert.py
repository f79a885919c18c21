"""From markdown-it's tokens to blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from desktop.core.markdown.blocks import (
    Alignment,
    Block,
    CodeBlock,
    Heading,
    ListBlock,
    ListItem,
    Paragraph,
    Quote,
    Rule,
    Run,
    Runs,
    Table,
)

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_TASK = re.compile(r"\[([ xX])\][ \n]")
_OPEN_STYLE = {"strong_open": "bold", "em_open": "italic", "s_open": "strike"}
_CLOSE_STYLE = {"strong_close": "bold", "em_close": "italic", "s_close": "strike"}
_ALIGNMENTS: dict[str, Alignment] = {"text-align:center": "center", "text-align:right": "right"}
_MAX_NESTING = 60  # deeper quotes and lists are left out, as in markdown-it's own presets (20 and 100)


@lru_cache(maxsize=1)
def markdown() -> MarkdownIt:
    """CommonMark with tables and strikethrough, without HTML.

    Link reference definitions are off: they would let the end of an answer change its beginning.
    """
    from markdown_it import MarkdownIt

    made = MarkdownIt("commonmark", {"html": False, "linkify": False, "maxNesting": _MAX_NESTING})
    return made.enable(["table", "strikethrough"]).disable(["reference", "html_block", "html_inline"])


def tokenize(text: str) -> list[Token]:
    """Block tokens; the inline ones are parsed only when they are converted."""
    tokens: list[Token] = []
    made = markdown()
    made.block.parse(text, made, {}, tokens)
    return tokens


def top_level(tokens: Sequence[Token]) -> list[tuple[int, int, int]]:
    """(first token, one past the last, first line) of each top-level block."""
    found: list[tuple[int, int, int]] = []
    start = 0
    for index, token in enumerate(tokens):
        if token.level == 0 and token.nesting >= 0:
            start = index
        if token.level == 0 and token.nesting <= 0:
            line = tokens[start].map
            found.append((start, index + 1, line[0] if line else 0))
    return found


def list_items(tokens: Sequence[Token], start: int, end: int) -> list[tuple[int, int, int]]:
    """(first token, one past the last, first line) of each item of the list at tokens[start:end]."""
    found: list[tuple[int, int, int]] = []
    first = start
    level = tokens[start].level + 1
    for index in range(start, end):
        token = tokens[index]
        if token.level == level and token.type == "list_item_open":
            first = index
        elif token.level == level and token.type == "list_item_close":
            line = tokens[first].map
            found.append((first, index + 1, line[0] if line else 0))
    return found


def _pieces(children: Sequence[Token]) -> Iterator[Run]:
    style = {"bold": 0, "italic": 0, "strike": 0}
    link = ""
    for token in children:
        kind = token.type
        if kind in _OPEN_STYLE:
            style[_OPEN_STYLE[kind]] += 1
        elif kind in _CLOSE_STYLE:
            style[_CLOSE_STYLE[kind]] -= 1
        elif kind == "link_open":
            link = str(token.attrGet("href") or "")
        elif kind == "link_close":
            link = ""
        else:
            text, code, target = token.content, kind == "code_inline", link
            if kind in ("softbreak", "hardbreak"):
                text = "\n"  # models break lines where they mean a break
            elif kind == "image":
                target = link or str(token.attrGet("src") or "")
                text = "".join(child.content for child in token.children or ()) or "image"
            if text:
                bold, italic, strike = (style[name] > 0 for name in ("bold", "italic", "strike"))
                yield Run(text, bold, italic, code, strike, target)


def inline(token: Token) -> Runs:
    """The runs of an inline token, neighbours of one style joined."""
    made = markdown()
    children: list[Token] = []
    made.inline.parse(token.content, made, {}, children)
    runs: list[Run] = []
    for run in _pieces(children):
        last = runs[-1] if runs else None
        if last is not None and (last.bold, last.italic, last.code, last.strike, last.link) == (
            run.bold,
            run.italic,
            run.code,
            run.strike,
            run.link,
        ):
            runs[-1] = Run(last.text + run.text, run.bold, run.italic, run.code, run.strike, run.link)
        else:
            runs.append(run)
    return tuple(runs)


def language_of(info: str) -> str:
    """The language named after a fence, in lower case; empty when there is none."""
    words = info.split(maxsplit=1)
    return words[0].lower().lstrip(".{").rstrip("}") if words else ""


def _table(tokens: Sequence[Token]) -> Table:
    rows: list[list[Runs]] = []
    alignments: list[Alignment] = []
    for index, token in enumerate(tokens):
        if token.type == "tr_open":
            rows.append([])
        elif token.type in ("th_open", "td_open"):
            rows[-1].append(inline(tokens[index + 1]))
            if token.type == "th_open":
                alignments.append(_ALIGNMENTS.get(str(token.attrGet("style")), "left"))
    header, *body = [tuple(row) for row in rows]
    return Table(header, tuple(alignments), tuple(body))


def _item(tokens: Sequence[Token], start: int, end: int) -> ListItem:
    inner = blocks(tokens, start + 1, end - 1)
    if inner and isinstance(inner[0], Paragraph) and inner[0].runs:
        first = inner[0].runs[0]
        task = _TASK.match(first.text) if not (first.code or first.link) else None
        if task is not None:
            rest = Run(first.text[task.end() :], first.bold, first.italic, strike=first.strike)
            runs = (rest, *inner[0].runs[1:]) if rest.text else inner[0].runs[1:]
            return ListItem((Paragraph(runs), *inner[1:]), checked=task[1] != " ")
    return ListItem(inner)


def block(tokens: Sequence[Token], start: int, end: int) -> Block:
    """The block whose tokens are tokens[start:end]."""
    token = tokens[start]
    match token.type:
        case "heading_open":
            return Heading(int(token.tag[1:]), inline(tokens[start + 1]))
        case "fence":
            return CodeBlock(language_of(token.info), token.content)
        case "code_block":
            return CodeBlock("", token.content)
        case "hr":
            return Rule()
        case "blockquote_open":
            return Quote(blocks(tokens, start + 1, end - 1))
        case "bullet_list_open" | "ordered_list_open":
            number = token.attrGet("start")
            items = tuple(_item(tokens, first, last) for first, last, _ in list_items(tokens, start, end))
            return ListBlock(token.tag == "ol", 1 if number is None else int(number), items)
        case "table_open":
            return _table(tokens[start:end])
    return Paragraph(inline(tokens[start + 1]))


def blocks(tokens: Sequence[Token], start: int, end: int) -> tuple[Block, ...]:
    """The blocks of tokens[start:end], which hold whole blocks of one level."""
    found: list[Block] = []
    first = start
    level = tokens[start].level if start < end else 0
    for index in range(start, end):
        token = tokens[index]
        if token.level != level:
            continue
        if token.nesting >= 0:
            first = index
        if token.nesting <= 0:
            found.append(block(tokens, first, index + 1))
    return tuple(found)
