"""The data tables of ``resources/data`` about processors, graphics processors and number formats."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from desktop.core.number_formats import NumberFormat, SupportRule, formats_from_rows, rules_from_rows
from desktop.system.packaged import read_table

_GIGA = 1e9
# Words that vendors and drivers put around a product's name, none of which tells two products apart.
_NOISE = re.compile(r"\b(nvidia|amd|ati|intel|apple)\b|\((r|tm)\)|[®™]", re.IGNORECASE)


def product_key(name: str) -> str:
    """A product's name for comparison: without vendor and trademark signs, in lower case, single spaces."""
    return " ".join(_NOISE.sub(" ", name).lower().split())


@dataclass(frozen=True)
class CpuFeature:
    """An instruction set: llama.cpp's name for it and how each system shows it (empty: it does not)."""

    name: str
    arch: str
    linux: tuple[str, ...]
    macos: str
    windows: int | None
    reported_by_engine: bool
    meaning: str


@dataclass(frozen=True)
class Product:
    """A graphics product's memory bandwidth (bytes per second) and architecture key."""

    bandwidth_bytes_per_second: float
    architecture: str
    source: str


@dataclass(frozen=True)
class Architecture:
    """A GPU generation; ``match`` are prefixes of a compute capability, gfx target, chip or product name."""

    vendor: str
    key: str
    title: str
    match: tuple[str, ...]


class Tables:
    """All tables, each read on first use."""

    @cached_property
    def formats(self) -> tuple[NumberFormat, ...]:
        return formats_from_rows(read_table("number_formats"))

    @cached_property
    def rules(self) -> tuple[SupportRule, ...]:
        return rules_from_rows(read_table("number_format_support"))

    @cached_property
    def cpu_features(self) -> tuple[CpuFeature, ...]:
        return tuple(
            CpuFeature(
                name=row["feature"],
                arch=row["arch"],
                linux=tuple(row["linux"].split()),
                macos=row["macos"],
                windows=int(row["windows"]) if row["windows"] else None,
                reported_by_engine=row["reported_by_engine"] == "yes",
                meaning=row["meaning"],
            )
            for row in read_table("cpu_features")
        )

    @cached_property
    def architectures(self) -> tuple[Architecture, ...]:
        return tuple(
            Architecture(row["vendor"], row["key"], row["title"], tuple(row["match"].split()))
            for row in read_table("gpu_architectures")
        )

    @cached_property
    def products(self) -> Mapping[str, Product]:
        """By :func:`product_key`."""
        return {
            product_key(name): Product(float(row["gb_per_s"]) * _GIGA, row["architecture"], row["source"])
            for row in read_table("bandwidth")
            for name in row["names"].split("|")
        }

    def product(self, name: str) -> Product | None:
        """The product of this exact name (a laptop version is another product); None when not listed."""
        return self.products.get(product_key(name))

    def architecture(self, vendor: str, identifier: str) -> str:
        """Key of the architecture whose prefix ``identifier`` has; empty when unknown. Longest prefix wins."""
        found = [
            (len(prefix), entry.key)
            for entry in self.architectures
            if entry.vendor == vendor
            for prefix in entry.match
            if identifier.startswith(prefix)
        ]
        return max(found)[1] if found else ""

    def architecture_title(self, vendor: str, key: str) -> str:
        """The name a person knows; the key itself when unknown."""
        return next((a.title for a in self.architectures if (a.vendor, a.key) == (vendor, key)), key)
