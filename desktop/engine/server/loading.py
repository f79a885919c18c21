"""From a running server and its log to what was loaded, or why it was not."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import psutil

from desktop.core.errors import EngineError, HeftError
from desktop.core.failures import FailureKind
from desktop.core.load_settings import LONGEST_CONTEXT
from desktop.core.memory.cache import batch_for, batch_of
from desktop.core.speculation import unlogged_bytes
from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.engine.api import Load, Loaded, Memory
from desktop.engine.device_log import buffer_names, device_number, held_by_devices, offloaded, used_devices
from desktop.engine.device_records import DeviceRefusal
from desktop.engine.logmap import DEVICE_FULL, explain_log
from desktop.engine.server.device_memory import held_once, with_draft, with_projector

_WANTED = re.compile(r"failed to allocate (?:(\S+) )?buffer of size (\d+)")  # ggml-backend.cpp, ggml-alloc.c; bytes
_CONTEXT = re.compile(r"llama_context: n_ctx_seq +(?:\(\d+\) *)?= (\d+)")  # src/llama-context.cpp; tokens
_INFO = re.compile(r"print_info: (arch|model type|file type|n_layer) +(?:\(all\) +)?= (.+)")  # src/llama-model.cpp
# server-context.cpp and common/speculative.cpp: a draft model or the MTP context is made after the model's own
_DRAFT_BEGINS = re.compile(r"loading draft model '|creating MTP draft context against")
_SPECULATES = "speculative decoding context initialized"
_ATTEMPTS = 4  # each with a quarter fewer layers on the GPU than planned, then none


def check(load: Load) -> None:
    """Raises HeftError for what no server need be started for."""
    if not Path(load.path).is_file():
        raise HeftError(
            tr("The model file is not there: {name}", name=Path(load.path).name),
            tr("Rescan the library, or choose the file again."),
            detail=load.path,
            kind=FailureKind.NOT_FOUND,
        )
    if load.projector and not Path(load.projector).is_file():
        raise HeftError(
            tr("The projector's file is not there: {name}", name=Path(load.projector).name),
            tr("Load the model again: it is loaded with what lies beside it now."),
            detail=load.projector,
            kind=FailureKind.NOT_FOUND,
        )
    if load.draft and not Path(load.draft).is_file():
        raise HeftError(
            tr("The draft model's file is not there: {name}", name=Path(load.draft).name),
            tr("Choose another draft model for this model, or turn speculation off."),
            detail=load.draft,
            kind=FailureKind.NOT_FOUND,
        )
    if not 0 < load.context_length <= LONGEST_CONTEXT:
        raise HeftError(
            tr(
                "A context of {context_length:,} tokens is longer than any model's.", context_length=load.context_length
            ),
            tr("Choose a shorter one; the model's own maximum is shown beside it."),
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


def limit_growth(pid: int, load: Load, vocabulary: int) -> None:
    """A loaded server's memory is planned: what a chat template may still take of the rest is bounded.

    A model that makes vectors reserves, and never touches, a row of logits for each token of a text (output_reserve).
    """
    if sys.platform == "linux":
        rows = 0 if load.purpose == "text" else load.context_length
        _set_limit(pid, psutil.Process(pid).memory_full_info().data + _GROWTH_BYTES + 4 * vocabulary * rows)


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
    refused: DeviceRefusal | None = None,
) -> Loaded:
    """What a ready server holds; ``ready`` is what it told of its model (server-context.cpp, get_res_model_info).

    ``refused`` is why it holds fewer layers on the GPUs than were planned.
    """
    whole_log = log
    log, draft_log = _parts(log)
    speculates = _SPECULATES in draft_log
    info = dict(_INFO.findall(log))
    context = _CONTEXT.search(log)
    meta = ready.get("meta") or {}
    length = int(context[1]) if context else load.context_length
    kind = load.speculation if speculates else "off"
    width, vocabulary = int(meta.get("n_embd", 0)), int(meta.get("n_vocab", 0))
    more = unlogged_bytes(kind, vocabulary, width, batch_of(length, load.batch), load.slots)
    devices = held_once(Path(load.path), held_by_devices(log), int(meta.get("size", 0)), mtp=load.speculation == "mtp")
    if speculates:
        devices = with_draft(devices, load, draft_log, log, more)
    layers = offloaded(log)[0] if any(device.weights_bytes for device in devices[1:]) else 0
    if load.projector:
        devices = with_projector(devices, whole_log, layers)
    return Loaded(
        path=load.path,
        description=" ".join(filter(None, (info.get("arch"), info.get("model type"), info.get("file type")))),
        context_length=length,
        trained_context_length=int(meta.get("n_ctx_train", 0)),
        layers=int(info.get("n_layer", 0)),
        gpu_layers=layers,
        threads=load.threads,
        template=template,
        memory=Memory(
            weights_bytes=sum(device.weights_bytes for device in devices),
            kv_bytes=sum(device.kv_bytes for device in devices),
            recurrent_bytes=sum(device.recurrent_bytes for device in devices),
            compute_bytes=sum(device.compute_bytes for device in devices),
            output_bytes=sum(device.output_bytes for device in devices),
            resident_bytes=psutil.Process(pid).memory_info().rss,
            draft_bytes=sum(device.draft_bytes for device in devices),
            projector_bytes=sum(device.projector_bytes for device in devices),
        ),
        seconds=seconds,
        request_id=load.request_id,
        cache_type_k=load.cache_type_k,
        cache_type_v=load.cache_type_v,
        flash_attention=load.flash_attention,
        cpu_expert_layers=load.cpu_expert_layers,
        parameters=int(meta.get("n_params", 0)),
        slots=load.slots,
        tensor_split=load.tensor_split,
        kv_offload=load.kv_offload,
        batch=batch_for(load.purpose, length, load.batch),
        pid=pid,
        speculation=kind,
        draft=load.draft if kind == "draft" else "",
        devices=devices,
        refused=refused,
    )


def _parts(log: str) -> tuple[str, str]:
    """A load's log up to where speculation is made ready, and from there."""
    found = _DRAFT_BEGINS.search(log)
    return (log[: found.start()], log[found.start() :]) if found else (log, log)


