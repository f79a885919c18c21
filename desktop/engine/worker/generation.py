"""One answer: read the prompt (reusing what the KV cache holds), then sample token by token."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psutil

from desktop.engine.api import Event, FinishReason, Generate, PromptProgress, Sampling, Text
from desktop.engine.llama import AbortFlag, DecodeError, Model, Sampler
from desktop.engine.worker.core_share import CoreShare
from desktop.engine.worker.prompting import Prompt
from desktop.engine.worker.stopping import TextStream

_FLUSH_SECONDS = 1 / 30  # a screen needs no more, and each message wakes the window
_FLUSH_SECONDS_ALL_CORES = 1 / 8  # with no core to spare, what the window paints is taken from the engine
_STEP_SECONDS = 2.0  # aim of one prompt step: a cancel acts between two graph nodes, some hundred per step
_FIRST_STEP = 64  # tokens of the first prompt step of a model whose speed is not yet known


@dataclass
class Answer:
    """What one generation measured; times in seconds by a monotonic clock."""

    reason: FinishReason
    prompt_tokens: int = 0
    reused_tokens: int = 0
    generated: list[int] = field(default_factory=list)
    seconds_to_first_token: float = 0.0
    prompt_seconds: float = 0.0
    generation_seconds: float = 0.0
    given_up_threads: int = 0

    @property
    def prompt_rate(self) -> float:
        """Prompt tokens read per second, 0 when none had to be read."""
        read = self.prompt_tokens - self.reused_tokens
        return read / self.prompt_seconds if self.prompt_seconds > 0 else 0.0

    @property
    def generation_rate(self) -> float:
        """Tokens per second after the first, which the prompt's last step yields; 0 below two tokens."""
        steps = len(self.generated) - 1
        return steps / self.generation_seconds if steps > 0 and self.generation_seconds > 0 else 0.0


