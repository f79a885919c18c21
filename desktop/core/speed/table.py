"""Speed of hardware nobody calibrated: its memory bandwidth and what part of it llama.cpp reaches.

The parts are public results, ``resources/data/speed_hardware.csv`` (by hardware, for F16) and ``speed_types.csv``
(types relative to F16), each row with its source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import msgspec

from desktop.core.hardware import Cpu, Gpu, Memory
from desktop.core.speed.device import AttentionSpeed, DeviceSpeed, SpeedSample, TypeSpeed

_CPU_PROMPT = 3e10  # weights a core multiplies per second in a batch: AVX2 without VNNI, a third of what Zen 5 does
_CPU_WIDTH = 1e10  # attention of one core, cells x width per second: calibrated on Zen 5 (5e-11 s on two cores)
# A quantized cache is read by a slower kernel: llama-bench, 1B at 4,096 tokens on two cores of Zen 5, 14.6 tok/s with
# f16 and 7.1 with q8_0, of which 55 ms a token are not attention's.
_CPU_QUANTIZED = 6.0
_CPU_BYTES = 30e9  # bytes per second where nothing was measured: two channels of DDR4, half of them reached
_LARGE = 1e9  # bytes of a model at which a calibrated type and the table are compared
_GUESSED = 0.35  # how far a type may be off that was not calibrated, on a machine where others were
_GPU_LAYER, _CPU_LAYER = 40e-6, 15e-6  # seconds a layer takes beside its matrices: kernel launches, barriers


@dataclass(frozen=True)
class Reached:
    """One class of hardware: parts of the bandwidth, and weights multiplied in a batch per byte of bandwidth."""

    match: str
    f16_efficiency: float
    prompt_weights_per_byte: float
    spread: float
    source: str


@dataclass(frozen=True)
class SpeedTable:
    """Both tables. ``types`` gives (on a GPU, on a CPU) relative to F16."""

    hardware: tuple[Reached, ...]
    types: Mapping[str, tuple[float, float]]

    def reached(self, vendor: str, architecture: str, name: str) -> Reached | None:
        """The first row that matches: ``vendor:architecture``, ``vendor:*words of the name`` or ``vendor:``."""
        for row in self.hardware:
            of, _, rest = row.match.partition(":")
            if of != vendor:
                continue
            if rest in ("", architecture) or ("*" in rest and fnmatchcase(f"{name} ", f"{rest} *")):
                return row
        return None


def table_from_rows(hardware: Sequence[Mapping[str, str]], types: Sequence[Mapping[str, str]]) -> SpeedTable:
    """The rows of both CSV files; ValueError or KeyError when one is broken."""
    return SpeedTable(
        tuple(
            Reached(
                row["match"],
                float(row["f16_efficiency"]),
                float(row["prompt_weights_per_byte"]),
                float(row["spread"]),
                row["source"],
            )
            for row in hardware
        ),
        {row["type"]: (float(row["gpu_relative"]), float(row["cpu_relative"])) for row in types},
    )


def cpu_speed(cpu: Cpu, memory: Memory, table: SpeedTable) -> DeviceSpeed:
    """A processor's speed from the bandwidth measured on it, or a usual one with an even wider band.

    One that was measured while other programs were busy is only the least it can be: it never lowers a usual one.
    """
    row = table.reached("cpu", "", "")
    assert row is not None, "speed_hardware.csv has no row for processors"
    cores = max(1, min(cpu.physical_cores, cpu.usable_cores or cpu.physical_cores))
    known = memory.bandwidth_bytes_per_second
    sure = known and not memory.bandwidth_doubtful
    bandwidth, spread = (known, row.spread) if known and sure else (max(known or 0.0, _CPU_BYTES), 0.6)
    prompt = 1 / (_CPU_PROMPT * cores)
    types = _types(table, 1, bandwidth * row.f16_efficiency, prompt, spread)
    width = 1 / (_CPU_WIDTH * cores)
    return DeviceSpeed("table", types, _cpu_attention(width), layer_seconds=_CPU_LAYER)


def _cpu_attention(width: float) -> dict[str, AttentionSpeed]:
    slower = width * _CPU_QUANTIZED
    return {"f16": AttentionSpeed(width, width / 3), "q8_0": AttentionSpeed(slower, slower / 3)}


def gpu_speed(gpu: Gpu, table: SpeedTable) -> DeviceSpeed | None:
    """A graphics processor's speed; None when its bandwidth is unknown."""
    row = table.reached(gpu.vendor, gpu.architecture, gpu.name)
    if gpu.bandwidth_bytes_per_second is None:
        return None
    efficiency, prompt, spread = (row.f16_efficiency, row.prompt_weights_per_byte, row.spread) if row else (0.6, 8, 0.5)
    reached = gpu.bandwidth_bytes_per_second * efficiency
    types = _types(table, 0, reached, 1 / (gpu.bandwidth_bytes_per_second * prompt), spread)
    attention = {"f16": AttentionSpeed(seconds_per_byte=1 / reached)}
    return DeviceSpeed("table", types, attention, layer_seconds=_GPU_LAYER)


def completed(calibrated: DeviceSpeed, table: DeviceSpeed | None) -> DeviceSpeed:
    """The calibrated speed; types that were not calibrated keep the table's shape, scaled to what was measured."""
    if table is None or not calibrated.types:
        return calibrated
    ratios = sorted(
        speed.seconds_per_byte(_LARGE) / table.types[kind].seconds_per_byte(_LARGE)
        for kind, speed in calibrated.types.items()
        if kind in table.types
    )
    if not ratios:
        return calibrated
    factor = ratios[len(ratios) // 2]
    prompts = sorted(speed.prompt for speed in calibrated.types.values())
    prompt = prompts[len(prompts) // 2]
    guessed = {
        kind: TypeSpeed((SpeedSample(0.0, speed.seconds_per_byte(_LARGE) * factor),), prompt, _GUESSED)
        for kind, speed in table.types.items()
        if kind not in calibrated.types
    }
    return msgspec.structs.replace(calibrated, types={**guessed, **calibrated.types})


def _types(table: SpeedTable, column: int, reached: float, prompt: float, spread: float) -> dict[str, TypeSpeed]:
    return {
        kind: TypeSpeed((SpeedSample(0.0, 1 / (reached * relative[column])),), prompt, spread)
        for kind, relative in table.types.items()
    }
