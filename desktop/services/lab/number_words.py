"""What the Lab says of numbers, formats and schemes."""

from __future__ import annotations

import math

from desktop.core.number_lab import Outcome
from desktop.core.number_lab.schemes import weight_bytes
from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.services.lab.number_lab import Numbers

METHODS = {
    "absmax": tr("Largest magnitude (absmax)"),
    "zero-point": tr("Whole range (zero point)"),
    "cast": tr("No scale (cast)"),
    "mxfp4": tr("MXFP4: blocks of 32"),
    "nvfp4": tr("NVFP4: blocks of 16"),
}
METHOD_TIPS = {
    "absmax": tr("Symmetric: the largest magnitude becomes the largest value of the format"),
    "zero-point": tr(
        "Asymmetric: the least number becomes the least value, the largest the largest; for INT8 and INT4"
    ),
    "cast": tr("The nearest value of the format as it is"),
    "mxfp4": tr("FP4 in blocks of 32, each with a power of two as its scale (OCP Microscaling)"),
    "nvfp4": tr("FP4 in blocks of 16, each with an FP8 scale, and one scale for the whole tensor (NVIDIA)"),
}
_LARGE = 70e9


def source_words(numbers: Numbers) -> str:
    """Which numbers these are."""
    count = len(numbers.values)
    if not numbers.stored:
        return tr("{count:,} numbers.", count=count)
    of = (
        tr("All {count:,} values", count=count)
        if count == numbers.total
        else tr("A sample of {count:,} of {total:,} values", count=count, total=numbers.total)
    )
    return tr(
        "{of} of {title}, as its {stored} holds them, in rows of {columns:,}.",
        of=of,
        title=numbers.title,
        stored=numbers.stored,
        columns=numbers.columns,
    )


def outcome_rows(found: Outcome) -> list[tuple[str, str]]:
    """The figures, each with what it is called."""
    noise = f"{found.signal_to_noise:.1f} dB" if math.isfinite(found.signal_to_noise) else tr("nothing is lost")
    scales = tr(", {scale_bits:.4g} of them for scales", scale_bits=found.scale_bits) if found.scale_bits else ""
    rows = [
        (tr("Mean squared error"), f"{found.mean_squared_error:.4g}"),
        (tr("Largest error"), f"{found.largest_error:.4g}"),
        (tr("Signal to noise"), noise),
        (tr("Bits per weight"), f"{found.bits_per_weight:.4g}{scales}"),
        (tr("Bytes"), f"{found.size_bytes:,}"),
        (tr("70 billion weights"), human_bytes(round(weight_bytes(_LARGE, found.bits_of_many)))),
    ]
    if found.clipped:
        rows.append((tr("Clipped"), f"{found.clipped:,}"))
    if found.apart:
        rows.append((tr("Kept apart in FP16"), f"{found.apart:,}"))
    return rows
