"""Several answers to one question, side by side: the engine computes as many at a time as it has slots for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

from desktop.services.serve.door.answers import Asked, Step, Steps, rendered, steps
from desktop.services.serve.door.desk import Loan
from desktop.services.serve.door.pictures import with_pictures

_AT_A_TIME = 4  # each takes one of the engine's threads for HTTP while it runs
Found = AsyncGenerator[tuple[int, list[Step]], None]


async def answers(loan: Loan, asked: Asked, choices: int) -> Found:
    """The steps of each choice with its number. With a seed, each choice has one of its own."""
    asked = await with_pictures(loan, asked)
    if choices > 1 and not asked.formed:
        asked = replace(asked, rendered=await rendered(loan, asked))
    async with aclosing(answers_to(loan, [_seeded(asked, number) for number in range(choices)])) as together:
        async for number, found in together:
            yield number, found


async def answers_to(loan: Loan, asked: list[Asked]) -> Found:
    """The steps of each answer with the number of its question."""
    sources = [steps(loan, each) for each in asked]
    if len(sources) > 1:
        async with aclosing(merged(sources)) as together:
            async for number, found in together:
                yield number, found
        return
    async with aclosing(sources[0]) as alone:
        async for found in alone:
            yield 0, found


def _seeded(asked: Asked, number: int) -> Asked:
    seed = asked.options.get("seed")
    return asked if seed is None else replace(asked, options={**asked.options, "seed": (seed + number) % 2**31})


async def merged(sources: list[Steps]) -> Found:
    """What they give, as it comes. What one raises ends all."""
    queue: asyncio.Queue[Callable[[], tuple[int, list[Step]] | None]] = asyncio.Queue(16)
    turns = asyncio.Semaphore(_AT_A_TIME)

    async def run(number: int, source: Steps) -> None:
        try:
            async with turns, aclosing(source):
                async for found in source:
                    await queue.put(lambda found=found: (number, found))  # type: ignore[misc]
        except Exception as error:  # noqa: BLE001  # whoever reads the queue raises it
            failure = error

            def fail() -> None:
                raise failure

            await queue.put(fail)
        else:
            await queue.put(lambda: None)

    tasks = [asyncio.create_task(run(number, source)) for number, source in enumerate(sources)]
    try:
        left = len(tasks)
        while left:
            item = (await queue.get())()
            if item is None:
                left -= 1
            else:
                yield item
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
