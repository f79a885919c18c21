"""The figures of a measured loss out of sums over tokens: perplexity, and how far a model is from its reference.

Source: llama.cpp ``tools/perplexity/perplexity.cpp``: the same sums, uncertainties and percentile
(mean_and_uncertainty, percentile, kl_divergence). ``tests/engine/test_measurer.py`` holds them against what it printed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

LEAST_TOKENS = 100  # below that llama-perplexity tells nothing of a distribution, and neither does Heft
_SPREAD = 2.7  # standard deviation of a token's loss in nats, on running text: what the error is expected from
_KLD_SPREAD = 3.0  # that of the KL divergence, as a multiple of its mean: a few tokens carry most of it


class Sums(msgspec.Struct, frozen=True):
    """Sums over ``count`` tokens. ``nll`` is the negative log-likelihood (nats) of the text's own token, ``base`` that
    of the reference, ``kld`` the KL divergence (nats), ``dp`` the difference of the token's probabilities."""

    count: int = 0
    nll: float = 0.0
    nll2: float = 0.0
    base: float = 0.0
    base2: float = 0.0
    nll_base: float = 0.0
    kld: float = 0.0
    kld2: float = 0.0
    dp: float = 0.0
    dp2: float = 0.0
    dp4: float = 0.0
    same_top: int = 0

    def plus(self, more: Sums) -> Sums:
        """Both together."""
        names = self.__struct_fields__
        return Sums(**{name: getattr(self, name) + getattr(more, name) for name in names})


@dataclass(frozen=True)
class Figure:
    """A measured value with its standard error, in the same unit."""

    value: float
    error: float


@dataclass(frozen=True)
class Distance:
    """How far a model is from its reference. KL divergence in nats; the others are parts of 1.

    ``p999`` is the KL divergence that one token in a thousand exceeds; ``top_agreement`` is how often both hold the
    same token for the likeliest; ``dp_rms`` is the root mean square of the difference of the token's probabilities.
    ``base_perplexity`` is the reference's own; ``ratio`` that of the perplexities.
    """

    kld: Figure
    p999: float
    top_agreement: Figure
    dp_rms: Figure
    base_perplexity: Figure
    ratio: Figure


def perplexity(sums: Sums) -> Figure:
    """e to the mean loss. The error is that of the mean, taken through the exponential."""
    mean = _mean(sums.nll, sums.nll2, sums.count)
    value = math.exp(min(mean.value, 700.0))
    return Figure(value, value * mean.error)


def distance(sums: Sums, klds: Sequence[float]) -> Distance:
    """``klds`` are the KL divergences of all tokens, in any order. ValueError without tokens."""
    if not sums.count or not klds:
        raise ValueError("nothing was measured")
    count = sums.count
    own, base = _mean(sums.nll, sums.nll2, count), _mean(sums.base, sums.base2, count)
    covariance = (sums.nll_base / count - own.value * base.value) / (count - 1) if count >= 10 else 0.0
    spread = math.sqrt(max(0.0, own.error**2 + base.error**2 - 2 * covariance))
    ratio = math.exp(own.value - base.value)
    squared = _mean(sums.dp2, sums.dp4, count)
    rms = math.sqrt(max(0.0, squared.value))
    top = sums.same_top / count
    base_value = math.exp(min(base.value, 700.0))
    return Distance(
        kld=_mean(sums.kld, sums.kld2, count),
        p999=percentile(sorted(klds), 0.999),
        top_agreement=Figure(top, math.sqrt(top * (1 - top) / (count - 1)) if count > 1 else 0.0),
        dp_rms=Figure(rms, 0.5 / rms * squared.error if rms else 0.0),
        base_perplexity=Figure(base_value, base_value * base.error),
        ratio=Figure(ratio, ratio * spread),
    )


def percentile(values: Sequence[float], part: float) -> float:
    """The value below which ``part`` of sorted ``values`` lie, between two neighbours in proportion."""
    at = part * (len(values) - 1)
    low = int(at)
    rest = at - low
    return (1 - rest) * values[low] + rest * values[min(low + 1, len(values) - 1)]


def _mean(total: float, squares: float, count: int) -> Figure:
    if count < 1:
        return Figure(0.0, 0.0)
    mean = total / count
    spread = squares / count - mean * mean
    return Figure(mean, math.sqrt(spread / (count - 1)) if spread > 0 and count > 10 else 0.0)


def expected_error(tokens: int) -> tuple[float, float]:
    """What part of the perplexity, and of the mean KL divergence, their standard errors will about be."""
    root = math.sqrt(max(1, tokens))
    return _SPREAD / root, _KLD_SPREAD / root


def counted_tokens(context: int, chunks: int) -> int:
    """How many tokens of ``chunks`` pieces count: the second half of each but for its last."""
    return (context - 1 - context // 2) * chunks


def row_words(vocabulary: int) -> int:
    """16-bit words in which the reference's probabilities at one token are kept (two floats before them)."""
    return 2 * ((vocabulary + 1) // 2) + 4


def logits_bytes(vocabulary: int, context: int, chunks: int) -> int:
    """What the file of a reference's probabilities takes, with its header."""
    return 20 + 4 * context * chunks + 2 * row_words(vocabulary) * counted_tokens(context, chunks)
