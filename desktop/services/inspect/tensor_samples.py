"""Tensors of files on the Hub: as much of one as a look needs is fetched into a file, where numbers can be read."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path

from desktop.core.cancelled import Cancelled
from desktop.core.errors import FileFormatError, HeftError
from desktop.core.failures import FailureKind
from desktop.core.gguf import Tensor
from desktop.core.progress import Progress, Report
from desktop.core.quants import TENSOR_TYPES
from desktop.core.sampling_rows import Runs, runs
from desktop.core.words import tr
from desktop.engine.tools.numbers import TensorLocation
from desktop.hub.byte_ranges import ByteRange, fetch_ranges
from desktop.hub.client import HubClient
from desktop.services.inspect.inspected import Inspected, InspectedFile, PlacedTensor

FETCHING = "Fetching"  # what progress notes while bytes come from the Hub
MOST_BYTES = 8_000_000  # fetched of one tensor; more are sampled
_MOST_RUNS = 16  # requests for one tensor
_KEPT = 8  # tensors whose sample stays on disk

Key = tuple[str, str, str, int]


class TensorSamples:
    """Samples of remote tensors, on disk until :meth:`close`. Thread-safe; one is fetched at a time."""

    def __init__(self, hub: HubClient, folder: Path) -> None:
        """``folder`` is made, and below it one that goes with this object."""
        self._hub = hub
        self._parent = folder
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._places: dict[Key, TensorLocation] = {}
        self._made = 0
        self._lock = threading.Lock()

    def cost(self, inspected: Inspected, placed: PlacedTensor) -> Runs | None:
        """What would have to be fetched; None when it is here. Raises HeftError for what cannot be read."""
        file = inspected.files[placed.file]
        return None if _key(file, placed.tensor) in self._places else _runs(file, placed.tensor)

    def place(
        self,
        inspected: Inspected,
        placed: PlacedTensor,
        progress: Report,
        cancelled: Cancelled,
    ) -> TensorLocation:
        """A tensor of the sampled rows, fetched if need be. Raises HubError and FileFormatError."""
        file, tensor = inspected.files[placed.file], placed.tensor
        key = _key(file, tensor)
        with self._lock:
            if key not in self._places:
                path = self._new_path()
                self._fetch(file, tensor, path, progress, cancelled)
                wanted = _runs(file, tensor)
                big = file.header.endianness == "big"
                self._places[key] = TensorLocation(
                    str(path), 0, tensor.type_id, (wanted.part_weights, wanted.taken), big
                )
            return self._places[key]

    def close(self) -> None:
        """Remove what was fetched."""
        with self._lock:
            self._places.clear()
            if self._folder is not None:
                self._folder.cleanup()
                self._folder = None

    def _fetch(
        self,
        file: InspectedFile,
        tensor: Tensor,
        path: Path,
        progress: Report,
        cancelled: Cancelled,
    ) -> None:
        assert file.remote is not None
        wanted = _runs(file, tensor)
        start = file.base + file.header.position(tensor)
        each = wanted.part_bytes
        spans = [ByteRange(start + first * each, count * each) for first, count in wanted.runs]
        try:
            with path.open("wb") as sink:
                fetch_ranges(
                    self._hub, file.remote, spans, sink.write,
                    cancelled=cancelled,
                    progress=lambda done: progress(Progress(done, wanted.bytes, "bytes", FETCHING)),
                )  # fmt: skip
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def _new_path(self) -> Path:
        if self._folder is None:
            self._parent.mkdir(parents=True, exist_ok=True)
            self._folder = tempfile.TemporaryDirectory(prefix="samples-", dir=self._parent)
        while len(self._places) >= _KEPT:
            oldest = self._places.pop(next(iter(self._places)))
            Path(oldest.path).unlink(missing_ok=True)
        self._made += 1
        return Path(self._folder.name, f"{self._made}.bin")


def _key(file: InspectedFile, tensor: Tensor) -> Key:
    assert file.remote is not None
    return file.remote.repo, file.remote.path, file.remote.etag, file.base + file.header.position(tensor)


def _runs(file: InspectedFile, tensor: Tensor) -> Runs:
    kind = TENSOR_TYPES.get(tensor.type_id)
    if kind is None:
        raise FileFormatError(
            tr("Tensor type {type_id} is not known, so its numbers cannot be read.", type_id=tensor.type_id),
            tr("Update Heft, or its engine."),
        )
    if tensor.elements <= 0 or (tensor.shape and tensor.shape[0] % kind.block):
        raise FileFormatError(
            tr("This tensor's shape does not go with its type."), tr("Look for another file of this model.")
        )
    end = file.header.position(tensor) + kind.size(tensor.elements)
    if end > file.header.file_bytes:
        raise HeftError(
            tr(
                "This tensor lies beyond the end of the file, which has {file_bytes:,} bytes.",
                file_bytes=file.header.file_bytes,
            ),
            tr("The file is not complete; look for another one of this model."),
            kind=FailureKind.BAD_FILE,
        )
    return runs(tensor.shape, kind, MOST_BYTES, _MOST_RUNS)
