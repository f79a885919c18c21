"""Where tensors sit in a model, told from their names: the grid of roles and layers.

GGUF files name a layer's tensors ``blk.N.role.weight``, those of an encoder ``enc.blk.N.…`` or ``v.blk.N.…``
(llama.cpp ``src/llama-arch.cpp`` LLM_TENSOR_NAMES, ``gguf-py/gguf/constants.py``); other files carry the names of the
framework they came from (``model.layers.3.mlp.up_proj.weight``). Names are labels: any text is accepted here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

# Words that a layer's number follows. Where none occurs, the first number of the name is the layer.
_STACK_WORDS = frozenset(("blk", "block", "blocks", "layer", "layers", "h", "resblocks"))
_DIGITS = 6  # most of a number
_ENDING = ".weight"

# The order of reading inside a layer; what is not listed follows in the order of the file, small tensors last.
_ROLE_ORDER = (
    "attn_qkv", "attn_q", "attn_k", "attn_v", "attn_output", "attn_out", "attn_gate", "attn_q_a", "attn_q_b",
    "attn_kv_a_mqa", "attn_kv_b", "attn_k_b", "attn_v_b", "cross_attn_q", "cross_attn_k", "cross_attn_v",
    "cross_attn_o", "ssm_in", "ssm_conv1d", "ssm_x", "ssm_dt", "ssm_a", "ssm_d", "ssm_out", "ffn_gate_inp",
    "ffn_gate_up_exps", "ffn_gate_exps", "ffn_up_exps", "ffn_down_exps", "ffn_gate.*", "ffn_up.*", "ffn_down.*",
    "ffn_gate_inp_shexp", "ffn_gate_shexp", "ffn_up_shexp", "ffn_down_shexp", "ffn_gate", "ffn_up", "ffn_down",
)  # fmt: skip
_RANKS: Mapping[str, int] = {role: rank for rank, role in enumerate(_ROLE_ORDER)}


@dataclass(frozen=True, slots=True)
class LayerPosition:
    """Where a tensor sits: ``stack`` is what stands before the layer's number ("blk"), "" outside all layers.

    ``layer`` is None outside the layers. ``role`` is the rest of the name without ``.weight``; further numbers in
    it (one tensor per expert) are written ``*``, so that they share a row.
    """

    stack: str
    layer: int | None
    role: str


@dataclass(frozen=True)
class RoleRow:
    """One role through the layers: ``cells`` maps a layer to the positions of its tensors in the file's list."""

    role: str
    cells: Mapping[int, tuple[int, ...]]


@dataclass(frozen=True)
class Stack:
    """One tower of layers. ``layers`` are the numbers that occur, ascending; a damaged file may skip some."""

    name: str
    layers: tuple[int, ...]
    rows: tuple[RoleRow, ...]


@dataclass(frozen=True)
class Grid:
    """All tensors of a file: ``stacks`` in the order of the file, ``outside`` the positions of the others."""

    stacks: tuple[Stack, ...]
    outside: tuple[int, ...]


def locate(name: str) -> LayerPosition:
    """The place a tensor's name speaks of: ``v.blk.5.attn_q.weight`` is role ``attn_q`` of layer 5 in ``v.blk``."""
    bare = name[: -len(_ENDING)] if name.endswith(_ENDING) else name
    parts = bare.split(".")
    numbered = [at for at, part in enumerate(parts) if at and _is_number(part)]
    at = next((at for at in numbered if parts[at - 1].lower() in _STACK_WORDS), numbered[0] if numbered else None)
    # A number at the very end is no layer's tensor but one of a list (per_dim_scale.0).
    if at is None or at == len(parts) - 1:
        return LayerPosition("", None, bare)
    rest = parts[at + 1 :]
    if numbered[-1] > at:
        rest = ["*" if _is_number(part) else part for part in rest]
    return LayerPosition(".".join(parts[:at]), int(parts[at]), ".".join(rest))


def _is_number(part: str) -> bool:
    return part.isdigit() and part.isascii() and len(part) <= _DIGITS


def layer_grid(places: Iterable[LayerPosition]) -> Grid:
    """Roles and layers of all tensors by their places; 0.2 s for 100,000, so not for the GUI thread."""
    stacks: dict[str, dict[str, dict[int, list[int]]]] = {}
    outside: list[int] = []
    for position, place in enumerate(places):
        if place.layer is None:
            outside.append(position)
            continue
        roles = stacks.setdefault(place.stack, {})
        roles.setdefault(place.role, {}).setdefault(place.layer, []).append(position)
    return Grid(tuple(_stack(name, roles) for name, roles in stacks.items()), tuple(outside))


def expert_count(name: str, shape: Sequence[int]) -> int:
    """Experts stacked in one tensor (``ffn_up_exps``: the slowest dimension counts them); 0 for all others.

    ``shape`` is in ggml's order, the row length first.
    """
    if len(shape) < 3 or "exps" not in name:  # what nearly all are
        return 0
    return shape[-1] if locate(name).role.endswith("exps") else 0


def _stack(name: str, roles: Mapping[str, Mapping[int, list[int]]]) -> Stack:
    layers = sorted({layer for cells in roles.values() for layer in cells})
    rows = (RoleRow(role, {layer: tuple(at) for layer, at in roles[role].items()}) for role in _ordered(roles))
    return Stack(name, tuple(layers), tuple(rows))


def _ordered(roles: Iterable[str]) -> list[str]:
    unknown = len(_RANKS)
    return sorted(roles, key=lambda role: (_is_small(role), _RANKS.get(role, unknown)))


def _is_small(role: str) -> bool:
    """Norms, biases and scales: a vector each, of no weight beside the matrices."""
    last = role.rsplit(".", 1)[-1]
    return "norm" in role or last in ("bias", "scale", "input_scale")
