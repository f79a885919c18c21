"""Messages whose strings are no Unicode."""

from __future__ import annotations

import msgspec
import pytest

from desktop.engine.api import ChatMessage, Event, Generate, Load, Request, Sampling, Text
from desktop.system.packing import pack, unpack

REQUESTS: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
EVENTS: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event)


@pytest.mark.parametrize("text", ["plain", "mod\udcff", "\0dcff\0", "\0dcff \udcff \ud83d \0", "\U0001f600\udc80"])
def test_they_arrive_as_they_were(text: str) -> None:
    load = Load(text, 4096, "q8_0")
    assert unpack(REQUESTS, pack(load)) == load
    question = Generate(1, (ChatMessage("user", text),), sampling=Sampling(stop=(text, "x")))
    assert unpack(REQUESTS, msgspec.Raw(pack(question))) == question
    piece = Text(1, text, 1, 2, 0.5)
    assert unpack(EVENTS, pack(piece)) == piece


@pytest.mark.parametrize("body", [b"", b"\x91", b"\x91\x01", b"\x91\x81\xa4type\xa1x", b"\x92\x01\x02", b"\xff"])
def test_anything_else_is_refused(body: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        unpack(REQUESTS, body)
