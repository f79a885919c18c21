"""A stream that is silent for long says that it is still there, and ends with what it is made of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from desktop.services.serve.door.asking import kept_alive
from desktop.services.serve.door.failures import DoorError
from desktop.services.serve.door.gathered import Piece

WORD = [Piece(text="Hello")]


def test_silence_is_told_and_words_come_through() -> None:
    async def run() -> list[list[Piece] | None]:
        go_on, closed = asyncio.Event(), asyncio.Event()

        async def source() -> AsyncGenerator[list[Piece], None]:
            try:
                await go_on.wait()
                yield WORD
            finally:
                closed.set()

        found: list[list[Piece] | None] = []
        async for item in kept_alive(source(), 0.01):
            found.append(item)
            if len(found) == 2:
                go_on.set()
        assert closed.is_set()
        return found

    found = asyncio.run(run())
    assert found[:2] == [None, None]
    assert found[-1] == WORD


def test_what_fails_is_raised() -> None:
    async def source() -> AsyncGenerator[list[Piece], None]:
        yield WORD
        raise DoorError(503, "No room.")

    async def run() -> None:
        async for item in kept_alive(source()):
            assert item == WORD

    with pytest.raises(DoorError, match="No room"):
        asyncio.run(run())


def test_whoever_leaves_ends_it() -> None:
    async def run() -> bool:
        closed = asyncio.Event()

        async def source() -> AsyncGenerator[list[Piece], None]:
            try:
                while True:
                    yield WORD
            finally:
                closed.set()

        stream = kept_alive(source())
        assert await anext(stream) == WORD
        await stream.aclose()
        return closed.is_set()

    assert asyncio.run(run())
