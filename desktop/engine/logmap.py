"""From llama.cpp's words and exit codes to a cause a person understands, with one thing to do."""

from __future__ import annotations

import re
import signal
import sys
from typing import Literal

from desktop.core.failures import FailureKind
from desktop.core.other_types import OTHER_TYPES, cannot_load, program_of_types
from desktop.core.words import tr
from desktop.engine.cause import Cause, renew
from desktop.engine.loader_cause import explain_loader

Phase = Literal["starting", "loading", "working"]  # what a process was at: no word from it yet, a load, anything else
_AGAIN = tr("Download the file again; compare its size with the one on the Hub.")
_OTHER = tr("Choose another file of this model; this one cannot run.")
_LOADER_SIGNALS = (0, signal.SIGABRT)  # how a process ends that lacks a library: by an exit code, on macOS by abort()
_FEWER = tr("Close programs that use it, choose a shorter context, or load the model on the processor.")
# what backends say when a device of theirs is full (ggml-vulkan.cpp, ggml-cuda.cu, ggml-alloc.c, ggml-backend.cpp)
DEVICE_FULL = re.compile(
    r"(?:ErrorOutOfDeviceMemory|Device memory allocation of size \d+ failed|cudaMalloc failed|"
    r"(?:CUDA|ROCm|MUSA|SYCL) error: out of memory|"
    r"failed to allocate (?!CPU|AMX|\S*_Host)[A-Za-z]+\d\S* buffer of size)"
)
# ggml-rpc.cpp (RPC_STATUS_ASSERT), ggml-vulkan.cpp (vk::DeviceLostError), ggml-cuda.cu (ggml_cuda_error)
_DEVICE_LOST = (
    r"(?:Remote RPC server crashed|vk::DeviceLostError|ErrorDeviceLost|ggml_vulkan: device lost|"
    r"(?:CUDA|ROCm|MUSA) error: (?!out of memory)|ggml-rpc.*Failed to connect to )"
)
_SMALLER = tr("Close other programs, choose a shorter context or a KV cache of q8_0, or take a smaller variant.")

# First match wins; the texts are llama.cpp 0c1e57098's (src/llama-*.cpp, ggml/src/*.c*)
_RULES: tuple[tuple[re.Pattern[str], FailureKind, str, str], ...] = tuple(
    (re.compile(pattern), kind, message, hint)
    for pattern, kind, message, hint in (
        (
            r"unknown model architecture: '([^']*)'",
            FailureKind.UNKNOWN_ARCHITECTURE,
            tr("This engine does not know the architecture '{0}'."),
            tr("Look for an update of Heft, or choose a model of an architecture listed on the page Machine."),
        ),
        (
            r"(?:failed to load GGUF split|failed to load split|invalid split count|(?:illegal|invalid) split file)",
            FailureKind.MISSING_SHARD,
            tr("A part of this model is missing or does not belong to it."),
            tr("Put all parts (…-00001-of-…) of the model into one folder, or download it again."),
        ),
        (
            "invalid device: (\\S+)",
            FailureKind.DEVICE_GONE,
            tr("The device {0}, on which this model was to run, is not there any more."),
            tr("Choose another device for this model, or load it on the processor."),
        ),
        (
            DEVICE_FULL.pattern,
            FailureKind.OUT_OF_MEMORY,
            tr("The graphics device has not enough free memory for this model with these settings."),
            _FEWER,
        ),
        (
            _DEVICE_LOST,
            FailureKind.DEVICE_LOST,
            tr("The graphics device failed, or its connection broke, while the model was using it."),
            tr("Load the model again; if it happens twice, load it on the processor."),
        ),
        (
            r"(?:unable to allocate|failed to allocate|Cannot allocate memory|bad_alloc|cudaMalloc failed|"
            r"out of memory|OutOfDeviceMemory)",
            FailureKind.OUT_OF_MEMORY,
            tr("There is not enough memory for this model with these settings."),
            _SMALLER,
        ),
        (
            r"failed to open (?:GGUF file|/|\w:)",
            FailureKind.NOT_FOUND,
            tr("The model file is not there any more, or cannot be read."),
            tr("Rescan the library, or choose the file again."),
        ),
        (
            "data is not within the file bounds",
            FailureKind.BAD_FILE,
            tr("The model file is incomplete: some of its data is missing."),
            _AGAIN,
        ),
        (
            r"(?:invalid magic characters|failed to read (?:magic|header)|bad GGUF magic)",
            FailureKind.BAD_FILE,
            tr("This is not a GGUF model file."),
            tr("Choose a file that ends in .gguf and was made for llama.cpp."),
        ),
        (
            r"GGML_ASSERT\(([^\n]*)\) failed",
            FailureKind.BAD_FILE,
            tr("The engine stopped at a check of this model ({0})."),
            _OTHER,
        ),
        (
            "key not found in model: (\\S+)",
            FailureKind.BAD_FILE,
            tr("The model file lacks the entry '{0}' that its architecture needs."),
            _OTHER,
        ),
        (
            r"(?:missing tensor|check_tensor_dims: tensor) '([^']*)'(?! has wrong)",
            FailureKind.BAD_FILE,
            tr("The model file lacks the tensor '{0}'."),
            _OTHER,
        ),
        (
            r"tensor '([^'\n]*)' has wrong shape; expected +([^\n]*?), got +([^\n]*)",
            FailureKind.BAD_FILE,
            tr("The tensor '{0}' of the model file has the wrong shape: {2}, where the engine expects {1}."),
            _OTHER,
        ),
        (
            r"wrong number of tensors; expected (\d+), got (\d+)",
            FailureKind.BAD_FILE,
            tr("The model file holds {0} tensors, of which the engine knows {1} for this architecture."),
            _OTHER,
        ),
        (
            r"unsupported types: dst: \w+, src0: \w+, src1: (\w+)",
            FailureKind.BAD_FILE,
            tr("The model file holds tensors of type {0} where the engine computes with f32 only."),
            _OTHER,
        ),
        (
            r"tensor '[^'\n]*' has invalid ggml type (\d+)",
            FailureKind.OTHER_PROGRAM,
            tr("llama.cpp cannot load this model: it does not know the tensor type {0}."),
            tr("Look for a variant of this model in another quantization."),
        ),
        (
            r"gguf_init_from_\w+: (?!failed to|encountered)([^\n]+)",
            FailureKind.BAD_FILE,
            tr("The engine refuses the file's header: {0}."),
            _OTHER,
        ),
        (
            r"error loading model(?: \w+)?: (?!error loading model|[^\n]*failed to load model)([^\n]+)",
            FailureKind.BAD_FILE,
            tr("The engine refuses this model: {0}."),
            _OTHER,
        ),
        (
            r"(?:gguf_init_from_\w+: [^\n]*|error loading model[^\n]*|failed to load model[^\n]*)",
            FailureKind.BAD_FILE,
            tr("The model file could not be read."),
            _AGAIN,
        ),
    )
)


