"""The data tables parse, are complete and name their sources; rules cover every device that can occur."""

from __future__ import annotations

import pytest

from desktop.core.hardware import Cpu, EngineInfo, Gpu
from desktop.machine.support import CPU_DEVICE, number_formats
from desktop.machine.tables import Tables, product_key
from desktop.system.packaged import read_table

TABLES = Tables()
FORMATS = ["FP32", "TF32", "FP16", "BF16", "FP8 E4M3", "FP8 E5M2", "INT8", "INT4", "FP4 E2M1", "MXFP4", "NVFP4"]
GPU_KINDS = {
    **{f"{a.vendor} {a.key}": Gpu(name=a.title, vendor=a.vendor, architecture=a.key) for a in TABLES.architectures},
    "intel without XMX": Gpu(name="Intel UHD Graphics 770", vendor="intel"),
    "unknown": Gpu(name="Virtual GPU"),
    "NVIDIA of the future": Gpu(name="NVIDIA Next", vendor="nvidia", compute_capability="19.0"),
}


@pytest.mark.parametrize(
    "name", ["bandwidth", "cpu_features", "gpu_architectures", "number_formats", "number_format_support"]
)
def test_every_row_is_whole_and_names_its_source(name: str) -> None:
    rows = read_table(name)
    assert rows
    for row in rows:
        assert None not in row and None not in row.values(), row
        assert row["source"].strip(), row


def test_formats_are_those_of_the_contract() -> None:
    assert [number.name for number in TABLES.formats] == FORMATS


@pytest.mark.parametrize("gpu", GPU_KINDS.values(), ids=GPU_KINDS.keys())
def test_every_gpu_gets_every_format(gpu: Gpu) -> None:
    rows = number_formats(Cpu(name="x"), (gpu,), EngineInfo(), TABLES)
    mine = [row for row in rows if row.device == gpu.name]
    assert [row.format for row in mine] == FORMATS
    assert all(row.note.endswith(".") and row.source for row in mine)


def test_a_rule_of_traits_names_only_traits_that_exist() -> None:
    known = {a.key for a in TABLES.architectures} | {feature.name for feature in TABLES.cpu_features}
    for rule in TABLES.rules:
        assert rule.traits <= known, rule


def test_products_architectures_exist() -> None:
    keys = {a.key for a in TABLES.architectures}
    assert all(row["architecture"] in keys for row in read_table("bandwidth") if row["kind"] != "ram")


# docs/reference/formats.md: hardware by compute capability (FP16, BF16, TF32, FP8, INT8, INT4, FP4).
@pytest.mark.parametrize(
    ("capability", "native"),
    [
        ("6.1", "INT8"),
        ("7.0", "FP16 INT8"),
        ("7.5", "FP16 INT8 INT4"),
        ("8.6", "FP16 BF16 TF32 INT8 INT4"),
        ("8.9", "FP16 BF16 TF32 FP8 INT8 INT4"),
        ("9.0", "FP16 BF16 TF32 FP8 INT8"),
        ("10.0", "FP16 BF16 TF32 FP8 INT8 FP4 MXFP4 NVFP4"),
        ("12.0", "FP16 BF16 TF32 FP8 INT8 FP4 MXFP4 NVFP4"),
    ],
)
def test_nvidia_generations(capability: str, native: str) -> None:
    gpu = Gpu(name="card", vendor="nvidia", architecture=TABLES.architecture("nvidia", capability))
    rows = number_formats(Cpu(name="x"), (gpu,), EngineInfo(), TABLES)
    found = {row.format.split(" ")[0] for row in rows if row.device == "card" and row.support == "native"}
    assert found == {"FP32", *native.split()}


def test_llama_cpp_uses_native_fp4_on_compute_capability_12_only() -> None:
    engine = {}
    for capability in ("10.0", "12.0"):
        gpu = Gpu(name="card", vendor="nvidia", architecture=TABLES.architecture("nvidia", capability))
        rows = number_formats(Cpu(name="x"), (gpu,), EngineInfo(), TABLES)
        engine[capability] = {r.engine for r in rows if r.device == "card" and r.format in ("MXFP4", "NVFP4")}
    assert engine == {"10.0": {"converted"}, "12.0": {"native"}}


def test_fp8_never_loads_because_gguf_has_no_such_type() -> None:
    assert all(rule.engine == "none" for rule in TABLES.rules if rule.format.startswith("FP8"))


@pytest.mark.parametrize(
    ("vendor", "identifier", "key"),
    [
        ("nvidia", "12.1", "blackwell"),
        ("nvidia", "6.0", "pascal100"),
        ("nvidia", "19.0", ""),
        ("amd", "gfx906", "vega20"),
        ("amd", "gfx90a", "cdna2"),
        ("amd", "gfx900", "gcn"),
        ("amd", "gfx1151", "rdna3_5"),
        ("amd", "gfx1201", "rdna4"),
        ("amd", "", ""),
    ],
)
def test_architecture_by_longest_prefix(vendor: str, identifier: str, key: str) -> None:
    assert TABLES.architecture(vendor, identifier) == key


@pytest.mark.parametrize(
    ("name", "gigabytes"),
    [
        ("NVIDIA GeForce RTX 4090", 1008),
        ("NVIDIA H100 80GB HBM3", 3350),
        ("NVIDIA A100-SXM4-80GB", 2039),
        ("AMD Radeon RX 9070", 640),
        ("AMD Radeon(TM) RX 7900 XTX", 960),
        ("Apple M4 Max (32-core GPU)", 410),
    ],
)
def test_product_by_the_name_a_driver_gives(name: str, gigabytes: float) -> None:
    product = TABLES.product(name)
    assert product is not None
    assert product.bandwidth_bytes_per_second == gigabytes * 1e9


def test_laptop_version_is_another_product() -> None:
    assert TABLES.product("NVIDIA GeForce RTX 4090 Laptop GPU") is None


def test_no_product_is_listed_twice() -> None:
    names = [product_key(name) for row in read_table("bandwidth") for name in row["names"].split("|")]
    assert len(names) == len(set(names))


def test_rows_of_the_processor_follow_what_the_engine_was_compiled_with() -> None:
    cpu = Cpu(name="x", features=("AVX2", "F16C", "AVX512", "AVX512_BF16", "AVX512_VNNI"))

    def bf16(engine: EngineInfo) -> tuple[str, str]:
        rows = number_formats(cpu, (), engine, TABLES)
        return next((r.support, r.engine) for r in rows if (r.device, r.format) == (CPU_DEVICE, "BF16"))

    assert bf16(EngineInfo(features=cpu.features)) == ("native", "native")
    assert bf16(EngineInfo(features=("AVX2", "F16C"))) == ("native", "converted")
    assert bf16(EngineInfo()) == ("native", "native")
