"""A tensor's numbers, in a process of their own: what its bytes dequantize to, and what another type would lose.

Run as a module it is the child's side of :class:`desktop.engine.helper_process.Tool`; the Structs are what both
sides exchange.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from desktop.core.errors import FileFormatError, HeftError
from desktop.core.failures import FailureKind
from desktop.core.progress import Progress, Report, share
from desktop.core.quants import TENSOR_TYPES, TYPES_BY_NAME
from desktop.core.sampling_rows import Sample, plan
from desktop.core.words import tr
from desktop.engine.helper_process import serve

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from desktop.engine.tools.dequantize import Values

SUMMARY_WEIGHTS = 16_000_000  # values a summary reads at most; more are sampled
ERROR_WEIGHTS = 1_000_000  # values that are requantized: the searching quantizers take seconds per million
OUTLIER_DEVIATIONS = 4.0  # a value further than this many standard deviations from the mean is an outlier
BINS = 61
MEMORY_BYTES = 2 << 30
_CHUNK_WEIGHTS = 1 << 20  # values converted at a time, and so between two steps of progress


class TensorLocation(msgspec.Struct, frozen=True):
    """Where a tensor lies: file, byte position, ggml type id, shape (row length first), byte order of the file."""

    path: str
    position: int
    type_id: int
    shape: tuple[int, ...]
    big_endian: bool = False


class Summarize(msgspec.Struct, frozen=True, tag="summarize"):
    """Ask for a :class:`Summary` of at most ``limit`` values."""

    place: TensorLocation
    limit: int = SUMMARY_WEIGHTS


class Requantize(msgspec.Struct, frozen=True, tag="requantize"):
    """Ask for :class:`Errors` by every type whose blocks the rows allow, over at most ``limit`` values."""

    place: TensorLocation
    limit: int = ERROR_WEIGHTS


class Summary(msgspec.Struct, frozen=True, tag="summary"):
    """Figures of the ``values`` that were read, of ``total``; NaN and infinities are counted and left out of the rest.

    ``deviation`` is the population's standard deviation. ``outliers`` lie more than OUTLIER_DEVIATIONS of it from
    the mean; ``low`` and ``high`` bound the histogram, which leaves them out; ``bins`` are counts of equal widths.
    """

    values: int
    total: int
    minimum: float
    maximum: float
    mean: float
    deviation: float
    zeros: int
    nans: int
    infinities: int
    outliers: int
    low: float
    high: float
    bins: tuple[int, ...]


class TypeLoss(msgspec.Struct, frozen=True):
    """What one type loses against the values stored now: root mean square error, absolute, relative, and the largest.

    ``relative`` is the error divided by the root mean square of the values. ``needs_imatrix`` tells the types that
    are meant to be made with an importance matrix; here every weight counted the same.
    """

    type: str
    bits_per_weight: float
    rmse: float
    relative: float
    largest: float
    needs_imatrix: bool


class Errors(msgspec.Struct, frozen=True, tag="errors"):
    """One row per type, the widest first; ``values`` of ``total`` were requantized."""

    values: int
    total: int
    types: tuple[TypeLoss, ...]


class ReadValues(msgspec.Struct, frozen=True, tag="read-values"):
    """Ask for :class:`TensorValues`: at most ``limit`` values, whole rows or pieces of rows spread evenly."""

    place: TensorLocation
    limit: int


class Pack(msgspec.Struct, frozen=True, tag="pack"):
    """Ask for :class:`Packed`: ``values``, as in :class:`TensorValues`, through the blocks of ``target``."""

    target: str
    values: bytes
    columns: int


class TensorValues(msgspec.Struct, frozen=True, tag="values"):
    """Values as 32-bit floats, little-endian, in rows of ``columns``; ``total`` are in the tensor."""

    values: bytes
    columns: int
    total: int


class Packed(msgspec.Struct, frozen=True, tag="packed"):
    """What comes back of the values, as they were sent; ``size_bytes`` is what the blocks take."""

    values: bytes
    size_bytes: int


Request = Summarize | Requantize | ReadValues | Pack
Answer = Summary | Errors | TensorValues | Packed


def summarize(request: Summarize, progress: Report) -> Summary:
    """Read, convert and count. Raises HeftError when the bytes are not there or the type is unknown."""
    import numpy as np

    sample, total = _sample(request.place, request.limit)
    values = _values(request.place, sample, share(progress, 0.0, 0.7))
    finite = np.isfinite(values)
    nans = int(np.count_nonzero(np.isnan(values)))
    infinities = int(values.size - np.count_nonzero(finite)) - nans
    if nans or infinities:
        values = values[finite]
    del finite
    if not values.size:
        return Summary(sample.weights, total, 0.0, 0.0, 0.0, 0.0, 0, nans, infinities, 0, 0.0, 0.0, (0,) * BINS)
    minimum, maximum = float(values.min()), float(values.max())
    mean = float(values.mean(dtype=np.float64))
    deviation = _deviation(values, mean)
    low = max(minimum, mean - OUTLIER_DEVIATIONS * deviation)
    high = min(maximum, mean + OUTLIER_DEVIATIONS * deviation)
    progress(Progress.of(0.85, tr("Counting")))
    bins = np.histogram(values, bins=BINS, range=(low, high))[0] if high > low else _one_bin(values.size)
    return Summary(
        values=sample.weights,
        total=total,
        minimum=minimum,
        maximum=maximum,
        mean=mean,
        deviation=deviation,
        zeros=int(values.size - np.count_nonzero(values)),
        nans=nans,
        infinities=infinities,
        outliers=int(np.count_nonzero(np.abs(values - mean) > OUTLIER_DEVIATIONS * deviation)),
        low=low,
        high=high,
        bins=tuple(int(count) for count in bins),
    )


def requantize_all(request: Requantize, progress: Report) -> Errors:
    """Send the values through every type. Raises HeftError as :func:`summarize` does, and for NaN or infinities."""
    import numpy as np

    from desktop.engine.tools.dequantize import NEEDS_IMATRIX, TARGETS, requantize

    sample, total = _sample(request.place, request.limit)
    values = _values(request.place, sample, share(progress, 0.0, 0.1))
    if not np.isfinite(values).all():
        raise _not_finite()
    rows = np.asarray(values, np.float32).reshape(sample.taken, sample.part_weights)
    scale = _root_mean_square(rows)
    fitting = [name for name in TARGETS if sample.part_weights % TYPES_BY_NAME[name].block == 0]
    found = []
    for number, name in enumerate(fitting):
        progress(Progress.of(0.1 + 0.9 * number / len(fitting), name))
        with np.errstate(over="ignore", invalid="ignore"):  # F16 overflows to infinity; the figure then says so
            difference = requantize(name, rows) - rows
            rmse, largest = _root_mean_square(difference), float(np.abs(difference).max(initial=0.0))
        bits = TYPES_BY_NAME[name].bits_per_weight
        found.append(TypeLoss(name, bits, rmse, rmse / scale if scale else 0.0, largest, name in NEEDS_IMATRIX))
    found.sort(key=lambda error: -error.bits_per_weight)
    return Errors(sample.weights, total, tuple(found))


def read_values(request: ReadValues, progress: Report) -> TensorValues:
    """Raises HeftError as :func:`summarize` does, and for NaN or infinities."""
    import numpy as np

    sample, total = _sample(request.place, request.limit)
    values = np.asarray(_values(request.place, sample, progress), "<f4")
    if not np.isfinite(values).all():
        raise _not_finite()
    return TensorValues(values.tobytes(), sample.part_weights, total)


def pack(request: Pack) -> Packed:
    """ValueError where the rows are no whole number of the type's blocks."""
    import numpy as np

    from desktop.engine.tools.dequantize import dequantize, quantize

    kind = TYPES_BY_NAME[request.target]
    rows = np.frombuffer(request.values, "<f4").reshape(-1, request.columns)
    stored = quantize(kind.name, np.asarray(rows, np.float32))
    back = np.asarray(dequantize(kind.id, stored.data), "<f4")
    return Packed(back.tobytes(), int(stored.size))


