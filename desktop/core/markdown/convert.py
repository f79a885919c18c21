"""From markdown-it's tokens to blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from desktop.core.markdown import block_rules
from desktop.core.markdown.bare_links import with_links
from desktop.core.markdown.block_rules import OPEN, language_of
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
from desktop.core.markdown.math import latex_of

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.ruler import RuleOptionsType
    from markdown_it.token import Token

_TASK = re.compile(r"\[([ xX])\][ \n]")
_OPEN_STYLE = {"strong_open": "bold", "em_open": "italic", "s_open": "strike"}
_CLOSE_STYLE = {"strong_close": "bold", "em_close": "italic", "s_close": "strike"}
_ALIGNMENTS: dict[str, Alignment] = {"text-align:center": "center", "text-align:right": "right"}
_MAX_NESTING = 60  # deeper quotes and lists are left out, as in markdown-it's own presets (20 and 100)


@lru_cache(maxsize=1)
def markdown() -> MarkdownIt:
    """CommonMark with tables, strikethrough and formulas, without HTML.

    Link reference definitions are off: they would let the end of an answer change its beginning.
    """
    from markdown_it import MarkdownIt

    from desktop.core.markdown import inline_rules

    made = MarkdownIt("commonmark", {"html": False, "linkify": False, "maxNesting": _MAX_NESTING})
    made.enable(["table", "strikethrough"]).disable(["reference", "html_block", "html_inline"])
    ends: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    made.block.ruler.at("fence", block_rules.fence, ends)
    made.block.ruler.before("fence", "formula", block_rules.formula, ends)
    made.inline.ruler.after("text", "address", inline_rules.address)
    made.inline.ruler.before("escape", "formula", inline_rules.formula)
    made.inline.ruler.before("autolink", "line_break", inline_rules.line_break)
    made.inline.ruler.before("autolink", "small_letters", inline_rules.small_letters)
    return made


def tokenize(text: str, *, is_open: bool = False) -> list[Token]:
    """Block tokens; the inline ones are parsed only when they are converted.

    ``is_open``: the text is still being written, so that a formula at its end may be unfinished.
    """
    tokens: list[Token] = []
    made = markdown()
    lines = text.count("\n") + (not text.endswith("\n"))
    made.block.parse(text, made, {OPEN: True, "lines": lines} if is_open else {}, tokens)
    if is_open:
        last = next((token for token in reversed(tokens) if token.nesting >= 0), None)
        if last is not None and last.type == "inline":  # not one that a block of code stands behind
            last.meta = {OPEN: True}
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
            math: Literal["", "inline", "display"] = ""
            if kind == "formula":
                math = "display" if latex_of(text)[1] else "inline"
            if kind in ("softbreak", "hardbreak"):
                text = "\n"  # models break lines where they mean a break
            elif kind == "image":
                target = link or str(token.attrGet("src") or "")
                text = "".join(child.content for child in token.children or ()) or "image"
            if text:
                bold, italic, strike = (style[name] > 0 for name in ("bold", "italic", "strike"))
                yield Run(text, bold, italic, code, strike, target, math)


def _children(token: Token) -> list[Token]:
    """What the inline token consists of: markdown-it's parse, with a state of our own."""
    from desktop.core.markdown.inline_rules import CjkState

    made = markdown()
    state = CjkState(token.content, made, {OPEN: True} if OPEN in token.meta else {}, [])
    made.inline.tokenize(state)
    for rule in made.inline.ruler2.getRules(""):
        rule(state)
    return state.tokens


def _linked(run: Run) -> Iterator[Run]:
    """The run, with the addresses that stand in it as links."""
    if run.code or run.link or run.math or not ("://" in run.text or "www." in run.text.lower() or "@" in run.text):
        yield run
    else:
        for text, target in with_links(run.text):
            yield replace(run, text=text, link=target)


def inline(token: Token) -> Runs:
    """The runs of an inline token, neighbours of one style joined."""
    runs: list[Run] = []
    for run in _pieces(_children(token)):
        if runs and runs[-1].goes_with(run):
            runs[-1] = replace(runs[-1], text=runs[-1].text + run.text)
        else:
            runs.append(run)
    return tuple(linked for run in runs for linked in _linked(run))


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
        case "formula":
            return Paragraph((Run(token.content, math="" if token.info == OPEN else "display"),))
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
