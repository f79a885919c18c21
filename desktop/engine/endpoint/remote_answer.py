"""One answer of another server: its stream becomes the engine's events, with figures that are measured here."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from desktop.core.errors import ContextFullError, HeftError
from desktop.core.words import tr
from desktop.engine.api import Event, Failed, Finished, FinishReason, Generate, PromptProgress, Statistics, Text
from desktop.engine.endpoint.chunks import Chunk, Timings, Usage, read_chunk
from desktop.engine.endpoint.connecting import Address
from desktop.engine.endpoint.failures import broke_off, failure_of, not_openai
from desktop.engine.endpoint.http import ConnectionLostError, Endpoint, EndpointError, Stream
from desktop.engine.endpoint.questions import RemoteQuestion
from desktop.engine.endpoint.tool_deltas import ToolDeltas

_FLUSH_SECONDS = 1 / 30  # a screen needs no more
_MEASURABLE_SECONDS = 0.02  # what comes in one packet says nothing of a speed
_RATE_SECONDS = 1.0  # the live rate is of the last second
_REFUSED_FIELDS = (400, 422)
_NO_TOOLS = (404, 500, 501)  # what some servers answer where a model knows no tools
_FULL = ("length", "max_tokens", "max_output_tokens")
_FILTERED = ("content_filter", "refusal")


class RemoteAnswer:
    """Asks once and tells what comes, up to Finished or Failed. :meth:`stop` is called from any thread.

    Where the server does not tell how long things took it is measured here, the way there and back included.
    """

    def __init__(self, request: Generate, name: str, context_length: int, send: Callable[[Event], None]) -> None:
        """``context_length`` is 0 where the server does not tell it; ``send`` must not wait for anything."""
        self._request, self._name = request, name
        self._context_length, self._send_event = context_length, send
        self._lock = threading.Lock()
        self._ended = False
        self._stream: Stream | None = None
        self._started = time.monotonic()
        self._first = self._last = 0.0
        self._text = self._reasoning = self._finish = ""
        self._pieces = 0
        self._deltas = ToolDeltas()
        self._timings: Timings | None = None
        self._usage = Usage()
        self._prompt_tokens = self._reused = 0
        self._recent: deque[tuple[float, int]] = deque()
        self._notes: tuple[str, ...] = ()
        self._echo = self._held = ""

    def stop(self) -> None:
        """End it now, whatever the server and the network do. What was written stays."""
        with self._lock:
            if self._ended:
                return
            self._flush(last=True)
            self._end(Finished(self._request.request_id, "cancelled", self._statistics(), self._notes))
            stream = self._stream
        if stream is not None:
            stream.cut()

    def run(self, question: RemoteQuestion, address: Address) -> None:
        """Ask, and wait until it is over."""
        try:
            self._ask(question, address)
        except EndpointError as error:
            self.give_up(failure_of(error, self._name, address, begun=bool(self._pieces)))
        except (ConnectionLostError, TimeoutError) as error:
            begun = bool(self._pieces) or self._asked
            self.give_up(failure_of(error, self._name, address, begun=begun))

    @property
    def _asked(self) -> bool:
        """Whether the server had taken the question, and then was gone."""
        return self._stream is not None and self._stream.answered

    def _ask(self, question: RemoteQuestion, address: Address) -> None:
        self._echo = question.echo
        ways = question.ways
        for number, (body, notes) in enumerate(ways):
            self._notes = notes
            try:
                self._read(address, question.path, body)
                return
            except EndpointError as error:
                statuses = (*_REFUSED_FIELDS, *(_NO_TOOLS if number + 2 == len(ways) and "tools" in body else ()))
                refused = error.status in statuses and number + 1 < len(ways)
                if not refused or isinstance(failure_of(error, self._name, address), ContextFullError):
                    raise

    def _read(self, address: Address, path: str, body: object) -> None:
        stream = Endpoint(address).stream(path, body)
        with self._lock:
            if self._ended:
                return
            self._stream = stream
        stream.before_read = self._flush_all
        with stream:
            for data in stream:
                self._take(read_chunk(data))
                stream.gather_seconds = _FLUSH_SECONDS if self._pieces else 0.0  # the first word comes at once
        self._finished(whole=stream.done or bool(self._finish))

    def _finished(self, *, whole: bool) -> None:
        with self._lock:
            if self._ended:
                return
            if not whole and not self._pieces:
                self._end(Failed.of(self._request.request_id, not_openai(self._name, tr("the answer was empty"))))
                return
            self._flush(last=True)
            if not whole:
                self._end(Failed.of(self._request.request_id, broke_off(self._name)))
                return
            if self._finish in _FILTERED:
                self._notes = (*self._notes, f"A filter of {self._name} ended this answer.")
            reason = self._reason()
            calls = self._deltas.calls() if reason == "tool-calls" else ()
            self._end(Finished(self._request.request_id, reason, self._statistics(), self._notes, calls))

    def give_up(self, error: HeftError) -> None:
        """Tell that it failed, unless it is over."""
        with self._lock:
            if not self._ended:
                self._flush(last=True)
                self._end(Failed.of(self._request.request_id, error))

    def _end(self, event: Event) -> None:
        self._ended = True
        self._send_event(event)

    def _take(self, chunk: Chunk) -> None:
        now = time.monotonic() - self._started
        with self._lock:
            if self._ended:
                return
            self._timings = chunk.timings or self._timings
            self._usage = chunk.usage or self._usage
            self._finish = chunk.finish or self._finish
            if chunk.progress is not None and chunk.progress.total:
                told = chunk.progress
                self._prompt_tokens, self._reused = told.total, told.cache
                done = max(told.processed, told.cache)
                self._send_event(PromptProgress(self._request.request_id, done, told.total, told.cache))
            text = self._without_echo(chunk.text)
            if text or chunk.reasoning:
                self._pieces += 1
                self._first, self._last = self._first or now, now
                self._text += text
                self._reasoning += chunk.reasoning
                self._recent.append((now, self._generated))
            if chunk.tool_calls:
                self._pieces += 1
                self._first, self._last = self._first or now, now
                self._deltas.take(chunk.tool_calls)

    def _without_echo(self, text: str) -> str:
        """What is new of it, where the server repeats the beginning of an answer that goes on."""
        if not self._echo:
            return text
        self._held += text
        if len(self._held) < len(self._echo) and self._echo.startswith(self._held):
            return ""  # it may be that beginning
        held, self._held, echo, self._echo = self._held, "", self._echo, ""
        return held.removeprefix(echo)

    def _flush_all(self) -> None:
        """Before a read waits: nothing that came is kept back by a server that falls silent."""
        with self._lock:
            if not self._ended:
                self._flush()

    def _flush(self, *, last: bool = False) -> None:
        if last:
            held, self._held = self._held, ""
            self._text += held
        if not self._text and not self._reasoning:
            return
        text, reasoning, self._text, self._reasoning = self._text, self._reasoning, "", ""
        while len(self._recent) > 2 and self._recent[0][0] < self._recent[-1][0] - _RATE_SECONDS:
            self._recent.popleft()
        (since, few), (until, many) = (self._recent[0], self._recent[-1]) if self._recent else ((0.0, 0), (0.0, 0))
        self._send_event(
            Text(
                self._request.request_id,
                text,
                self._generated,
                self._prompt + self._generated,
                (many - few) / (until - since) if until - since >= _MEASURABLE_SECONDS else 0.0,
                self._prompt_rate,
                self._first,
                reasoning,
            )
        )

    @property
    def _generated(self) -> int:
        """Tokens; where the server has not told their number yet, a piece of the stream counts as one."""
        told = self._usage.completion_tokens or 0
        return told or (self._timings.predicted_n if self._timings is not None else 0) or self._pieces

    @property
    def _prompt(self) -> int:
        timed = self._timings.cache_n + self._timings.prompt_n if self._timings is not None else 0
        return self._usage.prompt_tokens or self._prompt_tokens or timed

    @property
    def _prompt_rate(self) -> float:
        timings = self._timings
        return timings.prompt_n * 1000.0 / timings.prompt_ms if timings is not None and timings.prompt_ms > 0 else 0.0

    def _rate(self) -> float:
        timings = self._timings
        if timings is not None and timings.predicted_ms > 0:
            return max(0, timings.predicted_n - 1) * 1000.0 / timings.predicted_ms
        seconds = self._last - self._first
        return (self._generated - 1) / seconds if seconds >= _MEASURABLE_SECONDS else 0.0

    def _reason(self) -> FinishReason:
        if self._finish not in _FULL:
            return "tool-calls" if self._deltas.calls() else "stop"
        used, length = self._prompt + self._generated, self._context_length
        return "context-full" if length and used >= length - 1 else "length"

    def _statistics(self) -> Statistics:
        timings = self._timings
        return Statistics(
            prompt_tokens=self._prompt,
            reused_tokens=self._reused or (timings.cache_n if timings is not None else 0),
            generated_tokens=self._generated,
            context_used=self._prompt + self._generated,
            context_length=self._context_length,
            seconds_to_first_token=self._first,
            prompt_tokens_per_second=self._prompt_rate,
            tokens_per_second=self._rate(),
            resident_bytes=0,
        )
