"""The feed-forward parts of layers: dense ones, and experts that a router chooses.

Source: llama.cpp 0c1e57098, ``src/llama-graph.cpp`` (build_ffn, build_moe_ffn).
"""

from __future__ import annotations

from desktop.core.memory.blocks import Builder
from desktop.core.memory.replay import Result
from desktop.core.memory.shape import Layer


def feed_forward(builder: Builder, of: Result, width: int, rows: int = 0) -> Result:
    """Up, gate, activation, down; ``rows`` is 1 behind the selection of the last row."""
    if builder.shape.fused.gate_up:
        active = builder.new(width, builder.new(2 * width, of, rows=rows), rows=rows)
    elif builder.shape.fused.gated:
        up, gate = builder.new(width, of, rows=rows), builder.new(width, of, rows=rows)
        active = builder.new(width, gate, up, rows=rows)
    else:
        active = builder.over(builder.new(width, of, rows=rows))
    if builder.shape.norms.inside:
        active = builder.norm(active)
    return builder.new(builder.shape.embedding, active, rows=rows)


def experts(
    builder: Builder,
    layer: Layer,
    of: Result,
    rows: int = 0,
    *,
    normed: bool = True,
    biased: bool = False,
    weighted_first: bool = False,
    scores: Result | None = None,
    gated: bool = True,
) -> Result:
    """Routed experts. ``normed``: their weights sum to one; ``biased``: a bias for choosing them.

    ``weighted_first``: the weights are applied before the experts (llama4). ``scores`` of another router.
    """
    width, used = layer.expert_width or builder.shape.embedding, layer.experts_used
    scores = scores or builder.new(layer.experts, of, rows=rows)
    shares = Result(scores.size, (scores,)) if weighted_first else builder.over(scores)
    chosen_by = scores if weighted_first else Result(shares.size, (shares,)) if biased else shares
    chosen = builder.part(builder.new(layer.experts, chosen_by, rows=rows), used)
    weights = builder.new(used, builder.view(shares), chosen, rows=rows)
    if normed:
        flat = builder.view(weights)
        weights = builder.view(builder.over(flat, builder.over(builder.new(1, flat, rows=rows))))
    builder.graph.expand(weights)
    of = builder.view(of)
    if weighted_first:
        of = builder.over(builder.new(width * used, of, rows=rows), weights)
    hidden, own = layer.expert_feed_forward * used, builder.device
    builder.device = builder.experts_device
    up = builder.new(hidden, of, chosen, rows=rows)
    active = (
        builder.new(hidden, builder.new(hidden, of, chosen, rows=rows), up, rows=rows) if gated else builder.over(up)
    )
    mixed = builder.new(width * used, active, chosen, rows=rows)
    builder.device = own
    if not weighted_first:
        mixed = builder.over(mixed, weights)
    builder.graph.expand(mixed)
    parts = [builder.graph.expand(_row_part(builder, mixed, width, rows)) for _ in range(used)]
    if used == 1:
        return builder.new(width, parts[0], rows=rows)
    total = builder.graph.expand(Result(parts[0].size, (parts[0], parts[1])))
    for part in parts[2:]:
        total = builder.graph.expand(builder.over(total, part))
    return total


def _row_part(builder: Builder, of: Result, width: int, rows: int) -> Result:
    return Result(4 * width * (rows or builder.batch), (of,), viewed=of)
