"""Makes importance matrices as llama-imatrix does, chunk by chunk, in a process of its own.

As ``tools/imatrix/imatrix.cpp`` (IMatrixCollector::collect_imatrix, compute_imatrix): while a text is computed, the
squares of what meets each column of a layer's matrices are added up, those of experts for each expert. The output
matrix is left out, as there. One chunk is computed at a time, so that the result is what ``-b CONTEXT`` gives.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from desktop.core.errors import EngineError, FileFormatError
from desktop.core.failures import FailureKind
from desktop.core.progress import Report
from desktop.core.words import tr
from desktop.engine.helper_process import serve
from desktop.engine.tools.imatrix_file import Collected, Sums, read_collected, write_imatrix
from desktop.engine.tools.listening import Listening, Tensor
from desktop.engine.tools.measurer import Open, Opened
from desktop.system.atomic import put_in_place

SIGN = "heft.imatrix.sign"  # of what an unfinished matrix is of
_LEAST_ROWS = 16  # of activations; llama-imatrix leaves out fewer
_F32 = 0  # ggml_type


class Begin(msgspec.Struct, frozen=True, tag="begin"):
    """Go on from the unfinished matrix ``kept`` where it is of the same ``sign``, else from nothing."""

    kept: str
    sign: str
    context: int
    dataset: str


class Collect(msgspec.Struct, frozen=True, tag="collect"):
    """Add one chunk of the text that is open."""

    chunk: int


class Keep(msgspec.Struct, frozen=True, tag="keep"):
    """Write what was added so far: with the ``sign`` to go on from, or finished where it is ""."""

    path: str
    sign: str = ""
    told: dict[str, str] = {}


class State(msgspec.Struct, frozen=True, tag="state"):
    """``chunks`` were added, over ``entries`` tensors."""

    chunks: int
    entries: int


Request = Open | Begin | Collect | Keep
Answer = Opened | State


class Collector(Listening):
    """Computes as a measurement does, and adds up each matrix's input."""

    def __init__(self) -> None:
        super().__init__()
        self._sums: dict[str, Sums] = {}
        self._chunks = self._size = 0
        self._dataset = ""

    # -- listening ----------------------------------------------------------------------------------

    def heard(self, node: Tensor, ask: bool) -> bool:
        """Each product with a layer's weights, and each with those of chosen experts."""
        if node.op not in (self.plain, self.routed):
            return False
        weights, rows = node.src[0].contents, node.src[1].contents
        name = _own_name(weights.name)
        if ask:
            large = rows.ne[1] >= _LEAST_ROWS and rows.type == _F32
            return node.op == self.routed or (large and name.startswith("blk."))
        if node.op == self.routed:
            self._add_routed(name, weights, node.src[1], node.src[2])
        else:
            self._add(name, weights, node.src[1])
        return True

    def _entry(self, name: str, matrices: int, columns: int, counts: int) -> Sums:
        found = self._sums.get(name)
        if found is None:
            found = Sums(np.zeros((matrices, columns), np.float32), np.zeros(counts, np.int64))
            self._sums[name] = found
        if found.squares.shape != (matrices, columns):
            raise ValueError(f"{name} has {found.squares.shape} and {(matrices, columns)}")
        return found

    def _add(self, name: str, weights: Any, rows: Any) -> None:
        values = self.array(rows, np.float32)
        matrices = weights.ne[2] * weights.ne[3]
        found = self._entry(name, matrices, values.shape[3], 1)
        for third in range(values.shape[0]):
            for second in range(values.shape[1]):
                matrix = (third % weights.ne[3]) * weights.ne[2] + second % weights.ne[2]
                _add_squares(found.squares[matrix], values[third, second])
        found.counts += values[..., 0].size // matrices

    def _add_routed(self, name: str, weights: Any, rows: Any, chosen: Any) -> None:
        experts = self.array(chosen, np.int32)[0, 0]  # tokens, experts of each
        values = self.array(rows, np.float32)[0]  # tokens, experts of each or one for all, columns
        found = self._entry(name, weights.ne[2], values.shape[2], weights.ne[2])
        tokens = len(experts)
        flat = experts.T.reshape(-1)  # by place among a token's experts, then by token, as llama-imatrix goes
        order = np.argsort(flat, kind="stable")
        starts = np.searchsorted(flat[order], np.arange(weights.ne[2] + 1))
        for expert in np.unique(flat):
            these = order[starts[expert] : starts[expert + 1]]
            _add_squares(found.squares[expert], values[these % tokens, (these // tokens) % values.shape[1]])
            found.counts[expert] += these.size

    # -- what is asked ------------------------------------------------------------------------------

    def begin(self, request: Begin) -> State:
        """An unfinished matrix that cannot be read counts as none."""
        self._sums, self._chunks = {}, 0
        self._size, self._dataset = request.context, request.dataset
        try:
            kept = read_collected(Path(request.kept))
            if kept.told.get(SIGN) == request.sign:
                self._sums, self._chunks = kept.sums, kept.chunks
        except (OSError, ValueError, KeyError, FileFormatError):
            pass
        return self.state

    @property
    def state(self) -> State:
        """How far it is."""
        return State(self._chunks, len(self._sums))

    def collect(self, request: Collect) -> State:
        """Raises EngineError: no model, what the engine says, numbers that are none."""
        if not self._context:
            raise EngineError(tr("No model is loaded."), tr("Begin again."), kind=FailureKind.NOT_LOADED)
        if request.chunk != self._chunks:
            raise EngineError(
                tr("Chunk {chunks} comes next, not {chunk}.", chunks=self._chunks, chunk=request.chunk),
                tr("Begin again."),
            )
        self.compute(request.chunk)
        if not all(np.isfinite(one.squares).all() for one in self._sums.values()):
            raise EngineError(
                tr("What this model computes on this text are no numbers."),
                tr("Choose another file of this model."),
                kind=FailureKind.NOT_FINITE,
            )
        self._chunks += 1
        return self.state

    def keep(self, request: Keep) -> State:
        """OSError passes."""
        told = dict(request.told) | ({SIGN: request.sign} if request.sign else {})
        path = Path(request.path)
        beside = path.with_name(f"{path.name}.part")
        write_imatrix(beside, Collected(self._sums, self._chunks, self._size, self._dataset, told))
        with beside.open("rb") as written:
            os.fsync(written.fileno())
        put_in_place(beside, path)
        return self.state


def _add_squares(sums: NDArray[np.float32], rows: NDArray[np.float32]) -> None:
    """Row after row in 32-bit floats, as llama-imatrix adds them: along the first axis numpy does the same."""
    stacked = np.empty((len(rows) + 1, sums.size), np.float32)
    stacked[0] = sums
    np.square(rows, out=stacked[1:])
    np.add.reduce(stacked, axis=0, out=sums)


def _own_name(raw: bytes) -> str:
    """``CUDA0#blk.0.attn_k.weight#0`` is blk.0.attn_k.weight (filter_tensor_name)."""
    parts = raw.decode("utf-8", "replace").split("#")
    return parts[1] if len(parts) > 1 else parts[0]


def main() -> None:
    """Serve until stdin closes."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    made: list[Collector] = []

    def answer(request: Request, _progress: Report) -> Answer:
        if not made:
            made.append(Collector())
        one = made[0]
        match request:
            case Open():
                return one.open(request)
            case Begin():
                return one.begin(request)
            case Collect():
                return one.collect(request)
            case Keep():
                return one.keep(request)

    serve(Request, answer)


if __name__ == "__main__":
    main()
