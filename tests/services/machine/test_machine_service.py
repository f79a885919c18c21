"""The machine service: this computer, its report, profiles, and probes or engines that fail."""

from __future__ import annotations

import getpass
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from desktop.core.errors import EngineError, HeftError
from desktop.core.hardware import Gpu, GpuProcess, Machine, to_json
from desktop.engine.api import Hello
from desktop.engine.device_records import Device
from desktop.machine import bandwidth
from desktop.machine.child import ChildError
from desktop.machine.report import ProbeReport
from desktop.services.machine.machine import MachineService
from desktop.services.machine.report import format_matrix, gpu_facts, rate, report, support_in_words
from desktop.store.paths import Paths

CPU_DEVICE = Device("CPU", "a CPU", "CPU", "cpu", 16_000_000_000, 8_000_000_000)
CUDA_DEVICE = Device("CUDA0", "NVIDIA GeForce RTX 4090", "CUDA", "gpu", 25757220864, 24000000000)
CARD = Gpu(
    name="NVIDIA GeForce RTX 4090",
    vendor="nvidia",
    total_bytes=25757220864,
    free_bytes=24000000000,
    compute_capability="8.9",
    probe="nvml",
    processes=(GpuProcess(4242, "secret-program", 1 << 30),),
)


def hello(*devices: Device, features: tuple[str, ...] = ("AVX",)) -> Hello:
    backends = tuple(dict.fromkeys(device.backend for device in devices))
    return Hello("llama.cpp test", features, backends, devices, ("llama", "qwen3"))


def one_card() -> ProbeReport:
    return ProbeReport("nvml", (CARD,), "driver 570.86.15")


def falls_over() -> ProbeReport:
    raise RuntimeError("unplugged")


def service(
    paths: Paths,
    engine: Callable[[], Hello] = lambda: hello(CPU_DEVICE),
    *probes: Callable[[], ProbeReport],
) -> MachineService:
    return MachineService(paths, engine, gpu_probes=probes)


def keep_bandwidth(paths: Paths, machine: Machine, **changes: float) -> None:
    identity = bandwidth.fingerprint(machine.cpu, machine.memory.total_bytes)
    kept = bandwidth.Bandwidth(5e10, "2026-01-02T03:04:05+00:00", 2, 1, fingerprint=identity)
    paths.cache.mkdir(parents=True, exist_ok=True)
    (paths.cache / "bandwidth.json").write_bytes(msgspec.json.encode(msgspec.structs.replace(kept, **changes)))


def test_the_chosen_cpu_variant_and_left_out_backends_are_told(paths: Paths) -> None:
    left_out = "The backend libggml-vulkan.so was left out: it crashes the engine."
    portable = msgspec.structs.replace(hello(CPU_DEVICE), cpu_variant="zen4", left_out=(left_out,))
    machine = service(paths, lambda: portable).describe("cached")
    assert machine.engine.cpu_variant == "zen4"
    assert left_out in machine.notes
    assert "chosen for this processor: zen4" in report(machine) and left_out in report(machine)


def test_this_computer_is_described(paths: Paths) -> None:
    machine = MachineService(paths, lambda: hello(CPU_DEVICE)).describe("cached")
    assert machine.cpu.name
    assert 0 < machine.memory.available_bytes <= machine.memory.total_bytes
    assert machine.memory.bandwidth_bytes_per_second is None
    assert machine.engine.architectures == ("llama", "qwen3")
    assert machine.disk.free_bytes > 0
    assert [probe.name for probe in machine.probes] == ["nvml", "sysfs", "system_profiler"]
    assert not paths.models.exists(), "asking must not make folders"


def test_missing_bandwidth_is_measured_once_and_kept(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bandwidth, "UNDISTURBED", 0.0)  # however busy the computer is that runs this
    first = service(paths).describe("if-missing")
    assert first.memory.bandwidth_bytes_per_second is not None
    second = service(paths).describe("if-missing")
    assert second.memory.bandwidth_measured_at == first.memory.bandwidth_measured_at
    assert second.memory.bandwidth_bytes_per_second == first.memory.bandwidth_bytes_per_second


