"""Published models as the picker sees them before any download: shapes from their configs, sizes by bits per weight."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

from desktop.core.choice import Option
from desktop.core.hardware import Machine
from desktop.core.load_settings import LoadSettings
from desktop.core.machines import machine_with
from desktop.core.memory import Layer, ModelShape, weights_from_size
from desktop.core.placement import Fit, place
from desktop.core.quality import QualityTable, measurements_from_rows, steps_from_rows
from desktop.core.speed import Rate, Speeds
from desktop.core.variants import variants_of
from desktop.hub.records import RepoFile
from desktop.services.discover.tables import DataTables

DATA = Path(__file__).parents[2] / "resources" / "data"
EFFICIENCY = 0.65  # of a device's bandwidth, in the middle of docs/reference/speed.md


def rows(name: str) -> list[dict[str, str]]:
    with (DATA / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def quality_table() -> QualityTable:
    return QualityTable(measurements_from_rows(rows("quality")), steps_from_rows(rows("quantizations")))


@dataclass(frozen=True)
class Published:
    """A model: its shape, parameters, and of those the active ones."""

    shape: ModelShape
    parameters: float
    active: float

    def files(self, name: str, quantizations: list[str]) -> list[RepoFile]:
        bits = {row["name"]: float(row["bits_per_weight"] or 0) for row in rows("quantizations")}
        return [
            RepoFile(f"{name}-{label}.gguf", int(self.parameters * bits[label] / 8) + 6_000_000)
            for label in quantizations
        ]


def _dense(
    layers: int, embedding: int, heads: int, kv: int, length: int, forward: int, words: int, name: str
) -> ModelShape:
    layer = Layer(heads, kv, length, length, forward)
    return ModelShape(name, (layer,) * layers, embedding, words, 131_072)


def _qwen3_30b() -> ModelShape:
    layer = Layer(32, 4, 128, 128, 0, experts=128, experts_used=8, expert_feed_forward=768)
    return ModelShape("qwen3moe", (layer,) * 48, 2048, 151_936, 262_144, experts=128, experts_used=8)


MODELS = {
    "Llama-3.2-1B": Published(_dense(16, 2048, 32, 8, 64, 8192, 128_256, "llama"), 1.24e9, 1.24e9),
    "Llama-3.1-8B": Published(_dense(32, 4096, 32, 8, 128, 14_336, 128_256, "llama"), 8.03e9, 8.03e9),
    "Qwen2.5-32B": Published(_dense(64, 5120, 40, 8, 128, 27_648, 152_064, "qwen2"), 32.8e9, 32.8e9),
    "Llama-3.3-70B": Published(_dense(80, 8192, 64, 8, 128, 28_672, 128_256, "llama"), 70.6e9, 70.6e9),
    "Qwen3-30B-A3B": Published(_qwen3_30b(), 30.5e9, 3.3e9),
}


def profile(name: str) -> Machine:
    """A saved profile, or ``COUNTx NAME SIZE GB`` of the list of devices."""
    tables = DataTables()
    if name in tables.profiles:
        return tables.profiles[name]
    found = re.fullmatch(r"(?:(\d+)x )?(.+)", name)
    assert found is not None
    device = next(device for device in tables.devices if device.title == found[2])
    return machine_with(device, int(found[1] or 1))


def rate(model: Published, fit: Fit, machine: Machine, size: int) -> Rate | None:
    """Tokens per second by bandwidth alone."""
    if not fit.fits:
        return None
    active = size * model.active / model.parameters + fit.memory.kv_bytes * 0.5
    gpu = machine.gpus[0].bandwidth_bytes_per_second if machine.gpus else None
    ram = machine.memory.bandwidth_bytes_per_second
    assert ram is not None
    on_gpu = {"gpu": 1.0, "cpu": 0.0, "experts-in-ram": 0.3}.get(fit.placement, fit.gpu_layers / fit.layers)
    seconds = active * (on_gpu / (gpu or ram) + (1 - on_gpu) / ram) / EFFICIENCY
    return Rate(0.8 / seconds, 1 / seconds, 1.2 / seconds)


def options(model_name: str, machine: Machine, context: int, quantizations: list[str]) -> list[Option]:
    model, table = MODELS[model_name], quality_table()
    found = []
    for variant in variants_of(model.files(model_name, quantizations)):
        weights = weights_from_size(model.shape, variant.size_bytes)
        fit = place(model.shape, weights, LoadSettings(context=context), machine)
        quality = table.quality_of(variant.name, variant.kind, int(model.parameters))
        expected = rate(model, fit, machine, variant.size_bytes)
        speeds = Speeds(expected, expected, fit.context) if expected else None
        found.append(Option(variant, quality, fit, speeds))
    return found
