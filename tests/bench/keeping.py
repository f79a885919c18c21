"""Figures kept as JSON with machine and date, part by part, and the page that shows them."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
from measure import Figure, Figures, markdown

from desktop.machine.cpu import read_cpu
from desktop.machine.tables import Tables

_PAGE = """# Figures

Written by `.venv/bin/python tests/bench/run_all.py --json docs/figures.json`, each beside its baseline of the same
run. These machines are shared: ratios and medians travel, absolute numbers do not.
"""


def machine() -> str:
    """The processor, its usable cores and the memory, in words."""
    cpu = read_cpu(Tables()).cpu
    gibibytes = psutil.virtual_memory().total / (1 << 30)
    return f"{cpu.name}, {cpu.physical_cores} cores, {gibibytes:.0f} GiB"


def keep(path: Path, measured: Mapping[str, Sequence[Figure]]) -> None:
    """Write the parts measured now; those measured earlier stay. The page is the same name with ``.md``."""
    parts: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    now = datetime.datetime.now().astimezone().isoformat(timespec="minutes")
    for part, figures in measured.items():
        rows = [dataclasses.asdict(figure) for figure in figures]
        parts[part] = {"machine": machine(), "date": now, "figures": rows}
        if isinstance(figures, Figures):
            parts[part]["details"] = figures.details
    path.write_text(json.dumps(parts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    path.with_suffix(".md").write_text(_page(parts), encoding="utf-8")


def _page(parts: Mapping[str, Any]) -> str:
    sections = [_PAGE]
    for part, kept in parts.items():
        table = markdown([Figure(**row) for row in kept["figures"]])
        details = f"\n{kept['details']}\n" if "details" in kept else ""
        sections.append(f"## {part.capitalize()}\n\n{kept['machine']}, {kept['date']}\n\n{table}\n{details}")
    return "\n".join(sections)
