"""Rows of a benchmark as the tab Benchmark shows them: in words, in the chart, in the table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from desktop.core.bench_picture import row_words
from desktop.core.bench_rows import BenchRow
from desktop.core.words import tr
from desktop.ui.lab.speed_chart import Bar
from desktop.ui.shared.text_table_model import TextRow


def when_words(rows: Sequence[BenchRow]) -> str:
    """When it was measured; nothing of rows that do not say."""
    told = max((row.test_time for row in rows), default="")
    try:
        when = datetime.fromisoformat(told).astimezone()
    except ValueError:
        return ""
    return tr("Measured {when:%Y-%m-%d %H:%M}.", when=when)


def whose(name: str, row: BenchRow) -> str:
    """The file that rows come from, and what was measured where."""
    return ", ".join(word for word in (name, row.model_type, row.gpu_info or row.cpu_info) if word)


def bar(row: BenchRow, predicted: float, name: str) -> Bar:
    """A row in the chart; ``name`` is the file of other people's."""
    words = f"{row_words(row)} · {name}" if name else row_words(row)
    return Bar(words, row.median, *row.spread, predicted, own=not name)


def text_row(row: BenchRow, predicted: float, of: str) -> TextRow:
    """A row in the table, beside what was predicted (tokens per second, 0 for nothing)."""
    low, high = row.spread
    off = row.median / predicted - 1 if predicted else 0.0
    texts = (
        row_words(row), f"{row.median:.1f}", f"{low:.1f}", f"{high:.1f}", f"{predicted:.1f}" if predicted else "–",
        f"{off:+.0%}" if predicted else "–", of,
    )  # fmt: skip
    return TextRow(texts, (texts[0], row.median, low, high, predicted, off, of))
