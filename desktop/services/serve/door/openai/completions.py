"""POST /v1/completions: a prompt is continued as it is, without the chat template."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.types import ASGIApp

from desktop.services.serve.door.answers import Asked, Step
from desktop.services.serve.door.choices import Found, answers_to
from desktop.services.serve.door.desk import Desk
from desktop.services.serve.door.fields import Fields
from desktop.services.serve.door.metering import Figures
from desktop.services.serve.door.openai.formats import form
from desktop.services.serve.door.openai.prompts import Prompt, prompts
from desktop.services.serve.door.openai.sampling import limit, options
from desktop.services.serve.door.openai.shapes import DONE, FINGERPRINT, LEAST_LOGPROB, Choice, head, new_id, usage
from desktop.services.serve.door.replies import EVENTS, JSON, Reply
from desktop.services.serve.door.written import check_writes

_MOST_CHOICES, _MOST_PROMPTS, _MOST_ANSWERS, _MOST_LOGPROBS = 32, 64, 128, 5
_DEFAULT_TOKENS = 16  # OpenAI's for this route
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class CompletionRequest:
    """What was asked, checked. ``prompts`` times ``choices`` answers, ``echo`` puts the prompt before each."""

    model: str
    prompts: tuple[Prompt, ...]
    shape: dict[str, Any]
    options: dict[str, Any]
    choices: int
    streams: bool
    counts: bool
    echo: bool
    logprobs: int | None

    def all(self) -> list[Asked]:
        """One question for each choice, those of a prompt together."""
        found = []
        for prompt in self.prompts:
            for number in range(self.choices):
                chosen = {**self.options, **self.shape}
                if "seed" in chosen:
                    chosen["seed"] = (chosen["seed"] + number) % 2**31
                found.append(Asked(options=chosen, streams=self.streams, prompt=prompt))
        return found

    def echoed(self, number: int) -> str:
        """What is put before this choice's text."""
        prompt = self.prompts[number // self.choices]
        return prompt if self.echo and isinstance(prompt, str) else ""


def read(body: dict[str, Any]) -> CompletionRequest:
    """Raises DoorError (400) with the field that is wrong."""
    fields = Fields(body)
    model = fields.required_text("model")
    streams = fields.flag("stream")
    given = prompts(fields, "prompt", _MOST_PROMPTS)
    chosen = options(fields)
    chosen["n_predict"] = limit(fields) or _DEFAULT_TOKENS
    logprobs = fields.whole("logprobs", 0, _MOST_LOGPROBS)
    if logprobs is not None:
        chosen["n_probs"] = max(1, logprobs)
    choices = fields.whole("n", 1, _MOST_CHOICES) or 1
    if len(given) * choices > _MOST_ANSWERS:
        raise fields.wrong("n", f"at most {_MOST_ANSWERS} answers are given in all.", "integer_above_max_value")
    best = fields.whole("best_of", 1, _MOST_CHOICES)
    if best is not None and best != choices:
        raise fields.wrong("best_of", "is only taken where it is 'n'.", "unsupported_value")
    if fields.text("suffix"):
        raise fields.wrong("suffix", "is not taken.", "unsupported_parameter")
    echo = fields.flag("echo")
    if echo and (logprobs is not None or not all(isinstance(each, str) for each in given)):
        raise fields.wrong("echo", "is only taken with texts and without 'logprobs'.", "unsupported_value")
    stream_options = fields.nested("stream_options")
    if stream_options is not None and not streams:
        raise fields.wrong("stream_options", "is only taken with 'stream': true.", "invalid_value")
    counts = stream_options is not None and stream_options.flag("include_usage")
    return CompletionRequest(model, given, form(fields), chosen, choices, streams, counts, echo, logprobs)


def completions(desk: Desk) -> Callable[[Request], Awaitable[ASGIApp]]:
    """The route."""

    async def answer(request: Request) -> ASGIApp:
        entry = desk.entry(request)
        asked = read(await desk.body(request))
        model = await desk.model(asked.model)
        check_writes(model)

        async def pieces() -> AsyncGenerator[bytes, None]:
            async with desk.loan(entry, model, "text") as loan, aclosing(answers_to(loan, asked.all())) as found:
                if not asked.streams:
                    yield await _whole(found, asked, model.name)
                    return
                async for piece in _streamed(found, asked, model.name):
                    yield piece

        return Reply(desk, request, pieces(), EVENTS if asked.streams else JSON)

    return answer


def _usage(figures: list[Figures], asked: CompletionRequest) -> dict[str, Any]:
    """Each prompt counts once, however many choices there are of it."""
    found = usage(figures)
    prompt = sum(figures[at].prompt for at in range(0, len(figures), asked.choices))
    found["prompt_tokens_details"]["cached_tokens"] = sum(
        figures[at].cached for at in range(0, len(figures), asked.choices)
    )
    return {**found, "prompt_tokens": prompt, "total_tokens": prompt + found["completion_tokens"]}


async def _whole(found: Found, asked: CompletionRequest, model: str) -> bytes:
    choices = [Choice() for _ in asked.all()]
    async for number, steps in found:
        for step in steps:
            choices[number].take(step)
    written = [
        {
            "text": asked.echoed(number) + choice.text,
            "index": number,
            "logprobs": _logprobs(choice.steps, asked, 0),
            "finish_reason": choice.finish or "stop",
        }
        for number, choice in enumerate(choices)
    ]
    counted = _usage([choice.figures for choice in choices], asked)
    start = head("text_completion", new_id("cmpl"), model)
    return _encode({**start, "choices": written, "usage": counted, "system_fingerprint": FINGERPRINT})


async def _streamed(found: Found, asked: CompletionRequest, model: str) -> AsyncIterator[bytes]:
    start = {**head("text_completion", new_id("cmpl"), model), "system_fingerprint": FINGERPRINT}
    figures = [Figures() for _ in asked.all()]
    lengths: dict[int, int] = {}

    def chunk(number: int, step: Step) -> bytes:
        text = step.text
        if number not in lengths:
            lengths[number] = 0
            text = asked.echoed(number) + text
        said = _logprobs([step], asked, lengths[number])
        lengths[number] += len(text)
        choice = {"text": text, "index": number, "logprobs": said, "finish_reason": step.finish or None}
        counted = {"usage": None} if asked.counts else {}
        return b"data: " + _encode({**start, "choices": [choice], **counted}) + b"\n\n"

    async for number, steps in found:
        for step in steps:
            figures[number] = step.figures or figures[number]
        if steps:
            yield b"".join([chunk(number, step) for step in steps])
    last = b""
    if asked.counts:
        last = b"data: " + _encode({**start, "choices": [], "usage": _usage(figures, asked)}) + b"\n\n"
    yield last + DONE


def _logprobs(steps: list[Step], asked: CompletionRequest, offset: int) -> dict[str, Any] | None:
    """The older shape: lists beside one another. ``offset`` is where the first token begins in the text."""
    if asked.logprobs is None:
        return None
    entries = [entry for step in steps for entry in step.logprobs]
    offsets = []
    for entry in entries:
        offsets.append(offset)
        offset += len(entry.get("token", ""))
    return {
        "tokens": [entry.get("token", "") for entry in entries],
        "token_logprobs": [_bounded(entry) for entry in entries],
        "top_logprobs": [
            {each.get("token", ""): _bounded(each) for each in entry.get("top_logprobs", ())[: asked.logprobs]}
            for entry in entries
        ],
        "text_offset": offsets,
    }


def _bounded(entry: dict[str, Any]) -> float:
    return max(float(entry.get("logprob", LEAST_LOGPROB)), LEAST_LOGPROB)
