"""A model's name explained part by part: family, version, size, tuning, quantization, format.

``Llama-3.3-70B-Instruct-AWQ-INT4-GGUF`` says much to those who can read it. The words come from
``resources/data/name_parts.csv``; what has a form of its own (sizes, dates, versions, quantization labels) is
read here. Names are labels, never facts: nothing is decided by them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast, get_args

from desktop.core import naming
from desktop.core.quality import Step, plain_name

PartKind = Literal[
    "author",
    "family",
    "version",
    "size",
    "active",
    "tuning",
    "date",
    "context",
    "quantization",
    "format",
    "shard",
    "name",
]

_TITLES: Mapping[PartKind, str] = {
    "author": "Who published it",
    "family": "Family",
    "version": "Version",
    "size": "Size",
    "active": "Active size",
    "tuning": "Tuning",
    "date": "Date",
    "context": "Context",
    "quantization": "Quantization",
    "format": "Format",
    "shard": "Part of a set",
    "name": "Name",
}
_END = r"(?=\Z|[-_. /])"
_SEPARATORS = "-_. /"
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


@dataclass(frozen=True)
class NamePart:
    """A piece of a name as written, what kind of piece it is, and a sentence about it."""

    text: str
    kind: PartKind
    words: str

    @property
    def title(self) -> str:
        """The kind as a heading."""
        return _TITLES[self.kind]


@dataclass(frozen=True)
class Word:
    """A row of the table: regular expressions of what is written, separated by ``|``."""

    kind: PartKind
    pattern: str
    words: str
    source: str


def words_from_rows(rows: Sequence[Mapping[str, str]]) -> tuple[Word, ...]:
    """Rows of ``resources/data/name_parts.csv``. ValueError for an unknown kind."""
    for row in rows:
        if row["kind"] not in get_args(PartKind):
            raise ValueError(f"unknown kind of name part: {row['kind']}")
    return tuple(Word(cast(PartKind, row["kind"]), row["pattern"], row["words"], row["source"]) for row in rows)


_NEXT = re.compile(r"[-_ /]|\.(?!\d)")  # where the next part may begin


class NameReader:
    """Explains names with a table of words and the ladder of quantizations."""

    def __init__(self, words: Iterable[Word], steps: Iterable[Step]) -> None:
        self._steps = {step.name: step for step in steps}
        self._words: list[tuple[re.Pattern[str], Word]] = []
        for word in words:
            alternatives = "|".join(re.escape(text) for text in sorted(word.pattern.split("|"), key=len, reverse=True))
            # A version often stands directly behind a family or tuning: Qwen2.5, SmolLM2, gemma3n, Dolphin3.0.
            version = r"(?P<version>\d+(?:\.\d+)*n?)?" if word.kind in ("family", "tuning") else "(?P<version>)"
            self._words.append((re.compile(rf"(?P<word>{alternatives}){version}{_END}", re.IGNORECASE), word))

    def explain(self, name: str) -> tuple[NamePart, ...]:
        """The parts of a repo's or a file's name, in the order they are written; neighbours unknown are joined."""
        owner, slash, rest = name.partition("/")
        parts: list[NamePart] = []
        if not slash:
            rest = owner
        elif owner:
            parts.append(NamePart(owner, "author", f"Published by {owner}."))
        rest, ending = _ending(rest.rpartition("/")[2])
        position = 0
        while position < len(rest):
            if rest[position] in _SEPARATORS:
                position += 1
                continue
            found = self._at(rest, position, parts)
            parts += found
            position += sum(len(part.text) for part in found)
        return _joined([*parts, *ending], rest)

    def _at(self, name: str, position: int, before: Sequence[NamePart]) -> list[NamePart]:
        """The part that begins here; two for a family with its version."""
        label = _quantization(name, position)
        if label:
            return [NamePart(label, "quantization", self._quantization_words(label))]
        for pattern, kind, words in _FORMS:
            match = pattern.match(name, position)
            if match and (kind != "version" or any(part.kind in ("family", "name") for part in before)):
                sentence = words(match)
                if sentence:
                    return [NamePart(match[0], kind, sentence)]
        for pattern, word in self._words:
            match = pattern.match(name, position)
            if match:
                part = NamePart(match["word"], word.kind, f"{word.words}.")
                version = match["version"]
                return [part, NamePart(version, "version", f"Version {version}.")] if version else [part]
        end = _NEXT.search(name, position + 1)
        text = name[position : end.start()] if end else name[position:]
        return [NamePart(text, "name", "Part of its name.")]

    def _quantization_words(self, label: str) -> str:
        step = self._steps.get(plain_name(label))
        words = step.words if step else "A quantization."
        upper = label.upper()
        if upper.startswith("UD-"):
            return f"Unsloth dynamic: each layer has bits of its own. {words}"
        return f"Made with an importance matrix. {words}" if upper.startswith("I1-") else words


def _quantization(name: str, position: int) -> str:
    """The GGUF quantization label that begins here; 16 and 32 bits are words of the table as well."""
    text = re.compile(r"(?:UD-|i1-)?[A-Za-z0-9_]+", re.IGNORECASE).match(name, position)
    if text is None:
        return ""
    label = naming.label(f"{text[0]}.gguf")
    return label if text[0].startswith(label) and label else ""


def _ending(name: str) -> tuple[str, list[NamePart]]:
    """A file name without shard and format endings, and these as parts."""
    found = naming.shard(name)
    if found is not None:
        note = f"File {found.number} of {found.count}; all are needed."
        text = name[len(found.stem) :].strip("-.")
        return found.stem, [NamePart(text, "shard", note)]
    if name.lower().endswith(".gguf"):
        return name[:-5], [NamePart(name[-4:], "format", "GGUF: the format of llama.cpp, which Heft runs.")]
    return name, []


def _size(match: re.Match[str]) -> str:
    amount = {"b": "billion", "m": "million", "t": "trillion"}[match["unit"].lower()]
    if match["experts"]:
        return f"{match['experts']} experts of {match['number']} {amount} weights each; a few work on each token."
    if match["effective"]:
        return f"Takes the memory of a model of {match['number']} {amount} weights, though it has more."
    return f"{match['number']} {amount} weights (parameters)."


def _active(match: re.Match[str]) -> str:
    amount = {"b": "billion", "m": "million"}[match["unit"].lower()]
    return f"Only {match['number']} {amount} of the weights work on each token: it is as fast as a model of that size."


def _context(match: re.Match[str]) -> str:
    number, unit = match["number"], match["unit"].lower()
    tokens = f"{number} million" if unit == "m" else f"{number} thousand"
    return f"Stretched or made for a context of {tokens} tokens."


def _date(match: re.Match[str]) -> str:
    groups = match.groupdict()
    year, month = groups["year"], int(groups["month"])
    if not 1 <= month <= 12:
        return ""
    day = groups.get("day")
    if day and not 1 <= int(day) <= 31:
        return ""
    when = f"{_MONTHS[month - 1]}" + (f" 20{year[-2:]}" if year else "")
    return f"Of {int(day)} {when}." if day else f"Of {when}."


def _bits(match: re.Match[str]) -> str:
    return f"{match[0][:-3]} bits per weight."


def _version(match: re.Match[str]) -> str:
    return f"Version {match[0].lstrip('vV')}."


_FORMS: tuple[tuple[re.Pattern[str], PartKind, Callable[[re.Match[str]], str]], ...] = (
    (re.compile(rf"A(?P<number>\d+(?:\.\d+)?)(?P<unit>[BM]){_END}", re.IGNORECASE), "active", _active),
    (
        re.compile(
            rf"(?:(?P<experts>\d+)x)?(?P<effective>E)?(?P<number>\d+(?:\.\d+)?)(?P<unit>[BMT]){_END}", re.IGNORECASE
        ),
        "size",
        _size,
    ),
    (re.compile(rf"(?P<number>\d+)(?P<unit>K){_END}", re.IGNORECASE), "context", _context),
    (re.compile(rf"(?P<year>20\d\d)[-_.]?(?P<month>\d\d)(?:[-_.]?(?P<day>\d\d))?{_END}"), "date", _date),
    (re.compile(rf"(?P<month>0\d|1[0-2])[-_](?P<day>\d\d)(?:[-_](?P<year>20\d\d))?{_END}"), "date", _date),
    (re.compile(rf"(?P<month>0\d|1[0-2])[-_](?P<year>20\d\d){_END}"), "date", _date),
    (re.compile(rf"(?P<year>2[3-9])(?P<month>\d\d)(?P<day>\d\d)?{_END}"), "date", _date),
    (re.compile(rf"(?P<year>)(?P<month>0\d|1[0-2])(?P<day>\d\d){_END}"), "date", _date),
    (re.compile(rf"\d+(?:\.\d+)?bpw{_END}", re.IGNORECASE), "quantization", _bits),
    (re.compile(rf"[vV]\d+(?:\.\d+)*[a-z]?{_END}"), "version", _version),
    (re.compile(rf"\d{{1,2}}(?:\.\d+)*[a-z]?{_END}"), "version", _version),
    (re.compile(rf"[KRM]\d(?:\.\d+)?{_END}"), "version", _version),
)


def _joined(parts: Sequence[NamePart], name: str) -> tuple[NamePart, ...]:
    """Unknown pieces that stand side by side become one, as they are written."""
    joined: list[NamePart] = []
    for part in parts:
        last = joined[-1] if joined else None
        if last is not None and last.kind == part.kind == "name":
            for separator in _SEPARATORS:
                together = f"{last.text}{separator}{part.text}"
                if together in name:
                    joined[-1] = replace(last, text=together)
                    break
            else:
                joined.append(part)
        else:
            joined.append(part)
    return tuple(joined)
