"""Free memory is one figure: of one moment, in one way of rounding, made of the same parts, whoever is asked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.forge_shapes import llama_8b

from desktop.cli import main
from desktop.core.hardware import Cpu, Machine, Memory, to_json
from desktop.core.machines import GIB, machine_of_sizes, machine_with
from desktop.core.placement import STEADY_BYTES
from desktop.core.pools import Reclaimable
from desktop.core.units import human_bytes
from desktop.engine.api import Hello
from desktop.engine.device_records import Device
from desktop.services.discover.tables import DataTables
from desktop.services.machine import machine as asked
from desktop.services.machine.machine import MachineService
from desktop.services.machine.memory_words import main_memory, memory_words
from desktop.services.machine.report import report
from desktop.services.machine.this_machine import ThisMachine
from desktop.store.paths import Paths

GB = 1_000_000_000
OWN = Machine(Cpu("x", "x86_64", 4, 8), Memory(25 * GB, 20 * GB, 5e10))
WHAT_IF = (
    *DataTables().profiles.values(),
    *(machine_with(device, count) for device in DataTables().devices for count in (1, 2)),
    *(machine_of_sizes(OWN, ram * GIB, vram * GIB) for ram in (2, 4, 6, 8, 24, 25, 100, 512) for vram in (0, 8)),
)
HELLO = Hello("llama.cpp test", ("AVX",), ("CPU",), (Device("CPU", "a CPU", "CPU", "cpu", 1, 1),), ("llama",))


def test_what_a_machine_of_what_if_is_said_to_have_in_use_is_what_its_figures_leave() -> None:
    for machine in WHAT_IF:
        (note,) = machine.notes
        noted = re.search(r"([\d.]+ GB) of it in use", note)
        shown = re.search(r": ([\d.]+ GB) in use", memory_words(machine))
        assert noted is not None and shown is not None, note
        assert noted[1] == shown[1], (note, memory_words(machine))
        assert human_bytes(machine.memory.total_bytes) in note
        for gpu in machine.gpus:
            if not gpu.shared_memory and gpu.free_bytes is not None:
                assert f"{human_bytes(gpu.total_bytes - gpu.free_bytes)} of " in note


def service(paths: Paths, monkeypatch: pytest.MonkeyPatch, available: list[int], held: list[int]) -> MachineService:
    """The computer's own memory is what these say, whenever it is read."""
    monkeypatch.setattr(asked, "read_memory", lambda: Memory(25 * GB, available[0]))
    return MachineService(paths, lambda: HELLO, gpu_probes=(), held=lambda: Reclaimable(held[0]))


def test_whoever_asks_at_about_the_same_moment_gets_one_figure(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    available, held = [20 * GB], [0]
    made = service(paths, monkeypatch, available, held)
    page = made.describe("cached")
    available[0] -= STEADY_BYTES - 1
    weighed, loaded = made.now(page), ThisMachine(paths, made, lambda: HELLO).for_load()
    live = made.memory()
    assert live.available_bytes == weighed.memory.available_bytes == loaded.memory.available_bytes == 20 * GB
    available[0] -= 1
    assert made.memory().available_bytes == 20 * GB - STEADY_BYTES


def test_a_loaded_model_moves_between_the_parts_and_not_the_sum(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    available, held = [20 * GB], [0]
    made = service(paths, monkeypatch, available, held)
    before = main_memory(made.describe("cached"))
    available[0], held[0] = 15 * GB + 20_000_000, 5 * GB
    machine = made.describe("cached")
    assert main_memory(machine, Reclaimable(held[0])).free_bytes == before.free_bytes
    assert "19.0 GB free for models, of 25.0 GB: 5.0 GB in use" in memory_words(machine, Reclaimable(held[0]))
    assert "Counted as free: 5.0 GB that the loaded model would give back" in report(machine, Reclaimable(held[0]))


@pytest.mark.parametrize("available", [18_349_999_999, 18_350_000_001, 6_049_000_000])
def test_commands_say_the_same_memory(
    heft_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], available: int
) -> None:
    machine = Machine(Cpu("laptop"), Memory(25_290_000_000, available))
    profile, model = tmp_path / "laptop.json", llama_8b().write(tmp_path / "llama.gguf")
    profile.write_bytes(to_json(machine))
    free = human_bytes(main_memory(machine).free_bytes)
    assert main(["machine", "--profile", str(profile)]) == 0
    assert memory_words(machine) in capsys.readouterr().out
    assert main(["fit", str(model), "--machine", str(profile), "--estimate"]) == 0
    text = capsys.readouterr().out
    assert re.search(rf"(of the {free}|and {free} are) free for models in main memory\.", text)
    assert re.search(rf"^Free for models +{free}$", text, re.MULTILINE)
    assert re.search(r"^Kept free besides +1\.0 GB$", text, re.MULTILINE)


def test_fit_names_each_of_its_sums(heft_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = str(llama_8b().write(tmp_path / "llama.gguf"))

    def said(machine: str, *more: str) -> str:
        assert main(["fit", model, "--machine", machine, "--estimate", *more]) == 0
        return capsys.readouterr().out.split("\n\n")[1]

    too_large = said("8 GB", "--context", "100000", "--kv", "f16")
    found = re.fullmatch(
        r"Too large by ([\d.]+) GB: it needs ([\d.]+) GB, and ([\d.]+) GB are free for models in main memory\.",
        too_large,
    )
    assert found is not None, too_large
    short, needed, free = (float(figure) for figure in found.groups())
    assert needed - free == pytest.approx(short, abs=0.11)
    card = said("rtx-4090", "--context", "8192")
    assert re.fullmatch(
        r"Fits on the GPU: it needs, of what is free for models, [\d.]+ GB of 24\.6 GB on GeForce RTX 4090 and "
        r"[\d.]+ MB of 29\.1 GB in main memory\.",
        card,
    ), card
