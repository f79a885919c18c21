"""How the tokens of an answer are chosen: a part of what is asked of every engine."""

from __future__ import annotations

import msgspec


class Sampling(msgspec.Struct, frozen=True):
    """llama.cpp's sampler chain, under the names of its server (tools/server/README.md, common/common.h).

    ``temperature`` 0 is greedy; ``seed`` None draws a fresh one. What is at its default here is off, but for
    ``temperature``, ``top_k``, ``top_p`` and ``min_p``. Lengths are in tokens (0: off, -1: the whole context).
    ``mirostat`` is 0 (off), 1 or 2. ``logit_bias`` pairs a text with what is added to the logits of its tokens;
    ``grammar`` is GBNF, ``json_schema`` a JSON document, at most one of them set. ``stop`` strings end an answer and
    are not part of it.
    """

    temperature: float = 0.7
    top_k: int = 40
    top_p: float = 0.95
    min_p: float = 0.05
    repeat_penalty: float = 1.0
    repeat_last_n: int = 64
    seed: int | None = None
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    dry_multiplier: float = 0.0
    dry_base: float = 1.75
    dry_allowed_length: int = 2
    dry_penalty_last_n: int = 64
    xtc_probability: float = 0.0
    xtc_threshold: float = 0.1
    typical_p: float = 1.0
    top_n_sigma: float = -1.0
    dynatemp_range: float = 0.0
    dynatemp_exponent: float = 1.0
    mirostat: int = 0
    mirostat_tau: float = 5.0
    mirostat_eta: float = 0.1
    grammar: str = ""
    json_schema: str = ""
    logit_bias: tuple[tuple[str, float], ...] = ()
    stop: tuple[str, ...] = ()
