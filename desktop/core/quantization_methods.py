"""How weights are quantized by other programs than llama.cpp, in words and in a picture of each.

Sources: GPTQ, arXiv 2210.17323; AWQ, arXiv 2306.00978; EXL2, the README of ExLlamaV2; bitsandbytes, arXiv 2208.07339
(LLM.int8()) and 2305.14314 (NF4). What runs each is in resources/data/formats.toml.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from desktop.core.words import tr

Mark = Literal["rounded", "now", "corrected", "scaled", "apart"]

AFTER = tr(
    "It is quantized after its training (PTQ), with the weights as they were. A model "
    "that was trained with the rounding (QAT, quantization-aware training) has learned "
    "to live with it and loses less at the same bits."
)
ACTIVATIONS = tr(
    "Where activations are quantized too, their range has to be known: dynamically, each "
    "is scaled by its own largest value while the model runs, which costs a little time. "
    "Statically, the ranges are found before on sample texts (calibration), which is "
    "quicker and loses more on texts unlike them."
)
MARK_WORDS: Mapping[Mark, str] = {
    "rounded": "rounded", "now": tr("rounded now"), "corrected": tr("corrected for the errors before"),
    "scaled": tr("scaled up before rounding"), "apart": tr("kept in 16 bits"),
}  # fmt: skip


@dataclass(frozen=True)
class FigureColumn:
    """A column of a weight matrix: bits of each weight, and what happens to it."""

    bits: int
    mark: Mark = "rounded"


@dataclass(frozen=True)
class QuantizationMethod:
    """``id`` as in resources/data/formats.toml; ``words`` how it works; ``columns`` is its picture."""

    id: str
    name: str
    words: str
    columns: tuple[FigureColumn, ...]


def _columns(bits: str, marks: str = "") -> tuple[FigureColumn, ...]:
    """A digit for each column's bits (0 is 16), and a letter for what happens to it."""
    names: dict[str, Mark] = {"r": "rounded", "n": "now", "c": "corrected", "s": "scaled", "a": "apart"}
    return tuple(
        FigureColumn(int(bit) or 16, names[mark]) for bit, mark in zip(bits, marks or "r" * len(bits), strict=True)
    )


METHODS: Mapping[str, QuantizationMethod] = {
    one.id: one
    for one in (
        QuantizationMethod(
            "gptq", "GPTQ",
            tr("Column after column of a layer is rounded; what that gets wrong on sample texts is "
"made up for in the columns that are still to come."),
            _columns("444440000000", "rrrrnccccccc"),
        ),
        QuantizationMethod(
            "awq", "AWQ",
            tr("On sample texts it is seen which columns meet large activations; these are scaled "
"up before all are rounded, and the activations down, so that they lose least."),
            _columns("444444444444", "rrsrrrrsrrrr"),
        ),
        QuantizationMethod(
            "exl2", "EXL2",
            tr("Each layer gets as many bits as its measured error deserves, from 2 to 8, so that "
"the whole has the size that was asked for."),
            _columns("446832248654"),
        ),
        QuantizationMethod(
            "bitsandbytes", "bitsandbytes",
            tr("Weights are rounded while the model is loaded, without sample texts: in 8 bits with "
"the columns of large activations kept in 16 (LLM.int8()), or in 4 bits whose values "
"lie as weights do (NF4)."),
            _columns("888088888808", "rrrarrrrrrar"),
        ),
    )
}  # fmt: skip