def unused_pages(log: str) -> bool:
    """Whether pages of the mapped file are not needed any more: a device holds their tensors, or main memory does in
    another order.
    """
    main, *others = held_by_devices(log)
    return main.reordered_bytes > 0 or (main.mapped_bytes > 0 and any(device.weights_bytes for device in others))


def device_refusal(log: str, gpu_layers: int) -> DeviceRefusal | None:
    """The device that had no room for what was planned, by the log of a failed load; None where main memory had not."""
    names = tuple(name for name, _ in used_devices(log))
    wanted = next((found for found in _WANTED.finditer(log) if found[1]), None)
    if wanted is None:
        return DeviceRefusal(layers=gpu_layers) if DEVICE_FULL.search(log) else None
    number = device_number(wanted[1], buffer_names(used_devices(log)))
    return DeviceRefusal(names[number - 1], int(wanted[2]), gpu_layers) if number else None


def failure(log: str, gpu_layers: int = 0) -> HeftError:
    """Why a server refused a model, in its log's words."""
    cause = explain_log(log)
    if cause is None:
        return EngineError(
            tr("The engine could not load this model."), tr("Copy the details and try another variant."), detail=log
        )
    message = cause.message
    wanted = _WANTED.search(log)
    if cause.kind == FailureKind.OUT_OF_MEMORY and wanted is not None and device_refusal(log, gpu_layers) is None:
        free = psutil.virtual_memory().available
        message += f" It asked for {human_bytes(int(wanted[2]))} at once; {human_bytes(free)} are free."
    return EngineError(message, cause.hint, kind=cause.kind, detail=log)
