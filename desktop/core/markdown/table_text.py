"""A table as text for other programs: comma-separated values, and Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from desktop.core.markdown.blocks import Runs, Table

_RULES = {"left": "---", "center": ":-:", "right": "--:"}


def _written(runs: Runs) -> str:
    return "".join(run.text for run in runs)


def as_csv(table: Table) -> str:
    """The table by RFC 4180, with line feeds; a break within a cell is quoted."""
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows([_written(cell) for cell in row] for row in _rows(table))
    return lines.getvalue()


def as_markdown(table: Table) -> str:
    """The table in GitHub's form, its cells in Markdown again."""
    header, *rows = ["| " + " | ".join(_markdown(cell) for cell in row) + " |" for row in _rows(table)]
    rule = "|" + "|".join(_RULES[alignment] for alignment in table.alignments) + "|"
    return "\n".join((header, rule, *rows)) + "\n"


def _rows(table: Table) -> Sequence[Sequence[Runs]]:
    return (table.header, *table.rows)


def _markdown(runs: Runs) -> str:
    parts = []
    for run in runs:
        text = run.text.replace("|", r"\|").replace("\n", "<br>")
        if run.math or not text.strip():
            parts.append(text)
            continue
        if run.code:
            text = f"`` {text} ``" if "`" in text else f"`{text}`"
        for mark, wanted in (("~~", run.strike), ("*", run.italic), ("**", run.bold)):
            text = f"{mark}{text}{mark}" if wanted else text
        plain = run.link in (run.text, f"http://{run.text}", f"mailto:{run.text}")
        parts.append(f"[{text}]({run.link})" if run.link and not plain else text)
    return "".join(parts)