def test_measuring_again_replaces_what_was_kept(paths: Paths) -> None:
    machine = service(paths).describe("cached")
    keep_bandwidth(paths, machine, bytes_per_second=1e8)
    assert service(paths).describe("if-missing").memory.bandwidth_bytes_per_second == 1e8
    assert service(paths).describe("again").memory.bandwidth_measured_at != "2026-01-02T03:04:05+00:00"


def test_a_lower_measurement_leaves_what_was_kept_and_is_told(paths: Paths) -> None:
    keep_bandwidth(paths, service(paths).describe("cached"), bytes_per_second=1e15)
    machine = service(paths).describe("again")
    assert machine.memory.bandwidth_bytes_per_second == 1e15
    assert any("the 1,000,000 GB/s of 2026-01-02 stay" in note for note in machine.notes)


def test_a_bandwidth_measured_meanwhile_counts_at_once(paths: Paths) -> None:
    """Discover predicted by the one of its start, while the chat and the commands had the new one."""
    known = service(paths).describe("cached")
    keep_bandwidth(paths, known)
    now = service(paths).now(msgspec.structs.replace(known, memory=msgspec.structs.replace(known.memory)))
    assert now.memory.bandwidth_bytes_per_second == 5e10


def test_bandwidth_measured_on_a_busy_machine_is_marked(paths: Paths) -> None:
    machine = service(paths).describe("cached")
    keep_bandwidth(paths, machine, cpu_share=0.5)
    assert any("Other programs were busy" in note for note in service(paths).describe("cached").notes)


def test_what_a_busy_machine_gave_is_measured_again_by_itself(paths: Paths) -> None:
    keep_bandwidth(paths, service(paths).describe("cached"), cpu_share=0.5, bytes_per_second=1e6)
    doubted = service(paths).describe("cached")
    assert doubted.memory.bandwidth_doubtful and "at least" in report(doubted)
    again = service(paths).describe("if-missing")
    assert again.memory.bandwidth_bytes_per_second != 1e6


