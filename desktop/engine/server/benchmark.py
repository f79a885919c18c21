"""Prompt and generation speed of a loaded model, as llama-bench measures: arbitrary tokens, an empty context."""

from __future__ import annotations

from typing import Any

from desktop.engine.api import Benchmark, Benchmarked
from desktop.engine.endpoint.chunks import Timings, read_chunk
from desktop.engine.endpoint.http import Endpoint, Stream


class Bench:
    """One benchmark; :meth:`stop` is called from any thread."""

    def __init__(self, endpoint: Endpoint, vocabulary: int, context_length: int, threads: int) -> None:
        self._endpoint, self._vocabulary = endpoint, vocabulary
        self._context_length, self._threads = context_length, threads
        self._stream: Stream | None = None
        self._stopped = False

    def stop(self) -> None:
        self._stopped = True
        if self._stream is not None:
            self._stream.cut()

    def run(self, request: Benchmark) -> Benchmarked | None:
        """The rates of every repetition; None when it was stopped. Raises EndpointError, ConnectionLostError."""
        prompt_tokens = min(request.prompt_tokens, self._context_length - 1)
        generate_tokens = min(request.generate_tokens, self._context_length - 2)
        reading: list[float] = []
        writing: list[float] = []
        drafted = 0
        for repetition in range(request.repeat):
            # the first token differs from round to round, so that nothing of the KV cache can be reused
            first = 100 + repetition
            prompt = [(first + 7 * at) % max(1, self._vocabulary - 1) for at in range(prompt_tokens)]
            read = self._timed(prompt, 1)
            wrote = self._timed(prompt[:1], generate_tokens + 1)  # the first token comes with the prompt
            if read is None or wrote is None:
                return None
            reading.append(read.prompt_n * 1000.0 / read.prompt_ms)
            drafted += wrote.draft_n
            writing.append((wrote.predicted_n - 1) * 1000.0 / wrote.predicted_ms)
        return Benchmarked(request.request_id, tuple(reading), tuple(writing), self._threads, drafted)

    def _timed(self, prompt: list[int], tokens: int) -> Timings | None:
        body: dict[str, Any] = {
            "prompt": prompt, "n_predict": tokens, "ignore_eos": True, "temperature": 0.0, "cache_prompt": False,
            "stream": True, "timings_per_token": False,
        }  # fmt: skip
        timings: Timings | None = None
        self._stream = self._endpoint.stream("/completion", body)
        if self._stopped:
            return None
        with self._stream as stream:
            for data in stream:
                timings = read_chunk(data).timings or timings
        return None if self._stopped else timings
