"""PNG files made by hand, without Qt: of one colour, and hostile ones."""

from __future__ import annotations

import struct
import zlib


def plain_png(width: int, height: int, colour: tuple[int, int, int] = (192, 48, 48)) -> bytes:
    """A picture of one colour."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    rows = (b"\0" + bytes(colour) * width) * height
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def chunk(name: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def promised_png(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that promises so many pixels."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(4_000_000))) + chunk(b"IEND", b"")
