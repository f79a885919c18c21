"""Finding a title by some of its letters: "q38" finds Qwen3-8B, "gem it" finds gemma-3-4b-it.

Every word of the query has to be in the title, in one of these ways, the first the best: it begins the title, it begins
at a word, it is anywhere, its letters begin words in this order, they are letters of one word in this order. A word
begins after a sign, at a capital, and where letters and digits meet. Equally good titles keep their order.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

_PREFIX, _WORD, _INSIDE, _INITIALS, _SCATTERED = range(5)  # ways to hold a word, the closest first
_AT_ONCE = 200  # titles prepared in one go: a search for beginnings lets no other thread run meanwhile
_MARK = "\x01"  # before each beginning of a word
_START = re.compile(r"(?<![^\W\d_])[^\W\d_]|(?<!\d)\d|(?<=[a-z])[A-Z]")
_INITIAL = re.compile(rf"\n|(?<={_MARK}).")
_NO_TEXT = str.maketrans({"\n": " ", _MARK: " "})


@dataclass(frozen=True, slots=True)
class Match:
    """A title that was found, by its place in the list; the smaller ``rank``, the closer."""

    index: int
    rank: int


class Titles:
    """Titles prepared to be searched at every key: ten thousand in some milliseconds."""

    def __init__(self, titles: Sequence[str]) -> None:
        # All in one text, a line each: it is searched by what searches texts, not by a loop over titles.
        self._count = len(titles)
        plain, marked, initials = [], [], []
        for first in range(0, len(titles), _AT_ONCE):
            lines = "".join(f"\n{title.translate(_NO_TEXT)}" for title in titles[first : first + _AT_ONCE])
            plain.append(fold(lines))
            marked.append(fold(_START.sub(_mark, lines)))
            initials.append("".join(_INITIAL.findall(marked[-1])))
        self._plain, self._marked, self._initials = (_Lines("".join(text)) for text in (plain, marked, initials))

    def __len__(self) -> int:
        return self._count

    def search(self, query: str, limit: int) -> list[Match]:
        """The closest titles, at most ``limit``, the closest first; the first ones for an empty query."""
        words = [word for word in map(_Word, query.translate(_NO_TEXT).split()) if word.folded]
        if len(words) > 1:
            words.sort(key=lambda word: self._plain.text.count(word.folded))
        if not words:
            return [Match(index, 0) for index in range(min(limit, self._count))]
        ranks: dict[int, int] = {}
        for rank in range(words[0].ways):  # the rarest word leads: few titles are looked at for the others
            for index in self._found(words[0], rank):
                if index not in ranks and (others := self._others(words[1:], index)) is not None:
                    ranks[index] = rank + others
                    if len(ranks) >= limit and len(words) == 1:
                        break
            if len(ranks) >= limit and rank != _PREFIX:
                break  # further ways only find titles less close
        return [Match(index, rank) for rank, index in sorted((rank, index) for index, rank in ranks.items())[:limit]]

    def _found(self, word: _Word, rank: int) -> Iterator[int]:
        """Titles that hold the word in one of the ways, in order."""
        match rank:
            case 0:
                return self._plain.holding(f"\n{word.folded}")
            case 1:
                return self._marked.holding(word.marked)
            case 2:
                return self._plain.holding(word.folded)
            case 3:
                return self._initials.matching(word.initials)
        return self._marked.matching(word.scattered)

    def _others(self, words: Sequence[_Word], index: int) -> int | None:
        """How closely one title holds the other words of the query; None when it lacks one."""
        total = 0
        for word in words:
            if self._plain.has(word.folded, index):
                total += _WORD if self._marked.has(word.marked, index) else _INSIDE
            elif word.ways > _INITIALS and self._initials.fits(word.initials, index):
                total += _INITIALS
            elif word.ways > _SCATTERED and self._marked.fits(word.scattered, index):
                total += _SCATTERED
            else:
                return None
        return total


class _Word:
    """One word of a query, as each way of finding it needs it."""

    def __init__(self, word: str) -> None:
        self.folded = fold(word)
        self.ways = _INSIDE + 1 if len(self.folded) == 1 else _SCATTERED + 1
        self.marked = _MARK + fold(_START.sub(_mark, word)).removeprefix(_MARK)

    @cached_property
    def initials(self) -> re.Pattern[str]:
        return re.compile("\n" + "".join(_skip(letter, "\n") + re.escape(letter) for letter in self.folded))

    @cached_property
    def scattered(self) -> re.Pattern[str]:
        rest = "".join(_skip(letter, _MARK + "\n") + re.escape(letter) for letter in self.folded[1:])
        return re.compile(_MARK + re.escape(self.folded[:1]) + rest)


class _Lines:
    """A text of lines, each after a line break."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts = [match.start() for match in re.finditer("\n", text)]
        self._starts.append(len(text))

    def holding(self, words: str) -> Iterator[int]:
        """Numbers of the lines that hold the words, in order."""
        at = self.text.find(words)
        while at >= 0:
            line = bisect_right(self._starts, at) - 1
            yield line
            at = self.text.find(words, self._starts[line + 1])

    def matching(self, pattern: re.Pattern[str]) -> Iterator[int]:
        """Numbers of the lines that a pattern finds something in, in order."""
        match = pattern.search(self.text)
        while match is not None:
            line = bisect_right(self._starts, match.end() - 1) - 1
            yield line
            match = pattern.search(self.text, self._starts[line + 1])

    def has(self, words: str, line: int) -> bool:
        """Whether one line holds the words."""
        return self.text.find(words, self._starts[line], self._starts[line + 1]) >= 0

    def fits(self, pattern: re.Pattern[str], line: int) -> bool:
        """Whether a pattern finds something in one line."""
        return pattern.search(self.text, self._starts[line], self._starts[line + 1]) is not None


def fold(text: str) -> str:
    """Lower case without accents."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in apart if not unicodedata.combining(letter)).lower()


def matched(title: str, query: str) -> list[tuple[int, int]]:
    """Where a title shows what was typed, as stretches (start, end) in order; for the few titles in view."""
    letters = "".join(fold(letter)[:1] or letter for letter in title)  # as many as the title has
    begins = [match.start() for match in _START.finditer(title)]
    places: set[int] = set()
    for word in map(fold, query.split()):
        at = next((start for start in begins if letters.startswith(word, start)), letters.find(word))
        if at >= 0:
            places.update(range(at, at + len(word)))
        else:
            places.update(_spread(word, letters, begins) or _spread(word, letters, range(len(letters))))
    stretches: list[tuple[int, int]] = []
    for place in sorted(places):
        if stretches and stretches[-1][1] == place:
            stretches[-1] = stretches[-1][0], place + 1
        else:
            stretches.append((place, place + 1))
    return stretches


def _spread(word: str, letters: str, places: Sequence[int]) -> list[int]:
    """The first of the places that hold the letters of a word in order; nothing when they do not."""
    found: list[int] = []
    for place in places:
        if len(found) < len(word) and letters[place] == word[len(found)]:
            found.append(place)
    return found if len(found) == len(word) else []


def _mark(match: re.Match[str]) -> str:
    return _MARK + match.group()


def _skip(letter: str, but: str) -> str:
    """Whatever comes before the next such letter, except ``but``; a pattern of these never looks back."""
    return f"[^{re.escape(letter)}{but}]*+"
