"""Quantizing, measuring and timing beside llama.cpp's own programs: the same file, type, text and threads, alternating.

    python tests/bench/bench_lab.py FOLDER [ROUNDS]

FOLDER holds ``llama-quantize``, ``llama-perplexity`` and ``llama-bench`` of the same build: compiled from the same
sources and linked to the installed libraries (how stands in docs/reference/lab.md). Run it alone: a busy machine slows
both, but not alike.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from measure import Figure, markdown, median_ratio  # noqa: E402

from desktop.core.bench_rows import read_rows  # noqa: E402
from desktop.store.starter import find_starter  # noqa: E402
from desktop.system.cores import physical_threads  # noqa: E402
from desktop.system.packaged import FOLDER  # noqa: E402

TYPES = ("Q8_0", "Q4_K_M", "IQ4_XS")
TEXT = FOLDER / "texts" / "prose.txt"
CHUNKS, CONTEXT = 8, 512
AT_MOST = 1.05
PROMPT, GENERATE, DEPTHS = 512, 32, (0, 8192)
AS_THEIRS = 0.03  # how far a speed may be from llama-bench's


def _heft(home: Path, *arguments: str) -> tuple[float, Any]:
    """Seconds of the whole command, and its document."""
    environment = {**os.environ, "HEFT_HOME": str(home)}
    begun = time.perf_counter()
    command = [sys.executable, "-m", "desktop", *arguments, "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, check=True)
    return time.perf_counter() - begun, json.loads(done.stdout)


def _theirs(*command: str) -> float:
    begun = time.perf_counter()
    subprocess.run(command, capture_output=True, check=True)
    return time.perf_counter() - begun


def quantizing(tools: Path, whole: Path, folder: Path, rounds: int) -> list[Figure]:
    """The quantizer's own time, and that of the whole command with all its checks."""
    found = []
    threads = str(physical_threads())
    for kind in TYPES:
        own, all_of_it = [], []
        for number in range(rounds):
            theirs, ours = folder / "theirs.gguf", folder / f"ours-{kind}-{number}.gguf"
            their_seconds = _theirs(str(tools / "llama-quantize"), str(whole), str(theirs), kind, threads)
            seconds, made = _heft(
                folder / "home", "quantize", str(whole), kind, "--to", str(ours), "--threads", threads
            )
            assert made["size_bytes"] == made["predicted_size_bytes"]
            own.append((made["quantizing_seconds"], their_seconds))
            all_of_it.append((seconds, their_seconds))
            ours.unlink()
        found += [
            _figure(f"quantizing to {kind} ÷ llama-quantize", own, AT_MOST),
            _figure(f"heft quantize {kind}, with its checks ÷ llama-quantize", all_of_it, None),
        ]
    return found


def measuring(tools: Path, whole: Path, small: Path, folder: Path, rounds: int) -> list[Figure]:
    """A measurement against a reference whose logits are there, as llama-perplexity has them there, too."""
    threads, perplexity = str(physical_threads()), str(tools / "llama-perplexity")
    common = ["-f", str(TEXT), "-c", str(CONTEXT), "--chunks", str(CHUNKS), "-t", threads]
    logits = folder / "base.logits"
    _theirs(perplexity, "-m", str(whole), *common, "--kl-divergence-base", str(logits))
    asked = ("--against", str(whole), "--text", "prose", "--chunks", str(CHUNKS))
    _heft(folder / "home", "measure", str(small), *asked)
    own, all_of_it = [], []
    for _ in range(rounds):
        theirs = _theirs(
            perplexity, "-m", str(small), *common, "--kl-divergence-base", str(logits), "--kl-divergence"
        )  # fmt: skip
        seconds, found = _heft(folder / "home", "measure", str(small), *asked)
        own.append((found["measuring_seconds"], theirs))
        all_of_it.append((seconds, theirs))
    return [
        _figure("measuring, the pieces alone ÷ llama-perplexity with its load", own, None),
        _figure("heft measure, all of it ÷ llama-perplexity", all_of_it, AT_MOST),
    ]


def timing(tools: Path, model: Path, folder: Path, rounds: int) -> list[Figure]:
    """Tokens per second by the same tests; llama-bench takes one after the other, Heft its in turns."""
    threads, depths = str(physical_threads()), ",".join(str(depth) for depth in DEPTHS)
    command = [str(tools / "llama-bench"), "-m", str(model), "-p", str(PROMPT), "-n", str(GENERATE), "-d", depths]
    done = subprocess.run([*command, "-t", threads, "-r", str(rounds), "-o", "json"], capture_output=True, check=True)
    theirs = {row.test: row.median for row in read_rows(done.stdout.decode())}
    lists = ("--prompts", str(PROMPT), "--generates", str(GENERATE), "--depths", depths, "--thread-counts", threads)
    _, found = _heft(folder / "home", "bench", str(model), "--matrix", *lists, "--repeat", str(rounds))
    figures = []
    for row in found["rows"]:
        ratio = row["median_ts"] / theirs[row["test"]]
        what = f"heft bench --matrix, {row['test']} ÷ llama-bench"
        value = f"{row['median_ts']:.1f} ÷ {theirs[row['test']]:.1f} tokens per second"
        figures.append(Figure(what, value, ratio, f"within {AS_THEIRS:.0%}", abs(ratio - 1) <= AS_THEIRS))
    return figures


def _figure(what: str, pairs: list[tuple[float, float]], at_most: float | None) -> Figure:
    ratio = median_ratio(pairs)
    ours, theirs = (sorted(column)[len(column) // 2] for column in zip(*pairs, strict=True))
    target = f"at most {at_most}" if at_most else "told"
    return Figure(what, f"{ours:.2f} s ÷ {theirs:.2f} s", ratio, target, at_most is None or ratio <= at_most)


def main() -> int:
    """Print the table; exit code 1 when a figure is missed."""
    tools, rounds = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3
    starter = find_starter()
    assert starter is not None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole, small = folder / "starter-F16.gguf", folder / "starter-Q4_K_M.gguf"
        _heft(folder / "home", "quantize", str(starter), "F16", "--to", str(whole), "--allow-requantize")
        _heft(folder / "home", "quantize", str(whole), "Q4_K_M", "--to", str(small))
        found = [
            *quantizing(tools, whole, folder, rounds),
            *measuring(tools, whole, small, folder, rounds),
            *timing(tools, small, folder, rounds),
        ]
    print(markdown(found))
    return 0 if all(figure.reached for figure in found) else 1


if __name__ == "__main__":
    sys.exit(main())
