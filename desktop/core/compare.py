"""Two model files beside each other: what their metadata, their tensors and their bytes differ in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.gguf import Array, Tensor, Text, Value
from desktop.core.layers import locate
from desktop.core.words import tr

_STEP = 4096  # array elements compared at a time
_TEXT_BYTES = 1 << 20  # of a text too long to be kept, compared at a time

Change = Literal["type", "shape", "only-first", "only-second"]


@dataclass(frozen=True)
class Side:
    """One file as it is compared; ``tensors`` are those of all its shards."""

    metadata: Mapping[str, Value]
    tensors: Sequence[Tensor]


@dataclass(frozen=True, slots=True)
class KeyDifference:
    """A metadata key whose values differ; None where the key is missing.

    ``at`` is the first element of two arrays, or the first character of two texts, that differs; else None.
    """

    key: str
    first: Value | None
    second: Value | None
    at: int | None = None


@dataclass(frozen=True, slots=True)
class TensorDifference:
    """A tensor that differs. ``change`` is ``shape`` when shape and type both do."""

    name: str
    change: Change
    first: Tensor | None
    second: Tensor | None


@dataclass(frozen=True, slots=True)
class RoleBytes:
    """Bytes of all tensors of one role on each side; tensors of unknown type count nothing."""

    role: str
    first_bytes: int
    second_bytes: int


@dataclass(frozen=True)
class Comparison:
    """What differs, keys and tensors by name in the first file's order, and the bytes per role, largest first."""

    keys: tuple[KeyDifference, ...]
    equal_keys: int
    tensors: tuple[TensorDifference, ...]
    equal_tensors: int
    roles: tuple[RoleBytes, ...]
    first_bytes: int
    second_bytes: int

    @property
    def identical(self) -> bool:
        """Whether headers say the same; the weights themselves are not looked at."""
        return not self.keys and not self.tensors


def compare(first: Side, second: Side, cancelled: Cancelled = never) -> Comparison:
    """Compare two headers. Long arrays are read in steps: errors of the sources pass (OSError, FileFormatError).

    Raises CancelledError soon after ``cancelled`` returns True.
    """
    keys = list(dict.fromkeys([*first.metadata, *second.metadata]))
    changed = []
    for key in keys:
        one, other = first.metadata.get(key), second.metadata.get(key)
        if one is None or other is None:
            changed.append(KeyDifference(key, one, other))
            continue
        same, at = _compared(one, other, cancelled)
        if not same:
            changed.append(KeyDifference(key, one, other, at))
    tensors, equal = _tensor_differences(first.tensors, second.tensors)
    one_roles, other_roles = _role_bytes(first.tensors), _role_bytes(second.tensors)
    names = sorted(one_roles | other_roles, key=lambda role: -max(one_roles[role], other_roles[role]))
    return Comparison(
        keys=tuple(changed),
        equal_keys=len(keys) - len(changed),
        tensors=tuple(tensors),
        equal_tensors=equal,
        roles=tuple(RoleBytes(role, one_roles[role], other_roles[role]) for role in names),
        first_bytes=one_roles.total(),
        second_bytes=other_roles.total(),
    )


def _compared(one: Value, other: Value, cancelled: Cancelled) -> tuple[bool, int | None]:
    """Whether two values have the same type and content (NaN equals NaN), and where contents of one type part."""
    mine, theirs = one.data, other.data
    if isinstance(mine, Array) and isinstance(theirs, Array):
        if mine.type != theirs.type:
            return False, None
        at = _first_difference(mine, theirs, cancelled)
        return at is None, at
    if isinstance(mine, Text) and isinstance(theirs, Text):
        return _same_text(mine, theirs), None
    if isinstance(mine, str) and isinstance(theirs, str) and mine != theirs:
        differing = (at for at, (a, b) in enumerate(zip(mine, theirs, strict=False)) if a != b)
        return False, next(differing, min(len(mine), len(theirs)))
    return one.type == other.type and _same_item(mine, theirs), None


def _same_text(one: Text, other: Text) -> bool:
    if one.length != other.length:
        return False
    for start in range(0, one.length, _TEXT_BYTES):
        count = min(_TEXT_BYTES, one.length - start)
        mine = one.source.window(one.offset + start, count)[:count]
        if mine != other.source.window(other.offset + start, count)[:count]:
            return False
    return True


def _first_difference(one: Array, other: Array, cancelled: Cancelled) -> int | None:
    """Index of the first element that differs, or that only the longer array has; None when they are the same."""
    common = min(one.length, other.length)
    for start in range(0, common, _STEP):
        if cancelled():
            raise CancelledError(tr("The comparison was cancelled."))
        stop = min(start + _STEP, common)
        mine, theirs = one[start:stop], other[start:stop]
        if mine == theirs:
            continue
        for at, (a, b) in enumerate(zip(mine, theirs, strict=True), start):
            if isinstance(a, Array) and isinstance(b, Array):
                if a.type != b.type or _first_difference(a, b, cancelled) is not None:
                    return at
            elif not _same_item(a, b):
                return at
    return None if one.length == other.length else common


def _same_item(one: object, other: object) -> bool:
    return one == other or (one != one and other != other)  # only NaN differs from itself


def _tensor_differences(first: Sequence[Tensor], second: Sequence[Tensor]) -> tuple[list[TensorDifference], int]:
    # Damaged files name tensors twice: they are paired in their order, so that none is lost.
    mine, theirs = _by_name(first), _by_name(second)
    found: list[TensorDifference] = []
    equal = 0
    for name in dict.fromkeys([*mine, *theirs]):
        for one, other in zip_longest(mine.get(name, ()), theirs.get(name, ())):
            change = _change(one, other)
            if change is None:
                equal += 1
            else:
                found.append(TensorDifference(name, change, one, other))
    return found, equal


def _by_name(tensors: Sequence[Tensor]) -> dict[str, list[Tensor]]:
    named: dict[str, list[Tensor]] = {}
    for tensor in tensors:
        named.setdefault(tensor.name, []).append(tensor)
    return named


def _change(one: Tensor | None, other: Tensor | None) -> Change | None:
    if one is None:
        return "only-second"
    if other is None:
        return "only-first"
    if one.shape != other.shape:
        return "shape"
    return "type" if one.type_id != other.type_id else None


def _role_bytes(tensors: Sequence[Tensor]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for tensor in tensors:
        sums[locate(tensor.name).role] += tensor.size_bytes or 0
    return sums
