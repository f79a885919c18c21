"""What llama.cpp's log says of a planned load: device by device, in bytes.

Under ``no_alloc`` the lines "model buffer size" and "KV buffer size" print 0 (dummy buffers); the totals, the compute
and output buffers and the layers' devices are still told (llama.cpp ``src/llama-kv-cache.cpp``,
``src/llama-memory-recurrent.cpp``, ``src/llama-context.cpp``). Figures have a resolution of 0.01 MiB.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

_MIB = 1024 * 1024
_CONTINUED = 5

# not of "skipping device Vulkan0 ... - already using device CUDA0 (...) with the same id"
_DEVICE = re.compile(r"(?<!already )using device (\S+) \(([^)]*)\)")
_OFFLOADED = re.compile(r"offloaded (\d+)/(\d+) layers to GPU")
_TENSOR_LAYER = re.compile(r"load_tensors: layer +(\d+) assigned to device (\S+),")
_CACHE_LAYER = re.compile(r"(llama_kv_cache|llama_memory_recurrent)[:,] layer +(\d+): dev = (\S+)")
_CACHE_SIZE = re.compile(r"(llama_kv_cache|llama_memory_recurrent): size = +([\d.]+) MiB")
_BUFFER = re.compile(r"(\S+) +(compute|output) buffer size = +([\d.]+) MiB")


class PlanLog:
    """Keeps every line, debugging ones too: they name the layers' devices."""

    def __init__(self) -> None:
        self._text: list[str] = []

    def on_log(self, _level: int, text: bytes | None, _user_data: object) -> None:
        """llama.cpp's callback; a piece may be part of a line."""
        if text:
            self._text.append(text.decode("utf-8", "replace"))

    def take(self) -> str:
        """All that was written since the last call."""
        text = "".join(self._text)
        self._text.clear()
        return text


def devices_of(log: str) -> tuple[str, ...]:
    """Names of the devices a load uses besides the CPU, in the engine's order."""
    return tuple(name for name, _ in _DEVICE.findall(log))


def buffers_of(log: str) -> tuple[str, ...]:
    """How the names of these devices' buffers begin: as the device's, but a remote one's have its number on its server
    and the server's address (ggml-rpc.cpp, ggml_backend_rpc_buffer_type), for the device's name is counted over all.
    """
    found: list[str] = []
    for name, description in _DEVICE.findall(log):
        server = f"[{description}]"
        remote = name.startswith("RPC")
        found.append(f"RPC{sum(other.endswith(server) for other in found)}{server}" if remote else name)
    return tuple(found)


def layer_devices(log: str) -> tuple[str, ...]:
    """The device of each layer and, last, of the output, from a model's log."""
    found = {int(number): device for number, device in _TENSOR_LAYER.findall(log)}
    return tuple(found[number] for number in sorted(found))


def offloaded(log: str) -> tuple[int, int]:
    """Layers on GPUs and layers in all, the output counted as one; (0, 0) when the log does not say."""
    found = _OFFLOADED.findall(log)
    return (int(found[-1][0]), int(found[-1][1])) if found else (0, 0)


def cache_totals(log: str) -> tuple[int, int]:
    """Bytes of the KV cache and of recurrent states, all devices together."""
    totals: Counter[str] = Counter()
    for kind, size in _CACHE_SIZE.findall(log):
        totals[kind] += round(float(size) * _MIB)
    return totals["llama_kv_cache"], totals["llama_memory_recurrent"]


def cache_layers(log: str) -> tuple[dict[int, str], dict[int, str]]:
    """The device of each layer that owns a KV cache, and of each with a recurrent state."""
    attention: dict[int, str] = {}
    recurrent: dict[int, str] = {}
    for kind, number, device in _CACHE_LAYER.findall(log):
        (attention if kind == "llama_kv_cache" else recurrent)[int(number)] = device
    return attention, recurrent


def context_buffers(log: str, buffers: Sequence[str]) -> tuple[list[int], list[int]]:
    """Compute and output bytes by device number: 0 is main memory, pinned host buffers included."""
    compute, output = [0] * (len(buffers) + 1), [0] * (len(buffers) + 1)
    for buffer, kind, size in _BUFFER.findall(log):
        (compute if kind == "compute" else output)[device_number(buffer, buffers)] += round(float(size) * _MIB)
    return compute, output


def device_number(buffer: str, buffers: Sequence[str]) -> int:
    """The number of the device a buffer's name belongs to: ``CUDA0`` and ``RPC0[host]`` are GPUs, ``CUDA_Host`` not."""
    for number, begin in enumerate(buffers, 1):
        if re.match(rf"{re.escape(begin)}(?![A-Za-z0-9])(?!_Host)", buffer):
            return number
    return 0
