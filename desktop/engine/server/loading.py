"""From a running server and its log to what was loaded, or why it was not."""

from __future__ import annotations

import mmap
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import psutil

from desktop.core.errors import EngineError, FileFormatError, HeftError
from desktop.core.failures import FailureKind
from desktop.core.gguf import BytesSource, read_header
from desktop.core.load_settings import LONGEST_CONTEXT
from desktop.core.memory.cache import BATCH
from desktop.core.speculation import unlogged_bytes
from desktop.core.units import human_bytes
from desktop.engine.api import Load, Loaded, Memory
from desktop.engine.log import buffer_bytes, offloaded_layers
from desktop.engine.logmap import explain_log
from desktop.engine.mapping import model_files

_WANTED = re.compile(r"failed to allocate (?:\S+ )?buffer of size (\d+)")  # ggml-backend.cpp, ggml-alloc.c; bytes
_CONTEXT = re.compile(r"llama_context: n_ctx_seq +(?:\(\d+\) *)?= (\d+)")  # src/llama-context.cpp; tokens
_INFO = re.compile(r"print_info: (arch|model type|file type|n_layer) +(?:\(all\) +)?= (.+)")  # src/llama-model.cpp
# server-context.cpp and common/speculative.cpp: a draft model or the MTP context is made after the model's own
_DRAFT_BEGINS = re.compile(r"loading draft model '|creating MTP draft context against")
_COMPUTE = re.compile(r"(\S+) +compute buffer size = +([\d.]+) MiB")
_SPECULATES = "speculative decoding context initialized"
_ATTEMPTS = 4  # each with a quarter fewer layers on the GPU than planned, then none


def check(load: Load) -> None:
    """Raises HeftError for what no server need be started for."""
    if not Path(load.path).is_file():
        raise HeftError(
            f"The model file is not there: {Path(load.path).name}",
            "Rescan the library, or choose the file again.",
            detail=load.path,
            kind=FailureKind.NOT_FOUND,
        )
    if load.draft and not Path(load.draft).is_file():
        raise HeftError(
            f"The draft model's file is not there: {Path(load.draft).name}",
            "Choose another draft model for this model, or turn speculation off.",
            detail=load.draft,
            kind=FailureKind.NOT_FOUND,
        )
    if not 0 < load.context_length <= LONGEST_CONTEXT:
        raise HeftError(
            f"A context of {load.context_length:,} tokens is longer than any model's.",
            "Choose a shorter one; the model's own maximum is shown beside it.",
            kind=FailureKind.USAGE,
        )


def attempts(load: Load) -> Iterator[int]:
    """GPU layers to try: as planned, then fewer where that is wanted, then none."""
    if not load.fewer_layers:
        yield load.gpu_layers
        return
    for attempt in range(_ATTEMPTS):
        yield int(load.gpu_layers * 0.75**attempt)
    yield 0


def limit_memory(pid: int) -> None:
    """Make allocations of a starting server beyond the memory there is fail cleanly.

    Linux grants any size and kills when the pages are touched; RLIMIT_DATA counts private writable memory only, so a
    mapped model file is not held against it.
    """
    if sys.platform == "linux":
        free = psutil.virtual_memory().available + psutil.swap_memory().free
        _set_limit(pid, free)


def limit_growth(pid: int) -> None:
    """A loaded server's memory is planned: what a chat template may still take of the rest is bounded."""
    if sys.platform == "linux":
        _set_limit(pid, psutil.Process(pid).memory_full_info().data + _GROWTH_BYTES)


_GROWTH_BYTES = 2 << 30  # prompts, checkpoints of states, what a driver takes at its first use


def _set_limit(pid: int, data_bytes: int) -> None:
    if sys.platform == "linux":
        import resource

        try:
            _, hard = resource.prlimit(pid, resource.RLIMIT_DATA)
            ceiling = data_bytes if hard == resource.RLIM_INFINITY else min(data_bytes, hard)
            resource.prlimit(pid, resource.RLIMIT_DATA, (ceiling, hard))
        except (OSError, ValueError):
            return  # it ended meanwhile


