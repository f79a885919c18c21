"""Quantizing, measuring and timing beside llama.cpp's own programs: the same file, type, text and threads, alternating.

The programs are compiled of the engine's own sources and linked to the installed libraries (``llama_bench.py``). Run it
alone: a busy machine slows both, but not alike.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llama_bench import stock_tool
from measure import Figure, median_ratio

from desktop.core.bench_rows import read_rows
from desktop.store.paths import default_paths
from desktop.system.cores import physical_threads
from desktop.system.packaged import FOLDER

Tools = Mapping[str, Path]

TYPES = ("Q8_0", "Q4_K_M", "IQ4_XS")
TOOLS = ("llama-quantize", "llama-perplexity", "llama-bench")
TEXT = FOLDER / "texts" / "prose.txt"
CHUNKS, CONTEXT = 32, 512  # half a minute here; "quick" takes two
AT_MOST = 1.05
PROMPT, GENERATE, DEPTHS = 512, 32, (0, 8192)
ROUNDS = 5
AS_THEIRS = 0.03  # how far a speed may be from llama-bench's
DIGITS = 5e-4  # how far a figure may be from llama-perplexity's: three digits


def _heft(home: Path, *arguments: str) -> tuple[float, Any]:
    """Seconds of the whole command, and its document."""
    environment = {**os.environ, "HEFT_HOME": str(home)}
    begun = time.perf_counter()
    command = [sys.executable, "-m", "desktop", *arguments, "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, check=True)
    return time.perf_counter() - begun, json.loads(done.stdout)


def _theirs(*command: str) -> tuple[float, str]:
    """Seconds of the whole program, and what it said."""
    begun = time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=True)
    return time.perf_counter() - begun, (done.stdout + done.stderr).decode(errors="replace")


def quantizing(tools: Tools, whole: Path, folder: Path, rounds: int, kinds: tuple[str, ...]) -> list[Figure]:
    """The quantizer's own time, that of the whole command with all its checks, and the size that was said before."""
    found = []
    threads = str(physical_threads())
    for kind in kinds:
        own, all_of_it = [], []
        sizes = (0, 0)
        for number in range(rounds):
            theirs, ours = folder / "theirs.gguf", folder / f"ours-{kind}-{number}.gguf"
            their_seconds, _ = _theirs(str(tools["llama-quantize"]), str(whole), str(theirs), kind, threads)
            _, said = _heft(folder / "home", "quantize", str(whole), kind, "--dry-run")
            seconds, made = _heft(
                folder / "home", "quantize", str(whole), kind, "--to", str(ours), "--threads", threads
            )
            sizes = said["predicted_size_bytes"], ours.stat().st_size
            own.append((made["quantizing_seconds"], their_seconds))
            all_of_it.append((seconds, their_seconds))
            ours.unlink()
        ratio = sizes[0] / sizes[1]
        found += [
            _figure(f"quantizing to {kind} ÷ llama-quantize", own, AT_MOST),
            _figure(f"heft quantize {kind}, with its checks ÷ llama-quantize", all_of_it, None),
            Figure(f"{kind}: size said ÷ made", f"{sizes[0]:,} ÷ {sizes[1]:,} bytes", ratio, "1", ratio == 1.0),
        ]
    return found


def measuring(tools: Tools, whole: Path, small: Path, folder: Path, rounds: int) -> list[Figure]:
    """A measurement against a reference whose logits are there, as llama-perplexity has them there, too."""
    threads, perplexity = str(physical_threads()), str(tools["llama-perplexity"])
    common = ["-f", str(TEXT), "-c", str(CONTEXT), "--chunks", str(CHUNKS), "-t", threads]
    logits = folder / "base.logits"
    _theirs(perplexity, "-m", str(whole), *common, "--kl-divergence-base", str(logits))
    asked = ("--against", str(whole), "--text", "prose", "--chunks", str(CHUNKS))
    _heft(folder / "home", "measure", str(small), *asked)
    own, all_of_it = [], []
    said = ""
    found: dict[str, Any] = {}
    for _ in range(rounds):
        theirs, said = _theirs(
            perplexity, "-m", str(small), *common, "--kl-divergence-base", str(logits), "--kl-divergence"
        )
        seconds, found = _heft(folder / "home", "measure", str(small), *asked)
        own.append((found["measuring_seconds"], theirs))
        all_of_it.append((seconds, theirs))
    return [
        _figure("measuring, the pieces alone ÷ llama-perplexity with its load", own, None),
        _figure("heft measure, all of it ÷ llama-perplexity", all_of_it, AT_MOST),
        _alike("perplexity", found["perplexity"]["value"], said, r"Mean PPL\(Q\) +: +([\d.]+)"),
        _alike("mean KL divergence", found["kld"]["mean"], said, r"Mean +KLD: +([\d.]+)"),
        _alike("the same first token, %", 100 * found["top_agreement"]["value"], said, r"Same top p: +([\d.]+)"),
    ]


