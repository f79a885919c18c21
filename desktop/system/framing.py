"""Messages on a pipe: MessagePack behind its length in four bytes, little-endian."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO, TypeVar

import msgspec

from desktop.core.words import tr
from desktop.system.packing import pack, unpack

Message = TypeVar("Message")

MAX_BYTES = 64 * 1024 * 1024  # far above any usual message; a larger length means a corrupt pipe
_LENGTH = struct.Struct("<I")


class PipeClosedError(EOFError):
    """The other side of the pipe is gone."""


def write_message(stream: IO[bytes], message: msgspec.Struct) -> None:
    """Send one message; raises OSError when the other side is gone."""
    body = pack(message)
    stream.write(_LENGTH.pack(len(body)) + body)
    stream.flush()


def read_message(stream: IO[bytes], decoder: msgspec.msgpack.Decoder[Message], most_bytes: int = MAX_BYTES) -> Message:
    """The next message; raises PipeClosedError at the end, msgspec.DecodeError on anything that is not one."""
    (length,) = _LENGTH.unpack(_read_exactly(stream, _LENGTH.size))
    if length > most_bytes:
        raise msgspec.DecodeError(
            tr("frame of {length} bytes exceeds {most_bytes}", length=length, most_bytes=most_bytes)
        )
    return unpack(decoder, _read_exactly(stream, length))


def messages(
    stream: IO[bytes], decoder: msgspec.msgpack.Decoder[Message], most_bytes: int = MAX_BYTES
) -> Iterator[Message]:
    """All messages until the other side is gone, or sends what is none."""
    while True:
        try:
            message = read_message(stream, decoder, most_bytes)
        except (PipeClosedError, msgspec.DecodeError, OSError, ValueError):
            return
        yield message


def _read_exactly(stream: IO[bytes], count: int) -> bytes:
    chunks = bytearray()
    while len(chunks) < count:
        chunk = stream.read(count - len(chunks))
        if not chunk:
            raise PipeClosedError(tr("pipe closed after {chunks} of {count} bytes", chunks=len(chunks), count=count))
        chunks += chunk
    return bytes(chunks)
