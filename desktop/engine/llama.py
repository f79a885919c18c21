"""A thin, typed layer over llama-cpp-python's low-level API. Only processes that a model may kill import it."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import llama_cpp.llama_cpp as lib

from desktop.core.hardware import pci_address
from desktop.core.memory.cache import BATCH, batch_for
from desktop.core.model_kind import Purpose
from desktop.engine.api import Hello, Load, Sampling
from desktop.engine.backends import load_backends
from desktop.engine.device_records import Device
from desktop.engine.log import EngineLog
from desktop.engine.matrix_tiles import may_pack

# ggml type ids of KV cache types (ggml/include/ggml.h)
_KV_TYPES = {
    "f32": 0, "f16": 1, "q4_0": 2, "q4_1": 3, "q5_0": 6, "q5_1": 7, "q8_0": 8, "iq4_nl": 20, "bf16": 30,
}  # fmt: skip
_FLASH_ATTENTION = {"auto": -1, "off": 0, "on": 1}
_DEVICE_KINDS = ("cpu", "gpu", "igpu", "accelerator")


class DecodeError(RuntimeError):
    """llama_decode failed with ``code`` (1: no room in the KV cache, negative: internal)."""

    def __init__(self, code: int) -> None:
        super().__init__(f"llama_decode returned {code}")
        self.code = code


class _TensorOverride(ctypes.Structure):
    """``llama_model_tensor_buft_override`` of llama.h, which the binding leaves out."""

    _fields_ = (("pattern", ctypes.c_char_p), ("buft", ctypes.c_void_p))


class _DeviceProperties(ctypes.Structure):
    """``ggml_backend_dev_props`` of ggml-backend.h; ``capabilities`` leaves room for more than there are."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("description", ctypes.c_char_p),
        ("memory_free", ctypes.c_size_t),
        ("memory_total", ctypes.c_size_t),
        ("type", ctypes.c_int),
        ("device_id", ctypes.c_char_p),
        ("capabilities", ctypes.c_bool * 32),
    )


def model_parameters(
    path: str, gpu_layers: int, cpu_expert_layers: int, devices: str = "", shares: Sequence[float] = ()
) -> tuple[Any, Any]:
    """llama.cpp's parameters of a load of ``path``, and what they point to, which has to live until it is over.

    ``cpu_expert_layers``: so many layers, from the first, keep their routed experts in main memory; llama.cpp's
    ``--n-cpu-moe`` does the same (common/common.h, LLM_FFN_EXPS_REGEX). ``devices`` is as its ``--device``: names with
    commas between, "none", "" for all; ``shares`` as its ``--tensor-split``.
    """
    params = lib.llama_model_default_params()
    params.n_gpu_layers = gpu_layers
    params.use_extra_bufts = may_pack(path)
    chosen = _devices_named(devices) if devices else None
    if chosen is not None:
        params.devices = ctypes.cast(chosen, ctypes.c_void_p)
    parts = (ctypes.c_float * max(lib.llama_max_devices(), len(shares)))(*shares) if shares else None
    if parts is not None:
        params.tensor_split = ctypes.cast(parts, ctypes.POINTER(ctypes.c_float))
    if not cpu_expert_layers:
        return params, (chosen, parts)
    numbers = "|".join(str(layer) for layer in range(cpu_expert_layers))
    overrides = (_TensorOverride * 2)()  # the second, empty, ends the list
    overrides[0].pattern = rf"blk\.({numbers})\.ffn_(up|down|gate|gate_up)_(ch|)exps".encode()
    overrides[0].buft = _required("ggml_backend_cpu_buffer_type", ctypes.c_void_p)()
    params.tensor_buft_overrides = ctypes.cast(overrides, ctypes.c_void_p)
    return params, (overrides, chosen, parts)


def _devices_named(names: str) -> Any:
    """A list of devices that ends with none, as llama.cpp has it; those that are not there are left out."""
    by_name = _required("ggml_backend_dev_by_name", ctypes.c_void_p, ctypes.c_char_p)
    found = [by_name(name.encode()) for name in names.split(",") if name != "none"]
    present = [device for device in found if device]
    return (ctypes.c_void_p * (len(present) + 1))(*present)