def test_measurement_that_fails_is_a_sentence(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(folder: Path, identity: str) -> bandwidth.Bandwidth:
        raise ChildError("The memory bandwidth measurement failed: no numpy.")

    monkeypatch.setattr(bandwidth, "measure_in_child", fail)
    machine = service(paths).describe("again")
    assert machine.memory.bandwidth_bytes_per_second is None
    assert "The memory bandwidth measurement failed: no numpy." in machine.notes


def test_probe_that_raises_is_a_sentence_and_the_others_count(paths: Paths) -> None:
    machine = service(paths, lambda: hello(CPU_DEVICE, CUDA_DEVICE), falls_over, one_card).describe("cached")
    assert [gpu.engine_devices for gpu in machine.gpus] == [("CUDA0",)]
    assert machine.notes == ("The probe falls_over failed: RuntimeError: unplugged.",)
    assert [(probe.name, probe.devices) for probe in machine.probes] == [("falls_over", 0), ("nvml", 1)]


def test_engine_that_does_not_start_is_a_sentence(paths: Paths) -> None:
    def broken() -> Hello:
        raise EngineError("The engine ended with an illegal instruction.", "Set Heft up again.")

    machine = service(paths, broken, one_card).describe("cached")
    assert machine.engine.version == ""
    assert machine.notes == (
        "The engine could not be asked: The engine ended with an illegal instruction. Set Heft up again.",
    )


def test_gpu_the_engine_was_not_built_for_is_told(paths: Paths) -> None:
    machine = service(paths, lambda: hello(CPU_DEVICE), one_card).describe("cached")
    assert machine.notes == ("The installed engine cannot use NVIDIA GeForce RTX 4090: it was built with CPU only.",)


def test_an_integrated_gpu_beside_a_card_is_listed_and_said_to_be_left_aside(paths: Paths) -> None:
    integrated = Device("Vulkan1", "Intel(R) UHD Graphics 770", "Vulkan", "igpu", 16 << 30, 8 << 30)
    card = msgspec.structs.replace(CUDA_DEVICE, name="Vulkan0", backend="Vulkan")
    machine = service(paths, lambda: hello(CPU_DEVICE, card, integrated), one_card).describe("cached")
    assert [gpu.name for gpu in machine.gpus] == ["NVIDIA GeForce RTX 4090", "Intel(R) UHD Graphics 770"]
    assert machine.notes == (
        "Intel(R) UHD Graphics 770 is left aside: llama.cpp takes a GPU without memory of its own only where there is "
        "no card.",
    )


def test_instances_of_a_divided_gpu_that_a_program_is_not_given_are_no_fault_of_the_engine(paths: Paths) -> None:
    instances = tuple(
        msgspec.structs.replace(CARD, name=f"A100 MIG {size}", device_id="0000:0f:00.0") for size in ("3g", "1g")
    )
    given = msgspec.structs.replace(CUDA_DEVICE, description="A100 MIG 3g", device_id="0000:0f:00.0")
    divided = service(paths, lambda: hello(CPU_DEVICE, given), lambda: ProbeReport("nvml", instances, ""))
    machine = divided.describe("cached")
    assert [gpu.engine_devices for gpu in machine.gpus] == [("CUDA0",), ()]
    assert machine.notes == ()


def test_engine_compiled_for_another_processor_is_told_plainly(paths: Paths) -> None:
    plain = service(paths).describe("cached")
    lacking = "AMX_INT8" if plain.cpu.arch in ("x86_64", "AMD64") else "SME2"
    if lacking in plain.cpu.features:
        pytest.skip(f"this processor has {lacking}")
    machine = service(paths, lambda: hello(CPU_DEVICE, features=("OPENMP", lacking))).describe("cached")
    assert machine.engine.missing_features == (lacking,)
    assert machine.notes[0].startswith(f"This CPU has no {lacking}, which the installed engine needs")


# -- profiles ------------------------------------------------------------------------------------


def test_profile_keeps_everything_but_running_programs(paths: Paths, tmp_path: Path) -> None:
    own = service(paths, lambda: hello(CPU_DEVICE, CUDA_DEVICE), one_card)
    machine = own.describe("cached")
    file = tmp_path / "machine.json"
    own.save_profile(machine, file)
    assert "secret-program" not in file.read_text(encoding="utf-8")
    loaded = own.load_profile(file)
    assert loaded.cpu == machine.cpu
    assert loaded.number_formats == machine.number_formats
    assert loaded.gpus == (msgspec.structs.replace(machine.gpus[0], processes=()),)
    assert [path.name for path in tmp_path.glob("*machine.json*")] == ["machine.json"]


def test_edited_profile_has_its_consequences_worked_out(paths: Paths, tmp_path: Path) -> None:
    own = service(paths)
    document = json.loads(to_json(own.describe("cached")))
    document["gpus"] = [{"name": "GeForce RTX 5090", "total_bytes": 34190917632}]
    file = tmp_path / "edited.json"
    file.write_text(json.dumps(document))
    machine = own.load_profile(file)
    (gpu,) = machine.gpus
    assert (gpu.vendor, gpu.architecture, gpu.bandwidth_bytes_per_second) == ("nvidia", "blackwell", 1792e9)
    mine = {row.format: row.support for row in machine.number_formats if row.device == gpu.name}
    assert mine["NVFP4"] == "native"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"cpu": 7}', "not a machine profile"),
        (b"\x00" * (5 << 20), "too large"),
        (None, "could not be read: No such file"),
    ],
)
def test_file_that_is_no_profile_is_refused(paths: Paths, tmp_path: Path, content: bytes | None, words: str) -> None:
    file = tmp_path / "file.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(HeftError, match=words) as caught:
        service(paths).load_profile(file)
    assert caught.value.kind == "bad-profile"
    assert caught.value.hint


