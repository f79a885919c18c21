"""llama.cpp's own quantizer, and a trial of what it made, in a process of their own: cancelling ends the process.

``llama_model_quantize`` (include/llama.h) maps the source and writes the target as it goes; it says how far it is in
its log only. A dry run says which type each tensor would get, in the same lines.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from desktop.core.errors import EngineError, HeftError
from desktop.core.failures import FailureKind
from desktop.core.importance import TensorImportance
from desktop.core.progress import Progress, Report, unheard
from desktop.core.quants import TYPES_BY_NAME
from desktop.core.words import tr
from desktop.engine.helper_process import serve

BUFFER_BYTES = 512 << 20  # rows of one tensor that are kept in memory at once; the default is 8 GiB
ROOM_BYTES = 4 << 30  # address space beyond the source and the buffers: libraries, threads' stacks
_TOKENS = 16  # that the trial of a file computes

# "[   1/ 272]             token_embd.weight - [  576, 49152,     1,     1], type =    f16, "
_TENSOR = re.compile(r"^\[\s*\d+/\s*\d+\] (.+?)\s+- \[([\d, ]+)\], type =\s*(\S+), ")
_MAKING = re.compile(r"converting to (\S+) \.\.")
_WOULD_MAKE = re.compile(r"MiB -> .*MiB \((\S+)\)")
_NEEDS_IMATRIX = ("will require an imatrix", "requires an importance matrix", "Missing importance matrix")
_STRING, _INTEGER, _FLAG = 3, 0, 2  # llama_model_kv_override_type


class Quantize(msgspec.Struct, frozen=True, tag="quantize"):
    """What to make of the file ``source``. ``file_type`` is a number of general.file_type, -1 stands for the file
    type's own choice of a tensor type.

    ``target`` is the beginning of the files' names where it is ``keep_split``. ``entries`` are added to the metadata.
    ``dry_run``: only say what would be made. ``weights`` is how many the source has, for the progress.
    """

    source: str
    target: str
    file_type: int
    threads: int = 0
    requantize: bool = False
    pure: bool = False
    keep_split: bool = False
    dry_run: bool = False
    output_type: int = -1
    embedding_type: int = -1
    tensor_types: tuple[tuple[str, int], ...] = ()
    imatrix: str = ""
    entries: dict[str, str | int | bool] = {}
    weights: int = 0
    source_bytes: int = 0


class TryOut(msgspec.Struct, frozen=True, tag="try"):
    """Load a file; ``compute`` some tokens with it, too."""

    path: str
    compute: bool
    threads: int


class ReadImatrix(msgspec.Struct, frozen=True, tag="imatrix"):
    """What an importance matrix says of itself."""

    path: str


class Quantized(msgspec.Struct, frozen=True, tag="quantized"):
    """The type that each tensor has got, or would get, by its name. ``seconds`` are the quantizer's alone."""

    types: dict[str, str]
    needs_imatrix: bool
    seconds: float


class Tried(msgspec.Struct, frozen=True, tag="tried"):
    """It loads; ``computed``: what it computes are numbers."""

    computed: bool


class ImatrixRead(msgspec.Struct, frozen=True, tag="imatrix-read"):
    """``entries`` tensors, from ``chunks`` pieces of a text called ``dataset``."""

    entries: int
    chunks: int
    dataset: str
    tensors: tuple[TensorImportance, ...] = ()


Request = Quantize | TryOut | ReadImatrix
Answer = Quantized | Tried | ImatrixRead


class _Watch:
    """Reads the quantizer's log as it is written."""

    def __init__(self, total: int, progress: Report) -> None:
        self.types: dict[str, str] = {}
        self.needs_imatrix = False
        self._total, self._progress = total, progress
        self._done = self._size = 0
        self._name = ""

    def read(self, text: str) -> None:
        """One message: a line, or a part of one."""
        if (found := _TENSOR.match(text)) is not None:
            self._done += self._size
            self._size = 1
            for length in found[2].split(","):
                self._size *= int(length)
            self._name = found[1]
            self.types[self._name] = _type(found[3])
            self._progress(Progress(self._done, self._total, "weights", self._name))
        elif (found := _MAKING.search(text) or _WOULD_MAKE.search(text)) is not None and self._name:
            self.types[self._name] = _type(found[1])
        elif any(words in text for words in _NEEDS_IMATRIX):
            self.needs_imatrix = True


