"""The figures of a loss out of sums, held against numpy's own on numbers of known spread."""

from __future__ import annotations

import math

import numpy as np
import pytest

from desktop.core.loss_statistics import (
    Sums,
    counted_tokens,
    distance,
    expected_error,
    logits_bytes,
    percentile,
    perplexity,
)


def sums_of(nll: np.ndarray, base: np.ndarray, kld: np.ndarray, dp: np.ndarray, same: int) -> Sums:
    return Sums(
        len(nll), float(nll.sum()), float((nll**2).sum()), float(base.sum()), float((base**2).sum()),
        float((nll * base).sum()), float(kld.sum()), float((kld**2).sum()), float(dp.sum()), float((dp**2).sum()),
        float((dp**4).sum()), same,
    )  # fmt: skip


def test_values_and_errors_are_those_of_the_definitions() -> None:
    rng = np.random.default_rng(3)
    base = rng.gamma(2.0, 1.3, 5000)
    nll = base + rng.normal(0.02, 0.2, 5000)
    kld, dp = rng.gamma(0.5, 0.05, 5000), rng.normal(0, 0.03, 5000)
    sums = sums_of(nll, base, kld, dp, 4500)
    own = perplexity(sums)
    assert own.value == pytest.approx(math.exp(nll.mean()))
    assert own.error == pytest.approx(own.value * nll.std() / math.sqrt(4999))
    far = distance(sums, list(kld))
    assert far.kld.value == pytest.approx(kld.mean()) and far.kld.error == pytest.approx(kld.std() / math.sqrt(4999))
    assert far.p999 == pytest.approx(np.quantile(kld, 0.999))
    assert far.top_agreement.value == 0.9 and far.top_agreement.error == pytest.approx(math.sqrt(0.09 / 4999))
    assert far.dp_rms.value == pytest.approx(math.sqrt((dp**2).mean()))
    assert far.dp_rms.error == pytest.approx(0.5 / far.dp_rms.value * (dp**2).std() / math.sqrt(4999))
    assert far.ratio.value == pytest.approx(math.exp((nll - base).mean()))
    # both are of the same tokens, so the error of the ratio is that of the differences
    assert far.ratio.error == pytest.approx(far.ratio.value * (nll - base).std() / math.sqrt(4999), rel=1e-6)


def test_parts_add_up_to_the_whole() -> None:
    rng = np.random.default_rng(4)
    parts = [
        sums_of(rng.uniform(0.1, 2, 50), rng.uniform(0.1, 2, 50), rng.uniform(0, 1, 50), rng.uniform(0, 1, 50), 40)
        for _ in range(3)
    ]
    whole = parts[0].plus(parts[1]).plus(parts[2])
    assert whole.count == 150 and whole.same_top == 120
    assert whole.nll == pytest.approx(sum(part.nll for part in parts))


def test_a_percentile_lies_between_two_values() -> None:
    assert percentile([1.0, 2.0, 3.0], 0.5) == 2.0 and percentile([1.0, 2.0], 0.25) == 1.25
    assert percentile([5.0], 0.999) == 5.0


def test_nothing_measured_is_no_distance() -> None:
    with pytest.raises(ValueError):
        distance(Sums(), [])


def test_errors_shrink_with_the_root_of_the_tokens_and_sizes_are_said() -> None:
    few, many = expected_error(255), expected_error(255 * 100)
    assert few[0] == pytest.approx(10 * many[0]) and few[1] == pytest.approx(10 * many[1])
    assert counted_tokens(512, 3) == 765
    # 20 bytes of header, the tokens, and for each row that counts four words and one for each token
    assert logits_bytes(49152, 512, 2) == 20 + 4 * 1024 + 2 * (49152 + 4) * 510
    assert logits_bytes(7, 512, 1) == 20 + 2048 + 2 * (8 + 4) * 255
