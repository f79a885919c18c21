"""A thin, typed layer over llama-cpp-python's low-level API. Only the worker process imports this module."""

from __future__ import annotations

import ctypes
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import llama_cpp.llama_cpp as lib

from desktop.core.model_kind import CHATML_TOKENS
from desktop.engine.api import Device, Hello, Load, Sampling
from desktop.engine.backends import load_backends
from desktop.engine.log import EngineLog
from desktop.engine.matrix_tiles import may_pack
from desktop.engine.vocabulary import has_control_tokens, special_tokens
from desktop.engine.worker.typed_text import Special

# ggml type ids of KV cache types (ggml/include/ggml.h)
_KV_TYPES = {
    "f32": 0, "f16": 1, "q4_0": 2, "q4_1": 3, "q5_0": 6, "q5_1": 7, "q8_0": 8, "iq4_nl": 20, "bf16": 30,
}  # fmt: skip
_FLASH_ATTENTION = {"auto": -1, "off": 0, "on": 1}
_DEVICE_KINDS = ("cpu", "gpu", "igpu", "accelerator")
BATCH = 512  # tokens per decode call: llama.cpp's physical batch, so nothing is split twice
ABORTED = 2  # llama_decode's return value when the abort callback said stop


class DecodeError(RuntimeError):
    """llama_decode failed with ``code`` (1: no room in the KV cache, negative: internal)."""

    def __init__(self, code: int) -> None:
        super().__init__(f"llama_decode returned {code}")
        self.code = code


class AbortFlag:
    """A byte that makes llama.cpp stop between two graph nodes.

    The callback is libc's ``strlen`` on a one-character buffer: it reads the flag without taking the GIL, where a
    Python callback would cost a call per graph node and token.
    """

    def __init__(self) -> None:
        self._buffer = ctypes.create_string_buffer(2)
        libc = ctypes.CDLL("ucrtbase" if sys.platform == "win32" else None)
        self.function = lib.ggml_abort_callback(ctypes.cast(libc.strlen, ctypes.c_void_p).value)
        self.data = ctypes.cast(self._buffer, ctypes.c_void_p)

    def set(self) -> None:
        self._buffer[0] = b"\x01"

    def clear(self) -> None:
        self._buffer[0] = b"\x00"

    @property
    def is_set(self) -> bool:
        return self._buffer[0] != b"\x00"


class _TensorOverride(ctypes.Structure):
    """``llama_model_tensor_buft_override`` of llama.h, which the binding leaves out."""

    _fields_ = (("pattern", ctypes.c_char_p), ("buft", ctypes.c_void_p))


def model_parameters(path: str, gpu_layers: int, cpu_expert_layers: int) -> tuple[Any, Any]:
    """llama.cpp's parameters of a load of ``path``, and what they point to, which has to live until it is over.

    ``cpu_expert_layers``: so many layers, from the first, keep their routed experts in main memory; llama.cpp's
    ``--n-cpu-moe`` does the same (common/common.h, LLM_FFN_EXPS_REGEX).
    """
    params = lib.llama_model_default_params()
    params.n_gpu_layers = gpu_layers
    params.use_extra_bufts = may_pack(path)
    if not cpu_expert_layers:
        return params, None
    numbers = "|".join(str(layer) for layer in range(cpu_expert_layers))
    overrides = (_TensorOverride * 2)()  # the second, empty, ends the list
    overrides[0].pattern = rf"blk\.({numbers})\.ffn_(up|down|gate|gate_up)_(ch|)exps".encode()
    overrides[0].buft = _required("ggml_backend_cpu_buffer_type", ctypes.c_void_p)()
    params.tensor_buft_overrides = ctypes.cast(overrides, ctypes.c_void_p)
    return params, overrides


def context_parameters(length: int, kv_types: tuple[str, str], flash_attention: str) -> Any:
    """llama.cpp's parameters of Heft's contexts: one sequence, one row of logits. Loads and plans share them."""
    context = lib.llama_context_default_params()
    context.n_ctx = length
    context.n_batch = context.n_ubatch = min(BATCH, length)
    context.n_outputs_max = 1  # 0 would mean a row of logits for each token of a batch (docs/reference/memory.md)
    context.type_k, context.type_v = (_KV_TYPES[kind] for kind in kv_types)
    context.flash_attn_type = _FLASH_ATTENTION[flash_attention]
    context.swa_full = False
    context.no_perf = True
    return context


