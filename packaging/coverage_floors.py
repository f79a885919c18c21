"""Holds the branch coverage of each floor against the least that tests/coverage_floors.json allows.

    python packaging/coverage_floors.py            after `coverage run`; 1 when a floor fell
    python packaging/coverage_floors.py --raise    write what was reached, where it is more

Lines and branches count together, as `coverage report` counts them. What runs in processes of its own (the engine's
worker, its helpers, commands and windows that tests start) is not seen and therefore counts as not covered.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LEAST = ROOT / "tests" / "coverage_floors.json"
FLOORS = ("core", "system", "engine", "hub", "machine", "mcp", "store", "services", "ui", "cli")
ROUNDING = 0.5  # percent: a run that waits less long than another takes other branches


def floors_of(report: Mapping[str, Any]) -> dict[str, float]:
    """Percent of each floor's lines and branches, from the document that `coverage json` writes."""
    reached: dict[str, tuple[int, int]] = {}
    for name, file in report["files"].items():
        parts = Path(name.replace("\\", "/")).parts
        floor = parts[parts.index("desktop") + 1] if "desktop" in parts else ""
        if floor in FLOORS:
            told = file["summary"]
            covered, all_of_them = reached.get(floor, (0, 0))
            reached[floor] = (
                covered + told["covered_lines"] + told["covered_branches"],
                all_of_them + told["num_statements"] + told["num_branches"],
            )
    return {floor: 100 * reached[floor][0] / max(1, reached[floor][1]) for floor in FLOORS if floor in reached}


def fallen(reached: Mapping[str, float], least: Mapping[str, float]) -> list[str]:
    """A sentence for each floor that is below what it has to have."""
    return [
        f"{floor}: {reached.get(floor, 0.0):.1f}% of lines and branches are covered, at least {wanted:.1f}% were"
        for floor, wanted in least.items()
        if reached.get(floor, 0.0) < wanted - ROUNDING
    ]


def _report() -> Mapping[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "coverage.json"
        subprocess.run(["coverage", "json", "-q", "-o", str(out)], cwd=ROOT, check=True)
        found: Mapping[str, Any] = json.loads(out.read_text(encoding="utf-8"))
        return found


def main(arguments: list[str]) -> int:
    """Compare, or write what was reached."""
    reached = floors_of(_report())
    least: dict[str, float] = json.loads(LEAST.read_text(encoding="utf-8")) if LEAST.is_file() else {}
    if "--raise" in arguments:
        raised = {floor: max(least.get(floor, 0.0), math.floor(value * 10) / 10) for floor, value in reached.items()}
        LEAST.write_text(json.dumps({**least, **raised}, indent=2) + "\n", encoding="utf-8")
        return 0
    for floor, value in reached.items():
        print(f"{floor:10} {value:5.1f}%  (at least {least.get(floor, 0.0):.1f}%)")
        if value > least.get(floor, 0.0) + 1:
            print(f"{'':10} may rise: python packaging/coverage_floors.py --raise")
    told = fallen(reached, least)
    print(*told, sep="\n", file=sys.stderr)
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
