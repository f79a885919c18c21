"""How many threads an answer left to other programs, in words: the same below it and in the commands."""

from __future__ import annotations

from collections.abc import Mapping

from desktop.core.words import tr


def thread_words(figures: Mapping[str, float]) -> list[str]:
    """``1 of 2 threads left to other programs``, of as many as the load has; nothing where all computed.

    ``figures`` have the names of :class:`desktop.engine.api.Statistics`; answers of earlier versions know no total.
    """
    left, threads = int(figures.get("given_up_threads", 0)), int(figures.get("threads", 0))
    if left <= 0:
        return []
    of = tr("{left} of {threads}", left=left, threads=threads) if threads else f"{left}"
    return [
        tr(
            "{of} threads left to other programs" if (threads or left) != 1 else "{of} thread left to other programs",
            of=of,
        )
    ]
