"""What one token costs a device: the weights it reads, the layers it walks, the attention it pays.

A token reads every matrix once, except that of the embedding (one row of it) unless it is the output too, and of a
layer's experts only the share in use. Source of names and placement: llama.cpp 0c1e57098, ``src/llama-arch.cpp``
(LLM_TENSOR_NAMES) and ``src/llama-model.cpp`` (load_tensors: layers go to the devices from the end).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from desktop.core.memory.shape import ModelShape
from desktop.core.memory.weights import Weights
from desktop.core.quants import TYPES_BY_NAME

CPU = "cpu"
_LAYER = re.compile(r"blk\.(\d+)\.")
# Looked up by row, or not computed while writing text: encoders, projectors, draft heads' own embeddings.
_NOT_MULTIPLIED = re.compile(r"(token_embd|per_layer_token_embd|position_embd|token_types)\.|(v|a|mm|enc)\.|rope_")


class WeightTensor(Protocol):
    """What is asked of a tensor: :class:`desktop.core.gguf.Tensor` has it, and so may a guess."""

    @property
    def name(self) -> str: ...

    @property
    def shape(self) -> tuple[int, ...]:
        """ggml's order: the row length first."""

    @property
    def type(self) -> str: ...


@dataclass(frozen=True)
class TypeWork:
    """Matrices of one quantization type: ``bytes`` read and ``weights`` multiplied for one token.

    ``experts`` of the bytes are read through a choice of experts. ``once`` of the weights are multiplied only for the
    last token of a prompt, from which alone a next one is drawn.
    """

    bytes: float = 0.0
    weights: float = 0.0
    experts: float = 0.0
    once: float = 0.0


@dataclass(frozen=True)
class AttentionWork:
    """Layers alike in their attention, together. ``window`` 0: the whole context is read.

    ``width`` is the sum over layers of heads x (key length + value length): multiplications per cell.
    ``kv_bytes`` is what one cell (one token of the context) holds, ``head`` half of what a head has of key and value,
    ``group`` how many heads share one key and value.
    """

    window: int
    width: int
    kv_bytes: float
    head: float = 64
    group: float = 4

    def cells(self, context: int) -> int:
        """Cells one token reads with ``context`` tokens before it."""
        return min(context, self.window) if self.window else context


@dataclass(frozen=True)
class TokenWork:
    """One device's share of a token. ``resident_bytes``: all weights that lie there, used for a token or not.

    ``embedding`` is the width of a layer and of the activations that go there, in elements. ``state_bytes`` is the
    recurrent state it reads and writes; ``vocabulary`` is 0 where another device has the output. ``fused``: with flash
    attention.
    """

    device: str
    types: Mapping[str, TypeWork]
    resident_bytes: int
    layers: int
    attention: tuple[AttentionWork, ...] = ()
    kv_types: tuple[str, str] = ("f16", "f16")
    state_bytes: float = 0.0
    vocabulary: int = 0
    fused: bool = True
    embedding: int = 0

    @property
    def bytes_read(self) -> float:
        """Weight bytes read for one token."""
        return sum(work.bytes for work in self.types.values())


@dataclass
class _Share:
    types: dict[str, list[float]] = field(default_factory=lambda: defaultdict(lambda: [0.0] * 4))
    resident: int = 0
    vocabulary: int = 0


@dataclass(frozen=True)
class MatrixWork:
    """What a token multiplies, device by device, whatever the types of the cache."""

    shape: ModelShape
    shares: Mapping[str, _Share]
    devices: Sequence[str]

    def with_cache(self, kv_types: tuple[str, str] = ("f16", "f16"), *, fused: bool = True) -> tuple[TokenWork, ...]:
        """All the work of a token with a cache of these types; ``fused``: with flash attention."""
        return _works(self.shape, self.shares, self.devices, kv_types, fused=fused)


def token_work(
    tensors: Iterable[WeightTensor],
    shape: ModelShape,
    kv_types: tuple[str, str] = ("f16", "f16"),
    offload: Sequence[tuple[str, int]] = (),
    *,
    cpu_expert_layers: int = 0,
    fused: bool = True,
) -> tuple[TokenWork, ...]:
    """The work of one token, device by device; devices without any are left out. ``fused``: with flash attention; all
    else as of :func:`matrix_work`."""
    found = matrix_work(tensors, shape, offload, cpu_expert_layers=cpu_expert_layers)
    return found.with_cache(kv_types, fused=fused)


def matrix_work(
    tensors: Iterable[WeightTensor],
    shape: ModelShape,
    offload: Sequence[tuple[str, int]] = (),
    *,
    cpu_expert_layers: int = 0,
) -> MatrixWork:
    """What a token multiplies.

    ``tensors`` are those of all shards. ``offload`` gives each device beside the CPU and the number of layers it
    holds, in llama.cpp's count (the output is the last layer), in the order of layers. ``cpu_expert_layers``: so
    many layers, from the first, leave their experts' matrices in main memory.
    """
    count = shape.layer_count
    devices = _placement(count, offload)
    listed = list(tensors)
    output_separate = any(tensor.name == "output.weight" for tensor in listed)
    shares: dict[str, _Share] = defaultdict(_Share)
    for tensor in listed:
        found = _LAYER.match(tensor.name)
        layer = int(found[1]) if found else count
        if layer > count or (found and layer == count):
            continue  # draft layers beyond the main graph
        expert = tensor.name.endswith("_exps.weight")
        tied = tensor.name == "token_embd.weight" and not output_separate
        looked_up = not found and not tied and not tensor.name.startswith("output")
        on_cpu = looked_up or (expert and layer < cpu_expert_layers)
        # the last layer's feed-forward part and the output are computed for tokens that are drawn from
        once = (found is None) or (layer == count - 1 and ".ffn_" in tensor.name)
        _add(shares[CPU if on_cpu else devices[layer]], tensor, shape, expert=expert, tied=tied, once=once)
    return MatrixWork(shape, shares, devices)


