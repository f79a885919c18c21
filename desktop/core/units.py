"""Figures as people write them, the same in every language: a point before decimals, commas between thousands.

What a person types may use either: ``0.3`` and ``0,3`` are the same number (:func:`decimal`).
"""

from __future__ import annotations

import math
import re

_GROUPED = re.compile(r"[+-]?\d{1,3}(?P<mark>[.,' \u00a0\u2009\u202f])\d{3}(?:(?P=mark)\d{3})*")
_SPACES = str.maketrans("", "", "_' \u00a0\u2009\u202f")
_UNITS = {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_AMOUNT = re.compile(r"(?P<number>[^a-z]+?)\s*(?P<unit>b|[kmgt]i?)?b?", re.IGNORECASE)


def human_bytes(count: float) -> str:
    """Decimal units, as disks and the Hub count: ``98.4 MB``."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(count) < 999.5 or unit == "TB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError("unreachable")


def human_left(free: float, used: float) -> str:
    """What is left of free bytes, so that it adds up with both as they are shown."""
    tenth = 100_000_000
    left = (round(free / tenth) - round(used / tenth)) * tenth
    return human_bytes(left if left > 0 and min(free, used) >= 10 * tenth else free - used)


def human_parameters(count: int) -> str:
    """A number of parameters as people write it: ``135 M``, ``8.19 B``."""
    if count < 1_000_000:
        return human_count(count)
    scaled, unit = (count / 1e9, "B") if count >= 999_500_000 else (count / 1e6, "M")
    return f"{scaled:.0f} {unit}" if scaled >= 100 else f"{scaled:.3g} {unit}"


def human_bits(bits: float) -> str:
    """Bits per weight: ``5.74``."""
    return f"{bits:.2f}"


def human_count(count: int) -> str:
    """A whole number: ``16,384``."""
    return f"{count:,}"


def human_decimal(value: float, decimals: int) -> str:
    """A number with so many places after the point: ``1,234.50``."""
    return f"{value:,.{decimals}f}"


def human_time(seconds: float) -> str:
    """A span of time: ``40 s``, ``12 min``, ``2 h 5 min``."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def whole(text: str) -> int:
    """The whole number a person wrote, thousands marked in any way or not: ``16384``, ``16,384``, ``16.384``.

    Raises ValueError for anything else.
    """
    text = text.strip()
    if _GROUPED.fullmatch(text):
        text = re.sub(r"[^\d+-]", "", text)
    return int(text.translate(_SPACES))


def decimal(text: str) -> float:
    """The number a person wrote, with a point or a comma before its decimals: ``0.3``, ``0,3``, ``1.234,5``.

    A single mark is taken for the decimal one; of two kinds of marks the last is. Raises ValueError for anything else,
    and for what is no finite number.
    """
    text = text.strip().translate(_SPACES)
    point = max(text.rfind("."), text.rfind(","))
    if point >= 0:
        mark, front = text[point], text[:point]
        if mark in front:  # the same mark again: it stands between thousands
            return float(whole(text))
        other = "," if mark == "." else "."
        if other in front and not _GROUPED.fullmatch(front):
            raise ValueError(text)
        text = f"{front.replace(other, '')}.{text[point + 1 :]}"
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def byte_count(text: str) -> int:
    """The size a person wrote, in bytes: ``1.5 GB``, ``600 MB``, ``1000000``. Raises ValueError for anything else."""
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        raise ValueError(text)
    unit = (found["unit"] or "").lower()
    return round(decimal(found["number"]) * _UNITS[unit]) if unit in _UNITS else whole(found["number"])
