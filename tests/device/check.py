"""Heft on a real card, window-free, within 8 minutes: what it finds, plans and says, beside what is so.

Forges models there (dense of two sizes, experts, a long context) and prints, for each graphics card of the engine's:
devices and number formats, memory planned against loaded, tokens per second predicted after a calibration against
measured, and measured against a bare loop of llama_decode with the same engine. Every step is a ``heft`` command, as a
user would type it; a step that fails is a row of the report, not its end. tests/device/check.sh starts it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from support.forge import LLAMA_1B, Shape, Value, metadata, tensors, vocabulary, write

BENCH_TOKENS, WARM = 48, 4
PROMPT = "Write a long story about a ship, its crew and the sea. " * 4
LLAMA_8B = Shape(layers=32, embedding=4096, feed_forward=14336, heads=32, kv_heads=8, context_length=131072)
MOE = replace(LLAMA_1B, layers=24, feed_forward=1024)
EXPERTS, EXPERTS_USED = 64, 8
TINY = Shape(layers=4, embedding=512, feed_forward=1024, heads=8, kv_heads=2)


@dataclass(frozen=True)
class Case:
    """One forged model, and the context it is loaded with, in tokens. ``experts``: 0 for a dense one."""

    name: str
    shape: Shape
    kind: str
    context: int
    experts: int = 0


CASES = (
    Case("1B Q4_K", LLAMA_1B, "Q4_K", 4096),
    Case("1B Q8_0, long context", LLAMA_1B, "Q8_0", 65536),
    Case("MoE 8B-A1B Q4_K", MOE, "Q4_K", 8192, EXPERTS),
    Case("8B Q4_K", LLAMA_8B, "Q4_K", 8192),
    Case("8B Q6_K", LLAMA_8B, "Q6_K", 32768),
    Case("8B Q8_0", LLAMA_8B, "Q8_0", 8192),
)
QUICK = (Case("tiny Q8_0", TINY, "Q8_0", 1024), Case("tiny MoE Q8_0", TINY, "Q8_0", 1024, 8))


class Report:
    """Lines of Markdown, printed as they come and kept in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        file.write_text("", encoding="utf-8")

    def line(self, text: str = "") -> None:
        """One more line."""
        print(text, flush=True)
        with self._file.open("a", encoding="utf-8") as stream:
            stream.write(text + "\n")

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table."""
        for cells in (head, ["---"] * len(head), *rows):
            self.line("| " + " | ".join(cells) + " |")
        self.line()


class StepError(Exception):
    """A command failed; its words."""


def heft(*arguments: str, seconds: float = 240.0) -> Any:
    """One command's JSON. Raises StepError."""
    command = [sys.executable, "-m", "desktop", *arguments, "--json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise StepError(f"heft {arguments[0]} took more than {seconds:.0f} s") from error
    try:
        answer = json.loads(done.stdout)
    except ValueError as error:
        raise StepError(f"heft {arguments[0]} ended with {done.returncode}: {done.stderr[-600:]}") from error
    if done.returncode:
        raise StepError(f"heft {arguments[0]}: {answer.get('error')}")
    return answer


def forge(case: Case, folder: Path, words: Path) -> Path:
    """The model of a case."""
    vocab = vocabulary(words)
    count = vocab["tokenizer.ggml.tokens"].length
    listed = tensors(case.shape, case.kind, count)
    entries = metadata(case.shape, vocab)
    if case.experts:
        used = min(EXPERTS_USED, case.experts // 2)
        entries |= {"llama.expert_count": Value(4, case.experts), "llama.expert_used_count": Value(4, used)}
        listed = [one for tensor in listed for one in _routed(tensor, case)]
    return write(folder / f"{case.name.replace(' ', '-').replace(',', '')}.gguf", entries, listed)


def _routed(tensor: tuple[str, tuple[int, ...], str], case: Case) -> list[tuple[str, tuple[int, ...], str]]:
    """A layer's matrix of the feed-forward part, once for each expert; before the first their choice."""
    name, dims, kind = tensor
    for part in ("gate", "up", "down"):
        if name.endswith(f".ffn_{part}.weight"):
            experts = (name.replace(f"ffn_{part}", f"ffn_{part}_exps"), (*dims, case.experts), kind)
            choice = (name.replace(f"ffn_{part}", "ffn_gate_inp"), (case.shape.embedding, case.experts), "F32")
            return [choice, experts] if part == "gate" else [experts]
    return [tensor]


def bare(path: str, device: str, context: int) -> float:
    """Tokens per second of llama_decode alone, all layers on the device, nothing before: the yardstick."""
    from desktop.engine import llama
    from desktop.engine.api import Load
    from desktop.engine.log import EngineLog
    from desktop.system.cores import physical_threads

    callback = llama.start(EngineLog(lambda _line: None))
    model = llama.Model(Load(path, context, threads=physical_threads(), devices=device), 999)
    took = []
    for turn in range(WARM + BENCH_TOKENS):
        begun = time.perf_counter()
        model.decode((1 + 37 * turn % 400,))
        took.append(time.perf_counter() - begun)
    model.close()
    del callback
    return 1 / statistics.median(took[WARM:])


def _bare_in_child(path: Path, device: str, context: int) -> float:
    command = [sys.executable, __file__, "--bare", str(path), device, str(context)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    try:
        return float(done.stdout)
    except ValueError as error:
        raise StepError(f"the bare loop ended with {done.returncode}: {done.stderr[-600:]}") from error


def devices(report: Report) -> list[str]:
    """Tell what was found; the engine's names of the cards."""
    machine = heft("machine")
    backends = heft("backends")["backends"]
    report.table(
        ("Backend", "Devices", "Trial", "Used"),
        [
            [one["name"], ", ".join(d["name"] for d in one["devices"]), one["trial"] or "", str(one["used"])]
            for one in backends
        ],
    )
    report.table(
        ("Card", "Kind", "Total", "Free", "Engine's devices", "Capability", "Computes natively"),
        [
            [
                gpu["name"], gpu["kind"], _size(gpu["total_bytes"]), _size(gpu["free_bytes"]),
                ", ".join(gpu["engine_devices"]), gpu["compute_capability"] or "", ", ".join(gpu["computes"] or ()),
            ]
            for gpu in machine["gpus"]
        ],
    )  # fmt: skip
    native = [f"{one['format']} on {one['device']}" for one in machine["number_formats"] if one["support"] == "native"]
    report.line(f"Native number formats: {'; '.join(native)}.\n")
    return [name for gpu in machine["gpus"] for name in gpu["engine_devices"]]  # a card by each backend that reaches it


def check(case: Case, path: Path, device: str) -> list[str]:
    """One row: plan, load, prediction, measurement, yardstick."""
    where = ("--context", str(case.context), "--device", device)
    ran = heft("run", str(path), "--prompt", PROMPT, "--max-tokens", "96", *where)
    planned = {one["name"]: one["used_bytes"] for one in ran["devices"]}
    loaded = {one["name"]: one["total_bytes"] for one in ran["loaded_devices"]}
    memory = "; ".join(
        f"{_size(planned.get(name, 0))} → {_size(found)} ({_off(planned.get(name, 0), found)})"
        for name, found in loaded.items()
    )
    predicted, measured = ran["predicted"]["tokens_per_second"], ran["tokens_per_second"]
    expected = predicted["expected"] if predicted else 0.0
    alone = _bare_in_child(path, device, case.context)
    return [
        case.name, device, str(case.context), f"{ran['settings']['gpu_layers']} of {case.shape.layers + 1}", memory,
        f"{expected:.1f}", f"{measured:.1f}", _off(expected, measured) if expected else "none", f"{alone:.1f}",
        f"{measured / alone:.2f}", f"{ran['prompt_tokens_per_second']:.0f}",
    ]  # fmt: skip


def _size(size: int | None) -> str:
    return "" if size is None else f"{size / 1e9:.3f} GB"


def _off(said: float, found: float) -> str:
    return f"{said / found - 1:+.2%}" if found else "-"


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bare", nargs=3, metavar=("MODEL", "DEVICE", "CONTEXT"), help=argparse.SUPPRESS)
    parser.add_argument("--vocabulary", type=Path)
    parser.add_argument("--models", type=Path, default=Path())
    parser.add_argument("--out", type=Path, default=Path())
    parser.add_argument("--seconds", type=float, default=420.0, help="no further model is begun after that time")
    parser.add_argument("--quick", action="store_true", help="two tiny models, to try this script itself")
    given = parser.parse_args()
    if given.bare:
        path, device, context = given.bare
        print(bare(path, device, int(context)))
        return
    begun = time.monotonic()
    report = Report(given.out / "device.md")
    names: list[str] = []
    types = "Q8_0" if given.quick else "Q4_K,Q6_K,Q8_0"
    try:
        names = devices(report)
        heft("machine", "--calibrate", "--types", types, *(word for name in names for word in ("--device", name)))
    except StepError as error:
        report.line(f"FAILED: {error}\n")
    head = (
        "Model", "Device", "Context", "Layers there", "Memory planned → loaded", "tok/s predicted", "measured", "off",
        "bare loop", "÷", "prompt tok/s",
    )  # fmt: skip
    rows = []
    for case in QUICK if given.quick else CASES:
        if time.monotonic() - begun > given.seconds:
            report.line(f"No time for {case.name}.\n")
            continue
        path = forge(case, given.models, given.vocabulary)
        for name in names:
            try:
                rows.append(check(case, path, name))
            except (StepError, subprocess.TimeoutExpired) as error:
                report.line(f"FAILED: {case.name} on {name}: {error}\n")
        path.unlink()
    report.table(head, rows)
    errors = [abs(float(row[7].rstrip("%"))) for row in rows if row[7] != "none"]
    if errors:
        report.line(f"Median error of tok/s predicted: {statistics.median(errors):.1f}%.")
    report.line(f"{time.monotonic() - begun:.0f} s.")


if __name__ == "__main__":
    main()
