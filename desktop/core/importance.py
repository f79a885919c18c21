"""An importance matrix as a table: how strongly each matrix of each layer is driven.

The figures are those of ``llama-imatrix --show-statistics`` (tools/imatrix/imatrix.cpp, compute_statistics): the mean
of the squared activations over a tensor's columns, and here how much of their sum the strongest hundredth holds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

TOP_PART = 0.01  # of the columns
_LAYER = re.compile(r"blk\.(\d+)\.(.+?)(?:\.weight)?$")


class TensorImportance(msgspec.Struct, frozen=True):
    """``mean`` of squared activations; ``top_share`` (part of 1) that the strongest columns hold of their sum. ``rows``
    is how many activations were added up."""

    name: str
    mean: float
    top_share: float
    rows: int

    @property
    def layer(self) -> int | None:
        """None for a tensor of no layer."""
        found = _LAYER.match(self.name)
        return int(found[1]) if found else None

    @property
    def role(self) -> str:
        """The name within its layer, as ``attn_q``."""
        found = _LAYER.match(self.name)
        return found[2] if found else self.name.removesuffix(".weight")


class ImportanceTable(msgspec.Struct, frozen=True):
    """Layers downwards, roles sideways; ``cells`` are by both, where there is one."""

    layers: tuple[int, ...]
    roles: tuple[str, ...]
    cells: dict[tuple[int, str], TensorImportance]


def by_layer(tensors: Sequence[TensorImportance]) -> ImportanceTable:
    """Tensors of no layer are left out; roles stand in the order in which they first come."""
    cells = {(one.layer, one.role): one for one in tensors if one.layer is not None}
    layers = tuple(sorted({layer for layer, _ in cells}))
    roles = tuple(dict.fromkeys(role for _, role in cells))
    return ImportanceTable(layers, roles, cells)
