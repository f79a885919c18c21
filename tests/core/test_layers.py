"""Places of tensors by their names, as real files of many frameworks have them, and as nobody would write them."""

from __future__ import annotations

import pytest

from desktop.core.layers import LayerPosition, expert_count, layer_grid, locate


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("blk.0.attn_q.weight", LayerPosition("blk", 0, "attn_q")),
        ("blk.125.ffn_down_exps.weight", LayerPosition("blk", 125, "ffn_down_exps")),
        ("blk.3.attn_q.bias", LayerPosition("blk", 3, "attn_q.bias")),
        ("blk.3.ffn_gate.7.weight", LayerPosition("blk", 3, "ffn_gate.*")),
        ("blk.12.layer_output_norm.weight", LayerPosition("blk", 12, "layer_output_norm")),
        ("enc.blk.2.attn_rel_b.weight", LayerPosition("enc.blk", 2, "attn_rel_b")),
        ("v.blk.5.ln1.weight", LayerPosition("v.blk", 5, "ln1")),
        ("model.layers.31.mlp.up_proj.weight", LayerPosition("model.layers", 31, "mlp.up_proj")),
        ("model.layers.3.mlp.experts.17.down_proj.weight", LayerPosition("model.layers", 3, "mlp.experts.*.down_proj")),
        (
            "encoder.block.2.layer.0.SelfAttention.q.weight",
            LayerPosition("encoder.block", 2, "layer.*.SelfAttention.q"),
        ),
        ("transformer.h.9.ln_1.bias", LayerPosition("transformer.h", 9, "ln_1.bias")),
        ("gpt_neox.7.dense.weight", LayerPosition("gpt_neox", 7, "dense")),
        ("token_embd.weight", LayerPosition("", None, "token_embd")),
        ("output.weight", LayerPosition("", None, "output")),
        ("rope_freqs.weight", LayerPosition("", None, "rope_freqs")),
        ("mm.0.weight", LayerPosition("", None, "mm.0")),  # a list at the top, not a layer
        ("", LayerPosition("", None, "")),
        ("7.weight", LayerPosition("", None, "7")),
        ("blk.٣.x", LayerPosition("", None, "blk.٣.x")),  # other scripts' digits are letters to llama.cpp
        ("blk." + "9" * 5000 + ".x", LayerPosition("", None, "blk." + "9" * 5000 + ".x")),
        ("....", LayerPosition("", None, "....")),
    ],
)
def test_locate(name: str, place: LayerPosition) -> None:
    assert locate(name) == place


def test_grid_of_two_towers() -> None:
    names = ["token_embd.weight", "v.blk.0.ln1.weight", "blk.1.attn_q.weight", "blk.0.attn_q.weight", "blk.1.x.weight"]
    grid = layer_grid(map(locate, [*names, "blk.0.ffn_up.weight", "blk.0.attn_norm.weight", "blk.0.attn_q.bias"]))
    assert grid.outside == (0,)
    assert [(stack.name, stack.layers) for stack in grid.stacks] == [("v.blk", (0,)), ("blk", (0, 1))]
    rows = grid.stacks[1].rows
    # known roles in the order of reading, then what nobody knows, vectors last
    assert [row.role for row in rows] == ["attn_q", "ffn_up", "x", "attn_norm", "attn_q.bias"]
    assert dict(rows[0].cells) == {0: (3,), 1: (2,)}


def test_one_tensor_per_expert_shares_a_cell() -> None:
    grid = layer_grid(locate(f"blk.0.ffn_up.{expert}.weight") for expert in range(8))
    (row,) = grid.stacks[0].rows
    assert row.role == "ffn_up.*" and row.cells == {0: tuple(range(8))}


def test_missing_layers_leave_no_columns() -> None:
    grid = layer_grid(map(locate, ["blk.0.attn_q.weight", "blk.999999.attn_q.weight"]))
    assert grid.stacks[0].layers == (0, 999999)


@pytest.mark.parametrize(
    ("name", "shape", "experts"),
    [
        ("blk.0.ffn_up_exps.weight", (2048, 768, 128), 128),
        ("blk.0.ffn_gate_up_exps.weight", (2048, 768, 32), 32),
        ("blk.0.ffn_up_shexp.weight", (2048, 768), 0),
        ("blk.0.ffn_up_exps.bias", (768, 128), 0),
        ("blk.0.attn_q.weight", (2048, 768, 3), 0),
    ],
)
def test_experts_are_counted_by_the_slowest_dimension(name: str, shape: tuple[int, ...], experts: int) -> None:
    assert expert_count(name, shape) == experts
