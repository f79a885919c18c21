"""A tensor's numbers as a service: figures, histogram, and what other types would lose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from desktop.core.errors import HeftError
from desktop.engine.numbers import (
    BINS,
    OUTLIER_DEVIATIONS,
    Answer,
    Errors,
    Place,
    Requantize,
    Summarize,
    Summary,
    TypeLoss,
)
from desktop.engine.tool import Tool
from desktop.services.idle import IdleClose
from desktop.services.inspection import Inspected, PlacedTensor
from desktop.store.paths import Paths

__all__ = ["BINS", "OUTLIER_DEVIATIONS", "Errors", "Summary", "TensorNumbersService", "TypeLoss"]

Progress = Callable[[float, str], None]
Cancelled = Callable[[], bool]


class TensorNumbersService:
    """Asks a process of its own, one call at a time from any thread; the process ends after a while without calls."""

    def __init__(self, paths: Paths) -> None:
        self._tool: Tool[Any] = Tool(
            "desktop.engine.numbers", Answer, paths.scratch / "numbers", paths.logs / "numbers.log"
        )
        self._idle = IdleClose(self._tool.close)

    def summarize(
        self,
        inspected: Inspected,
        placed: PlacedTensor,
        *,
        progress: Progress | None = None,
        cancelled: Cancelled | None = None,
    ) -> Summary:
        """Figures and histogram of a tensor's values; of a sample of them when there are more than 16 million.

        Raises HeftError: "remote" for a file on the Hub, "bad-file" for a tensor that is not all there, "cancelled".
        """
        with self._idle:
            found = self._tool.call(Summarize(place_of(inspected, placed)), progress=progress, cancelled=cancelled)
        assert isinstance(found, Summary)
        return found

    def requantize(
        self,
        inspected: Inspected,
        placed: PlacedTensor,
        *,
        progress: Progress | None = None,
        cancelled: Cancelled | None = None,
    ) -> Errors:
        """What this very tensor would lose in each type its rows allow, against the values stored now.

        Raises HeftError as :meth:`summarize` does, and "not-finite" for a tensor that holds NaN or infinities.
        """
        with self._idle:
            found = self._tool.call(Requantize(place_of(inspected, placed)), progress=progress, cancelled=cancelled)
        assert isinstance(found, Errors)
        return found

    def close(self) -> None:
        """End the process, if any; waits for a call that runs."""
        self._idle.close()


def place_of(inspected: Inspected, placed: PlacedTensor) -> Place:
    """Where a tensor's bytes lie. Raises HeftError of kind "remote" when they are not on this computer."""
    file = inspected.files[placed.file]
    if file.path is None:
        raise HeftError(
            "The weights of this file are still on the Hub; only its header was read.",
            "Download the file to see the numbers of its tensors.",
            kind="remote",
        )
    return Place(
        path=str(file.path),
        position=file.base + file.header.position(placed.tensor),
        type_id=placed.tensor.type_id,
        shape=placed.tensor.shape,
        big_endian=file.header.endianness == "big",
    )
