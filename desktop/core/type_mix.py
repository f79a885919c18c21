"""Which tensor gets which type, so that a file of a given size is as near its original as can be.

What a quantized file loses grows, while it is little, in proportion to each tensor's relative squared error, each with
a factor of its own: Malinovskii et al. 2024, "Pushing the Limits of Large Language Model Quantization via the Linearity
Theorem" (arXiv:2411.17525, theorem 1 and section 4). Here a factor is measured for a group of tensors at a time (the
same role in neighbouring layers): the KL divergence that the model has with that group alone quantized, over the sum of
the group's errors. With the factors known, the best types for a number of bytes are those that minimise loss plus a
price for bytes, tensor by tensor, at the price that fills the bytes: Shoham and Gersho 1988, "Efficient bit allocation
for an arbitrary set of quantizers". What the price leaves over is spent step by step where a byte gains most.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, product
from typing import TypeAlias

import msgspec

from desktop.core.gguf.header import Tensor
from desktop.core.quants import TYPES_BY_NAME

# Those that are weighed. Q4_1 and Q5_1 take more bytes than others of their quality; types below two bits lose so much
# that losses do not add up any more. The ones of 32 weights a block are for rows that are no multiple of 256.
CANDIDATES = ("IQ2_S", "Q2_K", "IQ3_XXS", "Q3_K", "IQ4_XS", "Q4_K", "Q5_K", "Q6_K", "Q8_0")
SMALL_ROW_CANDIDATES = ("Q4_0", "IQ4_NL", "Q5_0", "Q8_0")
# The file type that a mix is called by, after the type that most of its bytes have
FILE_TYPES_OF = {
    "IQ2_S": "IQ2_M", "Q2_K": "Q2_K", "IQ3_XXS": "IQ3_XXS", "Q3_K": "Q3_K_M", "IQ4_XS": "IQ4_XS", "Q4_K": "Q4_K_M",
    "Q5_K": "Q5_K_M", "Q6_K": "Q6_K", "Q8_0": "Q8_0", "Q4_0": "Q4_0", "IQ4_NL": "IQ4_NL", "Q5_0": "Q5_0",
}  # fmt: skip
_PROBES = ("Q3_K", "Q4_0")  # what a group is quantized to while its factor is measured: the first its rows allow
_BANDS = 3  # of layers: the first eighth, the middle, the last eighth
_HALVINGS = 40
_PATTERN_BYTES = 110  # a recipe's entry holds 127 bytes
_LAYER = re.compile(r"blk\.(\d+)\.(.+)$")


class ModelPart(msgspec.Struct, frozen=True):
    """A tensor that is to be quantized: its ``group``, and its relative squared error (of 1) in each type that its rows
    allow, weighted by the importance matrix where there is one."""

    name: str
    elements: int
    group: str
    errors: dict[str, float]

    def bytes_in(self, kind: str) -> int:
        """Its size in a type."""
        return size_in(kind, self.elements)


def size_in(kind: str, elements: int) -> int:
    """Bytes of so many weights in a type."""
    return TYPES_BY_NAME[kind].size(elements)


class TooSmallError(Exception):
    """``least_bytes`` is what the parts take in their smallest types."""

    def __init__(self, least_bytes: int) -> None:
        super().__init__(least_bytes)
        self.least_bytes = least_bytes


def candidates(row: int, with_imatrix: bool) -> tuple[str, ...]:
    """Types for rows of ``row`` weights; those that need an importance matrix only where there is one."""
    kinds = CANDIDATES if row % 256 == 0 else SMALL_ROW_CANDIDATES if row % 32 == 0 else ()
    return tuple(kind for kind in kinds if with_imatrix or kind not in ("IQ2_S", "IQ3_XXS"))


def probe_type(row: int) -> str:
    """What a tensor with such rows is quantized to while its group is measured."""
    return _PROBES[0] if row % 256 == 0 else _PROBES[1]


def group_of(name: str, layers: int) -> str:
    """The role of a tensor with the band of its layer, as ``attn_v first``; its name where it is of no layer."""
    found = _LAYER.match(name)
    if found is None:
        return name.removesuffix(".weight")
    edge = max(1, layers // 8)
    layer = int(found[1])
    band = "first" if layer < edge else "last" if layer >= layers - edge else "middle"
    return f"{found[2].removesuffix('.weight')} {band}"


def factors(parts: Iterable[ModelPart], divergences: Mapping[str, float], rows: Mapping[str, int]) -> dict[str, float]:
    """Of each group: its measured KL divergence (nats) over the sum of its errors. ``rows`` is each tensor's row."""
    found = {}
    for group, those in groupby(sorted(parts, key=lambda one: one.group), key=lambda one: one.group):
        errors = sum(one.errors[probe_type(rows[one.name])] for one in those)
        found[group] = max(0.0, divergences[group]) / errors if errors > 0 else 0.0
    return found


