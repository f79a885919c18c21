"""What the routes of translated dialects have in common: a model by name, asked on a loan, its answer as it grows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from desktop.services.serve.api import ServedModel
from desktop.services.serve.door.answers import Asked, steps
from desktop.services.serve.door.conversation import Conversation
from desktop.services.serve.door.desk import Desk, Loan
from desktop.services.serve.door.failures import bad_field
from desktop.services.serve.door.gathered import Answer, Piece
from desktop.services.serve.door.model_facts import FactsReader
from desktop.services.serve.door.pictures import with_pictures
from desktop.services.serve.door.requests import Entry
from desktop.services.serve.door.written import check_writes

SILENCE = 15.0  # seconds


@dataclass(frozen=True)
class Clerk:
    """A desk, and what files say of their models."""

    desk: Desk
    facts: FactsReader

    async def writer(self, name: str) -> ServedModel:
        """The model of this name, which has to write text. Raises DoorError."""
        model = await self.desk.model(name)
        check_writes(model)
        return model

    async def asked(
        self, model: ServedModel, talk: Conversation | str, options: dict[str, Any], *, streams: bool
    ) -> Asked:
        """A conversation, or a text to go on with, as this model is asked. Raises DoorError where it has to call a tool
        and cannot.
        """
        if isinstance(talk, str):
            return Asked(options=options, streams=streams, prompt=talk)
        facts = await self.desk.in_thread(self.facts.of, model)
        if talk.tools and talk.choice == "required" and facts.template and not facts.tools:
            words = f"'tool_choice': the chat template of '{model.name}' knows no tools."
            raise bad_field("tool_choice", words, "unsupported_value")
        return talk.asked(options, facts.thinking, streams=streams)


async def pieces(loan: Loan, asked: Asked, answer: Answer) -> AsyncGenerator[list[Piece], None]:
    """What comes, as much at a time as has come; ``answer`` grows with it. Raises what :func:`steps` does."""
    async with aclosing(steps(loan, asked)) as source:
        async for found in source:
            yield [answer.take(step) for step in found]


async def lent_pieces(
    clerk: Clerk, entry: Entry, model: ServedModel, asked: Asked, answer: Answer
) -> AsyncGenerator[list[Piece], None]:
    """The same of a model that is loaded for it. Raises DoorError."""
    async with clerk.desk.loan(entry, model, "text") as loan, aclosing(pieces(loan, asked, answer)) as source:
        async for found in source:
            yield found


async def kept_alive(
    source: AsyncGenerator[list[Piece], None], seconds: float = 0.0
) -> AsyncGenerator[list[Piece] | None, None]:
    """What ``source`` gives, and None each time when nothing has come for so long (0: SILENCE).

    A model that is loaded, and a long prompt that is read, may take minutes; clients and what is between give up on a
    stream that is silent (300 seconds with Node.js and codex).
    """
    queue: asyncio.Queue[list[Piece] | Exception | None] = asyncio.Queue(1)

    async def pump() -> None:
        try:
            async with aclosing(source):
                async for found in source:
                    await queue.put(found)
        except Exception as error:  # noqa: BLE001  # whoever reads the queue raises it
            await queue.put(error)
        else:
            await queue.put(None)

    task = asyncio.create_task(pump())
    try:
        while True:
            try:
                item = await asyncio.wait_for(queue.get(), seconds or SILENCE)
            except TimeoutError:
                yield None
                continue
            if item is None:
                return
            if isinstance(item, Exception):
                raise item
            yield item
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def whole(loan: Loan, asked: Asked) -> Answer:
    """The answer once it is all there."""
    answer = Answer()
    async with aclosing(pieces(loan, asked, answer)) as source:
        async for _ in source:
            pass
    return answer


async def count_tokens(loan: Loan, asked: Asked) -> int:
    """Tokens of the prompt that a conversation becomes."""
    asked = await with_pictures(loan, asked)
    counted = await loan.upstream.json("/v1/chat/completions/input_tokens", asked.conversation, seconds=60.0)
    return int(counted["input_tokens"])
