"""All figures by one command: ``python tests/bench/run_all.py [--quick] [--only PART ...] [--json FILE]``.

Run it alone: a busy machine slows a thread pool of llama.cpp tenfold.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

os.environ["QT_QPA_PLATFORM"] = "offscreen"  # of this process; the windows measured set their own

import bench_architectures  # noqa: E402  # after path and environment are set
import bench_attention  # noqa: E402
import bench_busy  # noqa: E402
import bench_composer  # noqa: E402
import bench_device  # noqa: E402
import bench_documents  # noqa: E402
import bench_door  # noqa: E402
import bench_engine  # noqa: E402
import bench_frozen  # noqa: E402
import bench_gguf  # noqa: E402
import bench_job_frames  # noqa: E402
import bench_lab  # noqa: E402
import bench_lanes  # noqa: E402
import bench_memory  # noqa: E402
import bench_palette  # noqa: E402
import bench_picker  # noqa: E402
import bench_speed  # noqa: E402
import bench_transcript  # noqa: E402
import bench_window  # noqa: E402
import psutil  # noqa: E402
from keeping import keep, machine  # noqa: E402
from measure import Figure, Figures, markdown  # noqa: E402

from desktop.store.starter import find_starter  # noqa: E402

VOCABULARIES = Path.home() / ".cache" / "heft" / "test-data" / "models"

PARTS: dict[str, Callable[[Path, bool], Sequence[Figure]]] = {
    "engine": lambda starter, quick: bench_engine.figures(starter, VOCABULARIES, quick),
    "busy": bench_busy.figures,
    "door": bench_door.figures,
    "window": bench_window.figures,
    "frozen": lambda _starter, quick: bench_frozen.figures(quick),
    "memory": lambda starter, quick: bench_memory.figures(starter, VOCABULARIES, quick),
    "architectures": lambda _starter, quick: bench_architectures.figures(quick),
    "lanes": lambda _starter, quick: bench_lanes.figures(quick),
    "transcript": lambda _starter, _quick: bench_transcript.figures(),
    "documents": lambda starter, _quick: bench_documents.figures(starter),
    "composer": lambda _starter, _quick: bench_composer.figures(),
    "device": lambda starter, quick: bench_device.figures(starter, VOCABULARIES, quick),
    "palette": lambda _starter, _quick: bench_palette.figures(),
    "speed": lambda _starter, quick: bench_speed.figures(quick),
    "attention": lambda _starter, quick: bench_attention.figures(quick),
    "gguf": lambda starter, _quick: bench_gguf.figures(starter, VOCABULARIES),
    "picker": lambda _starter, _quick: bench_picker.figures(VOCABULARIES),
    "lab": bench_lab.figures,
    "jobs": bench_job_frames.figures,
}


def main() -> int:
    """Measure, print the table, and write it as JSON when asked; exit code 1 when a figure is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, not for quoting")
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also keep the figures in FILE, and as a page")
    args = parser.parse_args()
    starter = find_starter()
    if starter is None or not VOCABULARIES.is_dir():
        sys.exit("The starter model or the test data is missing: run bash packaging/test.sh first.")
    if psutil.cpu_percent(1.0) > 20:
        print("note: this machine is busy; the figures will be too low", file=sys.stderr)
    measured = {part: PARTS[part](starter, args.quick) for part in args.only or PARTS}
    figures = [figure for part in measured.values() for figure in part]
    print(markdown(figures))
    for part in measured.values():
        if isinstance(part, Figures):
            print(f"\n{part.details}")
    print(f"\n{machine()}")
    if args.json:
        keep(args.json, measured)
    return 0 if all(figure.reached for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
