"""What a search that found nothing may have meant: near words for those that nothing known contains."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

MOST_OFFERED = 3
_NEARNESS = 0.66  # of difflib, 0 to 1: "phy" is as near to "phi" as that
_LENGTHS = 2  # letters that a near word may be longer or shorter
_LETTERS = re.compile(r"[^\W\d_]{3,}")  # shorter ones are sizes and abbreviations
_GLUED = re.compile(r"(?<=[^\W\d_]{3})(?=\d)|(?<=\D)-(?=\d)")  # qwen3, gemma-3


def words_of(names: Iterable[str]) -> frozenset[str]:
    """The words in names, in lower case: ``Qwen3-Coder-30B-GGUF`` is qwen, coder and gguf."""
    return frozenset(word for name in names for word in _LETTERS.findall(name.lower()))


def near(text: str, known: frozenset[str]) -> tuple[str, ...]:
    """Other texts to search for, the nearest first, at most MOST_OFFERED; empty where nothing is near.

    Words that begin a known word stay as they are typed; the others become the nearest known one, or are
    left out. A text of known words alone is offered with figures apart (``qwen 3`` for ``qwen3``) and with fewer words.
    """
    offers: list[str] = []
    unknown = [word for word in _LETTERS.findall(text) if not _begins(word.lower(), known)]
    if unknown:
        ways = {word: _nearest(word.lower(), known) for word in unknown}
        for rank in range(MOST_OFFERED):
            if any(rank < len(found) for found in ways.values()):
                offers.append(_replaced(text, {w: f[min(rank, len(f) - 1)] if f else "" for w, f in ways.items()}))
        if not offers:
            offers.append(_replaced(text, dict.fromkeys(unknown, "")))
    else:
        offers.append(" ".join(_GLUED.sub(" ", text).split()))
        offers.append(" ".join(text.split()[:-1]))
    typed = " ".join(text.split()).casefold()
    kept = dict.fromkeys(offer for offer in offers if _LETTERS.search(offer) and offer.casefold() != typed)
    return tuple(kept)[:MOST_OFFERED]


def _begins(word: str, known: frozenset[str]) -> bool:
    return any(other.startswith(word) for other in known)


def _nearest(word: str, known: frozenset[str]) -> list[str]:
    alike = [other for other in known if abs(len(other) - len(word)) <= _LENGTHS]  # difflib takes a while for each
    return get_close_matches(word, alike, MOST_OFFERED, _NEARNESS)


def _replaced(text: str, by: dict[str, str]) -> str:
    """The text with words replaced; a word of the text that loses its letters goes as a whole."""
    kept = []
    for part in text.split():
        changed = _LETTERS.sub(lambda found: by.get(found[0], found[0]), part)
        if changed and (_LETTERS.search(changed) or not _LETTERS.search(part)):
            kept.append(changed)
    return " ".join(kept)
