"""What attention takes at most, beyond a plain graph, where its steps are not replayed: rare models of hundreds of GB.

Fitted to the engine's plans of small models (llama.cpp 0c1e57098, ``tests/bench/bench_architectures.py``), from above.
"""

from __future__ import annotations

from desktop.core.memory.shape import ModelShape


def beyond(shape: ModelShape, cells: int, batch: int, *, elsewhere: bool = False, chooses: bool = True) -> int:
    """Bytes for a cache of so many cells; 0 for a graph that is replayed.

    ``elsewhere``: on another device than main memory; ``chooses``: one of whose layers has an indexer.
    """
    indexer = shape.indexer
    if indexer is None:
        return 0
    read = cells * batch
    queries = 4 * indexer.heads * indexer.length * batch
    match shape.architecture:
        case "minimax-m3":  # masks of each key head, opened block by block (src/models/minimax-m3.cpp)
            return (8 * max(layer.kv_heads for layer in shape.layers) + 4) * read
        case "glm5-next":  # scores and choices of pooled keys, written out for each cell (src/models/glm5-next.cpp)
            return chooses * max(37 * read // 2, 9 * queries // 8) + elsewhere * 8 * read
        case "qwen4exp":  # scores of every indexer head (src/models/qwen4exp.cpp)
            return 12 * indexer.heads * read // 5
        case "deepseek4":  # the indexer's queries, before and behind their rotation (src/models/deepseek4.cpp)
            return 2 * queries
    return 0


def inputs(shape: ModelShape, cells: int, batch: int) -> int:
    """Bytes in main memory of what such a graph reads on another device."""
    return 4 * cells * batch if shape.architecture == "glm5-next" and shape.indexer is not None else 0
