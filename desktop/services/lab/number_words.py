"""What the Lab says of numbers, formats and schemes."""

from __future__ import annotations

import math

from desktop.core.number_lab import Outcome
from desktop.core.number_lab.schemes import weight_bytes
from desktop.core.units import human_bytes
from desktop.services.lab.number_lab import Numbers

METHODS = {
    "absmax": "Largest magnitude (absmax)",
    "zero-point": "Whole range (zero point)",
    "cast": "No scale (cast)",
    "mxfp4": "MXFP4: blocks of 32",
    "nvfp4": "NVFP4: blocks of 16",
}
METHOD_TIPS = {
    "absmax": "Symmetric: the largest magnitude becomes the largest value of the format",
    "zero-point": "Asymmetric: the least number becomes the least value, the largest the largest; for INT8 and INT4",
    "cast": "The nearest value of the format as it is",
    "mxfp4": "FP4 in blocks of 32, each with a power of two as its scale (OCP Microscaling)",
    "nvfp4": "FP4 in blocks of 16, each with an FP8 scale, and one scale for the whole tensor (NVIDIA)",
}
_LARGE = 70e9


def source_words(numbers: Numbers) -> str:
    """Which numbers these are."""
    count = len(numbers.values)
    if not numbers.stored:
        return f"{count:,} numbers."
    of = f"All {count:,} values" if count == numbers.total else f"A sample of {count:,} of {numbers.total:,} values"
    return f"{of} of {numbers.title}, as its {numbers.stored} holds them, in rows of {numbers.columns:,}."


def outcome_rows(found: Outcome) -> list[tuple[str, str]]:
    """The figures, each with what it is called."""
    noise = f"{found.signal_to_noise:.1f} dB" if math.isfinite(found.signal_to_noise) else "nothing is lost"
    scales = f", {found.scale_bits:.4g} of them for scales" if found.scale_bits else ""
    rows = [
        ("Mean squared error", f"{found.mean_squared_error:.4g}"),
        ("Largest error", f"{found.largest_error:.4g}"),
        ("Signal to noise", noise),
        ("Bits per weight", f"{found.bits_per_weight:.4g}{scales}"),
        ("Bytes", f"{found.size_bytes:,}"),
        ("70 billion weights", human_bytes(round(weight_bytes(_LARGE, found.bits_of_many)))),
    ]
    if found.clipped:
        rows.append(("Clipped", f"{found.clipped:,}"))
    if found.apart:
        rows.append(("Kept apart in FP16", f"{found.apart:,}"))
    return rows