def chosen_types(parts: Sequence[ModelPart], weights: Mapping[str, float], budget_bytes: int) -> dict[str, str]:
    """The type of each part, with all of them in ``budget_bytes``. ``weights`` are the groups' factors.

    For the largest parts, which no price divides finely, every type is tried. Raises TooSmallError where not even the
    smallest types fit.
    """
    options = [_options(part, weights[part.group]) for part in parts]
    least = sum(min(size for size, _, _ in one) for one in options)
    if least > budget_bytes:
        raise TooSmallError(least)
    whole = sum(part.elements for part in parts)
    by_size = sorted(range(len(parts)), key=lambda at: -parts[at].elements)
    large = [at for at in by_size[:_LARGE] if parts[at].elements > whole * _LARGE_PART]
    best: tuple[float, list[_Option]] | None = None
    for types in product(*(options[at] for at in large)):
        given = dict(zip(large, types, strict=True))
        left = budget_bytes - sum(size for size, _, _ in types)
        rest = [options[at] for at in range(len(parts)) if at not in given]
        if sum(min(size for size, _, _ in one) for one in rest) > left:
            continue
        found = iter(_filled(rest, _at_price(rest, left), left))
        chosen = [given[at] if at in given else next(found) for at in range(len(parts))]
        loss = sum(loss for _, loss, _ in chosen)
        if best is None or loss < best[0]:
            best = (loss, chosen)
    assert best is not None
    return {part.name: kind for part, (_, _, kind) in zip(parts, best[1], strict=True)}


_Option: TypeAlias = tuple[int, float, str]  # bytes, loss (nats), type
_LARGE, _LARGE_PART = 2, 0.1  # so many parts at most that hold more than that of all weights


def _options(part: ModelPart, weight: float) -> list[_Option]:
    """The types that are worth their bytes: each larger one loses less."""
    found: list[_Option] = []
    for size, loss, kind in sorted((part.bytes_in(kind), weight * error, kind) for kind, error in part.errors.items()):
        if not found or loss < found[-1][1]:
            found.append((size, loss, kind))
    return found


def _at_price(options: Sequence[Sequence[_Option]], budget_bytes: int) -> list[_Option]:
    """The least loss plus price for bytes, at the lowest price at which all fit."""

    def at(price: float) -> list[_Option]:
        return [min(one, key=lambda option: option[1] + price * option[0]) for one in options]

    low, high = 0.0, 1e-12  # nats a byte
    while sum(size for size, _, _ in at(high)) > budget_bytes:
        low, high = high, high * 8
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if sum(size for size, _, _ in at(middle)) > budget_bytes else (low, middle)
    return at(high)


def _filled(options: Sequence[Sequence[_Option]], chosen: Sequence[_Option], budget_bytes: int) -> list[_Option]:
    """The bytes that are left, spent where each gains most."""
    found = list(chosen)
    left = budget_bytes - sum(size for size, _, _ in found)
    while True:
        steps = [
            ((found[at][1] - option[1]) / (option[0] - found[at][0]), at, option)
            for at, one in enumerate(options)
            for option in one
            if 0 < option[0] - found[at][0] <= left and option[1] < found[at][1]
        ]
        if not steps:
            return found
        _, at, option = max(steps)
        left -= option[0] - found[at][0]
        found[at] = option


def expected_loss(parts: Iterable[ModelPart], weights: Mapping[str, float], types: Mapping[str, str]) -> float:
    """KL divergence in nats, by the factors."""
    return sum(weights[part.group] * part.errors[types[part.name]] for part in parts)


def file_type_of(parts: Iterable[ModelPart], types: Mapping[str, str]) -> str:
    """The file type's name that a mix gets: after the tensor type of most of its bytes."""
    sizes: dict[str, int] = {}
    for part in parts:
        kind = types[part.name]
        sizes[kind] = sizes.get(kind, 0) + part.bytes_in(kind)
    return FILE_TYPES_OF[max(sizes, key=lambda kind: sizes[kind])]


def patterns(types: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The types as a recipe's patterns of names: layers of the same role and type together, none too long to be kept
    in a file's metadata."""
    layers: dict[tuple[str, str], list[int]] = {}
    alone = []
    for name, kind in types.items():
        found = _LAYER.match(name)
        if found is None:
            alone.append((f"^{re.escape(name)}$", kind))
        else:
            layers.setdefault((found[2], kind), []).append(int(found[1]))
    found_patterns = []
    for (role, kind), numbers in sorted(layers.items()):
        some: list[str] = []
        for number in sorted(numbers):
            longer = _pattern([*some, str(number)], role)
            if some and len(longer.encode()) > _PATTERN_BYTES:
                found_patterns.append((_pattern(some, role), kind))
                some = []
            some.append(str(number))
        found_patterns.append((_pattern(some, role), kind))
    return (*alone, *found_patterns)


def _pattern(numbers: Sequence[str], role: str) -> str:
    return rf"^blk\.({'|'.join(numbers)})\.{re.escape(role)}$"


def layers_of(tensors: Iterable[Tensor]) -> int:
    """How many layers a model has, by the names of its tensors."""
    numbers = [int(found[1]) for one in tensors if (found := _LAYER.match(one.name))]
    return max(numbers, default=-1) + 1
