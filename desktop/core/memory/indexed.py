"""Sparse attention over a compressed cache: an indexer scores all that is kept and attention reads the best.

Source: llama.cpp 0c1e57098, ``src/models/deepseek32.cpp`` (graph) and ``src/llama-graph.cpp`` (build_attn of
llm_graph_input_attn_k_dsa).
"""

from __future__ import annotations

from desktop.core.memory.blocks import Builder
from desktop.core.memory.replay import Result
from desktop.core.memory.shape import Layer

_TURNED = frozenset(("deepseek32", "glm-dsa", "dots3note"))  # queries and keys of the indexer are rotated


class Indexer:
    """What the layers of one graph share: the choice of the last indexer, for layers without one of their own."""

    def __init__(self, builder: Builder, sampled: int) -> None:
        """``sampled``: so many of the layers that choose are built; the others' inputs are held beside them."""
        indexer = builder.shape.indexer
        assert indexer is not None
        self._builder, self._indexer = builder, indexer
        self._chosen: Result | None = None
        self._turns = builder.shape.architecture in _TURNED
        self._rotation = builder.graph.leaf(4 * indexer.length**2)
        owner = next(i for i, layer in enumerate(builder.shape.layers) if layer.owns_kv and not layer.window)
        self._cells = builder.cells(owner)
        self._rows = 4 * min(indexer.top_k, self._cells) * builder.batch
        self._mask = builder.graph.leaf(2 * self._cells * builder.batch)
        choosing = sum(layer.owns_kv and not layer.window for layer in builder.shape.layers)
        builder.held.extend(builder.graph.leaf(self._rows, builder.last_device) for _ in range(choosing - sampled))

    def keys(self, normed: Result) -> None:
        """The batch's keys, normed, turned and stored."""
        builder, length = self._builder, self._indexer.length
        key = builder.over(builder.over(builder.new(length, builder.new(length, normed))))
        key = builder.over(builder.view(key), builder.positions)
        if self._turns:
            key = builder.new(length, self._rotation, key)
        builder.store(builder.view(key))

    def mask(self, layer: Layer, normed: Result, queries: Result, mask: Result) -> Result:
        """The mask that leaves what the indexer chose; ``queries`` is the stream its own queries are made of."""
        builder = self._builder
        unmasked = builder.over(builder.graph.leaf(self._rows, builder.device))
        if layer.indexer_keys or self._chosen is None:
            width = self._indexer.heads * self._indexer.length
            query = builder.over(builder.view(builder.new(width, queries)), builder.positions)
            if self._turns:
                query = builder.view(builder.new(width, self._rotation, query))
            weights = builder.over(builder.view(builder.new(self._indexer.heads, normed)))
            scores = Result(4 * self._cells * builder.batch, (query, weights, self._mask))
            best = Result(self._rows, (scores,))
            self._chosen = Result(self._rows, (best,))
        masked = Result(mask.size, (mask,))
        opened = Result(mask.size, (unmasked, builder.view(self._chosen), builder.view(masked)), viewed=masked)
        return Result(mask.size, (builder.view(opened), mask), inplace=True)
