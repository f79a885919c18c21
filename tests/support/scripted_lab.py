"""Helpers of the Lab's jobs that know their answers: in the place of the quantizer's and the measurer's processes."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from support.gate import Gate

from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.errors import HeftError
from desktop.core.gguf import read_header
from desktop.core.importance import TensorImportance
from desktop.core.loss_statistics import Sums, counted_tokens, logits_bytes
from desktop.core.progress import Progress, Report, unheard
from desktop.core.quantize_recipe import Recipe, quantized_headers
from desktop.core.quants import FILE_TYPES, TENSOR_TYPES
from desktop.engine.tools.imatrix_maker import Begin, Collect, Keep, State
from desktop.engine.tools.measurer import Chunks, Measured, Open, Opened
from desktop.engine.tools.quantizer import ImatrixRead, Quantize, Quantized, ReadImatrix, Tried, TryOut
from desktop.store.gguf_files import FileSource

MATRICES = ("token_embd.weight", "ffn_up.weight", "attn_v.weight")


class ScriptedQuantizer:
    """In the place of the helper's process. ``gate`` holds it in the middle of writing."""

    gate: Gate
    fails: HeftError | None = None
    asked: list[Quantize]

    def __init__(self, *_arguments: Any) -> None:
        self.closed = False

    def call(self, request: Any, *, cancelled: Cancelled = lambda: False, progress: Report = unheard) -> Any:
        if isinstance(request, ReadImatrix):
            return ImatrixRead(3, 12, "text")
        if isinstance(request, TryOut):
            assert self.closed, "a process that is bounded by the source's size"
            assert Path(request.path).read_bytes()[:4] == b"GGUF"
            return Tried(request.compute)
        assert isinstance(request, Quantize)
        kind = FILE_TYPES[request.file_type].base
        shards = sorted(Path(request.source).parent.glob("*-of-*.gguf")) or [Path(request.source)]
        opened = [FileSource(path) for path in shards]
        try:
            files = [(read_header(source), source) for source in opened]
            types = {
                tensor.name: _named(request, tensor.name, kind) if tensor.name.endswith(MATRICES) else tensor.type
                for header, _ in files
                for tensor in header.tensors
            }
            if not request.dry_run:
                self.asked.append(request)
                self._write(request, files, types, cancelled, progress)
        finally:
            for source in opened:
                source.close()
        return Quantized(types, kind.startswith("IQ2") and not request.imatrix, 0.1)

    def _write(
        self, request: Quantize, files: Any, types: Mapping[str, str], cancelled: Cancelled, progress: Report
    ) -> None:
        recipe = Recipe(FILE_TYPES[request.file_type].label, keep_split=request.keep_split)
        made = quantized_headers(files, types, recipe, request.entries)
        for number, one in enumerate(made, 1):
            name = request.target + (f"-{number:05d}-of-{len(made):05d}.gguf" if request.keep_split else "")
            with Path(name).open("wb") as out:
                out.write(one.header)
                progress(Progress(request.weights / 2, request.weights, "weights", "blk.0.ffn_up.weight"))
                if not self.gate.go_on.is_set():
                    self.gate.held.set()
                    while not self.gate.go_on.wait(0.01):
                        if cancelled():
                            raise CancelledError
                if self.fails is not None:
                    raise self.fails
                out.write(bytes(one.data_bytes))

    def close(self) -> None:
        self.closed = True


def _named(request: Quantize, name: str, kind: str) -> str:
    """The type that the request names for a tensor, else the file type's."""
    found = (of for pattern, of in request.tensor_types if re.search(pattern, name))
    return TENSOR_TYPES[number].name if (number := next(found, -1)) >= 0 else kind


CONTEXT, VOCABULARY, ALL = 512, 100, 20
PER_CHUNK = counted_tokens(CONTEXT, 1)


class ScriptedMeasurer:
    """In the place of the helper's process. ``gate`` holds it at the chunk ``hold``."""

    gate: Gate
    hold = -1
    kld = 0.01
    computed: list[tuple[str, int, bool]]  # model, chunk, whether it was the reference's

    def __init__(self, *_arguments: Any) -> None:
        self._model = ""

    def call(self, request: Any, *, cancelled: Cancelled = never, progress: Report = unheard) -> Any:
        if isinstance(request, Open):
            self._model = Path(request.path).name
            return Opened(ALL * CONTEXT, ALL, VOCABULARY, "sign")
        assert isinstance(request, Chunks)
        if request.first == self.hold and not request.write and not self.gate.go_on.is_set():
            self.gate.held.set()
            while not self.gate.go_on.wait(0.01):
                if cancelled():
                    raise CancelledError
        self.computed.append((self._model, request.first, bool(request.write)))
        if request.write:
            path = Path(request.write)
            start = logits_bytes(VOCABULARY, CONTEXT, 0) + 4 * CONTEXT * request.all_chunks
            per_chunk = logits_bytes(VOCABULARY, CONTEXT, 1) - logits_bytes(VOCABULARY, CONTEXT, 0) - 4 * CONTEXT
            with path.open("ab") as out:
                out.truncate(start + per_chunk * (request.first + 1))
            return Measured(Sums(PER_CHUNK), b"", 0.1)
        nll, far = 2.0 * PER_CHUNK, self.kld * PER_CHUNK
        sums = Sums(PER_CHUNK, nll, 2.1 * nll, nll, 2.1 * nll, 2.1 * nll, far, self.kld * far * 1.5, same_top=200)
        return Measured(sums, struct.pack("<f", self.kld) * PER_CHUNK if request.base else b"", 0.1)

    def close(self) -> None:
        pass


DRIVEN = tuple(
    TensorImportance(f"blk.{layer}.{role}.weight", mean, 0.2, 512)
    for layer, role, mean in ((0, "attn_v", 1.0), (0, "ffn_down", 4.0), (1, "attn_v", 9.0), (1, "ffn_down", 2.0))
)


class ScriptedCollector:
    """In the place of the helper that makes importance matrices. ``gate`` holds it at the chunk ``hold``."""

    gate: Gate
    hold = -1
    collected: list[int]

    def __init__(self, *_arguments: Any) -> None:
        self._chunks = 0

    def __class_getitem__(cls, _kind: object) -> type:
        return cls

    def call(self, request: Any, *, cancelled: Cancelled = never, progress: Report = unheard) -> Any:
        match request:
            case ReadImatrix():
                assert Path(request.path).read_text().startswith("GGUF")
                chunks = int(Path(request.path).read_text().split("\n")[2])
                return ImatrixRead(len(DRIVEN), chunks, "prose", DRIVEN)
            case Open():
                return Opened(ALL * CONTEXT, ALL, VOCABULARY, "sign")
            case Begin():
                kept = Path(request.kept)
                words = kept.read_text().split("\n") if kept.exists() else []
                self._chunks = int(words[2]) if len(words) > 2 and words[1] == request.sign else 0
            case Collect():
                if request.chunk == self.hold and not self.gate.go_on.is_set():
                    self.gate.held.set()
                    while not self.gate.go_on.wait(0.01):
                        if cancelled():
                            raise CancelledError
                self.collected.append(request.chunk)
                self._chunks += 1
            case Keep():
                Path(request.path).write_text(f"GGUF\n{request.sign}\n{self._chunks}")
        return State(self._chunks, 3)

    def close(self) -> None:
        pass
