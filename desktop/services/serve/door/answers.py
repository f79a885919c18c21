"""An answer of the engine in steps that every dialect makes its own of: text, reasoning, calls of tools, figures.

llama.cpp's server takes an answer apart by what it knows of the template, and where a model does not write in that form
every word is lost ("does not match the expected"). So a conversation is rendered by the server and answered as plain
text, which is taken apart here, as in Heft's own chat. Only where tools or a form are asked for, whose grammar comes
out of the template, does the server take it apart; what it then cannot read is asked for again as plain text.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from desktop.engine.endpoint.http import EndpointError
from desktop.engine.endpoint.reasoning import CONTROL_NAMES, PLAIN_FORM
from desktop.engine.server.raw_text import Raw, RawText
from desktop.services.serve.door.chunks import Chunk, read
from desktop.services.serve.door.desk import Loan
from desktop.services.serve.door.limits import bounded, check_forms
from desktop.services.serve.door.metering import Figures, Meter
from desktop.services.serve.door.pictures import with_pictures

_OFF_FORM = "does not match the expected"  # common/chat.cpp
_STOPPED = "stopped"  # control.cpp's word: somebody stopped an answer of this server, and it was not this one
_ATTEMPTS = 3
_CHATML_STOP = "<|im_end|>"
_RENDER_SECONDS = 60.0
_GATHER_SECONDS = 1 / 30  # what is read as it comes needs no more
_GATHER_SECONDS_WHOLE = 1 / 8
_GATHERED_PART = 0.1


@dataclass(frozen=True)
class Asked:
    """What a dialect asks. ``conversation`` are the fields of a chat as llama.cpp's server knows them (``messages``,
    ``tools``, ``chat_template_kwargs`` ...), ``options`` how tokens are chosen (its names: ``temperature``,
    ``n_predict`` ...). ``formed``: the server has to take the answer apart. ``streams``: steps are sent on at once.
    ``prompt`` instead of a conversation is continued as it is: a text, or tokens. ``rendered`` is the conversation's,
    where it is known already. ``pictures`` are those of the conversation once they are read, in base64.
    """

    conversation: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    formed: bool = False
    streams: bool = False
    prompt: str | list[int] | None = None
    rendered: str | None = None
    pictures: tuple[str, ...] = ()


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
    """The steps of one answer, as many at a time as have come. Raises what :meth:`Upstream.events` does, and DoorError
    for what would cost others too much.
    """
    check_forms({**asked.conversation, **asked.options})
    asked = await with_pictures(loan, asked)
    asked = replace(asked, options=bounded(asked.options, loan.lease.loaded.context_length))
    said = False
    for attempt in range(_ATTEMPTS):
        source = _formed(loan, asked) if asked.formed and asked.prompt is None else _plain(loan, asked)
        try:
            async with aclosing(source):
                async for found in source:
                    said = said or any(step.says for step in found)
                    yield found
            return
        except EndpointError as error:
            if said or error.message != _STOPPED or attempt + 1 == _ATTEMPTS:
                raise


async def _formed(loan: Loan, asked: Asked) -> Steps:
    """Taken apart by the server; as plain text where it cannot and nothing has been sent on yet."""
    held: list[Step] = []
    said = False
    meter = Meter(loan.tally)
    body = {**asked.conversation, **asked.options, **_ALWAYS, **_COUNTED}
    try:
        async with aclosing(_chunks(loan, asked, "/v1/chat/completions", body)) as source:
            async for chunks in source:
                found = _steps(chunks, meter)
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
    async with aclosing(_plain(loan, asked)) as plain:
        async for found in plain:
            yield found


async def rendered(loan: Loan, asked: Asked) -> str:
    """The prompt of a conversation, as the server makes it."""
    found = await loan.upstream.json("/apply-template", asked.conversation, seconds=_RENDER_SECONDS)
    return str(found.get("prompt", ""))


async def _plain(loan: Loan, asked: Asked) -> Steps:
    """Taken apart here."""
    body: dict[str, Any] = {**asked.options, **_ALWAYS}
    raw: RawText | None = None
    if asked.prompt is None:
        prompt = asked.rendered if asked.rendered is not None else await rendered(loan, asked)
        raw = RawText(Raw(CONTROL_NAMES, PLAIN_FORM, begun=PLAIN_FORM.opened_by(prompt)))
        seen = {"prompt_string": prompt, "multimodal_data": list(asked.pictures)}
        body |= {"prompt": seen if asked.pictures else prompt, "preserved_tokens": CONTROL_NAMES}
        if loan.lease.loaded.template != "model":
            body["stop"] = [*body.get("stop", ()), _CHATML_STOP]
        body |= {name: asked.conversation[name] for name in ("json_schema", "grammar") if name in asked.conversation}
    else:
        body["prompt"] = asked.prompt
    meter = Meter(loan.tally)
    async with aclosing(_chunks(loan, asked, "/completion", body)) as source:
        async for chunks in source:
            if raw is not None:
                _take_apart(raw, chunks)
            found = _steps(chunks, meter)
            if found:
                yield found


def _take_apart(raw: RawText, chunks: list[Chunk]) -> None:
    """Reasoning out of the text; at the end also what was held back."""
    for chunk in chunks:
        chunk.reasoning, chunk.text = raw.take(chunk.text, ended=chunk.finish == "stop" and not chunk.stop_word)
        if chunk.finish:
            reasoning, text = raw.finish()
            chunk.reasoning, chunk.text = chunk.reasoning + reasoning, chunk.text + text


_ALWAYS = {"stream": True, "cache_prompt": True, "return_progress": True}
_COUNTED = {"timings_per_token": True, "stream_options": {"include_usage": True}}


class _Pace:
    """How long an answer's tokens are left to gather: the first comes at once, the last soon after it was written.

    Several answers at a time share the computer, and nobody reads all of them: each is looked at less often.
    """

    def __init__(self, asked: Asked, answering: Callable[[], int]) -> None:
        self._streams, self._answering = asked.streams, answering
        self._tokens = int(asked.options.get("n_predict") or -1)
        self._first = 0.0
        self._ended = False

    def take(self, chunks: Sequence[Chunk]) -> None:
        """What came."""
        if not self._first and any(chunk.says for chunk in chunks):
            self._first = time.monotonic()
        self._ended = any(chunk.finish or chunk.last or 0 < self._tokens <= chunk.generated_tokens for chunk in chunks)

    def seconds(self) -> float:
        """Until the next look."""
        if not self._first or self._ended:
            return 0.0
        each = _GATHER_SECONDS * max(1.0, self._answering() / 2)
        most = min(each, _GATHER_SECONDS_WHOLE) if self._streams else _GATHER_SECONDS_WHOLE
        return min(most, (time.monotonic() - self._first) * _GATHERED_PART)


async def _chunks(loan: Loan, asked: Asked, path: str, body: dict[str, Any]) -> AsyncGenerator[list[Chunk], None]:
    """What was said before an error that came with it is given first."""
    pace = _Pace(asked, loan.answering)
    async with aclosing(loan.upstream.events(path, body, pace.seconds)) as events:
        async for found in events:
            chunks: list[Chunk] = []
            try:
                for event in found:
                    chunks.append(read(event))
            except EndpointError:
                yield chunks
                raise
            pace.take(chunks)
            yield chunks


def _steps(chunks: list[Chunk], meter: Meter) -> list[Step]:
    """What chunks add; those that have nothing for a client are only counted."""
    found = []
    for chunk in chunks:
        meter.take(chunk)
        step = Step(chunk.text, chunk.reasoning, chunk.tool_calls, chunk.logprobs, chunk.finish, chunk.stop_word)
        if chunk.last:
            step.figures = meter.figures
        if step.says or step.logprobs or chunk.last:
            found.append(step)
    meter.tell(chunks)
    return found