def explain_log(log: str) -> Cause | None:
    """The cause a log names, None when it names none."""
    for pattern, kind, message, hint in _RULES:
        found = pattern.search(log)
        if found:
            said = message.format(*(" ".join(group.split()) for group in found.groups()))
            if kind is FailureKind.OTHER_PROGRAM and (program := program_of_types((int(found[1]),))):
                said = cannot_load(OTHER_TYPES[int(found[1])], program)
            return Cause(kind, said, hint)
    return None


def explain_device(log: str) -> Cause | None:
    """The cause a log names where it lies with a graphics device; None where it does not."""
    lines = "\n".join(line for line in log.splitlines() if DEVICE_FULL.search(line) or re.search(_DEVICE_LOST, line))
    return explain_log(lines) if lines else None


def explain_exit(exit_code: int | None, log: str, phase: Phase) -> Cause:
    """Why the process ended unasked; ``exit_code`` is negative for a signal (as in subprocess)."""
    number = -exit_code if exit_code is not None and exit_code < 0 else 0
    if phase == "starting" and number in _LOADER_SIGNALS:
        refused = explain_loader(log, exit_code)
        if refused is not None:
            return refused
    if number == signal.SIGILL or exit_code == 0xC000001D:
        return Cause(
            FailureKind.UNSUPPORTED_CPU,
            tr("The engine stopped at an instruction that this CPU does not have."),
            tr("Copy the report in Settings > About Heft and send it in: the installed engine is for every CPU.")
            if getattr(sys, "frozen", False)
            else tr("Set Heft up again on this computer so that the engine is compiled for it."),
        )
    if number == getattr(signal, "SIGBUS", -1):
        return Cause(
            FailureKind.NOT_FOUND,
            tr("The model file vanished or changed while it was in use."),
            tr("Check the disk it lies on, then load it again."),
        )
    named = explain_log(log) if phase != "working" or number == signal.SIGABRT else None
    if named is not None:
        return named
    if number == getattr(signal, "SIGKILL", -1):
        return Cause(
            FailureKind.KILLED,
            tr("The engine was ended from outside; usually the system does that when memory runs out."),
            _SMALLER,
        )
    if phase == "starting" and not number:
        return Cause(FailureKind.NOT_STARTED, tr("The engine ended before it could start."), renew())
    what = {"starting": "at its start", "loading": "while loading the model", "working": "while it was working"}[phase]
    hint = tr("Load the model again; if it happens twice, try another variant.")
    return Cause(FailureKind.CRASHED, tr("The engine crashed {what}.", what=what), hint)