def test_profile_that_cannot_be_written_leaves_nothing(paths: Paths, tmp_path: Path) -> None:
    own = service(paths)
    with pytest.raises(HeftError, match="could not be saved"):
        own.save_profile(own.describe("cached"), tmp_path / "no" / "such" / "folder.json")
    target = tmp_path / "taken"
    target.mkdir()
    with pytest.raises(HeftError, match="could not be saved"):
        own.save_profile(own.describe("cached"), target)
    assert sorted(path.name for path in tmp_path.glob("*taken*")) == ["taken"]


# -- the report ----------------------------------------------------------------------------------


def test_report_says_everything_and_identifies_nobody(paths: Paths) -> None:
    machine = service(paths, lambda: hello(CPU_DEVICE, CUDA_DEVICE), one_card).describe("cached")
    text = report(machine)
    for part in (machine.cpu.name, "NVIDIA GeForce RTX 4090", "25.8 GB", "compute capability 8.9", "llama.cpp test"):
        assert part in text
    assert "FP8 E4M3" in text and "native, unused" in text
    private = {str(paths.data), str(Path.home()), socket.gethostname() + ".", "secret-program", str(os.getpid())}
    if getpass.getuser() not in ("root", "user"):
        private.add(getpass.getuser())
    assert not [word for word in private if word in text]


def test_report_aligns_its_columns(paths: Paths) -> None:
    machine = service(paths, lambda: hello(CPU_DEVICE, CUDA_DEVICE), one_card).describe("cached")
    lines = report(machine).splitlines()
    head = next(line for line in lines if line.startswith("Number format"))
    column = head.index("NVIDIA")
    rows = lines[lines.index(head) + 1 :][: len(format_matrix(machine.number_formats)[1])]
    assert len(rows) == 11
    assert all(row[column - 1] == " " and row[column] != " " for row in rows)


def test_facts_of_a_gpu_in_words() -> None:
    shared = Gpu(name="x", total_bytes=8_000_000_000, shared_memory=True, target="gfx1151", probe="sysfs")
    assert gpu_facts(shared, "RDNA 3.5") == ("8.0 GB of main memory", "RDNA 3.5 (gfx1151)", "seen by sysfs")
    chip = Gpu(name="x", total_bytes=52_000_000_000, shared_memory=True, set_aside_bytes=8_000_000_000, probe="assumed")
    assert gpu_facts(chip) == ("52.0 GB of main memory, 8.0 GB of it set aside", "assumed")
    assert gpu_facts(Gpu(name="x")) == ("memory unknown",)


def test_rates_have_three_digits() -> None:
    assert (rate(None), rate(6.21e10), rate(1.008e12)) == ("not measured", "62.1 GB/s", "1,008 GB/s")


def test_hardware_the_engine_does_not_use_is_said(paths: Paths) -> None:
    machine = service(paths, lambda: hello(CPU_DEVICE), one_card).describe("cached")
    words = {(row.format, row.device): support_in_words(row) for row in machine.number_formats}
    assert words["FP8 E4M3", CARD.name] == "native, unused"
    assert words["INT4", CARD.name] == "native, unused"
    assert words["FP32", CARD.name] == "native"


def test_what_is_free_now_is_asked_of_the_probes_again(paths: Paths) -> None:
    free = [24_000_000_000, 9_000_000_000]

    def two_cards() -> ProbeReport:
        cards = tuple(msgspec.structs.replace(CARD, free_bytes=count) for count in free)
        return ProbeReport("nvml", cards, "")

    made = service(paths, lambda: hello(CPU_DEVICE), two_cards, falls_over)
    described = made.describe("cached")
    assert [gpu.free_bytes for gpu in described.gpus] == free
    free[:] = [1_000_000_000, 8_000_000_000]
    now = made.now(described)
    assert [gpu.free_bytes for gpu in now.gpus] == free
    assert [gpu.held_bytes for gpu in now.gpus] == [CARD.total_bytes - count for count in free]
    momentary = {"free_bytes": 0, "held_bytes": 0, "held_by_others_bytes": 0}
    assert [msgspec.structs.replace(gpu, **momentary) for gpu in now.gpus] == [
        msgspec.structs.replace(gpu, **momentary) for gpu in described.gpus
    ]
    assert now.memory.total_bytes == described.memory.total_bytes
