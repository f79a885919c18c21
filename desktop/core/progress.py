"""The one way work says how far it is: a value handed to a function that whoever waits has given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """How far something is: ``done`` of ``total``, both in ``unit``.

    ``total`` is 0 while it is not known. ``unit`` is what is counted, in the plural ("bytes", "files", "tensors"),
    or "" where ``done`` is a fraction and ``total`` 1. ``note`` is what the work is at: a name, untrusted where the
    work reads a stranger's file. ``speed`` is in units per second, ``seconds_left`` in seconds; None while unknown.
    """

    done: float = 0.0
    total: float = 0.0
    unit: str = ""
    note: str = ""
    speed: float | None = None
    seconds_left: float | None = None

    @classmethod
    def of(cls, fraction: float, note: str = "") -> Progress:
        """Progress of work that counts nothing: ``fraction`` from 0 to 1."""
        return cls(fraction, 1.0, note=note)

    @property
    def known(self) -> bool:
        """Whether the end is known; a bar without an end is shown otherwise."""
        return self.total > 0

    @property
    def fraction(self) -> float:
        """From 0 to 1; 0 while the total is not known."""
        return min(1.0, max(0.0, self.done / self.total)) if self.total > 0 else 0.0


Report = Callable[[Progress], None]
"""Hears each step, in the thread that works; it returns at once."""


def unheard(_progress: Progress) -> None:
    """The :data:`Report` of work nobody watches."""


def share(report: Report, start: float, size: float) -> Report:
    """The report of a part of some work: its 0 to 1 is ``start`` to ``start + size`` of the whole."""
    return lambda step: report(Progress.of(start + size * step.fraction, step.note))
