"""What is recommended of the repos in tests/core/published_repos.csv, by formulas and bandwidth alone."""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from desktop.core.choice import Option, recommend
from desktop.core.hardware import Cpu, Machine, Memory
from desktop.core.load_settings import LoadSettings
from desktop.core.memory import weights_from_size
from desktop.core.placement import place
from desktop.core.reserves import Reserves
from desktop.core.speed import Speeds
from desktop.core.variants import variants_of
from desktop.hub.records import RepoFile

from .published import profile, quality_table, rate
from .published_shapes import SHAPES

TABLE = Path(__file__).parents[1] / "core" / "published_repos.csv"
CONTEXT = 4096  # tokens
GIB = 1 << 30
_CARDS = {
    "gpu-8": "GeForce RTX 4060 8 GB", "gpu-16": "GeForce RTX 4080 16 GB", "gpu-24": "GeForce RTX 4090 24 GB",
    "gpu-64": "2x GeForce RTX 5090 32 GB",
}  # fmt: skip
MACHINES = ("cpu-8", "cpu-16", "cpu-24", "cpu-64", *_CARDS)


@dataclass(frozen=True)
class Row:
    """One file: what it ``is``, the ``variant`` it belongs to ("" for companions), ``part`` "2/3" of a shard."""

    path: str
    size: int
    role: str
    variant: str
    part: str


@cache
def repos() -> dict[str, tuple[Row, ...]]:
    """The table's files by repo."""
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    found: dict[str, list[Row]] = defaultdict(list)
    for row in csv.DictReader(lines):
        found[row["repo"]].append(Row(row["path"], int(row["bytes"]), row["is"], row["variant"], row["part"]))
    return {repo: tuple(rows) for repo, rows in found.items()}


def files(repo: str) -> list[RepoFile]:
    """A repo's files as the Hub lists them."""
    return [RepoFile(row.path, row.size) for row in repos()[repo]]


@cache
def machine(name: str) -> Machine:
    """``cpu-16``: a computer of 16 GiB without a card, 4 of them in use (8: 3); ``gpu-16``: one with such a card."""
    if name in _CARDS:
        return profile(_CARDS[name])
    total = int(name.removeprefix("cpu-")) * GIB
    free = total - (3 if total == 8 * GIB else 4) * GIB
    cpu = Cpu("8-core processor", "x86_64", 8, 16, ("AVX2", "F16C", "FMA"))
    return Machine(
        cpu=cpu,
        memory=Memory(total, free, bandwidth_bytes_per_second=51.2e9 if total <= 16 * GIB else 89.6e9),
        reserves=Reserves(1_000_000_000, 600_000_000),
    )


def picked(repo: str, shape: str, name: str) -> str:
    """The variant recommended for the goal "balanced" on a machine, "nothing" where none fits."""
    model, table, found = SHAPES[shape], quality_table(), []
    for variant in variants_of(files(repo)):
        weights = weights_from_size(model.shape, variant.size_bytes)
        fit = place(model.shape, weights, LoadSettings(context=CONTEXT), machine(name))
        quality = table.quality_of(variant.quantization, variant.kind, int(model.parameters))
        expected = rate(model, fit, machine(name), variant.size_bytes)
        found.append(Option(variant, quality, fit, Speeds(expected, expected, fit.context) if expected else None))
    answer = recommend(found, "balanced")
    return "nothing" if answer.index is None else found[answer.index].variant.name
