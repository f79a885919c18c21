"""What the bytes of one block of weights mean, type by type, in the order in which they lie in the file.

Source: llama.cpp 0c1e57098, ``ggml/src/ggml-common.h`` (the block_* structures) and the dequantize_row_* functions of
``ggml/src/ggml-quants.c``. The tests hold the sums beside ``core.quants`` and the fields beside the engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from desktop.core.words import tr

FieldKind = Literal["scale", "min", "quants", "high", "signs", "sum"]


@dataclass(frozen=True)
class BlockField:
    """A run of ``bytes`` with one meaning; ``label`` fits into a drawing, ``meaning`` is a sentence."""

    kind: FieldKind
    bytes: int
    label: str
    meaning: str


@dataclass(frozen=True)
class BlockLayout:
    """One block: ``weights`` in a row share it. ``formula`` says how a weight w comes from its fields."""

    type: str
    weights: int
    fields: tuple[BlockField, ...]
    formula: str

    @property
    def bytes(self) -> int:
        return sum(field.bytes for field in self.fields)

    @property
    def bits_per_weight(self) -> float:
        return self.bytes * 8 / self.weights


def _scale(of: str = tr("Multiplies every quant of the block")) -> BlockField:
    return BlockField("scale", 2, "scale", tr("{of}; a 16-bit float.", of=of))


def _super(what: str = "scales") -> BlockField:
    return BlockField(
        "scale" if what == "scales" else "min",
        2,
        "scale" if what == "scales" else "min",
        tr("Multiplies the {what} of the groups, which are small integers themselves; a 16-bit float.", what=what),
    )


def _quants(bits: int, weights: int, extra: str = "") -> BlockField:
    return BlockField(
        "quants",
        bits * weights // 8,
        tr("{weights} × {bits} bits", weights=weights, bits=bits),
        tr("One integer of {bits} bits per weight{extra}.", bits=bits, extra=extra),
    )


def _high(bits: int, weights: int) -> BlockField:
    plural = "s" if bits > 1 else ""
    return BlockField(
        "high",
        bits * weights // 8,
        tr("{weights} × {bits} high bit{plural}", weights=weights, bits=bits, plural=plural),
        tr("The upper {bits} bit{plural} of every quant, kept apart from the lower ones.", bits=bits, plural=plural),
    )


def _codebook(size: int, label: str, meaning: str) -> BlockField:
    return BlockField("quants", size, label, meaning)


_MIN = BlockField("min", 2, "min", tr("Added to every weight of the block after scaling; a 16-bit float."))
_K_SCALES = BlockField(
    "scale", 12, tr("8 scales + 8 mins"), tr("A scale and a min of 6 bits each for every group of 32 weights, packed.")
)
_GRID_HALF = tr("The index of a codebook entry for every 8 weights")
_NONLINEAR = tr(", an index into 16 unevenly spaced values")

_LAYOUTS = (
    BlockLayout("Q4_0", 32, (_scale(), _quants(4, 32)), tr("w = scale × (q − 8)")),
    BlockLayout("Q4_1", 32, (_scale(), _MIN, _quants(4, 32)), tr("w = scale × q + min")),
    BlockLayout("Q5_0", 32, (_scale(), _high(1, 32), _quants(4, 32)), tr("w = scale × (q − 16)")),
    BlockLayout("Q5_1", 32, (_scale(), _MIN, _high(1, 32), _quants(4, 32)), tr("w = scale × q + min")),
    BlockLayout("Q8_0", 32, (_scale(), _quants(8, 32)), tr("w = scale × q")),
    BlockLayout(
        "Q8_1",
        32,
        (
            _scale(),
            BlockField(
                "sum",
                2,
                "sum",
                tr("The scaled sum of the block's quants, kept for quick products; not needed to read a weight."),
            ),
            _quants(8, 32),
        ),
        tr("w = scale × q"),
    ),
    BlockLayout(
        "Q2_K",
        256,
        (
            BlockField(
                "scale",
                16,
                tr("16 scales + 16 mins"),
                tr("A scale and a min of 4 bits each for every group of 16 weights."),
            ),
            _quants(2, 256),
            _super(),
            _super("mins"),
        ),
        tr("w = scale × group scale × q − min × group min"),
    ),
    BlockLayout(
        "Q3_K",
        256,
        (
            _high(1, 256),
            _quants(2, 256),
            BlockField("scale", 12, tr("16 scales"), tr("A scale of 6 bits for every group of 16 weights, packed.")),
            _super(),
        ),
        tr("w = scale × (group scale − 32) × (q − 4)"),
    ),
    BlockLayout(
        "Q4_K",
        256,
        (_super(), _super("mins"), _K_SCALES, _quants(4, 256)),
        tr("w = scale × group scale × q − min × group min"),
    ),
    BlockLayout(
        "Q5_K",
        256,
        (_super(), _super("mins"), _K_SCALES, _high(1, 256), _quants(4, 256)),
        tr("w = scale × group scale × q − min × group min"),
    ),
    BlockLayout(
        "Q6_K",
        256,
        (
            _quants(4, 256),
            _high(2, 256),
            BlockField("scale", 16, tr("16 scales"), tr("A scale of 8 bits for every group of 16 weights.")),
            _super(),
        ),
        tr("w = scale × group scale × (q − 32)"),
    ),
    BlockLayout(
        "Q8_K",
        256,
        (
            BlockField("scale", 4, "scale", tr("Multiplies every quant of the block; a 32-bit float.")),
            _quants(8, 256),
            BlockField(
                "sum",
                32,
                tr("16 sums"),
                tr("Sums of 16 quants each, kept for quick products; not needed to read a weight."),
            ),
        ),
        tr("w = scale × q"),
    ),
    BlockLayout(
        "IQ1_S",
        256,
        (
            _scale(tr("Multiplies the whole block")),
            _codebook(32, tr("32 indices, low bits"), tr("{grid_half}, lower 8 of 11 bits.", grid_half=_GRID_HALF)),
            BlockField(
                "high",
                16,
                tr("8 × 16 bits"),
                tr("For every 32 weights: upper index bits, a scale of 3 bits, the direction of a small shift."),
            ),
        ),
        tr("w = scale × (2 × group scale + 1) × (grid value ± 1/8)"),
    ),
    BlockLayout(
        "IQ1_M",
        256,
        (
            _codebook(32, tr("32 indices, low bits"), tr("{grid_half}, lower 8 of 11 bits.", grid_half=_GRID_HALF)),
            BlockField(
                "high",
                16,
                tr("32 × 4 bits"),
                tr("For every 8 weights: upper index bits and the direction of a small shift."),
            ),
            BlockField(
                "scale",
                8,
                tr("16 scales + scale"),
                tr(
                    "A scale of 3 bits for every 16 weights; the spare bits together are the block's "
                    "16-bit float scale."
                ),
            ),
        ),
        tr("w = scale × (2 × group scale + 1) × (grid value ± 1/8)"),
    ),
    BlockLayout(
        "IQ2_XXS",
        256,
        (
            _scale(tr("Multiplies the whole block")),
            _codebook(
                64,
                tr("8 × (32 index + 28 sign + 4 scale bits)"),
                tr("For every 32 weights: four codebook indices, their signs, and a scale of 4 bits."),
            ),
        ),
        tr("w = scale × (group scale + 1/2) / 4 × ± grid value"),
    ),
    BlockLayout(
        "IQ2_XS",
        256,
        (
            _scale(tr("Multiplies the whole block")),
            _codebook(
                64, tr("32 × (9 index + 7 sign bits)"), tr("For every 8 weights: a codebook index and their signs.")
            ),
            BlockField("scale", 8, tr("16 scales"), tr("A scale of 4 bits for every 16 weights.")),
        ),
        tr("w = scale × (group scale + 1/2) / 4 × ± grid value"),
    ),
    BlockLayout(
        "IQ2_S",
        256,
        (
            _scale(tr("Multiplies the whole block")),
            _codebook(32, tr("32 indices, low bits"), tr("{grid_half}, lower 8 of 10 bits.", grid_half=_GRID_HALF)),
            BlockField("signs", 32, tr("256 signs"), tr("One sign bit per weight.")),
            BlockField("high", 8, tr("32 × 2 high bits"), tr("The upper 2 bits of every codebook index.")),
            BlockField("scale", 8, tr("16 scales"), tr("A scale of 4 bits for every 16 weights.")),
        ),
        tr("w = scale × (group scale + 1/2) / 4 × ± grid value"),
    ),
    BlockLayout(
        "IQ3_XXS",
        256,
        (
            _scale(tr("Multiplies the whole block")),
            _codebook(64, tr("64 indices"), tr("The index of a codebook entry for every 4 weights, 8 bits each.")),
            BlockField(
                "signs",
                32,
                tr("8 × (28 sign + 4 scale bits)"),
                tr("For every 32 weights: their signs and a scale of 4 bits."),
            ),
        ),
        tr("w = scale × (group scale + 1/2) / 2 × ± grid value"),
    ),
    BlockLayout(
        "IQ3_S",
        256,
        (
            _scale(tr("Multiplies the whole block")),
            _codebook(
                64,
                tr("64 indices, low bits"),
                tr("The index of a codebook entry for every 4 weights, lower 8 of 9 bits."),
            ),
            BlockField("high", 8, tr("64 high bits"), tr("The uppermost bit of every codebook index.")),
            BlockField("signs", 32, tr("256 signs"), tr("One sign bit per weight.")),
            BlockField("scale", 4, tr("8 scales"), tr("A scale of 4 bits for every 32 weights.")),
        ),
        tr("w = scale × (2 × group scale + 1) × ± grid value"),
    ),
    BlockLayout("IQ4_NL", 32, (_scale(), _quants(4, 32, _NONLINEAR)), tr("w = scale × value[q]")),
    BlockLayout(
        "IQ4_XS",
        256,
        (
            _scale(tr("Multiplies the whole block")),
            BlockField(
                "high", 2, tr("8 × 2 scale bits"), tr("The upper 2 bits of the scale of every group of 32 weights.")
            ),
            BlockField(
                "scale", 4, tr("8 × 4 scale bits"), tr("The lower 4 bits of the scale of every group of 32 weights.")
            ),
            _quants(4, 256, _NONLINEAR),
        ),
        tr("w = scale × (group scale − 32) × value[q]"),
    ),
    BlockLayout(
        "TQ1_0",
        256,
        (
            _codebook(
                48,
                tr("240 ternary, 5 per byte"),
                tr("Weights of −1, 0 or 1; five of them fit into a byte, since 3⁵ = 243."),
            ),
            _codebook(4, tr("16 ternary"), tr("The last 16 weights, four per byte.")),
            _scale(),
        ),
        tr("w = scale × (q − 1)"),
    ),
    BlockLayout("TQ2_0", 256, (_quants(2, 256, tr(": −1, 0 or 1")), _scale()), tr("w = scale × (q − 1)")),
    BlockLayout(
        "MXFP4",
        32,
        (
            BlockField("scale", 1, "exponent", tr("A power of two that multiplies the whole block (E8M0).")),
            BlockField(
                "quants",
                16,
                tr("32 × 4 bits"),
                tr("One 4-bit float per weight: 1 sign, 2 exponent, 1 mantissa bits (E2M1)."),
            ),
        ),
        tr("w = 2^(exponent − 127) × value[q]"),
    ),
    BlockLayout(
        "NVFP4",
        64,
        (
            BlockField("scale", 4, tr("4 scales"), tr("An 8-bit float without sign (E4M3) for every 16 weights.")),
            BlockField(
                "quants",
                32,
                tr("64 × 4 bits"),
                tr("One 4-bit float per weight: 1 sign, 2 exponent, 1 mantissa bits (E2M1)."),
            ),
        ),
        tr("w = group scale × value[q]"),
    ),
    BlockLayout("Q1_0", 128, (_scale(), _quants(1, 128, tr(": its sign"))), tr("w = ± scale")),
    BlockLayout("Q2_0", 64, (_scale(), _quants(2, 64)), tr("w = scale × (q − 1)")),
    *(
        BlockLayout(name, 1, (BlockField("quants", size, label, meaning),), tr("w = the number as stored"))
        for name, size, label, meaning in (
            ("F64", 8, tr("64-bit float"), tr("1 sign, 11 exponent and 52 mantissa bits.")),
            ("F32", 4, tr("32-bit float"), tr("1 sign, 8 exponent and 23 mantissa bits.")),
            ("F16", 2, tr("16-bit float"), tr("1 sign, 5 exponent and 10 mantissa bits.")),
            ("BF16", 2, "bfloat16", tr("1 sign, 8 exponent and 7 mantissa bits: the upper half of a 32-bit float.")),
            ("I8", 1, tr("8-bit integer"), tr("A whole number with sign.")),
            ("I16", 2, tr("16-bit integer"), tr("A whole number with sign.")),
            ("I32", 4, tr("32-bit integer"), tr("A whole number with sign.")),
            ("I64", 8, tr("64-bit integer"), tr("A whole number with sign.")),
        )
    ),
)

LAYOUTS: Mapping[str, BlockLayout] = {layout.type: layout for layout in _LAYOUTS}
