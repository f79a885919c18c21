"""An importance matrix as a table of layers and roles."""

from __future__ import annotations

from desktop.core.importance import TensorImportance, by_layer


def test_layers_go_down_and_roles_sideways() -> None:
    names = ("blk.10.attn_q.weight", "blk.2.ffn_down.weight", "blk.2.attn_q.weight", "output.weight")
    found = by_layer([TensorImportance(name, float(at), 0.5, 16) for at, name in enumerate(names)])
    assert found.layers == (2, 10) and found.roles == ("attn_q", "ffn_down")
    assert found.cells[(2, "ffn_down")].mean == 1.0 and (10, "ffn_down") not in found.cells
    assert TensorImportance("output.weight", 1.0, 0.5, 1).role == "output"
