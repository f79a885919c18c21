"""Search by words: BM25 (Robertson and Zaragoza 2009, section 3), with two-letter terms for scripts without spaces."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

_K1, _B = 1.2, 0.75
_WORD = re.compile(r"[^\W_]+")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")
_MOST_TERM = 64  # characters; a longer one is no word that anybody asks for


def terms_of(text: str) -> list[str]:
    """The words of a text, in order, without case and accents."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(mark for mark in plain if not unicodedata.combining(mark))
    found: list[str] = []
    for word in _WORD.findall(unicodedata.normalize("NFC", plain)):
        at = 0
        for run in _UNSPACED.finditer(word):
            found += _whole(word[at : run.start()])
            found += _pairs(run[0])
            at = run.end()
        found += _whole(word[at:])
    return found


def _whole(word: str) -> list[str]:
    return [word] if word and len(word) <= _MOST_TERM else []


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)] or [run]


def word_scores(texts: Sequence[str], question: str, *, telling: bool = False) -> list[float]:
    """How well each text matches a question; 0 for one that has none of its words.

    ``telling``: only of the words that at most a third of the texts have. Beside another ranking, words like "when" and
    "be" would count as much as what is asked for.
    """
    counts = [Counter(terms_of(text)) for text in texts]
    lengths = [sum(count.values()) for count in counts]
    average = sum(lengths) / max(1, len(lengths)) or 1.0
    scores = [0.0] * len(texts)
    for term in dict.fromkeys(terms_of(question)):
        having = sum(term in count for count in counts)
        if telling and having * 3 > len(texts):
            continue
        weight = math.log(1 + (len(texts) - having + 0.5) / (having + 0.5))
        for number, count in enumerate(counts):
            if often := count[term]:
                norm = _K1 * (1 - _B + _B * lengths[number] / average)
                scores[number] += weight * often * (_K1 + 1) / (often + norm)
    return scores
