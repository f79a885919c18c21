"""Times a model as llama-bench does (``tools/llama-bench/llama-bench.cpp``), one repetition at a time, in a process of
its own: random tokens, a context of the test's length alone, what comes before read once and kept.

One repetition at a time lets the caller take turns between settings, so that a computer that becomes slower meanwhile
slows them alike.
"""

from __future__ import annotations

import ctypes
import os
import random
import time
from typing import Any

import msgspec

from desktop.core.errors import EngineError, HeftError
from desktop.core.failures import FailureKind
from desktop.core.load_settings import FlashAttention, KvType
from desktop.core.progress import Report
from desktop.core.words import tr
from desktop.engine.helper_process import serve
from desktop.engine.tools.waiting import waited_seconds

_KEPT_BYTES = 1 << 30  # of contexts read before, in memory


class Open(msgspec.Struct, frozen=True, tag="open"):
    """Load a model as a plan says."""

    path: str
    gpu_layers: int = 0
    cpu_expert_layers: int = 0
    devices: str = ""


class Time(msgspec.Struct, frozen=True, tag="time"):
    """One repetition of a test: ``prompt`` tokens read or ``generate`` written with ``depth`` before them."""

    prompt: int
    generate: int
    depth: int
    batch: int
    ubatch: int
    threads: int
    type_k: KvType
    type_v: KvType
    flash_attention: FlashAttention = "auto"
    warm_up: bool = True


class Opened(msgspec.Struct, frozen=True, tag="opened"):
    """How the engine describes the model, bytes of its weights, their number, and what computes."""

    description: str
    size_bytes: int
    parameters: int
    backends: str


class Timed(msgspec.Struct, frozen=True, tag="timed"):
    """Nanoseconds of the repetition, and seconds its threads waited for a core that others used."""

    ns: int
    waited_seconds: float


Request = Open | Time
Answer = Opened | Timed


class Bencher:
    """One model at a time."""

    def __init__(self) -> None:
        import llama_cpp.llama_cpp as lib

        from desktop.engine import llama
        from desktop.engine.log import EngineLog

        self._lib: Any = lib
        self._log = EngineLog()
        self._callback = llama.start(self._log)
        self._handle: Any = None
        self._vocabulary, self._bos = 0, -1
        self._kept: dict[tuple[object, ...], Any] = {}  # state of a context with what comes before in it
        self._random = random.Random(7)

    def open(self, request: Open) -> Opened:
        """Raises EngineError where llama.cpp refuses the model."""
        from desktop.engine import llama

        lib = self._lib
        if self._handle:
            lib.llama_model_free(self._handle)
        self._kept.clear()
        self._log.mark()
        params, kept = llama.model_parameters(
            request.path, request.gpu_layers, request.cpu_expert_layers, request.devices
        )
        self._handle = lib.llama_model_load_from_file(os.fsencode(request.path), params)
        del kept
        if not self._handle:
            raise self._refused()
        vocab = lib.llama_model_get_vocab(self._handle)
        self._vocabulary = lib.llama_vocab_n_tokens(vocab)
        self._bos = lib.llama_vocab_bos(vocab) if lib.llama_vocab_get_add_bos(vocab) else -1
        text = ctypes.create_string_buffer(128)
        lib.llama_model_desc(self._handle, text, 128)
        accelerated = (
            [name for name in llama.hello().backends if name not in ("CPU", "RPC")] if request.devices != "none" else []
        )
        return Opened(
            text.value.decode("utf-8", "replace"), int(lib.llama_model_size(self._handle)),
            int(lib.llama_model_n_params(self._handle)), ",".join(accelerated) or "CPU",
        )  # fmt: skip

    def time(self, request: Time) -> Timed:
        """Raises EngineError: no model, no room for the context, what cannot be computed."""
        if not self._handle:
            raise EngineError(tr("No model is loaded."), tr("Begin again."), kind=FailureKind.NOT_LOADED)
        from desktop.engine import llama

        lib = self._lib
        self._log.mark()
        length = request.prompt + request.generate + request.depth
        params = llama.context_parameters(
            max(256, length), (request.type_k, request.type_v), request.flash_attention, outputs=1
        )
        params.n_batch, params.n_ubatch = request.batch, min(request.ubatch, request.batch)
        params.n_threads = params.n_threads_batch = request.threads
        context = lib.llama_init_from_model(self._handle, params)
        if not context:
            raise self._refused()
        try:
            memory = lib.llama_get_memory(context)
            if request.warm_up:
                self._read(context, request.prompt, request.batch)
                self._write(context, min(1, request.generate))
            lib.llama_memory_clear(memory, False)
            self._deepen(context, request)
            waited, begun = waited_seconds(), time.perf_counter_ns()
            self._read(context, request.prompt, request.batch)
            self._write(context, request.generate)
            return Timed(time.perf_counter_ns() - begun, waited_seconds() - waited)
        finally:
            lib.llama_free(context)

    def _deepen(self, context: Any, request: Time) -> None:
        """What comes before: read, or put back as it was."""
        if not request.depth:
            return
        lib = self._lib
        kind = (request.depth, request.type_k, request.type_v, request.flash_attention)
        state = self._kept.get(kind)
        if state is not None and lib.llama_state_seq_set_data(context, state, len(state), 0):
            return
        self._read(context, request.depth, request.batch)
        size = lib.llama_state_seq_get_size(context, 0)
        if size + sum(len(one) for one in self._kept.values()) <= _KEPT_BYTES:
            state = (ctypes.c_uint8 * size)()
            lib.llama_state_seq_get_data(context, state, size, 0)
            self._kept[kind] = state

    def _read(self, context: Any, count: int, step: int) -> None:
        for done in range(0, count, step):
            length = min(step, count - done)
            tokens = (self._lib.llama_token * length)(*(self._token() for _ in range(length)))
            if done == 0 and self._bos >= 0:
                tokens[0] = self._bos
            self._decode(context, tokens)
        self._lib.llama_synchronize(context)

    def _write(self, context: Any, count: int) -> None:
        token = self._bos if self._bos >= 0 else self._token()
        for _ in range(count):
            self._decode(context, (self._lib.llama_token * 1)(token))
            self._lib.llama_synchronize(context)
            token = self._token()

    def _token(self) -> int:
        return self._random.randrange(self._vocabulary)

    def _decode(self, context: Any, tokens: Any) -> None:
        if self._lib.llama_decode(context, self._lib.llama_batch_get_one(tokens, len(tokens))) != 0:
            raise EngineError(
                tr("The engine could not compute this test."),
                tr("Try a smaller depth or batch."),
                detail=self._log.tail,
            )

    def _refused(self) -> HeftError:
        from desktop.engine.logmap import explain_exit

        cause = explain_exit(1, self._log.since_mark, "loading")
        return EngineError(cause.message, cause.hint, detail=self._log.since_mark, kind=cause.kind)


def main() -> None:
    """Serve until stdin closes."""
    made: list[Bencher] = []

    def answer(request: Request, _progress: Report) -> Answer:
        if not made:
            made.append(Bencher())
        return made[0].open(request) if isinstance(request, Open) else made[0].time(request)

    serve(Request, answer)


if __name__ == "__main__":
    main()