def _not_finite() -> HeftError:
    return HeftError(
        tr("This tensor holds NaN or infinite values, so quantizing it has no meaning."),
        tr("Look for another copy of the model: this one is damaged."),
        kind=FailureKind.NOT_FINITE,
    )


def _sample(place: TensorLocation, limit: int) -> tuple[Sample, int]:
    kind = TENSOR_TYPES.get(place.type_id)
    if kind is None:
        raise FileFormatError(
            tr("Tensor type {type_id} is not known, so its numbers cannot be read.", type_id=place.type_id),
            tr("Update Heft, or its engine."),
        )
    total = 1
    for length in place.shape:
        total *= length
    if total <= 0 or (place.shape and place.shape[0] % kind.block):
        raise FileFormatError(tr("This tensor's shape does not go with its type."), tr("Download the file again."))
    return plan(place.shape, kind, limit), total


def _values(place: TensorLocation, sample: Sample, progress: Report) -> Values:
    """The sampled values in one array, converted chunk by chunk."""
    import numpy as np

    from desktop.engine.tools.dequantize import dequantize

    values: Values | None = None
    filled = 0
    for raw in _chunks(place, sample):
        try:
            part = dequantize(place.type_id, raw, big_endian=place.big_endian)
        except ValueError as error:
            raise FileFormatError(
                tr("The weights of this file are in the byte order of another kind of computer."),
                tr("Look for a little-endian copy of the model."),
                detail=str(error),
            ) from None
        if values is None:
            values = np.empty(sample.weights, part.dtype)
        values[filled : filled + part.size] = part
        filled += part.size
        progress(Progress(filled, sample.weights, "weights", tr("Reading")))
    assert values is not None
    return values