class Model:
    """A loaded model with its one context (one sequence, one output row)."""

    def __init__(self, request: Load, gpu_layers: int, abort: AbortFlag, progress: Callable[[float], bool]) -> None:
        """Load; raises RuntimeError when llama.cpp refuses (its log says why). ``progress`` returns False to stop."""
        self._progress = lib.llama_progress_callback(lambda fraction, _data: progress(fraction))
        params, self._overrides = model_parameters(request.path, gpu_layers, request.cpu_expert_layers)
        params.progress_callback = self._progress
        self.handle = lib.llama_model_load_from_file(os.fsencode(request.path), params)
        if not self.handle:
            raise RuntimeError("model not loaded")
        self.context = None
        self.vocab = lib.llama_model_get_vocab(self.handle)
        self.trained_context: int = lib.llama_model_n_ctx_train(self.handle)
        self.layers: int = lib.llama_model_n_layer(self.handle)
        self.sliding_window: int = lib.llama_model_n_swa(self.handle)
        self.parameters: int = lib.llama_model_n_params(self.handle)
        self.size_bytes: int = lib.llama_model_size(self.handle)
        context = context_parameters(request.context_length, request.kv_types, request.flash_attention)
        context.n_threads = context.n_threads_batch = request.threads
        context.abort_callback = abort.function
        context.abort_callback_data = abort.data
        self.context = lib.llama_init_from_model(self.handle, context)
        if not self.context:
            self.close()
            raise RuntimeError("context not created")
        self.memory = lib.llama_get_memory(self.context)
        self.context_length: int = lib.llama_n_ctx(self.context)
        self.batch: int = lib.llama_n_batch(self.context)  # most tokens of one decode call
        self.threads = self._threads_in_use = request.threads
        self.vocabulary_size: int = lib.llama_vocab_n_tokens(self.vocab)
        self._piece = ctypes.create_string_buffer(256)

    def close(self) -> None:
        """Free context and model; safe to call twice."""
        if self.context:
            lib.llama_free(self.context)
            self.context = None
        if self.handle:
            lib.llama_model_free(self.handle)
            self.handle = None

    @property
    def description(self) -> str:
        buffer = ctypes.create_string_buffer(256)
        lib.llama_model_desc(self.handle, buffer, 256)
        return buffer.value.decode("utf-8", "replace")

    @property
    def chat_template(self) -> str | None:
        """The model's own Jinja template, None when it has none.

        Not by ``llama_model_chat_template``: for some files without one it answers the name of a built-in format.
        """
        key = b"tokenizer.chat_template"
        length = lib.llama_model_meta_val_str(self.handle, key, None, 0)
        if length <= 0:
            return None
        buffer = ctypes.create_string_buffer(length + 1)
        lib.llama_model_meta_val_str(self.handle, key, buffer, length + 1)
        return buffer.value.decode("utf-8", "replace")

    @property
    def has_chatml_tokens(self) -> bool:
        """Whether the vocabulary has ChatML's marks as control tokens."""
        return has_control_tokens(self.vocab, CHATML_TOKENS)

    @property
    def adds_bos(self) -> bool:
        return bool(lib.llama_vocab_get_add_bos(self.vocab))

    def token_text(self, which: str) -> str:
        """Text of the vocabulary's "bos" or "eos" token, empty when it has none."""
        token = getattr(lib, f"llama_vocab_{which}")(self.vocab)
        raw = lib.llama_vocab_get_text(self.vocab, token) if token >= 0 else None
        return raw.decode("utf-8", "replace") if raw else ""

    def specials(self) -> list[Special]:
        """The vocabulary's tokens that llama.cpp reads whole: control tokens, unknown ones and user-defined ones."""
        return special_tokens(self.vocab)

    def begin(self) -> list[int]:
        """The BOS that begins a prompt, where the vocabulary asks for one."""
        return [lib.llama_vocab_bos(self.vocab)] if self.adds_bos else []

    def tokenize(self, text: str, *, special: bool, whole: bool = False) -> list[int]:
        """Token ids of ``text``; ``special`` reads control tokens in it, ``whole`` adds BOS as the vocabulary asks."""
        raw = text.encode("utf-8", "replace")
        size = len(raw) + 8
        buffer = (lib.llama_token * size)()
        count = lib.llama_tokenize(self.vocab, raw, len(raw), buffer, size, whole, special)
        if count < 0:
            buffer = (lib.llama_token * -count)()
            count = lib.llama_tokenize(self.vocab, raw, len(raw), buffer, -count, whole, special)
        return list(buffer[:count])

    def piece(self, token: int) -> bytes:
        """Bytes of one token as shown to a person: control tokens are empty."""
        length = lib.llama_token_to_piece(self.vocab, token, self._piece, len(self._piece), 0, False)
        if length < 0:
            self._piece = ctypes.create_string_buffer(-length)
            length = lib.llama_token_to_piece(self.vocab, token, self._piece, len(self._piece), 0, False)
        return self._piece.raw[:length]

    def ends_generation(self, token: int) -> bool:
        return bool(lib.llama_vocab_is_eog(self.vocab, token))

    def use_threads(self, count: int) -> None:
        """Decode with so many threads from now on."""
        if count != self._threads_in_use:
            lib.llama_set_n_threads(self.context, count, count)
            self._threads_in_use = count

    def decode(self, tokens: Sequence[int]) -> bool:
        """Append tokens to the context; False when aborted. Raises DecodeError on any other failure."""
        array = (lib.llama_token * len(tokens))(*tokens)
        code = lib.llama_decode(self.context, lib.llama_batch_get_one(array, len(tokens)))
        if code == ABORTED:
            return False
        if code != 0:
            raise DecodeError(code)
        return True

    def keep_prefix(self, count: int) -> bool:
        """Forget all but the first ``count`` positions; False when this kind of memory cannot (then it is empty).

        A sliding-window cache that no longer holds the window before ``count`` cannot be cut there either.
        """
        if count > 0 and self.sliding_window:
            oldest = lib.llama_memory_seq_pos_min(self.memory, 0)
            if oldest > max(0, count - self.sliding_window):
                count = 0
        if count > 0 and lib.llama_memory_seq_rm(self.memory, 0, count, -1):
            return True
        lib.llama_memory_clear(self.memory, True)
        return count == 0