def _alike(what: str, ours: float, said: str, pattern: str) -> Figure:
    """A figure beside the program's own, in its report."""
    told = re.search(pattern, said)
    assert told is not None, said[-2000:]
    theirs = float(told[1])
    ratio = ours / theirs
    return Figure(
        f"{what} ÷ llama-perplexity's", f"{ours:.6g} ÷ {theirs:.6g}", ratio, "to 3 digits", abs(ratio - 1) <= DIGITS
    )


def timing(tools: Tools, model: Path, folder: Path, rounds: int, depths: tuple[int, ...]) -> list[Figure]:
    """Tokens per second by the same tests, the programs in turns; each takes all of its own rounds at once."""
    threads, words = str(physical_threads()), ",".join(str(depth) for depth in depths)
    command = [str(tools["llama-bench"]), "-m", str(model), "-p", str(PROMPT), "-n", str(GENERATE), "-d", words]
    lists = ("--prompts", str(PROMPT), "--generates", str(GENERATE), "--depths", words, "--thread-counts", threads)
    pairs: dict[str, list[tuple[float, float]]] = {}
    for _ in range(rounds):
        done = subprocess.run([*command, "-t", threads, "-r", "1", "-o", "json"], capture_output=True, check=True)
        theirs = {row.test: row.median for row in read_rows(done.stdout.decode())}
        _, found = _heft(folder / "home", "bench", str(model), "--matrix", *lists, "--repeat", "1")
        for row in found["rows"]:
            pairs.setdefault(row["test"], []).append((row["median_ts"], theirs[row["test"]]))
    figures = []
    for test, told in pairs.items():
        ratio = median_ratio(told)
        ours, others = (statistics.median(column) for column in zip(*told, strict=True))
        value = f"{ours:.1f} ÷ {others:.1f} tokens per second"
        reached = abs(ratio - 1) <= AS_THEIRS
        figures.append(Figure(f"heft bench, {test} ÷ llama-bench", value, ratio, f"within {AS_THEIRS:.0%}", reached))
    return figures


def _figure(what: str, pairs: list[tuple[float, float]], at_most: float | None) -> Figure:
    ratio = median_ratio(pairs)
    ours, theirs = (sorted(column)[len(column) // 2] for column in zip(*pairs, strict=True))
    target = f"at most {at_most}" if at_most else "told"
    return Figure(what, f"{ours:.2f} s ÷ {theirs:.2f} s", ratio, target, at_most is None or ratio <= at_most)


def figures(starter: Path, quick: bool) -> list[Figure]:
    """All of it; ``quick`` takes one round, one type and no great depth."""
    tools = {name: stock_tool(name, default_paths().cache) for name in TOOLS}
    rounds = 1 if quick else ROUNDS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole, small = folder / "starter-F16.gguf", folder / "starter-Q4_K_M.gguf"
        _heft(folder / "home", "quantize", str(starter), "F16", "--to", str(whole), "--allow-requantize")
        _heft(folder / "home", "quantize", str(whole), "Q4_K_M", "--to", str(small))
        return [
            *quantizing(tools, whole, folder, rounds, TYPES[1:2] if quick else TYPES),
            *measuring(tools, whole, small, folder, rounds),
            *timing(tools, small, folder, rounds, DEPTHS[:1] if quick else DEPTHS),
        ]