def _type(text: str) -> str:
    name = text.upper()
    return name if name in TYPES_BY_NAME else text


class Quantizer:
    """The library, loaded once."""

    def __init__(self) -> None:
        import llama_cpp.llama_cpp as lib

        from desktop.engine import llama
        from desktop.engine.log import EngineLog

        self._lib: Any = lib
        self._log = EngineLog()
        self._watch = _Watch(0, unheard)
        self._own = llama.start(self._log)
        self._callback = lib.llama_log_callback(self._heard)  # kept alive: llama.cpp holds its address
        lib.llama_log_set(self._callback, None)

    def _heard(self, level: int, text: bytes | None, data: object) -> None:
        self._log.on_log(level, text, data)
        if text:
            self._watch.read(text.decode("utf-8", "replace"))

    def quantize(self, request: Quantize, progress: Report) -> Quantized:
        """Raises EngineError in llama.cpp's words, or better ones where its cause is known; FileFormatError."""
        _limit(request.source_bytes + BUFFER_BYTES * 3 + ROOM_BYTES)
        lib = self._lib
        params = lib.llama_model_quantize_default_params()
        params.nthread = request.threads
        params.ftype = request.file_type
        params.allow_requantize = request.requantize
        params.pure, params.keep_split, params.dry_run = request.pure, request.keep_split, request.dry_run
        params.max_buf_size = BUFFER_BYTES
        if request.output_type >= 0:
            params.output_tensor_type = request.output_type
        if request.embedding_type >= 0:
            params.token_embedding_type = request.embedding_type
        kept: list[Any] = []  # what the parameters point to
        entries = dict(request.entries)
        if request.imatrix:
            entries |= self._imatrix(params, Path(request.imatrix), kept)
        if request.tensor_types:
            overrides = (
                lib.llama_model_tensor_override * (len(request.tensor_types) + 1)
            )()  # the last, empty, ends it
            for at, (pattern, kind) in enumerate(request.tensor_types):
                overrides[at].pattern, overrides[at].type = pattern.encode(), kind
            params.tt_overrides = overrides
            kept.append(overrides)
        if entries:
            values = _overrides(lib, entries)
            params.kv_overrides = values
            kept.append(values)
        self._log.mark()
        self._watch = _Watch(request.weights, progress)
        begun = time.perf_counter()
        source, target = os.fsencode(request.source), os.fsencode(request.target)
        if lib.llama_model_quantize(source, target, ctypes.byref(params)) != 0:
            raise _refused(self._log.since_mark, self._watch.needs_imatrix)
        return Quantized(self._watch.types, self._watch.needs_imatrix, time.perf_counter() - begun)

    def _imatrix(self, params: Any, path: Path, kept: list[Any]) -> dict[str, str | int | bool]:
        """Hand an importance matrix to the quantizer; what llama-quantize writes of it into the metadata."""
        from desktop.engine.tools.imatrix_file import read_imatrix

        found, lib = read_imatrix(path), self._lib
        data = (lib.llama_model_imatrix_data * (len(found.entries) + 1))()
        for at, (name, values) in enumerate(found.entries.items()):
            data[at].name = name.encode()
            data[at].data = values.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
            data[at].size = values.size
        params.imatrix = data
        kept += [data, found]
        told: dict[str, str | int | bool] = {"quantize.imatrix.file": path.name}
        if found.dataset:
            told["quantize.imatrix.dataset"] = found.dataset
        told["quantize.imatrix.entries_count"] = len(found.entries)
        if found.chunks > 0:
            told["quantize.imatrix.chunks_count"] = found.chunks
        return told

    def try_out(self, request: TryOut) -> Tried:
        """Raises EngineError where the engine does not load the file, or what it computes are no numbers."""
        lib = self._lib
        self._log.mark()
        params = lib.llama_model_default_params()
        params.n_gpu_layers = 0
        handle = lib.llama_model_load_from_file(os.fsencode(request.path), params)
        if not handle:
            raise _refused(self._log.since_mark, needs_imatrix=False)
        try:
            return Tried(request.compute and self._computes(handle, request.threads))
        finally:
            lib.llama_model_free(handle)

    def _computes(self, handle: Any, threads: int) -> bool:
        import numpy as np

        from desktop.engine import llama

        lib = self._lib
        parameters = llama.context_parameters(256, ("f16", "f16"), "auto")
        parameters.n_threads = parameters.n_threads_batch = threads
        context = lib.llama_init_from_model(handle, parameters)
        if not context:
            return False
        try:
            count = lib.llama_vocab_n_tokens(lib.llama_model_get_vocab(handle))
            tokens = (lib.llama_token * _TOKENS)(*(at * 37 % count for at in range(1, _TOKENS + 1)))
            if lib.llama_decode(context, lib.llama_batch_get_one(tokens, _TOKENS)) != 0:
                return False
            logits = np.ctypeslib.as_array(lib.llama_get_logits_ith(context, -1), (count,))
            if not np.isfinite(logits).all():
                raise EngineError(
                    tr("What this file computes are no numbers."),
                    tr("Make it anew from another file of the model, or with an importance matrix."),
                    kind=FailureKind.NOT_FINITE,
                )
            return True
        finally:
            lib.llama_free(context)