class Generator:
    """Generates on one model; remembers which tokens its context holds."""

    def __init__(
        self, model: Model, abort: AbortFlag, send: Callable[[Event], None], share: CoreShare | None = None
    ) -> None:
        """``share`` says how many threads answers use; None: always those the model was loaded with."""
        self._share = share
        self._model = model
        self._abort = abort
        self._send = send
        self._cached: list[int] = []
        spare = (psutil.cpu_count() or 1) > model.threads
        self._flush_seconds = _FLUSH_SECONDS if spare else _FLUSH_SECONDS_ALL_CORES
        self._step = model.batch if model.parameters < 1_000_000_000 else min(model.batch, _FIRST_STEP)

    @property
    def context_used(self) -> int:
        return len(self._cached)

    def run(self, request: Generate, prompt: Prompt, started: float) -> Answer:
        """Answer a prompt that is shorter than the context; ``started`` is when it was asked."""
        if self._share is not None:
            self._share.begin()
        tokens = prompt.tokens
        answer = Answer("stop", prompt_tokens=len(tokens))
        reading = time.monotonic()
        if not self._read(request.request_id, tokens, answer):
            answer.reason = "cancelled"
            return answer
        answer.prompt_seconds = time.monotonic() - reading
        seed = request.sampling.seed
        sampler = Sampler(self._model, request.sampling, random.getrandbits(32) if seed is None else seed, tokens)
        try:
            self._generate(request, prompt.opening, sampler, answer, started)
        finally:
            sampler.close()
        return answer

    def measure_prompt(self, prompt: Sequence[int]) -> float | None:
        """Tokens per second of reading ``prompt`` into an empty context; None when cancelled."""
        self._model.use_threads(self._model.threads)
        self._model.keep_prefix(0)
        self._cached.clear()
        begun = time.monotonic()
        for at in range(0, len(prompt), self._model.batch):
            if not self._extend(prompt[at : at + self._model.batch]):
                return None
        return len(prompt) / (time.monotonic() - begun)

    def measure_generation(self, count: int) -> float | None:
        """Tokens per second of generating ``count`` tokens greedily into an empty context; None when cancelled."""
        self._model.use_threads(self._model.threads)
        self._model.keep_prefix(0)
        self._cached.clear()
        sampler = Sampler(self._model, Sampling(temperature=0.0), 0, ())
        try:
            if not self._extend((0,)):  # the first step is not timed: it only makes logits to sample from
                return None
            begun = time.monotonic()
            for _ in range(count):
                if not self._extend((sampler.next_token(),)):
                    return None
            return count / (time.monotonic() - begun)
        finally:
            sampler.close()

    def _read(self, request_id: int, prompt: Sequence[int], answer: Answer) -> bool:
        shared = _common_prefix(self._cached, prompt)
        shared = min(shared, len(prompt) - 1)  # the last token is always decoded: its logits start the answer
        if shared < len(self._cached) and not self._model.keep_prefix(shared):
            shared = 0
        del self._cached[shared:]
        answer.reused_tokens = shared
        position = shared
        while position < len(prompt):
            self._send(PromptProgress(request_id, position, len(prompt), shared))
            tokens = prompt[position : position + self._step]
            self._share_cores(answer)
            begun = time.monotonic()
            if not self._extend(tokens):
                return False
            seconds = time.monotonic() - begun
            if len(tokens) == self._step:
                self._step = min(self._model.batch, max(16, round(self._step * _STEP_SECONDS / max(seconds, 1e-3))))
            position += len(tokens)
        self._send(PromptProgress(request_id, len(prompt), len(prompt), shared))
        return True

    def _share_cores(self, answer: Answer) -> None:
        if self._share is not None:
            threads = self._share.threads()
            self._model.use_threads(threads)
            answer.given_up_threads = max(answer.given_up_threads, self._model.threads - threads)

    def _extend(self, tokens: Sequence[int]) -> bool:
        """Decode and remember; when aborted, the context is put back to what is remembered."""
        try:
            finished = not self._abort.is_set and self._model.decode(tokens)
        except DecodeError:
            self._forget_partial()
            raise
        if not finished:
            self._forget_partial()
            return False
        self._cached.extend(tokens)
        return True

    def _forget_partial(self) -> None:
        if not self._model.keep_prefix(len(self._cached)):
            self._cached.clear()

    def _generate(self, request: Generate, opening: str, sampler: Sampler, answer: Answer, started: float) -> None:
        stream = TextStream(request.sampling.stop)
        pending = [opening]
        recent: deque[float] = deque()
        begun = flushed = 0.0
        model, generated = self._model, answer.generated
        limit = request.max_tokens or model.context_length

        def flush(now: float) -> None:
            while len(recent) > 2 and recent[0] < now - 1.0:
                recent.popleft()
            span = recent[-1] - recent[0] if len(recent) > 1 else 0.0
            rate = (len(recent) - 1) / span if span > 0 else 0.0
            text = "".join(pending)
            pending.clear()
            self._send(
                Text(
                    request.request_id,
                    text,
                    len(generated),
                    len(self._cached),
                    rate,
                    answer.prompt_rate,
                    answer.seconds_to_first_token,
                )
            )

        while True:
            token = sampler.next_token()
            now = time.monotonic()
            if not generated:
                answer.seconds_to_first_token = now - started
                begun = now
            if model.ends_generation(token):
                break
            answer.generation_seconds = now - begun
            generated.append(token)
            recent.append(now)
            pending.append(stream.feed(model.piece(token)))
            if stream.stopped:
                break
            if len(generated) >= limit:
                answer.reason = "length"
                break
            if len(self._cached) >= model.context_length:
                answer.reason = "context-full"
                break
            if now - flushed >= self._flush_seconds:
                flush(now)
                flushed = now
            self._share_cores(answer)
            if not self._extend((token,)):
                answer.reason = "cancelled"
                break
        pending.append(stream.finish())
        flush(time.monotonic())


def _common_prefix(left: Sequence[int], right: Sequence[int]) -> int:
    count = 0
    for a, b in zip(left, right, strict=False):
        if a != b:
            break
        count += 1
    return count
