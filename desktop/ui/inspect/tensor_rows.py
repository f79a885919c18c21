"""A model's tensors prepared for tables and the layer map: everything that needs a pass over 100,000 of them.

Made on a worker thread, so that the GUI thread only picks and orders.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from desktop.core.gguf import Tensor
from desktop.core.layers import Grid, LayerPosition, expert_count, layer_grid, locate
from desktop.core.model_size import bits_per_weight
from desktop.core.quants import TENSOR_TYPES
from desktop.core.words import tr
from desktop.services.inspect.inspection import Inspected, PlacedTensor

OUTSIDE = tr("outside the layers")
NAMELESS = tr("(no name)")
_DIGITS = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class Total:
    """Tensors of one type, role or layer together. ``elements`` counts those of known types, like ``bytes``."""

    label: str
    count: int
    bytes: int
    elements: int

    @property
    def bits_per_weight(self) -> float:
        """0 without weights of known types."""
        return bits_per_weight(self.bytes, self.elements)


@dataclass(frozen=True, eq=False)
class TensorRows:
    """Parallel lists over the tensors of a model, in the order of its files. Positions index all of them."""

    placed: tuple[PlacedTensor, ...]
    files: tuple[str, ...]
    places: tuple[LayerPosition, ...]
    grid: Grid
    searchable: tuple[str, ...]  # names and shapes in lower case
    longest_shape: str
    name_ranks: tuple[int, ...]  # blk.2 before blk.10
    layer_ranks: tuple[int, ...]  # the groups of ``group_labels``
    group_labels: tuple[str, ...]  # "layer 3", "v.blk 3", and last what lies outside the layers
    elements: tuple[int, ...]
    sizes: tuple[int, ...]  # bytes, 0 for unknown types
    types: tuple[Total, ...]  # most bytes first
    roles: tuple[Total, ...]

    @classmethod
    def of(cls, inspected: Inspected) -> TensorRows:
        """About 1 s of work for 100,000 tensors."""
        placed = inspected.tensors
        tensors = [p.tensor for p in placed]
        shapes = [shape_text(t) for t in tensors]
        places = tuple(locate(t.name) for t in tensors)
        ranks, labels = _groups(places)
        return cls(
            placed=placed,
            files=tuple(file.name for file in inspected.files),
            places=places,
            grid=layer_grid(places),
            searchable=tuple(f"{t.name} {shape}".lower() for t, shape in zip(tensors, shapes, strict=True)),
            longest_shape=max(shapes, key=len, default=""),
            name_ranks=_ranks([_natural(t.name) for t in tensors]),
            layer_ranks=ranks,
            group_labels=labels,
            elements=tuple(t.elements for t in tensors),
            sizes=tuple(t.size_bytes or 0 for t in tensors),
            types=totals((t.type, t) for t in tensors),
            roles=totals((place.role, t) for place, t in zip(places, tensors, strict=True)),
        )

    def __len__(self) -> int:
        return len(self.placed)

    def tensor(self, position: int) -> Tensor:
        """The tensor at a position."""
        return self.placed[position].tensor

    @cached_property
    def positions(self) -> dict[str, int]:
        """The position of each name; of the first one where a damaged file repeats a name."""
        return {p.tensor.name: at for at, p in reversed(list(enumerate(self.placed)))}


def shape_text(tensor: Tensor) -> str:
    """``576 × 49,152``, the row length first."""
    return " × ".join(f"{length:,}" for length in tensor.shape) or tr("scalar")


def bits_of(tensor: Tensor) -> float:
    """Bits per weight of the tensor's type; 0 when the type is unknown."""
    kind = TENSOR_TYPES.get(tensor.type_id)
    return kind.bits_per_weight if kind else 0.0


def expert_note(tensor: Tensor) -> str:
    """``128 experts`` for a tensor that stacks them, else nothing."""
    experts = expert_count(tensor.name, tensor.shape)
    return tr("{experts:,} experts", experts=experts) if experts else ""


def totals(labelled: Iterable[tuple[str, Tensor]]) -> tuple[Total, ...]:
    """Sums by label, most bytes first."""
    sums: dict[str, list[int]] = {}
    for label, tensor in labelled:
        entry = sums.setdefault(label, [0, 0, 0])
        entry[0] += 1
        size = tensor.size_bytes
        if size is not None:
            entry[1] += size
            entry[2] += tensor.elements
    return tuple(sorted((Total(label, *entry) for label, entry in sums.items()), key=lambda t: (-t.bytes, t.label)))


def _groups(places: Sequence[LayerPosition]) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The group of each tensor and the groups' names: layers in their order, then what lies outside of them."""
    stacks = {place.stack: len(places) for place in places if place.layer is not None}
    for number, stack in enumerate(stacks):
        stacks[stack] = number
    keys = [(stacks[p.stack], p.layer) if p.layer is not None else (len(stacks), 0) for p in places]
    order = {key: rank for rank, key in enumerate(sorted(set(keys)))}
    titles = ["layer" if name == "blk" else name for name in stacks]
    labels = tuple(f"{titles[stack]} {layer}" if stack < len(titles) else OUTSIDE for stack, layer in order)
    return tuple(order[key] for key in keys), labels


def _natural(name: str) -> str:
    return _DIGITS.sub(lambda found: found[0].zfill(8), name.lower())


def _ranks(keys: Sequence[str]) -> tuple[int, ...]:
    ranks = [0] * len(keys)
    for rank, position in enumerate(sorted(range(len(keys)), key=keys.__getitem__)):
        ranks[position] = rank
    return tuple(ranks)