def loaded(
    load: Load,
    log: str,
    ready: Mapping[str, Any],
    pid: int,
    seconds: float,
    template: Literal["model", "chatml", "none"],
) -> Loaded:
    """What a ready server holds; ``ready`` is what it told of its model (server-context.cpp, get_res_model_info)."""
    log, draft_log = _parts(log)
    speculates = _SPECULATES in draft_log
    buffers = buffer_bytes(log)
    info = dict(_INFO.findall(log))
    context = _CONTEXT.search(log)
    meta = ready.get("meta") or {}
    length = int(context[1]) if context else load.context_length
    kind = load.speculation if speculates else "off"
    more = unlogged_bytes(kind, int(meta.get("n_vocab", 0)), int(meta.get("n_embd", 0)), min(BATCH, length))
    return Loaded(
        path=load.path,
        description=" ".join(filter(None, (info.get("arch"), info.get("model type"), info.get("file type")))),
        context_length=length,
        trained_context_length=int(meta.get("n_ctx_train", 0)),
        layers=int(info.get("n_layer", 0)),
        gpu_layers=offloaded_layers(log),
        threads=load.threads,
        template=template,
        memory=Memory(
            weights_bytes=_weights(buffers, int(meta.get("size", 0))),
            kv_bytes=buffers["KV"],
            recurrent_bytes=buffers["RS"],
            compute_bytes=buffers["compute"],
            output_bytes=buffers["output"],
            resident_bytes=psutil.Process(pid).memory_info().rss,
            draft_bytes=_draft_bytes(load, draft_log) + more if speculates else 0,
        ),
        seconds=seconds,
        request_id=load.request_id,
        cache_type_k=load.cache_type_k,
        cache_type_v=load.cache_type_v,
        flash_attention=load.flash_attention,
        cpu_expert_layers=load.cpu_expert_layers,
        parameters=int(meta.get("n_params", 0)),
        pid=pid,
        speculation=kind,
        draft=load.draft if kind == "draft" else "",
    )


def _parts(log: str) -> tuple[str, str]:
    """A load's log up to where speculation is made ready, and from there."""
    found = _DRAFT_BEGINS.search(log)
    return (log[: found.start()], log[found.start() :]) if found else (log, log)


def _draft_bytes(load: Load, log: str) -> int:
    """What the second context took, with the weights of a draft model; n-grams have none."""
    if load.speculation == "ngram":
        return 0
    buffers = buffer_bytes(log)
    weights = _weights(buffers, _tensor_bytes(Path(load.draft))) if load.draft else 0
    # made anew, and told again, when the sampler of MTP's guesses is set
    compute = sum(round(float(size) * 1024 * 1024) for size in dict(_COMPUTE.findall(log)).values())
    return weights + buffers["KV"] + buffers["RS"] + compute + buffers["output"]


def _tensor_bytes(path: Path) -> int:
    """Bytes of all tensors of a model's files; 0 where they cannot be read any more."""
    total = 0
    with suppress(OSError, ValueError, FileFormatError):
        for file in model_files(path):
            with file.open("rb") as opened:
                # freed with its last reader (desktop/engine/matrix_tiles.py)
                content = memoryview(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ))
            total += sum(tensor.size_bytes or 0 for tensor in read_header(BytesSource(content)).tensors)
    return total


def repacked(log: str) -> bool:
    """Whether tensors were copied in another order: the mapped file's pages of them are not needed any more."""
    return buffer_bytes(log)["repacked"] > 0


def failure(log: str) -> HeftError:
    """Why a server refused a model, in its log's words."""
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


def _weights(buffers: Mapping[str, int], tensor_bytes: int) -> int:
    """Bytes of the weights, each tensor once: a mapped file spans tensors that are held in another order too."""
    mapped = min(buffers["mapped"], max(0, tensor_bytes - buffers["repacked"]))
    return buffers["model"] - buffers["mapped"] + mapped
