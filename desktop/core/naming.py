"""What file names tell: shards that belong together, projectors, imatrix and draft files, readable names.

Names are labels, never facts: the spec calls them "not intended to be perfectly parsable" (ggml docs/gguf.md),
so everything here is only used to join and to show. What a file is comes from its header.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal, TypeVar

Role = Literal["model", "mmproj", "imatrix", "draft"]
P = TypeVar("P", bound=PurePath)

# llama.cpp's own split files (llama_split_path), and plain concatenation as some uploaders do it.
_SPLIT = re.compile(r"^(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf$", re.IGNORECASE)
_PART = re.compile(r"^(?P<stem>.+?)(?:\.gguf)?\.part(?P<number>\d+)of(?P<count>\d+)$", re.IGNORECASE)
_GGUF = re.compile(r"\.gguf$", re.IGNORECASE)

# A quantization label between separators, other programs' too; what is put before it (UD-, i1-) belongs to it.
_LABEL = re.compile(
    r"(?:^|[-._ ])"
    r"(?P<label>(?:UD-|i1-)?"
    r"(?:I?Q\d+_(?:K(?:_(?:XXS|XS|S|M|L|XL|XXL|P))?|XXS|XS|S|M|L|NL|[01](?:_\d_\d)?|K(?:SS|S|T|L|V)|BN)(?:_R\d+)?"
    r"|TQ[12]_0|MXFP4(?:_MOE)?|NVFP4|BF16(?:_R16)?|FP?16|FP?32|I2_S))"
    r"(?=$|[-._ ])",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Shard:
    """Place of a file in a set: ``number`` counts from 1. ``concatenated`` parts are no GGUF files by themselves."""

    stem: str
    number: int
    count: int
    concatenated: bool


def shard(name: str) -> Shard | None:
    """The shard a file name speaks of, or None: ``x-00001-of-00009.gguf``, ``x.gguf.part1of2``."""
    for pattern, concatenated in ((_SPLIT, False), (_PART, True)):
        match = pattern.match(name)
        if match:
            number, count = int(match["number"]), int(match["count"])
            if 1 <= number <= count:
                return Shard(match["stem"], number, count, concatenated)
    return None


def is_model_file(name: str) -> bool:
    """Whether a file name is that of a GGUF file or of a part of one."""
    return bool(_GGUF.search(name)) or _PART.match(name) is not None


def stem(name: str) -> str:
    """A file name without its format and shard endings."""
    found = shard(name)
    return found.stem if found else _GGUF.sub("", name)


def role(name: str) -> Role:
    """What kind of file the name speaks of."""
    words = re.split(r"[-._ ]+", stem(name).lower())
    if "mmproj" in words:
        return "mmproj"
    if "imatrix" in words:
        return "imatrix"
    if words[0] in ("mtp", "eagle3", "eagle") or "draft" in words:
        return "draft"
    return "model"


def label(name: str) -> str:
    """The quantization label in a name, with its prefix (``UD-Q4_K_XL``); "" when it has none.

    The last one counts: a name may carry the format it was made from before the one it has.
    """
    matches = list(_LABEL.finditer(stem(name)))
    return matches[-1]["label"] if matches else ""


def base_name(name: str) -> str:
    """The model's name without quantization, shard and projector parts: what variants of one model share."""
    text = stem(name)
    matches = list(_LABEL.finditer(text))
    if matches and matches[-1].start() > 0:
        text = text[: matches[-1].start()] + text[matches[-1].end() :]
    text = re.sub(r"(?i)(^|[-._ ])(mmproj|mtp)(?=$|[-._ ])", r"\1", text)
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
    return [(tuple(parts[number] for number in sorted(parts)), counts[key] - len(parts)) for key, parts in sets.items()]


def projectors_for(model: PurePath, projectors: Sequence[P], models_beside: int) -> tuple[P, ...]:
    """The mmproj files that belong to a model: in its folder, or the one above a folder per quantization.

    Where a folder holds several models (``models_beside`` base names), the projector's name has to begin with
    the model's base name or the other way round; otherwise all of the folder's projectors are taken.
    """
    near = [path for path in projectors if path.parent in (model.parent, model.parent.parent)]
    if models_beside <= 1:
        return tuple(near)
    wanted = base_name(model.name).lower()
    matching = []
    for path in near:
        name = base_name(path.name).lower()
        if name and (wanted.startswith(name) or name.startswith(wanted)):
            matching.append(path)
    return tuple(matching)
