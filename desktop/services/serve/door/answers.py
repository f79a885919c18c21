"""An answer of the engine in steps that every dialect makes its own of: text, reasoning, calls of tools, figures.

llama.cpp's server takes an answer apart by what it knows of the template, and where a model does not write in that form
every word is lost ("does not match the expected"). So a conversation is rendered by the server and answered as plain
text, which is taken apart here, as in Heft's own chat. Only where tools or a form are asked for, whose grammar comes
out of the template, does the server take it apart; what it then cannot read is asked for again as plain text.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from desktop.engine.endpoint.http import EndpointError
from desktop.engine.endpoint.reasoning import CONTROL_NAMES, PLAIN_FORM
from desktop.engine.server.raw_text import Raw, RawText
from desktop.services.serve.door.chunks import Chunk, read
from desktop.services.serve.door.desk import Loan

_OFF_FORM = "does not match the expected"  # common/chat.cpp
_CHATML_STOP = "<|im_end|>"
_RENDER_SECONDS = 60.0


@dataclass(frozen=True)
class Asked:
    """What a dialect asks. ``conversation`` are the fields of a chat as llama.cpp's server knows them (``messages``,
    ``tools``, ``chat_template_kwargs`` ...), ``options`` how tokens are chosen (its names: ``temperature``,
    ``n_predict`` ...). ``formed``: the server has to take the answer apart. ``streams``: steps are sent on at once.
    ``prompt`` instead of a conversation is continued as it is: a text, or tokens.
    """

    conversation: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    formed: bool = False
    streams: bool = False
    prompt: str | list[int] | None = None


@dataclass(slots=True)
class Figures:
    """Tokens of the prompt (``cached``: not read again) and of the answer (``reasoning``: of its thinking)."""

    prompt: int = 0
    cached: int = 0
    generated: int = 0
    reasoning: int = 0
    tokens_per_second: float = 0.0


@dataclass(slots=True)
class Step:
    """What is new. ``tool_calls`` and ``logprobs`` have OpenAI's shape (deltas of a stream; content's entries).

    ``finish`` is "stop", "length" or "tool_calls" in the last step, ``stop_word`` the stop string that ended it, and
    ``figures`` are there.
    """

    text: str = ""
    reasoning: str = ""
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    logprobs: list[dict[str, Any]] = field(default_factory=list)
    finish: str = ""
    stop_word: str = ""
    figures: Figures | None = None

    @property
    def says(self) -> bool:
        """Whether it has anything that was written."""
        return bool(self.text or self.reasoning or self.tool_calls)


Steps = AsyncGenerator[list[Step], None]


async def steps(loan: Loan, asked: Asked) -> Steps:
    """The steps of one answer, as many at a time as have come. Raises what :meth:`Upstream.events` does."""
    noted = _Noted(loan)
    source = _formed(loan, asked) if asked.formed and asked.prompt is None else _plain(loan, asked)
    async with aclosing(source):
        async for found in source:
            noted.take(found)
            yield found


async def _formed(loan: Loan, asked: Asked) -> Steps:
    """Taken apart by the server; as plain text where it cannot and nothing has been sent on yet."""
    held: list[Step] = []
    said = False
    meter = _Meter()
    body = {**asked.conversation, **asked.options, **_ALWAYS, **_COUNTED}
    try:
        async for chunks in _chunks(loan, "/v1/chat/completions", body):
            found = [step for chunk in chunks if (step := _step(chunk, meter)) is not None]
            if asked.streams and found:
                said = said or any(step.says for step in found)
                yield found
            held += found
        if not asked.streams:
            yield held
        return
    except EndpointError as error:
        if _OFF_FORM not in error.message:
            raise
    if said:
        yield [Step(finish="stop", figures=meter.figures)]
        return
    async for found in _plain(loan, asked):
        yield found


async def _plain(loan: Loan, asked: Asked) -> Steps:
    """Taken apart here."""
    body: dict[str, Any] = {**asked.options, **_ALWAYS}
    raw: RawText | None = None
    if asked.prompt is None:
        rendered = await loan.upstream.json("/apply-template", asked.conversation, seconds=_RENDER_SECONDS)
        prompt = str(rendered.get("prompt", ""))
        raw = RawText(Raw(CONTROL_NAMES, PLAIN_FORM, begun=PLAIN_FORM.opened_by(prompt)))
        body |= {"prompt": prompt, "preserved_tokens": CONTROL_NAMES}
        if loan.lease.loaded.template != "model":
            body["stop"] = [*body.get("stop", ()), _CHATML_STOP]
        body |= {name: asked.conversation[name] for name in ("json_schema", "grammar") if name in asked.conversation}
    else:
        body["prompt"] = asked.prompt
    meter = _Meter()
    async for chunks in _chunks(loan, "/completion", body):
        found = []
        for chunk in chunks:
            if raw is not None:
                chunk.reasoning, chunk.text = raw.take(chunk.text, ended=chunk.finish == "stop" and not chunk.stop_word)
                if chunk.finish:
                    reasoning, text = raw.finish()
                    chunk.reasoning, chunk.text = chunk.reasoning + reasoning, chunk.text + text
            step = _step(chunk, meter)
            if step is not None:
                found.append(step)
        if found:
            yield found


_ALWAYS = {"stream": True, "cache_prompt": True, "return_progress": True}
_COUNTED = {"timings_per_token": True, "stream_options": {"include_usage": True}}


async def _chunks(loan: Loan, path: str, body: dict[str, Any]) -> AsyncIterator[list[Chunk]]:
    async with aclosing(loan.upstream.events(path, body)) as events:
        async for found in events:
            yield [read(event) for event in found]


class _Meter:
    """The figures of one answer, from what its chunks say."""

    def __init__(self) -> None:
        self.figures = Figures()
        self._finish = ""

    def take(self, chunk: Chunk) -> None:
        """Count, and hold back how it ended until all figures are there."""
        self._finish = chunk.finish or self._finish
        chunk.finish = self._finish if chunk.last else ""
        figures = self.figures
        figures.prompt = chunk.prompt_tokens or figures.prompt
        figures.cached = max(chunk.cached_tokens, figures.cached)
        figures.generated = max(chunk.generated_tokens, figures.generated)
        if chunk.reasoning and not chunk.text:
            figures.reasoning = figures.generated
        figures.tokens_per_second = chunk.tokens_per_second or figures.tokens_per_second


def _step(chunk: Chunk, meter: _Meter) -> Step | None:
    """What a chunk adds; None where it has nothing that counts."""
    meter.take(chunk)
    step = Step(chunk.text, chunk.reasoning, chunk.tool_calls, chunk.logprobs, chunk.finish, chunk.stop_word)
    if chunk.last:
        step.figures = meter.figures
    return step if step.says or step.finish or step.logprobs or step.figures is not None else None


class _Noted:
    """Keeps a request's record."""

    def __init__(self, loan: Loan) -> None:
        self._entry = loan.entry
        self._first = False
        self._tokens = 0

    def take(self, found: list[Step]) -> None:
        self._tokens += len(found)
        if not self._first and any(step.says for step in found):
            self._first = True
            self._entry.update(state="answering", seconds_to_first_token=self._entry.seconds, generated_tokens=1)
        for step in found:
            if step.figures is not None:
                figures = step.figures
                self._entry.update(
                    prompt_tokens=figures.prompt,
                    cached_tokens=figures.cached,
                    generated_tokens=figures.generated,
                    tokens_per_second=figures.tokens_per_second,
                )
                return
        self._entry.progress(generated_tokens=self._tokens)
