"""The header parser beside gguf-py's GGUFReader and, where Node.js is present, the Hub's own @huggingface/gguf.

    .venv/bin/python tests/bench/bench_gguf.py

Every reader runs in a process of its own: seconds of CPU for one file that lies in the page cache (median of some
rounds for those that take milliseconds), and the peak memory of the whole process with its interpreter and imports.
Heft leaves long arrays in the file until they are asked for; what reading every value costs is told beside it.
@huggingface/gguf is installed into a temporary folder when npm reaches its registry; else it is not measured.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from measure import Figure

GEMMA = "ggml-vocab-gemma-4.gguf"
PACKAGE = "@huggingface/gguf"
TIMES_FASTER = 100
MEGABYTES = 60
_INSTALL_SECONDS = 90
_RUN_SECONDS = 300

_PEAK = """
import json, resource, statistics, sys, time
def tell(seconds):
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    try:  # Linux: the figure above is not less than what the process that started this one held
        status = open("/proc/self/status").read()
        peak = int(status.split("VmHWM:")[1].split()[0]) * 1024
    except OSError:
        pass
    print(json.dumps([statistics.median(seconds), peak]))
"""
_HEFT = (
    _PEAK
    + """
from pathlib import Path
from desktop.core.gguf import Array, read_header
from desktop.store.gguf_files import FileSource
seconds = []
for _ in range(7):
    began = time.process_time()
    with FileSource(Path(sys.argv[1])) as source:
        header = read_header(source)
        if len(sys.argv) > 2:
            for value in header.metadata.values():
                if isinstance(value.data, Array):
                    for item in value.data:
                        pass
    seconds.append(time.process_time() - began)
tell(seconds)
"""
)
_GGUF_PY = (
    _PEAK
    + """
from gguf import GGUFReader
began = time.process_time()
GGUFReader(sys.argv[1])
tell([time.process_time() - began])
"""
)
_NODE = """
import { existsSync, readFileSync } from "node:fs";
import { gguf } from "@huggingface/gguf";
const status = "/proc/self/status";
const peak = () => existsSync(status)
    ? Number(readFileSync(status, "utf8").match(/VmHWM:\\s+(\\d+)/)[1]) * 1024 : process.resourceUsage().maxRSS * 1024;
const began = process.cpuUsage();
await gguf(process.argv[2], { allowLocalFile: true });
const used = process.cpuUsage(began);
console.log(JSON.stringify([(used.user + used.system) / 1e6, peak()]));
"""


@dataclass(frozen=True)
class Cost:
    """Seconds of CPU to read one header, and the process's peak memory in bytes."""

    seconds: float
    peak_bytes: int

    def __str__(self) -> str:
        return f"{self.seconds:.3f} s, {self.peak_bytes / 1e6:,.0f} MB"


def _run(command: list[str], folder: Path | None = None) -> Cost:
    out = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=_RUN_SECONDS).stdout
    return Cost(*json.loads(out.splitlines()[-1]))


def heft(path: Path, *, every_value: bool = False) -> Cost:
    """This parser, as the program uses it; with ``every_value`` all arrays are read to their end, too."""
    more = ["every value"] if every_value else []
    return _run([sys.executable, "-c", _HEFT, str(path), *more], Path(__file__).resolve().parents[2])


def gguf_py(path: Path) -> Cost:
    """llama.cpp's own reader in Python."""
    return _run([sys.executable, "-c", _GGUF_PY, str(path)])


class HuggingFaceJs:
    """@huggingface/gguf in a temporary folder; ``measure`` gives None where Node.js or the registry is missing."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="heft-bench-"))
        self._ready = self._install()

    def __enter__(self) -> HuggingFaceJs:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def measure(self, path: Path) -> Cost | None:
        """One file; None when it cannot be measured."""
        if not self._ready:
            return None
        try:
            return _run([self._ready, "read.mjs", str(path)], self._folder)
        except (OSError, subprocess.SubprocessError, ValueError):
            return None

    def _install(self) -> str:
        node, npm = shutil.which("node"), shutil.which("npm")
        if node is None or npm is None:
            return ""
        command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", ".", PACKAGE]
        try:
            subprocess.run(command, cwd=self._folder, capture_output=True, check=True, timeout=_INSTALL_SECONDS)
        except (OSError, subprocess.SubprocessError):
            return ""
        (self._folder / "read.mjs").write_text(_NODE, encoding="utf-8")
        return node


def command(path: Path, rounds: int = 7) -> Figure:
    """Seconds of CPU that ``heft inspect`` needs beyond ``heft --version``: imports, reading, checking, printing."""
    program = [sys.executable, "-m", "desktop"]
    pairs = [(_cpu([*program, "--version"]), _cpu([*program, "inspect", str(path)])) for _ in range(rounds)]
    least, whole = (statistics.median(column) for column in zip(*pairs, strict=True))
    more = whole - least
    sides = f"{whole:.3f} s - {least:.3f} s"
    return Figure("heft inspect of gemma-4's vocabulary beyond heft --version, s", sides, more, "<= 0.25", more <= 0.25)


def _cpu(arguments: list[str]) -> float:
    before = os.times()
    subprocess.run(arguments, stdout=subprocess.DEVNULL, check=True, timeout=_RUN_SECONDS)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def figures(starter: Path, vocabularies: Path) -> list[Figure]:
    """What the issue asks of the parser, for the common table."""
    found = [command(vocabularies / GEMMA)]
    with HuggingFaceJs() as js:
        for name, path in (("gemma-4's vocabulary", vocabularies / GEMMA), ("the starter model", starter)):
            ours, whole = heft(path), heft(path, every_value=True)
            theirs, other = gguf_py(path), js.measure(path)
            ratio = theirs.seconds / ours.seconds
            found.append(
                Figure(
                    f"header of {name}: times faster than gguf-py",
                    f"{ours.seconds:.3f} s ({whole.seconds:.2f} s with every value), gguf-py {theirs.seconds:.2f} s, "
                    f"{PACKAGE} {f'{other.seconds:.2f} s' if other else 'not measured'}",
                    ratio,
                    f"at least {TIMES_FASTER}",
                    ratio >= TIMES_FASTER,
                )
            )
            peak = ours.peak_bytes / 1e6
            found.append(
                Figure(
                    f"header of {name}: peak memory, MB",
                    f"{peak:.0f} MB, gguf-py {theirs.peak_bytes / 1e6:,.0f} MB, "
                    f"{PACKAGE} {f'{other.peak_bytes / 1e6:,.0f} MB' if other else 'not measured'}",
                    peak,
                    f"below {MEGABYTES}",
                    peak < MEGABYTES,
                )
            )
    return found


def main() -> None:
    """Print every reader's cost."""
    from desktop.store.starter import find_starter

    starter = find_starter()
    assert starter is not None
    with HuggingFaceJs() as js:
        for path in (Path.home() / ".cache" / "heft" / "test-data" / "models" / GEMMA, starter):
            print(f"{path.name} ({path.stat().st_size / 1e6:.1f} MB)")
            whole = heft(path, every_value=True)
            costs = [("heft", heft(path)), ("heft, every value", whole), ("gguf-py", gguf_py(path))]
            for name, cost in [*costs, (PACKAGE, js.measure(path))]:
                print(f"  {name:20} {cost or 'not measured'}")


if __name__ == "__main__":
    main()
