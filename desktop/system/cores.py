"""How many of the processor's cores this process may use."""

from __future__ import annotations

import os
from functools import cache

import psutil


def physical_threads() -> int:
    """Physical cores this process may use: more threads than that only contend for the same units."""
    cores = _cores()
    return max(1, min(cores, len(os.sched_getaffinity(0)))) if hasattr(os, "sched_getaffinity") else cores


@cache
def _cores() -> int:
    """Asked once: reading it takes milliseconds, and plans are made by the dozen."""
    return psutil.cpu_count(logical=False) or 1