def work_by_size(
    weights: Weights,
    shape: ModelShape,
    kind: str,
    offload: Sequence[tuple[str, int]] = (),
    *,
    cpu_expert_layers: int = 0,
) -> MatrixWork:
    """As :func:`matrix_work` for a file of which only sizes are known: all its weights are taken to be of ``kind``."""
    count = shape.layer_count
    devices = _placement(count, offload)
    shares: dict[str, _Share] = defaultdict(_Share)
    used = shape.experts_used / shape.experts if shape.experts else 1.0
    per_byte = 8 / TYPES_BY_NAME[kind].bits_per_weight

    def add(device: str, size: float, part: float, *, once: bool = False) -> None:
        share = shares[device]
        share.resident += round(size)
        read = size * part
        weighed = (read, read * per_byte, read if part < 1 else 0.0, read * per_byte if once else 0.0)
        share.types[kind] = [before + more for before, more in zip(share.types[kind], weighed, strict=True)]

    for i in range(count):
        experts = weights.experts[i]
        add(devices[i], weights.layers[i] - experts, 1.0)
        if experts:
            add(CPU if i < cpu_expert_layers else devices[i], experts, used)
    add(devices[count], weights.output_bytes + weights.tied_bytes, 1.0, once=True)
    shares[devices[count]].vocabulary = shape.vocabulary
    return MatrixWork(shape, shares, devices)


def _works(
    shape: ModelShape,
    shares: Mapping[str, _Share],
    devices: Sequence[str],
    kv_types: tuple[str, str],
    *,
    fused: bool = True,
) -> tuple[TokenWork, ...]:
    count = shape.layer_count
    return tuple(
        TokenWork(
            device=name,
            types={kind: TypeWork(*figures) for kind, figures in shares[name].types.items()},
            resident_bytes=shares[name].resident,
            layers=sum(device == name for device in devices[:count]),
            attention=_attention(shape, [i for i in range(count) if devices[i] == name], kv_types),
            kv_types=kv_types,
            state_bytes=_state(shape, [i for i in range(count) if devices[i] == name]),
            vocabulary=shares[name].vocabulary,
            fused=fused,
            embedding=shape.embedding,
        )
        for name in dict.fromkeys([*devices, CPU])
        if shares[name].types or name in devices[:count]
    )


def _placement(count: int, offload: Sequence[tuple[str, int]]) -> list[str]:
    """The device of each layer, and of the output at the end."""
    offloaded = [name for name, layers in offload for _ in range(layers)][: count + 1]
    return [CPU] * (count + 1 - len(offloaded)) + offloaded


def _add(share: _Share, tensor: WeightTensor, shape: ModelShape, *, expert: bool, tied: bool, once: bool) -> None:
    kind = TYPES_BY_NAME.get(tensor.type)
    elements = 1
    for length in tensor.shape:
        elements *= length
    size = kind.size(elements) if kind else elements
    share.resident += size
    if len(tensor.shape) < 2 or (_NOT_MULTIPLIED.match(tensor.name) and not tied):
        return
    part = shape.experts_used / tensor.shape[-1] if expert and len(tensor.shape) > 2 else 1.0
    figures = share.types[tensor.type]
    figures[0] += size * part
    figures[1] += elements * part
    figures[2] += size * part if expert else 0.0
    figures[3] += elements * part if once else 0.0
    if tied or tensor.name == "output.weight":
        share.vocabulary = tensor.shape[-1]


def _attention(shape: ModelShape, layers: Sequence[int], kv_types: tuple[str, str]) -> tuple[AttentionWork, ...]:
    key, value = (TYPES_BY_NAME[kind.upper()].bits_per_weight / 8 for kind in kv_types)
    sums: dict[tuple[int, float, float], list[float]] = defaultdict(lambda: [0, 0.0])
    for i in layers:
        layer = shape.layers[i]
        if layer.recurrent or not layer.heads or not shape.reads_cache:
            continue
        if shape.latent is not None:  # the compressed keys are the values too, and every head reads all of them
            width, held = layer.heads * (layer.key_length + shape.latent.rank), layer.key_length * key
            group: float = layer.heads
        else:
            width = layer.heads * (layer.key_length + layer.value_length)
            held = layer.kv_heads * (layer.key_length * key + layer.value_length * value)
            group = layer.heads / max(layer.kv_heads, 1)
        alike = (layer.window, width / layer.heads / 2, group)
        sums[alike][0] += width
        sums[alike][1] += held
    return tuple(
        AttentionWork(window, int(width), held, head, group) for (window, head, group), (width, held) in sums.items()
    )


def _state(shape: ModelShape, layers: Sequence[int]) -> float:
    held = shape.recurrent.bytes if shape.recurrent is not None else 0
    return 2.0 * held * sum(shape.layers[i].recurrent for i in layers)
