"""Markdown of an answer that is still being written, as frozen blocks. Qt-free.

``StreamParser`` parses finished blocks once and only the open tail again, whose length is bounded; ``parse`` does a
whole text with the same machine. Neither ever produces HTML, and neither loads anything an answer names.
"""

from __future__ import annotations

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
    fenced,
    join_parts,
    plain_text,
    quoted,
)
from desktop.core.markdown.links import LinkVerdict, judge_link
from desktop.core.markdown.math import latex_of
from desktop.core.markdown.stream import StreamParser, Update, parse, parse_plain
from desktop.core.markdown.table_text import as_csv, as_markdown

__all__ = [
    "Alignment",
    "Block",
    "CodeBlock",
    "Heading",
    "LinkVerdict",
    "ListBlock",
    "ListItem",
    "Paragraph",
    "Quote",
    "Rule",
    "Run",
    "Runs",
    "StreamParser",
    "Table",
    "Update",
    "as_csv",
    "as_markdown",
    "fenced",
    "join_parts",
    "judge_link",
    "latex_of",
    "parse",
    "parse_plain",
    "plain_text",
    "quoted",
]