def _overrides(lib: Any, entries: dict[str, str | int | bool]) -> Any:
    values = (lib.llama_model_kv_override * (len(entries) + 1))()  # the last, without a key, ends it
    for at, (key, value) in enumerate(entries.items()):
        values[at].key = key.encode()[:127]
        if isinstance(value, bool):
            values[at].tag, values[at].value.val_bool = _FLAG, value
        elif isinstance(value, int):
            values[at].tag, values[at].value.val_i64 = _INTEGER, value
        else:
            values[at].tag, values[at].value.val_str = _STRING, value.encode()[:127].decode("utf-8", "ignore").encode()
    return values


def _refused(log: str, needs_imatrix: bool) -> HeftError:
    if needs_imatrix:
        return EngineError(
            tr("This type is of no use without an importance matrix."),
            tr("Name one with --imatrix, or choose a larger type."),
            detail=log,
            kind=FailureKind.USAGE,
        )
    last = next((line for line in reversed(log.splitlines()) if "failed" in line or "error" in line.lower()), "")
    words = last.rpartition("failed to quantize: ")[2] or last
    hint = "Look at the details; try another type or another file."
    return EngineError(tr("The engine refused: {words}", words=words[:300] or "it gave no reason"), hint, detail=log)


def _limit(address_bytes: int) -> None:
    """Bound what a stranger's file can make the process take; the source is mapped, so it counts."""
    if sys.platform == "win32":
        return
    import resource

    import psutil

    whole = psutil.Process().memory_info().vms + address_bytes
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    if most == resource.RLIM_INFINITY or whole < most:
        resource.setrlimit(resource.RLIMIT_AS, (whole, most))


def main() -> None:
    """Serve until stdin closes."""
    made: list[Quantizer] = []

    def answer(request: Request, progress: Report) -> Answer:
        if isinstance(request, ReadImatrix):
            from desktop.engine.tools.imatrix_file import importance_of, read_imatrix

            found = read_imatrix(Path(request.path))
            return ImatrixRead(len(found.entries), found.chunks, found.dataset, importance_of(found))
        if not made:
            made.append(Quantizer())
        if isinstance(request, TryOut):
            return made[0].try_out(request)
        return made[0].quantize(request, progress)

    serve(Request, answer)


if __name__ == "__main__":
    main()
