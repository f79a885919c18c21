"""A known answer: what small models compute for fixed tokens, on the processor and on any device, to be compared.

Only the trial's process imports this module. Two models are forged for it, a dense one (Q4_K) and one of experts
(Q8_0), so that the kernels of both kinds of matrices, of attention with and without flash, of a long prompt and of
single tokens are all used; the starter model comes on top where there is one.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llama_cpp.llama_cpp as lib
import numpy as np

from desktop.core.words import tr
from desktop.engine import llama
from desktop.engine.device_log import offloaded
from desktop.engine.log import EngineLog
from desktop.engine.tools.synthetic_models import ForgedShape, forge

# Logits of one model differ between backends: activations are rounded to 8 bits on the processor and to 16 on most
# cards. llama.cpp allows 5e-4 for each product of matrices (its test-backend-ops, max_nmse_err); the 30 layers of
# the starter have 210 of them, whose errors add up as random ones do: 5e-4 * sqrt(210) = 0.007. Numbers that have
# nothing to do with the right ones are at 1 and above. Seen with lavapipe: 0.0005 (forged) and 0.0034 (the starter).
TOLERANCE = 0.02
_PROMPT = 70  # tokens: more than the largest tile of a kernel for single tokens, and no multiple of any
_SHORT_PROMPT = 20  # of the starter, whose layers are many
_STEPS = 8
_CONTEXT = 256
_ALL_LAYERS = 999
_VOCABULARY = 512  # of the forged models
_DENSE = ForgedShape(layers=2, embedding=256, feed_forward=512, heads=4, kv_heads=2, vocabulary=_VOCABULARY)
# All experts are used: of more, rounding would choose now this one and now that, where the weights mean nothing.
_EXPERTS = ForgedShape(
    layers=1, embedding=256, feed_forward=256, heads=4, kv_heads=4, vocabulary=_VOCABULARY, experts=2, experts_used=2
)


@dataclass(frozen=True)
class Question:
    """A model and how its answer is computed; tokens below ``vocabulary``. ``timed``: its speed is worth telling."""

    model: Path
    flash_attention: str
    vocabulary: int = _VOCABULARY
    timed: bool = False


@dataclass(frozen=True)
class Computed:
    """The logits after the prompt and after each further token, a row each, and the tokens per second of those."""

    logits: np.ndarray[Any, np.dtype[np.float32]]
    tokens_per_second: float


class NotComputedError(RuntimeError):
    """The backend did not come to an answer, in words that follow "it"."""


def questions(place: Callable[[str], Path], starter: str) -> list[Question]:
    """What is asked: models forged where ``place`` says by their name, and ``starter``, a model's path, "" for none."""
    dense, experts = forge(place("dense.gguf"), _DENSE, "Q4_K"), forge(place("experts.gguf"), _EXPERTS, "Q8_0")
    asked = [Question(dense, "off"), Question(dense, "on"), Question(experts, "off")]
    return [*asked, Question(Path(starter), "auto", timed=True)] if starter else asked


def compute(question: Question, device: str, log: EngineLog) -> Computed:
    """The answer on ``device`` ("none": on the processor). Raises NotComputedError."""
    log.mark()
    alone = device == "none"
    params, kept = llama.model_parameters(str(question.model), 0 if alone else _ALL_LAYERS, 0, device)
    handle = lib.llama_model_load_from_file(os.fsencode(question.model), params)
    del kept
    if not handle:
        raise NotComputedError(tr("cannot load a model"))
    context = None
    try:
        if not alone and not offloaded(log.since_mark)[0]:
            raise NotComputedError(tr("takes no layer of a model"))
        settings = llama.context_parameters(_CONTEXT, ("f16", "f16"), question.flash_attention)
        context = lib.llama_init_from_model(handle, settings)
        if not context:
            raise NotComputedError(tr("makes no context for a model"))
        return _answer(context, handle, question.vocabulary, _SHORT_PROMPT if question.timed else _PROMPT)
    finally:
        if context:
            lib.llama_free(context)
        lib.llama_model_free(handle)


def _answer(context: Any, handle: Any, vocabulary: int, prompt: int) -> Computed:
    width = lib.llama_vocab_n_tokens(lib.llama_model_get_vocab(handle))
    tokens = [(37 * place + 11) % vocabulary for place in range(prompt + _STEPS)]  # any, but always the same
    rows, seconds = [], []
    for batch in (tokens[:prompt], *([token] for token in tokens[prompt:])):
        begun = time.perf_counter()
        array = (lib.llama_token * len(batch))(*batch)
        if lib.llama_decode(context, lib.llama_batch_get_one(array, len(batch))) != 0:
            raise NotComputedError(tr("fails to compute"))
        lib.llama_synchronize(context)
        found = lib.llama_get_logits_ith(context, -1)
        seconds.append(time.perf_counter() - begun)
        rows.append(np.ctypeslib.as_array(found, shape=(width,)).astype(np.float32))
    return Computed(np.stack(rows), 1 / statistics.median(seconds[2:]))  # the first step may compile kernels


def difference(right: Computed, found: Computed) -> float:
    """The largest difference of any row, as :attr:`desktop.engine.backend_records.ProvenDevice.error`; infinite where
    something is no number.
    """
    if not np.isfinite(found.logits).all():
        return float("inf")
    return max(_row(a, b) for a, b in zip(right.logits, found.logits, strict=True))


def _row(right: Sequence[float] | Any, found: Sequence[float] | Any) -> float:
    a, b = np.asarray(right, np.float64), np.asarray(found, np.float64)
    a, b = a - a.mean(), b - b.mean()  # what is added to all logits changes no answer
    return float(((a - b) ** 2).sum() / max((a**2).sum(), 1e-30))
