"""Memory of every architecture the engine knows: which load, and how near plan, formula and llama.cpp's fit come."""

from __future__ import annotations

import os
import re
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from measure import Figure, Figures, table
from support.architecture_table import IN_RAM, Row, on_a_device, rows
from support.forge_architectures import architectures, wanted
from support.load_tool import TESTS, Loads
from support.rpc_device import rpc_device

from desktop.engine.helper_process import Tool
from desktop.engine.planner.planner import Plans

FEWEST = 110
_QUICK_STEP = 10  # every tenth architecture
_FOLDERS = re.compile(r"/\S*/")  # of the machine that compiled the engine


def figures(quick: bool) -> Figures:
    """The figures, with a row for each architecture as their table."""
    names = architectures()
    with tempfile.TemporaryDirectory() as name, rpc_device() as endpoint:
        folder = Path(name)
        os.environ["HEFT_RPC"] = endpoint
        os.environ["PYTHONPATH"] = TESTS
        planner: Tool[Plans] = Tool("desktop.engine.planner.planner", Plans, folder, folder / "planner.log")
        loader: Tool[Loads] = Tool("support.load_tool", Loads, None, folder / "loads.log")
        try:
            asked = wanted(names[::_QUICK_STEP] if quick else names)
            found = list(rows(asked, folder, planner, loader, (*IN_RAM, *on_a_device()), fit=True))
        finally:
            planner.close()
            loader.close()
            del os.environ["HEFT_RPC"], os.environ["PYTHONPATH"]
    return Figures(_summed(found, 0 if quick else FEWEST), _table(found))


def _summed(found: Sequence[Row], fewest: int) -> list[Figure]:
    loaded = [row for row in found if row.loads]
    count = sum(len(row.compared) for row in loaded)
    plans = max(abs(row.plan_error) for row in loaded) * 100
    here = [error for row in loaded for error in row.formula_errors(device=False)]
    there = [error for row in loaded for error in row.formula_errors(device=True)]
    fits = [one.fit / one.loaded - 1 for row in loaded for one in row.compared]
    sides = f"of {len(found)}, {count} loads"
    result = [
        Figure("architectures planned and loaded", sides, len(loaded), f"at least {fewest}", len(loaded) >= fewest),
        Figure("engine's plan against the load, worst error %", sides, plans, "below 0.1", plans < 0.1),
    ]
    for where, errors in (("in main memory", here), ("with a second device", there)):
        median, lowest = statistics.median(map(abs, errors)) * 100, min(errors) * 100
        low = sum(error < -0.005 for error in errors)
        what = f"formula against the plan {where}"
        result += [
            Figure(f"{what}: median error %", f"{len(errors)} ways", median, "at most 0.3", median <= 0.3),
            Figure(f"{what}: lowest %", f"{low} below -0.5", lowest, "at least -0.5", lowest >= -0.5),
        ]
    fit_median = statistics.median(map(abs, fits)) * 100
    result.append(
        Figure(
            "what llama-fit-params prints (same build) against the load: median error %",
            f"lowest {min(fits) * 100:.1f}, highest {max(fits) * 100:.1f}",
            fit_median,
            "for comparison",
            True,
        )
    )
    return result


def _table(found: Sequence[Row]) -> str:
    cells = [("architecture", "loads", "plan against load", "formula, main memory", "formula, second device")]
    for row in sorted(found, key=lambda row: row.architecture):
        if not row.loads:
            cells.append((row.architecture, f"no: {_FOLDERS.sub('', row.reason)}", "", "", ""))
            continue
        said = f"yes; not with q8_0: {row.reason}" if row.refused else "yes"
        here, there = row.formula_errors(device=False), row.formula_errors(device=True)
        cells.append((row.architecture, said, _percent([row.plan_error]), _percent(here), _percent(there)))
    words = (
        "Each architecture forged small, with the tensors its own loader asks for (tests/support/architecture_keys.py),"
        " 4,096 tokens, f16 and q8_0 cache, all layers or the last alone on the second device; where errors differ, the"
        " lowest and the highest. Weights are a few MB here, so each activation counts."
    )
    return f"{words}\n\n{table(cells)}"


def _percent(errors: Sequence[float]) -> str:
    ends = dict.fromkeys(f"{end * 100:+.2f}%" for end in (min(errors), max(errors)))
    return " to ".join(ends)
