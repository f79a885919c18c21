"""How much a model loses by each of its tensors, measured in the loaded model, in a process of its own.

Weights are quantized by ggml's own quantizer and put back in place of the originals, in memory: no file is written. The
loss is the KL divergence from the untouched model on a text, as a measurement has it (measurer.py).
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from desktop.core.errors import EngineError
from desktop.core.failures import FailureKind
from desktop.core.loss_statistics import Sums
from desktop.core.progress import Progress, Report
from desktop.core.quants import TENSOR_TYPES
from desktop.core.words import tr
from desktop.engine.helper_process import serve
from desktop.engine.tools.dequantize import dequantize, quantize, requantize
from desktop.engine.tools.imatrix_file import Imatrix, read_imatrix
from desktop.engine.tools.listening import Listening, Pointer, Tensor
from desktop.engine.tools.measurer import Open, Opened
from desktop.engine.tools.token_losses import compressed, distances

_ROWS = 64  # of each tensor that an error is estimated from
_WORDS = 1 << 22  # weights that a worker quantizes at a time


class Base(msgspec.Struct, frozen=True, tag="base"):
    """Compute ``chunks`` chunks with the untouched model; ``imatrix`` is a file or ""."""

    chunks: int
    imatrix: str = ""


class Errors(msgspec.Struct, frozen=True, tag="errors"):
    """What a tensor loses in each of some types."""

    tensor: str
    types: tuple[str, ...]


class Probe(msgspec.Struct, frozen=True, tag="probe"):
    """What the model loses with these tensors in these types."""

    types: dict[str, str]


class Known(msgspec.Struct, frozen=True, tag="known"):
    """The tensors that the model computes with."""

    tensors: tuple[str, ...]


class TensorErrors(msgspec.Struct, frozen=True, tag="tensor-errors"):
    """Squared error over the squares of the weights, both weighted by the importance matrix, by type."""

    errors: dict[str, float]


class Lost(msgspec.Struct, frozen=True, tag="lost"):
    """Sums over the chunks' tokens."""

    sums: Sums


Request = Open | Base | Errors | Probe
Answer = Opened | Known | TensorErrors | Lost


