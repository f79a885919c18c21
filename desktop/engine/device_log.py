"""What llama.cpp's log of a load says of its devices: which are used, and what each of them holds.

Texts are llama.cpp 0c1e57098's: ``src/llama.cpp`` (llama_prepare_model_devices), ``src/llama-model.cpp``,
``src/llama-kv-cache.cpp``, ``src/llama-memory-recurrent.cpp``, ``src/llama-context.cpp``; sizes have a resolution of
0.01 MiB. The line "offloaded N/M layers to GPU" repeats what was asked for, also where no device is used: only the
buffers tell where layers are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from desktop.engine.device_records import DeviceHeld
from desktop.engine.log import REORDERED, buffers_of

MAIN_MEMORY = ""  # the name of what holds all that no device does

# not of "skipping device Vulkan0 ... - already using device CUDA0 (...) with the same id"
_DEVICE = re.compile(r"(?<!already )using device (\S+) \((.*?)\) \([^()]*\) - \d+ MiB free")
_OFFLOADED = re.compile(r"offloaded (\d+)/(\d+) layers to GPU")
_TERMS = {
    "model": "weights_bytes",
    "KV": "kv_bytes",
    "RS": "recurrent_bytes",
    "compute": "compute_bytes",
    "output": "output_bytes",
}


def used_devices(log: str) -> tuple[tuple[str, str], ...]:
    """Name and description of each device a load uses besides the CPU, in the engine's order."""
    return tuple(_DEVICE.findall(log))


def device_names(log: str) -> tuple[str, ...]:
    """Their names."""
    return tuple(name for name, _ in used_devices(log))


def buffer_names(devices: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """How the names of devices' buffers begin: as the device's, but a remote one's have its number on its server
    and the server's address (ggml-rpc.cpp, ggml_backend_rpc_buffer_type), for the device's name is counted over all.
    """
    found: list[str] = []
    for name, description in devices:
        server = f"[{description}]"
        remote = name.startswith("RPC")
        found.append(f"RPC{sum(other.endswith(server) for other in found)}{server}" if remote else name)
    return tuple(found)


def device_number(buffer: str, buffers: Sequence[str]) -> int:
    """The number of the device a buffer's name belongs to: ``CUDA0`` and ``RPC0[host]`` are GPUs, ``CUDA_Host`` not."""
    for number, begin in enumerate(buffers, 1):
        if re.match(rf"{re.escape(begin)}(?![A-Za-z0-9])(?!_Host)", buffer):
            return number
    return 0


def offloaded(log: str) -> tuple[int, int]:
    """Layers asked for on GPUs and layers in all, the output counted as one; (0, 0) when the log does not say."""
    found = _OFFLOADED.findall(log)
    return (int(found[-1][0]), int(found[-1][1])) if found else (0, 0)


def held_by_devices(log: str, devices: Sequence[tuple[str, str]] | None = None) -> tuple[DeviceHeld, ...]:
    """What each device holds, main memory first, then those in use in the engine's order. Pinned host memory is main
    memory. ``devices`` are those of :func:`used_devices` where the log does not name them itself.
    """
    names = used_devices(log) if devices is None else devices
    buffers = buffer_names(names)
    totals: list[dict[str, int]] = [{} for _ in range(len(names) + 1)]
    for buffer, kind, size in buffers_of(log):
        number = device_number(buffer, buffers)
        terms = [_TERMS[kind]]
        if number == 0 and kind == "model":
            terms += ["mapped_bytes"] if buffer == "CPU_Mapped" else []
            terms += ["reordered_bytes"] if buffer in REORDERED else []
        for term in terms:
            totals[number][term] = totals[number].get(term, 0) + size
    return tuple(
        DeviceHeld(name, description, **figures)
        for (name, description), figures in zip(((MAIN_MEMORY, ""), *names), totals, strict=True)
    )
