"""What llama-perplexity computes of each row of logits, with numpy: losses, and the distance from a reference.

Source: llama.cpp ``tools/perplexity/perplexity.cpp`` (log_softmax in its three forms). The reference's logits are kept
in 16 bits each, as that program keeps them: down to 16 below the largest, in 65,535 steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from desktop.core.loss_statistics import Sums, row_words

Logits: TypeAlias = NDArray[np.float32]
_DEEPEST = np.float32(16)  # nats below the largest logit that are kept, and that count
_STEPS = np.float32(65535)


def losses(logits: Logits, tokens: Sequence[int], pool: ThreadPoolExecutor, workers: int) -> Sums:
    """Of the token that follows each row."""
    found = np.empty(len(tokens), np.float64)

    def some(first: int, last: int) -> None:
        room = np.empty(logits.shape[1], np.float32)
        for at in range(first, last):
            row = logits[at]
            top = row.max()
            found[at] = float(top) - float(row[tokens[at]]) + np.log(_exponentials(row, top, room))

    _shared(some, len(tokens), pool, workers)
    return Sums(count=len(tokens), nll=float(found.sum()), nll2=float(np.dot(found, found)))


def compressed(logits: Logits, pool: ThreadPoolExecutor, workers: int) -> NDArray[np.uint16]:
    """Each row's log-probabilities as they are kept: two floats (step, least), then a word for each token."""
    count, vocabulary = logits.shape
    kept = np.zeros((count, row_words(vocabulary)), np.uint16)

    def some(first: int, last: int) -> None:
        room = np.empty(vocabulary, np.float32)
        for at in range(first, last):
            row = logits[at]
            top = row.max()
            least = max(row.min(), top - _DEEPEST)
            normal = np.float32(np.log(_exponentials(row, top, room)))
            step = (top - least) / _STEPS
            kept[at, :4].view(np.float32)[:] = step, least - top - normal
            if step > 0:
                np.subtract(row, least, out=room)
                np.multiply(room, np.float32(1) / step, out=room)
                np.maximum(room, np.float32(0), out=room)
                np.minimum(np.rint(room, out=room), _STEPS, out=room)
                kept[at, 4 : 4 + vocabulary] = room

    _shared(some, count, pool, workers)
    return kept


def distances(
    logits: Logits, base: NDArray[np.uint16], tokens: Sequence[int], pool: ThreadPoolExecutor, workers: int
) -> tuple[Sums, NDArray[np.float32]]:
    """Of each row from the reference's ``base``: the sums, and each token's KL divergence."""
    count, vocabulary = logits.shape
    own, its, kld = (np.empty(count, np.float32) for _ in range(3))
    same = np.zeros(count, np.bool_)

    def some(first: int, last: int) -> None:
        room = np.empty(vocabulary, np.float32)
        for at in range(first, last):
            row, token = logits[at], tokens[at]
            best = int(row.argmax())
            top = row[best]
            normal = np.float32(np.log(_exponentials(row, top, room))) + top  # the logarithm of the whole
            step, least = base[at, :4].view(np.float32)
            words = base[at, 4 : 4 + vocabulary]
            own[at] = normal - row[token]
            its[at] = -(step * np.float32(words[token]) + least)
            same[at] = best == int(words.argmax())
            # what is further down than that counts nothing
            some_way = (-_DEEPEST - least) / step if step > 0 else np.float32(-1)
            seen = np.flatnonzero(words > max(0, int(some_way) - 1)) if some_way > 0 else np.arange(vocabulary)
            known = step * words[seen].astype(np.float32) + least
            within = known > -_DEEPEST
            seen, known = seen[within], known[within]
            kld[at] = np.sum(np.exp(known) * (known - row[seen] + normal), dtype=np.float64)

    _shared(some, count, pool, workers)
    wide, wide_base, far = own.astype(np.float64), its.astype(np.float64), kld.astype(np.float64)
    dp = np.exp(-own).astype(np.float64) - np.exp(-its)
    sums = Sums(
        count=count, nll=float(wide.sum()), nll2=float(wide @ wide), base=float(wide_base.sum()),
        base2=float(wide_base @ wide_base), nll_base=float(wide @ wide_base), kld=float(far.sum()),
        kld2=float(far @ far), dp=float(dp.sum()), dp2=float(dp @ dp), dp4=float(np.sum(dp**4)),
        same_top=int(same.sum()),
    )  # fmt: skip
    return sums, kld


def _exponentials(row: Logits, top: np.float32, room: Logits) -> float:
    np.subtract(row, top, out=room)
    np.exp(room, out=room)
    return float(np.sum(room, dtype=np.float64))


def _shared(work: Callable[[int, int], None], count: int, pool: ThreadPoolExecutor, workers: int) -> None:
    for done in [pool.submit(work, first, last) for first, last in _parts(count, workers)]:
        done.result()


def _parts(count: int, workers: int) -> Iterator[tuple[int, int]]:
    step = max(1, -(-count // max(1, workers)))
    for first in range(0, count, step):
        yield first, min(first + step, count)
