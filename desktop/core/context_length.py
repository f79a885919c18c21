"""The context that the engine really has, for one that is asked for. Lengths are tokens."""

from __future__ import annotations

CELLS = 256  # llama.cpp keeps a cache in groups of so many cells
LEAST_ROOM = 1024  # for an answer in a context that may be chosen, and most in one that may not
CODING_CONTEXT = 32_768  # files, their neighbours and an answer: what code asks for where nothing is set
_SHORTEST = 2048  # that is offered: a shorter one saves next to nothing


def engine_context(asked: int) -> int:
    """The context of a load for which ``asked`` tokens were asked: the next whole group of 256 cells.

    Source: llama.cpp 0c1e57098, ``src/llama-context.cpp``: ``n_ctx`` is padded to 256. Heft's contexts give each
    sequence as much (``n_ctx_seq``): with several slots, so many times that is asked for. It holds for what a model was
    trained for, too: one trained for 2,000 tokens gets 2,048.
    """
    return -(-asked // CELLS) * CELLS


def answer_room(context: int) -> int:
    """What of a context is kept free for an answer, in a conversation that is cut to fit it."""
    return min(LEAST_ROOM, context // 4)


def context_for(needed: int) -> int:
    """A context that holds a conversation of ``needed`` tokens and an answer to it: a quarter more, 1,024 at least,
    rounded up to a power of two or one and a half times that.
    """
    wanted, length = needed + max(LEAST_ROOM, needed // 4), _SHORTEST
    while length < wanted:
        length = length * 3 // 2 if length & (length - 1) == 0 else length * 4 // 3
    return length
