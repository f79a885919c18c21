"""The NVIDIA probe against a recorded driver with NVML's real error classes."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pynvml
import pytest
from recorded_nvml import A100_MIG, NO_PERMISSION, RTX_3060, RTX_4090, Recorded

from desktop.machine import nvidia_child
from desktop.machine.gpu_nvidia import probe_nvidia
from desktop.machine.merge import EngineDevice, merge
from desktop.machine.tables import Tables


def refused(error: Exception) -> tuple[str, tuple[str, ...]]:
    report = probe_nvidia(Recorded([], refuse=error))
    assert report.gpus == ()
    return report.message, report.notes


def test_every_card_with_its_figures() -> None:
    nvml = Recorded([RTX_4090, RTX_3060])
    report = probe_nvidia(nvml)
    first, second = report.gpus
    assert (first.name, first.vendor, first.probe) == ("NVIDIA GeForce RTX 4090", "nvidia", "nvml")
    assert (first.total_bytes, first.free_bytes) == (25757220864, 24696061952)
    assert (first.compute_capability, second.compute_capability) == ("8.9", "8.6")
    assert first.driver == "570.86.15"
    assert nvml.open == 0, "NVML was not shut down"


@pytest.mark.parametrize("card", [RTX_4090, RTX_3060])
def test_computed_bandwidth_meets_the_table(card: dict[str, object]) -> None:
    (gpu,) = probe_nvidia(Recorded([card])).gpus
    product = Tables().product(gpu.name)
    assert product is not None
    assert gpu.bandwidth_bytes_per_second == pytest.approx(product.bandwidth_bytes_per_second, rel=0.001)


def test_process_with_compute_and_graphics_counts_once_and_by_name() -> None:
    own = os.getpid()
    card = {**RTX_4090, "compute": [(own, 500 << 20)], "graphics": [(own, 300 << 20), (2**22 + 1, None)]}
    (gpu,) = probe_nvidia(Recorded([card])).gpus
    assert [(p.pid, p.used_bytes) for p in gpu.processes] == [(own, 500 << 20), (2**22 + 1, None)]
    assert gpu.processes[0].name.startswith(("pytest", "python"))
    assert gpu.processes[1].name == ""


def test_card_that_does_not_know_an_answer_keeps_the_rest() -> None:
    unknown = pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
    card = {**RTX_4090, "bus": unknown, "clock": unknown, "compute": unknown, "graphics": unknown}
    (gpu,) = probe_nvidia(Recorded([card])).gpus
    assert gpu.total_bytes == 25757220864
    assert gpu.bandwidth_bytes_per_second is None
    assert gpu.processes == ()


def test_chip_without_memory_of_its_own_is_told_as_shared() -> None:
    card = {**RTX_4090, "name": "NVIDIA GB10", "memory": pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)}
    (gpu,) = probe_nvidia(Recorded([card])).gpus
    assert gpu.shared_memory
    assert (gpu.total_bytes, gpu.free_bytes) == (0, None)


def test_memory_that_may_not_be_asked_is_unknown_and_not_shared() -> None:
    report = probe_nvidia(Recorded([{**RTX_4090, "memory": NO_PERMISSION}]))
    (gpu,) = report.gpus
    assert (gpu.shared_memory, gpu.total_bytes, gpu.free_bytes) == (False, 0, None)
    assert report.notes == (
        "NVIDIA GeForce RTX 4090 did not tell its memory: Insufficient Permissions. Where the engine knows it, its "
        "figure counts.",
    )


def test_divided_gpu_is_listed_by_its_instances() -> None:
    report = probe_nvidia(Recorded([A100_MIG, RTX_3060]))
    first, second, other = report.gpus
    assert (first.name, first.total_bytes) == ("NVIDIA A100-SXM4-40GB MIG 3g.20gb", 20937965568)
    assert (second.name, second.total_bytes) == ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", 5100273664)
    assert (first.free_bytes, first.compute_capability, first.device_id) == (20900000000, "8.0", "0000:0f:00.0")
    assert other.name == "NVIDIA GeForce RTX 3060"
    whole = 5120 / 8 * 1215e6 * 2
    assert first.bandwidth_bytes_per_second == pytest.approx(whole * 20937965568 / 42505273344)
    assert not first.shared_memory and not second.shared_memory
    assert "2 instances" in report.notes[0]


def test_divided_gpu_whose_own_memory_is_not_permitted_has_its_instances_without_a_bandwidth() -> None:
    report = probe_nvidia(Recorded([{**A100_MIG, "memory": NO_PERMISSION}]))
    assert [gpu.total_bytes for gpu in report.gpus] == [20937965568, 5100273664]
    assert [gpu.bandwidth_bytes_per_second for gpu in report.gpus] == [None, None]


def test_divided_gpu_without_an_instance_is_a_sentence_and_no_row() -> None:
    report = probe_nvidia(Recorded([{**A100_MIG, "instances": []}]))
    assert report.gpus == ()
    assert "has no instance yet" in report.notes[0]


def test_instances_that_may_not_be_asked_leave_their_memory_to_the_engine() -> None:
    report = probe_nvidia(Recorded([{**A100_MIG, "instances": [NO_PERMISSION]}]))
    (gpu,) = report.gpus
    assert (gpu.total_bytes, gpu.shared_memory, gpu.bandwidth_bytes_per_second) == (0, False, None)
    engine = EngineDevice(
        "CUDA0", "NVIDIA A100-SXM4-40GB MIG 1g.5gb", "CUDA", "gpu", 5100273664, 5 << 30, "0000:0f:00.0"
    )
    for device in (engine, replace(engine, device_id="")):
        (merged,) = merge(report.gpus, [device], Tables())
        assert (merged.name, merged.total_bytes) == ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", 5100273664)
        assert merged.bandwidth_bytes_per_second is None
    assert "Insufficient Permissions" in report.notes[0]


def test_lost_card_becomes_a_sentence_and_the_other_stays() -> None:
    lost = {"handle": pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)}
    report = probe_nvidia(Recorded([lost, RTX_3060]))
    assert [gpu.name for gpu in report.gpus] == ["NVIDIA GeForce RTX 3060"]
    assert report.notes == ("NVIDIA GPU 0 did not answer: GPU is lost.",)


def test_computer_without_driver_has_nothing_to_complain_about() -> None:
    message, notes = refused(pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND))
    assert message == "no NVIDIA driver on this computer"
    assert notes == ()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (pynvml.NVML_ERROR_DRIVER_NOT_LOADED, "installed but not loaded"),
        (pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH, "was updated"),
        (pynvml.NVML_ERROR_NO_PERMISSION, "Insufficient Permissions"),
    ],
)
def test_driver_that_refuses_becomes_a_sentence(code: int, words: str) -> None:
    (note,) = refused(pynvml.NVMLError(code))[1]
    assert words in note


def test_real_probe_answers_in_a_process_of_its_own() -> None:
    report = nvidia_child.probe_in_child()
    assert report.name == "nvml"
    assert report.gpus or report.message == "no NVIDIA driver on this computer" or report.notes


def test_probe_process_that_dies_becomes_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'driver fell over' >&2\nkill -SEGV $$\n")
    broken.chmod(0o700)
    monkeypatch.setattr("sys.executable", str(broken))
    assert nvidia_child.probe_in_child().notes == ("The NVIDIA probe failed: driver fell over.",)
