"""One answer of the server: its stream becomes the engine's events."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

import psutil

from desktop.core.errors import ContextFullError, EngineError
from desktop.core.failures import FailureKind
from desktop.core.speculation import UNMEASURED, PlainSpeed
from desktop.core.words import tr
from desktop.engine.api import Event, Finished, FinishReason, Generate, PromptProgress, Statistics, Text
from desktop.engine.endpoint.chunks import Chunk, Timings, read_chunk
from desktop.engine.endpoint.http import ConnectionLostError, Endpoint, EndpointError, Stream
from desktop.engine.endpoint.tool_deltas import ToolDeltas
from desktop.engine.server.core_share import CoreShare
from desktop.engine.server.process import ServerProcess
from desktop.engine.server.questions_asked import Question
from desktop.engine.server.raw_text import RawText
from desktop.engine.server.speculation import PlainSteps
from desktop.engine.token_choices import TokenChoice, token_choices

_FLUSH_SECONDS = 1 / 30  # a screen needs no more, and each event wakes the window
_FLUSH_SECONDS_ALL_CORES = 1 / 8  # with no core to spare, what the window paints is taken from the engine
_GATHERED_PART = 0.1
_NEARLY = 0.9  # what was gathered so long is not left for the next time because a clock was early
_RATE_MS = 1000.0  # the live rate is of the last second
_IDLE_SECONDS, _LOOK_SECONDS = 10.0, 0.003
_STOPPED = "stopped"  # control.cpp's word for an answer that was given up
_OFF_FORM = "does not match the expected"  # common/chat.cpp: what was written is not of the template's form
_OFF_FORM_NOTE = "The end of this answer does not have the form that the model's chat template promises."


class Answer:
    """Asks one question and tells what comes. Made for each answer; :meth:`stop` is called from any thread."""

    def __init__(
        self,
        request: Generate,
        endpoint: Endpoint,
        process: ServerProcess,
        context_length: int,
        threads: int,
        share: CoreShare | None,
        send: Callable[[Event], None],
        plain: PlainSpeed = UNMEASURED,
        plain_steps: PlainSteps | None = None,
        alone: Callable[[], bool] = lambda: True,
    ) -> None:
        """``threads`` is what the model was loaded with; ``share`` says how many to use, None: always those.

        ``plain`` is what is known of the speed without speculation; ``plain_steps`` finds it in this answer.
        ``alone``: no other program's answer runs on the server, which a stop between two nodes would end, too.
        """
        self._alone = alone
        self._plain, self._plain_steps = plain, plain_steps
        self._request, self._endpoint, self._process = request, endpoint, process
        self._context_length, self._threads, self._share, self._send = context_length, threads, share, send
        spare = (psutil.cpu_count() or 1) > threads
        self._flush_seconds = _FLUSH_SECONDS if spare else _FLUSH_SECONDS_ALL_CORES
        self._gather_seconds = 0.0 if spare else self._flush_seconds  # so is what it takes to hear of each token alone
        self._started = time.monotonic()
        self._stream: Stream | None = None
        self._stopped = False  # set from another thread
        self._text = self._reasoning = self._finish = ""
        self._choices: tuple[TokenChoice, ...] = ()
        self._timings = Timings()
        self._prompt_tokens = self._reused = 0
        self._first_token = self._flushed = 0.0
        self._said = False
        self._told = 0  # generated tokens
        self._raw: RawText | None = None
        self.pieces: list[str] = []  # as the server gave them, tags of reasoning included: the text of a token each
        self.tokens: list[int] = []  # of these, where they were asked for: as far as each piece is one token
        self._deltas = ToolDeltas()
        self._recent: deque[tuple[float, int]] = deque()
        self._threads_in_use, self._given_up = threads, 0

    def stop(self) -> None:
        """End it now. What was written stays."""
        self._stopped = True
        if self._alone():
            self._process.stopped = True
            self._process.send("stop")
        if self._stream is not None:
            self._stream.cut()

    def run(self, question: Question) -> Statistics:
        """Ask, and tell all up to Finished; its figures. Raises EngineError, ConnectionLostError (no server)."""
        notes = question.notes
        while True:
            try:
                self._ask(question)
                break
            except EndpointError as error:
                if self._stopped:
                    break
                if error.type == "exceed_context_size_error":
                    raise self._too_long(error) from None
                if self._said and _OFF_FORM in error.message:
                    notes = (*notes, _OFF_FORM_NOTE)
                    break
                if self._said or (question.instead is None and error.message != _STOPPED):
                    raise _refused(error) from None
                # a stop meant for the answer before, or a form that this server does not know
                question = question if error.message == _STOPPED else question.instead or question
            except ConnectionLostError:
                if not self._stopped:
                    self._end_raw()
                    self._flush()
                    raise
                break
        self._end_raw()
        self._flush(last=True)
        statistics = self._statistics()
        reason = self._reason()
        calls = self._deltas.calls() if reason == "tool-calls" else ()
        self._send(Finished(self._request.request_id, reason, statistics, notes, calls))
        return statistics

    def _await_idle(self) -> None:
        """Until the answer that was stopped before has ended: a "go" before that would take its stop back."""
        end = time.monotonic() + _IDLE_SECONDS
        while not self._stopped and time.monotonic() < end:
            try:
                slots = self._endpoint.get("/slots", deadline_seconds=_IDLE_SECONDS)
            except (EndpointError, TimeoutError):
                break
            if not any(slot.get("is_processing") for slot in slots):
                break
            time.sleep(_LOOK_SECONDS)  # nothing tells of it, and it takes a few milliseconds
        self._process.stopped = self._stopped

    def _ask(self, question: Question) -> None:
        if self._process.stopped and self._alone():
            self._await_idle()
        if self._stopped:
            return  # and the stop before still counts
        self._process.send("go")
        self._raw = RawText(question.raw) if question.raw is not None else None
        self._share_cores(begin=True)
        self._stream = self._endpoint.stream(question.path, question.body)
        if self._is_stopped():
            return
        self._stream.before_read = self._flush_when_due
        with self._stream as stream:
            for data in stream:
                self._take(read_chunk(data))
                stream.gather_seconds = self._gather()

    def _gather(self) -> float:
        """Seconds: the first word comes at once, and the end no later than a tenth of the time since then."""
        since = time.monotonic() - self._started - self._first_token if self._said else 0.0
        return min(self._gather_seconds, since * _GATHERED_PART)

    def _is_stopped(self) -> bool:
        return self._stopped

    def _take(self, chunk: Chunk) -> None:
        now = time.monotonic()
        if chunk.timings is not None:
            self._timings = chunk.timings
            if self._plain_steps is not None:
                timed = chunk.timings
                self._plain_steps.add(timed.predicted_n, timed.predicted_ms, timed.draft_n)
        if chunk.progress is not None and chunk.progress.total:
            progress = chunk.progress
            self._prompt_tokens, self._reused = progress.total, progress.cache
            done = max(progress.processed, progress.cache)
            self._send(PromptProgress(self._request.request_id, done, progress.total, progress.cache))
        if self._timings.predicted_n and not self._first_token:
            self._first_token = now - self._started
        if chunk.text:
            self.pieces.append(chunk.text)
            whole = len(self.tokens) + 1 == len(self.pieces) == self._timings.predicted_n
            self.tokens += chunk.tokens if whole and len(chunk.tokens) == 1 else ()
        if chunk.probabilities:
            self._choices += token_choices(chunk.probabilities)
        if self._raw is not None:
            chunk.reasoning, chunk.text = self._raw.take(chunk.text, ended=chunk.finish == "stop")
        if chunk.text or chunk.reasoning:
            self._said = True
            self._text += chunk.text
            self._reasoning += chunk.reasoning
            self._recent.append((self._timings.predicted_ms, self._timings.predicted_n))
        if chunk.tool_calls:
            self._said = True
            self._deltas.take(chunk.tool_calls)
        self._finish = chunk.finish or self._finish
        self._share_cores()

    def _flush_when_due(self) -> None:
        now = time.monotonic()
        if (self._text or self._reasoning) and now - self._flushed >= self._flush_seconds * _NEARLY:
            self._flush()
            self._flushed = now

    def _end_raw(self) -> None:
        raw, self._raw = self._raw, None
        if raw is not None:
            reasoning, text = raw.finish()
            self._reasoning += reasoning
            self._text += text

    def _flush(self, *, last: bool = False) -> None:
        """``last``: also where there is no new text, so that the live figures end as the final ones are."""
        counted = last and 0 < self._told < self._timings.predicted_n
        if not self._text and not self._reasoning and not counted:
            return
        self._told = self._timings.predicted_n
        while len(self._recent) > 2 and self._recent[0][0] < self._recent[-1][0] - _RATE_MS:
            self._recent.popleft()
        milliseconds = self._recent[-1][0] - self._recent[0][0] if self._recent else 0.0
        tokens = self._recent[-1][1] - self._recent[0][1] if self._recent else 0
        text, reasoning, self._text, self._reasoning = self._text, self._reasoning, "", ""
        written, self._choices = self._choices, ()
        self._send(
            Text(
                self._request.request_id,
                text,
                self._timings.predicted_n,
                self._context_used,
                tokens * 1000.0 / milliseconds if milliseconds > 0 else 0.0,
                self._prompt_rate,
                self._first_token,
                reasoning,
                self._timings.draft_n,
                self._timings.draft_n_accepted,
                written,
            )
        )

    def _share_cores(self, begin: bool = False) -> None:
        if self._share is None:
            return
        try:
            if begin:
                self._share.begin()
            threads = self._share.threads()
        except psutil.Error:
            return  # the process ended: the stream says so
        if threads != self._threads_in_use:
            self._process.send(f"threads {threads}")
            self._threads_in_use = threads
        self._given_up = max(self._given_up, self._threads - threads)

    @property
    def _context_used(self) -> int:
        timings = self._timings
        return timings.cache_n + timings.prompt_n + max(0, timings.predicted_n - 1)

    @property
    def _prompt_rate(self) -> float:
        timings = self._timings
        return timings.prompt_n * 1000.0 / timings.prompt_ms if timings.prompt_ms > 0 else 0.0

    def _reason(self) -> FinishReason:
        if self._stopped:
            return "cancelled"
        if self._finish == "length":
            limit = self._request.max_tokens
            return "length" if limit and self._timings.predicted_n >= limit else "context-full"
        return "tool-calls" if self._deltas.calls() else "stop"

    def _statistics(self) -> Statistics:
        timings = self._timings
        steps = timings.predicted_n - 1  # the prompt's last step yields the first token
        return Statistics(
            prompt_tokens=self._prompt_tokens or timings.cache_n + timings.prompt_n,
            reused_tokens=self._reused or timings.cache_n,
            generated_tokens=timings.predicted_n,
            context_used=self._context_used,
            context_length=self._context_length,
            seconds_to_first_token=self._first_token,
            prompt_tokens_per_second=self._prompt_rate,
            tokens_per_second=steps * 1000.0 / timings.predicted_ms if steps > 0 and timings.predicted_ms > 0 else 0.0,
            resident_bytes=resident_bytes(self._process.pid),
            given_up_threads=self._given_up,
            drafted_tokens=timings.draft_n,
            accepted_tokens=timings.draft_n_accepted,
            plain_tokens_per_second=self._plain_rate(),
            threads=self._threads,
        )

    def _plain_rate(self) -> float:
        found = self._plain_steps.rate if self._plain_steps is not None else 0.0
        return found or self._plain.rate(max(1, self._context_used - self._timings.predicted_n // 2))

    def _too_long(self, error: EndpointError) -> ContextFullError:
        needed = int(error.fields.get("n_prompt_tokens", 0))
        length = int(error.fields.get("n_ctx", self._context_length))
        return ContextFullError(
            tr(
                "This conversation is {needed:,} tokens long; the model was loaded with a context of {length:,}.",
                needed=needed,
                length=length,
            ),
            tr("Load it with a larger context, or start a new chat."),
            needed_tokens=needed,
            context_length=length,
        )


def resident_bytes(pid: int) -> int:
    """A process's resident memory; 0 when it has ended."""
    try:
        resident: int = psutil.Process(pid).memory_info().rss
    except psutil.Error:
        return 0
    return resident


def _refused(error: EndpointError) -> EngineError:
    return EngineError(
        tr("The engine could not answer: {message}", message=error.message or error),
        tr("Send it again; load the model again if it happens twice."),
        detail=str(error),
        kind=FailureKind.ENGINE,
    )
