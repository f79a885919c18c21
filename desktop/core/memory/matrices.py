"""What the names and shapes of a header's matrices say of its graph: which are stored as one, and how wide they are."""

from __future__ import annotations

from desktop.core.gguf import Header
from desktop.core.layers import locate
from desktop.core.memory.architectures import Fused, Norms

_STACKS = frozenset(("blk", "enc.blk", "dec.blk"))  # of T5: an encoder's layers and a decoder's, of one kind


def _roles(header: Header) -> set[str]:
    """What there is in any layer; nothing of a header that was read in part."""
    tensors = header.tensors if header.complete else ()
    return {place.role for tensor in tensors if (place := locate(tensor.name)).stack in _STACKS}


def fused_matrices(header: Header, usual: Fused, feed_forward: int) -> Fused:
    """Told by the tensors' names and shapes once they have been read, by what is usual before."""
    names = _roles(header)
    if not names:
        return usual
    gated = bool(names & {"ffn_gate", "ffn_gate_exps", "ffn_gate_up_exps"})
    doubled = any(width == 2 * feed_forward for width in widths_of(header, "ffn_up").values())
    gate_up = not gated and (usual.gate_up or doubled)
    return Fused(
        query_key_value="attn_qkv" in names and "attn_q" not in names,
        gate_up=gate_up,
        gated=gated or gate_up,
        parallel={"attn_norm", "ffn_up"} <= names and not names & {"ffn_norm", "post_attention_norm"},
    )


def norms_of(header: Header, usual: Norms) -> Norms:
    """Told by the tensors' names once they have been read, by what is usual before."""
    names = _roles(header)
    if not names:
        return usual
    return Norms(
        behind="post_attention_norm" in names and "attn_norm" not in names,
        centred=usual.centred or bool(names & {"attn_norm.bias", "attn_output_norm.bias"}),
        inside="attn_sub_norm" in names,
        experts="ffn_norm_exps" in names,
        scaled="layer_output_scale" in names,
        second="attn_norm_2" in names,
    )


def shared_width(header: Header, usual: int) -> int:
    """How wide the shared experts of a layer are, all together: as their matrices, where they have been read."""
    found = widths_of(header, "ffn_up_shexp")
    if not _roles(header) or (not found and header.split is not None):
        return usual
    return max(found.values(), default=0)


def told_layers(header: Header, count: int) -> set[int]:
    """Layers of which a header says what they have not: all, but in one shard of several those it holds."""
    if not header.complete:
        return set()
    if header.split is None:
        return set(range(count))
    return {place.layer for tensor in header.tensors if (place := locate(tensor.name)).layer is not None}


def layer_widths(header: Header, role: str, count: int) -> list[int]:
    """How wide what this matrix gives is in each layer, 0 without one; layers of other shards are taken to be alike."""
    found, told = widths_of(header, role), told_layers(header, count)
    other = max(found.values(), default=0)
    return [found.get(i, 0) if i in told else other for i in range(count)]


def widths_of(header: Header, *roles: str) -> dict[int, int]:
    """How wide what these matrices give is, by layer; nothing of a header that was read in part."""
    found: dict[int, int] = {}
    for tensor in header.tensors if header.complete else ():
        place = locate(tensor.name)
        if place.layer is not None and place.stack in _STACKS and place.role in roles and len(tensor.shape) == 2:
            found[place.layer] = tensor.shape[1]
    return found


def feed_forward_widths(header: Header, fused: Fused, usual: list[int]) -> list[int]:
    """The feed-forward width of each layer: that of its matrices, where they have been read."""
    found = widths_of(header, "ffn_up", "ffn_gate")
    return [
        found.get(i, width * (2 if fused.gate_up else 1)) // (2 if fused.gate_up else 1)
        for i, width in enumerate(usual)
    ]
