"""What llama.cpp's log says of a planned load: device by device, in bytes.

Under ``no_alloc`` the lines "model buffer size" and "KV buffer size" print 0 (dummy buffers); the totals, the compute
and output buffers and the layers' devices are still told (llama.cpp ``src/llama-kv-cache.cpp``,
``src/llama-memory-recurrent.cpp``, ``src/llama-context.cpp``). Figures have a resolution of 0.01 MiB.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from desktop.engine.device_log import device_number

_MIB = 1024 * 1024
_CONTINUED = 5

_TENSOR_LAYER = re.compile(r"load_tensors: layer +(\d+) assigned to device (\S+),")
_CACHE_LAYER = re.compile(r"(llama_kv_cache|llama_memory_recurrent)[:,] layer +(\d+): dev = (\S+)")
_CACHE_SIZE = re.compile(r"(llama_kv_cache|llama_memory_recurrent): size = +([\d.]+) MiB")
_BUFFER = re.compile(r"(\S+) +(compute|output) buffer size = +([\d.]+) MiB")


_STEP = re.compile(r"worst-case: n_tokens = (\d+)")
_PIPELINE = "pipeline parallelism enabled"
_COPIES = 4  # ggml-backend.cpp, GGML_SCHED_MAX_COPIES


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


def layer_devices(log: str) -> tuple[str, ...]:
    """The device of each layer and, last, of the output, from a model's log."""
    found = {int(number): device for number, device in _TENSOR_LAYER.findall(log)}
    return tuple(found[number] for number in sorted(found))


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


def counted_twice(log: str, embedding: int) -> int:
    """Bytes that no_alloc counts beyond what a load takes, on each GPU that computes but the first: of a step's input,
    where all of a model lies on several GPUs and four steps are under way at once. 0 where they are not.

    Measured (docs/reference/memory.md): widths of 256 and 512, two and three devices.
    """
    step = _STEP.search(log)
    return _COPIES * int(step[1]) * embedding * 4 if step is not None and _PIPELINE in log else 0
