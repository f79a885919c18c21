"""What a file name tells: shards that belong together, projectors, imatrix and draft files, readable names.

Names are labels, never facts: the spec calls them "not intended to be perfectly parsable" (ggml docs/gguf.md),
so everything here is only used to join and to show. What a file is comes from its header; what the files of one folder
are to each other, :mod:`desktop.core.companions` says.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal, TypeVar

from desktop.core.text import elided

Role = Literal["model", "mmproj", "imatrix", "draft", "adapter"]
P = TypeVar("P", bound=PurePath)

# llama.cpp's own split files (llama_split_path), and plain concatenation as some uploaders do it.
# The engine looks for five digits; what was renamed to fewer belongs together all the same.
_SPLIT = re.compile(r"^(?P<stem>.+)-(?P<number>\d{3,5})-of-(?P<count>\d{3,5})\.gguf$", re.IGNORECASE)
_PART = re.compile(r"^(?P<stem>.+?)(?:\.gguf)?\.part(?P<number>\d+)of(?P<count>\d+)$", re.IGNORECASE)
# Pieces that do not say of how many: x.gguf-split-a, x.gguf.part-aa, x.gguf.001 (split of GNU coreutils, by hand).
_PIECE = re.compile(
    r"^(?P<stem>.+?)\.gguf(?:[-._](?:split|part)[-._]?(?P<piece>[a-z]{1,2}|\d{1,3})|\.(?P<digits>\d{3}))$",
    re.IGNORECASE,
)
_GGUF = re.compile(r"\.gguf$", re.IGNORECASE)

# A quantization label between separators; what uploaders put before it (UD-, i1-) belongs to it. Those of the fork
# ik_llama.cpp (IQ4_KS, IQ2_KT, Q8_K_R8, IQ1_BN) and BitNet's (I2_S) are labels too, whatever can load them; a bare Q4
# is one that says no more than its bits.
_LABEL = re.compile(
    r"(?:^|[-._ ]|(?-i:(?<=[a-z\d])(?=Q\d_)))"  # devstralQ4_K_M
    r"(?P<label>(?:UD-|i1-)?"
    r"(?:I?Q\d+_(?:K(?:SS|[STLV])?(?:_(?:XXS|XS|S|M|L|XL|XXL|P))?|BN|XXS|XS|S|M|L|NL|[01](?:_\d_\d)?)(?:_R\d+)?"
    r"|TQ[12]_0|I2_S|MXFP4(?:_MOE)?|NVFP4|BF16(?:_R16)?|FP?16|FP?32|Q[2-8]))"
    r"(?=$|[-._ ])",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[-._ ]+")
# What llama.cpp takes for a draft beside a model (common/download.cpp: mtp-, eagle3-, dflash-, dspark-). A model may
# have "mtp" elsewhere in its name, for layers of its own; the others name nothing else.
_DRAFT_FIRST = frozenset(("mtp",))
_DRAFT_ANYWHERE = frozenset(("draft", "drafter", "eagle3", "dflash", "dspark"))


@dataclass(frozen=True)
class Shard:
    """Place of a file in a set: ``number`` counts from 1. ``concatenated`` parts are no GGUF files by themselves;
    of some of these the ``count`` is not known (0), and they may count from 0. ``digits`` are those of a number."""

    stem: str
    number: int
    count: int
    concatenated: bool
    digits: int = 5


def shard(name: str) -> Shard | None:
    """The shard a file name speaks of: ``x-00001-of-00009.gguf``, ``x.gguf.part1of2``, ``x.gguf-split-a``; or None."""
    for pattern, concatenated in ((_SPLIT, False), (_PART, True)):
        match = pattern.match(name)
        if match:
            number, count = int(match["number"]), int(match["count"])
            if 1 <= number <= count:
                return Shard(match["stem"], number, count, concatenated, len(match["number"]))
    piece = _PIECE.match(name)
    if piece:
        return Shard(piece["stem"], _piece_number(piece["piece"] or piece["digits"]), 0, True)
    return None


def _piece_number(text: str) -> int:
    """Of a piece: a is 1, aa is 1, ab is 2, 07 is 7."""
    if text.isdecimal():
        return int(text)
    number = 0
    for letter in text.lower():
        number = number * 26 + ord(letter) - ord("a")
    return number + 1


def is_model_file(name: str) -> bool:
    """Whether a file name is that of a GGUF file or of a part of one."""
    return bool(_GGUF.search(name) or _PART.match(name) or _PIECE.match(name))


def stem(name: str) -> str:
    """A file name without its format and shard endings."""
    found = shard(name)
    return found.stem if found else _GGUF.sub("", name)


def words(name: str) -> list[str]:
    """The words of a file name in small letters, endings left out."""
    return [word for word in _WORDS.split(stem(name).lower()) if word]


def role(name: str) -> Role:
    """What kind of file the name speaks of, seen by itself."""
    own = words(name)
    if "mmproj" in stem(name).lower():
        return "mmproj"
    if "imatrix" in own and not _made_with_imatrix(name):
        return "imatrix"
    if (own[:1] and own[0] in _DRAFT_FIRST) or not _DRAFT_ANYWHERE.isdisjoint(own):
        return "draft"
    return "model"


def _made_with_imatrix(name: str) -> bool:
    """Whether it is a model made with an importance matrix: ``X-imatrix-Q4_K_M``, not ``X-BF16.imatrix``."""
    text = stem(name)
    at = [match.start() for match in _LABEL.finditer(text)]
    found = text.lower().find("imatrix")
    return bool(at) and 0 < found < at[-1]


def label(name: str) -> str:
    """The quantization label in a name, with its prefix (``UD-Q4_K_XL``); "" when it has none.

    The last one counts: a name may carry the format it was made from before the one it has.
    """
    matches = list(_LABEL.finditer(stem(name)))
    return matches[-1]["label"] if matches else ""


def elided_name(name: str, limit: int) -> str:
    """A model's or a file's name cut in its middle to ``limit`` characters, its quantization kept."""
    return elided(name, limit, label(name))


def base_name(name: str) -> str:
    """The model's name without quantization, shard and projector parts: what variants of one model share."""
    text = stem(name)
    matches = list(_LABEL.finditer(text))
    if matches and matches[-1].start() > 0:
        text = text[: matches[-1].start()] + text[matches[-1].end() :]
    text = re.sub(r"(?i)(^|[-._ ])mmproj(?=$|[-._ ])", r"\1", text)
    return text.strip("-._ ")


def join_shards(paths: Iterable[P]) -> list[tuple[tuple[P, ...], int]]:
    """Join paths into models: ``(files in order, number of missing shards)``, in the order of first sight.

    Shards belong together when folder, stem and count agree, so a folder per quantization keeps them apart.
    """
    sets: dict[object, dict[int, P]] = defaultdict(dict)
    counts: dict[object, int] = {}
    for path in paths:
        found = shard(path.name)
        if found is None:
            key: object = path
            number, count = 1, 1
        else:
            key = (path.parent, found.stem.lower(), found.count, found.concatenated)
            number, count = found.number, found.count
        sets[key].setdefault(number, path)
        counts[key] = count
    return [
        (tuple(parts[number] for number in sorted(parts)), whole_count(parts, counts[key]) - len(parts))
        for key, parts in sets.items()
    ]


def whole_count(numbers: Collection[int], count: int) -> int:
    """How many parts a set has: as its names say, or where they do not (0), those up to the last that is there."""
    return count or max(numbers) + (0 in numbers)
