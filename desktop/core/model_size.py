"""How large a model is: its parameters, and how many bits each of them takes. Every page and command asks here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from desktop.core.quants import TYPES_BY_NAME


@dataclass(frozen=True)
class ModelSize:
    """All tensors that a model's GGUF files list, of all its shards, each as often as it is listed.

    That is what llama.cpp counts (0c1e57098, ``src/llama-model-loader.cpp``: ``n_elements``, and ``BPW`` in
    ``print_info``): norms, biases, embeddings, output, layers for multi-token prediction. A tied output is in no file
    and so counted once, as the token embedding. The file's header is not counted, nor are projectors, which are files
    of their own. What the Hub tells of a repo before a header was read is the Hub's own count.

    ``parameters`` are elements of all tensors; ``tensor_bytes`` and ``sized`` are bytes and elements of those whose
    type ggml knows.
    """

    parameters: int = 0
    tensor_bytes: int = 0
    sized: int = 0

    @property
    def bits_per_weight(self) -> float:
        """0 without tensors of known types."""
        return bits_per_weight(self.tensor_bytes, self.sized)

    def __add__(self, other: ModelSize) -> ModelSize:
        return ModelSize(
            self.parameters + other.parameters, self.tensor_bytes + other.tensor_bytes, self.sized + other.sized
        )


def size_of(tensors: Iterable[tuple[str, int]]) -> ModelSize:
    """The size of tensors told by the name of their type and their elements."""
    parameters = size_bytes = sized = 0
    for name, elements in tensors:
        parameters += elements
        kind = TYPES_BY_NAME.get(name)
        if kind is not None:
            size_bytes += kind.size(elements)
            sized += elements
    return ModelSize(parameters, size_bytes, sized)


def bits_per_weight(size_bytes: int, elements: int) -> float:
    """Bits of data for each weight; 0 without weights."""
    return size_bytes * 8 / elements if elements else 0.0
