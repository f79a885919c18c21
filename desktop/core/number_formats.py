"""Number formats: how the bits lie, and what range and precision follow from that.

Nothing here is a table of limits: each figure is computed from sign, exponent and mantissa bits. Floating-point
formats follow IEEE 754 except where ``specials`` says otherwise (OCP 8-bit Floating Point Specification 1.0:
E4M3 gives up infinity for one more binade; OCP Microscaling Formats 1.0: E2M1 has neither infinity nor NaN).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from desktop.core.hardware import FormatSupport, Support

Specials = Literal["ieee", "nan", "none"]  # top exponent: inf and NaN; one NaN code; ordinary numbers only
PartName = Literal["sign", "exponent", "mantissa", "value", "scale"]


@dataclass(frozen=True)
class BitPart:
    """A run of bits with one meaning; a ``scale`` is stored once per block, beside the elements."""

    name: PartName
    bits: int


@dataclass(frozen=True)
class NumberFormat:
    """One format. Integers have ``exponent_bits`` 0 and are two's complement.

    ``block_size`` elements share a scale of ``scale_bits`` in ``scale_format``; 1 and 0 when there is none.
    ``gguf_types`` are the GGUF tensor types that store it, empty when a GGUF file cannot.
    """

    name: str
    title: str
    sign_bits: int
    exponent_bits: int
    mantissa_bits: int
    specials: Specials = "ieee"
    block_size: int = 1
    scale_bits: int = 0
    scale_format: str = ""
    gguf_types: tuple[str, ...] = ()
    source: str = ""

    @property
    def is_integer(self) -> bool:
        return self.exponent_bits == 0

    @property
    def bits(self) -> int:
        """Bits of one element, without its share of a block's scale."""
        return self.sign_bits + self.exponent_bits + self.mantissa_bits

    @property
    def bits_per_weight(self) -> float:
        """Bits of one element with its share of the block's scale."""
        return self.bits + self.scale_bits / self.block_size

    @property
    def parts(self) -> tuple[BitPart, ...]:
        """The layout from the most significant bit down, then the block's scale."""
        number: PartName = "value" if self.is_integer else "mantissa"
        pairs: tuple[tuple[PartName, int], ...] = (
            ("sign", self.sign_bits),
            ("exponent", self.exponent_bits),
            (number, self.mantissa_bits),
            ("scale", self.scale_bits),
        )
        return tuple(BitPart(name, bits) for name, bits in pairs if bits)

    @property
    def bias(self) -> int:
        """Subtracted from the stored exponent: 2^(e-1) - 1, as in IEEE 754 section 3.4."""
        return 0 if self.is_integer else (1 << self.exponent_bits - 1) - 1

    @property
    def max_value(self) -> float:
        """Largest finite element, before any block scale."""
        if self.is_integer:
            return float((1 << self.mantissa_bits) - 1)
        top_exponent = (1 << self.exponent_bits) - 1 - (self.specials == "ieee")
        top_mantissa = (1 << self.mantissa_bits) - 1 - (self.specials == "nan")
        return math.ldexp(1 + top_mantissa / (1 << self.mantissa_bits), top_exponent - self.bias)

    @property
    def min_value(self) -> float:
        """Most negative element: one further than the maximum for two's complement."""
        return -float(1 << self.mantissa_bits) if self.is_integer else -self.max_value

    @property
    def min_normal(self) -> float:
        """Smallest positive element with full precision (1 for integers)."""
        return 1.0 if self.is_integer else math.ldexp(1.0, 1 - self.bias)

    @property
    def min_subnormal(self) -> float:
        """Smallest positive element of all (1 for integers)."""
        return 1.0 if self.is_integer else math.ldexp(1.0, 1 - self.bias - self.mantissa_bits)

    @property
    def epsilon(self) -> float:
        """Gap between 1 and the next larger element (1 for integers)."""
        return 1.0 if self.is_integer else math.ldexp(1.0, -self.mantissa_bits)

    @property
    def decimal_digits(self) -> float:
        """Significant decimal digits: log10 of 2^(mantissa bits + 1), the hidden one included."""
        return math.log10(2) * (self.mantissa_bits + (0 if self.is_integer else 1))

    def decode(self, code: int) -> float:
        """Value of one element's bit pattern, before any block scale; ValueError outside 0 ... 2^bits - 1."""
        if not 0 <= code < (1 << self.bits):
            raise ValueError(f"{code} is not a {self.bits}-bit pattern")
        if self.is_integer:
            return float(code - (1 << self.bits) if code >> self.mantissa_bits else code)
        mantissa = code & ((1 << self.mantissa_bits) - 1)
        exponent = code >> self.mantissa_bits & ((1 << self.exponent_bits) - 1)
        sign = -1.0 if code >> (self.bits - 1) else 1.0
        top = exponent == (1 << self.exponent_bits) - 1
        if top and self.specials == "ieee":
            return math.nan if mantissa else sign * math.inf
        if top and self.specials == "nan" and mantissa == (1 << self.mantissa_bits) - 1:
            return math.nan
        if exponent == 0:
            return sign * mantissa * self.min_subnormal
        return sign * math.ldexp(1 + mantissa / (1 << self.mantissa_bits), exponent - self.bias)


