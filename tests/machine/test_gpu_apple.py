"""The Apple probe against recorded output of system_profiler."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from desktop.machine.gpu_apple import default_limit, probe_apple, run_command

M1 = (Path(__file__).parent / "recorded" / "apple_m1.json").read_text(encoding="utf-8")
GIB = 1 << 30


def mac(profiler: str = M1, *, memory: str = str(16 * GIB), wired: str = "0") -> Callable[[Sequence[str]], str]:
    def run(command: Sequence[str]) -> str:
        answers = {"SPDisplaysDataType": profiler, "hw.memsize": memory, "iogpu.wired_limit_mb": wired}
        return next(answer for word, answer in answers.items() if word in command)

    return run


def test_chip_with_cores_and_two_thirds_of_main_memory() -> None:
    (gpu,) = probe_apple(mac(), platform="darwin").gpus
    assert (gpu.name, gpu.vendor, gpu.probe) == ("Apple M1 (7-core GPU)", "apple", "system_profiler")
    assert gpu.total_bytes == 16 * GIB * 2 // 3
    assert gpu.shared_memory
    assert gpu.free_bytes is None
    assert gpu.driver == "metal3"


def test_limit_the_user_set_counts() -> None:
    (gpu,) = probe_apple(mac(wired="14336"), platform="darwin").gpus
    assert gpu.total_bytes == 14 * GIB


def test_default_limit_is_what_metal_recommended_on_real_macs() -> None:
    assert default_limit(32 * GIB) // (1 << 20) == 21845  # ollama issue 434
    assert default_limit(64 * GIB) == 48 * GIB  # llama.cpp issue 1870


def test_amd_card_of_an_intel_mac_is_not_an_apple_gpu() -> None:
    other = M1.replace("sppci_vendor_Apple", "sppci_vendor_amd").replace("Apple M1", "AMD Radeon Pro 5500M")
    report = probe_apple(mac(other), platform="darwin")
    assert (report.gpus, report.message) == ((), "0 Apple GPUs")


@pytest.mark.parametrize("profiler", ["", "{}", "[]", '{"SPDisplaysDataType": 7}', '{"SPDisplaysDataType": ["x"]}'])
def test_garbled_answer_becomes_a_sentence(profiler: str) -> None:
    report = probe_apple(mac(profiler), platform="darwin")
    assert report.gpus == ()
    assert report.notes[0].startswith("macOS did not describe its graphics")


def test_command_that_fails_becomes_a_sentence() -> None:
    def run(command: Sequence[str]) -> str:
        raise subprocess.TimeoutExpired(list(command), 20)

    assert probe_apple(run, platform="darwin").notes == ("macOS did not describe its graphics (TimeoutExpired).",)


def test_other_systems_are_not_asked() -> None:
    def run(command: Sequence[str]) -> str:
        raise AssertionError(command)

    assert probe_apple(run, platform="linux").message == "not a Mac"


def test_run_command_gives_output_and_raises_on_failure() -> None:
    assert run_command(["/bin/echo", "hello"]) == "hello\n"
    with pytest.raises(subprocess.CalledProcessError):
        run_command(["/bin/false"])