def _chunks(place: TensorLocation, sample: Sample) -> Iterator[memoryview]:
    kind = TENSOR_TYPES[place.type_id]
    part_bytes = kind.size(sample.part_weights)
    at_a_time = max(1, _CHUNK_WEIGHTS // sample.part_weights)
    with Path(place.path).open("rb", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        indices = list(sample.indices())
        if place.position + (indices[-1] + 1) * part_bytes > end:
            raise FileFormatError(
                tr("This tensor lies beyond the end of the file, which has {end:,} bytes.", end=end),
                tr("The file is not complete; download it again."),
                offset=place.position,
            )
        for first in range(0, len(indices), at_a_time):
            wanted = indices[first : first + at_a_time]
            raw = bytearray(len(wanted) * part_bytes)
            view = memoryview(raw)
            if wanted[-1] - wanted[0] + 1 == len(wanted):
                _read(file, place.position + wanted[0] * part_bytes, view)
            else:
                for number, index in enumerate(wanted):
                    start = number * part_bytes
                    _read(file, place.position + index * part_bytes, view[start : start + part_bytes])
            yield view


def _read(file: Any, position: int, view: memoryview) -> None:
    file.seek(position)
    have = 0
    while have < len(view):
        count = file.readinto(view[have:])
        if not count:
            raise FileFormatError(
                tr("The file ends at byte {position:,}, inside this tensor.", position=position + have),
                tr("The file is not complete; download it again."),
                offset=position + have,
            )
        have += count


def _deviation(values: Values, mean: float) -> float:
    """Standard deviation in 64-bit floats, without a second array of them."""
    import numpy as np

    squares = 0.0
    for first in range(0, values.size, _CHUNK_WEIGHTS):
        away = values[first : first + _CHUNK_WEIGHTS].astype(np.float64) - mean
        squares += float(np.dot(away, away))
    return float((squares / values.size) ** 0.5)


def _root_mean_square(values: NDArray[np.float32]) -> float:
    import numpy as np

    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


def _one_bin(count: int) -> tuple[int, ...]:
    # every value is the same: the middle bin holds them all
    return (*(0,) * (BINS // 2), count, *(0,) * (BINS // 2))


def _answer(request: Request, progress: Report) -> Answer:
    match request:
        case Summarize():
            return summarize(request, progress)
        case Requantize():
            return requantize_all(request, progress)
        case ReadValues():
            return read_values(request, progress)
        case Pack():
            return pack(request)


def main() -> None:
    """Serve until stdin closes."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # each of its threads reserves address space, which is limited
    serve(Request, _answer, memory_bytes=MEMORY_BYTES)


if __name__ == "__main__":
    main()
