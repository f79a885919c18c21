"""The machine in words: one text for the terminal and for "Copy report".

Nothing in it identifies a person: no user or host name, no path, no names of running programs.
"""

from __future__ import annotations

from collections.abc import Sequence

from desktop.core.hardware import FormatSupport, Gpu, GpuKind, Machine
from desktop.core.machines import ASSUMED
from desktop.core.pools import NOTHING_RECLAIMABLE, Reclaimable
from desktop.core.units import human_bytes
from desktop.services.machine.graphics_words import graphics_words
from desktop.services.machine.memory_words import memory_words, sized_words

NO_ENGINE = "gave no answer, or is not part of this profile"
_KINDS: dict[GpuKind, str] = {
    "discrete": "a card of its own",
    "integrated": "part of the processor",
    "software": "software, slow: used only where it is asked for",
    "remote": "on another computer",
}
_SUPPORT_WIDTH = len("native, unused")


def rate(bytes_per_second: float | None) -> str:
    """A bandwidth in GB/s, three digits or more."""
    if not bytes_per_second:
        return "not measured"
    value = bytes_per_second / 1e9
    return f"{value:,.0f} GB/s" if value >= 100 else f"{value:.1f} GB/s"


def support_in_words(row: FormatSupport) -> str:
    """``native``, ``converted`` or ``none``; ``native, unused`` where llama.cpp does less than the hardware could."""
    return row.support if row.engine == row.support else f"{row.support}, unused"


def cores(machine: Machine) -> str:
    """Cores in words, with the limit when there is one."""
    cpu = machine.cpu
    text = f"{cpu.physical_cores} physical, {cpu.logical_cores} logical cores"
    if 0 < cpu.usable_cores < cpu.logical_cores:
        text += f" ({cpu.usable_cores} usable here)"
    return text


def gpu_facts(gpu: Gpu, architecture: str = "") -> tuple[str, ...]:
    """What is known of a GPU besides its name, each fact as a short phrase."""
    memory = sized_words(gpu.total_bytes, nearly=gpu.probe != ASSUMED) if gpu.total_bytes else "memory unknown"
    if gpu.shared_memory and gpu.total_bytes:
        memory = f"{human_bytes(gpu.total_bytes)} of main memory"
        if gpu.set_aside_bytes:
            memory += f", {human_bytes(gpu.set_aside_bytes)} of it set aside"
    if gpu.free_bytes is not None:
        memory += f", {human_bytes(gpu.free_bytes)} free now"
    if gpu.held_by_others_bytes:
        memory += f", {human_bytes(gpu.held_by_others_bytes)} held by others"
    facts = [_KINDS[gpu.kind], memory] if gpu.kind else [memory]
    if gpu.link is not None:
        facts.append(f"{1000 * gpu.link.round_trip_seconds:.1f} ms there and back")
    if gpu.bandwidth_bytes_per_second:
        facts.append(rate(gpu.bandwidth_bytes_per_second))
    generation = architecture or gpu.architecture
    if gpu.compute_capability:
        generation = f"{generation} (compute capability {gpu.compute_capability})".strip()
    elif gpu.target:
        generation = f"{generation} ({gpu.target})".strip()
    if generation:
        facts.append(generation)
    if gpu.driver:
        facts.append(f"driver {gpu.driver}")
    if gpu.backends:
        facts.append(f"reached by {', '.join(gpu.backends)} as {', '.join(gpu.engine_devices)}")
    if gpu.computes is not None:
        facts.append("computes " + (", ".join(gpu.computes) if gpu.computes else "FP32 only"))
    if gpu.probe:
        facts.append("assumed" if gpu.probe == ASSUMED else f"seen by {gpu.probe}")
    return tuple(facts)


def report_lines(machine: Machine, held: Reclaimable = NOTHING_RECLAIMABLE) -> list[tuple[str, str]]:
    """Label and text of each line of the report, without the number formats; ``held`` is the loaded model's."""
    cpu, memory, engine = machine.cpu, machine.memory, machine.engine
    lines = [
        ("Processor", cpu.name),
        ("", cores(machine)),
        ("Instruction sets", ", ".join(cpu.features) or "none known"),
        ("Memory", memory_words(machine, held)),
        ("Read bandwidth", rate(memory.bandwidth_bytes_per_second)),
    ]
    if memory.bandwidth_measured_at:
        lines[-1] = ("Read bandwidth", f"{lines[-1][1]}, measured {memory.bandwidth_measured_at[:10]}")
        if memory.bandwidth_doubtful:
            lines[-1] = ("Read bandwidth", f"at least {lines[-1][1]} while the computer was busy")
    for gpu in machine.gpus:
        lines.append(("Graphics", gpu.name))
        lines += [("", fact) for fact in gpu_facts(gpu)]
    if not machine.gpus:
        lines.append(("Graphics", "none that a model can use"))
    lines.append(("", graphics_words(machine)))
    lines += [("Probe", f"{probe.name}: {probe.message}") for probe in machine.probes]
    lines.append(("Engine", engine.version or NO_ENGINE))
    if engine.backends:
        lines.append(("", f"backends: {', '.join(engine.backends)}"))
    if engine.cpu_variant:
        lines.append(("", f"chosen for this processor: {engine.cpu_variant}"))
    if engine.features:
        lines.append(("", f"compiled with: {', '.join(engine.features)}"))
    if engine.architectures:
        lines.append(("", f"{len(engine.architectures)} model architectures"))
    if machine.disk.free_bytes:
        lines.append(("Disk", f"{human_bytes(machine.disk.free_bytes)} free for models"))
    if machine.system:
        lines.append(("System", machine.system))
    return lines


def format_matrix(
    rows: Sequence[FormatSupport],
) -> tuple[tuple[str, ...], tuple[tuple[str, tuple[FormatSupport | None, ...]], ...]]:
    """Devices, and each format with its row per device (None where a profile has none)."""
    devices = tuple(dict.fromkeys(row.device for row in rows))
    names = dict.fromkeys(row.format for row in rows)
    by_key = {(row.format, row.device): row for row in rows}
    return devices, tuple((name, tuple(by_key.get((name, device)) for device in devices)) for name in names)


def report(machine: Machine, held: Reclaimable = NOTHING_RECLAIMABLE) -> str:
    """The whole report as plain text; ``held`` is what the loaded model would give back."""
    lines = report_lines(machine, held)
    width = max(len(label) for label, _ in lines)
    text = [f"{label:<{width}}  {value}" for label, value in lines]
    devices, formats = format_matrix(machine.number_formats)
    if formats:
        columns = [max(len(device), _SUPPORT_WIDTH) for device in devices]
        head = "  ".join(f"{d:<{w}}" for d, w in zip(devices, columns, strict=True))
        text += ["", f"{'Number format':<{width}}  {head}".rstrip()]
        for name, cells in formats:
            marks = [support_in_words(cell) if cell else "unknown" for cell in cells]
            row = "  ".join(f"{m:<{w}}" for m, w in zip(marks, columns, strict=True))
            text.append(f"{name:<{width}}  {row}".rstrip())
    if machine.notes:
        text += ["", *(f"Note: {note}" for note in machine.notes)]
    return "\n".join(text) + "\n"