class Sampler:
    """llama.cpp's own sampler chain in llama.cpp's order: penalties, top-k, top-p, min-p, temperature, draw."""

    def __init__(self, model: Model, sampling: Sampling, seed: int, history: Sequence[int]) -> None:
        self._context = model.context
        self._chain = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
        add = self._add
        if sampling.repeat_penalty != 1.0:
            add(
                lib.llama_sampler_init_penalties(
                    model.vocabulary_size, sampling.repeat_last_n, sampling.repeat_penalty, 0.0, 0.0
                )
            )
        if sampling.temperature <= 0:
            add(lib.llama_sampler_init_greedy())
        else:
            add(lib.llama_sampler_init_top_k(sampling.top_k))
            add(lib.llama_sampler_init_top_p(sampling.top_p, 1))
            add(lib.llama_sampler_init_min_p(sampling.min_p, 1))
            add(lib.llama_sampler_init_temp(sampling.temperature))
            add(lib.llama_sampler_init_dist(seed))
        if sampling.repeat_penalty != 1.0:
            for token in history[-sampling.repeat_last_n :]:
                lib.llama_sampler_accept(self._chain, token)

    def _add(self, sampler: Any) -> None:
        lib.llama_sampler_chain_add(self._chain, sampler)

    def next_token(self) -> int:
        """Draw from the last decoded position and remember the token."""
        token: int = lib.llama_sampler_sample(self._chain, self._context, -1)
        return token

    def close(self) -> None:
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
            )
        )
    return tuple(found)


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


def start(log: EngineLog) -> Any:
    """Initialise llama.cpp, once per process, with its log routed to ``log``.

    Returns the callback object: llama.cpp keeps only its address, so the caller must keep it alive.
    """
    callback = lib.llama_log_callback(log.on_log)
    lib.llama_log_set(callback, None)
    load_backends(lib._lib, Path(lib.__file__).parent)
    lib.llama_backend_init()
    return callback


def hello(pid: int) -> Hello:
    """What this engine is: version, compiled-in CPU features, backends, devices, architectures."""
    info = lib.llama_print_system_info().decode("utf-8", "replace")
    count = _function("ggml_backend_reg_count", ctypes.c_size_t)
    get = _function("ggml_backend_reg_get", ctypes.c_void_p, ctypes.c_size_t)
    name = _function("ggml_backend_reg_name", ctypes.c_char_p, ctypes.c_void_p)
    backends = [name(get(i)).decode() for i in range(count())] if count and get and name else []
    return Hello(
        pid=pid,
        version=f"llama.cpp {lib.llama_version().decode()}",
        features=tuple(re.findall(r"(\w+) = 1", info)),
        backends=tuple(backends),
        devices=devices(),
        architectures=_architectures(),
    )