def formats_from_rows(rows: Sequence[Mapping[str, str]]) -> tuple[NumberFormat, ...]:
    """Formats from the rows of ``number_formats.csv``; KeyError or ValueError for a malformed row."""
    return tuple(
        NumberFormat(
            name=row["format"],
            title=row["title"],
            sign_bits=int(row["sign_bits"]),
            exponent_bits=int(row["exponent_bits"]),
            mantissa_bits=int(row["mantissa_bits"]),
            specials=cast(Specials, _one_of(row["specials"], ("ieee", "nan", "none"))),
            block_size=int(row["block_size"]),
            scale_bits=int(row["scale_bits"]),
            scale_format=row["scale_format"],
            gguf_types=tuple(row["gguf_types"].split()),
            source=row["source"],
        )
        for row in rows
    )


def _one_of(value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise ValueError(f"{value!r} is none of {', '.join(allowed)}")
    return value


@dataclass(frozen=True)
class SupportRule:
    """One row of ``number_format_support.csv``.

    It speaks of devices of one ``kind`` (cpu, nvidia, amd, apple, intel, other) that have any of ``traits``
    (a CPU feature or an architecture's key; empty: all of that kind). Of several that apply, the first counts.
    """

    kind: str
    traits: frozenset[str]
    format: str
    support: Support
    engine: Support
    note: str
    source: str

    def applies(self, kind: str, traits: frozenset[str], format_name: str) -> bool:
        return self.kind == kind and self.format == format_name and (not self.traits or bool(self.traits & traits))


def rules_from_rows(rows: Sequence[Mapping[str, str]]) -> tuple[SupportRule, ...]:
    """Rules from the rows of ``number_format_support.csv``; ValueError for an unknown support word."""
    words = ("native", "converted", "none")
    return tuple(
        SupportRule(
            kind=row["device"],
            traits=frozenset(row["traits"].split()),
            format=format_name,
            support=cast(Support, _one_of(row["support"], words)),
            engine=cast(Support, _one_of(row["engine"], words)),
            note=row["note"],
            source=row["source"],
        )
        for row in rows
        for format_name in row["formats"].split("|")
    )


def describe_support(
    formats: Sequence[NumberFormat],
    rules: Sequence[SupportRule],
    *,
    device: str,
    kind: str,
    traits: frozenset[str],
    engine_traits: frozenset[str] | None = None,
) -> tuple[FormatSupport, ...]:
    """One row per format for one device.

    ``engine_traits`` are the traits the engine was compiled to use (None: all): where they lead to another rule
    than the hardware's own, the row says so. LookupError when no rule covers a format.
    """
    rows = []
    for number in formats:
        hardware = _first(rules, kind, traits, number.name)
        used = hardware if engine_traits is None else _first(rules, kind, traits & engine_traits, number.name)
        note = used.note
        if used is not hardware:
            lacking = ", ".join(sorted(hardware.traits & traits))
            note += f" The processor has {lacking}, but the installed engine was compiled without it."
        rows.append(FormatSupport(number.name, device, hardware.support, note, used.source, engine=used.engine))
    return tuple(rows)


def _first(rules: Sequence[SupportRule], kind: str, traits: frozenset[str], name: str) -> SupportRule:
    for rule in rules:
        if rule.applies(kind, traits, name):
            return rule
    raise LookupError(f"no rule for {name} on {kind}")
