"""Processor features from recorded systems, and what an engine compiled for another processor means."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.core.hardware import Cpu
from desktop.machine.cpu import family, missing_features, parse_cpuinfo, parse_sysctl, read_cpu, usable_cores
from desktop.machine.tables import CpuFeature, Tables

RECORDED = Path(__file__).parent / "recorded"


def candidates(arch: str) -> list[CpuFeature]:
    return [feature for feature in Tables().cpu_features if feature.arch == arch]


def recorded(name: str, arch: str) -> tuple[str, set[str], set[str]]:
    return parse_cpuinfo((RECORDED / name).read_text(encoding="utf-8"), candidates(arch))


def test_zen_5_has_every_avx512_feature_llama_cpp_names_but_amx() -> None:
    name, present, known = recorded("cpuinfo_epyc_zen5.txt", "x86")
    assert name == "AMD EPYC"
    assert known - present == {"AMX_INT8", "AVX512_FP16"}
    assert {"AVX2", "F16C", "FMA", "AVX_VNNI", "AVX512", "AVX512_VBMI", "AVX512_VNNI", "AVX512_BF16"} <= present


def test_sandy_bridge_has_avx_only() -> None:
    name, present, _ = recorded("cpuinfo_i5_2500k.txt", "x86")
    assert name == "Intel(R) Core(TM) i5-2500K CPU @ 3.30GHz"
    assert present == {"SSE3", "SSSE3", "AVX"}


def test_arm_features_carry_llama_cpps_names() -> None:
    assert recorded("cpuinfo_apple_m1_linux.txt", "arm")[1] == {"NEON", "ARM_FMA", "FP16_VA", "DOTPROD"}
    graviton = recorded("cpuinfo_graviton3.txt", "arm")[1]
    assert graviton == {"NEON", "ARM_FMA", "FP16_VA", "DOTPROD", "MATMUL_INT8", "ARM_BF16", "SVE"}


def test_feature_counts_only_when_every_core_has_it() -> None:
    text = "processor: 0\nFeatures : asimd asimddp\nprocessor: 1\nFeatures : asimd\n"
    assert parse_cpuinfo(text, candidates("arm"))[1] == {"NEON", "ARM_FMA"}


def test_unreadable_cpuinfo_knows_nothing() -> None:
    assert parse_cpuinfo("", candidates("x86")) == ("", set(), set())


def test_macos_answers_by_sysctl_and_an_unknown_name_is_absent() -> None:
    values = {
        "machdep.cpu.brand_string": "Apple M2 Max",
        "hw.optional.neon": "1",
        "hw.optional.arm.FEAT_DotProd": "1",
        "hw.optional.arm.FEAT_I8MM": "1",
        "hw.optional.arm.FEAT_BF16": "1",
        "hw.optional.arm.FEAT_FP16": "1",
        "hw.optional.arm.FEAT_SME": "0",
    }
    name, present, known = parse_sysctl(candidates("arm"), values.get)
    assert name == "Apple M2 Max"
    assert present == {"NEON", "ARM_FMA", "FP16_VA", "DOTPROD", "MATMUL_INT8", "ARM_BF16"}
    assert known - present == {"SME", "SME2"}
    assert "SVE" not in known


def test_this_processor_is_described() -> None:
    report = read_cpu(Tables())
    assert report.cpu.name
    assert 1 <= report.cpu.physical_cores <= report.cpu.logical_cores
    assert 1 <= report.cpu.usable_cores <= report.cpu.logical_cores
    assert set(report.cpu.features) <= report.known_features


@pytest.mark.parametrize(
    ("affinity", "quota", "usable", "words"),
    [
        (None, None, 16, []),
        (16, 32.0, 16, []),
        (4, None, 4, ["affinity"]),
        (None, 2.5, 2, ["limits this process to 2.5 of 16"]),
        (None, 0.5, 1, ["0.5 of 16"]),
        (8, 2.0, 2, ["affinity", "container"]),
    ],
)
def test_affinity_and_quota_limit_the_cores_and_say_so(
    affinity: int | None, quota: float | None, usable: int, words: list[str]
) -> None:
    cores, notes = usable_cores(16, affinity, quota)
    assert cores == usable
    assert len(notes) == len(words)
    assert all(word in note for word, note in zip(words, notes, strict=True))


def test_engine_that_needs_more_than_the_processor_has() -> None:
    _, present, known = recorded("cpuinfo_i5_2500k.txt", "x86")
    cpu = Cpu(name="i5-2500K", features=tuple(sorted(present)))
    missing, sentence = missing_features(cpu, frozenset(known), ("AVX", "AVX2", "FMA", "LLAMAFILE"))
    assert missing == ("AVX2", "FMA")
    assert sentence.startswith("This CPU has no AVX2, FMA, which the installed engine needs")


def test_nothing_is_missing_where_the_system_cannot_tell() -> None:
    assert missing_features(Cpu(name="x"), frozenset(), ("AVX2",)) == ((), "")


@pytest.mark.parametrize(("machine", "expected"), [("AMD64", "x86"), ("aarch64", "arm"), ("riscv64", "riscv64")])
def test_family(machine: str, expected: str) -> None:
    assert family(machine) == expected