def context_parameters(
    length: int,
    kv_types: tuple[str, str],
    flash_attention: str,
    *,
    outputs: int = 1,
    kept_states: int = 0,
    slots: int = 1,
    purpose: Purpose = "text",
    kv_offload: bool = True,
    batch: int = BATCH,
) -> Any:
    """llama.cpp's parameters of Heft's contexts: ``slots`` sequences of ``length`` each. Loads and plans share them.

    ``outputs`` is how many rows of logits a step may give; ``kept_states`` of a recurrent model go back so many tokens.
    """
    context = lib.llama_context_default_params()
    context.n_ctx, context.n_seq_max, context.kv_unified = slots * length, slots, False
    context.n_batch = context.n_ubatch = batch_for(purpose, length, batch)
    if purpose != "text":  # server-context.cpp, server_output_limits: each token's vector is an output
        context.embeddings, outputs = True, length
    if purpose == "rerank":
        context.pooling_type = lib.LLAMA_POOLING_TYPE_RANK
    context.n_outputs_max = min(
        outputs, context.n_batch
    )  # 0 would mean a row of logits for each token of a batch (docs/reference/memory.md)
    context.n_rs_seq = kept_states
    context.type_k, context.type_v = (_KV_TYPES[kind] for kind in kv_types)
    context.flash_attn_type = _FLASH_ATTENTION[flash_attention]
    context.offload_kqv = kv_offload
    context.swa_full = False
    context.no_perf = True
    return context


class Model:
    """A loaded model with its one context (one sequence, one output row), to be measured."""

    def __init__(self, request: Load, gpu_layers: int) -> None:
        """Load; raises RuntimeError when llama.cpp refuses (its log says why)."""
        params, self._overrides = model_parameters(request.path, gpu_layers, request.cpu_expert_layers, request.devices)
        self.handle = lib.llama_model_load_from_file(os.fsencode(request.path), params)
        if not self.handle:
            raise RuntimeError("model not loaded")
        context = context_parameters(request.context_length, request.kv_types, request.flash_attention)
        context.n_threads = context.n_threads_batch = request.threads
        self.context = lib.llama_init_from_model(self.handle, context)
        if not self.context:
            self.close()
            raise RuntimeError("context not created")
        self.memory = lib.llama_get_memory(self.context)
        self.context_length: int = lib.llama_n_ctx(self.context)

    def close(self) -> None:
        """Free context and model; safe to call twice."""
        if self.context:
            lib.llama_free(self.context)
            self.context = None
        if self.handle:
            lib.llama_model_free(self.handle)
            self.handle = None

    def decode(self, tokens: Sequence[int]) -> None:
        """Append tokens to the context, and wait until they are computed. Raises DecodeError."""
        array = (lib.llama_token * len(tokens))(*tokens)
        code = lib.llama_decode(self.context, lib.llama_batch_get_one(array, len(tokens)))
        if code != 0:
            raise DecodeError(code)
        lib.llama_synchronize(self.context)  # a graphics card is only told what to do

    def keep_prefix(self, count: int) -> None:
        """Forget all but the first ``count`` positions, or all where this kind of memory cannot."""
        if count <= 0 or not lib.llama_memory_seq_rm(self.memory, 0, count, -1):
            lib.llama_memory_clear(self.memory, True)


class Sampler:
    """A usual chain of llama.cpp's: top-k, top-p, min-p, temperature, draw; to be measured."""

    def __init__(self, model: Model, sampling: Sampling, seed: int) -> None:
        self._context = model.context
        self._chain = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
        for sampler in (
            lib.llama_sampler_init_top_k(sampling.top_k),
            lib.llama_sampler_init_top_p(sampling.top_p, 1),
            lib.llama_sampler_init_min_p(sampling.min_p, 1),
            lib.llama_sampler_init_temp(sampling.temperature),
            lib.llama_sampler_init_dist(seed),
        ):
            lib.llama_sampler_chain_add(self._chain, sampler)

    def next_token(self) -> int:
        """Draw from the last decoded position and remember the token."""
        token: int = lib.llama_sampler_sample(self._chain, self._context, -1)
        return token

    def close(self) -> None:
        """Free the chain."""
        lib.llama_sampler_free(self._chain)


def _function(name: str, result: Any, *arguments: Any) -> Callable[..., Any] | None:
    """An exported function of libllama or the ggml libraries it pulled in; None when this build lacks it."""
    found = getattr(lib._lib, name, None)
    if found is not None:
        found.restype, found.argtypes = result, list(arguments)
    return found


