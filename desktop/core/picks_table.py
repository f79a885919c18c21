"""The table of well-known models, for when the Hub cannot be asked: how each is built, with a source and a date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from desktop.core.memory import Layer, ModelShape
from desktop.core.picks import LONG_CONTEXT, Purpose

USUAL_VARIANT, _USUAL_BITS = "Q4_K_M", 4.89  # per weight, resources/data/quantizations.csv


@dataclass(frozen=True)
class KnownModel:
    """A row of ``resources/data/picks.csv``. ``family`` is the first part of its name; ``listed`` is YYYY-MM."""

    name: str
    repo: str
    purposes: frozenset[Purpose]
    parameters: float
    shape: ModelShape
    listed: str
    source: str

    @property
    def family(self) -> str:
        """Models of one family are siblings."""
        return self.name.partition(" ")[0]

    @property
    def mixture(self) -> bool:
        """Whether it is a mixture of experts, which reads a part of its weights for a token."""
        return self.shape.experts > 0

    @property
    def usual_bytes(self) -> int:
        """About the size of its Q4_K_M."""
        return round(self.parameters * _USUAL_BITS / 8)


def known_from_rows(rows: Sequence[Mapping[str, str]]) -> tuple[KnownModel, ...]:
    """ValueError or KeyError where the table is broken."""
    return tuple(_known(row) for row in rows)


def _known(row: Mapping[str, str]) -> KnownModel:
    number = {key: int(row[key] or 0) for key in _NUMBERS}
    length, experts = number["head_length"], number["experts"]

    def layer(index: int) -> Layer:
        every = number["whole_every"]
        return Layer(
            number["heads"], number["kv_heads"], length, length, number["feed_forward"],
            window=number["window"] if every and (index + 1) % every else 0,
            experts=experts, experts_used=number["experts_used"], expert_feed_forward=number["expert_feed_forward"],
        )  # fmt: skip

    shape = ModelShape(
        row["architecture"], tuple(layer(index) for index in range(number["layers"])), number["embedding"],
        number["vocabulary"], number["context"], experts=experts, experts_used=number["experts_used"],
    )  # fmt: skip
    purposes = {cast(Purpose, word) for word in row["purposes"].split()}
    purposes |= {"long"} if number["context"] >= LONG_CONTEXT and "chat" in purposes else set()
    parameters = float(row["parameters"])
    if not row["source"] or not row["listed"] or not 0 < parameters < 1e13:
        raise ValueError(f"a model without parameters, source or date: {dict(row)}")
    return KnownModel(row["name"], row["repo"], frozenset(purposes), parameters, shape, row["listed"], row["source"])


_NUMBERS = (
    "layers", "embedding", "heads", "kv_heads", "head_length", "feed_forward", "vocabulary", "context", "experts",
    "experts_used", "expert_feed_forward", "window", "whole_every",
)  # fmt: skip
