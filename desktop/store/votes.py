"""Blind votes between two models: kept by name and size, so that they are found wherever a file lies."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from desktop.core.vote_tally import Tally
from desktop.system.atomic import write_atomically

_VERSION = 1
Choice = Literal["first", "second", "neither"]


class Vote(msgspec.Struct, frozen=True):
    """``first`` and ``second`` are signs of models (:func:`sign_of`), in the order of their texts; ``at`` is in seconds
    since the epoch. Of the prompt only its digest is kept."""

    first: str
    second: str
    choice: Choice
    prompt: str
    at: float


class _Document(msgspec.Struct, frozen=True):
    version: int
    votes: list[Vote]


def sign_of(name: str, size_bytes: int) -> str:
    """A model's sign."""
    return f"{name} {size_bytes}"


def vote_between(signs: tuple[str, str], choice: Choice, prompt: str, at: float) -> Vote:
    """A vote, in the order that votes are kept in."""
    if signs[0] <= signs[1]:
        return Vote(signs[0], signs[1], choice, prompt, at)
    turned: dict[Choice, Choice] = {"first": "second", "second": "first", "neither": "neither"}
    return Vote(signs[1], signs[0], turned[choice], prompt, at)


def tally_of(votes: Iterable[Vote], signs: tuple[str, str]) -> Tally:
    """The votes between two models, the first one's first."""
    found = {"first": 0, "second": 0, "neither": 0}
    turned = signs[0] > signs[1]
    for vote in votes:
        if (vote.first, vote.second) == (signs[turned], signs[not turned]):
            found[vote.choice] += 1
    counts = found["first"], found["second"]
    return Tally(counts[turned], counts[not turned], found["neither"])


class VoteStore:
    """Thread-safe. A file that cannot be read counts as empty."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def all(self) -> list[Vote]:
        """In the order they were given."""
        with contextlib.suppress(OSError, msgspec.MsgspecError, UnicodeDecodeError):
            document = msgspec.json.decode(self._path.read_bytes(), type=_Document)
            return document.votes if document.version == _VERSION else []
        return []

    def add(self, vote: Vote) -> None:
        """Keep one. Raises OSError."""
        with self._lock:
            write_atomically(self._path, msgspec.json.encode(_Document(_VERSION, [*self.all(), vote])))
