"""What a model could have written instead: kept of each answer while Heft runs, found by a place in its text."""

from __future__ import annotations

import codecs
import threading
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from desktop.engine.token_choices import TokenChoice

ASKED = 8  # alternatives of each token
_MOST_TOKENS = 200_000  # of all answers together: some 100 MB


@dataclass(frozen=True)
class Placed:
    """The tokens of an answer that stand in its text: ``starts`` are where they begin in it, in characters."""

    tokens: tuple[TokenChoice, ...]
    starts: tuple[int, ...]

    def at(self, place: int) -> int:
        """The index of the token at a place of the text."""
        return max(0, bisect_right(self.starts, place) - 1)


def placed(tokens: Sequence[TokenChoice], content: str) -> Placed | None:
    """Where the tokens stand in the text of the answer; None where it is not what they wrote (it was edited).

    They wrote reasoning and tags before it, too, so its last occurrence counts.
    """
    written = b"".join(token.raw for token in tokens)
    text = content.rstrip().encode()
    begin = written.rfind(text) if text else -1
    if begin < 0:
        return None
    kept, starts, end, place = list[TokenChoice](), list[int](), 0, 0
    decoder = codecs.getincrementaldecoder("utf-8")("ignore")  # a token may end within a character
    for token in tokens:
        start, end = end, end + len(token.raw)
        if end > begin and start < begin + len(text):
            kept.append(token)
            starts.append(place)
            place += len(decoder.decode(written[max(start, begin) : end]))
    return Placed(tuple(kept), tuple(starts))


class Alternatives:
    """The tokens of answers, by message. Thread-safe; the oldest answers' are forgotten first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[int, list[TokenChoice]] = {}

    def add(self, message_id: int, tokens: Iterable[TokenChoice]) -> None:
        """More of an answer."""
        with self._lock:
            self._kept.setdefault(message_id, []).extend(tokens)
            while len(self._kept) > 1 and sum(map(len, self._kept.values())) > _MOST_TOKENS:
                self._kept.pop(next(iter(self._kept)))

    def of(self, message_id: int, content: str) -> Placed | None:
        """The tokens in the text of an answer; None where none were kept, or the text is another one."""
        with self._lock:
            tokens = tuple(self._kept.get(message_id, ()))
        return placed(tokens, content) if tokens else None
