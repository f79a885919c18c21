"""Figures as people write them."""

from __future__ import annotations


def human_bytes(count: float) -> str:
    """Decimal units, as disks and the Hub count: ``98.4 MB``."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(count) < 999.5 or unit == "TB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError("unreachable")


def human_parameters(count: int) -> str:
    """A number of parameters as people write it: ``135 M``, ``8.19 B``."""
    if count < 1_000_000:
        return f"{count:,}"
    scaled, unit = (count / 1e9, "B") if count >= 999_500_000 else (count / 1e6, "M")
    return f"{scaled:.0f} {unit}" if scaled >= 100 else f"{scaled:.3g} {unit}"
