"""Weights that a CPU with matrix tiles (AMX) packs: what grows, and what stays as it is in the file."""

from __future__ import annotations

import pytest

from desktop.core.gguf import Tensor
from desktop.core.memory import Weights, packed
from desktop.core.quants import TYPES_BY_NAME

FEATURES = ("AVX2", "AMX_INT8")


def tensor(name: str, kind: str, *shape: int) -> Tensor:
    return Tensor(name, shape, TYPES_BY_NAME[kind].id, 0)


def weights(*tensors: Tensor, tied: bool = False) -> Weights:
    return Weights(100, (1000, 1000), (0, 0), 500, tied_bytes=100 if tied else 0, tensors=tensors)


def grown(*tensors: Tensor, tied: bool = False) -> tuple[int, int, int]:
    """Bytes that the two layers and the output gain."""
    found = packed(weights(*tensors, tied=tied), FEATURES)
    assert found.input_bytes == 100
    return found.layers[0] - 1000, found.layers[1] - 1000, found.output_bytes - 500


@pytest.mark.parametrize(
    ("kind", "per_row"),
    [("Q8_0", 64), ("Q4_K", 8), ("Q5_K", 8), ("IQ4_XS", 4), ("Q6_K", 0), ("Q4_0", 0), ("F16", 0)],
)
def test_blocks_that_keep_their_sums(kind: str, per_row: int) -> None:
    assert grown(tensor("blk.1.ffn_up.weight", kind, 512, 64)) == (0, 64 * per_row, 0)


def test_only_matrices_that_are_multiplied_as_they_lie() -> None:
    assert grown(tensor("blk.0.attn_norm.weight", "F32", 512)) == (0, 0, 0)
    assert grown(tensor("blk.0.ffn_up_exps.weight", "Q8_0", 512, 64, 8)) == (0, 0, 0)
    assert grown(tensor("blk.0.ffn_up.weight", "Q8_0", 512, 40)) == (0, 0, 0), "no whole number of tiles"
    assert grown(tensor("token_embd.weight", "Q8_0", 512, 64)) == (0, 0, 0)
    assert grown(tensor("token_embd.weight", "Q8_0", 512, 64), tied=True) == (0, 0, 64 * 64)
    assert grown(tensor("output.weight", "Q8_0", 512, 64)) == (0, 0, 64 * 64)


def test_models_with_latent_attention_are_not_packed() -> None:
    keys = tensor("blk.0.attn_k_b.weight", "Q8_0", 128, 512, 16)
    assert grown(keys, tensor("blk.0.ffn_up.weight", "Q8_0", 512, 64)) == (0, 0, 0)


def test_without_tiles_nothing_grows() -> None:
    one = weights(tensor("blk.0.ffn_up.weight", "Q8_0", 512, 64))
    assert packed(one, ("AVX2",)) is one


def test_files_of_the_same_sizes_are_told_apart() -> None:
    plain, sums = (weights(tensor("blk.0.ffn_up.weight", kind, 512, 64)) for kind in ("Q4_0", "Q4_K"))
    assert plain == sums  # sizes alone do not tell
    assert packed(plain, FEATURES).layers[0] == 1000
    assert packed(sums, FEATURES).layers[0] == 1000 + 64 * 8
