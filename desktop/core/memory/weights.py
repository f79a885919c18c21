"""Where a model's weights lie: bytes per layer, of its experts, of the input and of the output."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from desktop.core.gguf import Header, Tensor
from desktop.core.layers import locate
from desktop.core.memory.architectures import NEVER_COPIED
from desktop.core.memory.shape import ModelShape

# Looked up by token and so kept on the CPU wherever the layers are (llama-arch.cpp, LLM_TENSOR_LAYER_INPUT)
_INPUT = frozenset(("token_embd", "per_layer_token_embd", "token_types", "position_embd", "token_embd_norm"))
_TYPICAL_HEADER_BYTES = 40  # of a file per word of the vocabulary: text, score and merges of GPT-2, Qwen and Llama 3
_TYPICAL_EMBEDDING = 1.25  # bits of the embedding over the file's mean: quantizers keep it finer


@dataclass(frozen=True)
class Weights:
    """Bytes of a model's tensors as they are loaded. ``layers`` include ``experts`` (the routed ones of each layer).

    Draft layers (multi-token prediction) are listed with 0 where the engine does not load them (``load_mtp``).

    ``tied``: the output matrix is the token embedding; a GPU that computes the output holds a second copy of
    ``tied_bytes``. ``exact`` is False when only the file's size was known; ``tensors`` are then not known.
    """

    input_bytes: int
    layers: tuple[int, ...]
    experts: tuple[int, ...]
    output_bytes: int
    tied_bytes: int = 0
    exact: bool = True
    tensors: tuple[Tensor, ...] = field(default=(), repr=False, compare=False)

    @property
    def tied(self) -> bool:
        return self.tied_bytes > 0

    @property
    def total_bytes(self) -> int:
        """Bytes of all tensors, each counted once."""
        return self.input_bytes + sum(self.layers) + self.output_bytes

    def scaled(self, total_bytes: int) -> Weights:
        """The same distribution for another file of the model, of which only the tensors' total is known."""
        factor = total_bytes / max(1, self.total_bytes)
        layers = tuple(round(size * factor) for size in self.layers)
        output = round(self.output_bytes * factor)
        return replace(
            self,
            input_bytes=total_bytes - sum(layers) - output,
            layers=layers,
            experts=tuple(round(size * factor) for size in self.experts),
            output_bytes=output,
            tied_bytes=round(self.tied_bytes * factor),
            exact=False,
            tensors=(),
        )


def weights_of(headers: Iterable[Header], shape: ModelShape, *, draft_layers: bool = False) -> Weights:
    """The weights listed by a model's header, or by those of all its shards.

    ``draft_layers``: those are loaded too, as they are for speculation by MTP only.
    """
    tensors = tuple(tensor for header in headers for tensor in header.tensors)
    stored = shape.layer_count + shape.draft_layers
    layers, experts = [0] * stored, [0] * stored
    input_bytes = output_bytes = embedding = 0
    tied = True
    for tensor in tensors:
        place, size = locate(tensor.name), tensor.size_bytes or 0
        if place.layer is not None and place.stack == "blk":
            if place.layer >= (stored if draft_layers else shape.layer_count):
                continue
            layers[place.layer] += size
            if place.role.endswith("_exps"):
                experts[place.layer] += size
        elif place.role in _INPUT:
            input_bytes += size
            embedding = size if place.role == "token_embd" else embedding
        else:
            output_bytes += size
            tied = tied and place.role != "output"
    return Weights(
        input_bytes=input_bytes,
        layers=tuple(layers),
        experts=tuple(experts),
        output_bytes=output_bytes,
        tied_bytes=embedding if tied and shape.architecture not in NEVER_COPIED else 0,
        tensors=tensors,
    )


def no_weights(weights: Weights) -> Weights:
    """As many layers without a byte: of a second context on the same model."""
    none = (0,) * len(weights.layers)
    return replace(weights, input_bytes=0, layers=none, experts=none, output_bytes=0, tied_bytes=0, tensors=())


def weights_from_size(shape: ModelShape, file_bytes: int) -> Weights:
    """The weights of a file of which only the first kilobytes were read: the total from its size, the parts by shape.

    Whether the embedding is tied is not known yet; a separate output matrix is assumed.
    """
    total = max(0, file_bytes - _TYPICAL_HEADER_BYTES * shape.vocabulary)
    parts = [_layer_elements(shape, i) for i in range(shape.layer_count)]
    ends = shape.vocabulary * shape.embedding * _TYPICAL_EMBEDDING
    everything = sum(whole for whole, _ in parts) + 2 * ends or 1
    layers = [round(total * whole / everything) for whole, _ in parts]
    output = round(total * ends / everything)
    return Weights(
        input_bytes=total - sum(layers) - output,
        layers=(*layers, *[0] * shape.draft_layers),
        experts=(*(round(total * routed / everything) for _, routed in parts), *[0] * shape.draft_layers),
        output_bytes=output,
        exact=False,
    )


def _layer_elements(shape: ModelShape, index: int) -> tuple[float, float]:
    """Elements of a layer's matrices, and those of its routed experts among them."""
    layer = shape.layers[index]
    keys = layer.kv_heads * layer.key_length + layer.kv_heads * layer.value_length
    attention = shape.embedding * (layer.heads * layer.key_length + keys + layer.heads * layer.value_length)
    if layer.recurrent and shape.recurrent is not None:
        attention = 3 * shape.embedding * shape.recurrent.inner
    routed = 3 * shape.embedding * layer.expert_feed_forward * layer.experts
    dense = 3 * shape.embedding * (shape.shared_feed_forward if routed else layer.feed_forward)
    return attention + dense + routed, routed