def _required(name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
    """An exported function this build must have; RuntimeError otherwise."""
    found = _function(name, result, *arguments)
    if found is None:
        raise RuntimeError(f"this engine lacks {name}")
    return found


def _architectures() -> tuple[str, ...]:
    """Architectures this build knows, by walking llama.cpp's own ``llm_arch_name`` (src/llama-arch.h)."""
    name_of = _function("_Z13llm_arch_name8llm_arch", ctypes.c_char_p, ctypes.c_int)
    names: list[str] = []
    while name_of is not None and len(names) < 1000:
        name = name_of(len(names))
        if not name or name == b"(unknown)":
            break
        names.append(name.decode())
    return tuple(n for n in names if n != "clip")


def devices() -> tuple[Device, ...]:
    """Every device the backends of this build report, with memory as of now."""
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    count = _function("ggml_backend_dev_count", ctypes.c_size_t)
    get = _function("ggml_backend_dev_get", pointer, ctypes.c_size_t)
    name = _function("ggml_backend_dev_name", text, pointer)
    describe = _function("ggml_backend_dev_description", text, pointer)
    kind = _function("ggml_backend_dev_type", ctypes.c_int, pointer)
    memory = _function(
        "ggml_backend_dev_memory", None, pointer, ctypes.POINTER(ctypes.c_size_t), ctypes.POINTER(ctypes.c_size_t)
    )
    registry = _function("ggml_backend_dev_backend_reg", pointer, pointer)
    registry_name = _function("ggml_backend_reg_name", text, pointer)
    if not (count and get and name and describe and kind and memory and registry and registry_name):
        return ()
    found = []
    for index in range(count()):
        device = get(index)
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        memory(device, ctypes.byref(free), ctypes.byref(total))
        found.append(
            Device(
                name=name(device).decode("utf-8", "replace"),
                description=describe(device).decode("utf-8", "replace"),
                backend=registry_name(registry(device)).decode("utf-8", "replace"),
                kind=_DEVICE_KINDS[min(kind(device), 3)],  # type: ignore[arg-type]
                total_bytes=total.value,
                free_bytes=free.value,
                device_id=_device_id(device),
            )
        )
    return tuple(found)


def _device_id(device: Any) -> str:
    """What the backend says that the device is among all of the computer's; "" where it does not."""
    properties = _function("ggml_backend_dev_get_props", None, ctypes.c_void_p, ctypes.POINTER(_DeviceProperties))
    if properties is None:
        return ""
    found = _DeviceProperties()
    properties(device, ctypes.byref(found))
    return pci_address((found.device_id or b"").decode("utf-8", "replace"))


def add_rpc_devices(endpoints: Sequence[str]) -> None:
    """Make other computers' devices usable: "host:port" of llama.cpp RPC servers. The protocol has no authentication.

    Raises RuntimeError when this build lacks the RPC backend or a server does not answer.
    """
    if not endpoints:
        return
    library = next((Path(lib.__file__).parent / "lib").glob("*ggml-rpc.*"), None)
    register = _function("ggml_backend_register", None, ctypes.c_void_p)
    if library is None or register is None:
        raise RuntimeError("this engine was built without the RPC backend")
    add_server = ctypes.CDLL(str(library)).ggml_backend_rpc_add_server
    add_server.restype, add_server.argtypes = ctypes.c_void_p, [ctypes.c_char_p]
    for endpoint in endpoints:
        registry = add_server(endpoint.encode())
        if not registry:
            raise RuntimeError(f"no RPC server answers at {endpoint}")
        register(registry)


def lend_devices(endpoint: str, threads: int) -> None:
    """Serve this computer's devices by RPC at "host:port", until the process ends: its GPUs, or the processor where
    there are none (ggml_backend_rpc_start_server of ggml-rpc.h). Raises RuntimeError where this build cannot.
    """
    library = next((Path(lib.__file__).parent / "lib").glob("*ggml-rpc.*"), None)
    if library is None:
        raise RuntimeError("this engine was built without the RPC backend")
    get = _required("ggml_backend_dev_get", ctypes.c_void_p, ctypes.c_size_t)
    known = devices()
    lent = [index for index, device in enumerate(known) if device.kind in ("gpu", "igpu")]
    lent = lent or [index for index, device in enumerate(known) if device.kind == "cpu"][:1]
    handles = (ctypes.c_void_p * len(lent))(*(get(index) for index in lent))
    serve = ctypes.CDLL(str(library)).ggml_backend_rpc_start_server
    serve.restype = None
    serve.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_void_p]
    serve(endpoint.encode(), None, threads, len(lent), handles)


def start(log: EngineLog) -> Any:
    """Initialise llama.cpp, once per process, with its log routed to ``log``.

    Returns the callback object: llama.cpp keeps only its address, so the caller must keep it alive.
    """
    callback = lib.llama_log_callback(log.on_log)
    lib.llama_log_set(callback, None)
    load_backends(lib._lib, Path(lib.__file__).parent)
    lib.llama_backend_init()
    return callback


def hello() -> Hello:
    """What this engine is: version, compiled-in CPU features, backends, devices, architectures."""
    info = lib.llama_print_system_info().decode("utf-8", "replace")
    count = _function("ggml_backend_reg_count", ctypes.c_size_t)
    get = _function("ggml_backend_reg_get", ctypes.c_void_p, ctypes.c_size_t)
    name = _function("ggml_backend_reg_name", ctypes.c_char_p, ctypes.c_void_p)
    backends = [name(get(i)).decode() for i in range(count())] if count and get and name else []
    return Hello(
        version=f"llama.cpp {lib.llama_version().decode()}",
        features=tuple(re.findall(r"(\w+) = 1", info)),
        backends=tuple(backends),
        devices=devices(),
        architectures=_architectures(),
    )
