"""Inline rules for markdown-it: formulas, addresses, ``<br>``, and emphasis beside the letters of East Asia."""

from __future__ import annotations

import re

from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace
from markdown_it.rules_inline.state_inline import Scanned, StateInline

from desktop.core.markdown import math
from desktop.core.markdown.bare_links import address_at
from desktop.core.markdown.block_rules import OPEN

_SCHEME = re.compile(r"https?$", re.IGNORECASE)
_BREAK = re.compile(r"<br\s*/?>[ \t]*\n?", re.IGNORECASE)
_SMALL = re.compile(r"<(sub|sup)>([0-9+=()-]{1,12})</\1>", re.IGNORECASE)
_LOWERED = str.maketrans("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎")
_RAISED = str.maketrans("0123456789+-=()", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾")
# CJK symbols, kana, bopomofo, hangul, Han and full-width forms (Unicode 16, Blocks.txt)
_EAST_ASIAN = re.compile(
    r"[\u1100-\u11ff\u2e80-\u303f\u3040-\u318f\u31a0-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"
    r"\ufe30-\ufe4f\uff00-\uffef\U0001b000-\U0001b16f\U00020000-\U0003ffff]"
)


class CjkState(StateInline):
    """Emphasis where words have no spaces around them.

    CommonMark 0.31, section 6.2, wants a space or punctuation outside of a run of marks that has punctuation inside;
    Chinese, Japanese and Korean write neither. A letter of theirs counts as such here, and their own punctuation as a
    letter (the rules of markdown-cjk-friendly).
    """

    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:  # noqa: N803  # the name in the base class
        """Whether the run of marks at ``start`` can open and close emphasis."""
        marker, end = self.src[start], start
        while end < self.posMax and self.src[end] == marker:
            end += 1
        before = self.src[start - 1] if start > 0 else " "
        after = self.src[end] if end < self.posMax else " "
        space_before, space_after = isWhiteSpace(ord(before)), isWhiteSpace(ord(after))
        cjk_before, cjk_after = bool(_EAST_ASIAN.match(before)), bool(_EAST_ASIAN.match(after))
        mark_before = not cjk_before and (isMdAsciiPunct(ord(before)) or isPunctChar(before))
        mark_after = not cjk_after and (isMdAsciiPunct(ord(after)) or isPunctChar(after))
        left = not space_after and (not mark_after or space_before or mark_before or cjk_before)
        right = not space_before and (not mark_before or space_after or mark_after or cjk_after)
        can_open = left and (canSplitWord or not right or mark_before)
        can_close = right and (canSplitWord or not left or mark_after)
        return Scanned(can_open, can_close, end - start)


def formula(state: StateInline, silent: bool) -> bool:
    """A formula in a line of text; of one that is not ended yet, the text as it is written."""
    mark = math.delimiter_at(state.src, state.pos)
    if not mark:
        return False
    end = math.inline_end(state.src, state.pos, state.posMax)
    if end is None:
        rest = state.src[state.pos + len(mark) : state.posMax]
        if mark == "$" or OPEN not in state.env or not math.may_go_on(rest):
            return False
        kind, end = "text", state.posMax
    else:
        kind = "formula"
    if not silent:
        state.push(kind, "", 0).content = state.src[state.pos : end]
    state.pos = end
    return True


def address(state: StateInline, silent: bool) -> bool:
    """An address with its scheme, whatever marks of emphasis are in it; found at its colon."""
    if state.linkLevel > 0 or not state.src.startswith("://", state.pos):
        return False
    scheme = _SCHEME.search(state.pending)
    if scheme is None:
        return False
    start = state.pos - len(scheme[0])
    found = address_at(state.src, start, state.posMax)
    if not found:
        return False
    if not silent:
        state.pending = state.pending[: -len(scheme[0])]
        state.push("link_open", "a", 1).attrSet("href", found)
        state.push("text", "", 0).content = found
        state.push("link_close", "a", -1)
    state.pos = start + len(found)
    return True


def small_letters(state: StateInline, silent: bool) -> bool:
    """``H<sub>2</sub>O`` and ``x<sup>2</sup>``, where there are such characters; all else stays as it is written."""
    match = _SMALL.match(state.src, state.pos, state.posMax) if state.src[state.pos] == "<" else None
    if match is None:
        return False
    if not silent:
        small = _LOWERED if match[1].lower() == "sub" else _RAISED
        state.push("text", "", 0).content = match[2].translate(small)
    state.pos = match.end()
    return True


def line_break(state: StateInline, silent: bool) -> bool:
    """``<br>``, which models write where Markdown has nothing: in the cells of tables."""
    match = _BREAK.match(state.src, state.pos, state.posMax) if state.src[state.pos] == "<" else None
    if match is None:
        return False
    if not silent:
        state.push("hardbreak", "br", 0)
    state.pos = match.end()
    return True
