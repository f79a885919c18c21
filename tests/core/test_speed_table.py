"""Speeds of hardware nobody calibrated: the tables are whole, and give back the results they were made from."""

from __future__ import annotations

import msgspec
import pytest

from desktop.core.hardware import Cpu, Gpu, Memory
from desktop.core.memory import Layer, ModelShape
from desktop.core.quants import TYPES_BY_NAME
from desktop.core.speed import DeviceWork, SpeedSample, TypeSpeed, predict_decode, predict_prompt, token_work
from desktop.core.speed.device import DeviceSpeed
from desktop.core.speed.predict import attention_speed
from desktop.core.speed.table import completed, cpu_speed, gpu_speed, table_from_rows
from desktop.engine.tools.synthetic_models import ForgedShape, parts
from desktop.machine.tables import Tables
from desktop.system.packaged import read_table

HARDWARE, TYPES = read_table("speed_hardware"), read_table("speed_types")
TABLE = table_from_rows(HARDWARE, TYPES)
LLAMA_8B = ForgedShape(32, 4096, 14336, 32, 8, vocabulary=128256, output_type="Q6_K")
SHAPE_8B = ModelShape(
    "llama",
    (Layer(heads=32, kv_heads=8, key_length=128, value_length=128, feed_forward=14336, expert_feed_forward=0),) * 32,
    4096,
    128256,
    131072,
)


class Named:
    def __init__(self, name: str, shape: tuple[int, ...], kind: str) -> None:
        self.name, self.shape, self.type = name, shape, kind


def rates(gpu: Gpu, kind: str) -> tuple[float, float, float, float]:
    """Low, expected, high of decode at a short context, and expected prompt rate, of an 8B model."""
    listed = [Named(*part) for part in parts(LLAMA_8B, kind)]
    speed = gpu_speed(gpu, TABLE)
    assert speed is not None
    found = [DeviceWork(work, speed) for work in token_work(listed, SHAPE_8B, offload=[("gpu", 33)])]
    decode = predict_decode(found, 256)
    return decode.low, decode.expected, decode.high, predict_prompt(found, 512).expected


@pytest.mark.parametrize("rows", [HARDWARE, TYPES], ids=["hardware", "types"])
def test_every_row_is_whole_and_names_its_source(rows: list[dict[str, str]]) -> None:
    assert rows
    for row in rows:
        assert None not in row and None not in row.values()
        assert row["source"].strip()


def test_types_are_ggmls_and_all_that_models_come_in_are_there() -> None:
    assert set(TABLE.types) <= set(TYPES_BY_NAME)
    assert {"F16", "BF16", "Q8_0", "Q6_K", "Q5_K", "Q4_K", "Q3_K", "Q2_K", "IQ4_XS", "MXFP4"} <= set(TABLE.types)


def test_every_generation_of_every_vendor_has_a_row() -> None:
    for architecture in Tables().architectures:
        assert TABLE.reached(architecture.vendor, architecture.key, architecture.title) is not None, architecture


# XiongjieDai/GPU-Benchmarks-on-LLM-Inference README, May 2024, tg512 and pp512 of Llama 3 8B; the rows of Apple's
# M4 and of a newer M1 Max are brand-o/normiebench issues 3 and 40.
@pytest.mark.parametrize(
    ("name", "vendor", "architecture", "bandwidth", "kind", "decode", "prompt"),
    [
        ("GeForce RTX 3070", "nvidia", "ampere", 448, "Q4_K", 72.8, 2403),
        ("GeForce RTX 3080", "nvidia", "ampere", 760, "Q4_K", 109.6, 3729),
        ("GeForce RTX 3090", "nvidia", "ampere", 936, "Q4_K", 115.4, 4030),
        ("GeForce RTX 3090", "nvidia", "ampere", 936, "F16", 47.4, 4445),
        ("GeForce RTX 4070 Ti", "nvidia", "ada", 504, "Q4_K", 83.5, 3936),
        ("GeForce RTX 4080", "nvidia", "ada", 717, "F16", 40.6, 7247),
        ("GeForce RTX 4090", "nvidia", "ada", 1008, "Q4_K", 130.6, 7139),
        ("Apple M4", "apple", "m4", 120, "Q4_K", 20.9, 225),
        ("Apple M1 Max", "apple", "m1", 400, "Q4_K", 46.2, 500),
        ("Apple M2 Ultra", "apple", "m2", 800, "Q4_K", 78.8, 994),
    ],
)
def test_published_results_lie_in_the_band(
    name: str, vendor: str, architecture: str, bandwidth: float, kind: str, decode: float, prompt: float
) -> None:
    gpu = Gpu(name, vendor, architecture=architecture, bandwidth_bytes_per_second=bandwidth * 1e9)
    low, expected, high, read = rates(gpu, kind)
    assert low < decode < high, expected
    assert 0.6 < read / prompt < 1.7


def test_a_gpu_of_unknown_bandwidth_has_no_speed() -> None:
    assert gpu_speed(Gpu("GeForce RTX 9999", "nvidia"), TABLE) is None


def test_a_processor_without_a_measurement_is_less_sure() -> None:
    cpu = Cpu("x", physical_cores=4)
    known = cpu_speed(cpu, Memory(8, bandwidth_bytes_per_second=40e9), TABLE)
    guessed = cpu_speed(cpu, Memory(8), TABLE)
    assert known.types["Q4_K"].uncertainty < guessed.types["Q4_K"].uncertainty
    assert known.types["Q3_K"].seconds_per_byte(1e9) > known.types["Q8_0"].seconds_per_byte(1e9)


def test_types_that_were_not_calibrated_are_scaled_to_those_that_were() -> None:
    table = cpu_speed(Cpu("x"), Memory(8, bandwidth_bytes_per_second=40e9), TABLE)
    twice = table.types["Q4_K"].seconds_per_byte(1e9) * 2
    calibrated = DeviceSpeed("calibrated", {"Q4_K": TypeSpeed((SpeedSample(1.0, twice),), 1e-11, 0.08)}, {})
    found = completed(calibrated, table)
    assert found.types["Q4_K"] == calibrated.types["Q4_K"]
    assert found.types["Q6_K"].seconds_per_byte(1e9) == pytest.approx(2 * table.types["Q6_K"].seconds_per_byte(1e9))
    assert found.types["Q6_K"].uncertainty > 0.3
    assert completed(calibrated, None) == calibrated


def test_a_quantized_cache_is_slower_on_a_processor_that_was_not_calibrated_too() -> None:
    table = cpu_speed(Cpu("x", physical_cores=2), Memory(16 << 30, bandwidth_bytes_per_second=40e9), TABLE)
    q8 = attention_speed(table, ("q8_0", "q8_0")).writing(64, 4096)
    assert q8 > 3 * attention_speed(table, ("f16", "f16")).writing(64, 4096) > 0


def test_a_bandwidth_measured_on_a_busy_computer_lowers_no_prediction() -> None:
    cpu = Cpu("x", physical_cores=2)
    busy = Memory(8, bandwidth_bytes_per_second=12.7e9, bandwidth_doubtful=True)
    assert cpu_speed(cpu, busy, TABLE) == cpu_speed(cpu, Memory(8), TABLE)
    quick = msgspec.structs.replace(busy, bandwidth_bytes_per_second=60e9)
    sure = msgspec.structs.replace(quick, bandwidth_doubtful=False)
    doubtful, known = cpu_speed(cpu, quick, TABLE).types["Q4_K"], cpu_speed(cpu, sure, TABLE).types["Q4_K"]
    assert doubtful.points == known.points and doubtful.uncertainty > known.uncertainty