class Sensitivity(Listening):
    """One model at a time, with weights that can be changed."""

    def __init__(self) -> None:
        super().__init__()
        self._weights: dict[str, Any] = {}  # pointers to tensors
        self._base: list[tuple[NDArray[np.uint16], list[int]]] = []
        self._imatrix = Imatrix({})
        self._looking = False

    def _model_parameters(self, request: Open) -> tuple[Any, Any]:
        params, kept = super()._model_parameters(request)
        params.load_mode = self._lib.LLAMA_LOAD_MODE_NONE  # a mapped file cannot be changed
        params.use_extra_bufts = False  # nor what is kept in another order
        return params, kept

    def heard(self, node: Tensor, ask: bool) -> bool:
        """Which tensors there are; no node is waited for."""
        if self._looking and ask and node.op in self.reading:
            address = ctypes.cast(node.src[0], ctypes.c_void_p).value or 0  # the node itself is the next graph's soon
            weights = ctypes.cast(address, Pointer)
            self._weights.setdefault(weights.contents.name.decode("utf-8", "replace"), weights)
        return False

    def base(self, request: Base, progress: Report) -> Known:
        """Raises EngineError where no model is loaded."""
        if not self._context:
            raise EngineError(tr("No model is loaded."), tr("Begin again."), kind=FailureKind.NOT_LOADED)
        self._imatrix = read_imatrix(Path(request.imatrix)) if request.imatrix else Imatrix({})
        self._base = []
        for chunk in range(request.chunks):
            progress(Progress(chunk, request.chunks, "chunks"))
            self._looking = chunk == 0
            for rows, tokens, _ in self._rows(chunk):
                self._base.append((compressed(rows, self._pool, self._workers), tokens))
            self._looking = False
        host = self.is_host
        return Known(tuple(name for name, one in self._weights.items() if host(one.contents.buffer)))

    def errors(self, request: Errors) -> TensorErrors:
        """From rows spread over the whole tensor."""
        tensor = self._weights[request.tensor]
        count = self._count(tensor)
        step = max(1, count // _ROWS)
        at = np.arange(step // 2, count, step)[:_ROWS]
        rows = np.concatenate([self._values(tensor, int(one), int(one) + 1) for one in at])
        columns = [self._columns(request.tensor, int(one), rows.shape[1]) for one in at]
        weighted = np.stack([one if one is not None else np.ones(rows.shape[1], np.float32) for one in columns])
        whole = float(np.sum(weighted * np.square(rows), dtype=np.float64))

        def of(kind: str) -> float:
            made = np.concatenate([requantize(kind, rows[n : n + 1], columns[n]) for n in range(len(rows))])
            return float(np.sum(weighted * np.square(made - rows), dtype=np.float64)) / whole if whole > 0 else 0.0

        found = list(self._pool.map(of, request.types))
        return TensorErrors(dict(zip(request.types, found, strict=True)))

    def probe(self, request: Probe, progress: Report) -> Lost:
        """The weights are what they were afterwards."""
        with self._changed(request.types):
            sums, at = Sums(), 0
            chunks = len(self._base)
            while at < chunks:
                for rows, tokens, _ in self._rows(at):
                    progress(Progress(at, chunks, "chunks"))
                    kept, same = self._base[at]
                    assert tokens == same
                    sums = sums.plus(distances(rows, kept, tokens, self._pool, self._workers)[0])
                    at += 1
        return Lost(sums)

    # -- weights ------------------------------------------------------------------------------------

    @contextmanager
    def _changed(self, types: dict[str, str]) -> Iterator[None]:
        kept = {name: self._raw(self._weights[name]).copy() for name in types}
        try:
            for name, kind in types.items():
                self._replace(name, kind)
            yield
        finally:
            for name, raw in kept.items():
                self._raw(self._weights[name])[:] = raw

    def _replace(self, name: str, kind: str) -> None:
        tensor = self._weights[name]
        own = TENSOR_TYPES[tensor.contents.type]
        count, length = self._count(tensor), int(tensor.contents.ne[0])
        per_matrix = int(tensor.contents.ne[1])
        step = max(1, min(per_matrix, _WORDS // length))
        raw = self._raw(tensor).reshape(count, -1)
        spans = [
            (first, min(first + step, matrix + per_matrix))
            for matrix in range(0, count, per_matrix)
            for first in range(matrix, matrix + per_matrix, step)
        ]

        def change(span: tuple[int, int]) -> None:
            first, last = span
            values = requantize(kind, self._values(tensor, first, last), self._columns(name, first, length))
            raw[first:last] = _stored(own.name, values).reshape(last - first, -1)

        list(self._pool.map(change, spans))

    def _columns(self, name: str, row: int, length: int) -> NDArray[np.float32] | None:
        """The importance of a row's columns: that of its matrix."""
        found = self._imatrix.entries.get(name)
        if found is None:
            return None
        matrices = found.reshape(-1, length)
        per_matrix = int(self._weights[name].contents.ne[1])
        return np.ascontiguousarray(matrices[min(row // per_matrix, len(matrices) - 1)])

    def _raw(self, tensor: Any) -> NDArray[np.uint8]:
        size = self.bytes_of(tensor)
        return np.ctypeslib.as_array(ctypes.cast(tensor.contents.data, ctypes.POINTER(ctypes.c_uint8)), (size,))

    def _count(self, tensor: Any) -> int:
        ne = tensor.contents.ne
        return int(ne[1] * ne[2] * ne[3])

    def _values(self, tensor: Any, first: int, last: int) -> NDArray[np.float32]:
        raw = self._raw(tensor).reshape(self._count(tensor), -1)[first:last]
        values = dequantize(tensor.contents.type, np.ascontiguousarray(raw).data.cast("B"))
        return np.asarray(values, np.float32).reshape(last - first, -1)


def _stored(kind: str, values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The bytes of some rows in the type that the tensor has in memory."""
    if kind == "F32":
        return np.ascontiguousarray(values).view(np.uint8)
    if kind == "F16":
        return values.astype(np.float16).view(np.uint8)
    return quantize(kind, values)


@cache
def _made() -> Sensitivity:
    return Sensitivity()


def main() -> None:
    """Serve until stdin closes."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    def answer(request: Request, progress: Report) -> Answer:
        one = _made()
        match request:
            case Open():
                return one.open(request)
            case Base():
                return one.base(request, progress)
            case Errors():
                return one.errors(request)
            case Probe():
                return one.probe(request, progress)

    serve(Request, answer)


if __name__ == "__main__":
    main()
