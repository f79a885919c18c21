"""Which row a leaf becomes."""

from __future__ import annotations

from desktop.ui.shared.transcript.code_row import CodeRow
from desktop.ui.shared.transcript.formula_row import FormulaRow
from desktop.ui.shared.transcript.leaves import (
    CodeLeaf,
    FormulaLeaf,
    Leaf,
    ReasoningLeaf,
    RuleLeaf,
    TableLeaf,
    ToolLeaf,
)
from desktop.ui.shared.transcript.row import RuleRow, TextRow, TranscriptRow
from desktop.ui.shared.transcript.style import Style
from desktop.ui.shared.transcript.table_row import TableRow
from desktop.ui.shared.transcript.thinking import ReasoningRow
from desktop.ui.shared.transcript.tool_row import ToolRow


def row_of(style: Style, leaf: Leaf) -> TranscriptRow:
    """A new row for it."""
    match leaf:
        case CodeLeaf():
            return CodeRow(style, leaf)
        case FormulaLeaf():
            return FormulaRow(style, leaf)
        case TableLeaf():
            return TableRow(style, leaf)
        case RuleLeaf():
            return RuleRow(style, leaf)
        case ReasoningLeaf():
            return ReasoningRow(style, leaf)
        case ToolLeaf():
            return ToolRow(style, leaf)
    return TextRow(style, leaf)
