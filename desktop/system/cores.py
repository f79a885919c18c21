"""How many of the processor's cores this process may use."""

from __future__ import annotations

import os

import psutil


def physical_threads() -> int:
    """Physical cores this process may use: more threads than that only contend for the same units."""
    cores = psutil.cpu_count(logical=False) or 1
    return max(1, min(cores, len(os.sched_getaffinity(0)))) if hasattr(os, "sched_getaffinity") else cores
