"""The context that the engine really has, for one that is asked for. Lengths are tokens."""

from __future__ import annotations

CELLS = 256  # llama.cpp keeps a cache in groups of so many cells


def engine_context(asked: int) -> int:
    """The context of a load for which ``asked`` tokens were asked: the next whole group of 256 cells.

    Source: llama.cpp 0c1e57098, ``src/llama-context.cpp``: ``n_ctx`` is padded to 256. Heft's contexts have one
    sequence, so that what a sequence has (``n_ctx_seq``) is the same, with a unified cache and without: with several
    it would be ``n_ctx / n_seq_max``, padded again. That holds for what a model was trained for too: one trained for
    2,000 tokens gets 2,048.
    """
    return -(-asked // CELLS) * CELLS
