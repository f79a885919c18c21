"""What weights take beyond their size in the file where the CPU backend packs them for Intel's matrix tiles (AMX).

llama.cpp copies matrices into buffers in an order of its own; with AMX some types grow by sums kept beside each block
(ggml-cpu/amx/mmq.cpp, ``get_row_size``; llama.cpp 0c1e57098). Without AMX nothing grows (ggml-cpu/repack.cpp).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from desktop.core.gguf import Tensor
from desktop.core.layers import locate
from desktop.core.memory.weights import Weights

AMX = "AMX_INT8"  # llama.cpp's name for the feature
LATENT_KEYS = "attn_k_b"  # of multi-head latent attention: loaded without packing (engine/matrix_tiles.py)
_GROWTH = {"Q8_0": (4, 32), "Q4_K": (4, 256), "Q5_K": (4, 256), "IQ4_XS": (2, 256)}  # bytes per so many weights
_KEPT = 256
# The picker asks for every variant at every move of its slider; with the weights, so that no others get their id.
_PACKED: dict[int, tuple[Weights, Weights]] = {}
_ROWS = 32  # two tiles: matrices with other numbers of rows are left as they are


def packed(weights: Weights, features: Collection[str]) -> Weights:
    """The weights as an engine with these CPU features holds them in main memory; the same where nothing grows."""
    if AMX not in features or not weights.tensors:
        return weights
    known = _PACKED.get(id(weights))
    if known is None:
        if len(_PACKED) >= _KEPT:
            _PACKED.clear()
        known = _PACKED[id(weights)] = (weights, _packed(weights))
    return known[1]


def _packed(weights: Weights) -> Weights:
    layers, output = list(weights.layers), weights.output_bytes
    for tensor in weights.tensors:
        place, more = locate(tensor.name), _growth(tensor)
        if place.role == LATENT_KEYS:
            return weights
        if not more or place.role.endswith("_exps"):
            continue
        if place.layer is None or place.stack != "blk":
            multiplied = place.role == "output" or (weights.tied and place.role == "token_embd")
            output += more if multiplied else 0
        elif weights.layers[place.layer]:
            layers[place.layer] += more
    return replace(weights, layers=tuple(layers), output_bytes=output)


def _growth(tensor: Tensor) -> int:
    known = _GROWTH.get(tensor.type)
    if known is None or len(tensor.shape) != 2 or tensor.shape[1] % _ROWS or not tensor.name.endswith(".weight"):
        return 0
    more, per = known
    return tensor.shape[0] // per * more * tensor.shape[1]
