"""The engine process: one model, one request at a time, typed messages over its own stdin and stdout.

The C library may print what it likes: file descriptor 1 is handed to stderr and the protocol keeps a private copy.
A second thread reads requests, so that a cancel is seen while the first is deep inside llama.cpp.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
import traceback
from typing import IO

import msgspec
import psutil

from desktop.core.cancelled import CancelledError
from desktop.core.errors import EngineError, HeftError
from desktop.core.failures import FailureKind
from desktop.engine.api import (
    REQUESTS,
    Benchmark,
    Benchmarked,
    Cancel,
    Event,
    Failed,
    Finished,
    Generate,
    Load,
    Request,
    Shutdown,
    Statistics,
    Unload,
    Unloaded,
)
from desktop.engine.backend_trial import try_library
from desktop.engine.backends import chosen_cpu, engine_package
from desktop.engine.further_backends import FOLDER_VARIABLE, confirm, examine
from desktop.engine.llama import AbortFlag, DecodeError, Model, add_rpc_devices, hello, start
from desktop.engine.log import EngineLog
from desktop.engine.worker.core_share import CoreShare
from desktop.engine.worker.generation import Generator
from desktop.engine.worker.loading import load_model
from desktop.engine.worker.prompting import Prompter
from desktop.system.framing import PipeClosedError, read_message, write_message
from desktop.system.spawn import die_with_parent

RPC_VARIABLE = "HEFT_RPC"  # "host:port host:port": llama.cpp RPC servers whose devices this engine may use


class Worker:
    """Owns the model and answers requests until its pipe closes."""

    def __init__(self, requests: IO[bytes], events: IO[bytes]) -> None:
        self._requests = requests
        self._events = events
        self._queue: queue.Queue[tuple[int, Request] | None] = queue.Queue()
        self._lock = threading.Lock()
        self._queued = 0  # serial number of the newest request
        self._cancelled = 0  # requests up to this serial number are to stop
        self._log = EngineLog()
        self._abort = AbortFlag()
        self._prompter = Prompter()
        self._model: Model | None = None
        self._generator: Generator | None = None

    def run(self) -> None:
        """Greet, then serve; returns when told to shut down or when the parent is gone."""
        folder = os.environ.get(FOLDER_VARIABLE, "")
        left_out = examine(folder, engine_package(), try_library)
        callback = start(self._log)
        variant = chosen_cpu(self._log.tail)
        add_rpc_devices(os.environ.get(RPC_VARIABLE, "").split())
        self._send(msgspec.structs.replace(hello(os.getpid()), cpu_variant=variant, left_out=tuple(left_out)))
        confirm(folder)
        threading.Thread(target=self._read_requests, name="requests", daemon=True).start()
        try:
            while (item := self._queue.get()) is not None and not isinstance(item[1], Shutdown):
                serial, request = item
                with self._lock:
                    if serial > self._cancelled:
                        self._abort.clear()
                self._serve(request)
        finally:
            self._unload()
            self._prompter.close()
            del callback

    def _send(self, event: Event) -> None:
        write_message(self._events, event)

    def _read_requests(self) -> None:
        """Queue requests; a cancel acts on all that came before it and on nothing that comes after."""
        while True:
            try:
                request = read_message(self._requests, REQUESTS)
            except (PipeClosedError, msgspec.DecodeError, OSError):
                self._abort.set()
                self._queue.put(None)
                return
            with self._lock:
                if isinstance(request, Cancel | Shutdown):
                    self._cancelled = self._queued
                    self._abort.set()
                if not isinstance(request, Cancel):
                    self._queued += 1
                    self._queue.put((self._queued, request))

    def _serve(self, request: Request) -> None:
        request_id = request.request_id if isinstance(request, Generate | Benchmark | Load) else None
        try:
            match request:
                case Load():
                    self._load(request)
                case Unload():
                    self._unload()
                    self._send(Unloaded())
                case Generate():
                    self._answer(request)
                case Benchmark():
                    self._benchmark(request)
        except HeftError as error:
            self._send(Failed(request_id, error.kind, error.message, error.hint, error.detail))
        except DecodeError as error:
            self._send(
                Failed(
                    request_id,
                    FailureKind.ENGINE,
                    "The engine failed while computing.",
                    "Load the model again; choose a shorter context if it happens twice.",
                    f"{error}\n{self._log.tail}",
                )
            )

    def _unload(self) -> None:
        if self._model is not None:
            self._model.close()
        self._model = self._generator = None

    def _load(self, request: Load) -> None:
        self._unload()
        self._prompter.start()
        share = CoreShare(request.threads) if request.shares_cores else None
        self._model, loaded = load_model(request, self._abort, self._log, self._send)
        self._generator = Generator(self._model, self._abort, self._send, share)
        self._send(loaded)

    def _ready(self) -> tuple[Model, Generator]:
        if self._model is None or self._generator is None:
            raise EngineError("No model is loaded.", "Load a model first.", kind=FailureKind.NO_MODEL)
        return self._model, self._generator

    def _answer(self, request: Generate) -> None:
        started = time.monotonic()
        model, generator = self._ready()
        prompt = self._prompter.prompt(model, request)
        answer = generator.run(request, prompt, started)
        statistics = Statistics(
            prompt_tokens=answer.prompt_tokens,
            reused_tokens=answer.reused_tokens,
            generated_tokens=len(answer.generated),
            context_used=generator.context_used,
            context_length=model.context_length,
            seconds_to_first_token=answer.seconds_to_first_token,
            prompt_tokens_per_second=answer.prompt_rate,
            tokens_per_second=answer.generation_rate,
            resident_bytes=psutil.Process().memory_info().rss,
            given_up_threads=answer.given_up_threads,
        )
        self._send(Finished(request.request_id, answer.reason, statistics, prompt.notes))

    def _benchmark(self, request: Benchmark) -> None:
        """Time reading and generating; tokens are arbitrary, as in llama-bench: speed does not depend on them."""
        model, generator = self._ready()
        room = model.context_length - 1
        prompt_tokens = min(request.prompt_tokens, room)
        generate_tokens = min(request.generate_tokens, room - 1)
        prompt_rates: list[float] = []
        rates: list[float] = []
        for repetition in range(request.repeat):
            # the first token differs from round to round, so that nothing of the KV cache can be reused
            first = 100 + repetition
            prompt = [(first + 7 * i) % (model.vocabulary_size - 1) for i in range(prompt_tokens)]
            reading = generator.measure_prompt(prompt)
            writing = generator.measure_generation(generate_tokens)
            if reading is None or writing is None:
                raise CancelledError("The benchmark was cancelled.")
            prompt_rates.append(reading)
            rates.append(writing)
        self._send(Benchmarked(request.request_id, tuple(prompt_rates), tuple(rates), model.threads))


def main() -> None:
    """Entry point of the process: keep the pipe for the protocol, give everything else to stderr."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in a terminal reaches every process; the parent decides
    events = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    requests = os.fdopen(os.dup(0), "rb")
    sys.stderr.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    code = 0
    try:
        Worker(requests, events).run()
    except BrokenPipeError:
        pass  # the parent is gone; there is nobody left to tell
    except Exception:  # noqa: BLE001  # the parent shows these last words
        traceback.print_exc()
        code = 1
    sys.stderr.flush()
    os._exit(code)  # a reading thread may still hold stdin; llama.cpp was freed above


if __name__ == "__main__":
    main()
