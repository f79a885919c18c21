"""Loading a model: threads, GPU layers, progress, and what the engine says it took."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from desktop.core.cancelled import CancelledError
from desktop.core.errors import EngineError, HeftError
from desktop.core.failures import FailureKind
from desktop.core.load_settings import LONGEST_CONTEXT
from desktop.core.units import human_bytes
from desktop.engine.api import Event, Load, Loaded, LoadProgress, Memory
from desktop.engine.llama import AbortFlag, Model
from desktop.engine.log import EngineLog, buffer_bytes, offloaded_layers
from desktop.engine.logmap import explain_log
from desktop.engine.mapping import model_files, release_mapped

_WANTED = re.compile(r"failed to allocate (?:\S+ )?buffer of size (\d+)")  # ggml-backend.cpp, ggml-alloc.c; bytes
_ATTEMPTS = 4  # each with a quarter fewer layers on the GPU than planned, then none


def load_model(request: Load, abort: AbortFlag, log: EngineLog, send: Callable[[Event], None]) -> tuple[Model, Loaded]:
    """Load and describe; raises HeftError with the cause read from the engine's log, or CancelledError."""
    started = time.monotonic()
    if not Path(request.path).is_file():
        raise HeftError(
            f"The model file is not there: {Path(request.path).name}",
            "Rescan the library, or choose the file again.",
            detail=request.path,
            kind=FailureKind.NOT_FOUND,
        )
    if not 0 < request.context_length <= LONGEST_CONTEXT:
        raise HeftError(
            f"A context of {request.context_length:,} tokens is longer than any model's.",
            "Choose a shorter one; the model's own maximum is shown beside it.",
            kind=FailureKind.USAGE,
        )
    with _no_more_than_there_is():
        model = _first_that_fits(request, abort, log, send)
    buffers = buffer_bytes(log.since_mark)
    if buffers["repacked"]:
        release_mapped(model_files(Path(request.path)))
    loaded = Loaded(
        path=request.path,
        description=model.description,
        context_length=model.context_length,
        trained_context_length=model.trained_context,
        layers=model.layers,
        gpu_layers=offloaded_layers(log.since_mark),
        threads=request.threads,
        template="model" if model.chat_template else "chatml" if model.has_chatml_tokens else "none",
        memory=Memory(
            weights_bytes=_weights(buffers, model.size_bytes),
            kv_bytes=buffers["KV"],
            recurrent_bytes=buffers["RS"],
            compute_bytes=buffers["compute"],
            output_bytes=buffers["output"],
            resident_bytes=psutil.Process().memory_info().rss,
        ),
        seconds=time.monotonic() - started,
        request_id=request.request_id,
        cache_type_k=request.cache_type_k,
        cache_type_v=request.cache_type_v,
        flash_attention=request.flash_attention,
        cpu_expert_layers=request.cpu_expert_layers,
    )
    return model, loaded


def _weights(buffers: Mapping[str, int], tensor_bytes: int) -> int:
    """Bytes of the weights, each tensor once: a mapped file spans tensors that are held in another order too."""
    mapped = min(buffers["mapped"], max(0, tensor_bytes - buffers["repacked"]))
    return buffers["model"] - buffers["mapped"] + mapped


@contextmanager
def _no_more_than_there_is() -> Iterator[None]:
    """Make allocations beyond the memory there is fail cleanly, instead of letting the system kill a process.

    Linux grants any size and kills when the pages are touched; RLIMIT_DATA counts private writable memory only, so
    a mapped model file is not held against it.
    """
    if sys.platform != "linux":
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    free = psutil.virtual_memory().available + psutil.swap_memory().free
    ceiling = psutil.Process().memory_full_info().data + free
    resource.setrlimit(resource.RLIMIT_DATA, (ceiling if hard == resource.RLIM_INFINITY else min(ceiling, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _first_that_fits(request: Load, abort: AbortFlag, log: EngineLog, send: Callable[[Event], None]) -> Model:
    error: HeftError = EngineError("The model could not be loaded.", "Try another file.")
    for gpu_layers in _attempts(request):
        log.mark()
        try:
            return Model(request, gpu_layers, abort, _progress(request.request_id, abort, send))
        except RuntimeError:
            if abort.is_set:
                raise CancelledError("Loading was cancelled.", "Load the model again when you like.") from None
            error = _failure(log.since_mark)
            if error.kind != FailureKind.OUT_OF_MEMORY:
                break
    raise error


def _failure(log: str) -> HeftError:
    cause = explain_log(log)
    if cause is None:
        return EngineError(
            "The engine could not load this model.", "Copy the details and try another variant.", detail=log
        )
    message = cause.message
    wanted = _WANTED.search(log)
    if cause.kind == FailureKind.OUT_OF_MEMORY and wanted is not None:
        free = psutil.virtual_memory().available
        message += f" It asked for {human_bytes(int(wanted[1]))} at once; {human_bytes(free)} are free."
    return EngineError(message, cause.hint, kind=cause.kind, detail=log)


def _progress(request_id: int, abort: AbortFlag, send: Callable[[Event], None]) -> Callable[[float], bool]:
    shown = -1

    def report(fraction: float) -> bool:
        nonlocal shown
        if int(fraction * 100) != shown:
            shown = int(fraction * 100)
            send(LoadProgress(fraction, request_id))
        return not abort.is_set

    return report


def _attempts(request: Load) -> Iterator[int]:
    """GPU layers to try: as planned, then fewer where that is wanted, then none."""
    if not request.fewer_layers:
        yield request.gpu_layers
        return
    for attempt in range(_ATTEMPTS):
        yield int(request.gpu_layers * 0.75**attempt)
    yield 0
