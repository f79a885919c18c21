"""Results of a benchmark as a picture: bars of tokens per second with their spread, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from desktop.core.bench_rows import BenchRow
from desktop.core.words import counted

_WIDTH, _LABEL, _ROW, _TOP = 760, 300, 26, 56
_COLOURS = ("#2f6fde", "#c2571a", "#2b8a3e", "#8e44ad", "#b8860b", "#5f6b7a")


def picture(series: Sequence[tuple[str, Sequence[BenchRow]]], title: str) -> str:
    """SVG text: a group of bars for each test, a colour for each of ``series`` (name, rows). Bars are medians, lines
    from the lowest to the highest repetition."""
    bars = [(at, name, row) for at, (name, rows) in enumerate(series) for row in rows]
    bars.sort(key=lambda one: (one[2].n_prompt == 0, one[2].n_depth, one[0]))
    most = max((row.spread[1] for _, _, row in bars), default=1.0) or 1.0
    room = _WIDTH - _LABEL - 110
    height = _TOP + _ROW * len(bars) + 24 + 20 * len(series)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" font-family="sans-serif">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="16" y="26" font-size="16" font-weight="bold" fill="#1b1f24">{escape(title)}</text>',
        '<text x="16" y="44" font-size="12" fill="#57606a">tokens per second: median, lowest to highest</text>',
    ]
    for number, (at, _, row) in enumerate(bars):
        y = _TOP + number * _ROW
        low, high = row.spread
        colour, middle = _COLOURS[at % len(_COLOURS)], y + _ROW / 2
        width = row.median / most * room
        out += [
            f'<text x="{_LABEL - 10}" y="{middle + 4:.1f}" font-size="12" text-anchor="end" fill="#1b1f24">'
            f"{escape(row_words(row))}</text>",
            f'<rect x="{_LABEL}" y="{y + 5}" width="{width:.1f}" height="{_ROW - 10}" fill="{colour}" rx="2"/>',
            f'<line x1="{_LABEL + low / most * room:.1f}" x2="{_LABEL + high / most * room:.1f}" y1="{middle:.1f}" '
            f'y2="{middle:.1f}" stroke="#1b1f24" stroke-width="2"/>',
            f'<text x="{_LABEL + high / most * room + 8:.1f}" y="{middle + 4:.1f}" font-size="12" fill="#1b1f24">'
            f"{row.median:.1f}</text>",
        ]
    for at, (name, _) in enumerate(series):
        y = _TOP + _ROW * len(bars) + 20 + 20 * at
        out += [
            f'<rect x="16" y="{y - 10}" width="12" height="12" fill="{_COLOURS[at % len(_COLOURS)]}"/>',
            f'<text x="34" y="{y}" font-size="12" fill="#1b1f24">{escape(name)}</text>',
        ]
    return "\n".join([*out, "</svg>"]) + "\n"


def row_words(row: BenchRow) -> str:
    """A row's test with the settings that are not usual, in a few words."""
    words = [row.test, _threads(row.n_threads)]
    if (row.type_k, row.type_v) != ("f16", "f16"):
        words.append(row.type_k if row.type_k == row.type_v else f"{row.type_k}/{row.type_v}")
    if row.n_batch != BenchRow().n_batch or row.n_ubatch != BenchRow().n_ubatch:
        words.append(f"batch {row.n_batch}/{row.n_ubatch}")
    if row.n_gpu_layers > 0 and row.devices != "none":
        words.append(f"{row.n_gpu_layers} layers on {row.devices}")
    return " · ".join(word for word in words if word)


def _threads(count: int) -> str:
    return counted(count, "thread") if count else ""
