"""A tensor's numbers as a service: figures, histogram, and what other types would lose."""

from __future__ import annotations

from typing import Any

import msgspec

from desktop.core.cancelled import Cancelled, never
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.progress import Report, unheard
from desktop.core.sampling_rows import Runs
from desktop.core.words import tr
from desktop.engine.helper_process import Tool
from desktop.engine.tools.numbers import (
    BINS,
    OUTLIER_DEVIATIONS,
    Answer,
    Errors,
    Requantize,
    Summarize,
    Summary,
    TensorLocation,
    TypeLoss,
)
from desktop.hub.client import HubClient
from desktop.services.inspect.inspection import Inspected, PlacedTensor
from desktop.services.inspect.tensor_samples import FETCHING, TensorSamples
from desktop.store.paths import Paths
from desktop.system.idle import IdleClose

__all__ = ["BINS", "FETCHING", "OUTLIER_DEVIATIONS", "Errors", "Summary", "TensorNumbersService", "TypeLoss"]


class TensorNumbersService:
    """Asks a process of its own, one call at a time from any thread; the process ends after a while without calls."""

    def __init__(self, paths: Paths, hub: HubClient | None = None) -> None:
        """``hub`` is where tensors of remote files are fetched from; without it they have no numbers."""
        self._tool: Tool[Any] = Tool(
            "desktop.engine.tools.numbers", Answer, paths.scratch / "numbers", paths.logs / "numbers.log"
        )
        self._idle = IdleClose(self._tool.close)
        self._samples = TensorSamples(hub, paths.scratch) if hub is not None else None

    def cost(self, inspected: Inspected, placed: PlacedTensor) -> Runs | None:
        """What has to be fetched from the Hub before a tensor has numbers; None when its bytes are here.

        Raises HeftError: "remote" without a Hub, and for a tensor that is not all there or of an unknown type.
        """
        if inspected.files[placed.file].path is not None:
            return None
        return self._remote(inspected, placed).cost(inspected, placed)

    def summarize(
        self,
        inspected: Inspected,
        placed: PlacedTensor,
        *,
        progress: Report = unheard,
        cancelled: Cancelled = never,
    ) -> Summary:
        """Figures and histogram of a tensor's values; of a sample of them when there are more than 16 million.

        A remote tensor is fetched first, what :meth:`cost` says of it. Raises HeftError: as :meth:`cost` does,
        HubError, "bad-file" for a tensor that is not all there, CancelledError.
        """
        with self._idle:
            place = self._place(inspected, placed, progress, cancelled)
            found = self._tool.call(Summarize(place), progress=progress, cancelled=cancelled)
        assert isinstance(found, Summary)
        return msgspec.structs.replace(found, total=placed.tensor.elements)

    def requantize(
        self,
        inspected: Inspected,
        placed: PlacedTensor,
        *,
        progress: Report = unheard,
        cancelled: Cancelled = never,
    ) -> Errors:
        """What this very tensor would lose in each type its rows allow, against the values stored now.

        Raises HeftError as :meth:`summarize` does, and "not-finite" for a tensor that holds NaN or infinities.
        """
        with self._idle:
            place = self._place(inspected, placed, progress, cancelled)
            found = self._tool.call(Requantize(place), progress=progress, cancelled=cancelled)
        assert isinstance(found, Errors)
        return msgspec.structs.replace(found, total=placed.tensor.elements)

    def close(self) -> None:
        """End the process, if any, and remove what was fetched; waits for a call that runs."""
        self._idle.close()
        if self._samples is not None:
            self._samples.close()

    def _place(
        self, inspected: Inspected, placed: PlacedTensor, progress: Report, cancelled: Cancelled
    ) -> TensorLocation:
        file = inspected.files[placed.file]
        if file.path is None:
            return self._remote(inspected, placed).place(inspected, placed, progress, cancelled)
        return TensorLocation(
            path=str(file.path),
            position=file.base + file.header.position(placed.tensor),
            type_id=placed.tensor.type_id,
            shape=placed.tensor.shape,
            big_endian=file.header.endianness == "big",
        )

    def _remote(self, inspected: Inspected, placed: PlacedTensor) -> TensorSamples:
        if self._samples is None or inspected.files[placed.file].remote is None:
            raise HeftError(
                tr("The weights of this file are still on the Hub; only its header was read."),
                tr("Download the file to see the numbers of its tensors."),
                kind=FailureKind.REMOTE,
            )
        return self._samples
